#include "ltest_world_private.h"

#include "config_hide.h"
#include "config_load.h"
#include "fd.h"
#include "larg.h"
#include "lerr.h"
#include "lheaders.h"
#include "mem.h"
#include "newfile.h"
#include "path.h"
#include "provider_list.h"
#include "run.h"
#include "task.h"
#include "url.h"

#include <errno.h>
#include <lauxlib.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MISS_CODE   "no_route"
#define STEERING    "/_sandbox/" /* how tests steer a sandbox */
#define SAVED_MODE  0600
#define SPILLED_MAX ((size_t)64 * 1024)
#define LOADED_MAX  ((size_t)1024 * 1024)
#define LEVELS_MAX  200
#define FIELDS_MAX  HTTP_HEADERS_MAX

static const char on_request; /* a registry key: its address */

/* Requests */

static bool is_open(const struct ltest_world *world, const struct url *url)
{
    for (size_t i = 0; i < world->nplaces; i++) {
        const struct open_place *place = &world->places[i];
        bool here =
            place->host == NULL ? url_is_loopback(url) : strcmp(place->host, url->host) == 0;
        if (here && place->port == url->port)
            return true;
    }
    return false;
}

/* native.open(url): requests to its host and port go out. native.shut(): none do. */
static int world_open(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    struct url url;
    struct err err;
    if (url_parse(luaL_checkstring(L, 1), &url, &err) != 0)
        return luaL_error(L, "%s", err.msg);
    bool room = world->nplaces < LTEST_PLACES_MAX;
    if (room && !is_open(world, &url))
        world->places[world->nplaces++] =
            (struct open_place){url_is_loopback(&url) ? NULL : mem_strdup(url.host), url.port};
    url_destroy(&url);
    return room ? 0 : luaL_error(L, "too many places");
}

static void shut(struct ltest_world *world)
{
    while (world->nplaces > 0)
        mem_free(world->places[--world->nplaces].host);
}

static int world_shut(lua_State *L)
{
    shut(ltest_world_of(L));
    return 0;
}

static void forget(struct ltest_request *request)
{
    struct ltest_request **at = &request->world->first;
    while (*at != request)
        at = &(*at)->next;
    *at = request->next;
    loop_timer_stop(request->world->engine->loop, &request->timer);
    http_request_free(request->http);
    http_response_clear(&request->result.response);
    mem_free(request);
}

static void note(struct ltest_request *request)
{
    struct ltest_world *world = request->world;
    const struct http_result *result = &request->result;
    if (strstr(request->label, STEERING) != NULL)
        return;
    char *line = world->recent[world->nrecent++ % LTEST_RECENT];
    if (result->err.kind != ERR_NONE)
        err_text(line, LTEST_LABEL_MAX, "%s → %s", request->label, result->err.msg);
    else
        err_text(line, LTEST_LABEL_MAX, "%s → %d", request->label, result->response.status);
}

/* From the loop. */
static void deliver(void *arg)
{
    struct ltest_request *request = arg;
    http_done_fn *done = request->done;
    void *done_arg = request->arg;
    struct http_result result = request->result;
    note(request);
    request->result = (struct http_result){.sent = false};
    forget(request);
    done(done_arg, &result);
    http_response_clear(&result.response);
}

static void real_done(void *arg, struct http_result *result)
{
    struct ltest_request *request = arg;
    request->result = *result;
    *result = (struct http_result){.sent = false};
    deliver(request);
}

static int push_body(lua_State *L, const struct http_request *http)
{
    struct buf body;
    struct err err;
    if (http->body_path == NULL) {
        lua_pushlstring(L, http->body != NULL ? http->body : "", http->body_len);
        return 1;
    }
    buf_create(&body, HTTP_BODY_MAX);
    int fd = path_open(http->body_path, NULL, &err);
    if (fd >= 0) {
        buf_read_fd(&body, fd);
        close(fd);
    }
    lua_pushlstring(L, body.data, body.len);
    buf_destroy(&body);
    return 1;
}

static void push_parts(lua_State *L, const struct http_request *http)
{
    lua_createtable(L, (int)http->nparts, 0);
    for (size_t i = 0; i < http->nparts; i++) {
        const struct http_part *part = &http->parts[i];
        lua_createtable(L, 0, 5); /* parts part */
        lua_pushstring(L, part->name);
        lua_setfield(L, -2, "name");
        if (part->path == NULL)
            lua_pushlstring(L, part->value, part->value_len);
        else
            push_body(L, &(struct http_request){.body_path = part->path});
        lua_setfield(L, -2, "value");
        lua_pushstring(L, part->filename != NULL ? part->filename : part->path);
        lua_setfield(L, -2, "filename");
        lua_pushstring(L, part->content_type);
        lua_setfield(L, -2, "content_type");
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
}

static int64_t timeout_of(const struct http_request *http)
{
    return http->timeout_ms > 0 ? http->timeout_ms : HTTP_TIMEOUT_MS;
}

/* {id, method, url, headers, body, parts} */
static void push_request(lua_State *L, const struct ltest_request *request)
{
    const struct http_request *http = request->http;
    lua_createtable(L, 0, 8);
    lua_pushinteger(L, request->id);
    lua_setfield(L, -2, "id");
    lua_pushstring(L, http->method);
    lua_setfield(L, -2, "method");
    lua_pushstring(L, http->url);
    lua_setfield(L, -2, "url");
    lheaders_push(L, http->headers, http->nheaders);
    lua_setfield(L, -2, "headers");
    push_body(L, http);
    lua_setfield(L, -2, "body");
    if (http->nparts > 0) {
        push_parts(L, http);
        lua_setfield(L, -2, "parts");
    }
}

static void fail(struct ltest_request *request, enum err_kind kind, const char *message)
{
    struct err *err = &request->result.err;
    err_set(err, kind, "%s", message);
    err_text(err->request, sizeof err->request, "%.*s", (int)strcspn(request->label, "?"),
             request->label);
    err->retryable = kind == ERR_NETWORK;
}

/* The tests answer too late: as the real transport says it. */
static void late(void *arg)
{
    struct ltest_request *request = arg;
    char message[LTEST_LABEL_MAX];
    err_text(message, sizeof message, "timed out after %g s",
             (double)timeout_of(request->http) / LTEST_SECOND_MS);
    request->told = false;
    request->result.sent = true;
    fail(request, ERR_NETWORK, message);
    deliver(request);
}

/* From the loop, so that no task runs. */
static void tell(void *arg)
{
    struct ltest_request *request = arg;
    if (request->world->L == NULL) {
        err_set(&request->result.err, ERR_NETWORK, "the tests have ended");
        deliver(request);
        return;
    }
    request->told = true;
    loop_timer_start(request->world->engine->loop, &request->timer, timeout_of(request->http), late,
                     request);
    request->telling = true;
    push_request(request->world->L, request);
    request->telling = false;
    if (!request->cancelled) {
        ltest_world_start(request->world, &on_request);
        return;
    }
    lua_pop(request->world->L, 1);
    forget(request);
}

static void *world_start(void *self, const struct http_request *http, http_done_fn *done, void *arg,
                         struct err *err)
{
    struct ltest_world *world = self;
    struct url url = {0};
    if (url_parse(http->url, &url, err) != 0)
        return NULL;
    struct ltest_request *request = mem_alloc(sizeof *request);
    *request = (struct ltest_request){
        .world = world, .next = world->first, .id = ++world->ids, .done = done, .arg = arg};
    char *shown = url_format(&url, true);
    err_text(request->label, sizeof request->label, "%s %s", http->method, shown);
    mem_free(shown);
    world->first = request;
    bool open = is_open(world, &url);
    url_destroy(&url);
    if (open) {
        request->real = transport_start(&world->real, http, real_done, request, err);
    } else {
        request->http = http_request_copy(http);
        request->http->place = NULL;
        loop_timer_start(world->engine->loop, &request->timer, 0, tell, request);
    }
    if (open && request->real == NULL) {
        forget(request);
        return NULL;
    }
    return request;
}

static void world_cancel(void *self, void *handle)
{
    (void)self;
    struct ltest_request *request = handle;
    transport_cancel(&request->world->real, request->real);
    request->cancelled = true;
    request->told = false;
    if (!request->telling)
        forget(request);
}

/* The request that argument 1 names, if it still waits for an answer. */
struct ltest_request *ltest_world_told(lua_State *L)
{
    lua_Integer id = luaL_checkinteger(L, 1);
    struct ltest_request *request = ltest_world_of(L)->first;
    while (request != NULL && request->id != id)
        request = request->next;
    return request != NULL && request->told ? request : NULL;
}

static void answer(struct ltest_request *request)
{
    request->told = false;
    loop_timer_stop(request->world->engine->loop, &request->timer);
    loop_timer_start(request->world->engine->loop, &request->timer, 0, deliver, request);
}

static void add_header(struct http_response *response, const char *name, const char *value)
{
    response->headers =
        mem_realloc(response->headers, (response->nheaders + 1) * sizeof *response->headers);
    response->headers[response->nheaders++] =
        (struct http_header){mem_strdup(name), mem_strdup(value)};
}

/* What depends on times in a reply counts from its own Date. */
static void add_date(struct ltest_request *request)
{
    char date[64];
    struct tm utc;
    time_t now = (time_t)(ltest_world_now_ms(request->world) / LTEST_SECOND_MS);
    if (http_response_header(&request->result.response, "Date") != NULL)
        return;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    add_header(&request->result.response, "Date", date);
}

static void save(struct ltest_request *request)
{
    struct http_response *response = &request->result.response;
    struct err *err = &request->result.err;
    const char *path = request->http->save_path;
    struct newfile file = {.open = false};
    if (path == NULL || err->kind != ERR_NONE || response->status < 200 || response->status >= 300)
        return;
    if (newfile_open(&file, path, err) == 0 &&
        fd_write(file.fd, response->body.data, response->body.len) != 0)
        err_set(err, ERR_INVALID, "%s", strerror(errno));
    if (err->kind == ERR_NONE && newfile_publish(&file, SAVED_MODE, 0, err) == 0)
        response->saved = true;
    newfile_close(&file);
    if (err->kind != ERR_NONE)
        err_wrap(err, "cannot save to '%s'", path);
    buf_clear(&response->body);
}

/* As the real transport does. */
static void check_size(struct ltest_request *request)
{
    size_t max = request->http->max_body;
    struct http_result *result = &request->result;
    if (max == 0 || result->response.body.len <= max)
        return;
    if (request->http->cut) {
        result->response.body.len = max;
        result->response.body.data[max] = '\0';
        return;
    }
    http_response_clear(&result->response);
    err_set(&result->err, ERR_NETWORK, "the reply is over %zu bytes", max);
}

/* native.answer(id, status, {name, value, …}, body) → whether anybody still waits for it */
static int world_answer(lua_State *L)
{
    lua_Integer status = luaL_checkinteger(L, 2);
    luaL_checktype(L, 3, LUA_TTABLE);
    size_t len;
    const char *body = luaL_checklstring(L, 4, &len);
    luaL_argcheck(L, status >= 100 && status <= 999, 2, "a status from 100 to 999 expected");
    luaL_argcheck(L, len <= HTTP_BODY_MAX, 4, "too long");
    lua_Integer count = luaL_len(L, 3);
    luaL_argcheck(L, count <= 2 * (lua_Integer)FIELDS_MAX, 3, "too many fields");
    luaL_checkstack(L, (int)count + LUA_MINSTACK, NULL);
    for (lua_Integer i = 1; i <= count; i++)
        if (lua_geti(L, 3, i) != LUA_TSTRING)
            return luaL_argerror(L, 3, "strings expected");
    struct ltest_request *request = ltest_world_told(L);
    if (request == NULL)
        return 0;
    struct http_response *response = &request->result.response;
    response->status = (int)status;
    for (lua_Integer i = 0; i + 1 < count; i += 2)
        add_header(response, lua_tostring(L, 5 + (int)i), lua_tostring(L, 6 + (int)i));
    buf_create_secret(&response->body, HTTP_BODY_MAX);
    if (strcmp(request->http->method, "HEAD") != 0)
        buf_append(&response->body, body, len);
    request->result.sent = true;
    add_date(request);
    check_size(request);
    save(request);
    answer(request);
    lua_pushboolean(L, 1);
    return 1;
}

/* native.refuse(id, message, sent|nil): the connection broke; sent nil: there is no route. */
static int world_refuse(lua_State *L)
{
    const char *message = luaL_checkstring(L, 2);
    struct ltest_request *request = ltest_world_told(L);
    if (request == NULL)
        return 0;
    struct http_result *result = &request->result;
    bool missed = lua_isnoneornil(L, 3);
    fail(request, missed ? ERR_INVALID : ERR_NETWORK, message);
    if (missed)
        strcpy(result->err.code, MISS_CODE);
    result->sent = lua_toboolean(L, 3);
    answer(request);
    lua_pushboolean(L, 1);
    return 1;
}

/* native.on_request(fn): fn(request) is called in a task, and answers or refuses it. */
static int world_on_request(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &on_request);
    return 0;
}

/* native.recent() → the last requests, the newest last; and forgets them */
static int world_recent(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    size_t first = world->nrecent > LTEST_RECENT ? world->nrecent - LTEST_RECENT : 0;
    lua_newtable(L);
    for (size_t i = first; i < world->nrecent; i++) {
        lua_pushstring(L, world->recent[i % LTEST_RECENT]);
        lua_seti(L, -2, (lua_Integer)(i - first) + 1);
    }
    world->nrecent = 0;
    return 1;
}

/* native.asked() → where the last request without a route was made, or nil; and forgets it */
static int world_asked(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    lua_pushstring(L, world->asked[0] != '\0' ? world->asked : NULL);
    world->asked[0] = '\0';
    return 1;
}

void ltest_world_failed(void *arg, lua_State *L, const struct err *err)
{
    struct ltest_world *world = arg;
    lua_Debug frame;
    if (strcmp(err->code, MISS_CODE) != 0)
        return;
    for (int level = 0; level < LEVELS_MAX && lua_getstack(L, level, &frame) != 0; level++) {
        lua_getinfo(L, "Sln", &frame);
        if (frame.currentline <= 0 || run_of(L)->owns(frame.short_src))
            continue;
        if (frame.name == NULL) /* of the main chunk, or of no name */
            err_text(world->asked, LTEST_ASKED_MAX, "%s:%d", frame.short_src, frame.currentline);
        else
            err_text(world->asked, LTEST_ASKED_MAX, "%s:%d in function '%s'", frame.short_src,
                     frame.currentline, frame.name);
        return;
    }
}

/* Randomness */

/* native.seed(text): what comes from now on follows from it. */
static int world_seed(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    crypto_generichash(world->seed, sizeof world->seed, (const unsigned char *)text, len, NULL, 0);
    world->drawn = 0;
    return 0;
}

void ltest_world_random(void *arg, void *bytes, size_t len)
{
    struct ltest_world *world = arg;
    unsigned char seed[randombytes_SEEDBYTES];
    uint64_t drawn = world->drawn++;
    crypto_generichash(seed, sizeof seed, world->seed, sizeof world->seed,
                       (const unsigned char *)&drawn, sizeof drawn);
    randombytes_buf_deterministic(bytes, len, seed);
}

/* The world */

int ltest_world_use(struct ltest_world *world, const char *path, struct err *err)
{
    struct engine *engine = world->engine;
    if ((engine->client != NULL && client_is_busy(engine->client)) ||
        (engine->tokens != NULL && tokens_is_busy(engine->tokens)))
        return err_set(err, ERR_CONFIG, "a call with a connector is still under way in this test");
    struct config *config = ltest_world_config(world, path, err);
    if (config == NULL)
        return -1;
    engine_forget_store(engine);
    engine->config = config;
    struct config **place = &world->configs[world->nconfigs++ % LTEST_CONFIGS_KEPT];
    config_free(*place); /* no call is left that may have been of it */
    *place = config;
    ltest_world_real_state(world, engine);
    engine->secrets_ms = 0; /* those in its files are not */
    return 0;
}

struct config *ltest_world_config(struct ltest_world *world, const char *path, struct err *err)
{
    const struct engine *engine = world->engine;
    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(path, provider_list, engine->config->presets, &problems);
    if (config == NULL)
        ltest_world_real_tell(&problems, err);
    problems_destroy(&problems);
    if (config != NULL && ltest_world_real_lend(world, config, err) != 0) {
        config_free(config);
        return NULL;
    }
    if (config != NULL)
        config_hide(config, engine->redact);
    return config;
}

struct ltest_world *ltest_world_new(struct engine *engine)
{
    struct ltest_world *world = mem_alloc(sizeof *world);
    *world = (struct ltest_world){.engine = engine, .kept = {-1, -1}};
    buf_create(&world->spilled, SPILLED_MAX);
    buf_create(&world->loaded, LOADED_MAX);
    world->real = engine->transport;
    world->fake = (struct transport){world_start, world_cancel, NULL, world};
    engine->transport = world->fake;
    ltest_world_clock_start(world);
    return world;
}

void ltest_world_close(struct ltest_world *world)
{
    world->L = NULL;
}

void ltest_world_free(struct ltest_world *world)
{
    if (world == NULL)
        return;
    while (world->first != NULL) {
        transport_cancel(&world->real, world->first->real);
        forget(world->first);
    }
    shut(world);
    for (size_t i = 0; i < LTEST_CONFIGS_KEPT; i++)
        config_free(world->configs[i]);
    ltest_world_real_free(world);
    buf_destroy(&world->spilled);
    buf_destroy(&world->loaded);
    mem_free(world);
}

void ltest_world_open(lua_State *L, struct ltest_world *world)
{
    static const luaL_Reg functions[] = {{"open", world_open},
                                         {"shut", world_shut},
                                         {"answer", world_answer},
                                         {"refuse", world_refuse},
                                         {"recent", world_recent},
                                         {"asked", world_asked},
                                         {"on_request", world_on_request},
                                         {"seed", world_seed},
                                         {NULL, NULL}};
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    world->L = lua_tothread(L, -1);
    lua_pop(L, 1);
    lua_pushlightuserdata(L, world);
    luaL_setfuncs(L, functions, 1);
    lua_pushlightuserdata(L, world);
    luaL_setfuncs(L, ltest_world_clock_functions, 1);
    lua_pushlightuserdata(L, world);
    luaL_setfuncs(L, ltest_world_real_functions, 1);
    lua_pushlightuserdata(L, world);
    luaL_setfuncs(L, ltest_guard_functions, 1);
    lua_pushlightuserdata(L, world);
    luaL_setfuncs(L, ltest_guard_test_functions, 1);
}

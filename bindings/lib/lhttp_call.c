#include "lhttp_call.h"

#include "client_url.h"
#include "egress.h"
#include "lerr.h"
#include "lheaders.h"
#include "lhttp_request.h"
#include "mem.h"
#include "task.h"
#include "visible.h"
#include "vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CALL_TYPE "jeton.http.call"
#define TICK_MS   500 /* the first look at how far a file has come, and */
#define FRAME_MS  100 /* each further one */

struct call {
    struct task_wait wait;
    struct lhttp_request request;
    struct vm *vm;
    const struct connector *connector;
    const struct transport *transport; /* of transfer */
    void *transfer;                    /* at most one of these three is under way */
    struct client_call *client;
    struct token_request *token;
    char *base; /* dry run: the endpoint of the connector */
    bool ended;
    struct http_meter meter; /* of a file */
    struct loop_timer tick;
    bool has_response;
    bool dry_run;
    struct http_response response; /* owned */
    struct err *err;               /* NULL: none. Large, and rare: not in what Lua collects */
};

static void keep_err(struct call *call, const struct err *err)
{
    call->err = mem_alloc(sizeof *call->err);
    *call->err = *err;
}

static void call_stop(struct call *call)
{
    loop_timer_stop(vm_engine(call->vm)->loop, &call->tick);
    transport_cancel(call->transport, call->transfer);
    if (call->client != NULL)
        client_cancel(call->client);
    if (call->token != NULL)
        token_cancel(call->token);
    call->transfer = NULL;
    call->client = NULL;
    call->token = NULL;
}

static void call_clear(struct call *call)
{
    lhttp_request_destroy(&call->request);
    http_response_clear(&call->response);
    mem_free(call->base);
    call->base = NULL;
    mem_free(call->err);
    call->err = NULL;
}

static void call_cancel(void *arg)
{
    struct call *call = arg;
    call_stop(call);
    call_clear(call);
}

static int call_gc(lua_State *L)
{
    call_cancel(luaL_checkudata(L, 1, CALL_TYPE));
    return 0;
}

void lhttp_call_setup(lua_State *L)
{
    luaL_newmetatable(L, CALL_TYPE);
    lua_pushcfunction(L, call_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

static void keep_response(struct call *call, struct http_response *response)
{
    call->has_response = true;
    call->response = *response;
    *response = (struct http_response){0};
}

static void http_done(void *arg, struct http_result *result)
{
    struct call *call = arg;
    call->transfer = NULL;
    call->ended = true;
    if (result->err.kind != ERR_NONE)
        keep_err(call, &result->err);
    else
        keep_response(call, &result->response);
    task_wake(&call->wait);
}

static void client_done(void *arg, struct http_response *response, const struct err *err)
{
    struct call *call = arg;
    call->client = NULL;
    call->ended = true;
    if (err != NULL)
        keep_err(call, err);
    if (response != NULL)
        keep_response(call, response);
    task_wake(&call->wait);
}

static void token_done(void *arg, const struct token *token, const struct err *err)
{
    struct call *call = arg;
    call->token = NULL;
    if (err != NULL)
        keep_err(call, err);
    else
        call->base = call->connector->lender == NULL ? mem_strdup(token->endpoint_url) : NULL;
    task_wake(&call->wait);
}

static void push_response(lua_State *L, const struct call *call)
{
    lua_createtable(L, 0, 4);
    lua_pushinteger(L, call->response.status);
    lua_setfield(L, -2, "status");
    lheaders_push(L, call->response.headers, call->response.nheaders);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, call->response.body.data, call->response.body.len);
    lua_setfield(L, -2, "body");
    if (call->response.saved) {
        lua_pushstring(L, call->request.http.save_path);
        lua_setfield(L, -2, "path");
    }
    if (call->dry_run) {
        lua_pushboolean(L, true);
        lua_setfield(L, -2, "dry_run");
    }
    if (call->request.lenient) {
        lua_pushboolean(L, true);
        lua_setfield(L, -2, "lenient");
    }
    luaL_setmetatable(L, LHTTP_RESPONSE);
}

static int push_result(lua_State *L, const struct call *call)
{
    if (call->err == NULL) {
        push_response(L, call);
        return 1;
    }
    if (call->err->status != 0)
        engine_know_secrets(vm_engine(call->vm));
    redact_err(vm_engine(call->vm)->redact, call->err);
    const struct vm_test *test = vm_options_of(call->vm)->test;
    if (test != NULL)
        test->failed(test->world, L, call->err);
    lua_pushnil(L);
    lerr_push(L, call->err);
    if (!call->has_response)
        return 2;
    push_response(L, call);
    return 3;
}

/* What the call holds is freed now: Lua collects it some day, as it knows nothing of the size. */
static int call_finish(lua_State *L, void *arg)
{
    struct call *call = arg;
    int results = push_result(L, call);
    call_clear(call);
    return results;
}

static int call_refuse(lua_State *L, struct call *call, struct err *err)
{
    call_clear(call);
    return lerr_return(L, err);
}

static bool is_read(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* A dry run prints the request instead of sending it, to standard output among what the script
 * prints, and safe to show. */
static void print_dry(struct call *call, const char *url)
{
    const struct http_request *http = &call->request.http;
    struct buf plain, masked, shown;
    buf_create_secret(&plain, HTTP_BODY_MAX + (size_t)4 * URL_MAX);
    buf_create(&masked, 2 * plain.limit);
    buf_create(&shown, VISIBLE_GROWTH * masked.limit);
    buf_printf(&plain, "%s %s\n", http->method, url);
    if (http->body_len > 0) {
        buf_append(&plain, http->body, http->body_len);
        buf_putc(&plain, '\n');
    }
    if (http->body_path != NULL)
        buf_printf(&plain, "<%s>\n", http->body_path);
    for (size_t i = 0; i < http->nparts; i++) {
        const struct http_part *part = &http->parts[i];
        buf_printf(&plain, "%s=", part->name);
        if (part->path != NULL)
            buf_printf(&plain, "<%s>\n", part->path);
        else
            buf_printf(&plain, "%.*s\n", (int)part->value_len, (const char *)part->value);
    }
    engine_know_secrets(vm_engine(call->vm));
    redact_text(vm_engine(call->vm)->redact, plain.data, plain.len, &masked);
    visible_append(&shown, masked.data, masked.len, VISIBLE_LINES);
    vm_held_back(call->vm);
    errno = 0;
    fwrite(shown.data, 1, shown.len, vm_output(call->vm));
    fflush(vm_output(call->vm));
    vm_output_look(call->vm);
    buf_destroy(&plain);
    buf_destroy(&masked);
    buf_destroy(&shown);

    call->dry_run = true;
    call->has_response = true;
    call->response.status = 200;
    buf_create(&call->response.body, 2);
    buf_puts(&call->response.body, "{}");
}

static int dry_finish(lua_State *L, void *arg)
{
    struct call *call = arg;
    if (call->err == NULL) {
        struct err err;
        struct url url;
        if (client_url(call->connector, call->base, call->request.path, call->request.query.data,
                       &url, &err) == 0) {
            char *text = url_format(&url, true);
            print_dry(call, text);
            mem_free(text);
            url_destroy(&url);
        } else {
            keep_err(call, &err);
        }
    }
    return call_finish(L, call);
}

/* As it is sent, in upper case, and as the script wrote it. */
static int check_method(struct call *call, const struct url *url, struct err *err)
{
    const char *texts[] = {call->request.http.method, call->request.method};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] && texts[i] != NULL; i++) {
        if (egress_check(vm_engine(call->vm), url, "the method", texts[i], strlen(texts[i]), err) !=
            0) {
            call->request.http.method = "***"; /* for messages: by another case it is no secret */
            return -1;
        }
    }
    return 0;
}

/* Refuses a request that would carry a secret to a host that its connector does not allow.
 * `target`: the URL, or as much of it as is known, and as has not been checked yet. */
static int check_secrets(struct call *call, const struct url *url, const char *target,
                         struct err *err)
{
    const struct http_request *http = &call->request.http;
    const struct buf *query = &call->request.query;
    if (check_method(call, url, err) != 0 ||
        egress_check(vm_engine(call->vm), url, "the URL", target, strlen(target), err) != 0 ||
        egress_check(vm_engine(call->vm), url, "the query", query->data, query->len, err) != 0 ||
        egress_check(vm_engine(call->vm), url, "the body", http->body, http->body_len, err) != 0)
        return -1;
    for (size_t i = 0; i < http->nheaders; i++) {
        const char *name = http->headers[i].name, *value = http->headers[i].value;
        if (egress_check(vm_engine(call->vm), url, "a header", name, strlen(name), err) != 0 ||
            egress_check(vm_engine(call->vm), url, "a header", value, strlen(value), err) != 0)
            return -1;
    }
    /* The content of files is left to the script. */
    for (size_t i = 0; i < http->nparts; i++) {
        const struct http_part *part = &http->parts[i];
        const char *texts[] = {part->name, part->filename, part->content_type};
        for (size_t j = 0; j < sizeof texts / sizeof texts[0]; j++)
            if (texts[j] != NULL && egress_check(vm_engine(call->vm), url, "a part", texts[j],
                                                 strlen(texts[j]), err) != 0)
                return -1;
        if (part->path == NULL && egress_check(vm_engine(call->vm), url, "a part", part->value,
                                               part->value_len, err) != 0)
            return -1;
    }
    return 0;
}

static const struct http_header *find_host(const struct http_request *http)
{
    for (size_t i = 0; i < http->nheaders; i++)
        if (strcasecmp(http->headers[i].name, "Host") == 0)
            return &http->headers[i];
    return NULL;
}

/* Behind one address there may be servers of many owners: Host says whose the request is. */
static int check_host(struct call *call, const struct url *url, struct err *err)
{
    const struct http_header *host = find_host(&call->request.http);
    if (host == NULL)
        return 0;
    char *text = mem_printf("%s://%s/", url->scheme, host->value);
    struct url named = {0};
    int result = url_parse(text, &named, err);
    if (result == 0)
        result = check_secrets(call, &named, call->request.http.url, err);
    else
        err_wrap(err, "header 'Host'");
    url_destroy(&named);
    mem_free(text);
    return result;
}

/* 0: started; 1: a dry run, which is answered already. */
static int start_plain(struct call *call, struct err *err)
{
    struct http_request *http = &call->request.http;
    struct url url = {0};
    int result = -1;
    if (url_parse(http->url, &url, err) != 0)
        goto cleanup;
    /* Also as the script wrote it: url_parse makes the host lower case. */
    if (egress_check(vm_engine(call->vm), &url, "the URL", http->url, strlen(http->url), err) != 0)
        goto cleanup;
    url_add_query(&url, call->request.query.data);
    char *target = url_format(&url, true);
    bool checked = strcmp(target, http->url) == 0;
    mem_free_secret(call->request.url);
    http->url = call->request.url = target;
    if (check_secrets(call, &url, checked ? "" : target, err) != 0 ||
        check_host(call, &url, err) != 0)
        goto cleanup;
    if (vm_options_of(call->vm)->dry_run && !is_read(http->method)) {
        print_dry(call, http->url);
        result = 1;
        goto cleanup;
    }
    call->transport = &vm_engine(call->vm)->transport;
    http->place = &url;
    call->transfer = transport_start(call->transport, http, http_done, call, err);
    http->place = NULL;
    result = call->transfer != NULL ? 0 : -1;
cleanup:
    if (result < 0 && url.host != NULL && err->request[0] == '\0') {
        char *shown = url_format(&url, false);
        err_text(err->request, sizeof err->request, "%s %s", http->method, shown);
        mem_free(shown);
    }
    url_destroy(&url);
    return result;
}

/* For client.c: the call may go to the connector's endpoint or to an absolute URL. */
static int check_target(void *arg, const struct url *url, const char *text, struct err *err)
{
    return check_secrets(arg, url, text, err);
}

static int start_client(struct call *call, struct err *err)
{
    struct lhttp_request *request = &call->request;
    struct engine *engine = vm_engine(call->vm);
    call->connector = vm_connector(call->vm, request->connector, NULL, err);
    if (call->connector == NULL)
        return -1;
    if (find_host(&request->http) != NULL)
        return err_set(err, ERR_INVALID,
                       "header 'Host' cannot be set where a connector's token goes along");
    /* A secret of another connector may go along only if that one allows this one's service. */
    struct url service = {0};
    int checked = 0;
    if (call->connector->base != NULL) {
        checked = url_parse(call->connector->base, &service, err);
        if (checked == 0)
            checked = check_secrets(call, &service, request->path, err);
        url_destroy(&service);
    }
    if (checked != 0 || engine_need_store(engine, err) != 0)
        return -1;
    if (vm_options_of(call->vm)->dry_run && !is_read(request->http.method)) {
        struct token_query query = {0};
        call->dry_run = true;
        call->token = token_get(engine->tokens, call->connector, &query, token_done, call);
        return 0;
    }
    const struct client_request request_of_call = {
        .http = request->http,
        .path = request->path,
        .query = request->query.data,
        .repeatable = request->repeatable,
        .any_status = request->any_status,
        .check = check_target,
        .check_arg = call,
    };
    call->client =
        client_start(engine->client, call->connector, &request_of_call, client_done, call);
    return 0;
}

/* The stack of lhttp_call. */
enum { OPTIONS = 1, CALL = 2, PROGRESS = 3 };

/* The file that is sent or saved, without its folders; NULL: there is none. */
static const char *file_name(const struct http_request *http)
{
    const char *path = http->save_path != NULL ? http->save_path : http->body_path;
    for (size_t i = 0; i < http->nparts && path == NULL; i++)
        path = http->parts[i].path;
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    return slash != NULL ? slash + 1 : path;
}

static void on_tick(void *arg)
{
    struct call *call = arg;
    task_wake(&call->wait);
}

static void show_progress(lua_State *L, const struct call *call)
{
    if (lua_isnil(L, PROGRESS)) {
        lua_getglobal(L, "require");
        lua_pushliteral(L, "jeton.progress");
        lua_call(L, 1, 1);
        lua_getfield(L, -1, "transfer");
        lua_pushstring(L, file_name(&call->request.http));
        lua_pushnumber(L, TICK_MS / 1000.0);
        lua_call(L, 2, 1);
        lua_replace(L, PROGRESS);
        lua_settop(L, PROGRESS);
        lua_toclose(L, PROGRESS); /* it goes however the call ends */
    }
    lua_getfield(L, PROGRESS, "set");
    lua_pushvalue(L, PROGRESS);
    lua_pushinteger(L, call->meter.moved);
    if (call->meter.total > 0)
        lua_pushinteger(L, call->meter.total);
    else
        lua_pushnil(L);
    lua_call(L, 3, 0);
    lua_settop(L, PROGRESS);
}

/* Each time that a call with a file wakes up: it goes on, or has ended. */
static int file_finish(lua_State *L, void *arg)
{
    struct call *call = arg;
    if (call->ended && lua_isnil(L, PROGRESS))
        return call_finish(L, call);
    show_progress(L, call);
    if (!call->ended) {
        loop_timer_start(vm_engine(call->vm)->loop, &call->tick, FRAME_MS, on_tick, call);
        return task_wait(L, &call->wait, CALL, call_cancel, file_finish, call);
    }
    return call_finish(L, call);
}

/* Whether the call is to say how far it has come. */
static bool is_shown(const struct call *call)
{
    const struct log *log = vm_engine(call->vm)->log;
    return file_name(&call->request.http) != NULL && log_status_mode(log) != LOG_STATUS_NONE &&
           !vm_options_of(call->vm)->dry_run;
}

int lhttp_call(lua_State *L)
{
    task_check(L, "http.request");
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    struct call *call = lua_newuserdatauv(L, sizeof *call, 0); /* options call */
    *call = (struct call){.vm = vm_of(L)};
    lhttp_request_create(&call->request);
    luaL_setmetatable(L, CALL_TYPE);

    struct err err;
    err_clear(&err);
    if (lhttp_request_read(L, 1, &call->request, &err) != 0)
        return call_refuse(L, call, &err);
    bool shown = is_shown(call);
    if (shown)
        call->request.http.meter = &call->meter;
    http_limit_memory(vm_engine(call->vm)->http, vm_memory_limit(call->vm));
    int started = call->request.authenticated ? start_client(call, &err) : start_plain(call, &err);
    if (started < 0)
        return call_refuse(L, call, &err);
    if (started == 1)
        return call_finish(L, call);
    if (shown) {
        lua_pushnil(L); /* options call progress */
        loop_timer_start(vm_engine(call->vm)->loop, &call->tick, TICK_MS, on_tick, call);
        return task_wait(L, &call->wait, CALL, call_cancel, file_finish, call);
    }
    return task_wait(L, &call->wait, CALL, call_cancel, call->dry_run ? dry_finish : call_finish,
                     call);
}

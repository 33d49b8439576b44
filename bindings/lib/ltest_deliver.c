#include "ltest_deliver.h"

#include "config_load.h"
#include "hook.h"
#include "hook_check.h"
#include "hook_sign.h"
#include "larg.h"
#include "lerr.h"
#include "ltest_world.h"
#include "mem.h"
#include "store_events.h"
#include "vm.h"

#include <lauxlib.h>
#include <string.h>

#define HEADERS_MAX 24
#define WHY_MAX     300
#define BODY_MAX    4096

struct delivery {
    struct config *config;
    const struct hook *hook;
    struct hook_secrets *keys;
    struct store *store;
    struct http_header headers[HEADERS_MAX];
    size_t nheaders;
    int64_t now_ms;
    /* What became of it. */
    const char *verdict;
    int status;
    char why[WHY_MAX];
    char body[BODY_MAX]; /* of the answer */
    size_t body_len;
    int64_t answer_ms; /* how long the sender waits for the handler's answer; 0: not at all */
    int64_t seq;       /* of the first event; 0: none */
};

static int open_hook(lua_State *L, struct delivery *delivery, struct err *err)
{
    struct engine *engine = vm_engine(vm_of(L));
    struct ltest_world *world = vm_options_of(vm_of(L))->test->world;
    delivery->now_ms = ltest_world_now_ms(world);
    delivery->config = ltest_world_config(world, larg_string(L, 1, "config", "", NULL), err);
    if (delivery->config == NULL)
        return -1;
    delivery->hook = config_hook(delivery->config, larg_string(L, 1, "hook", "", NULL), err);
    if (delivery->hook == NULL)
        return -1;
    delivery->store = store_new(delivery->config->state, engine->loop);
    return store_open(delivery->store, err);
}

static void close_hook(struct delivery *delivery)
{
    for (size_t i = 0; i < delivery->nheaders; i++) {
        mem_free(delivery->headers[i].name);
        mem_free(delivery->headers[i].value);
    }
    store_free(delivery->store);
    hook_secrets_free(delivery->keys);
    config_free(delivery->config);
}

/* The list of names and values. */
static void read_headers(lua_State *L, struct delivery *delivery)
{
    lua_getfield(L, 1, "headers");
    lua_Integer count = lua_istable(L, -1) ? luaL_len(L, -1) / 2 : 0;
    luaL_argcheck(L, count <= HEADERS_MAX, 1, "too many headers");
    for (lua_Integer i = 0; i < count; i++) {
        lua_geti(L, -1, 2 * i + 1);
        lua_geti(L, -2, 2 * i + 2);
        const char *name = lua_tostring(L, -2), *value = lua_tostring(L, -1);
        if (name != NULL && value != NULL)
            delivery->headers[delivery->nheaders++] =
                (struct http_header){.name = mem_strdup(name), .value = mem_strdup(value)};
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
}

static const char *name_of(enum store_event_added added)
{
    switch (added) {
    case STORE_EVENT_STORED:
        return "stored";
    case STORE_EVENT_DUPLICATE:
        return "duplicate";
    case STORE_EVENT_HELD_BACK:
    case STORE_EVENT_LEFT_OUT:
        return "held";
    case STORE_EVENT_FULL:
        return "full";
    }
    return "full";
}

/* All parts of a batch, in one transaction. */
static int store(struct delivery *delivery, const struct hook_result *result, struct err *err)
{
    const struct hook *hook = delivery->hook;
    char scope[STORE_SCOPE_SIZE];
    store_event_scope(scope, hook->name, hook->home);
    size_t count = result->nevents + result->nmarks;
    struct store_event_new *events = mem_alloc((count + 1) * sizeof *events);
    for (size_t i = 0; i < count; i++) {
        bool skipped = i >= result->nevents;
        const struct hook_event *event =
            skipped ? &result->marks[i - result->nevents] : &result->events[i];
        events[i] = (struct store_event_new){.scope = scope,
                                             .max_waiting = hook->max_waiting,
                                             .id = event->id,
                                             .part = event->part,
                                             .digest = event->may_repeat ? NULL : event->digest,
                                             .skipped = skipped,
                                             .type = event->type,
                                             .order_key = event->order_key,
                                             .received_ms = delivery->now_ms,
                                             .headers = result->headers_json,
                                             .body = event->data,
                                             .body_len = event->data_len};
    }
    int added = store_event_add(delivery->store, events, count, err);
    if (added == 0 && result->nevents > 0) {
        delivery->verdict = name_of(events[0].added);
        delivery->status = events[0].added == STORE_EVENT_FULL ? 503 : 200;
        delivery->seq = events[0].seq;
    }
    mem_free(events);
    return added;
}

static int take(struct delivery *delivery, const struct hook_signed *signed_, struct err *err)
{
    const struct hook_request request = {.method = signed_->method,
                                         .target = signed_->target,
                                         .headers = signed_->headers,
                                         .nheaders = signed_->nheaders,
                                         .body = signed_->body,
                                         .body_len = signed_->body_len,
                                         .now_ms = delivery->now_ms};
    struct hook_result result = {.nevents = 0};
    int taken = 0;
    hook_check(&delivery->hook->rules, delivery->keys, &request, &result);
    delivery->status = result.reply.status;
    err_text(delivery->why, WHY_MAX, "%s", result.why != NULL ? result.why : "");
    if (result.verdict != HOOK_STORE) {
        delivery->body_len = result.reply.body_len < BODY_MAX ? result.reply.body_len : BODY_MAX;
        memcpy(delivery->body, result.reply.body, delivery->body_len);
    }
    delivery->answer_ms = delivery->hook->answer_ms;
    switch (result.verdict) {
    case HOOK_STORE:
        taken = store(delivery, &result, err);
        break;
    case HOOK_ANSWER:
        delivery->verdict = "answered";
        break;
    case HOOK_SKIP:
        delivery->verdict = "skipped";
        taken = store(delivery, &result, err);
        break;
    case HOOK_REFUSE:
        delivery->verdict = "refused";
        break;
    }
    hook_check_destroy(&result);
    return taken;
}

static int deliver(lua_State *L, struct delivery *delivery, struct err *err)
{
    size_t len;
    const char *body = larg_string(L, 1, "body", "", &len);
    if (open_hook(L, delivery, err) != 0 ||
        hook_read_secrets(delivery->hook, vm_engine(vm_of(L))->redact, &delivery->keys, err) != 0)
        return -1;
    const struct hook_unsigned given = {.id = larg_string(L, 1, "id", NULL, NULL),
                                        .headers = delivery->headers,
                                        .nheaders = delivery->nheaders,
                                        .body = body,
                                        .body_len = len,
                                        .now_ms = delivery->now_ms,
                                        .forged = larg_boolean(L, 1, "forged", 0)};
    struct hook_signed signed_ = {.nheaders = 0};
    int result = hook_sign(&delivery->hook->rules, delivery->keys, &given, &signed_, err);
    char *forged = NULL;
    if (result == 0 && given.forged) {            /* changed on its way */
        forged = mem_alloc(signed_.body_len + 1); /* it may hold a NUL */
        memcpy(forged, signed_.body, signed_.body_len);
        forged[signed_.body_len++] = ' ';
        signed_.body = forged;
    }
    if (result == 0)
        result = take(delivery, &signed_, err);
    hook_sign_destroy(&signed_);
    mem_free(forged);
    return result;
}

int ltest_deliver(lua_State *L)
{
    static const char *const keys[] = {"config", "hook", "body", "id", "headers", "forged", NULL};
    struct delivery delivery = {.config = NULL};
    struct err err;
    err_clear(&err);
    luaL_checktype(L, 1, LUA_TTABLE);
    larg_options(L, 1, "native.deliver", keys);
    read_headers(L, &delivery);
    int result = deliver(L, &delivery, &err);
    close_hook(&delivery);
    if (result != 0)
        return lerr_return(L, &err);
    lua_createtable(L, 0, 6);
    lua_pushlstring(L, delivery.body, delivery.body_len);
    lua_setfield(L, -2, "body");
    lua_pushinteger(L, delivery.answer_ms);
    lua_setfield(L, -2, "answer_ms");
    lua_pushstring(L, delivery.verdict);
    lua_setfield(L, -2, "verdict");
    lua_pushinteger(L, delivery.status);
    lua_setfield(L, -2, "status");
    lua_pushstring(L, delivery.why[0] != '\0' ? delivery.why : NULL);
    lua_setfield(L, -2, "why");
    if (delivery.seq > 0) {
        lua_pushinteger(L, delivery.seq);
        lua_setfield(L, -2, "seq");
    }
    return 1;
}

/* The event of the list; protected, since its texts are not Lua's. */
static int push_event(lua_State *L)
{
    const struct store_event *event = lua_touserdata(L, 1);
    lua_createtable(L, 0, 6);
    lua_pushstring(L, store_event_state_name(event->state));
    lua_setfield(L, -2, "state");
    lua_pushinteger(L, event->attempt);
    lua_setfield(L, -2, "attempts");
    lua_pushinteger(L, event->duplicates);
    lua_setfield(L, -2, "duplicates");
    lua_pushstring(L, event->error);
    lua_setfield(L, -2, "error");
    lua_pushstring(L, event->type);
    lua_setfield(L, -2, "type");
    lua_pushstring(L, event->id);
    lua_setfield(L, -2, "id");
    return 1;
}

int ltest_event(lua_State *L)
{
    static const char *const keys[] = {"config", "hook", "seq", NULL};
    struct delivery delivery = {.config = NULL};
    struct store_events events = {.count = 0};
    struct err err;
    err_clear(&err);
    luaL_checktype(L, 1, LUA_TTABLE);
    larg_options(L, 1, "native.event", keys);
    const struct store_event_filter filter = {.seq = larg_integer(L, 1, "seq", -1), .limit = 1};
    int result = open_hook(L, &delivery, &err);
    if (result == 0)
        result = store_event_list(delivery.store, &filter, &events, &err);
    int status = LUA_OK, count = 0;
    if (result == 0 && events.count > 0) {
        lua_pushcfunction(L, push_event);
        lua_pushlightuserdata(L, &events.items[0]);
        status = lua_pcall(L, 1, 1, 0);
        count = 1;
    }
    store_events_destroy(&events);
    close_hook(&delivery);
    if (status != LUA_OK)
        return lua_error(L);
    return result == 0 ? count : lerr_return(L, &err);
}

/* Requests of a test that are carried to the real service, so that its replies are recorded. */
#include "ltest_forward.h"

#include "ltest_world_private.h"

#include "lerr.h"
#include "task.h"

#include <lauxlib.h>
#include <string.h>

#define FORWARD_TYPE "jeton.test.forward"

struct forward {
    struct task_wait wait;
    struct ltest_world *world;
    struct http_request *http;
    void *handle; /* NULL: not under way */
    struct http_result result;
};

static void forward_stop(void *arg)
{
    struct forward *forward = arg;
    transport_cancel(&forward->world->real, forward->handle);
    forward->handle = NULL;
}

static int forward_gc(lua_State *L)
{
    struct forward *forward = luaL_checkudata(L, 1, FORWARD_TYPE);
    if (forward->world == NULL)
        return 0;
    forward_stop(forward);
    http_request_free(forward->http);
    http_response_clear(&forward->result.response);
    forward->world = NULL;
    return 0;
}

static void forward_done(void *arg, struct http_result *result)
{
    struct forward *forward = arg;
    forward->handle = NULL;
    forward->result = *result;
    *result = (struct http_result){.sent = false};
    task_wake(&forward->wait);
}

/* {name = text, or a list of them where it repeats} */
static void push_headers(lua_State *L, const struct http_response *response)
{
    lua_newtable(L);
    for (size_t i = 0; i < response->nheaders; i++) {
        luaL_Buffer name;
        luaL_buffinit(L, &name);
        for (const char *at = response->headers[i].name; *at != '\0'; at++)
            luaL_addchar(&name, *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at);
        luaL_pushresult(&name); /* headers name */
        lua_pushvalue(L, -1);
        if (lua_gettable(L, -3) == LUA_TNIL) {
            lua_pop(L, 1);
            lua_pushstring(L, response->headers[i].value);
        } else {
            if (!lua_istable(L, -1)) { /* headers name first */
                lua_createtable(L, 2, 0);
                lua_insert(L, -2);
                lua_seti(L, -2, 1);
            }
            lua_pushstring(L, response->headers[i].value);
            lua_seti(L, -2, luaL_len(L, -2) + 1);
        }
        lua_settable(L, -3);
    }
}

static int forward_finish(lua_State *L, void *arg)
{
    const struct forward *forward = arg;
    const struct http_response *response = &forward->result.response;
    if (forward->result.err.kind != ERR_NONE)
        return lerr_return(L, &forward->result.err);
    lua_pushinteger(L, response->status);
    push_headers(L, response);
    lua_pushlstring(L, response->body.data != NULL ? response->body.data : "", response->body.len);
    return 3;
}

/* native.forward(id) waits; → status, headers, body; or nil, err. It answers nothing. */
static int world_forward(lua_State *L)
{
    struct err err;
    struct ltest_world *world = ltest_world_of(L);
    task_check(L, "forward");
    struct ltest_request *request = ltest_world_told(L);
    if (request == NULL) {
        err_set(&err, ERR_CANCELLED, "nobody waits for this request any more");
        return lerr_return(L, &err);
    }
    lua_settop(L, 1);
    struct forward *forward = lua_newuserdatauv(L, sizeof *forward, 0); /* id forward */
    *forward = (struct forward){0};
    luaL_setmetatable(L, FORWARD_TYPE);
    request = ltest_world_told(L); /* finalizers may have cancelled it */
    if (request == NULL)
        return 0;
    loop_timer_stop(world->engine->loop, &request->timer); /* the real transport has its own */
    forward->world = world;
    forward->http = http_request_copy(request->http);
    forward->http->save_path = NULL;
    forward->http->meter = NULL;
    err_clear(&err);
    forward->handle = transport_start(&world->real, forward->http, forward_done, forward, &err);
    if (forward->handle == NULL)
        return lerr_return(L, &err);
    return task_wait(L, &forward->wait, 2, forward_stop, forward_finish, forward);
}

static bool take_owner(void *arg, const char *const *owners)
{
    const char **owner = arg;
    if (owners[0] != NULL)
        *owner = owners[0];
    return *owner == NULL;
}

/* native.owner(text) → the connector whose secret is in the text; or nil */
static int world_owner(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len), *owner = NULL;
    redact_find(ltest_world_of(L)->engine->redact, text, len, take_owner, &owner);
    lua_pushstring(L, owner);
    return 1;
}

void ltest_forward_open(lua_State *L, struct ltest_world *world)
{
    static const luaL_Reg functions[] = {
        {"forward", world_forward}, {"owner", world_owner}, {NULL, NULL}};
    luaL_newmetatable(L, FORWARD_TYPE);
    lua_pushcfunction(L, forward_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    lua_pushlightuserdata(L, world);
    luaL_setfuncs(L, functions, 1);
}

#include "ltoken_call.h"

#include "lerr.h"
#include "mem.h"

#include <lauxlib.h>
#include <string.h>

#define CALL_TYPE "jeton.token.call"

static void call_stop(void *arg)
{
    struct ltoken_call *call = arg;
    if (call->request != NULL)
        token_cancel(call->request);
    call->request = NULL;
}

static int call_gc(lua_State *L)
{
    struct ltoken_call *call = luaL_checkudata(L, 1, CALL_TYPE);
    call_stop(call);
    mem_free_secret(call->access_token);
    mem_free_secret(call->refresh_token);
    mem_free(call->endpoint_url);
    mem_free(call->scope);
    mem_free(call->token_type);
    connector_free(call->connector);
    connector_secrets_destroy(&call->secrets);
    *call = (struct ltoken_call){0};
    return 0;
}

/* Made by the first call, for a run may have one without loading jeton.token. */
static void push_metatable(lua_State *L)
{
    if (luaL_getmetatable(L, CALL_TYPE) != LUA_TNIL)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, call_gc);
    lua_setfield(L, -2, "__gc");
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, CALL_TYPE);
}

struct ltoken_call *ltoken_call_new(lua_State *L)
{
    struct ltoken_call *call = lua_newuserdatauv(L, sizeof *call, 0);
    *call = (struct ltoken_call){0};
    push_metatable(L);
    lua_setmetatable(L, -2);
    return call;
}

void ltoken_call_done(void *arg, const struct token *token, const struct err *err)
{
    struct ltoken_call *call = arg;
    call->request = NULL;
    if (err != NULL) {
        call->err = *err;
    } else {
        call->access_token = mem_strdup(token->access_token);
        call->refresh_token = mem_strdup(token->refresh_token);
        call->endpoint_url = mem_strdup(token->endpoint_url);
        call->scope = mem_strdup(token->scope != NULL ? token->scope : "");
        call->token_type = mem_strdup(token->token_type);
        call->expires_at_ms = token->expires_at_ms;
        call->refresh_expires_at_ms = token->refresh_expires_at_ms;
        call->source = token->source;
    }
    task_wake(&call->wait);
}

/* "a, b" → {"a", "b"} */
static void push_scopes(lua_State *L, const char *scope)
{
    lua_newtable(L);
    lua_Integer count = 0;
    while (*scope != '\0') {
        scope += strspn(scope, ", ");
        size_t len = strcspn(scope, ", ");
        if (len > 0) {
            lua_pushlstring(L, scope, len);
            lua_seti(L, -2, ++count);
        }
        scope += len;
    }
}

static int call_finish(lua_State *L, void *arg)
{
    const struct ltoken_call *call = arg;
    if (call->err.kind != ERR_NONE)
        return lerr_return(L, &call->err);
    lua_createtable(L, 0, 8);
    lua_pushstring(L, call->access_token);
    lua_setfield(L, -2, "access_token");
    lua_pushstring(L, call->endpoint_url); /* NULL: nil */
    lua_setfield(L, -2, "endpoint_url");
    if (call->expires_at_ms > 0) {
        lua_pushinteger(L, call->expires_at_ms / 1000);
        lua_setfield(L, -2, "expires_at");
    }
    if (call->refresh_expires_at_ms > 0) {
        lua_pushinteger(L, call->refresh_expires_at_ms / 1000);
        lua_setfield(L, -2, "refresh_expires_at");
    }
    lua_pushstring(L, call->token_type); /* NULL: nil */
    lua_setfield(L, -2, "token_type");
    push_scopes(L, call->scope);
    lua_setfield(L, -2, "scopes");
    lua_pushstring(L, call->source == TOKEN_CACHE ? "cache" : "exchange");
    lua_setfield(L, -2, "source");
    lua_pushstring(L, call->refresh_token); /* NULL: nil */
    lua_setfield(L, -2, "refresh_token");
    return 1;
}

int ltoken_call_wait(lua_State *L, struct ltoken_call *call)
{
    return task_wait(L, &call->wait, 2, call_stop, call_finish, call);
}

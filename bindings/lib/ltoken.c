#include "connector.h"
#include "larg.h"
#include "lerr.h"
#include "ltoken_call.h"
#include "ltoken_exchange.h"
#include "luaopen.h"
#include "mem.h"
#include "redact_limits.h"
#include "task.h"
#include "vm.h"

#include <lauxlib.h>
#include <string.h>

/* The connector named by the argument, with the state open; NULL with err. */
static const struct connector *ready_connector(lua_State *L, struct err *err)
{
    struct vm *vm = vm_of(L);
    const struct connector *connector = vm_connector(vm, luaL_optstring(L, 1, NULL), NULL, err);
    if (connector == NULL || engine_need_store(vm_engine(vm), err) != 0)
        return NULL;
    return connector;
}

static int get(lua_State *L, const char *what, bool force)
{
    task_check(L, what);
    luaL_optstring(L, 1, NULL);
    lua_settop(L, 1);
    struct err err = {0};
    const struct connector *connector = ready_connector(L, &err);
    if (connector == NULL)
        return lerr_return(L, &err);
    struct ltoken_call *call = ltoken_call_new(L); /* name call */
    struct token_query query = {.force = force};
    call->request =
        token_get(vm_engine(vm_of(L))->tokens, connector, &query, ltoken_call_done, call);
    return ltoken_call_wait(L, call);
}

static int token_lua_get(lua_State *L)
{
    return get(L, "token.get", false);
}

static int token_lua_refresh(lua_State *L)
{
    return get(L, "token.refresh", true);
}

/* token.connector(name?, provider?): which one get would use, without asking anybody. Where a
 * provider is named, it must be of that one, and is the only one of that unless another is named.
 */
static int token_lua_connector(lua_State *L)
{
    struct err err = {0};
    const char *provider = luaL_optstring(L, 2, NULL);
    const struct connector *connector =
        vm_connector(vm_of(L), luaL_optstring(L, 1, NULL), provider, &err);
    if (connector == NULL)
        return lerr_return(L, &err);
    if (provider != NULL && strcmp(connector->provider->name, provider) != 0) {
        bool lent = connector->token_of != NULL;
        err_set(&err, ERR_CONFIG,
                "connector '%s' %s '%s', not of provider '%s'; call its API by http.request{"
                "connector = \"%s\", path = …} of jeton.http",
                connector->name, lent ? "has the token of" : "is of provider",
                lent ? connector->token_of : connector->provider->name, provider, connector->name);
        return lerr_return(L, &err);
    }
    lua_pushstring(L, connector->name);
    return 1;
}

/* token.hide(secret, connector?): a secret that the service gave to the script. */
static int token_lua_hide(lua_State *L)
{
    size_t len;
    const char *secret = luaL_checklstring(L, 1, &len);
    struct err err = {0};
    struct vm *vm = vm_of(L);
    const struct connector *connector = vm_connector(vm, luaL_optstring(L, 2, NULL), NULL, &err);
    if (connector == NULL)
        return lerr_return(L, &err);
    if (len < REDACT_MIN_BYTES) {
        err_set(&err, ERR_INVALID, "token.hide: a text of fewer than %d bytes cannot be hidden",
                REDACT_MIN_BYTES);
        return lerr_return(L, &err);
    }
    redact_add_owned(vm_engine(vm)->redact, secret, len, connector->name);
    lua_pushboolean(L, true);
    return 1;
}

static int token_lua_forget(lua_State *L)
{
    struct err err = {0};
    const struct engine *engine = vm_engine(vm_of(L));
    const struct connector *connector = ready_connector(L, &err);
    if (connector == NULL)
        return lerr_return(L, &err);
    if (vm_options_of(vm_of(L))->dry_run)
        log_msg(engine->log, LOG_INFO, "dry run: the tokens of connector '%s' are not forgotten",
                connector->name);
    else if (token_forget(engine->tokens, connector, &err) != 0)
        return lerr_return(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

int luaopen_jeton_token(lua_State *L)
{
    static const luaL_Reg functions[] = {{"get", token_lua_get},
                                         {"refresh", token_lua_refresh},
                                         {"exchange", ltoken_exchange},
                                         {"forget", token_lua_forget},
                                         {"hide", token_lua_hide},
                                         {"connector", token_lua_connector},
                                         {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

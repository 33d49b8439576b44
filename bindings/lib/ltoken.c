#include "allow.h"
#include "connector.h"
#include "egress.h"
#include "larg.h"
#include "lerr.h"
#include "luaopen.h"
#include "mem.h"
#include "provider_list.h"
#include "task.h"
#include "vm.h"

#include <lauxlib.h>
#include <string.h>

#define CALL_TYPE "jeton.token.call"

struct call {
    struct task_wait wait;
    struct token_request *request;
    struct err err; /* kind ERR_NONE: the token is good */
    char *access_token;
    char *endpoint_url;
    char *scope;
    char *refresh_token;
    char *token_type;
    int64_t expires_at_ms;
    int64_t refresh_expires_at_ms;
    enum token_source source;
    /* only of token.exchange: what it was given */
    struct connector *connector;
    struct connector_secrets secrets;
};

static void call_stop(void *arg)
{
    struct call *call = arg;
    if (call->request != NULL)
        token_cancel(call->request);
    call->request = NULL;
}

static int call_gc(lua_State *L)
{
    struct call *call = luaL_checkudata(L, 1, CALL_TYPE);
    call_stop(call);
    mem_free_secret(call->access_token);
    mem_free_secret(call->refresh_token);
    mem_free(call->endpoint_url);
    mem_free(call->scope);
    mem_free(call->token_type);
    connector_free(call->connector);
    connector_secrets_destroy(&call->secrets);
    *call = (struct call){0};
    return 0;
}

static struct call *call_new(lua_State *L)
{
    struct call *call = lua_newuserdatauv(L, sizeof *call, 0);
    *call = (struct call){0};
    luaL_setmetatable(L, CALL_TYPE);
    return call;
}

static void token_done(void *arg, const struct token *token, const struct err *err)
{
    struct call *call = arg;
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
    const struct call *call = arg;
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

/* The connector named by the argument, with the state open; NULL with err. */
static const struct connector *ready_connector(lua_State *L, struct err *err)
{
    struct vm *vm = vm_of(L);
    const struct connector *connector = vm_connector(vm, luaL_optstring(L, 1, NULL), err);
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
    struct call *call = call_new(L); /* name call */
    struct token_query query = {.force = force};
    call->request = token_get(vm_engine(vm_of(L))->tokens, connector, &query, token_done, call);
    return task_wait(L, &call->wait, 2, call_stop, call_finish, call);
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
 * provider is named, it must be of that one. */
static int token_lua_connector(lua_State *L)
{
    struct err err = {0};
    const char *provider = luaL_optstring(L, 2, NULL);
    const struct connector *connector = vm_connector(vm_of(L), luaL_optstring(L, 1, NULL), &err);
    if (connector == NULL)
        return lerr_return(L, &err);
    if (provider != NULL && strcmp(connector->provider->name, provider) != 0) {
        err_set(&err, ERR_CONFIG,
                "connector '%s' is of provider '%s', not '%s'; call its API by http.request{"
                "connector = \"%s\", path = …} of jeton.http",
                connector->name, connector->provider->name, provider, connector->name);
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
    const struct connector *connector = vm_connector(vm, luaL_optstring(L, 2, NULL), &err);
    if (connector == NULL)
        return lerr_return(L, &err);
    redact_add_owned(vm_engine(vm)->redact, secret, len, connector->name);
    lua_pushboolean(L, true);
    return 1;
}

static int token_lua_forget(lua_State *L)
{
    struct err err = {0};
    const struct connector *connector = ready_connector(L, &err);
    if (connector == NULL || token_forget(vm_engine(vm_of(L))->tokens, connector, &err) != 0)
        return lerr_return(L, &err);
    lua_pushboolean(L, true);
    return 1;
}

/* A text of the options, which holds it; NULL where it is absent. */
static const char *field_text(lua_State *L, const char *key, bool required)
{
    size_t len = 0;
    const char *text = larg_string(L, 1, key, NULL, &len);
    if (text == NULL && required)
        luaL_error(L, "token.exchange: %s is missing", key);
    if (text != NULL && (len == 0 || strlen(text) != len))
        luaL_error(L, "token.exchange: %s is empty or holds a NUL byte", key);
    return text;
}

static int read_hosts(lua_State *L, struct connector *connector, struct err *err)
{
    if (lua_getfield(L, 1, "allow_hosts") == LUA_TNIL) {
        lua_pop(L, 1);
        return 0;
    }
    luaL_argcheck(L, lua_istable(L, -1), 1, "allow_hosts must be a list of host patterns");
    lua_Integer count = luaL_len(L, -1);
    if (count > EGRESS_HOSTS_MAX)
        return luaL_argerror(
            L, 1, lua_pushfstring(L, "allow_hosts has over %d patterns", EGRESS_HOSTS_MAX));
    if (count > 0)
        connector->allow_hosts = mem_alloc(((size_t)count + 1) * sizeof *connector->allow_hosts);
    for (lua_Integer i = 1; i <= count; i++) {
        luaL_argcheck(L, lua_geti(L, -1, i) == LUA_TSTRING, 1,
                      "allow_hosts must be a list of host patterns");
        connector->allow_hosts[i - 1] = mem_strdup(lua_tostring(L, -1));
        lua_pop(L, 1);
        if (allow_pattern_check(connector->allow_hosts[i - 1], err) != 0)
            return err_wrap(err, "allow_hosts of token.exchange");
    }
    lua_pop(L, 1);
    return 0;
}

/* The keys of token.exchange: those of every connector of the provider, and the options. */
#define KEYS_REQUIRED (1 + PROVIDER_GIVEN)
static void list_keys(const struct provider *provider, const char *keys[KEYS_REQUIRED + 4])
{
    size_t count = 0;
    keys[count++] = provider->service_key;
    for (size_t i = 0; i < PROVIDER_GIVEN; i++)
        keys[count++] = provider->given[i].key;
    keys[count++] = "allow_hosts";
    keys[count++] = "ca_file";
    keys[count++] = "timeout";
    keys[count] = NULL;
}

static int token_lua_exchange(lua_State *L)
{
    const struct provider *provider = provider_default;
    const char *keys[KEYS_REQUIRED + 4];
    list_keys(provider, keys);
    task_check(L, "token.exchange");
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    larg_options(L, 1, "token.exchange", keys);
    struct call *call = call_new(L); /* options call */
    call->connector = connector_new(&provider->config, NULL);
    call->connector->retries = 0;
    const char *service = field_text(L, keys[0], true);
    for (size_t i = 1; i < KEYS_REQUIRED; i++)
        connector_secrets_add(&call->secrets, keys[i], field_text(L, keys[i], true));
    call->connector->ca_file = mem_strdup(field_text(L, "ca_file", false));
    call->connector->timeout_ms = larg_seconds(L, 1, "timeout", 0);

    struct err err = {0};
    struct engine *engine = vm_engine(vm_of(L));
    if (allow_check_base(service, &err) != 0) {
        err_wrap(&err, "%s of token.exchange", keys[0]);
        return lerr_return(L, &err);
    }
    if (read_hosts(L, call->connector, &err) != 0 || engine_need_store(engine, &err) != 0)
        return lerr_return(L, &err);
    call->connector->name =
        egress_by_hand(service, (const char *const *)call->connector->allow_hosts);
    connector_set(call->connector, keys[0], service);
    call->request =
        token_exchange(engine->tokens, call->connector, &call->secrets, token_done, call);
    return task_wait(L, &call->wait, 2, call_stop, call_finish, call);
}

int luaopen_jeton_token(lua_State *L)
{
    static const luaL_Reg functions[] = {{"get", token_lua_get},
                                         {"refresh", token_lua_refresh},
                                         {"exchange", token_lua_exchange},
                                         {"forget", token_lua_forget},
                                         {"hide", token_lua_hide},
                                         {"connector", token_lua_connector},
                                         {NULL, NULL}};
    luaL_newmetatable(L, CALL_TYPE);
    lua_pushcfunction(L, call_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}

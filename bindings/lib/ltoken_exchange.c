/* One exchange with values of the script's own, of any provider. */
#include "ltoken_exchange.h"

#include "allow.h"
#include "config_load.h"
#include "egress.h"
#include "larg.h"
#include "lerr.h"
#include "ljson_encode.h"
#include "ltoken_call.h"
#include "mem.h"
#include "provider_list.h"
#include "vm.h"

#include <lauxlib.h>
#include <string.h>

#define NAME     "token.exchange"        /* of the connector, in messages */
#define TEXT_MAX ((size_t)512 * 1024)    /* of all that is given */
#define NOWHERE  "https://jeton.invalid" /* where no API is known */

/* From now on jeton.http lets the values go to base, and to allow_hosts. */
static int start(lua_State *L, struct ltoken_call *call, const char *base)
{
    struct connector *connector = call->connector;
    mem_free(connector->name);
    connector->name = egress_by_hand(base, (const char *const *)connector->allow_hosts);
    call->request = token_exchange(vm_engine(vm_of(L))->tokens, connector, &call->secrets,
                                   ltoken_call_done, call);
    return ltoken_call_wait(L, call);
}

/* ---- Kaizala: its few values, which have been checked one by one ever since ---- */

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
static void list_keys(const struct provider *provider, const char *keys[KEYS_REQUIRED + 5])
{
    size_t count = 0;
    keys[count++] = provider->service_key;
    for (size_t i = 0; i < PROVIDER_GIVEN; i++)
        keys[count++] = provider->given[i].key;
    keys[count++] = "allow_hosts";
    keys[count++] = "ca_file";
    keys[count++] = "timeout";
    keys[count++] = "provider";
    keys[count] = NULL;
}

static int exchange_default(lua_State *L)
{
    const struct provider *provider = provider_default;
    const char *keys[KEYS_REQUIRED + 5];
    list_keys(provider, keys);
    larg_options(L, 1, "token.exchange", keys);
    struct ltoken_call *call = ltoken_call_new(L); /* options call */
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
    connector_set(call->connector, keys[0], service);
    return start(L, call, service);
}

/* ---- any other: the mapping of a connector, as the configuration has it ---- */

/* Raises with all of them, which show no secret. */
static void raise_problems(lua_State *L, struct problems *problems)
{
    struct buf text;
    buf_create(&text, BUF_LIMIT_LINE);
    for (size_t i = 0; i < problems->count; i++) {
        if (!problems->items[i].warning)
            buf_printf(&text, "%s%s", text.len > 0 ? "; " : "", problems->items[i].message);
    }
    problems_destroy(problems);
    lua_pushlstring(L, text.data, text.len);
    buf_destroy(&text);
    luaL_error(L, "%s", lua_tostring(L, -1));
}

/* The table at 1 is a copy. Seconds, as everywhere in Lua, are durations in a configuration. */
static void mend_timeout(lua_State *L)
{
    if (lua_getfield(L, 1, "timeout") == LUA_TNUMBER) {
        lua_pushfstring(L, "%Ims", (LUAI_UACINT)larg_seconds(L, 1, "timeout", 0));
        lua_setfield(L, 1, "timeout");
    }
    lua_pop(L, 1);
}

static struct connector *make_connector(lua_State *L, struct err *err)
{
    struct buf text;
    struct problems problems;
    const struct engine *engine = vm_engine(vm_of(L));
    mend_timeout(L);
    buf_create_secret(&text, TEXT_MAX);
    buf_puts(&text, "connectors: {\"" NAME "\": ");
    if (ljson_encode(L, 1, &text, err) != 0 || buf_putc(&text, '}') != 0) {
        buf_destroy(&text);
        err_wrap(err, NAME);
        return NULL;
    }
    problems_create(&problems);
    struct connector *connector = config_connector_parse(text.data, text.len, provider_list,
                                                         engine->config->presets, &problems);
    buf_destroy(&text);
    if (problems_errors(&problems) > 0 || connector == NULL) {
        connector_free(connector);
        raise_problems(L, &problems);
    }
    problems_destroy(&problems);
    return connector;
}

/* What came in its place would be lost: the script cannot keep it, as jeton.state writes nothing.
 */
static int check_dry_run(lua_State *L, const struct ltoken_call *call, struct err *err)
{
    const struct provider *provider = provider_of(call->connector);
    if (!vm_options_of(vm_of(L))->dry_run || provider->spends == NULL ||
        !provider->spends(call->connector, &call->secrets))
        return 0;
    return err_set(err, ERR_INVALID,
                   NAME ": a dry run sends no refresh token, nor another token or code that may be "
                        "good for one use");
}

static int exchange_any(lua_State *L)
{
    struct err err = {0};
    struct engine *engine = vm_engine(vm_of(L));
    larg_copy(L, 1);
    struct ltoken_call *call = ltoken_call_new(L); /* options call */
    call->connector = make_connector(L, &err);
    if (call->connector == NULL)
        return lerr_return(L, &err);
    struct connector *connector = call->connector;
    const struct provider *provider = provider_of(connector);
    if (provider->grants == NULL)
        return luaL_error(L, NAME ": 'token_of' is of connectors in a configuration");
    if (lua_getfield(L, 1, "retries") == LUA_TNIL)
        connector->retries = 0;
    lua_pop(L, 1);
    if (engine_need_store(engine, &err) != 0 ||
        connector_secrets_read(connector, engine->redact, engine->deadline_ms, &call->secrets,
                               &err) != 0 ||
        check_dry_run(L, call, &err) != 0)
        return lerr_return(L, &err);
    const char *tokens[PROVIDER_GRANTS_MAX];
    const struct provider_known known = {
        .connector = connector,
        .configured = connector_secrets_get(&call->secrets, PROVIDER_REFRESH_TOKEN)};
    if (provider->grants(&known, tokens) == 0)
        return luaL_error(L, NAME ": " PROVIDER_REFRESH_TOKEN " is missing");
    return start(L, call, connector->base != NULL ? connector->base : NOWHERE);
}

int ltoken_exchange(lua_State *L)
{
    task_check(L, NAME);
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    bool other =
        lua_getfield(L, 1, "preset") != LUA_TNIL || lua_getfield(L, 1, "token_of") != LUA_TNIL;
    lua_getfield(L, 1, "provider");
    const char *provider = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    other = other || (provider != NULL && strcmp(provider, provider_default->config.name) != 0);
    lua_settop(L, 1);
    return other ? exchange_any(L) : exchange_default(L);
}

#include "larg.h"
#include "lerr.h"
#include "lhttp_call.h"
#include "lhttp_request.h"
#include "ljson.h"
#include "luaopen.h"
#include "mem.h"
#include "url.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

/* http.get(url, options?) and http.post: call with a copy of the options that has url and method.
 */
static int call_method(lua_State *L, const char *method)
{
    luaL_checkstring(L, 1);
    lua_settop(L, 2); /* url options|nil */
    if (lua_isnil(L, 2)) {
        lua_createtable(L, 0, 2);
        lua_replace(L, 2);
    } else {
        luaL_checktype(L, 2, LUA_TTABLE);
        lhttp_request_options(L, 2);
    } /* url copy */
    if (lua_getfield(L, 2, "url") != LUA_TNIL || lua_getfield(L, 2, "method") != LUA_TNIL)
        return luaL_argerror(L, 2, "url and method are set by this function");
    lua_settop(L, 2);
    lua_pushstring(L, method);
    lua_setfield(L, 2, "method");
    lua_insert(L, 1); /* copy url */
    lua_setfield(L, 1, "url");
    return lhttp_call(L);
}

static int http_get(lua_State *L)
{
    return call_method(L, "GET");
}

static int http_post(lua_State *L)
{
    return call_method(L, "POST");
}

static int response_json(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    struct json_options options = {.lenient = larg_boolean(L, 1, "lenient", 0), .mend = true};
    ljson_options(L, 2, "response:json", &options);
    luaL_argcheck(L, lua_getfield(L, 1, "body") == LUA_TSTRING, 1, "not a response");
    size_t len = 0;
    const char *body = lua_tolstring(L, -1, &len); /* stays on the stack */
    struct err err;
    if (ljson_decode(L, body, len, &options, &err) != 0) {
        err_wrap(&err, "the body of the reply");
        return lerr_return(L, &err);
    }
    return 1;
}

static int http_encode(lua_State *L)
{
    size_t len;
    const char *text = larg_check_text(L, 1, &len);
    luaL_Buffer encoded;
    char *out = luaL_buffinitsize(L, &encoded, len * 3);
    luaL_pushresultsize(&encoded, url_encode_to(out, text, len));
    return 1;
}

static int url_gc(lua_State *L)
{
    url_destroy(luaL_checkudata(L, 1, "jeton.http.url"));
    return 0;
}

static int http_parse_url(lua_State *L)
{
    size_t len;
    const char *text = larg_check_text(L, 1, &len);
    luaL_argcheck(L, strlen(text) == len, 1, "holds a NUL byte");
    struct url *url = lua_newuserdatauv(L, sizeof *url, 0);
    *url = (struct url){0};
    luaL_setmetatable(L, "jeton.http.url");
    struct err err;
    if (url_parse(text, url, &err) != 0)
        return lerr_return(L, &err);
    lua_createtable(L, 0, 5);
    lua_pushstring(L, url->scheme);
    lua_setfield(L, -2, "scheme");
    lua_pushstring(L, url->host);
    lua_setfield(L, -2, "host");
    lua_pushinteger(L, url->port);
    lua_setfield(L, -2, "port");
    lua_pushstring(L, url->path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, url->query); /* NULL: nil */
    lua_setfield(L, -2, "query");
    url_destroy(url); /* Lua does not know its size */
    return 1;
}

/* Copies a text field of the table at index 1 into an err's array. It may be what a service said,
 * of which a NUL is shown as \0. */
static void error_text(lua_State *L, const char *key, char *out, size_t size)
{
    size_t len;
    const char *text = larg_string(L, 1, key, "", &len), *end = text + len;
    luaL_Buffer shown;
    luaL_buffinit(L, &shown);
    for (; text < end; text++) {
        if (*text == '\0')
            luaL_addlstring(&shown, "\\0", 2);
        else
            luaL_addchar(&shown, *text);
    }
    luaL_pushresult(&shown);
    err_text(out, size, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
}

/* Of http.error: seconds, or the text of a Retry-After. */
static int64_t error_retry_after_ms(lua_State *L)
{
    int64_t ms = 0;
    int type = lua_getfield(L, 1, "retry_after");
    if (type == LUA_TSTRING) {
        char name[] = "Retry-After", *value = mem_strdup(lua_tostring(L, -1));
        struct http_header header = {name, value};
        ms = http_retry_after_ms(&(struct http_response){.headers = &header, .nheaders = 1});
        mem_free(value);
    } else if (type == LUA_TNUMBER && lua_tonumber(L, -1) >= 0) {
        lua_Number given = lua_tonumber(L, -1) * 1000;
        ms = given < (lua_Number)HTTP_RETRY_AFTER_MAX_MS ? (int64_t)given : HTTP_RETRY_AFTER_MAX_MS;
    } else {
        luaL_argcheck(L, type == LUA_TNIL, 1,
                      "retry_after must be seconds, or the text of a Retry-After");
    }
    lua_pop(L, 1);
    return ms > 0 ? ms : 0;
}

/* http.error{kind=, message=, …}: makes an error like those of the bindings, for Lua libraries. */
static int http_error(lua_State *L)
{
    static const char *const keys[] = {"kind",      "message",     "status",  "code",
                                       "retryable", "retry_after", "request", NULL};
    static const enum err_kind kinds[] = {ERR_AUTH,     ERR_NETWORK,   ERR_HTTP,     ERR_THROTTLED,
                                          ERR_CONFIG,   ERR_CANCELLED, ERR_DEADLINE, ERR_INVALID,
                                          ERR_CONFLICT, ERR_LOST};
    luaL_checktype(L, 1, LUA_TTABLE);
    larg_options(L, 1, "http.error", keys);
    const char *kind = larg_string(L, 1, "kind", "", NULL);
    struct err err = {0};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kind, err_kind_name(kinds[i])) == 0)
            err.kind = kinds[i];
    luaL_argcheck(L, err.kind != ERR_NONE, 1, "kind must be one of those of an err");
    err.status = (int)larg_integer(L, 1, "status", 0);
    err.retryable = larg_boolean(L, 1, "retryable", 0) != 0;
    err.retry_after_ms = error_retry_after_ms(L);
    error_text(L, "message", err.msg, sizeof err.msg);
    error_text(L, "code", err.code, sizeof err.code);
    error_text(L, "request", err.request, sizeof err.request);
    lerr_push(L, &err);
    return 1;
}

int luaopen_jeton_http(lua_State *L)
{
    static const luaL_Reg functions[] = {{"request", lhttp_call},
                                         {"get", http_get},
                                         {"post", http_post},
                                         {"encode", http_encode},
                                         {"parse_url", http_parse_url},
                                         {"error", http_error},
                                         {NULL, NULL}};
    lhttp_call_setup(L);
    luaL_newmetatable(L, "jeton.http.url");
    lua_pushcfunction(L, url_gc);
    lua_setfield(L, -2, "__gc");
    luaL_newmetatable(L, LHTTP_RESPONSE);
    lua_newtable(L);
    lua_pushcfunction(L, response_json);
    lua_setfield(L, -2, "json");
    lua_setfield(L, -2, "__index");
    lua_pop(L, 2);
    luaL_newlib(L, functions);
    return 1;
}

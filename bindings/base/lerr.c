#include "lerr.h"

#include "larg.h"
#include "visible.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>

#define LERR_NAME       "jeton.error"
#define RETRY_AFTER_MAX (366LL * 86400) /* seconds */

static void set_string(lua_State *L, const char *key, const char *value)
{
    if (value[0] == '\0')
        return;
    lua_pushstring(L, value);
    lua_setfield(L, -2, key);
}

void lerr_push(lua_State *L, const struct err *err)
{
    luaL_checkstack(L, 3, "error");
    lua_createtable(L, 0, 6); /* err */
    lua_pushstring(L, err_kind_name(err->kind));
    lua_setfield(L, -2, "kind");
    lua_pushstring(L, err->msg);
    lua_setfield(L, -2, "message");
    if (err->status != 0) {
        lua_pushinteger(L, err->status);
        lua_setfield(L, -2, "status");
    }
    set_string(L, "code", err->code);
    set_string(L, "request", err->request);
    if (err->retry_after_ms != 0) {
        lua_pushinteger(L, (err->retry_after_ms + 999) / 1000);
        lua_setfield(L, -2, "retry_after");
    }
    lua_pushboolean(L, err->retryable);
    lua_setfield(L, -2, "retryable");
    luaL_setmetatable(L, LERR_NAME);
}

int lerr_return(lua_State *L, const struct err *err)
{
    lua_pushnil(L);
    lerr_push(L, err);
    return 2;
}

int lerr_raise(lua_State *L, const struct err *err)
{
    lerr_push(L, err);
    return lua_error(L);
}

/* The field as text. Only strings and numbers count, so that no code of the script runs here. */
static void get_string(lua_State *L, int index, const char *key, char *out, size_t size)
{
    lua_pushstring(L, key);
    lua_rawget(L, index);
    const char *text = larg_shown(L, -1);
    if (text != NULL)
        err_text(out, size, "%s", text);
    lua_pop(L, 1);
}

static enum err_kind kind_named(const char *name)
{
    for (int kind = ERR_NONE + 1; kind <= ERR_DEADLINE; kind++) {
        if (strcmp(name, err_kind_name((enum err_kind)kind)) == 0)
            return (enum err_kind)kind;
    }
    return ERR_SCRIPT;
}

bool lerr_get(lua_State *L, int index, struct err *err)
{
    index = lua_absindex(L, index);
    if (!lua_istable(L, index) || !lua_checkstack(L, 6) || !lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, LERR_NAME);
    bool ours = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    if (!ours)
        return false;

    char kind[ERR_CODE_MAX] = "";
    err_clear(err);
    get_string(L, index, "kind", kind, sizeof kind);
    get_string(L, index, "message", err->msg, sizeof err->msg);
    get_string(L, index, "code", err->code, sizeof err->code);
    get_string(L, index, "request", err->request, sizeof err->request);
    err->kind = kind_named(kind);

    lua_pushliteral(L, "status");
    lua_rawget(L, index);
    err->status = (int)lua_tointeger(L, -1);
    lua_pushliteral(L, "retryable");
    lua_rawget(L, index);
    err->retryable = lua_toboolean(L, -1);
    lua_pushliteral(L, "retry_after");
    lua_rawget(L, index);
    lua_Integer seconds = lua_tointeger(L, -1);
    err->retry_after_ms = seconds > 0 && seconds < RETRY_AFTER_MAX ? seconds * 1000 : 0;
    lua_pop(L, 3);
    return true;
}

/* The text on top, in one line that is safe to show. */
static int push_line(lua_State *L)
{
    char part[VISIBLE_PART_MAX];
    size_t len;
    const char *text = lua_tolstring(L, -1, &len);
    luaL_Buffer line;
    luaL_buffinit(L, &line);
    while (len > 0) {
        size_t size = visible_part(&text, &len, VISIBLE_LINE, part);
        luaL_addlstring(&line, part, size);
    }
    luaL_pushresult(&line);
    return 1;
}

static int lerr_tostring(lua_State *L)
{
    struct err err;
    if (!lerr_get(L, 1, &err))
        return luaL_argerror(L, 1, "a jeton error expected");
    lua_pushliteral(L, "kind");
    lua_rawget(L, 1); /* the script may have set a kind of its own */
    const char *kind = larg_shown(L, -1);
    char line[ERR_LINE_MAX];
    lua_pushfstring(L, "%s: %s", kind != NULL ? kind : err_kind_name(err.kind),
                    err_line(&err, line));
    return push_line(L);
}

/* A field that is a text or a number. */
static bool push_field(lua_State *L, int index, const char *key)
{
    lua_pushstring(L, key);
    lua_rawget(L, index);
    if (lua_isstring(L, -1))
        return true;
    lua_pop(L, 1);
    return false;
}

void lerr_text(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, "text of an error");
    if (lua_type(L, index) == LUA_TSTRING) { /* all share a metatable, which may be the script's */
        lua_pushvalue(L, index);
        return;
    }
    bool shows = luaL_getmetafield(L, index, "__tostring") != LUA_TNIL;
    if (shows)
        lua_pop(L, 1);
    if (shows || !lua_istable(L, index)) {
        luaL_tolstring(L, index, NULL);
        return;
    }
    bool kind = push_field(L, index, "kind");
    bool message = push_field(L, index, "message");
    if (kind && message) {
        lua_pushliteral(L, ": ");
        lua_insert(L, -2);
        lua_concat(L, 3);
    } else if (!kind && !message) {
        luaL_tolstring(L, index, NULL);
    }
    lua_tostring(L, -1); /* in place of a number */
}

void lerr_setup(lua_State *L)
{
    luaL_newmetatable(L, LERR_NAME);
    lua_pushcfunction(L, lerr_tostring);
    lua_setfield(L, -2, "__tostring");
    lua_pop(L, 1);
}

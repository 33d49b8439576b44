#include "larg.h"

#include "decimal.h"
#include "nearest.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#define LARG_SECONDS_MAX 1e9 /* some 30 years: far from any overflow in milliseconds */

static int wrong_type(lua_State *L, const char *key, const char *expected, int value)
{
    return luaL_error(L, "option '%s': %s expected, got %s", key, expected,
                      lua_islightuserdata(L, value) ? "light userdata" : luaL_typename(L, value));
}

static int unknown_key(lua_State *L, const char *what, const char *name, const char *const *keys)
{
    size_t count = 0;
    while (keys[count] != NULL)
        count++;
    const char *nearest = nearest_name(name, keys, count);
    if (nearest != NULL)
        return luaL_error(L, "%s: unknown option '%s'; did you mean '%s'?", what, name, nearest);

    luaL_Buffer list;
    luaL_buffinit(L, &list);
    for (size_t i = 0; i < count; i++) {
        luaL_addstring(&list, i > 0 ? ", " : "");
        luaL_addstring(&list, keys[i]);
    }
    luaL_pushresult(&list);
    return luaL_error(L, "%s: unknown option '%s'; it takes: %s", what, name,
                      count > 0 ? lua_tostring(L, -1) : "none");
}

void larg_copy(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, "a table");
    int count = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        count++;
    lua_createtable(L, 0, count);                    /* the last call that may collect garbage */
    for (lua_pushnil(L); lua_next(L, index) != 0;) { /* copy key value */
        lua_pushvalue(L, -2);
        lua_insert(L, -2); /* copy key key value */
        lua_rawset(L, -4);
    }
    lua_replace(L, index);
}

void larg_check_list(lua_State *L, int index, lua_Integer count, const char *what)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 2, "a list");
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > count)
            luaL_error(L, "%s: entry %I is nil, and others follow it", what,
                       (LUAI_UACINT)count + 1);
    }
}

static uint64_t check_keys(lua_State *L, int index, const char *what, const char *const *keys)
{
    uint64_t given = 0;
    lua_pushnil(L);
    while (lua_next(L, index)) { /* key, value */
        lua_pop(L, 1);
        if (lua_type(L, -1) != LUA_TSTRING) {
            luaL_error(L, "%s: options must have names as keys, not a %s", what,
                       luaL_typename(L, -1));
        }
        lua_pushvalue(L, -1);
        const char *name = larg_shown(L, -1);
        size_t i = 0;
        while (keys[i] != NULL && strcmp(keys[i], name) != 0)
            i++;
        if (keys[i] == NULL)
            unknown_key(L, what, name, keys);
        given |= i < 64 ? UINT64_C(1) << i : 0;
        lua_pop(L, 1);
    }
    return given;
}

uint64_t larg_options(lua_State *L, int index, const char *what, const char *const *keys)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, "options");
    uint64_t given = check_keys(L, index, what, keys);
    if (!lua_getmetatable(L, index)) {
        larg_copy(L, index);
        return given;
    }
    lua_pop(L, 1);
    lua_newtable(L);
    given = 0;
    for (size_t i = 0; keys[i] != NULL; i++) {
        if (lua_getfield(L, index, keys[i]) != LUA_TNIL)
            given |= i < 64 ? UINT64_C(1) << i : 0;
        lua_setfield(L, -2, keys[i]);
    }
    lua_replace(L, index);
    return given;
}

/* Pushes the field; false (and nothing pushed) where it is absent. */
static int push_field(lua_State *L, int index, const char *key)
{
    if (lua_getfield(L, index, key) != LUA_TNIL)
        return 1;
    lua_pop(L, 1);
    return 0;
}

const char *larg_string(lua_State *L, int index, const char *key, const char *fallback, size_t *len)
{
    if (!push_field(L, index, key)) {
        if (len != NULL)
            *len = fallback != NULL ? strlen(fallback) : 0;
        return fallback;
    }
    /* A number would be converted in a copy that nothing holds. */
    if (lua_type(L, -1) != LUA_TSTRING)
        wrong_type(L, key, "a string", -1);
    const char *text = lua_tolstring(L, -1, len);
    if (len == NULL && strlen(text) != lua_rawlen(L, -1))
        luaL_error(L, "option '%s': a NUL byte is not allowed", key);
    lua_pop(L, 1);
    return text;
}

const char *larg_text(lua_State *L, int index, size_t *len)
{
    if (lua_type(L, index) == LUA_TNUMBER && !lua_isinteger(L, index)) {
        char text[DECIMAL_SIZE];
        double value = lua_tonumber(L, index);
        if (!isfinite(value))
            return NULL;
        decimal_format(value, text);
        index = lua_absindex(L, index);
        lua_pushstring(L, text);
        lua_replace(L, index);
    }
    return lua_tolstring(L, index, len);
}

const char *larg_check_text(lua_State *L, int arg, size_t *len)
{
    const char *text = larg_text(L, arg, len);
    if (text == NULL && lua_type(L, arg) == LUA_TNUMBER)
        luaL_argerror(L, arg, "NaN and infinity cannot be text");
    return text != NULL ? text : luaL_checklstring(L, arg, len); /* which raises */
}

const char *larg_shown(lua_State *L, int index)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    const char *nul = text != NULL ? memchr(text, '\0', len) : NULL;
    if (nul == NULL)
        return text;
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, "a text");
    luaL_Buffer shown;
    luaL_buffinit(L, &shown);
    for (const char *end = text + len; nul != NULL;
         nul = memchr(text, '\0', (size_t)(end - text))) {
        luaL_addlstring(&shown, text, (size_t)(nul - text));
        luaL_addstring(&shown, "\\x00");
        len -= (size_t)(nul - text) + 1;
        text = nul + 1;
    }
    luaL_addlstring(&shown, text, len);
    luaL_pushresult(&shown);
    lua_replace(L, index);
    return lua_tostring(L, index);
}

int64_t larg_integer(lua_State *L, int index, const char *key, int64_t fallback)
{
    if (!push_field(L, index, key))
        return fallback;
    int exact = 0;
    lua_Integer value = lua_type(L, -1) == LUA_TNUMBER ? lua_tointegerx(L, -1, &exact) : 0;
    if (!exact)
        wrong_type(L, key, "an integer", -1);
    lua_pop(L, 1);
    return value;
}

static double number(lua_State *L, int index, const char *key, double fallback)
{
    if (!push_field(L, index, key))
        return fallback;
    if (lua_type(L, -1) != LUA_TNUMBER)
        wrong_type(L, key, "a number", -1);
    double value = lua_tonumber(L, -1);
    lua_pop(L, 1);
    return value;
}

int larg_boolean(lua_State *L, int index, const char *key, int fallback)
{
    if (!push_field(L, index, key))
        return fallback;
    if (!lua_isboolean(L, -1))
        wrong_type(L, key, "a boolean", -1);
    int value = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return value;
}

int64_t larg_seconds(lua_State *L, int index, const char *key, int64_t fallback_ms)
{
    double seconds = number(L, index, key, -1);
    if (seconds == -1 && !push_field(L, index, key))
        return fallback_ms;
    if (!(seconds >= 0 && seconds <= LARG_SECONDS_MAX))
        luaL_error(L, "option '%s': seconds from 0 to %d expected", key, (int)LARG_SECONDS_MAX);
    return (int64_t)ceil(seconds * 1000);
}

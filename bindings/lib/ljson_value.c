#include "ljson_value.h"

#include <lauxlib.h>

#define ARRAY_NAME "jeton.json.array"

/* Its address is the array metatable's key in the registry. */
static const char array_key;

void ljson_value_push_null(lua_State *L)
{
    lua_pushlightuserdata(L, NULL);
}

bool ljson_value_is_null(lua_State *L, int index)
{
    return lua_type(L, index) == LUA_TLIGHTUSERDATA && lua_touserdata(L, index) == NULL;
}

void ljson_value_push_array_metatable(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key) == LUA_TTABLE)
        return;
    lua_pop(L, 1);
    lua_createtable(L, 0, 1);                      /* mt */
    lua_pushliteral(L, ARRAY_NAME);                /* mt, name */
    lua_setfield(L, -2, "__name");                 /* mt */
    lua_pushvalue(L, -1);                          /* mt, mt */
    lua_rawsetp(L, LUA_REGISTRYINDEX, &array_key); /* mt */
}

void ljson_value_mark_array(lua_State *L, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 3, NULL);
    ljson_value_push_array_metatable(L);
    lua_setmetatable(L, index);
}

bool ljson_value_is_array(lua_State *L, int index)
{
    if (!lua_istable(L, index) || !lua_getmetatable(L, index))
        return false;                              /* mt */
    lua_rawgetp(L, LUA_REGISTRYINDEX, &array_key); /* mt, array's */
    bool result = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return result;
}

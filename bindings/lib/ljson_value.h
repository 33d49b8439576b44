/* What JSON has and Lua has not: null, and empty lists that differ from empty objects. */
#ifndef JETON_LJSON_VALUE_H
#define JETON_LJSON_VALUE_H

#include <lua.h>
#include <stdbool.h>

/* json.null is a light userdata that is NULL, as cjson's. */
void ljson_value_push_null(lua_State *L);
bool ljson_value_is_null(lua_State *L, int index);
/* Gives the table at index json.array's metatable. */
void ljson_value_mark_array(lua_State *L, int index);
bool ljson_value_is_array(lua_State *L, int index); /* never raises */
void ljson_value_push_array_metatable(lua_State *L);

#endif

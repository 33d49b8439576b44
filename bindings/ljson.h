/* JSON between Lua and the core's parser; shared by jeton.json, jeton.http, jeton.server,
 * jeton.state. */
#ifndef JETON_LJSON_H
#define JETON_LJSON_H

#include "json.h"

#include <lua.h>

/* Pushes the value, or returns -1 with err and the stack as it was. null is json.null, lists carry
 * json.array's metatable. */
int ljson_decode(lua_State *L, const char *text, size_t len, const struct json_options *options,
                 struct err *err);
/* Appends the value at index. ERR_INVALID names the path to what cannot be written ("$.a[3]: a
 * function"). */
int ljson_encode(lua_State *L, int index, struct buf *out, struct err *err);
int luaopen_jeton_json(lua_State *L);

#endif

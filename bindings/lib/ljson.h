/* JSON as Lua values; shared by jeton.json, jeton.http, jeton.state. */
#ifndef JETON_LJSON_H
#define JETON_LJSON_H

#include "json.h"

#include <lua.h>

/* Pushes the value, or returns -1 with err and the stack as it was. null is json.null, lists carry
 * json.array's metatable. Raises when Lua is out of memory (and leaks nothing then). */
int ljson_decode(lua_State *L, const char *text, size_t len, const struct json_options *options,
                 struct err *err);
/* Reads {lenient=, max_bytes=, max_depth=} at index, where that is not nil. Raises on misuse. */
void ljson_options(lua_State *L, int index, const char *what, struct json_options *options);

#endif

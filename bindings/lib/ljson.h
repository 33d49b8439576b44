/* JSON as Lua values; shared by jeton.json, jeton.http, jeton.state. */
#ifndef JETON_LJSON_H
#define JETON_LJSON_H

#include "json.h"

#include <lua.h>

/* Pushes the value. null becomes json.null, and lists have json.array's metatable. -1 with err: the
 * stack is as it was. Raises if Lua is out of memory, without a leak. */
int ljson_decode(lua_State *L, const char *text, size_t len, const struct json_options *options,
                 struct err *err);
/* Reads {lenient=, max_bytes=, max_depth=} at index, unless it is nil. Raises on misuse. */
void ljson_options(lua_State *L, int index, const char *what, struct json_options *options);

#endif

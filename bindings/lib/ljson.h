/* JSON between Lua and the core's parser; shared by jeton.json, jeton.http, jeton.server,
 * jeton.state, jeton.yaml. */
#ifndef JETON_LJSON_H
#define JETON_LJSON_H

#include "json.h"

#include <lua.h>

#define LJSON_INDENT_MAX 8

/* Pushes the value, or returns -1 with err and the stack as it was. null is json.null, lists carry
 * json.array's metatable. Raises when Lua is out of memory (and leaks nothing then). */
int ljson_decode(lua_State *L, const char *text, size_t len, const struct json_options *options,
                 struct err *err);
/* Reads {lenient=, max_bytes=, max_depth=} at index, where that is not nil. Raises on misuse. */
void ljson_options(lua_State *L, int index, const char *what, struct json_options *options);
/* Appends the value at index. ERR_INVALID names the path to what cannot be written ("$.a[3]: a
 * function"). Never raises, so that `out` may be any buffer. */
int ljson_encode(lua_State *L, int index, struct buf *out, struct err *err);
/* The same over several lines, `indent` spaces a level (at most LJSON_INDENT_MAX); 0: on one line.
 */
int ljson_encode_indented(lua_State *L, int index, int indent, struct buf *out, struct err *err);

/* json.null is a light userdata that is NULL, as cjson's. */
void ljson_push_null(lua_State *L);
bool ljson_is_null(lua_State *L, int index);
/* Gives the table at index json.array's metatable. */
void ljson_mark_array(lua_State *L, int index);
bool ljson_is_array(lua_State *L, int index); /* never raises */

int luaopen_jeton_json(lua_State *L);

#endif

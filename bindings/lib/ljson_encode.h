/* Lua values as JSON. */
#ifndef JETON_LJSON_ENCODE_H
#define JETON_LJSON_ENCODE_H

#include "buf.h"
#include "err.h"

#include <lua.h>

#define LJSON_INDENT_MAX 8

/* Appends the value at index. ERR_INVALID names the path to what cannot be written ("$.a[3]: a
 * function"). Never raises, so that `out` may be any buffer. */
int ljson_encode(lua_State *L, int index, struct buf *out, struct err *err);
/* The same over several lines, `indent` spaces a level (at most LJSON_INDENT_MAX); 0: on one line.
 */
int ljson_encode_indented(lua_State *L, int index, int indent, struct buf *out, struct err *err);

#endif

/* Writes Lua values as JSON. */
#ifndef JETON_LJSON_ENCODE_H
#define JETON_LJSON_ENCODE_H

#include "buf.h"
#include "err.h"

#include <lua.h>

#define LJSON_INDENT_MAX 8

/* Appends the value at index. ERR_INVALID: its message has the path to what cannot be written, as
 * in
 * "$.a[3]: a function". Never raises, so `out` need not be known to Lua. */
int ljson_encode(lua_State *L, int index, struct buf *out, struct err *err);
/* The same on several lines, indented by `indent` spaces a level, at most LJSON_INDENT_MAX. 0: on
 * one line. */
int ljson_encode_indented(lua_State *L, int index, int indent, struct buf *out, struct err *err);

#endif

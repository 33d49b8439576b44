/*
 * Reads tables of a script. Almost every call into Lua may collect garbage, and so run finalizers,
 * which may change any table that the script can reach; metamethods may do the same. So tables are
 * copied first, and only the copies are read. All raise a string with its position on misuse.
 */
#ifndef JETON_LARG_H
#define JETON_LARG_H

#include <lua.h>
#include <stdint.h>

/* Replaces the table at index by a copy without a metatable, which no code of the script can reach:
 * it stays as it is, and keeps its strings alive. While it is filled no such code runs. */
void larg_copy(lua_State *L, int index);
/* Raises when the table at index has a key that is not in the NULL-terminated list, and suggests
 * the nearest one that is. `what` names the call. Then replaces the table by one that only the
 * caller can reach, as larg_copy does; it has the fields that are listed, also those that an
 * __index gives. Returns which are there: bit i is set for keys[i], of the first 64. */
uint64_t larg_options(lua_State *L, int index, const char *what, const char *const *keys);
/* Raises where the list at index has an entry behind `count`, its length as `#` gives it: then one
 * before it is nil, and it would be left out. Runs no code of the script. */
void larg_check_list(lua_State *L, int index, lua_Integer count, const char *what);
/* A field of the table at index, or the fallback where it is nil. Pushes nothing. A string lives as
 * long as the table, which must come from larg_options. len NULL: a NUL byte in the string is
 * refused. */
const char *larg_string(lua_State *L, int index, const char *key, const char *fallback,
                        size_t *len);
/* The string or number at index as text, converted in place as lua_tolstring does (so not at a key
 * of lua_next), but a float as JSON has it: in full, with '.' in any locale. NULL for other types,
 * for NaN and for infinity. */
const char *larg_text(lua_State *L, int index, size_t *len);
/* The same of an argument; raises where it is NULL. */
const char *larg_check_text(lua_State *L, int arg, size_t *len);
/* The string or number at index (as above, not at a key of lua_next) for what ends at a NUL, such
 * as a message: a NUL in it becomes `\x00`, in place. NULL for other types. */
const char *larg_shown(lua_State *L, int index);
int64_t larg_integer(lua_State *L, int index, const char *key, int64_t fallback);
int larg_boolean(lua_State *L, int index, const char *key, int fallback);
/* Seconds (float) → ms. */
int64_t larg_seconds(lua_State *L, int index, const char *key, int64_t fallback_ms);

#endif

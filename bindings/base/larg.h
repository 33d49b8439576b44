/* Reads the fields of an option table. All raise a string with its position on misuse. */
#ifndef JETON_LARG_H
#define JETON_LARG_H

#include <lua.h>
#include <stdint.h>

/* Raises when the table at index has a key that is not in the NULL-terminated list, and suggests
 * the nearest one that is. `what` names the call. */
void larg_check_keys(lua_State *L, int index, const char *what, const char *const *keys);
/* A field of the table at index, or the fallback where it is nil. Pushes nothing. Copy a string
 * before the next call into Lua: an __index may have made it, so that nothing keeps it alive.
 * len NULL: a NUL byte in the string is refused. */
const char *larg_string(lua_State *L, int index, const char *key, const char *fallback,
                        size_t *len);
int64_t larg_integer(lua_State *L, int index, const char *key, int64_t fallback);
int larg_boolean(lua_State *L, int index, const char *key, int fallback);
/* Seconds (float) → ms. */
int64_t larg_seconds(lua_State *L, int index, const char *key, int64_t fallback_ms);

#endif

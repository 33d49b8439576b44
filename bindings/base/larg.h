/* Arguments from Lua. All raise a string with position on misuse. */
#ifndef JETON_LARG_H
#define JETON_LARG_H

#include <lua.h>
#include <stdint.h>

/* Raises when the table at index has a key that is not in the NULL-terminated list, with the
 * nearest one. */
void larg_check_keys(lua_State *L, int index, const char *what, const char *const *keys);
/* Field of the table at index: pushes nothing; raises on a wrong type. A string is to be copied
 * before anything else is asked of Lua: an __index may have made it, and then nothing holds it. */
const char *larg_string(lua_State *L, int index, const char *key, const char *fallback,
                        size_t *len);
int64_t larg_integer(lua_State *L, int index, const char *key, int64_t fallback);
int larg_boolean(lua_State *L, int index, const char *key, int fallback);
/* Seconds (float) → ms. */
int64_t larg_seconds(lua_State *L, int index, const char *key, int64_t fallback_ms);

#endif

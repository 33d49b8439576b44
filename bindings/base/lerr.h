/* A core error as a Lua value: a table with kind, message, status, code, retryable, request. */
#ifndef JETON_LERR_H
#define JETON_LERR_H

#include "err.h"

#include <lua.h>

void lerr_push(lua_State *L, const struct err *err);
/* Pushes nil, err; returns 2: `return lerr_return(L, &err)`. */
int lerr_return(lua_State *L, const struct err *err);
int lerr_raise(lua_State *L, const struct err *err); /* does not return */
/* Whether the value at index is such a table; then fills err. Calls no metamethod. */
bool lerr_get(lua_State *L, int index, struct err *err);
/* Pushes what a raised value says: luaL_tolstring, but of a table that does not say how it is shown
 * its kind and message. May run code of the script, and raise. */
void lerr_text(lua_State *L, int index);
/* Registers the metatable; its __tostring gives "kind: message (GET https://…)". The vm calls it
 * once. */
void lerr_setup(lua_State *L);

#endif

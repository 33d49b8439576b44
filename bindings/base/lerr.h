/* Errors between core and Lua: a table with kind, message, status, code, retryable, request (design
 * §6). */
#ifndef JETON_LERR_H
#define JETON_LERR_H

#include "err.h"

#include <lua.h>

void lerr_push(lua_State *L, const struct err *err);
/* Pushes nil, err; returns 2: `return lerr_return(L, &err)`. */
int lerr_return(lua_State *L, const struct err *err);
int lerr_raise(lua_State *L, const struct err *err);
/* True and fills err when the value at index is such a table. */
bool lerr_get(lua_State *L, int index, struct err *err);
/* Registers the metatable (__tostring gives one line: "kind: message (GET https://…)"). Called once
 * by the vm. */
void lerr_setup(lua_State *L);

#endif

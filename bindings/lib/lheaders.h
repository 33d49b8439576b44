/* Headers of HTTP as a Lua table, for jeton.http and jeton.server. */
#ifndef JETON_LHEADERS_H
#define JETON_LHEADERS_H

#include "field.h"

#include <lua.h>
#include <stddef.h>

/* Pushes {name = value}, with names in lower case, and values of the same name joined by ", ". */
void lheaders_push(lua_State *L, const struct http_header *headers, size_t count);

#endif

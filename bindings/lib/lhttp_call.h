/* A call of jeton.http: starts it in http.c or client.c, and has the task wait for it. */
#ifndef JETON_LHTTP_CALL_H
#define JETON_LHTTP_CALL_H

#include <lua.h>

#define LHTTP_RESPONSE "jeton.http.response" /* metatable of responses */

/* Registers the metatable of calls; when the module is opened. */
void lhttp_call_setup(lua_State *L);
/* Waits. The option table is at index 1. Pushes response, or nil, err and perhaps response. */
int lhttp_call(lua_State *L);

#endif

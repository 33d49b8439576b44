/* One call of jeton.http under way: http.c or client.c on one side, the waiting task on the other.
 */
#ifndef JETON_LHTTP_CALL_H
#define JETON_LHTTP_CALL_H

#include <lua.h>

#define LHTTP_RESPONSE "jeton.http.response" /* metatable of responses */

/* Makes the metatable of calls under way. Once, when the module is opened. */
void lhttp_call_setup(lua_State *L);
/* The option table is at index 1. *Waits*; pushes response, or nil, err and perhaps response. */
int lhttp_call(lua_State *L);

#endif

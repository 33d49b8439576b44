/* Runs of scripts by tests: in a vm of their own, in the same world. */
#ifndef JETON_LTEST_SCRIPT_H
#define JETON_LTEST_SCRIPT_H

#include <lua.h>

/* native.run{…} → {status, kind, message, stdout, stderr, state}; or nil, err: it did not begin */
int ltest_script(lua_State *L);
void ltest_script_setup(lua_State *L); /* its metatable */

#endif

/* Processes that a test starts and that end with it: sandboxes. */
#ifndef JETON_LTEST_SANDBOX_H
#define JETON_LTEST_SANDBOX_H

#include <lua.h>

/* native.start_sandbox{ARG…} → its process, and what it says until it is ready; or nil, err. Blocks
 * for that time. */
int ltest_sandbox_start(lua_State *L);
/* native.end_sandbox(process), of those that were started here: waits until it has ended, which is
 * soon. */
int ltest_sandbox_end(lua_State *L);

#endif

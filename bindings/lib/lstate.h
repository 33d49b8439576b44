/* jeton.state: durable keys and values of a job or script. Changes wait in the Lua state and are
 * written together. */
#ifndef JETON_LSTATE_H
#define JETON_LSTATE_H

#include "err.h"

#include <lua.h>

/*
 * Writes what the script has set and not yet committed; for the vm, after the last task has ended
 * well. Does nothing where jeton.state was not used, and in a dry run. Raises nothing. Blocks on
 * the store.
 */
int lstate_commit(lua_State *L, struct err *err);

#endif

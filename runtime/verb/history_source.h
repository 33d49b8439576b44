/* What the pages of scripts/history ask the state, as a module of Lua. */
#ifndef JETON_HISTORY_SOURCE_H
#define JETON_HISTORY_SOURCE_H

#include <lauxlib.h>

/* The modules and `history.source`, for vm_options. The caller frees the list (mem_free). */
struct luaL_Reg *history_source_modules(const struct luaL_Reg *modules);

#endif

/* The C modules in the executable, for vm_options. */
#ifndef JETON_MODULES_H
#define JETON_MODULES_H

#include <lauxlib.h>

extern const luaL_Reg modules[]; /* ends with name NULL */

#endif

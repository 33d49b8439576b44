/* Requests of a test that are carried to the real service. */
#ifndef JETON_LTEST_FORWARD_H
#define JETON_LTEST_FORWARD_H

#include "ltest_world.h"

/* Adds its functions to the table on top of L. */
void ltest_forward_open(lua_State *L, struct ltest_world *world);

#endif

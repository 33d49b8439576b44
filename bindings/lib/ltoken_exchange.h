/* token.exchange of jeton.token. */
#ifndef JETON_LTOKEN_EXCHANGE_H
#define JETON_LTOKEN_EXCHANGE_H

#include <lua.h>

int ltoken_exchange(lua_State *L);

#endif

/* Webhooks that a test delivers: signed as their sender does, checked and stored as a listener
 * does. */
#ifndef JETON_LTEST_DELIVER_H
#define JETON_LTEST_DELIVER_H

#include <lua.h>

/* native.deliver{config=, hook=, body=, id=, headers={name, value, …}, forged=} →
 * {verdict=, status=, why=, seq=}; or nil, err */
int ltest_deliver(lua_State *L);
/* native.event{config=, hook=, seq=} → {state=, attempts=, error=, duplicates=, type=, id=}; nil:
 * none */
int ltest_event(lua_State *L);

#endif

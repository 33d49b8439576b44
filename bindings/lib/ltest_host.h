/* Shared by the files of jeton.test_host. */
#ifndef JETON_LTEST_HOST_H
#define JETON_LTEST_HOST_H

#include <lua.h>

/* run{ argv = {…}, env = {"NAME=value", …}, below = {"HOME", …}, timeout_ms = } waits; gives
 * { status=, signal=, timed_out=, too_much=, dropped=, output=, report= }, or nil, err. */
int ltest_run(lua_State *L);
void ltest_run_setup(lua_State *L);
/* key(): waits; one byte that was typed, or nil at the end. raw(boolean): whether keys arrive at
 * once, and are not shown. */
int ltest_key(lua_State *L);
int ltest_raw(lua_State *L);
void ltest_key_setup(lua_State *L);
/* replace(text, {secret, instead, …}): the text with what stands instead of each secret, in
 * whatever form redact.h knows. One after the other: the longest first. */
int ltest_replace(lua_State *L);

#endif

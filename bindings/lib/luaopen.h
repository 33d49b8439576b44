/* The functions that open the modules written in C, one file each. */
#ifndef JETON_LUAOPEN_H
#define JETON_LUAOPEN_H

#include <lua.h>

int luaopen_jeton(lua_State *L);            /* jeton.c */
int luaopen_jeton_cjson(lua_State *L);      /* lcjson.c: cjson */
int luaopen_jeton_cjson_safe(lua_State *L); /* lcjson.c: cjson.safe */
int luaopen_jeton_crypto(lua_State *L);     /* lcrypto.c */
int luaopen_jeton_exec(lua_State *L);       /* lexec_module.c */
int luaopen_jeton_hook(lua_State *L);       /* levent.c */
int luaopen_jeton_http(lua_State *L);       /* lhttp.c */
int luaopen_jeton_json(lua_State *L);       /* ljson.c */
int luaopen_jeton_log(lua_State *L);        /* llog.c */
int luaopen_jeton_output(lua_State *L);     /* loutput.c */
int luaopen_jeton_place(lua_State *L);      /* lplace.c */
int luaopen_jeton_progress_line(lua_State *L);
int luaopen_jeton_server(lua_State *L);      /* lserver.c */
int luaopen_jeton_sqlite(lua_State *L);      /* lsqlite.c */
int luaopen_jeton_state(lua_State *L);       /* lstate.c */
int luaopen_jeton_test_host(lua_State *L);   /* ltest_host.c */
int luaopen_jeton_test_native(lua_State *L); /* ltest.c */
int luaopen_jeton_token(lua_State *L);       /* ltoken.c */
int luaopen_jeton_yaml(lua_State *L);        /* lyaml.c */

#endif

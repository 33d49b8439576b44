/* jeton.progress_line: what scripts/jeton/progress.lua draws with. */
#include "engine.h"
#include "larg.h"
#include "luaopen.h"
#include "vm.h"

#include <lauxlib.h>

static struct log *log_of(lua_State *L)
{
    return vm_engine(vm_of(L))->log;
}

/* mode(): "bar", "lines" or "none" */
static int mode(lua_State *L)
{
    static const char *const names[] = {
        [LOG_STATUS_NONE] = "none", [LOG_STATUS_LINES] = "lines", [LOG_STATUS_BAR] = "bar"};
    lua_pushstring(L, names[log_status_mode(log_of(L))]);
    return 1;
}

/* show(text): below the log; nil: takes it away */
static int show(lua_State *L)
{
    if (!lua_isnoneornil(L, 1))
        luaL_checkstring(L, 1);
    const char *text = lua_isnoneornil(L, 1) ? NULL : larg_shown(L, 1);
    if (text != NULL)
        engine_know_secrets(vm_engine(vm_of(L)));
    log_status(log_of(L), text);
    return 0;
}

int luaopen_jeton_progress_line(lua_State *L)
{
    static const luaL_Reg functions[] = {{"mode", mode}, {"show", show}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

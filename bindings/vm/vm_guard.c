/*
 * Replaces library functions by which a script could skip the run's clean-up (os.exit), catch the
 * error that ends it (pcall, xpcall), or switch off its limits (debug.sethook).
 */
#include "vm_private.h"

#include "clock.h"

#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>

#define EXIT_STATUS_MAX 255

bool vm_is_unwind(lua_State *L, int index)
{
    return lua_islightuserdata(L, index) && lua_touserdata(L, index) == vm_of(L);
}

/* os.exit([true | false | status]): ends the run after its clean-up. Never returns to the script.
 */
static int exit_run(lua_State *L)
{
    struct vm *vm = vm_of(L);
    lua_Integer status = 0;
    if (lua_isboolean(L, 1))
        status = lua_toboolean(L, 1) ? 0 : 1;
    else
        status = luaL_optinteger(L, 1, 0);
    luaL_argcheck(L, status >= 0 && status <= EXIT_STATUS_MAX, 1,
                  "true, false, or a status from 0 to 255 expected");
    if (!vm->exiting) {
        vm->exiting = true;
        vm->exit_status = (int)status;
        vm_stop(vm, VM_EXIT_MS);
    }
    if (task_can_park(L))
        return task_park(L);
    /* Inside a plain coroutine, or a function that C code calls: an error that no pcall catches. */
    lua_pushlightuserdata(L, vm);
    return lua_error(L);
}

/* pcall and xpcall as Lua has them, except that they let through what unwinds for os.exit. */

static int protected_end(lua_State *L, int status, lua_KContext below)
{
    if (status == LUA_OK || status == LUA_YIELD)
        return lua_gettop(L) - (int)below; /* true result… */
    if (vm_of(L)->unwind_ms != 0 && (below != 0 || vm_is_unwind(L, -1))) {
        lua_pushlightuserdata(L, vm_of(L)); /* xpcall's handler may have changed it */
        return lua_error(L);
    }
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

static int protected_call(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, 1);
    lua_insert(L, 1); /* true fn arg… */
    int status = lua_pcallk(L, lua_gettop(L) - 2, LUA_MULTRET, 0, 0, protected_end);
    return protected_end(L, status, 0);
}

static int protected_call_handler(lua_State *L)
{
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_pushvalue(L, 1);
    lua_replace(L, 1);
    lua_pushboolean(L, 1);
    lua_pushvalue(L, 1);
    lua_rotate(L, 3, 2); /* fn handler true fn arg… */
    int status = lua_pcallk(L, lua_gettop(L) - 4, LUA_MULTRET, 2, 2, protected_end);
    return protected_end(L, status, 2);
}

static int debug_sethook(lua_State *L)
{
    return luaL_error(L, "debug.sethook: jeton keeps the count hook for the run's deadline");
}

void vm_guard_setup(lua_State *L)
{
    static const struct {
        const char *library, *name;
        lua_CFunction fn;
    } replaced[] = {
        {LUA_GNAME, "pcall", protected_call},
        {LUA_GNAME, "xpcall", protected_call_handler},
        {LUA_DBLIBNAME, "sethook", debug_sethook},
        {LUA_OSLIBNAME, "exit", exit_run},
    };
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* loaded */
    for (size_t i = 0; i < sizeof replaced / sizeof replaced[0]; i++) {
        lua_getfield(L, -1, replaced[i].library); /* loaded library */
        lua_pushcfunction(L, replaced[i].fn);
        lua_setfield(L, -2, replaced[i].name);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

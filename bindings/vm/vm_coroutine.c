/*
 * coroutine.resume, wrap, close and yield as Lua has them, with three differences: they resume by
 * run_resume, so that the count hook reaches every coroutine; they let through the error that
 * unwinds for os.exit; they refuse coroutines that are tasks.
 */
#include "vm_private.h"

#include <lauxlib.h>
#include <lualib.h>

/* Argument 1. */
static lua_State *check_coroutine(lua_State *L, const char *what)
{
    lua_State *co = lua_tothread(L, 1);
    luaL_argexpected(L, co != NULL, 1, "coroutine");
    if (task_of(L, co) != NULL)
        luaL_error(L, "%s: that coroutine is a task, which only the scheduler resumes", what);
    return co;
}

/* Returns false, error. The error is on top; if it unwinds for os.exit, raises it again. */
static int failure(lua_State *L)
{
    if (vm_is_unwind(L, -1))
        return lua_error(L);
    lua_pushboolean(L, 0);
    lua_insert(L, -2);
    return 2;
}

/* Passes the nargs values on top of L. Returns the number of results on L; -1: an error is on L. */
static int resume(lua_State *L, lua_State *co, int nargs)
{
    int count;
    if (task_is_over(co)) {
        lua_pushliteral(L, "cannot resume dead coroutine");
        return -1;
    }
    if (!lua_checkstack(co, nargs)) {
        lua_pushliteral(L, "too many arguments to resume");
        return -1;
    }
    lua_xmove(L, co, nargs);
    int status = run_resume(co, L, nargs, &count);
    if (status != LUA_OK && status != LUA_YIELD) {
        lua_xmove(co, L, 1);
        return -1;
    }
    if (!lua_checkstack(L, count + 1)) {
        lua_pop(co, count);
        lua_pushliteral(L, "too many results to resume");
        return -1;
    }
    lua_xmove(co, L, count);
    return count;
}

static int coroutine_resume(lua_State *L)
{
    lua_State *co = check_coroutine(L, "coroutine.resume");
    int count = resume(L, co, lua_gettop(L) - 1);
    if (count < 0)
        return failure(L);
    lua_pushboolean(L, 1);
    lua_insert(L, -count - 1);
    return count + 1;
}

/* What coroutine.wrap returns; upvalue 1 is the coroutine. */
static int wrapped(lua_State *L)
{
    lua_State *co = lua_tothread(L, lua_upvalueindex(1));
    int count = resume(L, co, lua_gettop(L));
    if (count >= 0)
        return count;
    int status = lua_status(co);
    if (status != LUA_OK &&
        status != LUA_YIELD) {  /* it failed; otherwise it could not be resumed */
        status = run_reset(co); /* pending <close> variables, and their errors */
        lua_xmove(co, L, 1);
    }
    if (status != LUA_ERRMEM && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

static int coroutine_wrap(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, 1);
    lua_xmove(L, co, 1);
    lua_pushcclosure(L, wrapped, 1);
    return 1;
}

static int coroutine_close(lua_State *L)
{
    lua_State *co = check_coroutine(L, "coroutine.close");
    lua_Debug frame;
    if (co == L)
        return luaL_error(L, "cannot close a running coroutine");
    if (lua_status(co) == LUA_OK && lua_getstack(co, 0, &frame))
        return luaL_error(L, "cannot close a normal coroutine");
    if (!task_is_over(co) && run_reset(co) != LUA_OK) { /* that one's results stay */
        lua_xmove(co, L, 1);
        return failure(L);
    }
    lua_pushboolean(L, 1);
    return 1;
}

/* upvalue 1: Lua's own. */
static int coroutine_status(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTHREAD);
    if (task_is_over(lua_tothread(L, 1))) {
        lua_pushliteral(L, "dead");
        return 1;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    lua_call(L, lua_gettop(L) - 1, 1);
    return 1;
}

static int coroutine_yield(lua_State *L)
{
    if (task_running(L) != NULL)
        return luaL_error(L, "coroutine.yield: only inside a plain coroutine; a task calls "
                             "task.yield()");
    return task_yield_plain(L);
}

void vm_coroutine_setup(lua_State *L)
{
    static const luaL_Reg functions[] = {{"resume", coroutine_resume},
                                         {"wrap", coroutine_wrap},
                                         {"close", coroutine_close},
                                         {"yield", coroutine_yield},
                                         {NULL, NULL}};
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* loaded */
    lua_getfield(L, -1, LUA_COLIBNAME);
    luaL_setfuncs(L, functions, 0);
    lua_getfield(L, -1, "status");
    lua_pushcclosure(L, coroutine_status, 1);
    lua_setfield(L, -2, "status");
    lua_pop(L, 2);
}

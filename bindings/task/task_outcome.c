/* What happens when a task has ended: watches, joining, failures. */
#include "lerr.h"
#include "task_private.h"

#include <lauxlib.h>

void task_watch_add(struct task *task, struct task_watch *watch)
{
    struct task_watch **at = &task->watches;
    while (*at != NULL)
        at = &(*at)->next;
    watch->next = NULL;
    *at = watch;
}

void task_watch_remove(struct task *task, struct task_watch *watch)
{
    for (struct task_watch **at = &task->watches; *at != NULL; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            return;
        }
    }
}

void task_mark_joined(struct task *task)
{
    if (task->joined)
        return;
    task->joined = true;
    if (task->state == TASK_FAILED)
        task_release(task);
}

void task_push_failure(lua_State *L, struct task *task, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, 4, "error of a task");
    lua_pushvalue(task->co, -1);
    lua_xmove(task->co, L, 1);
    lua_getiuservalue(L, index, USER_TRACEBACK); /* error traceback */
}

/* error traceback → error: a string gets the traceback appended, an err gets it as a field. */
static void attach_traceback(lua_State *L)
{
    struct err err;
    int error = lua_gettop(L) - 1;
    if (lua_type(L, error) == LUA_TSTRING) {
        lua_pushliteral(L, "\n");
        lua_insert(L, -2);
        lua_concat(L, 3);
        return;
    }
    if (lerr_get(L, error, &err)) {
        lua_pushliteral(L, "traceback");
        /* If it has an inner task's traceback, that says more. */
        if (lua_rawget(L, error) == LUA_TNIL) {
            lua_pushliteral(L, "traceback");
            lua_pushvalue(L, error + 1);
            lua_rawset(L, error);
        }
    }
    lua_settop(L, error);
}

int task_outcome(lua_State *L, struct task *task, int index)
{
    index = lua_absindex(L, index);
    luaL_checkstack(L, task->nresults + 4, "too many results of a task");
    if (task->state == TASK_DONE) {
        if (!lua_checkstack(task->co, task->nresults))
            return luaL_error(L, "too many results of a task");
        for (int i = 0; i < task->nresults; i++) /* copies: others may join too */
            lua_pushvalue(task->co, -task->nresults);
        lua_xmove(task->co, L, task->nresults);
        return task->nresults;
    }
    task_push_failure(L, task, index); /* error traceback */
    if (task->state == TASK_FAILED && lua_isstring(L, -1))
        attach_traceback(L);
    else
        lua_pop(L, 1);
    return lua_error(L);
}

struct task *task_first_failure(struct task_scheduler *scheduler)
{
    struct task *first = NULL;
    for (struct task *task = scheduler->kept; task != NULL; task = task->next) {
        if (task->state == TASK_FAILED && (first == NULL || task->order < first->order))
            first = task;
    }
    if (first != NULL)
        task_push_kept(scheduler->L, first);
    return first;
}

/* What tasks are about: task.h. */
#include "run.h"
#include "task_private.h"

bool task_new_of(lua_State *L, int nargs, int context, int64_t deadline_ms)
{
    struct task *task = task_new(L, nargs);
    if (task == NULL)
        return false;
    task->context = lua_touserdata(L, context);
    task->deadline_ms = deadline_ms;
    lua_pushvalue(L, context);
    lua_setiuservalue(L, -2, USER_CONTEXT);
    return true;
}

void task_cancel_context(lua_State *L, const void *context, const struct err *err)
{
    struct task *next;
    for (struct task *task = run_of(L)->scheduler->kept; task != NULL; task = next) {
        next = task->next;
        if (task->context == context)
            task_cancel(task, err);
    }
}

void task_extend_context(lua_State *L, const void *context, int64_t deadline_ms)
{
    for (struct task *task = run_of(L)->scheduler->kept; task != NULL; task = task->next) {
        if (task->context == context)
            task->deadline_ms = deadline_ms;
    }
}

bool task_push_of_context(lua_State *L, const void *context)
{
    for (struct task *task = run_of(L)->scheduler->kept; task != NULL; task = task->next) {
        if (task->context != context)
            continue;
        task_push_kept(L, task);
        return true;
    }
    return false;
}

size_t task_push_beside(lua_State *L)
{
    const struct task_scheduler *scheduler = run_of(L)->scheduler;
    struct task *failed = NULL;
    size_t count = 0;
    for (struct task *task = scheduler->kept; task != NULL; task = task->next) {
        if (task->context != NULL || task == scheduler->current)
            continue;
        count++;
        if (task->state == TASK_FAILED)
            failed = task;
    }
    if (failed != NULL)
        task_push_kept(L, failed);
    else
        lua_pushnil(L);
    return count;
}

int64_t task_computed_ms(lua_State *L)
{
    return run_of(L)->scheduler->computed_ms;
}

const void *task_context(lua_State *L)
{
    const struct task *task = run_of(L)->scheduler->current;
    return task != NULL ? task->context : NULL;
}

int64_t task_deadline(lua_State *L)
{
    const struct task *task = run_of(L)->scheduler->current;
    return task != NULL ? task->deadline_ms : 0;
}

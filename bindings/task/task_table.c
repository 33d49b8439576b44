/* Keeps tasks: a table in the registry holds them against the collector, a list finds them. */
#include "run.h"
#include "task_private.h"

/* Its address is the registry's key of {[address of the coroutine] = task}. */
static const char tasks_key = 0;

void task_table_create(lua_State *L)
{
    lua_newtable(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &tasks_key);
}

void task_push_kept(lua_State *L, struct task *task)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key); /* tasks */
    lua_rawgetp(L, -1, task->co);
    lua_remove(L, -2); /* task */
}

bool task_push_context(lua_State *L)
{
    struct task *task = run_of(L)->scheduler->current;
    if (task == NULL || task->context == NULL)
        return false;
    task_push_kept(L, task);
    lua_getiuservalue(L, -1, USER_CONTEXT);
    lua_remove(L, -2);
    return true;
}

struct task *task_of(lua_State *L, lua_State *co)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key); /* tasks */
    lua_rawgetp(L, -1, co);                        /* tasks task */
    struct task *task = lua_touserdata(L, -1);
    lua_pop(L, 2);
    return task;
}

/* tasks[address] = the value on top of L, which is popped. */
static void set_kept(lua_State *L, struct task *task)
{
    lua_rawgetp(L, LUA_REGISTRYINDEX, &tasks_key); /* value tasks */
    lua_insert(L, -2);
    lua_rawsetp(L, -2, task->co);
    lua_pop(L, 1);
}

void task_keep(lua_State *L, struct task *task)
{
    struct task_scheduler *scheduler = task->scheduler;
    lua_pushvalue(L, -1);
    set_kept(L, task);
    task->next = scheduler->kept;
    if (task->next != NULL)
        task->next->previous = task;
    scheduler->kept = task;
    scheduler->kept_count++;
}

void task_release(struct task *task)
{
    struct task_scheduler *scheduler = task->scheduler;
    *(task->previous != NULL ? &task->previous->next : &scheduler->kept) = task->next;
    if (task->next != NULL)
        task->next->previous = task->previous;
    task->next = task->previous = NULL;
    scheduler->kept_count--;
    lua_pushnil(scheduler->L);
    set_kept(scheduler->L, task);
}

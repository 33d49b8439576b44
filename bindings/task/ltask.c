/* jeton.task: tasks for scripts. */
#include "lerr.h"
#include "run.h"
#include "task_map.h"
#include "task_private.h"

#include <lauxlib.h>
#include <math.h>

#define SLEEP_SECONDS_MAX 1e9 /* some 30 years */
#define LOCK_NAME         "jeton.task.lock"
#define HOLD_NAME         "jeton.task.hold"

static struct task *check_task(lua_State *L)
{
    return luaL_checkudata(L, 1, TASK_NAME);
}

static int spawn(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    if (task_new(L, lua_gettop(L) - 1) == NULL)
        return luaL_error(L,
                          "task.spawn: the run is ending, or %d tasks are alive already, or these "
                          "are too many arguments",
                          TASK_MAX);
    return 1;
}

/* Joining */

struct join {
    struct task_wait wait;
    struct task_watch watch;
    struct task *target; /* index 1 of the waiting call */
};

static void join_cancel(void *arg)
{
    struct join *join = arg;
    task_watch_remove(join->target, &join->watch);
}

static void join_ended(void *arg)
{
    struct join *join = arg;
    task_wake(&join->wait);
}

static int join_finish(lua_State *L, void *arg)
{
    struct join *join = arg;
    return task_outcome(L, join->target, 1);
}

/* Whether `task` waits for `other` by a chain of joins. */
static bool waits_for(struct task *task, const struct task *other)
{
    while (task->state == TASK_WAITING && task->wait != NULL && task->wait->finish == join_finish) {
        task = ((struct join *)task->wait->arg)->target;
        if (task == other)
            return true;
    }
    return false;
}

static int join(lua_State *L)
{
    struct task *target = check_task(L);
    lua_settop(L, 1);
    if (task_ended(target)) {
        task_mark_joined(target);
        return task_outcome(L, target, 1);
    }
    task_check(L, "task:join");
    struct task *self = task_running(L);
    if (target == self || waits_for(target, self))
        return luaL_error(L, "task:join: the task would wait for itself");
    struct join *join = lua_newuserdatauv(L, sizeof *join, 0);
    *join = (struct join){.target = target, .watch = {.ended = join_ended, .arg = join}};
    task_mark_joined(target);
    task_watch_add(target, &join->watch);
    return task_wait(L, &join->wait, 2, join_cancel, join_finish, join);
}

static int cancel(lua_State *L)
{
    struct err err;
    err_set(&err, ERR_CANCELLED, "the task was cancelled");
    task_cancel(check_task(L), &err);
    return 0;
}

static int status(lua_State *L)
{
    static const char *const names[] = {
        [TASK_NEW] = "waiting",        [TASK_READY] = "waiting", [TASK_RUNNING] = "running",
        [TASK_WAITING] = "waiting",    [TASK_DONE] = "done",     [TASK_FAILED] = "failed",
        [TASK_CANCELLED] = "cancelled"};
    lua_pushstring(L, names[check_task(L)->state]);
    return 1;
}

/* Sleeping */

struct nap {
    struct task_wait wait;
    struct loop_timer timer;
    struct loop *loop;
};

static void nap_cancel(void *arg)
{
    struct nap *nap = arg;
    loop_timer_stop(nap->loop, &nap->timer);
}

static void nap_over(void *arg)
{
    struct nap *nap = arg;
    task_wake(&nap->wait);
}

static int nothing(lua_State *L, void *arg)
{
    (void)L;
    (void)arg;
    return 0;
}

static int sleep_for(lua_State *L)
{
    double seconds = luaL_checknumber(L, 1);
    luaL_argcheck(L, seconds >= 0 && seconds <= SLEEP_SECONDS_MAX, 1,
                  "seconds from 0 to 1000000000 expected");
    task_check(L, "task.sleep");
    if (seconds == 0)
        return task_yield(L);
    struct nap *nap = lua_newuserdatauv(L, sizeof *nap, 0);
    *nap = (struct nap){.loop = run_of(L)->scheduler->loop};
    loop_timer_start(nap->loop, &nap->timer, (int64_t)ceil(seconds * 1000), nap_over, nap);
    return task_wait(L, &nap->wait, lua_gettop(L), nap_cancel, nothing, nap);
}

static int yield(lua_State *L)
{
    task_check(L, "task.yield");
    return task_yield(L);
}

/* Locks. The holder hands its lock directly to the task that has waited longest. */

struct lock_waiter {
    struct task_wait wait;
    struct lock *lock;
    struct lock_waiter *next;
};

struct lock {
    struct task *holder; /* only compared */
    struct lock_waiter *first;
};

static int call_locked(lua_State *L);

static void waiter_cancel(void *arg)
{
    struct lock_waiter *waiter = arg;
    for (struct lock_waiter **at = &waiter->lock->first; *at != NULL; at = &(*at)->next) {
        if (*at == waiter) {
            *at = waiter->next;
            return;
        }
    }
}

static int waiter_finish(lua_State *L, void *arg)
{
    (void)arg;
    lua_settop(L, -2); /* the waiter */
    return call_locked(L);
}

/* The __close of a call of `with`: also runs when an error or a cancellation ends it. */
static int release(lua_State *L)
{
    lua_getiuservalue(L, 1, 1);
    struct lock *lock = lua_touserdata(L, -1);
    struct lock_waiter *next = lock->first;
    lock->holder = NULL;
    if (next != NULL) {
        lock->first = next->next;
        lock->holder = next->wait.task;
        task_wake(&next->wait);
    }
    return 0;
}

static int with_end(lua_State *L, int call_status, lua_KContext ctx)
{
    (void)call_status;
    (void)ctx;
    return lua_gettop(L) - 2; /* lock hold result… */
}

/* This task holds the lock. Stack: lock hold fn arg… */
static int call_locked(lua_State *L)
{
    lua_toclose(L, 2);
    lua_callk(L, lua_gettop(L) - 3, LUA_MULTRET, 0, with_end);
    return with_end(L, LUA_OK, 0);
}

static int with(lua_State *L)
{
    struct lock *lock = luaL_checkudata(L, 1, LOCK_NAME);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    task_check(L, "lock:with");
    struct task *self = task_running(L);
    if (lock->holder == self)
        return luaL_error(L, "lock:with: this task holds the lock already");
    lua_newuserdatauv(L, 0,
                      1); /* made first: nothing may raise between taking the lock and `release` */
    luaL_setmetatable(L, HOLD_NAME);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);
    lua_insert(L, 2); /* lock hold fn arg… */
    if (lock->holder == NULL) {
        lock->holder = self;
        return call_locked(L);
    }
    struct lock_waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 0);
    *waiter = (struct lock_waiter){.lock = lock};
    struct lock_waiter **at = &lock->first;
    while (*at != NULL)
        at = &(*at)->next;
    *at = waiter;
    return task_wait(L, &waiter->wait, lua_gettop(L), waiter_cancel, waiter_finish, waiter);
}

static int new_lock(lua_State *L)
{
    struct lock *lock = lua_newuserdatauv(L, sizeof *lock, 0);
    *lock = (struct lock){0};
    luaL_setmetatable(L, LOCK_NAME);
    return 1;
}

static void new_class(lua_State *L, const char *name, const luaL_Reg *methods)
{
    luaL_newmetatable(L, name);
    lua_newtable(L);
    luaL_setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
}

/* Seconds, on the clock that timers go by. */
static int now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)loop_now_ms(run_of(L)->scheduler->loop) / 1000);
    return 1;
}

int luaopen_jeton_task(lua_State *L)
{
    static const luaL_Reg task_methods[] = {
        {"join", join}, {"cancel", cancel}, {"status", status}, {NULL, NULL}};
    static const luaL_Reg lock_methods[] = {{"with", with}, {NULL, NULL}};
    static const luaL_Reg functions[] = {{"spawn", spawn}, {"map", task_map},  {"sleep", sleep_for},
                                         {"yield", yield}, {"lock", new_lock}, {"now", now},
                                         {NULL, NULL}};
    new_class(L, TASK_NAME, task_methods);
    new_class(L, LOCK_NAME, lock_methods);
    luaL_newmetatable(L, HOLD_NAME);
    lua_pushcfunction(L, release);
    lua_setfield(L, -2, "__close");
    luaL_newlib(L, functions);
    return 1;
}

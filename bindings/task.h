/*
 * Tasks: coroutines that wait for the loop. This is the only file that calls lua_resume and
 * lua_yieldk.
 *
 * A binding that waits: check arguments; make a userdata for the operation, with __gc; start the
 * work; `return task_wait(L, &op->wait, op_cancel, op, op_finish)`. When the work is done (from the
 * loop) call task_wake(&op->wait): the task is resumed on the next turn and op_finish pushes the
 * results. When the task is cancelled first, op_cancel is called (it must stop the work) and the
 * waiting call raises the cancellation.
 */
#ifndef JETON_TASK_H
#define JETON_TASK_H

#include "err.h"
#include "loop.h"

#include <lua.h>

#define TASK_MAX 100000 /* alive at once */

struct task;
struct task_scheduler;

struct task_wait {
    struct task *task; /* NULL: nobody waits (any more) */
    void (*cancel)(void *arg);
    int (*finish)(lua_State *L, void *arg); /* pushes results, returns their number; may raise */
    void *arg;
    int anchor; /* keeps the operation's userdata alive: index on the waiting task's stack */
};

/* Raises (misuse, a string) unless L is a task that can wait now; `what` names the call:
 * "http.request". */
void task_check(lua_State *L, const char *what);
/* Never returns to its caller in the usual way: `return task_wait(…)`. The userdata must be at
 * index `anchor`. */
int task_wait(lua_State *L, struct task_wait *wait, int anchor, void (*cancel)(void *arg),
              int (*finish)(lua_State *L, void *arg), void *arg);
void task_wake(struct task_wait *wait); /* idempotent; a wait that nobody waits for is ignored */

struct task_scheduler *task_scheduler_new(lua_State *L, struct loop *loop);
void task_scheduler_free(struct task_scheduler *scheduler);
/* The function and its nargs arguments are on top of L and are taken. Starts on the next turn. */
struct task *task_start(lua_State *L, int nargs);
/* Every task, waiting ones at once, is cancelled with this error (kind cancelled or deadline). */
void task_cancel_all(struct task_scheduler *scheduler, const struct err *err);
int luaopen_jeton_task(lua_State *L);

#endif

/*
 * Tasks: coroutines that wait for the loop. task.c is the only file that calls lua_yieldk,
 * and resumes them (by run_resume).
 *
 * A binding that waits: check arguments; task_check; make a userdata for the operation, with __gc;
 * start the work; `return task_wait(L, &op->wait, index, op_cancel, op_finish, op)`. When the work
 * is done (from the loop) call task_wake(&op->wait): the task is resumed on the next turn and
 * op_finish pushes the results. When the task is cancelled first, op_cancel is called (it must stop
 * the work) and the waiting call raises the cancellation.
 */
#ifndef JETON_TASK_H
#define JETON_TASK_H

#include "err.h"
#include "loop.h"

#include <lua.h>

#define TASK_MAX 100000 /* kept at once: alive, or failed and not joined yet */

struct task;

/* Zeroed before its first use. May be used again once its finish was called. */
struct task_wait {
    struct task *task; /* NULL: nobody waits (any more) */
    void (*cancel)(void *arg);
    int (*finish)(lua_State *L, void *arg); /* pushes results, returns their number; may raise, and
                                               may end with `return task_wait(…)` */
    void *arg;
    bool woken;  /* done before anybody waited: task_wait returns at once */
    bool drains; /* cancel only begins the end: the call raises when the work wakes it */
};

/* Raises (misuse, a string) unless L is a task that can wait now; `what` names the call:
 * "http.request". Raises a cancellation that has not been delivered yet. */
void task_check(lua_State *L, const char *what);
/* Never returns to its caller in the usual way: `return task_wait(…)`. The userdata that holds
 * `wait` must be at index `anchor`: the task's stack keeps it alive. */
int task_wait(lua_State *L, struct task_wait *wait, int anchor, void (*cancel)(void *arg),
              int (*finish)(lua_State *L, void *arg), void *arg);
/* Idempotent. Ignored after a cancellation. */
void task_wake(struct task_wait *wait);

/*
 * The function and its nargs arguments are on top of L and are taken. Starts on the next turn. The
 * task is valid until it has ended. NULL when TASK_MAX are kept. Callable from the loop, outside
 * any protected call.
 */
struct task *task_start(lua_State *L, int nargs);
int luaopen_jeton_task(lua_State *L); /* ltask.c */

#endif

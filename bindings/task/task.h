/*
 * Tasks: coroutines that wait for the loop. Only task.c calls lua_yieldk.
 *
 * How to write a binding that waits: check the arguments; call task_check; make a userdata for the
 * operation, with __gc; start the work; `return task_wait(L, &op->wait, index, op_cancel,
 * op_finish, op)`. When the work is done, call task_wake(&op->wait) from the loop: on the next turn
 * the task is resumed and op_finish pushes the results. If the task is cancelled before that,
 * op_cancel is called, which must stop the work, and the waiting call raises the cancellation.
 */
#ifndef JETON_TASK_H
#define JETON_TASK_H

#include "err.h"
#include "loop.h"

#include <lua.h>

#define TASK_MAX 100000 /* tasks that are alive, or have failed and were not joined yet */

struct task;

/* Zero it before its first use. It may be used again once `finish` has been called. */
struct task_wait {
    struct task *task; /* NULL: no task is waiting */
    void (*cancel)(void *arg);
    int (*finish)(lua_State *L, void *arg); /* pushes results, returns their number; may raise, and
                                               may end with `return task_wait(…)` */
    void *arg;
    bool woken;  /* task_wake came before task_wait, which then returns at once */
    bool drains; /* `cancel` only asks the work to end: the call raises once task_wake is called */
};

/* Raises a string unless L is a task that can wait now; `what` names the call: "http.request".
 * Raises the task's cancellation if that was not raised yet. */
void task_check(lua_State *L, const char *what);
/* Suspends the task. Use it as `return task_wait(…)`: it does not return in the usual way. `wait`
 * is part of the userdata at index `anchor`, so that the task's stack keeps it alive. */
int task_wait(lua_State *L, struct task_wait *wait, int anchor, void (*cancel)(void *arg),
              int (*finish)(lua_State *L, void *arg), void *arg);
/* Idempotent, and without effect after a cancellation. */
void task_wake(struct task_wait *wait);

/*
 * Starts a task on the next turn. Pops the function and its nargs arguments from L. The task is
 * valid until it has ended. NULL: there are TASK_MAX already, or the run is ending. May be called
 * from the loop, outside of any protected call.
 */
struct task *task_start(lua_State *L, int nargs);
/*
 * What a task is about: a userdata, which the tasks that it starts have too. Pushes that of the
 * running task; false, and nothing is pushed: it has none.
 */
bool task_push_context(lua_State *L);
/* As task_start, but leaves the task on L, and its context is the userdata at index. Soon after
 * deadline_ms (loop_now_ms) its calls that wait raise the deadline. */
bool task_new_of(lua_State *L, int nargs, int context, int64_t deadline_ms);
/* Cancels all tasks of a context with an error of kind cancelled or deadline. */
void task_cancel_context(lua_State *L, const void *context, const struct err *err);
/* Another deadline for them. */
void task_extend_context(lua_State *L, const void *context, int64_t deadline_ms);
/* For how long all tasks with a deadline have computed so far, and none waited. */
int64_t task_computed_ms(lua_State *L);
/* Pushes a task of the context that is alive, or has failed and was not joined; else nothing, and
 * false. */
bool task_push_of_context(lua_State *L, const void *context);
/* Of the others that have no context: pushes one that has failed and was not joined, or nil. How
 * many there are, alive or failed and not joined. */
size_t task_push_beside(lua_State *L);
/* The deadline of the running task; 0: none, or no task runs. */
int64_t task_deadline(lua_State *L);
const void *task_context(lua_State *L);  /* of the running task; NULL: none */
void task_deadline_err(struct err *err); /* what is raised then */
int luaopen_jeton_task(lua_State *L);    /* ltask.c */

#endif

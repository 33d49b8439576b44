/* The scheduler as the vm sees it: it starts the main task, runs all, and ends them. */
#ifndef JETON_TASK_SCHEDULER_H
#define JETON_TASK_SCHEDULER_H

#include "task.h"

struct task_scheduler;

/* `running` is called around each resume of a task: true, then false. */
struct task_scheduler *task_scheduler_new(lua_State *L, struct loop *loop,
                                          void (*running)(void *arg, bool yes), void *arg);
/* Every task must have ended, or task_close_all been called. */
void task_scheduler_free(struct task_scheduler *scheduler);
/* Runs until every task has ended, or task_stop. */
void task_run_all(struct task_scheduler *scheduler);
/* Nothing is resumed any more. */
void task_stop(struct task_scheduler *scheduler);
/* Ends what is left: waits are cancelled, pending <close> variables run, without waiting. */
void task_close_all(struct task_scheduler *scheduler);

/* Every task, waiting ones at once, is cancelled with this error (kind cancelled or deadline). */
void task_cancel_all(struct task_scheduler *scheduler, const struct err *err);
/* The running task has been told in another way: task_cancel_all passes it by. */
void task_pass_by(struct task_scheduler *scheduler);
/* From now on every call that would wait raises err; all tasks are cancelled with it, also those
 * that were passed by. */
void task_refuse(struct task_scheduler *scheduler, const struct err *err);
/* Raises a cancellation of the running task that was not raised yet. L: what it runs. */
void task_raise_cancel(lua_State *L);

/* As task_start, and leaves the task's userdata on L. Pushes nothing when it returns NULL. */
struct task *task_new(lua_State *L, int nargs);
/* The task whose coroutine L is, if it is the running one. NULL in a plain coroutine. */
struct task *task_running(lua_State *L);
/* The task whose coroutine `co` is, among those that are alive, or failed and were not joined. */
struct task *task_of(lua_State *L, lua_State *co);
/* After task_stop: suspends the task for good, so that it never returns to the script. False where
 * L cannot be suspended. */
bool task_can_park(lua_State *L);
int task_park(lua_State *L); /* `return task_park(L)` */
/* coroutine.yield, in a plain coroutine: everything on L's stack goes to who resumed it. */
int task_yield_plain(lua_State *L);

bool task_ended(const struct task *task);
bool task_failed(const struct task *task);        /* or was cancelled */
bool task_out_of_memory(const struct task *task); /* that is why it failed */
/* Calls `ended` when a task ends. */
struct task_watch {
    void (*ended)(void *arg);
    void *arg;
    struct task_watch *next;
};
void task_watch_add(struct task *task, struct task_watch *watch);
/* The outcome is somebody's: a failure does not fail the run any more. */
void task_mark_joined(struct task *task);
/* Pushes an ended task's results (returns their number), or raises its error with its traceback. */
int task_outcome(lua_State *L, struct task *task, int index);
/* Pushes the error of a failed task, and its traceback (a string, or nil). The task is at index. */
void task_push_failure(lua_State *L, struct task *task, int index);
/* The failed task that nobody joined and that failed first; NULL. Pushes it on L. */
struct task *task_first_failure(struct task_scheduler *scheduler);

#endif

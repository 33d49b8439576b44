/* The scheduler, for the vm: starts the main task, runs all tasks, ends them. */
#ifndef JETON_TASK_SCHEDULER_H
#define JETON_TASK_SCHEDULER_H

#include "task.h"

struct task_scheduler;

/* `running` is called around each resume of a task: true, then false. */
struct task_scheduler *task_scheduler_new(lua_State *L, struct loop *loop,
                                          void (*running)(void *arg, bool yes), void *arg);
/* All tasks must have ended, or task_close_all must have been called. */
void task_scheduler_free(struct task_scheduler *scheduler);
/* Runs until every task has ended, or task_stop. */
void task_run_all(struct task_scheduler *scheduler);
/* What it waits for, where somebody else turns the loop. */
bool task_all_ended(const struct task_scheduler *scheduler);
/* From now on no task is resumed. */
void task_stop(struct task_scheduler *scheduler);
/* Ends the tasks that are left: cancels what they wait for and closes their pending <close>
 * variables, which cannot wait. */
void task_close_all(struct task_scheduler *scheduler);

/* Cancels every task with this error, of kind cancelled or deadline. Those that are waiting get it
 * on the next turn, others when they next wait. */
void task_cancel_all(struct task_scheduler *scheduler, const struct err *err);
/* task_cancel_all leaves out the running task from now on: the error was raised in it already. */
void task_pass_by(struct task_scheduler *scheduler);
/* From now on every call that would wait raises err. Cancels all tasks with it, even those left out
 * by task_pass_by. */
void task_refuse(struct task_scheduler *scheduler, const struct err *err);
/* Raises the running task's cancellation if there is one that was not raised yet. */
void task_raise_cancel(lua_State *L);

/* As task_start, but leaves the task's userdata on L. Pushes nothing if it returns NULL. */
struct task *task_new(lua_State *L, int nargs);
/* The running task, if L is its own coroutine. NULL inside a plain coroutine. */
struct task *task_running(lua_State *L);
/* The task whose coroutine is `co`, if it is alive, or has failed and was not joined. */
struct task *task_of(lua_State *L, lua_State *co);
/* Whether `co` was the coroutine of a task, which has ended. */
bool task_is_over(lua_State *co);
/* After task_stop: `return task_park(L)` suspends the task for good, if task_can_park(L). */
bool task_can_park(lua_State *L);
int task_park(lua_State *L);
/* coroutine.yield of a plain coroutine: passes everything on L's stack to whoever resumed it. */
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
/* Somebody will look at the outcome: a failure of this task no longer fails the run. */
void task_mark_joined(struct task *task);
/* Pushes an ended task's results (returns their number), or raises its error with its traceback. */
int task_outcome(lua_State *L, struct task *task, int index);
/* Pushes the error of a failed task, and its traceback (a string, or nil). The task is at index. */
void task_push_failure(lua_State *L, struct task *task, int index);
/* The first task that failed and was not joined, pushed on L; NULL if there is none. */
struct task *task_first_failure(struct task_scheduler *scheduler);

#endif

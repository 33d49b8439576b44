/* What the parts of the scheduler (task.c, ltask.c, task_map.c) and the vm share. */
#ifndef JETON_TASK_PRIVATE_H
#define JETON_TASK_PRIVATE_H

#include "task.h"

#define TASK_NAME "jeton.task"

enum task_state {
    TASK_NEW,
    TASK_READY,
    TASK_RUNNING,
    TASK_WAITING,
    TASK_DONE,
    TASK_FAILED,
    TASK_CANCELLED
};

/* User values of a task's userdata. */
enum { USER_COROUTINE = 1, USER_TRACEBACK = 2, USER_HELD = 3, USER_COUNT = 3 };

/* Another task's interest in the end of this one. */
struct task_watch {
    void (*ended)(void *arg);
    void *arg;
    struct task_watch *next;
};

/*
 * A full userdata with user values: the coroutine, the traceback of its failure, task_hold's. While
 * it is alive (or has failed and was not joined) the registry's table of tasks holds it, by
 * coroutine.
 */
struct task {
    struct task_scheduler *scheduler;
    lua_State *co; /* when ended: its results, or its error, are all that is on the stack */
    int nargs;     /* for the first resume */
    enum task_state state;
    struct task_wait *wait; /* while waiting */
    struct err *cancel;     /* to be raised at the waiting call; owned */
    bool was_cancelled;
    bool told;      /* the count hook has raised the deadline in it: task_cancel_all passes it by */
    bool failed;    /* the body ended with an error */
    bool memory;    /* that error was: out of memory */
    bool joined;    /* somebody took, or waits for, the outcome */
    int nresults;   /* when ended */
    uint64_t order; /* of failing: the first failure is reported */
    struct task *queue; /* next in the ready queue */
    struct task *next;  /* in the list of kept tasks */
    struct task *previous;
    struct task_watch *watches;
};

struct task_scheduler {
    lua_State *L;
    struct loop *loop;
    struct loop_timer turn; /* runs the ready queue */
    struct task *ready_first, *ready_last;
    size_t ready_count;
    struct task *kept; /* alive, or failed and not joined */
    size_t kept_count;
    size_t alive;
    uint64_t failures;
    struct task *current;
    bool refuse;                          /* no call may wait any more: `refusal` is raised */
    struct err *refusal;                  /* owned */
    bool stopped;                         /* os.exit, a second signal: nothing runs any more */
    bool idle;                            /* stopped, or nothing alive */
    void (*running)(void *arg, bool yes); /* around each resume: the vm's memory limit */
    void *running_arg;
};

/* task_table.c */
void task_table_create(lua_State *L);
/* The task whose coroutine `co` is: kept ones only. */
struct task *task_of(lua_State *L, lua_State *co);
/* Pushes the userdata of a task that is kept. */
void task_push_kept(lua_State *L, struct task *task);
void task_keep(lua_State *L, struct task *task); /* its userdata is on top of L, and stays */
void task_release(struct task *task);

/* task.c */
/* As task_start, and leaves the task's userdata on L. Pushes nothing when it returns NULL. */
struct task *task_new(lua_State *L, int nargs);
/* Whether `count` more tasks may start. */
bool task_room(lua_State *L, size_t count);
/* The value on top of L, which is popped, lives as long as the task (a userdata) at index. */
void task_hold(lua_State *L, int index);
void task_cancel(struct task *task, const struct err *err);
bool task_ended(const struct task *task);
/* What task_cancel left to be raised was raised elsewhere. */
void task_take_cancel(struct task *task);
/* Suspends the running task until the next turn: `return task_yield(L)`. */
int task_yield(lua_State *L);
/* coroutine.yield, in a plain coroutine: everything on L's stack goes to who resumed it. */
int task_yield_plain(lua_State *L);
/* The task whose coroutine L is, if it is the running one. NULL in a plain coroutine. */
struct task *task_running(lua_State *L);

/* task_outcome.c */
void task_watch_add(struct task *task, struct task_watch *watch);
void task_watch_remove(struct task *task, struct task_watch *watch);
/* The outcome is somebody's: a failure does not fail the run any more. */
void task_mark_joined(struct task *task);
/* Pushes an ended task's results (returns their number), or raises its error with its traceback. */
int task_outcome(lua_State *L, struct task *task, int index);
/* Pushes the error of a failed task, and its traceback (a string, or nil). The task is at index. */
void task_push_failure(lua_State *L, struct task *task, int index);
/* The failed task that nobody joined and that failed first; NULL. Pushes it on L. */
struct task *task_first_failure(struct task_scheduler *scheduler);

/* task.c: for the vm. */
/* Runs until every task has ended, or task_stop. */
void task_run_all(struct task_scheduler *scheduler);
/* Nothing is resumed any more. */
void task_stop(struct task_scheduler *scheduler);
/* After task_stop: suspends the task for good, so that it never returns to the script. False where
 * L cannot be suspended. */
bool task_can_park(lua_State *L);
int task_park(lua_State *L); /* `return task_park(L)` */
/* From now on every call that would wait raises err. */
void task_refuse(struct task_scheduler *scheduler, const struct err *err);
/* Ends what is left: waits are cancelled, pending <close> variables run, without waiting. */
void task_close_all(struct task_scheduler *scheduler);

#endif

/* What the parts of the scheduler share: task.c, task_outcome.c, task_table.c, task_map.c, ltask.c.
 */
#ifndef JETON_TASK_PRIVATE_H
#define JETON_TASK_PRIVATE_H

#include "task_scheduler.h"

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
void task_keep(lua_State *L, struct task *task); /* its userdata is on top of L, and stays */
void task_release(struct task *task);
/* Pushes the userdata of a task that is kept. */
void task_push_kept(lua_State *L, struct task *task);

/* task.c */
/* Whether `count` more tasks may start. */
bool task_room(lua_State *L, size_t count);
/* The value on top of L, which is popped, lives as long as the task (a userdata) at index. */
void task_hold(lua_State *L, int index);
void task_cancel(struct task *task, const struct err *err);
/* Suspends the running task until the next turn: `return task_yield(L)`. */
int task_yield(lua_State *L);

/* task_outcome.c */
void task_watch_remove(struct task *task, struct task_watch *watch);

#endif

/* Shared by the files of this folder. */
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

/* User values of a task: its coroutine, the traceback of its failure, what task_hold was given, and
 * its context. */
enum { USER_COROUTINE = 1, USER_TRACEBACK = 2, USER_HELD = 3, USER_CONTEXT = 4, USER_COUNT = 4 };

/* A full userdata. The registry's table of tasks keeps it while it is alive, or has failed and was
 * not joined. */
struct task {
    struct task_scheduler *scheduler;
    lua_State
        *co;   /* once it has ended, the last values of its stack are the results, or the error */
    int nargs; /* for the first resume */
    enum task_state state;
    struct task_wait *wait; /* while waiting */
    struct err *cancel;     /* to be raised at the waiting call; owned */
    bool was_cancelled;
    const void *context; /* the userdata's address; NULL: none */
    int64_t deadline_ms; /* of its context, loop_now_ms; 0: none */
    bool told;          /* the count hook has raised the deadline in it already: see task_pass_by */
    bool failed;        /* the body ended with an error */
    bool memory;        /* that error was a lack of memory */
    bool joined;        /* somebody took the outcome, or is waiting for it */
    int nresults;       /* when ended */
    uint64_t order;     /* counts failures: the first one is reported */
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
    struct task *kept; /* the tasks that are alive, or have failed and were not joined */
    size_t kept_count;
    size_t alive;
    uint64_t failures;
    struct task *current;
    bool refuse;                          /* calls that would wait raise `refusal` */
    struct err *refusal;                  /* owned */
    bool stopped;                         /* by os.exit or a second signal: no task runs any more */
    bool idle;                            /* stopped, or nothing alive */
    int64_t computed_ms;                  /* by tasks that have a deadline, in all */
    void (*running)(void *arg, bool yes); /* called around each resume */
    void *running_arg;
};

/* task_table.c */
void task_table_create(lua_State *L);
void task_keep(lua_State *L, struct task *task); /* its userdata is on top of L and is left there */
void task_release(struct task *task);
/* Pushes the userdata of a task that is kept. */
void task_push_kept(lua_State *L, struct task *task);

/* task.c */
/* Whether `count` more tasks may start. */
bool task_room(lua_State *L, size_t count);
/* Pops the value on top of L and keeps it alive as long as the task at index. */
void task_hold(lua_State *L, int index);
void task_cancel(struct task *task, const struct err *err);
/* Suspends the running task until the next turn: `return task_yield(L)`. */
int task_yield(lua_State *L);

/* task_outcome.c */
void task_watch_remove(struct task *task, struct task_watch *watch);

#endif

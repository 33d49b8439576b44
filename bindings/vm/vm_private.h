/* The vm's parts: vm.c (a run), vm_info.c (what bindings ask of it), vm_load.c (scripts),
 * vm_modules.c (what require finds), vm_limits.c (memory, deadline, signals), vm_guard.c and
 * vm_coroutine.c (library functions that are replaced), vm_output.c (print), vm_hint.c (misspelled
 * names), vm_watchdog.c. */
#ifndef JETON_VM_PRIVATE_H
#define JETON_VM_PRIVATE_H

#include "buf.h"
#include "loop.h"
#include "run.h"
#include "signals.h"
#include "task_scheduler.h"
#include "vm.h"

#include <pthread.h>
#include <signal.h>

#define VM_EXIT_MS       1000 /* for what unwinds after os.exit, before the hook ends it */
#define VM_TRACEBACK_MAX ((size_t)256 * 1024)

struct vm_watchdog;

struct vm {
    struct run run; /* first: vm_of counts on it */
    lua_State *L;
    struct vm_options options;
    int (*commit)(lua_State *L, struct err *err); /* vm_on_success; NULL: none */
    struct err broken; /* kind not ERR_NONE: what vm_new could not set up */
    char *script;      /* real path */
    bool is_script;    /* not a module of ours */
    int output_errno;  /* what standard output failed with; 0: it has not */

    /* Memory: the limit counts only while a task runs, so that the C around it cannot fail. */
    size_t memory_used;
    size_t memory_limit;
    bool memory_limited;
    bool memory_refused; /* has been, at some time */

    /* Deadline */
    int64_t deadline_ms;   /* loop_now_ms; 0: none */
    int64_t deadline_wall; /* epoch s */
    bool deadline_passed;  /* and a task was told so */
    struct loop_timer deadline_timer;

    /* Signals */
    sigset_t mask; /* the thread's before the run */
    struct signals *signals;
    struct signals_handler handler;
    struct loop_timer signal_timer;
    int signo; /* the first; 0: none */
    int64_t signal_ms;

    struct vm_watchdog *watchdog;

    /* os.exit, or a signal that insists */
    bool exiting;
    int exit_status;
    int64_t unwind_ms; /* from then on the hook raises the vm's address; 0: never */

    struct task *main_task; /* at index 1 of L's stack */
    struct task_watch main_watch;
    struct buf traceback;
};

/* vm_limits.c */
void *vm_alloc(void *arg, void *ptr, size_t osize, size_t nsize);
/* Around each resume of a task: the limit counts. arg: the vm. */
void vm_memory_counts(void *arg, bool yes);
void vm_limits_setup(struct vm *vm); /* the hook's signal, the deadline, signals */
void vm_limits_start(struct vm *vm); /* timers and signals, when the run begins */
void vm_limits_stop(struct vm *vm);
/* Before vm_limits_start: until standard input can be read. ERR_CANCELLED: a signal came;
 * ERR_DEADLINE. */
int vm_wait_stdin(struct vm *vm, struct err *err);
void vm_deadline_err(const struct vm *vm, struct err *err);
void vm_memory_err(const struct vm *vm, struct err *err);
/* The run is over for its tasks; what cannot be suspended is unwound by the hook in delay_ms. */
void vm_stop(struct vm *vm, int64_t delay_ms);

/* The run's `look`: raises what has come: the deadline, a signal, the end that os.exit wants. */
void vm_look(lua_State *L);

/* vm_coroutine.c: coroutine.* */
void vm_coroutine_setup(lua_State *L);

/* vm_guard.c: os.exit, pcall, xpcall, debug.sethook, os.execute, io.popen */
void vm_guard_setup(lua_State *L);
/* Whether the value at index is the vm's address, that unwinds the stack for os.exit. */
bool vm_is_unwind(lua_State *L, int index);

/* vm_output.c: print, io.write, file:write */
void vm_output_setup(lua_State *L);
/* Before something of the run is written to its standard streams: of a job they are kept, masked.
 */
void vm_output_begins(struct vm *vm);
/* At the end of a run that went well. *status: 128 + SIGPIPE where nobody reads; ERR_SCRIPT. */
int vm_output_arrived(struct vm *vm, int *status, struct err *err);

/* vm_hint.c: adds the nearest name to a message about a function that there is not. */
void vm_hint(lua_State *L, struct err *err);

/* vm_modules.c */
void vm_modules_setup(struct vm *vm);
/* Puts the script's folder first in package.path. ERR_CONFIG where its name cannot stand there. */
int vm_modules_path(lua_State *L, const char *folder, struct err *err);

/* vm_load.c: reads path ("-": standard input, where vm is not NULL), checks modes, pushes the
 * function. real (mem_free): the real path, NULL for standard input. */
int vm_load(lua_State *L, struct vm *vm, const char *path, char **real, struct err *err);

/* vm_watchdog.c: a thread that ends the process where Lua does not come back from C. */
struct vm_watchdog *vm_watchdog_new(struct vm *vm, struct err *err);
void vm_watchdog_free(struct vm_watchdog *watchdog); /* NULL is fine */

#endif

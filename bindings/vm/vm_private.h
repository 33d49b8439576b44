/* Shared by the files of the vm: vm.c (runs), vm_info.c (what bindings ask about the run),
 * vm_load.c (reads scripts), vm_modules.c (require), vm_limits.c (memory, deadline), vm_pool.c
 * (blocks), vm_interrupt.c (signals), vm_watchdog.c (the last resort of these), vm_guard.c,
 * vm_coroutine.c, vm_output.c (library functions that are replaced), vm_hint.c (misspelled names).
 */
#ifndef JETON_VM_PRIVATE_H
#define JETON_VM_PRIVATE_H

#include "buf.h"
#include "loop.h"
#include "orphans.h"
#include "run.h"
#include "signal_watch.h"
#include "task_scheduler.h"
#include "vm.h"
#include "vm_pool.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

#define VM_EXIT_MS       1000 /* that clean-up may take after os.exit, until the hook ends it */
#define VM_TRACEBACK_MAX ((size_t)256 * 1024)

struct vm_watchdog;

struct vm_programs { /* that were ended with the run */
    pthread_mutex_t mutex;
    struct orphans orphans;
    _Atomic bool ending; /* they are, and this process behind them: vm_is_ending */
};

struct vm {
    struct run run; /* first, so that vm_of can cast */
    lua_State *L;
    jmp_buf finalized; /* with options.ends_process: where vm_free goes on after all finalizers */
    struct vm_options options;
    int (*commit)(lua_State *L, struct err *err); /* vm_on_success; NULL: none */
    struct err broken;            /* what vm_new failed to set up; ERR_NONE: nothing */
    char *script;                 /* real path */
    bool is_script;               /* false: a module in the executable */
    size_t held_back;             /* requests, by a dry run */
    struct redact_stream *masked; /* with options.typed: of standard output */
    bool in_line;                 /* and the last line is not at its end */
    int output_errno;             /* of a failed write to standard output; 0: none failed */

    /* Memory. The limit holds only while a task runs, so that the C code around it cannot fail. */
    struct vm_pool pool;
    size_t memory_used;
    size_t memory_limit;
    size_t memory_spare; /* more than that, while a webhook's worker runs its own code */
    bool memory_limited;
    bool memory_refused;                /* at least once */
    int64_t collect_every, allocations; /* FAULT_COLLECT */

    /* Deadline */
    int64_t deadline_ms; /* loop_now_ms; 0: none */
    int64_t
        deadline_real; /* the same by clock_mono_ms, for what computes where a test has a clock */
    int64_t deadline_wall; /* epoch s */
    bool deadline_passed;  /* and a task has been told */
    struct loop_timer deadline_timer;

    /* Signals */
    sigset_t mask; /* of the thread, before the run */
    struct signal_watch *signals;
    struct signal_handler handler;
    struct loop_timer signal_timer;
    int signo; /* the first; 0: none */
    bool lost; /* it says that the run has lost its lock */
    int64_t signal_ms;
    _Atomic int64_t interrupted_ms; /* the same by clock_mono_ms, for the watchdog */

    /* Of tasks; for the watchdog. */
    _Atomic int64_t task_deadline_ms; /* of the one that runs now (clock_mono_ms); 0: none */
    _Atomic uint64_t resumes;         /* of tasks */
    const void *_Atomic task_context; /* of the one that runs now */
    _Atomic bool tasks_watched;

    struct vm_watchdog *watchdog;
    int watchdog_fd; /* its eventfd: it looks anew when to wake up */
    struct vm_programs programs;

    /* os.exit, or a second signal */
    bool exiting;
    int exit_status;
    int64_t unwind_ms; /* when the hook begins to raise the vm's address; 0: never */

    struct task *main_task; /* at index 1 of L's stack */
    struct task_watch main_watch;
    struct buf traceback;
};

/* Handles events until their listener says that it ends: no signal and no closed output does. */
static inline bool vm_is_worker(const struct vm *vm)
{
    return vm->options.events != NULL && vm->options.events->once == NULL;
}

/* vm_limits.c */
void *vm_alloc(void *arg, void *ptr, size_t osize, size_t nsize);
/* Called around each resume of a task: switches the memory limit on and off. arg: the vm. */
void vm_memory_counts(void *arg, bool yes);
void vm_limits_setup(struct vm *vm); /* the hook, the deadline's time */
void vm_limits_start(struct vm *vm); /* the deadline's timer, when the run begins */
void vm_limits_stop(struct vm *vm);
/* When the tasks have ended: the deadline may have come in a last call into C. */
void vm_limits_look(struct vm *vm);
/* Waits until standard input can be read; to be called before vm_limits_start. ERR_CANCELLED: a
 * signal came; ERR_DEADLINE. */
int vm_wait_stdin(struct vm *vm, struct err *err);
void vm_deadline_err(const struct vm *vm, struct err *err);
void vm_memory_err(const struct vm *vm, struct err *err);

/* What the count hook calls: raises the deadline, a signal's cancellation, or the end by os.exit.
 */
void vm_look(lua_State *L);

/* vm_interrupt.c */
void vm_interrupt_setup(struct vm *vm); /* watches signals; vm->broken says if it cannot */
void vm_interrupt_stop(struct vm *vm);
void vm_interrupt_poll(struct vm *vm);               /* takes the signals that have come */
void vm_interrupt_hook(lua_State *L, struct vm *vm); /* after a signal: raises the cancellation */
void vm_interrupt_err(const struct vm *vm, struct err *err);
int vm_interrupt_status(const struct vm *vm); /* the exit status then */
/* Resumes no task any more. Code that cannot be suspended is unwound by the hook after delay_ms. */
void vm_stop(struct vm *vm, int64_t delay_ms);

/* vm_coroutine.c: coroutine.* */
void vm_coroutine_setup(lua_State *L);

/* vm_guard.c: os.exit, pcall, xpcall, debug.sethook */
void vm_guard_setup(lua_State *L);
/* Whether the error at index is the one that unwinds the stack for os.exit: the vm's address. */
bool vm_is_unwind(lua_State *L, int index);

/* vm_programs.c: os.execute, io.popen */
void vm_programs_setup(lua_State *L);
/* Ends all children of the process: in the thread of the run, or in the watchdog's. How many were
 * ended until now. */
size_t vm_programs_end(struct vm_programs *programs);

/* vm_output.c: print, io.write, file:write */
void vm_output_setup(lua_State *L);
void vm_output_stop(struct vm *vm); /* before the vm is freed */
/* To be called before the run writes to its standard streams. If it is a recorded job, its output
 * is kept, so all secrets must be known to be masked. */
void vm_output_begins(struct vm *vm);
/* Flushes the output of a run that succeeded. *status becomes 128 + SIGPIPE if nobody reads it.
 * ERR_SCRIPT: it cannot be written. */
int vm_output_arrived(struct vm *vm, int *status, struct err *err);

/* vm_hint.c: adds a suggestion to an error about a function or module that does not exist. */
void vm_hint(lua_State *L, struct err *err);
/* Sets err for what `require` raises about a missing module, with the places that matter instead of
 * all. Returns the length of what it replaces at the beginning of text; 0: the text is another one.
 */
size_t vm_hint_missing(const char *text, struct err *err);

/* vm_modules.c */
void vm_modules_setup(struct vm *vm);
/* Puts the script's folder first in package.path. ERR_CONFIG: its name cannot be written there. */
bool vm_modules_own(const char *source); /* "kaizala/init.lua": one of the executable's */
int vm_modules_path(lua_State *L, const char *folder, struct err *err);

/* vm_load.c: reads the script at path, checks its modes and pushes the function. With a vm, "-" is
 * standard input. *real (mem_free): the real path; NULL: standard input. */
int vm_load(lua_State *L, struct vm *vm, const char *path, char **real, struct err *err);
/* ERR_CONFIG: `require` cannot look in it. */
int vm_load_check_folder(const char *folder, struct err *err);
/* Pushes the function of a module's file, by the modes of scripts; raises what is wrong. */
void vm_load_module(lua_State *L, const char *name, const char *path);
void vm_load_setup(lua_State *L); /* puts loadfile and dofile that do so in the place of Lua's */

/* vm_watchdog.c: a thread that ends the process if a call into C does not return in time. */
struct vm_watchdog *vm_watchdog_new(struct vm *vm, struct err *err);
void vm_watchdog_free(struct vm_watchdog *watchdog); /* NULL is fine */

#endif

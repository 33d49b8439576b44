/*
 * One run of Lua: a state with its memory limit, its libraries, its deadline, and the task
 * scheduler. One lua_State per run. What bindings need of the run they find by vm_of(L).
 */
#ifndef JETON_VM_H
#define JETON_VM_H

#include "engine.h"

#include <lua.h>

#define VM_MEMORY_DEFAULT (512LL * 1024 * 1024)
#define VM_MEMORY_MIN     (1LL * 1024 * 1024) /* of a job's `memory`, and of --memory */
/* After the deadline: */
#define VM_INSIST_MS   500  /* the count hook raises at every instruction */
#define VM_REFUSE_MS   900  /* no call waits any more */
#define VM_WATCHDOG_MS 1000 /* the process ends with 8, unless watchdog_ms says when */
/* After a signal: */
#define VM_SAME_MS    500  /* of a job: the same one again, passed on by its supervisor, is one */
#define VM_SIGNAL_MS  5000 /* the run ends without waiting for its tasks' clean-up */
#define VM_STUCK_MS   2000 /* a signal that nobody looked at: the process ends with 128 + n */
#define VM_SCRIPT_MAX ((size_t)16 * 1024 * 1024)

/* Of a job. */
struct vm_attempt {
    const char *run;  /* its run's id; NULL: it is not recorded */
    int64_t slot;     /* the scheduled time, epoch s */
    bool has_slot;    /* false: by hand */
    int64_t attempt;  /* from 1 */
    int64_t attempts; /* that may be made */
};

struct vm_options {
    struct engine *engine;          /* borrowed; the vm sets its deadline */
    const struct luaL_Reg *modules; /* of C: what package.preload gets; ends with name NULL */
    const char *connector;          /* the run's connector; NULL: the only one */
    bool dry_run;                   /* http: GETs go out, the rest is printed */
    int64_t memory_bytes;           /* 0: VM_MEMORY_DEFAULT */
    int64_t timeout_ms;             /* 0: none */
    const char *const *args;        /* jeton.args as a list; NULL-terminated; NULL: none */
    const struct job *job;          /* jeton.job, and whose keys jeton.state holds; NULL outside */
    const struct vm_attempt *attempt; /* of the job; NULL: not told */
    int64_t watchdog_ms;              /* after the deadline; 0: VM_WATCHDOG_MS */
    bool log_json;                    /* how the watchdog writes its one line */
};

struct vm;
/* Blocks SIGINT, SIGTERM and SIGHUP in this thread until vm_free. Never NULL: what could not be set
 * up is the error of vm_run_…. */
struct vm *vm_new(const struct vm_options *options);
void vm_free(struct vm *vm);
/*
 * Runs a script file ("-": standard input) as the first task, then waits until every task has
 * ended. *status: the exit status (design: exit codes). -1 with err: it could not be loaded
 * (ERR_CONFIG missing or unsafe modes), failed (by the error's kind; vm_traceback has the rest),
 * memory (ERR_SCRIPT), deadline (ERR_DEADLINE). A vm runs once. The main task's failure cancels the
 * others.
 */
int vm_run_file(struct vm *vm, const char *path, int *status, struct err *err);
/* Calls function `name` of an embedded module with one string argument (JSON), as the first task.
 */
int vm_run_module(struct vm *vm, const char *module, const char *name, const char *json,
                  int *status, struct err *err);
/* After a failure: the further lines of the error and its traceback, of any length, unmasked; NULL
 * where there is none. To be logged below err's message. Lives as long as the vm. */
const char *vm_traceback(const struct vm *vm);
/* Syntax only. ERR_SCRIPT with file:line: message. */
int vm_check_syntax(const char *path, struct err *err);
/* From a signal watcher in the loop: cancels every task; run ends with 128 + signo. */
void vm_interrupt(struct vm *vm, int signo);

/* For bindings. */
/* After writing to stdout (with errno 0 before it): a script to which nobody listens any more is
 * interrupted. */
void vm_output_look(struct vm *vm);
struct vm *vm_of(lua_State *L);
struct engine *vm_engine(struct vm *vm);
const struct vm_options *vm_options_of(struct vm *vm);
/* Real path of the script that vm_run_file runs; NULL: standard input, or a module. */
const char *vm_script(const struct vm *vm);
int64_t vm_deadline(const struct vm *vm); /* epoch s; 0: none */
/* `commit` is called once, when the last task has ended well: the run fails where it does. It
 * raises nothing. */
void vm_on_success(struct vm *vm, int (*commit)(lua_State *L, struct err *err));
/* Connector by name, or the run's where name is NULL. ERR_CONFIG. */
const struct connector *vm_connector(struct vm *vm, const char *name, struct err *err);

#endif

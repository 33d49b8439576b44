/*
 * One run of Lua: a state with its memory limit, its libraries, its deadline, and the task
 * scheduler. One lua_State per run. What bindings need of the run they find by vm_of(L).
 */
#ifndef JETON_VM_H
#define JETON_VM_H

#include "engine.h"

#include <lua.h>

#define VM_MEMORY_DEFAULT (512LL * 1024 * 1024)
#define VM_HOOK_COUNT     10000 /* instructions between looks at the deadline */
#define VM_WATCHDOG_MS    1000  /* after the deadline: the process ends with 8 */

struct vm_options {
    struct engine *engine;   /* borrowed; the vm sets its deadline */
    const char *connector;   /* the run's connector; NULL: the only one */
    bool dry_run;            /* http: GETs go out, the rest is printed */
    int64_t memory_bytes;    /* 0: VM_MEMORY_DEFAULT */
    int64_t timeout_ms;      /* 0: none */
    const char *const *args; /* jeton.args as a list; NULL-terminated; NULL: none */
    const struct job *job;   /* jeton.job and jeton.args of a job; NULL outside */
};

struct vm;
struct vm *vm_new(const struct vm_options *options);
void vm_free(struct vm *vm);
/*
 * Runs a script file ("-": standard input) as the first task, then waits until every task has
 * ended. *status: the exit status (design: exit codes). -1 with err: it could not be loaded
 * (ERR_CONFIG missing or unsafe modes), failed (by the error's kind; the message carries the
 * traceback), memory (ERR_SCRIPT), deadline (ERR_DEADLINE).
 */
int vm_run_file(struct vm *vm, const char *path, int *status, struct err *err);
/* Calls function `name` of an embedded module with one string argument (JSON), as the first task.
 */
int vm_run_module(struct vm *vm, const char *module, const char *name, const char *json,
                  int *status, struct err *err);
/* Syntax only. ERR_SCRIPT with file:line: message. */
int vm_check_syntax(const char *path, struct err *err);
/* From a signal watcher in the loop: cancels every task; run ends with 128 + signo. */
void vm_interrupt(struct vm *vm, int signo);

/* For bindings. */
struct vm *vm_of(lua_State *L);
struct engine *vm_engine(struct vm *vm);
const struct vm_options *vm_options_of(struct vm *vm);
struct task_scheduler *vm_scheduler(struct vm *vm);
/* Real path of the script that vm_run_file runs; NULL: standard input, or a module. For
 * jeton.state. When the last task has ended well, vm_run_file calls lstate_commit (lstate.h). */
const char *vm_script(const struct vm *vm);
/* Connector by name, or the run's where name is NULL. ERR_CONFIG. */
const struct connector *vm_connector(struct vm *vm, const char *name, struct err *err);

#endif

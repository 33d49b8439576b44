/*
 * One run of Lua: a lua_State with its libraries, its memory limit, its deadline and its task
 * scheduler. Bindings find it by vm_of(L).
 */
#ifndef JETON_VM_H
#define JETON_VM_H

#include "engine.h"
#include "store_events.h"
#include "vm_limits.h"

#include <lua.h>
#include <stdio.h>

/* An attempt at a job. */
struct vm_attempt {
    const char *run;  /* the id of its run; NULL: it is not recorded */
    int64_t slot;     /* the scheduled time, epoch s */
    bool has_slot;    /* false: by hand */
    int64_t attempt;  /* from 1 */
    int64_t attempts; /* the most that will be made */
};

/* One of jeton.args, by its name (in a list: its number), in place of what a job says. */
struct vm_arg {
    const char *name;
    const char *value; /* a text, or the value as JSON, which is valid */
    bool json;
};

/* Whose events are handled: vm_run_events. Times in milliseconds. */
struct vm_events {
    const char *hook;
    const char *scope;               /* store_event_scope */
    char *const *shared;             /* of the hook; NULL: none */
    const char *owner;               /* of what it claims */
    const struct store_lease *lease; /* the owner's sign of life; NULL: none */
    int64_t concurrency;
    int64_t attempts, delay_ms, max_delay_ms;
    int64_t timeout_ms;   /* of one attempt */
    int64_t grace_ms;     /* for the handlers under way, when it stops */
    int wake_fd;          /* a byte: look for events; its end: stop */
    const char *listener; /* which may have reserved some (store_events.h); NULL: none has */
    int answer_fd;        /* gets a line for each event whose handler has returned; -1: none */
    char *const *command; /* NULL-terminated; NULL: none */
    const char *forward;  /* URL; NULL: none */
    /* Only this one, which nobody has claimed: what it changes is kept as a run's is, and signals
     * end it. NULL: all, and signals change nothing. */
    const struct store_event *once;
};

/* What `jeton test` puts in the place of what a script finds outside. */
struct vm_test {
    void *world; /* for these functions; bindings/lib knows what it is */
    void (*random)(void *world, void *bytes, size_t len); /* for crypto.random */
    /* A request has failed, and the script that made it is about to be told. */
    void (*failed)(void *world, lua_State *L, const struct err *err);
    const char *program; /* this executable */
    int report_fd; /* of the tests themselves: gets a line for each event; -1: of a script that
                      they run */
    FILE *in, *out, *err; /* its standard streams; NULL: the process's */
    const char *prelude;  /* Lua that is run before a script, and cannot wait */
};

struct vm_options {
    struct engine *engine;          /* borrowed; the vm sets its deadline */
    const struct luaL_Reg *modules; /* written in C, for package.preload; ends with name NULL */
    const char *connector;          /* the run's connector; NULL: the only one */
    const char *connector_key;      /* where it is named, as config_only_connector has it */
    bool dry_run;                   /* http: GETs go out, the rest is printed */
    int64_t memory_bytes;           /* 0: VM_MEMORY_DEFAULT */
    int64_t timeout_ms;             /* 0: none */
    const char *const *args;        /* jeton.args as a list; NULL-terminated; NULL: none */
    const struct vm_arg *named;     /* of jeton.args, beside the list or the job's */
    size_t nnamed;
    const struct job *job;            /* whose run this is; NULL: none */
    const struct vm_attempt *attempt; /* of the job; NULL: unknown */
    const struct store_lease *under;  /* of keys that are written (struct store_call) */
    const struct vm_events *events;   /* of a webhook; NULL: none */
    const struct vm_test *test;       /* NULL: none */
    int64_t watchdog_ms;              /* after the deadline; 0: VM_WATCHDOG_MS */
    bool ends_programs; /* at the deadline and by a signal: all children of this process; else they
                           are left to somebody else, but for those of a job that a call of it is
                           stuck with */
    bool log_json;      /* how the watchdog writes its one line */
    bool ends_process;  /* what the run has made may be left to the end of the process */
    bool typed; /* at a prompt: print and io.write are masked, and a task may be cancelled in the
                   middle of what it computes */
    /* Called before something is printed, and after; with `host`. NULL: not needed. */
    void (*prints)(void *host, bool begins);
    void *host;       /* of who made the vm; for modules of its own */
    struct buf *text; /* gets the text that the main task returns; NULL: none */
};

struct vm;
/* Blocks SIGINT, SIGTERM and SIGHUP in this thread until vm_free. Never NULL: if something could
 * not be set up, vm_run_… fails. */
struct vm *vm_new(const struct vm_options *options);
void vm_free(struct vm *vm);
/*
 * Runs a script file ("-": standard input) as the first task, then waits until every task has
 * ended. *status: the exit status. -1 with err: it cannot be loaded (ERR_CONFIG: missing, or its
 * modes are unsafe), it failed (the error's kind; see vm_traceback), it reached the memory limit
 * (ERR_SCRIPT) or the deadline (ERR_DEADLINE). If the main task fails, the others are cancelled.
 * A vm runs once.
 */
int vm_run_file(struct vm *vm, const char *path, int *status, struct err *err);
/* The same where somebody else turns the loop: it begins, until vm_has_ended, and is then to be
 * finished, from the loop. 0: it has begun. */
int vm_begin_file(struct vm *vm, const char *path, struct err *err);
int vm_begin_events(struct vm *vm, const char *path, struct err *err); /* as vm_run_events */
bool vm_has_ended(const struct vm *vm);
int vm_finish(struct vm *vm, int *status, struct err *err);
/* Calls function `name` of an embedded module with one string argument (JSON), as the first task.
 */
int vm_run_module(struct vm *vm, const char *module, const char *name, const char *json,
                  int *status, struct err *err);
/*
 * The same for a person who types code: with texts, then the arguments of vm_options. Modules are
 * found in the working directory, as those of a script from standard input are.
 */
struct vm_text {
    const char *data;
    size_t len;
};
int vm_run_texts(struct vm *vm, const char *module, const char *name, const struct vm_text *texts,
                 size_t ntexts, int *status, struct err *err);
/* Handles options.events by the script at path, or by its command or URL (path NULL): until
 * wake_fd ends, or the count hook had to be set, which makes Lua slow. */
int vm_run_events(struct vm *vm, const char *path, int *status, struct err *err);
/* The script has called os.exit: the status is its. */
bool vm_has_exited(const struct vm *vm);
/* For a module that vm_run_module runs: pushes the function of a script, as vm_run_file loads it;
 * `require` finds what lies beside it. */
int vm_push_script(lua_State *L, const char *path, struct err *err);
/* After a failure: what follows the first line of the error, and the traceback, to be logged below
 * err's message. Of any length, not masked; NULL if there is none. Lives as long as the vm. */
const char *vm_traceback(const struct vm *vm);
/* Checks the syntax of a script. ERR_SCRIPT with file:line: message. */
int vm_check_syntax(const char *path, struct err *err);
/* The same of code that a person typed, as scripts/repl/chunk.lua takes it. */
int vm_check_code(const char *code, struct err *err);
/* A SIGTERM with this number (sigqueue) says that the run has lost its lock: it ends as by that
 * signal, but with the error's kind and status. */
#define VM_SIGNAL_LOST 0x10c7
/* A signal has arrived: cancels every task, and the run ends with 128 + signo. Called from the
 * loop. */
void vm_interrupt(struct vm *vm, int signo);

/* For bindings. */
void vm_set_dry_run(struct vm *vm, bool yes);
/* Pushes the function of a script at path, by the rules of scripts. ERR_CONFIG, ERR_SCRIPT. */
int vm_push_file(lua_State *L, const char *path, struct err *err);
/* Sets err to a message of Lua, with what was perhaps meant. */
void vm_add_hint(lua_State *L, const char *text, struct err *err);
/* With options.typed: what was printed until now is written, and ends with its line. */
void vm_output_end_line(struct vm *vm);
/* To be called for each request that a dry run prints. The run says at its end how many. */
void vm_held_back(struct vm *vm);
/* Where the script prints: stdout, but for one that a test runs. */
FILE *vm_output(const struct vm *vm);
/* To be called after writing to it, with errno set to 0 before. Interrupts the script if nobody
 * reads its output any more. */
void vm_output_look(struct vm *vm);
/* Prints what jeton itself says to a person: through the redaction point, and on a terminal
 * visible. No metamethod is called; what fails is seen by vm_output_look. */
void vm_output_write(struct vm *vm, const char *text, size_t len);
struct vm *vm_of(lua_State *L);
lua_State *vm_lua(const struct vm *vm); /* the main state */
struct engine *vm_engine(struct vm *vm);
const struct vm_options *vm_options_of(struct vm *vm);
/* The real path of the script; NULL: it came from standard input, or a module runs. */
const char *vm_script(const struct vm *vm);
/* The watchdog ends the run's programs, then the process: what a call makes of a program that was
 * ended must not count. */
bool vm_is_ending(const struct vm *vm);
/* ERR_USAGE: it is too little, said of --memory. */
int vm_check_memory(int64_t bytes, struct err *err);
size_t vm_memory_limit(const struct vm *vm); /* of the run, in bytes */
int64_t vm_deadline(const struct vm *vm);    /* epoch s; 0: none */
/* Whether tasks with a deadline of their own are under way: the watchdog looks at them. */
void vm_watch_tasks(struct vm *vm, bool yes);
/* Of a worker of a webhook: its own code, which runs now, has VM_OWN_MS from now on, and ms more
 * for a call that blocks. It may run what handlers have left, such as finalizers. */
void vm_own_time(struct vm *vm, int64_t ms);
/* Whether the count hook was set for the deadline of a task, or the memory was used up at least
 * once: what has filled it may be there still. */
bool vm_is_slow(const struct vm *vm);
/* A library that has memory of its own, within the run's limit, has used it up. */
void vm_lacked_memory(struct vm *vm);
/* Has `commit` called after the last task, if the run has succeeded so far; if it fails, so does
 * the run. It must not raise. */
void vm_on_success(struct vm *vm, int (*commit)(lua_State *L, struct err *err));
/* The connector of that name; name NULL: the run's, else the only one of the provider
 * (config_only_connector). ERR_CONFIG. */
const struct connector *vm_connector(struct vm *vm, const char *name, const char *provider,
                                     struct err *err);

#endif

/* Shared by repl.c and repl_module.c. */
#ifndef JETON_REPL_PRIVATE_H
#define JETON_REPL_PRIVATE_H

#include "repl.h"
#include "repl_terminal.h"
#include "run.h"
#include "signal_watch.h"
#include "task_scheduler.h"
#include "vm.h"

#define REPL_TWICE_MS 1000 /* between two Ctrl-C that leave */

struct repl {
    struct engine *engine;
    struct vm *vm;
    lua_State *L;                   /* the main state; NULL until the module is required */
    struct repl_terminal *terminal; /* NULL: standard input is none */
    char *history;                  /* the file's path */
    bool completing;                /* what it prints belongs to the line */
    bool history_failed;            /* and it was said */
    struct signal_handler handler;
    int64_t interrupted_ms; /* of the last Ctrl-C; 0: none */
    bool leaving;           /* by a signal, which may have come while an entry ran */
    const void *entry;      /* the context of the tasks of the entry that was begun last */
    struct task_wait *wait; /* of the task that reads; NULL: none does */
    enum repl_input what;   /* it has read */
    struct buf line;
};

int repl_module_open(lua_State *L); /* jeton.terminal */
/* For repl_terminal_use; arg is the repl. */
void repl_module_done(void *arg, enum repl_input what, const char *text, size_t len);
bool repl_module_complete(void *arg, const char *before, size_t len, struct buf *insert);

#endif

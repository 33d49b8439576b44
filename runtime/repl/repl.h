/* `jeton repl`: a prompt at which Lua is typed. What it does is in scripts/repl/prompt.lua. */
#ifndef JETON_REPL_H
#define JETON_REPL_H

#include "engine.h"

#include <lua.h>

struct repl_options {
    const struct luaL_Reg *modules; /* of vm_options, to which jeton.terminal is added */
    const char *connector;          /* NULL: the only one */
    const char *file;               /* a script that runs before the first prompt; NULL: none */
    int64_t memory_bytes;           /* 0: the default */
    bool dry_run;
    bool log_json;
};

/* Where standard input is no terminal, it is a script. Returns as vm_run_file does; *traceback
 * (mem_free) is that of a script that failed, or NULL. */
int repl_run(struct engine *engine, const struct repl_options *options, int *status,
             char **traceback, struct err *err);

#endif

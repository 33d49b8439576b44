#include "repl_history.h"
#include "repl_private.h"

#include "config.h"
#include "mem.h"

#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#define HISTORY_FILE "repl_history"

/* The modules, and jeton.terminal. */
static luaL_Reg *modules_with(const luaL_Reg *modules)
{
    size_t count = 0;
    while (modules[count].name != NULL)
        count++;
    luaL_Reg *all = mem_alloc((count + 2) * sizeof *all);
    memcpy(all, modules, count * sizeof *all);
    all[count] = (luaL_Reg){"jeton.terminal", repl_module_open};
    all[count + 1] = (luaL_Reg){NULL, NULL};
    return all;
}

static void recall(void *arg, const char *entry)
{
    repl_terminal_remember(arg, entry);
}

static void open_terminal(struct repl *repl)
{
    const struct repl_terminal_use use = {
        .done = repl_module_done, .complete = repl_module_complete, .arg = repl};
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1)
        return;
    char *folder = config_default_state();
    repl->history = mem_printf("%s/%s", folder, HISTORY_FILE);
    mem_free(folder);
    repl->terminal = repl_terminal_new(repl->engine->loop, &use);
    repl_history_load(repl->history, recall, repl->terminal);
}

/* A task of an earlier entry may print while the next one is being typed. */
static void prints(void *host, bool begins)
{
    const struct repl *repl = host;
    if (repl->terminal != NULL && !repl->completing)
        repl_terminal_prints(repl->terminal, begins);
}

int repl_run(struct engine *engine, const struct repl_options *options, int *status,
             char **traceback, struct err *err)
{
    struct repl repl = {.engine = engine};
    buf_create_secret(&repl.line, REPL_LINE_MAX);
    luaL_Reg *modules = modules_with(options->modules);
    const struct vm_options vm_options = {.engine = engine,
                                          .modules = modules,
                                          .connector = options->connector,
                                          .dry_run = options->dry_run,
                                          .memory_bytes = options->memory_bytes,
                                          .ends_programs = true,
                                          .log_json = options->log_json,
                                          .typed = true,
                                          .prints = prints,
                                          .host = &repl};
    open_terminal(&repl);
    repl.vm = vm_new(&vm_options);
    const struct vm_text file = {options->file, options->file != NULL ? strlen(options->file) : 0};
    int result = vm_run_texts(repl.vm, "repl.prompt", "run", &file, options->file != NULL ? 1 : 0,
                              status, err);
    const char *trace = vm_traceback(repl.vm);
    *traceback = result != 0 && trace != NULL ? mem_strdup(trace) : NULL;
    repl_terminal_free(repl.terminal); /* before anything is said */
    vm_free(repl.vm);
    mem_free(modules);
    mem_free(repl.history);
    buf_destroy(&repl.line);
    return result;
}

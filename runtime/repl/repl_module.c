/* jeton.terminal, internal, for scripts/repl/prompt.lua. */
#include "repl_history.h"
#include "repl_private.h"

#include "lerr.h"

#include <lauxlib.h>
#include <string.h>

#define COMPLETED_MAX 256 /* bytes before the cursor that belong to what is completed */

static const char context_key = 0, completer_key = 0; /* their addresses are keys of the registry */

static struct repl *repl_of(lua_State *L)
{
    return vm_options_of(vm_of(L))->host;
}

/* --- reading --- */

static void read_cancel(void *arg)
{
    struct repl *repl = arg;
    repl->wait = NULL;
    repl_terminal_stop(repl->terminal);
}

static int read_finish(lua_State *L, void *arg)
{
    struct repl *repl = arg;
    repl->wait = NULL;
    if (repl->what == REPL_LINE)
        lua_pushlstring(L, repl->line.data, repl->line.len);
    else if (repl->what == REPL_INTERRUPTED)
        lua_pushboolean(L, 0);
    else
        lua_pushnil(L);
    return 1;
}

void repl_module_done(void *arg, enum repl_input what, const char *text, size_t len)
{
    struct repl *repl = arg;
    repl->what = what;
    buf_clear(&repl->line);
    if (buf_append(&repl->line, text, len) != 0)
        repl->what = REPL_INTERRUPTED; /* over REPL_LINE_MAX: nobody types that */
    if (repl->wait != NULL)
        task_wake(repl->wait);
}

/* read(prompt): a line; nil at the end of the input; false after Ctrl-C. Waits. */
static int read_line(lua_State *L)
{
    struct repl *repl = repl_of(L);
    const char *prompt = luaL_checkstring(L, 1);
    task_check(L, "terminal.read");
    if (repl->terminal == NULL || repl->wait != NULL)
        return luaL_error(L, "terminal.read: there is no terminal, or it is being read");
    if (repl->leaving) {
        lua_pushnil(L);
        return 1;
    }
    struct task_wait *wait = lua_newuserdatauv(L, sizeof *wait, 0);
    *wait = (struct task_wait){0};
    vm_output_end_line(repl->vm);
    repl->entry = NULL;
    repl->wait = wait;
    repl_terminal_read(repl->terminal, prompt);
    return task_wait(L, wait, lua_gettop(L), read_cancel, read_finish, repl);
}

/* --- entries --- */

/* start(fn): the task of an entry, which Ctrl-C cancels with all that it has started. */
static int start(lua_State *L)
{
    struct repl *repl = repl_of(L);
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_newuserdatauv(L, 0, 0); /* fn context */
    lua_pushvalue(L, 2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &context_key);
    lua_pushvalue(L, 1); /* fn context fn */
    if (!task_new_of(L, 0, 2, 0))
        return luaL_error(L, "there are %d tasks already", TASK_MAX);
    repl->entry = lua_touserdata(L, 2);
    return 1;
}

/* failure(): the error and the traceback of a task that has failed, and that nobody waits for. */
static int failure(lua_State *L)
{
    struct repl *repl = repl_of(L);
    if (!lua_checkstack(repl->L, 2))
        return 0;
    struct task *task = task_first_failure(run_of(L)->scheduler); /* on the main state */
    if (task == NULL)
        return 0;
    lua_xmove(repl->L, L, 1);
    int index = lua_gettop(L);
    task_push_failure(L, task, index);
    task_mark_joined(task);
    return 2;
}

/* Reads a script by the rules of scripts. */
static int load_script(lua_State *L)
{
    struct err err;
    if (vm_push_file(L, luaL_checkstring(L, 1), &err) != 0)
        return lerr_raise(L, &err);
    return 1;
}

/* dry(yes): from now on requests that change something are printed, not sent. */
static int dry(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TBOOLEAN);
    vm_set_dry_run(repl_of(L)->vm, lua_toboolean(L, 1));
    return 0;
}

/* hint(message): with what was perhaps meant. */
static int hint(lua_State *L)
{
    struct err err;
    vm_add_hint(L, luaL_checkstring(L, 1), &err);
    lua_pushstring(L, err.msg);
    return 1;
}

/* --- history --- */

static bool found_secret(void *arg, const char *const *owners)
{
    (void)owners;
    *(bool *)arg = true;
    return false;
}

/* remember(entry): for the up key and, if there is no secret in it, for later prompts. */
static int remember(lua_State *L)
{
    struct repl *repl = repl_of(L);
    size_t len;
    const char *entry = luaL_checklstring(L, 1, &len);
    bool secret = false;
    struct err err;
    if (strlen(entry) != len || entry[0] == ' ' || entry[0] == '\0')
        return 0;
    if (repl->terminal != NULL)
        repl_terminal_remember(repl->terminal, entry);
    engine_know_secrets(repl->engine);
    redact_find(repl->engine->redact, entry, len, found_secret, &secret);
    if (!secret && repl_history_add(repl->history, entry, &err) != 0 && !repl->history_failed) {
        repl->history_failed = true;
        log_msg(repl->engine->log, LOG_WARN, "the history of the prompt is not kept: %s", err.msg);
    }
    return 0;
}

/* --- completion --- */

/* completer(fn): fn(before) gives what can be added and, where that is nothing, the choices. */
static int completer(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TFUNCTION);
    lua_settop(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &completer_key);
    return 0;
}

/* Whether a secret would stand in the line. */
static bool shows_secret(const struct repl *repl, const char *before, size_t len,
                         const struct buf *insert)
{
    size_t tail = len < COMPLETED_MAX ? len : COMPLETED_MAX;
    struct buf text;
    bool secret = false;
    buf_create_secret(&text, tail + insert->len);
    buf_append(&text, before + len - tail, tail);
    buf_append(&text, insert->data, insert->len);
    redact_find(repl->engine->redact, text.data, text.len, found_secret, &secret);
    buf_destroy(&text);
    return secret;
}

/* Called from the loop: in no task, so that nothing in there can wait. */
bool repl_module_complete(void *arg, const char *before, size_t len, struct buf *insert)
{
    struct repl *repl = arg;
    lua_State *L = repl->L;
    int top = lua_gettop(L);
    bool listed = false;
    if (!lua_checkstack(L, 4))
        return false;
    repl->completing = true;
    lua_rawgetp(L, LUA_REGISTRYINDEX, &completer_key);
    lua_pushlstring(L, before, len);
    if (lua_pcall(L, 1, 2, 0) == LUA_OK) {
        size_t size = 0;
        const char *text = lua_tolstring(L, -2, &size);
        if (text != NULL && size > 0)
            buf_append(insert, text, size);
        const char *choices = lua_tolstring(L, -1, &size);
        listed = choices != NULL && size > 0;
        if (listed)
            vm_output_write(repl->vm, choices, size);
    }
    lua_settop(L, top);
    repl->completing = false;
    if (insert->len > 0 && shows_secret(repl, before, len, insert))
        buf_clear(insert);
    return listed;
}

/* names(): of connectors and jobs, one list */
static int names(lua_State *L)
{
    const struct config *config = repl_of(L)->engine->config;
    lua_Integer n = 0;
    lua_newtable(L);
    for (size_t i = 0; i < config->nconnectors; i++) {
        lua_pushstring(L, config->connectors[i]->name);
        lua_seti(L, -2, ++n);
    }
    for (size_t i = 0; i < config->njobs; i++) {
        lua_pushstring(L, config->jobs[i].name);
        lua_seti(L, -2, ++n);
    }
    return 1;
}

static void on_signal(void *arg, int signo, bool by_process)
{
    struct repl *repl = arg;
    int64_t now = loop_now_ms(repl->engine->loop);
    (void)by_process;
    if (signo != SIGINT ||
        (repl->interrupted_ms != 0 && now - repl->interrupted_ms < REPL_TWICE_MS)) {
        repl->leaving = true;
        vm_interrupt(repl->vm, signo);
        return;
    }
    repl->interrupted_ms = now;
    if (repl_terminal_interrupt(repl->terminal) || repl->entry == NULL)
        return;
    struct err err;
    err_set(&err, ERR_CANCELLED, "interrupted");
    task_cancel_context(repl->L, repl->entry, &err);
}

int repl_module_open(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"read", read_line},      {"start", start},     {"load", load_script},  {"dry", dry},
        {"hint", hint},           {"failure", failure}, {"remember", remember}, {"names", names},
        {"completer", completer}, {NULL, NULL},
    };
    struct repl *repl = repl_of(L);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    repl->L = lua_tothread(L, -1);
    lua_pop(L, 1);
    if (repl->terminal != NULL)
        signal_watch_push(signal_watch_of(L), &repl->handler, on_signal, repl);
    luaL_newlib(L, functions);
    lua_pushboolean(L, repl->terminal != NULL);
    lua_setfield(L, -2, "is_terminal");
    lua_pushstring(L, vm_options_of(repl->vm)->connector);
    lua_setfield(L, -2, "connector");
    return 1;
}

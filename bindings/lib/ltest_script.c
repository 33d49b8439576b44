#include "ltest_script.h"

#include "config_load.h"
#include "larg.h"
#include "lerr.h"
#include "ljson.h"
#include "lstate.h"
#include "ltest_events.h"
#include "ltest_world.h"
#include "mem.h"
#include "task.h"
#include "vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RUN_TYPE    "jeton.test.run"
#define ANSWERS_MAX ((size_t)1024 * 1024)
#define OUTPUT_MAX  ((size_t)16 * 1024 * 1024) /* of one stream */
#define ARGS_MAX    1000

/* Its options are the table at index 1 of the waiting call, and what points there lives as long. */
struct ltest_script {
    struct task_wait wait;
    struct config *config;
    struct engine engine;
    struct log *log;
    struct vm *vm;
    struct vm_test test;
    struct vm_attempt attempt;
    struct ltest_events events; /* of the webhook whose events it handles */
    struct buf answers;
    struct loop_hook hook;
    bool hooked;
    int out_fd, err_fd; /* files in memory, which the streams of `test` write to */
    int status;
    struct err err;
    struct buf state; /* key, NUL, length of the value, the value; and so on */
    const char *args[ARGS_MAX + 1];
    struct vm_arg named[ARGS_MAX];
};

static void run_close(struct ltest_script *run)
{
    if (run->hooked)
        loop_hook_remove(run->engine.loop, &run->hook);
    run->hooked = false;
    vm_free(run->vm);
    ltest_events_end(&run->events);
    if (run->log != NULL)
        engine_destroy(&run->engine);
    log_free(run->log);
    config_free(run->config);
    FILE *files[] = {run->test.in, run->test.out, run->test.err};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        if (files[i] != NULL)
            (void)fclose(files[i]);
    run->vm = NULL;
    run->log = NULL;
    run->config = NULL;
    run->test = (struct vm_test){.report_fd = -1};
}

static void close_outputs(struct ltest_script *run)
{
    if (run->out_fd >= 0)
        close(run->out_fd);
    if (run->err_fd >= 0)
        close(run->err_fd);
    run->out_fd = run->err_fd = -1;
}

static int run_gc(lua_State *L)
{
    struct ltest_script *run = luaL_checkudata(L, 1, RUN_TYPE);
    run_close(run);
    close_outputs(run);
    buf_destroy(&run->state);
    buf_destroy(&run->answers);
    return 0;
}

/* What is in jeton.state at the end */

static bool keep_key(void *arg, const struct store_kv *item)
{
    struct buf *state = arg;
    buf_append(state, item->key, strlen(item->key) + 1);
    buf_append(state, &item->len, sizeof item->len);
    return buf_append(state, item->value, item->len) == 0;
}

static void read_state(struct ltest_script *run)
{
    struct engine *engine = &run->engine;
    struct err err;
    if (engine->store == NULL)
        engine->store = store_new(engine->config->state, engine->loop);
    struct store *keys = engine->keys != NULL ? engine->keys : engine->store;
    if (!store_exists(keys))
        return;
    const char *scope = lstate_scope(vm_lua(run->vm), &err);
    struct store_call call = {.op = STORE_KV_EACH,
                              .kv = {.scope = scope, .fn = keep_key, .arg = &run->state}};
    if (scope != NULL)
        store_wait(keys, &call, &err);
}

static void push_state(lua_State *L, const struct buf *state)
{
    const struct json_options options = {.mend = true};
    const char *at = state->data, *end = at + state->len;
    struct err err;
    lua_newtable(L);
    while (at < end) {
        const char *key = at;
        size_t len;
        at += strlen(key) + 1;
        memcpy(&len, at, sizeof len);
        at += sizeof len;
        if (ljson_decode(L, at, len, &options, &err) == 0)
            lua_setfield(L, -2, key);
        at += len;
    }
}

/* The end */

static void report(struct ltest_script *run)
{
    char line[ERR_LINE_MAX];
    const char *traceback = vm_traceback(run->vm);
    err_line(&run->err, line);
    log_lines(run->log, LOG_ERROR, traceback != NULL ? "%s\n%s" : "%s%s", line,
              traceback != NULL ? traceback : "");
    run->status = err_exit_code(run->err.kind);
}

static int64_t look(void *arg)
{
    const struct ltest_script *run = arg;
    return vm_has_ended(run->vm) ? 0 : -1;
}

static void end_if_done(void *arg)
{
    struct ltest_script *run = arg;
    if (!vm_has_ended(run->vm))
        return;
    loop_hook_remove(run->engine.loop, &run->hook);
    run->hooked = false;
    if (vm_finish(run->vm, &run->status, &run->err) != 0)
        report(run);
    read_state(run);
    run_close(run);
    task_wake(&run->wait);
}

static void push_output(lua_State *L, int fd)
{
    off_t size = lseek(fd, 0, SEEK_END);
    size_t len = size > 0 ? (size_t)size : 0;
    len = len < OUTPUT_MAX ? len : OUTPUT_MAX;
    char *text = lua_newuserdatauv(L, len + 1, 0);
    ssize_t got = pread(fd, text, len, 0);
    lua_pushlstring(L, text, got > 0 ? (size_t)got : 0);
    lua_remove(L, -2);
}

static int run_finish(lua_State *L, void *arg)
{
    struct ltest_script *run = arg;
    lua_createtable(L, 0, 6);
    lua_pushinteger(L, run->status);
    lua_setfield(L, -2, "status");
    if (run->err.kind != ERR_NONE) {
        redact_err(vm_engine(vm_of(L))->redact, &run->err);
        lua_pushstring(L, err_kind_name(run->err.kind));
        lua_setfield(L, -2, "kind");
        lua_pushstring(L, run->err.msg);
        lua_setfield(L, -2, "message");
    }
    push_output(L, run->out_fd);
    lua_setfield(L, -2, "stdout");
    push_output(L, run->err_fd);
    lua_setfield(L, -2, "stderr");
    push_state(L, &run->state);
    lua_setfield(L, -2, "state");
    if (run->events.hook != NULL) {
        lua_pushlstring(L, run->answers.data, run->answers.len);
        lua_setfield(L, -2, "answers");
    }
    close_outputs(run); /* not only when it is collected: a test may run many scripts */
    return 1;
}

/* The script ends as by a signal; the call that waits for it raises then (wait.drains). */
static void run_cancel(void *arg)
{
    struct ltest_script *run = arg;
    ltest_events_stop(&run->events);
    if (run->vm != NULL)
        vm_interrupt(run->vm, SIGTERM);
}

/* The beginning */

/* The strings of a list, kept by it. */
static void read_args(lua_State *L, struct ltest_script *run)
{
    lua_getfield(L, 1, "args"); /* … args */
    lua_Integer count = lua_istable(L, -1) ? luaL_len(L, -1) : 0;
    luaL_argcheck(L, count <= ARGS_MAX, 1, "too many arguments");
    for (lua_Integer i = 0; i < count; i++) {
        lua_geti(L, -1, i + 1);
        run->args[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* named: {name, JSON, name, JSON, …} */
static size_t read_named(lua_State *L, struct ltest_script *run)
{
    lua_getfield(L, 1, "named");
    lua_Integer count = lua_istable(L, -1) ? luaL_len(L, -1) / 2 : 0;
    luaL_argcheck(L, count <= ARGS_MAX, 1, "too many arguments");
    for (lua_Integer i = 0; i < count; i++) {
        lua_geti(L, -1, 2 * i + 1);
        lua_geti(L, -2, 2 * i + 2);
        run->named[i] =
            (struct vm_arg){luaL_checkstring(L, -2), luaL_checkstring(L, -1), .json = true};
        lua_pop(L, 2);
    }
    lua_pop(L, 1);
    return (size_t)count;
}

static FILE *open_memory(const char *name, int *fd, const char *mode)
{
    *fd = memfd_create(name, MFD_CLOEXEC);
    int own = *fd >= 0 ? dup(*fd) : -1;
    return own >= 0 ? fdopen(own, mode) : NULL;
}

static int open_streams(struct ltest_script *run, const char *in, size_t len, struct err *err)
{
    int in_fd = -1;
    run->test.out = open_memory("stdout", &run->out_fd, "w");
    run->test.err = open_memory("stderr", &run->err_fd, "w");
    run->test.in = open_memory("stdin", &in_fd, "r+");
    if (in_fd >= 0)
        close(in_fd);
    if (run->test.out == NULL || run->test.err == NULL || run->test.in == NULL)
        return err_set(err, ERR_CONFIG, "cannot make the streams of a script: %s", strerror(errno));
    setvbuf(run->test.err, NULL, _IONBF, 0); /* the log is written beside it */
    fwrite(in, 1, len, run->test.in);
    rewind(run->test.in);
    return 0;
}

static int begin(lua_State *L, struct ltest_script *run, struct err *err)
{
    struct engine *of_tests = vm_engine(vm_of(L));
    size_t len;
    const char *in = larg_string(L, 1, "stdin", "", &len);
    const char *job = larg_string(L, 1, "job", NULL, NULL);
    const char *hook = larg_string(L, 1, "hook", NULL, NULL);
    if (open_streams(run, in, len, err) != 0)
        return -1;
    run->config = ltest_world_config(run->test.world, larg_string(L, 1, "config", "", NULL), err);
    if (run->config == NULL)
        return -1;
    run->log = log_new(run->err_fd, LOG_INFO, LOG_TEXT, false, of_tests->redact);
    engine_create_beside(&run->engine, of_tests, run->config, run->log);
    if (hook == NULL) /* events are the test's own */
        ltest_world_real_state(run->test.world, &run->engine);
    struct vm_options options = {.engine = &run->engine,
                                 .modules = vm_options_of(vm_of(L))->modules,
                                 .connector = larg_string(L, 1, "connector", NULL, NULL),
                                 .dry_run = larg_boolean(L, 1, "dry_run", 0) != 0,
                                 .memory_bytes = larg_integer(L, 1, "memory", 0),
                                 .timeout_ms = larg_integer(L, 1, "timeout_ms", 0),
                                 .args = run->args,
                                 .named = run->named,
                                 .test = &run->test};
    options.nnamed = read_named(L, run);
    read_args(L, run);
    if (job != NULL) {
        options.job = config_job(run->config, job, err);
        if (options.job == NULL)
            return -1;
        options.attempt = &run->attempt;
        if (options.job->connector != NULL)
            options.connector = options.job->connector;
        options.timeout_ms = options.job->timeout_ms;
        options.memory_bytes = options.job->memory_bytes;
        options.args = NULL;
        run->attempt.attempt = larg_integer(L, 1, "attempt", 1);
        run->attempt.attempts = options.job->attempts;
    }
    if (hook != NULL &&
        ltest_events_begin(&run->events, &run->engine, hook, &run->answers, err) != 0)
        return -1;
    if (hook != NULL) {
        options.events = &run->events.vm;
        options.connector = run->events.hook->connector;
        options.memory_bytes = run->events.hook->memory_bytes;
    }
    if (options.connector != NULL && config_connector(run->config, options.connector, err) == NULL)
        return -1;
    run->vm = vm_new(&options);
    const char *path =
        hook != NULL ? run->events.hook->script : larg_string(L, 1, "path", "", NULL);
    ltest_guard_loads(run->test.world, path);
    return hook != NULL ? vm_begin_events(run->vm, path, err) : vm_begin_file(run->vm, path, err);
}

int ltest_script(lua_State *L)
{
    static const char *const keys[] = {"path",    "args",      "named",   "job",    "stdin",
                                       "config",  "connector", "dry_run", "memory", "timeout_ms",
                                       "attempt", "hook",      "prelude", NULL};
    task_check(L, "t:run");
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    larg_options(L, 1, "native.run", keys);
    struct ltest_script *run = lua_newuserdatauv(L, sizeof *run, 0); /* options run */
    *run = (struct ltest_script){.out_fd = -1, .err_fd = -1};
    buf_create(&run->state, (STORE_VALUE_MAX + STORE_KEY_MAX) * 64);
    buf_create(&run->answers, ANSWERS_MAX);
    run->test = *vm_options_of(vm_of(L))->test;
    run->test.report_fd = -1;
    run->test.prelude = larg_string(L, 1, "prelude", "require('test.guard').install()", NULL);
    run->test.out = run->test.err = NULL;
    luaL_setmetatable(L, RUN_TYPE);
    struct err err;
    err_clear(&err);
    if (begin(L, run, &err) != 0) {
        if (run->log == NULL) {
            run_close(run);
            return lerr_return(L, &err);
        }
        run->err = err; /* as `jeton run` would say it */
        if (run->vm != NULL)
            report(run);
        else
            run->status = err_exit_code(err.kind);
        run_close(run);
        return run_finish(L, run);
    }
    run->hook = (struct loop_hook){.before = look, .after = end_if_done, .arg = run};
    loop_hook_add(run->engine.loop, &run->hook);
    run->hooked = true;
    run->wait.drains = true;
    return task_wait(L, &run->wait, 2, run_cancel, run_finish, run);
}

void ltest_script_setup(lua_State *L)
{
    luaL_newmetatable(L, RUN_TYPE);
    lua_pushcfunction(L, run_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

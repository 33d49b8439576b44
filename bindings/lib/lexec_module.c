/* jeton.exec, internal, for the sandbox's --exec: exec.run{…} runs a child and waits for it. */
#include "larg.h"
#include "lerr.h"
#include "lexec.h"
#include "luaopen.h"
#include "mem.h"
#include "task.h"
#include "vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RUN_TYPE "jeton.exec.run"

struct run {
    struct task_wait wait;
    struct lexec exec;
};

static void close_input(struct run *run)
{
    if (run->exec.input_fd > 0)
        close(run->exec.input_fd);
    run->exec.input_fd = 0;
}

/* A file that has no name holds it, so that nobody has to write while the child reads. */
static int make_input(struct run *run, const char *text, size_t len, struct err *err)
{
    int fd = memfd_create("input", MFD_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "cannot make the input of a program: %s", strerror(errno));
    run->exec.input_fd = fd;
    for (size_t at = 0; at < len;) {
        ssize_t got = write(fd, text + at, len - at);
        if (got < 0)
            return err_set(err, ERR_CONFIG, "cannot make the input of a program: %s",
                           strerror(errno));
        at += (size_t)got;
    }
    lseek(fd, 0, SEEK_SET);
    return 0;
}

/* The state may be closed while the child runs. */
static int run_gc(lua_State *L)
{
    struct run *run = luaL_checkudata(L, 1, RUN_TYPE);
    lexec_destroy(&run->exec, LEXEC_TERM_MS);
    close_input(run);
    return 0;
}

static void run_ended(void *arg)
{
    struct run *run = arg;
    task_wake(&run->wait);
}

static int run_finish(lua_State *L, void *arg)
{
    struct run *run = arg;
    lua_pushinteger(L, run->exec.status);
    return 1;
}

/* The cancellation is raised only when the child has ended (wait.drains). A second one kills it. */
static void run_cancel(void *arg)
{
    struct run *run = arg;
    lexec_stop(&run->exec);
}

/* ---- arguments ---- */

/* Calls each(run, name, text, len) for the string pairs of options[key]. */
static int for_pairs(lua_State *L, const char *key, struct run *run,
                     int (*each)(struct run *run, const char *name, const char *text, size_t len,
                                 struct err *err),
                     struct err *err)
{
    int result = 0;
    int type = lua_getfield(L, 1, key); /* … table */
    if (type != LUA_TNIL && type != LUA_TTABLE)
        return luaL_error(L, "%s of exec.run: a table expected, got %s", key,
                          lua_typename(L, type));
    for (lua_pushnil(L); type == LUA_TTABLE && result == 0 && lua_next(L, -2) != 0;) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            return luaL_error(L, "%s of exec.run: strings expected", key);
        size_t name_len, len;
        const char *name = lua_tolstring(L, -2, &name_len); /* … table name text */
        const char *text = lua_tolstring(L, -1, &len);
        if (name_len == 0 || strlen(name) != name_len)
            return luaL_error(L, "%s of exec.run: a bad name", key);
        result = each(run, name, text, len, err);
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    return result;
}

static int check_env(const char *name, const char *text, size_t len, struct err *err)
{
    if (strchr(name, '=') != NULL || strlen(text) != len)
        return err_set(err, ERR_INVALID,
                       "environment variable '%s': its name holds '=', or its value a NUL byte",
                       name);
    return 0;
}

static int add_env(struct run *run, const char *name, const char *text, size_t len, struct err *err)
{
    if (check_env(name, text, len, err) != 0)
        return -1;
    return lexec_add_env(&run->exec, name, text, err);
}

static int add_env_dir(struct run *run, const char *name, const char *file, size_t len,
                       struct err *err)
{
    if (check_env(name, file, len, err) != 0)
        return -1;
    char *value = mem_printf("%s/%s", LEXEC_TOKEN, file);
    int result = lexec_add_env(&run->exec, name, value, err);
    mem_free(value);
    return result;
}

static int add_file(struct run *run, const char *name, const char *text, size_t len,
                    struct err *err)
{
    return lexec_add_file(&run->exec, name, text, len, err);
}

static void read_argv(lua_State *L, struct run *run)
{
    if (lua_getfield(L, 1, "argv") != LUA_TTABLE)
        luaL_error(L, "argv of exec.run: a list expected, got %s", luaL_typename(L, -1));
    lua_Integer n = luaL_len(L, -1);
    if (n < 1 || n > LEXEC_ARGS_MAX)
        luaL_error(L, "argv of exec.run: 1 to %d strings expected", LEXEC_ARGS_MAX);
    for (lua_Integer i = 1; i <= n; i++) {
        size_t len;
        int type = lua_geti(L, -1, i);
        const char *arg = type == LUA_TSTRING ? lua_tolstring(L, -1, &len) : NULL;
        if (arg == NULL || strlen(arg) != len)
            luaL_error(L, "argv of exec.run: strings without NUL bytes expected");
        lexec_add_arg(&run->exec, arg);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

/* exec.run{ argv={…}, env={NAME=value}, files={name=text}, env_dir={NAME=name} }, or with
 * input=text in the place of files and env_dir: there is no folder then. */
static int exec_run(lua_State *L)
{
    static const char *const keys[] = {"argv", "env", "files", "env_dir", "input", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    larg_options(L, 1, "exec.run", keys);
    task_check(L, "exec.run");
    lua_settop(L, 1);
    struct run *run = lua_newuserdatauv(L, sizeof *run, 0); /* options run */
    *run = (struct run){0};
    luaL_setmetatable(L, RUN_TYPE);
    struct engine *engine = vm_engine(vm_of(L));
    run->exec.loop = engine->loop;
    run->exec.log = engine->log;
    run->exec.signals = signal_watch_of(L);
    if (run->exec.signals == NULL)
        return luaL_error(L, "exec.run needs a run that watches signals");

    struct err err;
    err_clear(&err);
    read_argv(L, run);
    bool in_dir =
        lua_getfield(L, 1, "files") != LUA_TNIL || lua_getfield(L, 1, "env_dir") != LUA_TNIL;
    lua_settop(L, 2);
    size_t len;
    const char *input = larg_string(L, 1, "input", NULL, &len);
    if (input != NULL && in_dir)
        return luaL_error(L, "input of exec.run: not with files or env_dir");
    run->exec.literal = input != NULL; /* it comes from elsewhere, and so may what is in env */
    /* A folder takes longer to make and to remove than many a program runs. */
    if ((input != NULL ? make_input(run, input, len, &err) : lexec_make_dir(&run->exec, &err)) !=
            0 ||
        for_pairs(L, "files", run, add_file, &err) != 0 ||
        for_pairs(L, "env", run, add_env, &err) != 0 ||
        for_pairs(L, "env_dir", run, add_env_dir, &err) != 0 ||
        lexec_start(&run->exec, run_ended, run, &err) != 0) {
        lexec_destroy(&run->exec, LEXEC_TERM_MS);
        close_input(run);
        return lerr_return(L, &err);
    }
    close_input(run);
    run->wait.drains = true;
    return task_wait(L, &run->wait, 2, run_cancel, run_finish, run);
}

int luaopen_jeton_exec(lua_State *L)
{
    static const luaL_Reg module[] = {{"run", exec_run}, {NULL, NULL}};
    luaL_newmetatable(L, RUN_TYPE);
    lua_pushcfunction(L, run_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
    luaL_newlib(L, module);
    return 1;
}

/* jeton.test_native, internal: what the tests of scripts need of C. Lua: scripts/test. */
#include "fd.h"
#include "http.h"
#include "larg.h"
#include "lerr.h"
#include "lstate.h"
#include "ltest_deliver.h"
#include "ltest_forward.h"
#include "ltest_sandbox.h"
#include "ltest_script.h"
#include "ltest_world.h"
#include "luaopen.h"
#include "mem.h"
#include "task.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SCOPE_TYPE  "jeton.test.scope"
#define MASKED_MAX  HTTP_BODY_MAX /* a reply that is recorded */
#define FOLDER_MODE 0700
#define FILE_MODE   0600

static const char *check_path(lua_State *L, int arg)
{
    size_t len;
    const char *path = luaL_checklstring(L, arg, &len);
    luaL_argcheck(L, strlen(path) == len, arg, "holds a NUL byte");
    return path;
}

/* native.load(path) → the function of the script and its real path; or nil, err */
static int test_load(lua_State *L)
{
    struct err err;
    if (vm_push_script(L, check_path(L, 1), &err) != 0)
        return lerr_return(L, &err);
    lua_pushstring(L, vm_script(vm_of(L)));
    return 2;
}

/* native.mask(text) → the text without secrets */
static int test_mask(lua_State *L)
{
    size_t len;
    struct buf masked;
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, len <= MASKED_MAX, 1, "too long");
    engine_know_secrets(vm_engine(vm_of(L)));
    buf_create(&masked, (len + 1) * sizeof REDACT_MASK);
    redact_text(vm_engine(vm_of(L))->redact, text, len, &masked);
    char *copy = lua_newuserdatauv(L, masked.len + 1, 0);
    memcpy(copy, masked.data, masked.len + 1);
    len = masked.len;
    buf_destroy(&masked);
    lua_pushlstring(L, copy, len);
    return 1;
}

/* native.report(line): written to whoever started this process. What is masked in it is up to the
 * caller: in a whole line a secret could be a word of ours. */
static int test_report(lua_State *L)
{
    size_t len;
    const char *line = luaL_checklstring(L, 1, &len);
    if (fd_write(vm_options_of(vm_of(L))->test->report_fd, line, len) != 0)
        return luaL_error(L, "the report cannot be written: %s", strerror(errno));
    return 0;
}

/* native.enter(folder): makes it, and makes it the working directory. */
static int test_enter(lua_State *L)
{
    const char *path = check_path(L, 1);
    if ((mkdir(path, FOLDER_MODE) != 0 && errno != EEXIST) || chdir(path) != 0)
        return luaL_error(L, "cannot enter folder '%s': %s", path, strerror(errno));
    return 0;
}

/* native.write(path, text): a new file that only its owner can read. */
static int test_write(lua_State *L)
{
    size_t len;
    const char *path = check_path(L, 1), *text = luaL_checklstring(L, 2, &len);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    int result = fd >= 0 ? fd_write(fd, text, len) : -1;
    int code = errno;
    if (fd >= 0)
        close(fd);
    return result == 0 ? 0 : luaL_error(L, "cannot write '%s': %s", path, strerror(code));
}

/* native.scope(): what the tasks of one test have in common. */
static int test_scope(lua_State *L)
{
    lua_newuserdatauv(L, 1, LSTATE_RECORD);
    luaL_setmetatable(L, SCOPE_TYPE);
    lstate_new_record(L); /* what the test itself changes in jeton.state ends with it */
    lua_setiuservalue(L, -2, LSTATE_RECORD);
    return 1;
}

/* native.start(scope, fn, …) → a task of it; those that it starts are too. */
static int test_start(lua_State *L)
{
    luaL_checkudata(L, 1, SCOPE_TYPE);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    if (!task_new_of(L, lua_gettop(L) - 2, 1, 0))
        return luaL_error(L, "too many tasks");
    return 1;
}

/* native.left(scope) → a task that has not ended, or whose failure nobody has seen; or nil */
static int test_left(lua_State *L)
{
    return task_push_of_context(L, luaL_checkudata(L, 1, SCOPE_TYPE)) ? 1 : 0;
}

/* native.cancel(scope) */
static int test_cancel(lua_State *L)
{
    struct err err;
    err_set(&err, ERR_CANCELLED, "the test has ended");
    task_cancel_context(L, luaL_checkudata(L, 1, SCOPE_TYPE), &err);
    return 0;
}

/* native.use(path): the configuration that the tests themselves have from now on; a state that is
 * open is another's. */
static int test_use(lua_State *L)
{
    struct err err;
    if (ltest_world_use(vm_options_of(vm_of(L))->test->world, check_path(L, 1), &err) != 0)
        return lerr_return(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

int luaopen_jeton_test_native(lua_State *L)
{
    static const luaL_Reg functions[] = {{"load", test_load},
                                         {"mask", test_mask},
                                         {"report", test_report},
                                         {"enter", test_enter},
                                         {"scope", test_scope},
                                         {"start", test_start},
                                         {"left", test_left},
                                         {"cancel", test_cancel},
                                         {"run", ltest_script},
                                         {"deliver", ltest_deliver},
                                         {"event", ltest_event},
                                         {"use", test_use},
                                         {"write", test_write},
                                         {"start_sandbox", ltest_sandbox_start},
                                         {"end_sandbox", ltest_sandbox_end},
                                         {NULL, NULL}};
    const struct vm_test *test = vm_options_of(vm_of(L))->test;
    if (test != NULL && test->report_fd < 0) { /* of a script: what test.guard needs */
        lua_newtable(L);
        ltest_world_open_script(L, test->world);
        return 1;
    }
    if (test == NULL)
        return luaL_error(L, "jeton.test is for the files that `jeton test` runs: *_test.lua");
    luaL_newmetatable(L, SCOPE_TYPE);
    lua_pop(L, 1);
    ltest_script_setup(L);
    luaL_newlib(L, functions);
    ltest_world_open(L, test->world);
    ltest_forward_open(L, test->world);
    return 1;
}

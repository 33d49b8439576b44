#include "ltest_sandbox.h"

#include "buf.h"
#include "larg.h"
#include "lerr.h"
#include "process.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARGS_MAX     16
#define GREETING_MAX ((size_t)64 * 1024)
#define START_MS     30000
#define END_MS       2000
#define SAYS_MAX     300
#define LAST_LINE    "\nIts contents:\n"    /* of the greeting */
#define STARTED      "jeton.test sandboxes" /* in the registry: those that have not been ended */

/* In the child: becomes the program; a signal tells the parent if that fails. */
static void become(char *const argv[], int output, int says)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL); /* the run blocks some */
    if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
        (says < 0 || dup2(says, STDERR_FILENO) >= 0))
        execv(argv[0], argv);
    raise(SIGKILL);
}

static int read_greeting(int fd, struct buf *text, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + START_MS;
    while (strstr(text->data, LAST_LINE) == NULL) {
        char piece[4096];
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int64_t left_ms = until_ms - clock_mono_ms();
        ssize_t got =
            left_ms > 0 && poll(&ready, 1, (int)left_ms) > 0 ? read(fd, piece, sizeof piece) : -1;
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || buf_append(text, piece, (size_t)got) != 0)
            return err_set(err, ERR_CONFIG, "the sandbox did not start");
    }
    return 0;
}

/* The first line of what it has said. */
static void explain(int says, struct err *err)
{
    static const char head[] = "jeton: error: ";
    char line[SAYS_MAX + 1];
    ssize_t got = pread(says, line, SAYS_MAX, 0);
    if (got <= 0)
        return;
    line[got] = '\0';
    line[strcspn(line, "\n")] = '\0';
    bool prefixed = strncmp(line, head, strlen(head)) == 0;
    err_set(err, ERR_CONFIG, "the sandbox did not start: %s", line + (prefixed ? strlen(head) : 0));
}

static void end(pid_t pid)
{
    kill(pid, SIGTERM);
    if (process_ends_within(pid, END_MS) != 1)
        kill(pid, SIGKILL);
    process_wait(pid);
}

static int start(char *const argv[], struct buf *text, pid_t *pid, struct err *err)
{
    int pipes[2];
    if (pipe2(pipes, O_CLOEXEC) != 0)
        return err_set(err, ERR_CONFIG, "cannot start a sandbox: %s", strerror(errno));
    int says = memfd_create("sandbox", MFD_CLOEXEC);
    *pid = process_fork(err);
    if (*pid == 0)
        become(argv, pipes[1], says);
    close(pipes[1]);
    int result = *pid > 0 ? read_greeting(pipes[0], text, err) : -1;
    close(pipes[0]);
    if (*pid > 0 && result != 0) {
        end(*pid);
        explain(says, err);
    }
    if (says >= 0)
        close(says);
    return result;
}

int ltest_sandbox_start(lua_State *L)
{
    const char *args[ARGS_MAX + 1] = {vm_options_of(vm_of(L))->test->program};
    struct buf text;
    struct err err;
    pid_t pid = 0;
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_Integer count = luaL_len(L, 1);
    luaL_argcheck(L, count < ARGS_MAX, 1, "too many arguments");
    for (lua_Integer i = 1; i <= count; i++) {
        lua_geti(L, 1, i);
        args[i] = luaL_checkstring(L, -1); /* stays on the stack */
    }
    luaL_getsubtable(L, LUA_REGISTRYINDEX, STARTED);
    int started = lua_gettop(L);
    buf_create_secret(&text, GREETING_MAX);
    int result = start((char *const *)(uintptr_t)args, &text, &pid, &err);
    if (result == 0) {
        lua_pushboolean(L, 1);
        lua_rawseti(L, started, pid);
        lua_pushinteger(L, pid);
        lua_pushlstring(L, text.data, text.len);
    }
    buf_destroy(&text);
    return result == 0 ? 2 : lerr_return(L, &err);
}

int ltest_sandbox_end(lua_State *L)
{
    lua_Integer pid = luaL_checkinteger(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, STARTED);
    bool ours = lua_rawgeti(L, -1, pid) != LUA_TNIL; /* started kept */
    luaL_argcheck(L, ours, 1, "a sandbox of this test expected");
    lua_pushnil(L);
    lua_rawseti(L, -3, pid);
    end((pid_t)pid);
    return 0;
}

/* run{…} of jeton.test_host: the process of one file of tests, and what it reports. */
#include "larg.h"
#include "lerr.h"
#include "ltest_host.h"
#include "mem.h"
#include "process.h"
#include "task.h"
#include "tempdir.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_TYPE    "jeton.test_host.run"
#define STRINGS_MAX 256
#define REPORT_MAX  ((size_t)32 * 1024 * 1024)
#define OUTPUT_MAX  ((size_t)64 * 1024) /* of the rest, its end is kept */
#define STOP_MS     2000                /* from SIGTERM to SIGKILL */
#define READ_BYTES  ((size_t)16 * 1024)

enum { OUTPUT, REPORT, PIPES };

struct run {
    struct task_wait wait;
    struct loop *loop;
    struct tempdir folder;
    char **argv, **env;
    pid_t pid; /* 0: not started, or ended */
    struct process_watch watch;
    struct loop_timer timer;
    struct loop_fd fds[PIPES];
    int pipes[PIPES]; /* our ends; -1: closed */
    struct buf texts[PIPES];
    size_t dropped; /* bytes of the output */
    bool timed_out, too_much;
    int wait_status;
};

static void close_pipe(struct run *run, int which)
{
    if (run->pipes[which] < 0)
        return;
    loop_fd_stop(run->loop, &run->fds[which]);
    close(run->pipes[which]);
    run->pipes[which] = -1;
}

static void kill_group(const struct run *run)
{
    if (run->pid > 0)
        kill(-run->pid, SIGKILL); /* not reaped: the group's number has not been reused */
}

/* What is there; false: at the end, or nothing is there. */
static bool read_some(struct run *run, int which)
{
    char data[READ_BYTES];
    ssize_t got = read(run->pipes[which], data, sizeof data);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (got <= 0) {
        close_pipe(run, which);
        return false;
    }
    struct buf *text = &run->texts[which];
    if (which == OUTPUT && text->len + (size_t)got > OUTPUT_MAX) {
        size_t most = OUTPUT_MAX - (size_t)got;
        run->dropped += text->len - most;
        buf_drop(text, text->len - most);
    }
    if (buf_append(text, data, (size_t)got) != 0) {
        run->too_much = true;
        close_pipe(run, which);
        kill_group(run);
        return false;
    }
    return true;
}

static void on_output(void *arg, short revents)
{
    (void)revents;
    read_some(arg, OUTPUT);
}

static void on_report(void *arg, short revents)
{
    (void)revents;
    read_some(arg, REPORT);
}

static void on_timeout(void *arg)
{
    struct run *run = arg;
    run->timed_out = true;
    kill_group(run);
}

static void on_patience(void *arg)
{
    kill_group(arg);
}

/* Idempotent. */
static void release(struct run *run)
{
    struct err ignored;
    for (int which = 0; which < PIPES; which++)
        close_pipe(run, which);
    tempdir_close(&run->folder, &ignored);
    mem_freev(run->argv);
    mem_freev(run->env);
    run->argv = run->env = NULL;
}

static void on_end(void *arg, int wait_status)
{
    struct run *run = arg;
    kill(-run->pid,
         SIGKILL); /* what it left behind; mostly nothing, and then there is no such group */
    run->pid = 0;
    run->wait_status = wait_status;
    loop_timer_stop(run->loop, &run->timer);
    for (int which = 0; which < PIPES; which++) {
        while (run->pipes[which] >= 0 && read_some(run, which))
            continue;
    }
    release(run);
    task_wake(&run->wait);
}

static int run_gc(lua_State *L)
{
    struct run *run = luaL_checkudata(L, 1, RUN_TYPE);
    if (run->loop == NULL)
        return 0;
    if (run->pid > 0) {
        process_watch_stop(&run->watch);
        loop_timer_stop(run->loop, &run->timer);
        kill_group(run);
        process_wait(run->pid);
        run->pid = 0;
    }
    release(run);
    for (int which = 0; which < PIPES; which++)
        buf_destroy(&run->texts[which]);
    return 0;
}

/* The task was cancelled; the call raises when the process has ended (wait.drains). */
static void run_cancel(void *arg)
{
    struct run *run = arg;
    if (run->pid <= 0)
        return;
    kill(-run->pid, SIGTERM);
    loop_timer_start(run->loop, &run->timer, STOP_MS, on_patience, run);
}

static int run_finish(lua_State *L, void *arg)
{
    struct run *run = arg;
    lua_createtable(L, 0, 7);
    if (WIFSIGNALED(run->wait_status)) {
        lua_pushstring(L, strsignal(WTERMSIG(run->wait_status)));
        lua_setfield(L, -2, "signal");
    }
    lua_pushinteger(L, process_exit_status(run->wait_status));
    lua_setfield(L, -2, "status");
    lua_pushboolean(L, run->timed_out);
    lua_setfield(L, -2, "timed_out");
    lua_pushboolean(L, run->too_much);
    lua_setfield(L, -2, "too_much");
    lua_pushinteger(L, (lua_Integer)run->dropped);
    lua_setfield(L, -2, "dropped");
    lua_pushlstring(L, run->texts[OUTPUT].data, run->texts[OUTPUT].len);
    lua_setfield(L, -2, "output");
    lua_pushlstring(L, run->texts[REPORT].data, run->texts[REPORT].len);
    lua_setfield(L, -2, "report");
    return 1;
}

/* A copy of the list of strings in the options' field, each after `before`; folder: below that. */
static char **read_strings(lua_State *L, const char *key, const char *folder)
{
    luaL_argcheck(L, lua_getfield(L, 1, key) == LUA_TTABLE, 1, "argv, env and below are lists");
    size_t count = lua_rawlen(L, -1), have = 0;
    luaL_argcheck(L, count <= STRINGS_MAX, 1, "too many strings");
    char **list = mem_alloc((2 * STRINGS_MAX + 2) * sizeof *list);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, -1, (lua_Integer)i);
        const char *text = lua_tostring(L, -1);
        if (text != NULL && folder != NULL)
            list[have++] = mem_printf("%s=%s/%s", text, folder, text);
        else if (text != NULL)
            list[have++] = mem_strdup(text);
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return list;
}

/* In `below`, names of variables that are given folders of their own in the process's folder. */
static int make_folders(lua_State *L, struct run *run, struct err *err)
{
    if (tempdir_open(&run->folder, err) != 0)
        return -1;
    char **below = read_strings(L, "below", run->folder.path);
    size_t have = 0, more = 0;
    int result = 0;
    while (run->env[have] != NULL)
        have++;
    for (; below[more] != NULL; more++) {
        if (result == 0)
            result = tempdir_make_dir(&run->folder, strrchr(below[more], '/') + 1, err);
        run->env[have++] = below[more];
    }
    run->env[have++] = mem_printf("JETON_TEST_FOLDER=%s", run->folder.path);
    mem_free(below);
    return result;
}

static int start(struct run *run, struct err *err)
{
    int ends[PIPES][2] = {{-1, -1}, {-1, -1}};
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC), result = -1;
    if (null < 0 || pipe2(ends[OUTPUT], O_CLOEXEC) != 0 || pipe2(ends[REPORT], O_CLOEXEC) != 0) {
        err_set(err, ERR_CONFIG, "cannot make a pipe: %s", strerror(errno));
    } else {
        const int fds[] = {null, ends[OUTPUT][1], ends[OUTPUT][1], ends[REPORT][1]};
        run->pid = process_spawn_group(run->argv, run->env, fds, sizeof fds / sizeof fds[0], err);
    }
    if (run->pid > 0)
        result = process_watch_start(run->loop, &run->watch, run->pid, on_end, run, err);
    for (int which = 0; which < PIPES; which++) {
        if (ends[which][1] >= 0)
            close(ends[which][1]);
        run->pipes[which] = ends[which][0];
        if (ends[which][0] < 0)
            continue;
        fcntl(ends[which][0], F_SETFL, O_NONBLOCK);
        if (result == 0)
            loop_fd_start(run->loop, &run->fds[which], ends[which][0], POLLIN,
                          which == OUTPUT ? on_output : on_report, run);
    }
    if (null >= 0)
        close(null);
    return result;
}

int ltest_run(lua_State *L)
{
    static const char *const keys[] = {"argv", "env", "below", "timeout_ms", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    larg_options(L, 1, "run", keys);
    task_check(L, "run");
    lua_settop(L, 1);
    struct run *run = lua_newuserdatauv(L, sizeof *run, 0); /* options run */
    *run = (struct run){.pipes = {-1, -1}};
    luaL_setmetatable(L, RUN_TYPE);
    run->loop = vm_engine(vm_of(L))->loop;
    buf_create(&run->texts[OUTPUT], OUTPUT_MAX);
    buf_create(&run->texts[REPORT], REPORT_MAX);
    int64_t timeout_ms = larg_integer(L, 1, "timeout_ms", 0);
    struct err err;
    err_clear(&err);
    run->argv = read_strings(L, "argv", NULL);
    run->env = read_strings(L, "env", NULL);
    if (make_folders(L, run, &err) != 0 || start(run, &err) != 0) {
        release(run);
        return lerr_return(L, &err);
    }
    if (timeout_ms > 0)
        loop_timer_start(run->loop, &run->timer, timeout_ms, on_timeout, run);
    run->wait.drains = true;
    return task_wait(L, &run->wait, 2, run_cancel, run_finish, run);
}

void ltest_run_setup(lua_State *L)
{
    luaL_newmetatable(L, RUN_TYPE);
    lua_pushcfunction(L, run_gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

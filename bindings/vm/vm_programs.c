/*
 * os.execute and io.popen. Their programs start as from a shell: no signal is blocked or ignored
 * that was not before the run, and no descriptor is inherited, such as libcurl's sockets. The run
 * notices its deadline and its signals while it waits for a program.
 */
#include "vm_private.h"

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define SHELL       "/bin/sh"
#define LOOK_MAX_MS (1000 * 1000)

/* A program that reads or writes a file of Lua. */
struct program {
    luaL_Stream stream; /* first: the functions of files see only this */
    pid_t pid;
};

/* Milliseconds, for poll; -1: for ever. */
static int time_left(const struct vm *vm)
{
    if (vm->deadline_ms == 0)
        return -1;
    int64_t left = vm->deadline_ms - loop_now_ms(vm->options.engine->loop);
    return left < 0 ? 0 : left > LOOK_MAX_MS ? LOOK_MAX_MS : (int)left;
}

/* True when the program has ended; false: a signal came, or the deadline. */
static bool ends_in_time(const struct vm *vm, pid_t pid)
{
    /* What is started while the run is being ended cleans up: only the watchdog ends it. */
    bool late = vm->signo != 0 || vm->signals == NULL || time_left(vm) == 0;
    struct pollfd fds[] = {{.fd = pidfd_open(pid, 0), .events = POLLIN},
                           {.fd = late ? -1 : signal_watch_fd(vm->signals), .events = POLLIN}};
    if (fds[0].fd < 0)
        return true; /* it cannot be watched: waitpid will wait */
    do {
        if (poll(fds, 2, late ? -1 : time_left(vm)) < 0)
            fds[0].revents = fds[1].revents = 0;
    } while (fds[0].revents == 0 && fds[1].revents == 0 && (late || time_left(vm) != 0));
    close(fds[0].fd);
    return fds[0].revents != 0;
}

/* While a program runs in front, the terminal's keys are its own, as system() has it. Not a job's:
 * no terminal reaches its group, and what its supervisor passes on is for the script. */
struct keys {
    struct sigaction interrupt, quit;
    sigset_t mask;
};

static void leave_keys(struct keys *keys)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigset_t both;
    sigemptyset(&both);
    sigaddset(&both, SIGINT);
    sigaddset(&both, SIGQUIT);
    sigaction(SIGINT, &ignore, &keys->interrupt);
    sigaction(SIGQUIT, &ignore, &keys->quit);
    pthread_sigmask(SIG_UNBLOCK, &both, &keys->mask); /* a blocked one is not ignored, but waits */
}

static void take_keys(const struct keys *keys)
{
    pthread_sigmask(SIG_SETMASK, &keys->mask, NULL);
    sigaction(SIGINT, &keys->interrupt, NULL);
    sigaction(SIGQUIT, &keys->quit, NULL);
}

/* As os.execute and the close of io.popen have it. */
static int push_status(lua_State *L, pid_t pid, bool ended)
{
    int status;
    if (!ended)
        vm_look(L); /* raises, unless the signal is somebody else's */
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return luaL_execresult(L, -1);
    }
    errno = 0; /* or it would be taken for why the program could not run */
    return luaL_execresult(L, status);
}

static int failed_to_start(lua_State *L, const struct err *err)
{
    luaL_pushfail(L);
    lua_pushstring(L, err->msg);
    lua_pushinteger(L, EAGAIN);
    return 3;
}

/* os.execute([command]) */
static int execute(lua_State *L)
{
    static const int own[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    const char *command = luaL_optstring(L, 1, NULL);
    struct vm *vm = vm_of(L);
    struct keys keys;
    struct err err;
    if (command == NULL) {
        lua_pushboolean(L, access(SHELL, X_OK) == 0);
        return 1;
    }
    vm_output_begins(vm);
    pid_t pid = process_spawn_shell(command, own, &err);
    if (pid < 0)
        return failed_to_start(L, &err);
    bool in_front = vm->options.job == NULL;
    if (in_front)
        leave_keys(&keys);
    bool ended = ends_in_time(vm, pid);
    if (in_front)
        take_keys(&keys);
    return push_status(L, pid, ended);
}

static int close_program(lua_State *L)
{
    struct program *program = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    struct vm *vm = vm_of(L);
    (void)fclose(program->stream.f);
    return push_status(L, program->pid, ends_in_time(vm, program->pid));
}

/* io.popen(command[, mode]) */
static int popen_program(lua_State *L)
{
    const char *command = luaL_checkstring(L, 1);
    const char *mode = luaL_optstring(L, 2, "r");
    bool reads = strcmp(mode, "r") == 0;
    luaL_argcheck(L, reads || strcmp(mode, "w") == 0, 2, "invalid mode");
    int ends[2], fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    struct err err;
    struct program *program = lua_newuserdatauv(L, sizeof *program, 0);
    *program = (struct program){0}; /* no closef: closed */
    luaL_setmetatable(L, LUA_FILEHANDLE);
    vm_output_begins(vm_of(L));
    if (pipe2(ends, O_CLOEXEC) != 0)
        return luaL_fileresult(L, 0, command);
    fflush(NULL);
    fds[reads ? STDOUT_FILENO : STDIN_FILENO] = ends[reads ? 1 : 0];
    program->pid = process_spawn_shell(command, fds, &err);
    close(ends[reads ? 1 : 0]);
    if (program->pid < 0) {
        close(ends[reads ? 0 : 1]);
        return failed_to_start(L, &err);
    }
    program->stream.f = fdopen(ends[reads ? 0 : 1], mode);
    if (program->stream.f == NULL)
        abort(); /* out of memory */
    program->stream.closef = close_program;
    return 1;
}

void vm_programs_setup(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* loaded */
    lua_getfield(L, -1, LUA_OSLIBNAME);
    lua_pushcfunction(L, execute);
    lua_setfield(L, -2, "execute");
    lua_getfield(L, -2, LUA_IOLIBNAME);
    lua_pushcfunction(L, popen_program);
    lua_setfield(L, -2, "popen");
    lua_pop(L, 3);
}

size_t vm_programs_end(struct vm_programs *programs)
{
    pthread_mutex_lock(&programs->mutex);
    orphans_end(&programs->orphans);
    size_t count = programs->orphans.ntold;
    pthread_mutex_unlock(&programs->mutex);
    return count;
}

bool vm_is_ending(const struct vm *vm)
{
    return atomic_load(&vm->programs.ending);
}

#include "process.h"

#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define FIRST_PRIVATE_FD 3

/* The present environment with env's entries in place of those of the same name. The strings are
 * borrowed. */
static char **merge_environment(char *const env[])
{
    size_t have = 0, more = 0;
    while (environ[have] != NULL)
        have++;
    while (env != NULL && env[more] != NULL)
        more++;
    char **merged = mem_alloc((have + more + 1) * sizeof *merged);
    size_t count = 0;
    for (size_t i = 0; i < have; i++) {
        size_t name_len = strcspn(environ[i], "=") + 1;
        bool replaced = false;
        for (size_t j = 0; j < more && !replaced; j++)
            replaced = strncmp(environ[i], env[j], name_len) == 0;
        if (!replaced)
            merged[count++] = environ[i];
    }
    for (size_t j = 0; j < more; j++)
        merged[count++] = env[j];
    return merged;
}

static int start_failed(struct err *err, const char *program, int code)
{
    return err_set(err, ERR_CONFIG, "cannot start '%s': %s", program,
                   code == ENOENT ? "no such program" : strerror(code));
}

struct spawn {
    const int *fds; /* become its descriptors 0, 1, … */
    int count;
    bool group; /* in a process group of its own */
};

/* program: looked for in $PATH where it has no slash. */
static pid_t spawn(const char *program, char *const argv[], char *const env[], struct spawn how,
                   struct err *err)
{
    posix_spawnattr_t attr;
    posix_spawn_file_actions_t actions;
    sigset_t none, defaults;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    posix_spawnattr_init(&attr);
    posix_spawn_file_actions_init(&actions);
    /* These two are ignored here and signals may be blocked: the child starts as from a shell. */
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    sigaddset(&defaults, SIGXFSZ);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &defaults);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setflags(&attr, (short)(flags | (how.group ? POSIX_SPAWN_SETPGROUP : 0)));
    for (int fd = 0; fd < how.count; fd++)
        posix_spawn_file_actions_adddup2(&actions, how.fds[fd], fd);
    posix_spawn_file_actions_addclosefrom_np(&actions, how.count);
    char **merged = merge_environment(env);
    pid_t pid = -1;
    int code = posix_spawnp(&pid, program, &actions, &attr, argv, merged);
    mem_free(merged);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attr);
    return code == 0 ? pid : start_failed(err, program, code);
}

pid_t process_spawn_on(char *const argv[], char *const env[], const int fds[3], struct err *err)
{
    return spawn(argv[0], argv, env, (struct spawn){fds, FIRST_PRIVATE_FD, false}, err);
}

pid_t process_spawn_group(char *const argv[], char *const env[], const int *fds, int count,
                          struct err *err)
{
    return spawn(argv[0], argv, env, (struct spawn){fds, count, true}, err);
}

pid_t process_spawn_shell(const char *command, const int fds[3], struct err *err)
{
    char *text = mem_strdup(command);
    char *const argv[] = {(char[]){"sh"}, (char[]){"-c"}, text, NULL};
    pid_t pid = spawn("/bin/sh", argv, NULL, (struct spawn){fds, FIRST_PRIVATE_FD, false}, err);
    mem_free(text);
    return pid;
}

pid_t process_fork(struct err *err)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return err_set(err, ERR_CONFIG, "cannot start a process: %s", strerror(errno));
    setpgid(pid, pid); /* in both processes, whichever comes first */
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        if (getppid() != parent) /* it ended before the death signal was set */
            raise(SIGKILL);
    }
    return pid;
}

int process_ends_within(pid_t pid, int64_t ms)
{
    struct pollfd fd = {.fd = pidfd_open(pid, 0), .events = POLLIN};
    if (fd.fd < 0)
        return -1;
    int64_t until = clock_mono_ms() + ms;
    int ready = 0;
    for (int64_t left = ms; left > 0 && ready <= 0; left = until - clock_mono_ms())
        ready = poll(&fd, 1, left > INT_MAX ? INT_MAX : (int)left);
    close(fd.fd);
    return ready > 0;
}

int process_wait(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return status;
}

static void watch_ready(void *arg, short revents)
{
    (void)revents;
    struct process_watch *watch = arg;
    pid_t pid = watch->pid;
    void (*fn)(void *, int) = watch->fn;
    void *fn_arg = watch->arg;
    process_watch_stop(watch);
    fn(fn_arg, process_wait(pid));
}

int process_watch_start(struct loop *loop, struct process_watch *watch, pid_t pid,
                        void (*fn)(void *arg, int wait_status), void *arg, struct err *err)
{
    int fd = pidfd_open(pid, 0); /* close-on-exec */
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "cannot watch process %d: %s", (int)pid, strerror(errno));
    *watch = (struct process_watch){.loop = loop, .pid = pid, .fn = fn, .arg = arg};
    loop_fd_start(loop, &watch->fd, fd, POLLIN, watch_ready, watch);
    loop_awaits(loop, LOOP_REPLY, 1);
    return 0;
}

void process_watch_stop(struct process_watch *watch)
{
    if (watch->loop == NULL)
        return;
    int fd = watch->fd.fd;
    loop_fd_stop(watch->loop, &watch->fd);
    loop_awaits(watch->loop, LOOP_REPLY, -1);
    close(fd);
    watch->loop = NULL;
}

/*
 * Until the child has ended and its output has been read. A process that it left behind may keep
 * the pipe open: we do not wait for that one.
 */
static int collect(int pipe_fd, int pid_fd, int signal_fd, int64_t deadline_ms, struct buf *out,
                   struct err *err)
{
    bool open = true, ended = false;
    while (!ended) {
        int64_t left = deadline_ms - clock_mono_ms();
        if (left <= 0)
            return err_set(err, ERR_DEADLINE, "it did not end in time");
        struct pollfd fds[] = {{.fd = pid_fd, .events = POLLIN},
                               {.fd = open ? pipe_fd : -1, .events = POLLIN},
                               {.fd = signal_fd, .events = POLLIN}};
        if (poll(fds, 3, left > INT_MAX ? INT_MAX : (int)left) < 0 && errno != EINTR)
            return err_set(err, ERR_CONFIG, "poll: %s", strerror(errno));
        ended = fds[0].revents != 0;
        if (!ended && fds[2].revents != 0)
            return err_set(err, ERR_CANCELLED, "a signal came");
        if (!open)
            continue;
        /* The pipe does not block: this reads what is there. */
        if (buf_read_fd(out, pipe_fd) == 0)
            open = false;
        else if (errno == EFBIG)
            return err_set(err, ERR_CONFIG, "it wrote more than %zu bytes", out->limit);
        else if (errno != EAGAIN)
            return err_set(err, ERR_CONFIG, "cannot read its output: %s", strerror(errno));
    }
    return 0;
}

/* Most of what fails asks somebody over a network: it may pass. */
static int check_status(int status, struct err *err)
{
    if (WIFSIGNALED(status))
        err_set(err, ERR_CONFIG, "it was ended by signal %d (%s)", WTERMSIG(status),
                strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        err_set(err, ERR_CONFIG, "it ended with status %d; run it by hand to see why",
                WEXITSTATUS(status));
    else
        return 0;
    err->retryable = true;
    return -1;
}

/* Those that end this process at once; not what somebody watches, handles or ignores. */
static void choose_ending(const sigset_t *blocked, sigset_t *ending)
{
    static const int all[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(ending);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct sigaction action;
        if (sigismember(blocked, all[i]) == 0 && sigaction(all[i], NULL, &action) == 0 &&
            action.sa_handler == SIG_DFL)
            sigaddset(ending, all[i]);
    }
}

static int run_to_end(char *const argv[], const sigset_t *ending, int64_t deadline_ms,
                      struct buf *out, struct err *err)
{
    int ends[2] = {-1, -1}, null = -1, pid_fd = -1, result = -1;
    int signal_fd = signalfd(-1, ending, SFD_CLOEXEC | SFD_NONBLOCK);
    pid_t pid = -1;
    if (signal_fd < 0 || pipe2(ends, O_CLOEXEC) != 0 || fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0 ||
        (null = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0) {
        err_set(err, ERR_CONFIG, "cannot start '%s': %s", argv[0], strerror(errno));
        goto cleanup;
    }
    const int fds[FIRST_PRIVATE_FD] = {null, ends[1], null};
    pid = process_spawn_group(argv, NULL, fds, FIRST_PRIVATE_FD, err);
    if (pid < 0)
        goto cleanup;
    close(ends[1]);
    ends[1] = -1;
    pid_fd = pidfd_open(pid, 0);
    if (pid_fd < 0)
        err_set(err, ERR_CONFIG, "cannot watch '%s': %s", argv[0], strerror(errno));
    else
        result = collect(ends[0], pid_fd, signal_fd, deadline_ms, out, err);
    if (result != 0) { /* not yet waited for: its number is not reused */
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL); /* it may have left its group */
    }
    int status = process_wait(pid);
    if (result == 0)
        result = check_status(status, err);
    if (result != 0)
        err_wrap(err, "'%s'", argv[0]);
cleanup:
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
    }
    if (null >= 0)
        close(null);
    if (pid_fd >= 0)
        close(pid_fd);
    if (signal_fd >= 0)
        close(signal_fd);
    return result;
}

int process_output(char *const argv[], int64_t deadline_ms, struct buf *out, struct err *err)
{
    sigset_t before, ending;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    choose_ending(&before, &ending);
    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    int result = run_to_end(argv, &ending, deadline_ms, out, err);
    pthread_sigmask(SIG_SETMASK, &before, NULL); /* a signal that has come ends the process here */
    return result;
}

int process_exit_status(int wait_status)
{
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

#include "job_helper.h"

#include "clock.h"
#include "process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* In a group of its own, so that all that it starts can be killed with it. */
static bool become_helper(pid_t supervisor)
{
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return getppid() == supervisor;
}

/* False when it goes on after limit_ms. */
static bool wait_for_end(int pid_fd, int64_t limit_ms)
{
    int64_t until = clock_mono_ms() + limit_ms;
    struct pollfd fd = {.fd = pid_fd, .events = POLLIN};
    for (int64_t left = limit_ms; left > 0; left = until - clock_mono_ms()) {
        if (poll(&fd, 1, (int)left) > 0)
            return true;
    }
    return false;
}

int job_helper_run(job_helper_fn *fn, void *arg, int64_t limit_ms, struct err *err)
{
    pid_t supervisor = getpid();
    signal(SIGCHLD, SIG_DFL); /* whoever started us may have had it ignored */
    pid_t pid = fork();
    if (pid < 0)
        return err_set(err, ERR_CONFIG, "cannot start a process: %s", strerror(errno));
    if (pid == 0)
        _exit(become_helper(supervisor) ? fn(arg) : 0); /* what main would do is the supervisor's */
    setpgid(pid, pid);                                  /* whoever comes first */
    int pid_fd = pidfd_open(pid, 0);
    int code = errno;
    bool ended = pid_fd >= 0 && wait_for_end(pid_fd, limit_ms);
    if (!ended)
        kill(-pid, SIGKILL); /* not reaped: the group's number is still its own */
    int status = process_wait(pid);
    if (pid_fd < 0)
        return err_set(err, ERR_CONFIG, "cannot watch a process: %s", strerror(code));
    close(pid_fd);
    if (!ended)
        return err_set(err, ERR_DEADLINE, "it did not end within %lld s and was killed",
                       (long long)limit_ms / 1000);
    return process_exit_status(status);
}

#include "job_helper.h"

#include "process.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

int job_helper_run(job_helper_fn *fn, void *arg, int64_t limit_ms, struct err *err)
{
    pid_t pid = process_fork(err);
    if (pid < 0)
        return -1;
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        _exit(fn(arg)); /* what main would do is the supervisor's */
    }
    int ended = process_ends_within(pid, limit_ms);
    int code = errno;
    if (ended <= 0) { /* not reaped: the group's number has not been reused */
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL); /* it may have gone to another group */
    }
    int status = process_wait(pid);
    if (ended < 0)
        return err_set(err, ERR_CONFIG, "cannot watch a process: %s", strerror(code));
    if (ended == 0)
        return err_set(err, ERR_DEADLINE, "it did not end within %lld s and was killed",
                       (long long)limit_ms / 1000);
    return process_exit_status(status);
}

#include "job_deadline.h"

#include "clock.h"
#include "err.h"
#include "vm.h"

#include <signal.h>

void job_deadline_begin(struct job_deadline *deadline, pid_t pid, int64_t deadline_ms)
{
    *deadline = (struct job_deadline){.pid = pid, .kill_ms = deadline_ms + JOB_DEADLINE_GRACE_MS};
}

void job_deadline_pass(struct job_deadline *deadline, int signo)
{
    int64_t latest = clock_mono_ms() + JOB_DEADLINE_SIGNAL_MS;
    kill(deadline->pid, signo);
    if (latest < deadline->kill_ms)
        deadline->kill_ms = latest;
}

void job_deadline_lose(struct job_deadline *deadline)
{
    if (deadline->lost)
        return;
    int64_t latest = clock_mono_ms() + JOB_DEADLINE_SIGNAL_MS;
    deadline->lost = true;
    sigqueue(deadline->pid, SIGTERM, (union sigval){.sival_int = VM_SIGNAL_LOST});
    if (latest < deadline->kill_ms)
        deadline->kill_ms = latest;
}

int64_t job_deadline_left(const struct job_deadline *deadline)
{
    return deadline->kill_ms - clock_mono_ms();
}

void job_deadline_kill(struct job_deadline *deadline, int signo)
{
    if (deadline->killed == 0)
        deadline->killed = deadline->lost ? err_exit_code(ERR_LOST)
                           : signo != 0   ? 128 + signo
                                          : err_exit_code(ERR_DEADLINE);
    kill(-deadline->pid, SIGKILL); /* not reaped: the group's number has not been reused */
    kill(deadline->pid, SIGKILL);  /* it may have gone to another group */
}

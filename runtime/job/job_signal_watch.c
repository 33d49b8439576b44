#include "job_signal_watch.h"

#include "clock.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define SLEEP_MAX_MS 1000000 /* of one poll */

int job_signal_watch_start(struct job_signal_watch *signals, struct err *err)
{
    static const int watched[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof watched / sizeof watched[0]; i++) {
        struct sigaction action;
        if (sigaction(watched[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&mask, watched[i]);
    }
    signals->signo = 0;
    signals->fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->fd < 0)
        return err_set(err, ERR_CONFIG, "cannot watch signals: %s", strerror(errno));
    sigprocmask(SIG_BLOCK, &mask, &signals->before);
    return 0;
}

void job_signal_watch_leave(struct job_signal_watch *signals)
{
    if (signals->fd < 0)
        return;
    close(signals->fd);
    signals->fd = -1;
    sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

void job_signal_watch_stop(struct job_signal_watch *signals)
{
    while (signals->fd >= 0 && job_signal_watch_take(signals) != 0)
        continue; /* they were handled: none may take effect when it is unblocked */
    job_signal_watch_leave(signals);
}

int job_signal_watch_take(struct job_signal_watch *signals)
{
    struct signalfd_siginfo info;
    if (read(signals->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    if (signals->signo == 0)
        signals->signo = (int)info.ssi_signo;
    return (int)info.ssi_signo;
}

int64_t job_signal_watch_tend(struct job_signal_watch *signals, int64_t most)
{
    if (signals->tend == NULL)
        return most;
    int64_t left = signals->tended_ms - clock_mono_ms();
    if (left <= 0) {
        left = signals->tend(signals->arg);
        int64_t now_ms = clock_mono_ms();
        signals->tended_ms = left < INT64_MAX - now_ms ? now_ms + left : INT64_MAX;
    }
    return left < most ? left : most;
}

bool job_signal_watch_sleep(struct job_signal_watch *signals, int64_t ms)
{
    int64_t until = clock_mono_ms() + ms;
    while (signals->signo == 0 && !signals->lost) {
        int64_t left = until - clock_mono_ms();
        if (left <= 0)
            break;
        left = job_signal_watch_tend(signals, left);
        struct pollfd fd = {.fd = signals->fd, .events = POLLIN};
        poll(&fd, 1, left < SLEEP_MAX_MS ? (int)left : SLEEP_MAX_MS);
        job_signal_watch_take(signals);
    }
    return signals->signo == 0 && !signals->lost;
}

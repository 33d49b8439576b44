#include "app_signals.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define FAR_AWAY 7258118400 /* the year 2200 */

/* Becomes readable when the wall clock is set, and after a suspend; the timer itself never fires.
 */
static int watch_clock(void)
{
    const struct itimerspec never = {.it_value = {.tv_sec = FAR_AWAY}};
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd >= 0 &&
        timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, NULL) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

int app_signals_start(struct app_signals *signals, struct err *err)
{
    const struct sigaction usual = {.sa_handler = SIG_DFL};
    struct sigaction interrupt;
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    sigaddset(&mask, SIGCHLD);
    if (sigaction(SIGINT, NULL, &interrupt) == 0 && interrupt.sa_handler != SIG_IGN)
        sigaddset(&mask, SIGINT); /* a shell's `&` ignores it for us */
    signals->clock_fd = -1;
    signals->fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals->fd < 0)
        return err_set(err, ERR_CONFIG, "cannot watch signals: %s", strerror(errno));
    sigprocmask(SIG_BLOCK, &mask, &signals->before);
    sigaction(SIGHUP, &usual, &signals->hangup); /* with nohup, too, it means to reload */
    signals->clock_fd = watch_clock();
    return 0;
}

void app_signals_stop(struct app_signals *signals)
{
    if (signals->fd < 0)
        return;
    close(signals->fd);
    signals->fd = -1;
    if (signals->clock_fd >= 0)
        close(signals->clock_fd);
    signals->clock_fd = -1;
    sigaction(SIGHUP, &signals->hangup, NULL);
    sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

void app_signals_wait(const struct app_signals *signals, int64_t ms)
{
    uint64_t times;
    struct pollfd fds[] = {{.fd = signals->fd, .events = POLLIN},
                           {.fd = signals->clock_fd, .events = POLLIN}};
    poll(fds, sizeof fds / sizeof fds[0], ms > 0 ? (int)ms : 0);
    /* ECANCELED says that the clock was set, once. */
    if (fds[1].revents != 0 && read(signals->clock_fd, &times, sizeof times) < 0)
        return;
}

int app_signals_take(const struct app_signals *signals)
{
    struct signalfd_siginfo info;
    if (read(signals->fd, &info, sizeof info) != (ssize_t)sizeof info)
        return 0;
    return (int)info.ssi_signo;
}

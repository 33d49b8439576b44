#include "reply_guard.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

void reply_guard_create(struct reply_guard *guard, struct loop *loop, struct log *log)
{
    *guard = (struct reply_guard){.loop = loop, .log = log};
}

void reply_guard_over(void *arg)
{
    struct reply_guard *guard = arg;
    guard->over = true;
}

static void guard_signalled(void *arg, short revents)
{
    (void)revents;
    struct reply_guard *guard = arg;
    struct signalfd_siginfo info;
    if (read(guard->watch.fd, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    int signo = (int)info.ssi_signo;
    int64_t now_ms = loop_now_ms(guard->loop);
    if (guard->signo != 0) {
        guard->over = guard->over || now_ms - guard->signal_ms >= REPLY_GUARD_SAME_MS;
        return;
    }
    guard->signo = signo;
    guard->signal_ms = now_ms;
    log_msg(guard->log, LOG_INFO,
            "signal %d: waiting up to %d s for the reply of the token service, which may hold a "
            "new refresh token; another signal ends at once",
            signo, REPLY_GUARD_MS / 1000);
    loop_timer_start(guard->loop, &guard->settle, REPLY_GUARD_MS, reply_guard_over, guard);
}

int reply_guard_raise(struct reply_guard *guard, struct err *err)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t mask;
    if (guard->up)
        return 0;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++) {
        struct sigaction action;
        if (sigaction(ending[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&mask, ending[i]);
    }
    int fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return err_set(err, ERR_CONFIG, "cannot watch signals: %s", strerror(errno));
    sigprocmask(SIG_BLOCK, &mask, &guard->before);
    loop_fd_start(guard->loop, &guard->watch, fd, POLLIN, guard_signalled, guard);
    guard->up = true;
    return 0;
}

void reply_guard_lower(struct reply_guard *guard)
{
    if (!guard->up)
        return;
    int fd = guard->watch.fd, signo = guard->signo;
    loop_fd_stop(guard->loop, &guard->watch);
    close(fd);
    loop_timer_stop(guard->loop, &guard->settle);
    guard->up = guard->over = false;
    guard->signo = 0;
    sigprocmask(SIG_SETMASK, &guard->before, NULL);
    if (signo != 0)
        raise(signo); /* ends the process, unless a handler takes it: then it goes on */
}

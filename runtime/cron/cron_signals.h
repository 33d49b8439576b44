/* What wakes the scheduler: signals, ends of processes, and that the clock was set. */
#ifndef JETON_CRON_SIGNALS_H
#define JETON_CRON_SIGNALS_H

#include "err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct cron_signals {
    int fd;
    int clock_fd;    /* -1: the system has none, and steps of the clock are seen a little later */
    sigset_t before; /* the mask as it was, which a child gets back */
    struct sigaction hangup;
};

/* Blocks SIGINT (unless it was ignored), SIGTERM, SIGHUP and SIGCHLD. ERR_CONFIG when the system
 * gives no descriptor. */
int cron_signals_start(struct cron_signals *signals, struct err *err);
/* As before; idempotent. In a child too. */
void cron_signals_stop(struct cron_signals *signals);
/* Until a signal has come, the clock was set, or the time is over. */
void cron_signals_wait(const struct cron_signals *signals, int64_t ms);
/* The next one that has come, 0 for none. */
int cron_signals_take(const struct cron_signals *signals);

#endif

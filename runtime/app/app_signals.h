/* What wakes a server with child processes: signals, ends of children, and changes of the wall
 * clock. */
#ifndef JETON_APP_SIGNALS_H
#define JETON_APP_SIGNALS_H

#include "err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct app_signals {
    int fd;
    int clock_fd;    /* -1: not available; changes of the clock are noticed a little later */
    sigset_t before; /* the earlier mask, which a child gets back */
    struct sigaction hangup;
};

/* Blocks SIGINT (unless it was ignored), SIGTERM, SIGHUP and SIGCHLD. ERR_CONFIG when the system
 * gives no descriptor. */
int app_signals_start(struct app_signals *signals, struct err *err);
/* Restores what was before; idempotent. In a child too. */
void app_signals_stop(struct app_signals *signals);
/* Waits until a signal has come, the clock was set, or the time is over. */
void app_signals_wait(const struct app_signals *signals, int64_t ms);
/* The next one that has come, 0 for none. */
int app_signals_take(const struct app_signals *signals);

#endif

/* SIGINT, SIGTERM and SIGHUP as events of the supervisor, and what it must not forget while it
 * waits. Signals that were ignored stay so. */
#ifndef JETON_JOB_SIGNAL_WATCH_H
#define JETON_JOB_SIGNAL_WATCH_H

#include "err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct job_signal_watch {
    int fd;
    sigset_t before; /* the mask as it was, which a child gets back */
    int signo;       /* the first that came; 0: none */
    /* Called from every wait; returns after how many milliseconds again at the latest. NULL: there
     * is nothing. */
    int64_t (*tend)(void *arg);
    void *arg;
    int64_t tended_ms; /* monotonic: when it is due */
    bool lost;         /* set by tend: the run has lost its lock, and ends */
};

/* Blocks them. ERR_CONFIG when the system gives no descriptor. */
int job_signal_watch_start(struct job_signal_watch *signals, struct err *err);
void job_signal_watch_stop(
    struct job_signal_watch *signals); /* as before; once started; idempotent */
/* In a child: they act as before, pending ones too. */
void job_signal_watch_leave(struct job_signal_watch *signals);
/* The next one that has come, 0 for none. */
int job_signal_watch_take(struct job_signal_watch *signals);
/* Calls tend when it is due. Returns the milliseconds until it is again, at most `most`. */
int64_t job_signal_watch_tend(struct job_signal_watch *signals, int64_t most);
/* False as soon as a signal has come, or the lock is lost. */
bool job_signal_watch_sleep(struct job_signal_watch *signals, int64_t ms);

#endif

/* SIGINT, SIGTERM and SIGHUP as events of the supervisor. Those that were ignored stay so. */
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
};

/* Blocks them. ERR_CONFIG when the system gives no descriptor. */
int job_signal_watch_start(struct job_signal_watch *signals, struct err *err);
void job_signal_watch_stop(
    struct job_signal_watch *signals); /* as before; once started; idempotent */
/* In a child: they act as before, pending ones too. */
void job_signal_watch_leave(struct job_signal_watch *signals);
/* The next one that has come, 0 for none. */
int job_signal_watch_take(struct job_signal_watch *signals);
/* False as soon as a signal has come. */
bool job_signal_watch_sleep(struct job_signal_watch *signals, int64_t ms);

#endif

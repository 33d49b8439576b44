/* SIGINT, SIGTERM and SIGHUP as events of the supervisor. Those that were ignored stay so. */
#ifndef JETON_JOB_SIGNALS_H
#define JETON_JOB_SIGNALS_H

#include "err.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct job_signals {
    int fd;
    sigset_t before; /* the mask as it was, which a child gets back */
    int signo;       /* the first that came; 0: none */
};

/* Blocks them. ERR_CONFIG when the system gives no descriptor. */
int job_signals_start(struct job_signals *signals, struct err *err);
void job_signals_stop(struct job_signals *signals); /* as before; once started; idempotent */
/* In a child: they act as before, pending ones too. */
void job_signals_leave(struct job_signals *signals);
/* The next one that has come, 0 for none. */
int job_signals_take(struct job_signals *signals);
/* False as soon as a signal has come. */
bool job_signals_sleep(struct job_signals *signals, int64_t ms);

#endif

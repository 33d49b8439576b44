/* While a reply is awaited that may hold the next refresh token, signals that would end the process
 * are kept. They take effect when the guard is lowered. */
#ifndef JETON_REPLY_GUARD_H
#define JETON_REPLY_GUARD_H

#include "err.h"
#include "log.h"
#include "loop.h"

#include <signal.h>

#define REPLY_GUARD_MS 5000 /* so long a signal waits */
/* Another signal within so long is the same one: timeout(1) signals its child and then the group, a
 * terminal that is closed does so twice, systemd sends SIGHUP behind SIGTERM, and supervisors pass
 * on what the group has got already. */
#define REPLY_GUARD_SAME_MS 500

struct reply_guard {
    struct loop *loop;
    struct log *log;
    struct loop_fd watch;
    struct loop_timer settle;
    sigset_t before;
    int signo; /* that has come; 0: none */
    int64_t signal_ms;
    bool up;
    bool over; /* it has waited long enough, or another one has come */
};

/* Both are borrowed. */
void reply_guard_create(struct reply_guard *guard, struct loop *loop, struct log *log);
/* Nothing where it is up. ERR_CONFIG: signals cannot be watched. */
int reply_guard_raise(struct reply_guard *guard, struct err *err);
/* Nothing where it is not up. A signal that was kept comes now, and ends the process unless a
 * handler takes it. */
void reply_guard_lower(struct reply_guard *guard);
/* A timer's function: the guard has been up long enough. */
void reply_guard_over(void *guard);

#endif

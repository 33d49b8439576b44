/* A worker of a webhook that a test runs: it handles what waits, and ends when nothing does any
 * more. */
#ifndef JETON_LTEST_EVENTS_H
#define JETON_LTEST_EVENTS_H

#include "buf.h"
#include "engine.h"
#include "hook.h"
#include "store_lease.h"
#include "vm.h"

struct ltest_events { /* zeroed: none */
    struct engine *engine;
    const struct hook *hook;
    struct vm_events vm; /* for its vm_options */
    struct store_lease lease;
    char scope[STORE_SCOPE_SIZE];
    char owner[STORE_RUN_ID_SIZE];
    int wake_fd;           /* our end */
    struct loop_fd answer; /* tells when a handler has ended */
    struct buf *answers;   /* what the handlers answered, a line each */
};

/* Takes the lease of a worker. The engine and answers must outlive it; a failed one is to be ended,
 * too. */
int ltest_events_begin(struct ltest_events *events, struct engine *engine, const char *hook,
                       struct buf *answers, struct err *err);
void ltest_events_stop(struct ltest_events *events); /* it ends soon; idempotent */
/* Gives back the lease: what is under way then was under way when the worker died. Idempotent. */
void ltest_events_end(struct ltest_events *events);

#endif

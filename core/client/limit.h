/*
 * Keeps to the limits of calls a minute that a connector has (`rate_limit`), together with all
 * processes on the same state, so that the service's 429 is the exception. Calls are taken from the
 * state a few at a time, as many as this process is about to make, and given back where it makes
 * fewer (store_bucket.h). While others take calls, too, none takes more than LIMIT_BATCH_… of them
 * in a slot, so that each gets an equal part, however quick it is and whatever tasks it has. Where
 * the state cannot be written, this process keeps them by itself.
 */
#ifndef JETON_LIMIT_H
#define JETON_LIMIT_H

#include "connector.h"
#include "log.h"
#include "loop.h"
#include "store.h"

#define LIMIT_BATCH_MIN   8  /* calls taken at once, at most; or, if that is more: */
#define LIMIT_BATCH_SHARE 50 /* a 50th of what a minute allows */

struct limits; /* of one client */
struct limit;  /* of one connector */

struct limit_wait {
    loop_fn *fn;
    void *arg;
    int64_t since_ms; /* loop_now_ms */
    struct err err;   /* where the wait was in vain: ERR_THROTTLED; else ERR_NONE */
    struct limit *limit;
    struct limit_wait *next;
};

/* All borrowed. */
struct limits *limits_new(struct loop *loop, struct store *store, struct log *log);
/* Gives back what is left: may block as the store does. No wait is under way. NULL is fine. */
void limits_free(struct limits *limits);
/* NULL: the connector has none. Lives as long as the limits do. */
struct limit *limits_find(struct limits *limits, const struct connector *connector);

/* Whether a call may go out at once: it is counted then. Else it is to wait. */
bool limit_take(struct limit *limit);
/*
 * fn(arg), once, perhaps before this returns: a call may go out and is counted, or wait->err says
 * why it may not: not before deadline_ms (loop_now_ms; 0: none), or not for a very long time. Who
 * came first goes first.
 */
void limit_wait_start(struct limit *limit, struct limit_wait *wait, int64_t deadline_ms,
                      loop_fn *fn, void *arg);
void limit_wait_stop(struct limit_wait *wait); /* idempotent; a zeroed wait is fine */

#endif

/*
 * Limits of calls a minute, shared by all processes on one state: who wants to make calls takes a
 * few at once and is told when they may go out. In any minute no more go out than the limit says.
 * What one is given waits behind what others were given before, so whoever takes a small number at
 * a time is served in turn, and nobody has to ask twice.
 *
 * One who dies with calls in hand costs the others those calls, for a minute.
 */
#ifndef JETON_STORE_BUCKET_H
#define JETON_STORE_BUCKET_H

#include "store.h"

#define STORE_BUCKETS_MAX     2                     /* that one call is counted in */
#define STORE_BUCKET_SLOT_MS  INT64_C(250)          /* calls are counted by such slots */
#define STORE_BUCKET_HOLD_MS  INT64_C(250)          /* how long calls may be kept in hand */
#define STORE_BUCKET_TRIP_MS  INT64_C(500)          /* how long a call may be on its way */
#define STORE_BUCKET_AHEAD_MS (INT64_C(15) * 60000) /* no call is given for later than this */
/* What counts: so long after its slot a call cannot be in the service's last minute any more. */
#define STORE_BUCKET_WINDOW_MS (60000 + STORE_BUCKET_HOLD_MS + STORE_BUCKET_TRIP_MS)

struct store_bucket {
    const char *key;    /* borrowed */
    int64_t per_minute; /* over 0 */
};

struct store_bucket_take {
    struct store_bucket buckets[STORE_BUCKETS_MAX];
    size_t count;
    int64_t wanted;   /* 0: only gives back */
    int64_t spare;    /* so many more, if they may go out at once; 0 and below: none */
    int64_t ahead_ms; /* how far ahead they may be, at most STORE_BUCKET_AHEAD_MS */
    /* What was given earlier and not used, and when: given back. */
    int64_t unused;
    int64_t unused_at_ms;
    /* Set: */
    int64_t granted; /* 0: none within ahead_ms */
    int64_t at_ms;   /* by the state's clock: when they may go out; where there are none, when the
                        next one could */
    int64_t now_ms;  /* the state's clock */
    int64_t in_slot; /* calls in the slot of at_ms, of everybody; 0 where none were granted */
    int64_t next_ms; /* when the slot after that begins */
    size_t full;     /* the bucket that makes them wait */
};

/* STORE_BUCKET_TAKE. Not durable against a loss of power, which ends what it is for. Blocks. */
int store_bucket_take(struct store *store, struct store_bucket_take *take, struct err *err);

/*
 * For engines, and for who has no state: `take` is worked out on what was kept of its buckets. An
 * engine locks those, calls this, and writes them. kept[i] is text (mem_free), NULL where there is
 * none yet; it is replaced. take->now_ms is set before.
 */
void store_bucket_plan(struct store_bucket_take *take, char *kept[]);

#endif

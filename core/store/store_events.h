/*
 * Events that webhooks brought, until they have been handled; and the keys of jeton.state that
 * change with them. Errors as in store.h. What is stored of headers and errors was masked by the
 * caller.
 *
 * An event is ready (it waits), running (a worker has claimed it), or ended: done, dead (its
 * attempts are spent, or it was refused), held (it must not run without a person's word). Whoever
 * claims it has it by three things: its seq, the owner, the attempt. If one does not fit any more,
 * somebody else has it, and nothing is written.
 *
 * Events of one order key run one at a time, in the order in which they were stored: the first
 * that is ready or running keeps the others waiting. One that has ended keeps nobody.
 *
 * An owner is the id of a worker (store_run_id) that holds the lease STORE_LEASE_RUN of that id
 * while it lives.
 *
 * An event may be reserved: its sender waits for the handler's reply, which only a worker of the
 * listener that it has asked can bring. The listener's id (store_run_id) and an end, by the state's
 * clock, are stored with the event:
 *
 *     add ── reserved ──┬── claimed by a worker of that listener
 *                       ├── its end has come, the listener has given it up (release), or somebody
 *                       │   has it tried again ── ready as any other: claimed by whoever comes
 *                       └── dropped
 *
 * Until then claims of others pass over it, and wake up at its end. It goes with the claim: what is
 * tried again is nobody's. Of an order key it waits for its turn, and keeps others waiting, as any
 * other does. A state that hosts do not share reserves nothing.
 */
#ifndef JETON_STORE_EVENTS_H
#define JETON_STORE_EVENTS_H

#include "store_runs.h"

#define STORE_EVENT_DIGEST 32
/* Of one webhook: whoever has one signed body could fill the disk with it. */
#define STORE_EVENT_HELD_MAX 1000
#define STORE_STEP_NAME_MAX  256
#define STORE_STEP_MAX       ((size_t)1024 * 1024) /* bytes of a step's result */
#define STORE_STEPS_MAX      1000                  /* of one event */
#define STORE_EVENT_SAME     "same content, other id"
#define STORE_EVENT_SKIPPED  "skipped: of no type that is wanted"
#define STORE_EVENT_DROPPED  "dropped by hand"
#define STORE_EVENT_UNHELD   "dropped by hand: same content, other id" /* its id is still free */

/* The scope of a hook's events, and of its keys of jeton.state: "hook:NAME:HOME". */
void store_event_scope(char scope[static STORE_SCOPE_SIZE], const char *hook, const char *home);
/* The hook's name in such a scope, and its length; NULL: it is not one. */
const char *store_event_hook(const char *scope, size_t *len);

enum store_event_state {
    STORE_EVENT_READY = 1,
    STORE_EVENT_RUNNING = 2,
    STORE_EVENT_DONE = 4,
    STORE_EVENT_DEAD = 8,
    STORE_EVENT_HELD = 16,
};
const char *store_event_state_name(enum store_event_state state);

/* Adding */

enum store_event_added {
    STORE_EVENT_STORED,
    STORE_EVENT_DUPLICATE, /* the id is known: only counted */
    STORE_EVENT_HELD_BACK, /* stored, and held: STORE_EVENT_SAME */
    STORE_EVENT_FULL,      /* max_waiting of its scope are ready or running: not stored */
    STORE_EVENT_LEFT_OUT,  /* to be held, but STORE_EVENT_HELD_MAX of its scope are: not stored */
};

struct store_event_new {
    const char *scope;
    int64_t max_waiting;
    const char *id;
    int64_t part; /* of a batch whose parts share the id; else 0 */
    /* What was signed, and which part of it, hashed. With another id it is held, until something
     * new comes with that id; NULL: it is not. */
    const unsigned char *digest;
    /* Only its digest is kept, as long as ids are. It is stored always, and never listed. */
    bool skipped;
    const char *type;      /* NULL: none */
    const char *order_key; /* NULL: in any order */
    int64_t received_ms;
    const char *headers; /* JSON */
    const char *body;
    size_t body_len;
    const char *reserved_for; /* a listener; NULL: it is not reserved */
    int64_t reserved_ms;      /* for so long */
    /* Set: */
    enum store_event_added added;
    bool differs; /* of a DUPLICATE: the one that had the id has another digest */
    int64_t seq;  /* of the new one, or of the one that had the id; 0: full */
};
/* One transaction for all of them. Strings are borrowed. */
int store_event_add(struct store *store, struct store_event_new *events, size_t count,
                    struct err *err);

/* Reading */

/* Its texts belong to the list. */
struct store_event {
    int64_t seq;
    const char *scope;
    const char *id;
    int64_t part;
    const char *type;      /* NULL: none */
    const char *order_key; /* NULL: none */
    enum store_event_state state;
    int64_t received_ms;
    int64_t next_ms;  /* ready: not before this; STORE_NONE: another one of its key is before it */
    int64_t ended_ms; /* STORE_NONE: it has not */
    int64_t attempt;  /* begun so far, this one included */
    int64_t conflicts;
    int64_t duplicates;
    bool alone;          /* it may have ended its worker: to be run with no other beside it */
    const char *owner;   /* NULL: nobody */
    const char *error;   /* of the last attempt; one line; NULL: none */
    const char *headers; /* JSON; NULL: pruned, or not asked for */
    const char *body;    /* likewise */
    size_t body_len;
    bool shut; /* the store's: no key opens headers or body */
};

struct store_events {
    struct store_event *items;
    size_t count;
    struct arena texts;
};
void store_events_destroy(struct store_events *events); /* idempotent; a zeroed struct is fine */

struct store_event_filter {
    const char *scope;         /* NULL: all */
    const char *const *homes;  /* only of these (store_home_among); NULL: of all */
    const char *hook;          /* only of webhooks of this name; NULL: of all */
    const char *const *except; /* none of these scopes; NULL: of all */
    bool namesakes;            /* only of webhooks that are called as one of those */
    int64_t seq;               /* only this one; 0: all */
    unsigned states;           /* enum store_event_state, added up; 0: all */
    int64_t limit;             /* at most, the newest; 0: all */
    bool any;                  /* not the newest: whether there are such, with a limit of 1 */
    bool content;              /* with headers and body */
    /* Only those that are running and whose owner is dead. */
    bool orphaned;
};
bool store_event_is_excepted(const struct store_event_filter *filter, const char *scope);
/* Newest first; without those that were skipped. */
int store_event_list(struct store *store, const struct store_event_filter *filter,
                     struct store_events *events, struct err *err);

struct store_event_count {
    int64_t ready, running, dead, held;
    int64_t oldest_ms; /* received_ms of the oldest that is ready; STORE_NONE: none is */
};
int store_event_count(struct store *store, const char *scope, struct store_event_count *count,
                      struct err *err);

/* Handling */

struct store_event_claim {
    const char *scope;
    const char *owner;
    const char *listener; /* the owner's, whose reserved events it may have. NULL: no sender waits
                             for a reply, and nothing is looked for that is reserved */
    int64_t now_ms;
    size_t max;
};
/*
 * Claims up to `max` that are due at now_ms, those that were due first: running, by this owner,
 * attempt one more. With headers and body. *next_ms: when the next one will be due that nobody
 * keeps waiting; STORE_NONE: there is none. If one of them is to be run alone, it is the only one.
 * A power failure may undo it: then the events are ready, as if the attempt had not begun.
 */
int store_event_claim(struct store *store, const struct store_event_claim *claim,
                      struct store_events *events, int64_t *next_ms, struct err *err);
/* The scope's events that are reserved for the listener are so no more: it ends. 1: some are that
 * others are changing just now, so it is to be called again. */
int store_event_release(struct store *store, const char *scope, const char *listener,
                        struct err *err);

/* How a claim ends. */
struct store_event_end {
    const char *scope;
    int64_t seq;
    const char *owner;
    int64_t attempt;
    enum store_event_state state; /* DONE, DEAD, or READY: again */
    int64_t now_ms;
    int64_t next_ms;   /* READY: not before this */
    bool uncounted;    /* READY: this attempt does not count */
    bool conflicted;   /* READY: one more in `conflicts` */
    bool alone;        /* READY: see struct store_event */
    const char *error; /* NULL: none; READY: as it was */
    /* DONE: keys of jeton.state, of the event's scope, as STORE_KV_WRITE writes them. */
    const struct store_kv *items;
    size_t count;
    const struct store_kv_seen *seen;
    size_t nseen;
};
enum {
    STORE_EVENT_ENDED = 0,
    STORE_EVENT_LOST = 1,     /* somebody else has it: nothing was written */
    STORE_EVENT_CONFLICT = 2, /* a key that was read has changed: nothing was written */
};
/* The event and the keys together, or nothing. One of the three, or -1. The steps of one that is
 * done are deleted. Until store_event_sync a power failure may undo it: as if the process had died
 * in the moment before. */
int store_event_end(struct store *store, const struct store_event_end *end, struct err *err);
/* For all that have ended since the last time. It may block as long as the disk takes. */
int store_event_sync(struct store *store, struct err *err);

/* What a step of an event left. 1, 0: nothing. ERR_INVALID: over value's limit. */
int store_step_get(struct store *store, int64_t seq, const char *name, struct buf *value,
                   struct err *err);
/* By who has claimed the event: 0, or STORE_EVENT_LOST. ERR_INVALID over the limits. */
int store_step_put(struct store *store, const struct store_event_end *claim, const char *name,
                   const char *value, size_t len, struct err *err);

/* By hand. Both return how many were changed, or -1. */

/* To READY, with attempts from the beginning: one by its seq that is not running and has its body;
 * or, of seq 0, all that are dead. One that was ready is due at once. */
int64_t store_event_retry(struct store *store, const char *scope, int64_t seq, int64_t now_ms,
                          struct err *err);
/* To DONE, without headers, body and steps, by seq, if it is not running. Its id stays known. */
int64_t store_event_drop(struct store *store, int64_t seq, int64_t now_ms, struct err *err);

/* Retention. Times of ended_ms; one that has not ended stays. */
struct store_event_prune {
    const char *scope;
    int64_t done_ms; /* headers, body and steps go of those that were done before this */
    int64_t dead_ms; /* likewise of the dead and held */
    int64_t ids_ms;  /* all of those that have ended before this goes, if it is also before
                        done_ms or dead_ms */
    int64_t limit;   /* changes at most, so that nobody waits long */
};
/* How many were changed: `limit`, if there are more. Or -1. */
int64_t store_event_prune(struct store *store, const struct store_event_prune *prune,
                          struct err *err);

/* What the operations of store.h point to. */
struct store_event_call {
    struct store_event_new *added;
    size_t count;
    const struct store_event_filter *filter;
    struct store_events *events;
    struct store_event_count *counted;
    const struct store_event_claim *claim;
    int64_t *next_ms;
    const char *scope;
    const char *listener;
    int64_t now_ms;
    const struct store_event_end *end;
    int64_t seq;
    const char *name;  /* of a step */
    const char *value; /* put */
    size_t len;
    struct buf *result; /* get */
    const struct store_event_prune *prune;
    int64_t *changed;
};

#endif

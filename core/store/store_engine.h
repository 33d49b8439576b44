/*
 * What holds a state. Only core/store and its tests include this.
 *
 * An engine is a table. `self` is what its create returned. An operation is started and ends by
 * store_finish, once, before start returns or from the loop. To add an operation: store_op and its
 * members in store.h, and one function in each engine.
 */
#ifndef JETON_STORE_ENGINE_H
#define JETON_STORE_ENGINE_H

#include "state_place.h"
#include "store.h"
#include "store_lease.h"

struct store_engine {
    /* place is borrowed; nothing is read or made. */
    void *(*create)(const struct state_place *place, struct loop *loop);
    void (*destroy)(void *self); /* closed before */
    int (*open)(void *self, struct err *err);
    /* As store_check; NULL: there is nothing. */
    int (*check)(void *self, struct err *err);
    /* NULL: open has seen the state. Else calls see it, and this blocks until that is done. */
    int (*reach)(void *self, struct err *err);
    bool (*keeps)(const void *self);            /* as store_keeps. NULL: nothing */
    int (*push)(void *self, struct err *err);   /* as store_push; it is open */
    int (*rights)(void *self, struct err *err); /* as store_rights; NULL: open has all */
    /* As store_schema_sql. NULL: there is none. */
    int (*schema_sql)(void *self, struct buf *out, struct err *err);
    int (*sync)(void *self, struct err *err); /* as store_event_sync. NULL: commits are durable */
    void (*reads)(void *self);                /* as store_reads. NULL: it makes no difference */
    void (*close)(void *self);                /* idempotent */
    void (*before_fork)(void *self);          /* NULL: it is closed */
    void (*hurry)(void *self);                /* NULL: it makes no difference */
    void (*patience)(void *self, int64_t ms); /* likewise */
    void (*queue)(void *self);                /* as store_queue. NULL: it makes no difference */
    bool (*has_changed)(void *self);          /* as store_has_changed. NULL: nobody knows */
    bool (*exists)(const void *self);
    int64_t (*now_ms)(const void *self);
    void (*start)(void *self, struct store_call *call); /* it is open */
    void (*cancel)(void *self, struct store_call *call);
    /* A token that is saved under a lost lease is given to `start` as others: it keeps what came,
     * and says that the lease was lost. */
    bool keeps_late;
    /* Leases; the state need not be open. Taking ends by lease->done, once. */
    void (*lease_take)(void *self, struct store_lease *lease);
    /* As store_lease_left_ms, of one that is held. NULL: it does not run out. */
    int64_t (*lease_left_ms)(const struct store_lease *lease);
    /* As store_lease_is_seen, of one that is held. NULL: it is. */
    bool (*lease_is_seen)(const void *self, const char *run);
    /* As store_lease_keep. NULL: it does not run out. */
    void (*lease_keep)(const struct store_lease *lease, bool keep);
    void (*lease_release)(void *self, struct store_lease *lease);
    /* As store_tend. NULL: leases need nothing. */
    int64_t (*tend)(void *self);
};

extern const struct store_engine store_sqlite;
extern const struct store_engine store_pg;

struct store *store_new_on(const struct store_engine *engine, const struct state_place *place,
                           struct loop *loop);
/* Ends the call. result -1: call->err is set. */
void store_finish(struct store_call *call, int result);

/* The scopes of the keys that are written and seen, and the call's own, each once and in byte
 * order, so that two who lock several lock them in the same order. *count; mem_free; the texts are
 * borrowed. */
const char **store_kv_scopes(const char *scope, const struct store_kv *items, size_t nitems,
                             const struct store_kv_seen *seen, size_t nseen, size_t *count);

/* The part of a lease that every engine has: this host's own lock, in the folder's `locks/`. It
 * goes with its holder, however that ends, so that on one host nobody waits for the dead. */
void store_flock_take(struct store_lease *lease, const char *folder);
void store_flock_release(struct store_lease *lease);
/* Whether somebody holds the lease of a run. */
bool store_flock_run_is_held(const char *folder, const char *run);

#endif

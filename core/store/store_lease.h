/*
 * Leases: who may do what only one may do at a time. A lease ends with its holder, however that
 * ends; a child that is forked has a part in it until it ends or becomes another program. One that
 * is held can be lost, where its holder was believed to be dead: then it is not `held` any more, as
 * soon as that is known, and calls that are made under it write nothing. It is renewed from the
 * loop. In a folder the kernel keeps it, and nobody has to renew it.
 */
#ifndef JETON_STORE_LEASE_H
#define JETON_STORE_LEASE_H

#include "lock.h"
#include "store.h"

#define STORE_TEND_MS 1000

enum store_lease_kind {
    STORE_LEASE_TOKEN, /* the exchange of an owner's token; key: the owner */
    STORE_LEASE_JOB,   /* to run a job; key: its scope */
    STORE_LEASE_RUN,   /* a sign of life; key: the run. Only its supervisor takes it. */
};

/* Owned by the caller; zeroed is not held. */
struct store_lease {
    struct store *store;
    enum store_lease_kind kind;
    const char *key;    /* while it is taken */
    int64_t give_up_ms; /* likewise */
    bool held;
    /* When it was taken it was free because it had run out: its last holder, of another host, may
     * live and not know yet. */
    bool inherited;
    struct lock lock; /* of this host */
    void *engine;     /* the engine's own */
    void (*done)(void *arg, const struct err *err);
    void *arg;
};

/* Calls done as a call does, before it returns or from the loop: err NULL when it is held; ERR_BUSY
 * at give_up_ms (monotonic; 0: never; one that has passed: it is tried once); ERR_CONFIG,
 * ERR_NETWORK. key is borrowed until then. */
void store_lease_take(struct store_lease *lease, struct store *store, enum store_lease_kind kind,
                      const char *key, int64_t give_up_ms,
                      void (*done)(void *arg, const struct err *err), void *arg);
/* One try. 1: held, 0: somebody else has it, -1. Blocks. */
int store_lease_try(struct store_lease *lease, struct store *store, enum store_lease_kind kind,
                    const char *key, struct err *err);
/* The same, and behind it these calls, which a state that is elsewhere is asked for at once: they
 * are done whether it is held or not. */
int store_lease_try_with(struct store_lease *lease, struct store *store, enum store_lease_kind kind,
                         const char *key, struct store_call *const *calls, size_t count,
                         struct err *err);
/* How long something may take that is begun under it now, in ms: while it lasts without a renewal.
 * 0: nothing may be begun; INT64_MAX: it does not run out. Asks nobody. */
int64_t store_lease_left_ms(const struct store_lease *lease);
/* Whether others find this sign of life, which its key is given of, where they look: not where the
 * folder was taken away beneath its holder. */
bool store_lease_is_seen(const struct store_lease *lease, const char *run);
/*
 * For whoever holds leases and turns no loop: renews those that are due, and waits for that at most
 * STORE_TEND_MS. Returns after how many milliseconds it must be called again at the latest;
 * INT64_MAX: never. A lease that was lost, or that nothing has renewed until shortly before its
 * end, so that its holder must stop now, is not `held` any more. An open state may remain:
 * store_close.
 */
int64_t store_tend(struct store *store);
/*
 * Keeps bytes of the disk for what must be written later, until store_lease_unreserve or the
 * lease's end. ERR_NETWORK (retryable) when there is no room for them.
 */
int store_lease_reserve(struct store_lease *lease, size_t bytes, struct err *err);
void store_lease_unreserve(struct store_lease *lease);
/* keep: it is not released by store_lease_release, but runs out, where leases do, so that others
 * wait for what its holder could not store. */
void store_lease_keep(struct store_lease *lease, bool keep);
void store_lease_release(struct store_lease *lease); /* idempotent; ends taking too */

#endif

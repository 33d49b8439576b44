/* The keys of jeton.state that `jeton state keys` works on: those of one job, webhook
 * or script, or those that several share. */
#ifndef JETON_STATE_SPACE_H
#define JETON_STATE_SPACE_H

#include "app.h"
#include "store_lease.h"
#include "store_runs.h"

#define STATE_SPACE_WHAT_SIZE 128

/* As the options say it: exactly one is not NULL. */
struct state_space_name {
    const char *job, *hook, *shared, *script;
};

struct state_space {
    struct config *config;
    struct store *store;
    char scope[STORE_SCOPE_SIZE];
    char what[STATE_SPACE_WHAT_SIZE]; /* "job 'poll'", for messages */
    struct store_lease lease;         /* state_space_lock */
    bool locks;
    bool empty; /* there is no state yet, and none is made to read it */
};

/*
 * A job or webhook that is not configured any more is found while it has keys. writes: makes the
 * state where there is none. Blocks; errors as in store.h, ERR_USAGE, ERR_CONFIG. To be closed in
 * any case.
 */
int state_space_open(struct state_space *space, struct app *app,
                     const struct state_space_name *name, bool writes, struct err *err);
/* The job's lock, so that no run of it goes on meanwhile: ERR_BUSY. Others have none: an event, or
 * a job that shares the key, notices at its end that a key that it has read was written here. */
int state_space_lock(struct state_space *space, struct err *err);
void state_space_close(struct state_space *space);
/* STORE_KV_EACH, and STORE_KV_WRITE under the lock. */
int state_space_each(struct state_space *space, store_kv_fn *fn, void *arg, struct err *err);
int state_space_write(struct state_space *space, const struct store_kv *items, size_t count,
                      struct err *err);

#endif

#include "token_lock.h"

#include <string.h>

static void lock_start(struct token_lock *lock, loop_fn *done)
{
    store_start(lock->tokens->store, &lock->call, done, lock);
}

/* Tells of a failure of the last call. */
static bool lock_goes_on(struct token_lock *lock)
{
    if (lock->call.result >= 0)
        return true;
    lock->then(lock->arg, &lock->call.err);
    return false;
}

static void lock_salted(void *arg)
{
    struct token_lock *lock = arg;
    if (lock_goes_on(lock))
        lock->then(lock->arg, NULL);
}

static void lock_loaded(void *arg)
{
    struct token_lock *lock = arg;
    if (!lock_goes_on(lock))
        return;
    lock->call =
        (struct store_call){.op = STORE_SALT, .salt = {.bytes = lock->salt, .owner = lock->owner}};
    lock_start(lock, lock_salted);
}

static void lock_taken(void *arg, const struct err *failure)
{
    struct token_lock *lock = arg;
    struct err err;
    if (failure != NULL && failure->kind == ERR_BUSY) {
        err_set(&err, ERR_NETWORK,
                "another process is exchanging this connector's token and did not end in time");
        failure = &err;
    }
    if (failure != NULL) {
        lock->then(lock->arg, failure);
        return;
    }
    lock->call = (struct store_call){.op = STORE_TOKEN_LOAD,
                                     .token = {.owner = lock->owner,
                                               .row = &lock->row,
                                               .replaces = true,
                                               .home = lock->connector->home}};
    lock_start(lock, lock_loaded);
}

void token_lock_take(struct token_lock *lock, struct tokens *tokens,
                     const struct connector *connector, token_lock_fn *then, void *arg)
{
    *lock = (struct token_lock){.tokens = tokens, .then = then, .arg = arg};
    lock->connector = connector = connector_owner(connector);
    provider_of(connector)->owner(connector, connector->home, lock->owner);
    store_lease_take(&lock->lease, tokens->store, STORE_LEASE_TOKEN, lock->owner,
                     loop_now_ms(tokens->loop) + TOKEN_LOCK_WAIT_MS, lock_taken, lock);
}

static void lock_stored(void *arg)
{
    struct token_lock *lock = arg;
    if (!lock_goes_on(lock))
        return;
    const struct connector *slot = token_slot_next(lock->tokens, lock->connector, &lock->slots);
    if (slot == NULL) {
        lock->then(lock->arg, NULL);
        return;
    }
    provider_of(slot)->owner(slot, slot->home, lock->slot);
    lock->call = (struct store_call){.op = STORE_TOKEN_DELETE, .token = {.owner = lock->slot}};
    lock_start(lock, lock_stored);
}

void token_lock_store(struct token_lock *lock, bool keep, token_lock_fn *then)
{
    lock->then = then;
    lock->slots = 0;
    memcpy(lock->row.owner, lock->owner, sizeof lock->row.owner);
    lock->call = (struct store_call){.op = keep ? STORE_TOKEN_SAVE : STORE_TOKEN_DELETE,
                                     .under = &lock->lease,
                                     .token = {.owner = lock->owner, .row = &lock->row}};
    lock_start(lock, lock_stored);
}

void token_lock_release(struct token_lock *lock)
{
    store_lease_release(&lock->lease);
    store_token_destroy(&lock->row);
}

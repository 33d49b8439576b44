/*
 * The lock of a connector's row, for those who write it without an exchange: what a person signed
 * in for, and what signing out leaves. One call at a time.
 */
#ifndef JETON_TOKEN_LOCK_H
#define JETON_TOKEN_LOCK_H

#include "token_private.h"

#define TOKEN_LOCK_WAIT_MS 600000 /* until whoever holds it has ended */
/* What a person decides is newer than what an exchange brings that was under way meanwhile, on a
 * host that had lost the lock: that is of the next generation, and no spare of this row then. */
#define TOKEN_PERSON_STEP (2 * TOKEN_TURN)

/* failure: NULL where it went well. */
typedef void token_lock_fn(void *arg, const struct err *failure);

struct token_lock {
    struct tokens *tokens;
    const struct connector *connector; /* the owner of the row */
    char owner[STORE_OWNER_SIZE];
    struct store_token row;
    unsigned char salt[STORE_SALT_SIZE];
    struct store_lease lease;
    struct store_call call;
    char slot[STORE_OWNER_SIZE]; /* whose access token is dropped */
    size_t slots;                /* connectors that were looked at for them */
    token_lock_fn *then;
    void *arg;
};

/* Takes the lock of the connector's owner, and reads its row and the salt; calls then. Waits up to
 * TOKEN_LOCK_WAIT_MS; then the error is of kind network. End it by token_lock_release. */
void token_lock_take(struct token_lock *lock, struct tokens *tokens,
                     const struct connector *connector, token_lock_fn *then, void *arg);
/* Saves the row, or deletes it; then drops the access tokens that connectors with token_of have
 * for its refresh token: they are perhaps another person's. Calls then. */
void token_lock_store(struct token_lock *lock, bool keep, token_lock_fn *then);
void token_lock_release(struct token_lock *lock);

#endif

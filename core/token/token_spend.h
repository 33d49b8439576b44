/*
 * Spending a refresh token that a person gave, by the rule of every exchange: the lock is held, the
 * disk has room for what will come, and the intent is written before the request goes. What comes
 * is kept by token_adopt.
 */
#ifndef JETON_TOKEN_SPEND_H
#define JETON_TOKEN_SPEND_H

#include "token.h"
#include "token_cache.h"
#include "token_lock.h"

struct token_spend { /* the caller's, and where it is; zeroed: nothing is spent */
    struct token_lock lock;
    struct store_intent before;         /* of what the row itself holds; it is no part of this */
    const char *refresh_token;          /* until token_spend_begin is done */
    char given[TOKEN_FINGERPRINT_SIZE]; /* its fingerprint, from then on */
    int64_t lost_ms; /* when it was sent before, and nobody knows what came of it; 0: it was not */
    bool held;       /* the lock, or it is being waited for */
    bool sent;       /* or about to be; and what comes is not yet stored, and not stuck */
    token_adopted_fn *done;
    void *arg;
};

/* done is called once, perhaps before this returns; err NULL: send it now. refresh_token is
 * borrowed until then. Errors as of token_adopt; then nothing is held. */
void token_spend_begin(struct token_spend *spend, struct tokens *tokens,
                       const struct connector *connector, const char *refresh_token,
                       token_adopted_fn *done, void *arg);
/* Nothing came. lost: nobody knows what the service did with it, so the intent stays; else it is
 * taken back. done as above; then nothing is held. */
void token_spend_end(struct token_spend *spend, bool lost, token_adopted_fn *done, void *arg);
/* What came cannot be stored now: no signal waits for that. Idempotent. */
void token_spend_stuck(struct token_spend *spend);
/* Of one that was left in the middle: the intent stays. Idempotent. */
void token_spend_release(struct token_spend *spend);

#endif

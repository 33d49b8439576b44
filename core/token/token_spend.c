#include "token_spend.h"

#include "fault.h"
#include "token_intent.h"
#include "token_private.h"

static void spend_done(struct token_spend *spend, const struct err *failure)
{
    if (failure == NULL) {
        spend->sent = true;
        spend->lock.tokens->spends++;
        spend->done(spend->arg, NULL);
        return;
    }
    struct err err = *failure;
    token_spend_release(spend);
    spend->done(spend->arg, &err);
}

static void spend_written(void *arg)
{
    struct token_spend *spend = arg;
    bool failed = spend->lock.call.result < 0;
    if (!failed)
        fault_point(FAULT_TOKEN_INTENT);
    spend_done(spend, failed ? &spend->lock.call.err : NULL);
}

/* That of `row` is written, or ended. */
static void spend_write(struct token_spend *spend, loop_fn *done)
{
    struct token_lock *lock = &spend->lock;
    lock->call = (struct store_call){.op = STORE_TOKEN_INTENT,
                                     .under = &lock->lease,
                                     .token = {.owner = lock->owner, .row = &lock->row}};
    store_start(lock->tokens->store, &lock->call, done, spend);
}

static void spend_locked(void *arg, const struct err *failure)
{
    struct token_spend *spend = arg;
    struct token_lock *lock = &spend->lock;
    struct err err;
    if (failure == NULL && store_lease_reserve(&lock->lease, TOKEN_RESERVE_BYTES, &err) != 0)
        failure = &err;
    if (failure != NULL) {
        spend_done(spend, failure);
        return;
    }
    spend->before = lock->row.intent;
    token_cache_fingerprint(lock->salt, PROVIDER_REFRESH_TOKEN, spend->refresh_token, spend->given);
    spend->lost_ms = token_intent_open(&lock->row, lock->salt, spend->refresh_token);
    if (spend->lost_ms > 0) {
        spend_done(spend, NULL); /* it is written already */
        return;
    }
    token_intent_begin(&lock->row, lock->salt, spend->refresh_token,
                       store_clock(lock->tokens->store));
    spend_write(spend, spend_written);
}

void token_spend_begin(struct token_spend *spend, struct tokens *tokens,
                       const struct connector *connector, const char *refresh_token,
                       token_adopted_fn *done, void *arg)
{
    *spend = (struct token_spend){
        .refresh_token = refresh_token, .held = true, .done = done, .arg = arg};
    token_lock_take(&spend->lock, tokens, connector, spend_locked, spend);
}

static void spend_taken_back(void *arg)
{
    struct token_spend *spend = arg;
    struct err err = spend->lock.call.err;
    bool failed = spend->lock.call.result < 0;
    token_spend_release(spend);
    spend->done(spend->arg, failed ? &err : NULL);
}

void token_spend_end(struct token_spend *spend, bool lost, token_adopted_fn *done, void *arg)
{
    spend->done = done;
    spend->arg = arg;
    spend->lock.row.intent = spend->lost_ms > 0 ? (struct store_intent){0} : spend->before;
    if (!lost) {
        spend_write(spend, spend_taken_back);
        return;
    }
    token_spend_release(spend);
    done(arg, NULL);
}

void token_spend_stuck(struct token_spend *spend)
{
    if (spend->sent)
        spend->lock.tokens->spends--;
    spend->sent = false;
}

void token_spend_release(struct token_spend *spend)
{
    if (!spend->held)
        return;
    token_spend_stuck(spend);
    spend->held = false;
    store_cancel(&spend->lock.call);
    token_lock_release(&spend->lock);
}

/* What a person signed in for, put where exchanges put what they bring. */
#include "mem.h"
#include "token.h"
#include "token_flight_store.h"
#include "token_lock.h"
#include "token_request.h"
#include "token_spend.h"

#include <stdio.h>
#include <string.h>

struct adoption {
    struct token_lock *lock; /* own, or that of `spend` */
    struct token_lock own;
    struct token_spend *spend;     /* NULL: nothing was spent for it */
    const struct connector *giver; /* whose row has it; NULL: nobody's */
    struct token_lock given;
    struct exchange_result result; /* as if an exchange had brought it; borrowed */
    bool made;                     /* the lock is held, and its row has what came */
    struct loop_timer again;       /* the next try */
    int64_t limit_ms, pause_ms;    /* of trying; 0: all has gone well so far */
    token_adopted_fn *done;
    void *arg;
};

static void try_again(void *arg);

/* As after an exchange, what came may be the only refresh token that is good. */
static bool goes_on(struct adoption *adoption, const struct err *failure)
{
    struct tokens *tokens = adoption->lock->tokens;
    bool passes = failure->kind == ERR_NETWORK && failure->retryable;
    if (!passes || adoption->result.token.refresh_token == NULL || adoption->giver != NULL)
        return false;
    if (adoption->limit_ms == 0)
        adoption->limit_ms = loop_now_ms(tokens->loop) +
                             token_flight_store_begin(tokens, adoption->lock->connector, failure);
    if (loop_now_ms(tokens->loop) >= adoption->limit_ms)
        return false;
    if (adoption->spend != NULL)
        token_spend_stuck(adoption->spend);
    adoption->pause_ms = token_flight_store_pause_ms(adoption->pause_ms);
    loop_timer_start(tokens->loop, &adoption->again, adoption->pause_ms, try_again, adoption);
    return true;
}

static void adoption_end(void *arg, const struct err *failure)
{
    struct adoption *adoption = arg;
    if (failure != NULL && goes_on(adoption, failure))
        return;
    token_adopted_fn *done = adoption->done;
    void *done_arg = adoption->arg;
    struct err err;
    if (failure != NULL)
        err = *failure;
    if (adoption->spend != NULL)
        token_spend_release(adoption->spend);
    else
        token_lock_release(adoption->lock);
    if (adoption->given.tokens != NULL)
        token_lock_release(&adoption->given);
    mem_free(adoption);
    done(done_arg, failure != NULL ? &err : NULL);
}

/* Fingerprint of who has signed in (mem_free). Somebody else than before may be a mistake. */
static char *subject_of(const struct adoption *adoption)
{
    const char *subject = adoption->result.token.subject;
    const char *before = adoption->lock->row.subject_fingerprint;
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    if (subject == NULL)
        return NULL;
    token_cache_fingerprint(adoption->lock->salt, "subject", subject, fingerprint);
    if (before != NULL && strcmp(before, fingerprint) != 0)
        log_msg(adoption->lock->tokens->log, LOG_WARN,
                "connector '%s' was signed in as somebody else before (another `sub`)",
                adoption->lock->connector->name);
    return mem_strdup(fingerprint);
}

/* A refresh token that a person gave is as good as a configured one: it is not sent again when it
 * is configured one day. */
static void note_given(const struct adoption *adoption, struct store_token *row)
{
    const char *given = adoption->spend->given;
    char came[TOKEN_FINGERPRINT_SIZE];
    if (row->refresh_token == NULL)
        return;
    token_cache_fingerprint(adoption->lock->salt, PROVIDER_REFRESH_TOKEN, row->refresh_token, came);
    if (strcmp(given, came) == 0)
        return; /* it stays */
    char *configured = row->configured_fingerprint;
    row->configured_fingerprint = mem_strdup(given);
    if (configured == NULL)
        return;
    token_cache_note_spent(row);
    mem_free(row->configured_fingerprint);
    row->configured_fingerprint = configured;
}

/*
 * What was known before is obsolete: the service ended the earlier tokens. The configured refresh
 * token, if there is one, is older: it takes precedence again when it changes.
 */
static int adopt(struct adoption *adoption, struct err *err)
{
    struct tokens *tokens = adoption->lock->tokens;
    const struct connector *connector = adoption->lock->connector;
    struct store_token *row = &adoption->lock->row;
    struct connector_secrets secrets = {0};
    struct token_configured configured = {0};
    const struct provider_token *came = &adoption->result.token;
    const struct clock *clock = store_clock(tokens->store);
    token_cache_note_spent(row);
    struct store_token fresh = {.generation = row->generation + TOKEN_PERSON_STEP,
                                .metadata = mem_strdup(row->metadata),
                                .metadata_ms = row->metadata_ms,
                                .configured_fingerprint = mem_strdup(row->configured_fingerprint),
                                .subject_fingerprint = subject_of(adoption),
                                .spent = mem_strdup(row->spent)};
    store_token_destroy(row);
    *row = fresh;
    row->home = connector->home;
    int result =
        connector_secrets_read(connector, tokens->redact, tokens->deadline_ms, &secrets, err);
    if (result == 0) {
        token_cache_configure(&configured, connector, &secrets, adoption->lock->salt);
        token_cache_apply(row, &adoption->result, NULL, &configured, came->access_token != NULL,
                          clock);
        row->refresh_token = mem_strdup(came->refresh_token);
        row->login_since_ms = clock_now_ms(clock, CLOCK_WALL);
        row->refresh_since_ms = came->refresh_token != NULL ? row->login_since_ms : 0;
        if (adoption->spend != NULL)
            note_given(adoption, row);
    }
    token_cache_unconfigure(&configured);
    connector_secrets_destroy(&secrets);
    return result;
}

static void adoption_locked(void *arg, const struct err *failure)
{
    struct adoption *adoption = arg;
    const struct provider_token *came = &adoption->result.token;
    struct err err;
    if (failure == NULL && came->endpoint_url != NULL &&
        connector_allows(adoption->lock->connector, came->endpoint_url, &err) != 0) {
        err_wrap(&err, "the endpoint that came with the token");
        err.kind = ERR_AUTH;
        failure = &err;
    }
    if (failure == NULL && adopt(adoption, &err) != 0)
        failure = &err;
    adoption->made = failure == NULL;
    if (failure != NULL)
        adoption_end(adoption, failure);
    else
        token_lock_store(adoption->lock, true, adoption_end);
}

/* ---- what another row has ---- */

static void take_over_stored(void *arg, const struct err *failure)
{
    struct adoption *adoption = arg;
    if (failure != NULL)
        adoption_end(adoption, failure);
    else
        token_lock_store(&adoption->given, false, adoption_end);
}

static bool is_same(const char *kept, const char *now)
{
    return kept != NULL && strcmp(kept, now) == 0;
}

/* Whether the row has what the giver's exchange brought. Else a run of the connector was quicker,
 * and left there what the connector had. 1, 0, -1. */
static int is_given(const struct adoption *adoption, struct err *err)
{
    const struct token_lock *given = &adoption->given;
    struct connector_secrets secrets = {0};
    struct token_configured now = {0};
    if (connector_secrets_read(given->connector, given->tokens->redact, given->tokens->deadline_ms,
                               &secrets, err) != 0)
        return -1;
    token_cache_configure(&now, given->connector, &secrets, given->salt);
    bool same = is_same(given->row.secret_fingerprint, now.secret_fingerprint) &&
                (now.refresh_token == NULL ||
                 is_same(given->row.configured_fingerprint, now.refresh_fingerprint));
    token_cache_unconfigure(&now);
    connector_secrets_destroy(&secrets);
    return same;
}

static void take_over(void *arg, const struct err *failure)
{
    struct adoption *adoption = arg;
    const struct store_token *row = &adoption->given.row;
    const struct clock *clock = store_clock(adoption->given.tokens->store);
    struct err err;
    int given = failure == NULL ? is_given(adoption, &err) : 0;
    if (failure != NULL || given < 0) {
        adoption_end(adoption, failure != NULL ? failure : &err);
        return;
    }
    int64_t left_ms = row->refresh_expires_ms - clock_now_ms(clock, CLOCK_WALL);
    adoption->result = (struct exchange_result){
        .service = row->service_override,
        .token = {.access_token = row->access_token,
                  .lifetime_ms = row->lifetime_ms > 0 ? token_cache_remaining_ms(row, clock) : 0,
                  .refresh_token = row->refresh_token,
                  .endpoint_url = row->endpoint_url,
                  .scope = row->scope,
                  .token_type = row->token_type,
                  .refresh_lifetime_ms = left_ms > 0 ? left_ms : 0}};
    if (given == 0)
        take_over_stored(adoption, NULL);
    else if (adopt(adoption, &err) != 0)
        adoption_end(adoption, &err);
    else
        token_lock_store(adoption->lock, true, take_over_stored);
}

static void take_over_locked(void *arg, const struct err *failure)
{
    struct adoption *adoption = arg;
    const struct token_lock *lock = adoption->lock;
    if (failure != NULL)
        adoption_end(adoption, failure);
    else
        token_lock_take(&adoption->given, lock->tokens, adoption->giver, take_over, adoption);
}

void token_take_over(struct tokens *tokens, const struct connector *connector,
                     const struct connector *from, token_adopted_fn *done, void *arg)
{
    struct adoption *adoption = mem_alloc(sizeof *adoption);
    *adoption = (struct adoption){.giver = from, .done = done, .arg = arg};
    adoption->lock = &adoption->own;
    token_lock_take(&adoption->own, tokens, connector, take_over_locked, adoption);
}

/* ---- what came ---- */

static void try_again(void *arg)
{
    struct adoption *adoption = arg;
    struct token_lock *lock = adoption->lock;
    if (adoption->made) {
        token_lock_store(lock, true, adoption_end);
        return;
    }
    token_lock_release(lock);
    token_lock_take(lock, lock->tokens, lock->connector, adoption_locked, adoption);
}

void token_adopt(struct tokens *tokens, const struct connector *connector,
                 const struct provider_token *came, const char *service, struct token_spend *spend,
                 token_adopted_fn *done, void *arg)
{
    struct adoption *adoption = mem_alloc(sizeof *adoption);
    connector = connector_owner(connector);
    adoption->result = (struct exchange_result){.token = *came, .service = service};
    adoption->done = done;
    adoption->arg = arg;
    token_request_hide(tokens, connector, came->access_token);
    token_request_hide(tokens, connector, came->refresh_token);
    adoption->spend = spend;
    if (spend == NULL) {
        adoption->lock = &adoption->own;
        token_lock_take(&adoption->own, tokens, connector, adoption_locked, adoption);
        return;
    }
    adoption->lock = &spend->lock;
    adoption->lock->arg = adoption;
    store_lease_unreserve(&adoption->lock->lease);
    adoption_locked(adoption, NULL);
}

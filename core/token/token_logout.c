/* The end of what a connector has: at the service, then here. */
#include "ask.h"
#include "discovery_fetch.h"
#include "mem.h"
#include "token.h"
#include "token_lock.h"
#include "token_pause.h"
#include "token_request.h"

#include <string.h>

struct logout {
    struct token_lock lock;
    bool local;
    token_logout_fn *done;
    void *arg;
    struct connector_secrets secrets;
    struct token_configured configured;
    const char *token; /* that is revoked: of row or configured; NULL: there is none */
    bool elsewhere;    /* the configured token is another row's of this configuration */
    bool asked;        /* the service, for what it says of itself */
    char label[ERR_REQUEST_MAX];
    enum token_left left;
};

static void logout_revoke(struct logout *logout);

static void logout_end(void *arg, const struct err *failure)
{
    struct logout *logout = arg;
    struct err err = {0};
    if (failure != NULL)
        err = *failure;
    token_logout_fn *done = logout->done;
    void *done_arg = logout->arg;
    enum token_left left = logout->left;
    token_lock_release(&logout->lock);
    connector_secrets_destroy(&logout->secrets);
    token_cache_unconfigure(&logout->configured);
    mem_free(logout);
    done(done_arg, left, failure != NULL ? &err : NULL);
}

/* ---- here ---- */

/* What could be signed in for stays as a row without tokens, which says so. */
static void logout_forget(struct logout *logout)
{
    const struct connector *connector = logout->lock.connector;
    struct store_token *row = &logout->lock.row;
    token_cache_note_spent(row);
    struct store_token left = {.generation = row->generation + TOKEN_PERSON_STEP,
                               .home = connector->home,
                               .metadata = mem_strdup(row->metadata),
                               .metadata_ms = row->metadata_ms,
                               .configured_fingerprint = mem_strdup(row->configured_fingerprint),
                               .subject_fingerprint = mem_strdup(row->subject_fingerprint),
                               .spent = mem_strdup(row->spent)};
    bool stays =
        provider_of(connector)->single_use && provider_of(connector)->can != NULL &&
        provider_of(connector)->can(&(struct provider_ask){
            .purpose = PROVIDER_ACCESS, .connector = connector, .metadata = row->metadata});
    store_token_destroy(row);
    *row = left;
    if (stays)
        token_pause_leave(row, &logout->configured, store_now_ms(logout->lock.tokens->store));
    token_lock_store(&logout->lock, stays, logout_end);
}

/* ---- there ---- */

static struct provider_ask logout_ask(const struct logout *logout)
{
    return (struct provider_ask){.purpose = PROVIDER_REVOKE,
                                 .connector = logout->lock.connector,
                                 .secrets = &logout->secrets,
                                 .redact = logout->lock.tokens->redact,
                                 .metadata = logout->lock.row.metadata,
                                 .refresh_token = logout->token};
}

/* passing: the service may answer another time, whatever it said. */
static void logout_refused(struct logout *logout, bool passing, struct err *err)
{
    if (passing)
        err->kind = ERR_NETWORK;
    err_wrap(err, "revocation (nothing was forgotten; --local forgets all the same)");
    logout_end(logout, err);
}

static void logout_answered(void *arg, struct http_result *result)
{
    struct logout *logout = arg;
    const struct provider_ask ask = logout_ask(logout);
    struct provider_reply reply;
    struct err err;
    enum provider_meaning meaning = ask_answer(&ask, result, logout->label, &reply, &err);
    provider_token_destroy(&reply.token);
    if (meaning == PROVIDER_GOOD) {
        logout->left = TOKEN_LEFT_REVOKED;
        logout_forget(logout);
        return;
    }
    logout_refused(logout, meaning == PROVIDER_WAIT, &err);
}

static void logout_heard(void *arg, char *metadata, const struct err *err)
{
    struct logout *logout = arg;
    if (metadata == NULL) {
        struct err failure = *err;
        logout_refused(logout, failure.retryable, &failure);
        return;
    }
    mem_free(logout->lock.row.metadata);
    logout->lock.row.metadata = metadata;
    logout->lock.row.metadata_ms = store_now_ms(logout->lock.tokens->store);
    logout_revoke(logout);
}

/* Whether the issuer is asked first. */
static bool logout_discovers(struct logout *logout)
{
    const struct connector *connector = logout->lock.connector;
    const struct provider_discovery *discovery = provider_of(connector)->discovery;
    const struct provider_ask ask = logout_ask(logout);
    struct err err;
    if (discovery == NULL || logout->asked || !discovery->needed(&ask) ||
        (ask.metadata != NULL && discovery->fits(connector, ask.metadata)))
        return false;
    logout->asked = true;
    if (discovery_fetch(&logout->lock.tokens->transport, connector, logout_heard, logout, &err) ==
        NULL)
        logout_refused(logout, false, &err);
    return true;
}

static void logout_revoke(struct logout *logout)
{
    const struct provider *provider = provider_of(logout->lock.connector);
    struct err err;
    logout->left = logout->token != NULL ? TOKEN_LEFT_HERE : TOKEN_LEFT_NOTHING;
    bool may = !logout->local && logout->token != NULL && provider->can != NULL;
    if (may && logout_discovers(logout))
        return;
    const struct provider_ask ask = logout_ask(logout);
    if (!may || !provider->can(&ask)) {
        logout_forget(logout);
        return;
    }
    if (ask_send(&logout->lock.tokens->transport, &ask, logout->label, logout_answered, logout,
                 &err) == NULL)
        logout_refused(logout, false, &err);
}

static bool logout_seen(void *arg, const struct store_given *seen)
{
    struct logout *logout = arg;
    const struct token_lock *lock = &logout->lock;
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    token_cache_fingerprint(seen->salt, PROVIDER_REFRESH_TOKEN, logout->configured.refresh_token,
                            fingerprint);
    logout->elsewhere = seen->configured_fingerprint != NULL && seen->home != NULL &&
                        strcmp(seen->configured_fingerprint, fingerprint) == 0 &&
                        strcmp(seen->home, lock->connector->home) == 0 &&
                        strcmp(seen->owner, lock->owner) != 0;
    return logout->elsewhere;
}

static void logout_looked(void *arg)
{
    struct logout *logout = arg;
    struct err err = logout->lock.call.err;
    if (logout->lock.call.result >= 0 && !logout->elsewhere) {
        logout_revoke(logout);
        return;
    }
    if (logout->elsewhere) {
        const char *name = logout->lock.connector->name;
        err_set(&err, ERR_CONFIG,
                "connector '%s' has used nothing yet, and its refresh token is known by another "
                "name (nothing was forgotten): if it was renamed, run `jeton token %s` first; else "
                "log out the other one",
                name, name);
    }
    logout_end(logout, &err);
}

/* A connector that was renamed, and has not been used since, has what is to be ended in the row of
 * its former name. */
static bool logout_looks(struct logout *logout)
{
    struct token_lock *lock = &logout->lock;
    if (!provider_of(lock->connector)->single_use || lock->row.refresh_token != NULL ||
        !token_cache_begins(&lock->row, &logout->configured, logout->configured.refresh_token))
        return false;
    lock->call =
        (struct store_call){.op = STORE_TOKEN_GIVEN, .given = {.fn = logout_seen, .arg = logout}};
    store_start(lock->tokens->store, &lock->call, logout_looked, logout);
    return true;
}

static void logout_locked(void *arg, const struct err *failure)
{
    struct logout *logout = arg;
    struct tokens *tokens = logout->lock.tokens;
    const struct connector *connector = logout->lock.connector;
    const struct store_token *row = &logout->lock.row;
    const char *grants[PROVIDER_GRANTS_MAX] = {NULL};
    struct err err;
    if (failure == NULL && connector_secrets_read(connector, tokens->redact, tokens->deadline_ms,
                                                  &logout->secrets, &err) != 0)
        failure = &err;
    if (failure == NULL && row->shut && !logout->local) {
        err_set(&err, ERR_CONFIG,
                "no key of `state.key` opens its token, so it cannot be revoked (nothing was "
                "forgotten; --local forgets all the same)");
        failure = &err;
    }
    if (failure != NULL) {
        logout_end(logout, failure);
        return;
    }
    token_cache_configure(&logout->configured, connector, &logout->secrets, logout->lock.salt);
    token_request_hide(tokens, connector, row->access_token);
    token_request_hide(tokens, connector, row->refresh_token);
    if (row->pause.kind != STORE_PAUSE_LEFT)
        token_cache_grants(provider_of(connector), row, &logout->configured, grants);
    logout->token = grants[0] != NULL            ? grants[0]
                    : row->refresh_token != NULL ? row->refresh_token
                                                 : row->access_token;
    if (!logout_looks(logout))
        logout_revoke(logout);
}

void token_logout(struct tokens *tokens, const struct connector *connector, bool local,
                  token_logout_fn *done, void *arg)
{
    struct logout *logout = mem_alloc(sizeof *logout);
    logout->local = local;
    logout->done = done;
    logout->arg = arg;
    token_lock_take(&logout->lock, tokens, connector, logout_locked, logout);
}

static void remove_locked(void *arg, const struct err *failure)
{
    struct logout *logout = arg;
    if (failure != NULL)
        logout_end(logout, failure);
    else
        token_lock_store(&logout->lock, false, logout_end);
}

void token_remove(struct tokens *tokens, const struct connector *connector, token_logout_fn *done,
                  void *arg)
{
    struct logout *logout = mem_alloc(sizeof *logout);
    logout->done = done;
    logout->arg = arg;
    token_lock_take(&logout->lock, tokens, connector, remove_locked, logout);
}

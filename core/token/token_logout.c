/* The end of what a connector has: at the service, then here. */
#include "ask.h"
#include "discovery.h"
#include "mem.h"
#include "token.h"
#include "token_request.h"
#include "token_stop.h"

#include <string.h>

struct logout {
    struct tokens *tokens;
    const struct connector *connector;
    bool local;
    token_logout_fn *done;
    void *arg;
    struct store_lease lease;
    char owner[STORE_OWNER_SIZE];
    struct store_token row;
    struct store_call call; /* one at a time */
    size_t slots;           /* connectors that were looked at for them */
    unsigned char salt[STORE_SALT_SIZE];
    struct connector_secrets secrets;
    struct token_configured configured;
    const char *token; /* that is revoked: of row or configured; NULL: there is none */
    bool asked;        /* the service, for what it says of itself */
    char label[ERR_REQUEST_MAX];
    enum token_left left;
};

static void logout_revoke(struct logout *logout);

static void logout_end(struct logout *logout, const struct err *failure)
{
    struct err err = {0};
    if (failure != NULL)
        err = *failure;
    token_logout_fn *done = logout->done;
    void *arg = logout->arg;
    enum token_left left = logout->left;
    store_lease_release(&logout->lease);
    store_token_destroy(&logout->row);
    connector_secrets_destroy(&logout->secrets);
    token_cache_unconfigure(&logout->configured);
    mem_free(logout);
    done(arg, left, failure != NULL ? &err : NULL);
}

/* Ends it where its last call failed. */
static bool logout_goes_on(struct logout *logout)
{
    if (logout->call.result >= 0)
        return true;
    logout_end(logout, &logout->call.err);
    return false;
}

/* ---- here ---- */

static void logout_forgot(void *arg)
{
    struct logout *logout = arg;
    if (!logout_goes_on(logout))
        return;
    const struct connector *slot =
        token_next_slot(logout->tokens, logout->connector, &logout->slots);
    if (slot == NULL) {
        logout_end(logout, NULL);
        return;
    }
    provider_of(slot)->owner(slot, slot->home, logout->owner);
    logout->call = (struct store_call){.op = STORE_TOKEN_DELETE, .token = {.owner = logout->owner}};
    store_start(logout->tokens->store, &logout->call, logout_forgot, logout);
}

/* What could be signed in for stays as a row without tokens, which says so. */
static void logout_forget(struct logout *logout)
{
    const struct connector *connector = logout->connector;
    struct store_token *row = &logout->row;
    struct store_token left = {.generation = row->generation + 1,
                               .home = connector->home,
                               .metadata = mem_strdup(row->metadata),
                               .metadata_ms = row->metadata_ms,
                               .subject_fingerprint = mem_strdup(row->subject_fingerprint)};
    bool stays =
        provider_of(connector)->single_use && provider_of(connector)->can != NULL &&
        provider_of(connector)->can(&(struct provider_ask){
            .purpose = PROVIDER_ACCESS, .connector = connector, .metadata = row->metadata});
    store_token_destroy(row);
    *row = left;
    memcpy(row->owner, logout->owner, sizeof row->owner);
    logout->call = (struct store_call){.op = stays ? STORE_TOKEN_SAVE : STORE_TOKEN_DELETE,
                                       .under = &logout->lease,
                                       .token = {.owner = logout->owner, .row = row}};
    if (stays)
        token_stop_leave(row, &logout->configured,
                         clock_now_ms(loop_clock(logout->tokens->loop), CLOCK_WALL));
    store_start(logout->tokens->store, &logout->call, logout_forgot, logout);
}

/* ---- there ---- */

static struct provider_ask logout_ask(const struct logout *logout)
{
    return (struct provider_ask){.purpose = PROVIDER_REVOKE,
                                 .connector = logout->connector,
                                 .secrets = &logout->secrets,
                                 .redact = logout->tokens->redact,
                                 .metadata = logout->row.metadata,
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
    mem_free(logout->row.metadata);
    logout->row.metadata = metadata;
    logout->row.metadata_ms = clock_now_ms(loop_clock(logout->tokens->loop), CLOCK_WALL);
    logout_revoke(logout);
}

/* Whether the issuer is asked first. */
static bool logout_discovers(struct logout *logout)
{
    const struct connector *connector = logout->connector;
    const struct provider_discovery *discovery = provider_of(connector)->discovery;
    const struct provider_ask ask = logout_ask(logout);
    struct err err;
    if (discovery == NULL || logout->asked || !discovery->needed(&ask) ||
        (ask.metadata != NULL && discovery->fits(connector, ask.metadata)))
        return false;
    logout->asked = true;
    if (discovery_start(&logout->tokens->transport, connector, logout_heard, logout, &err) == NULL)
        logout_refused(logout, false, &err);
    return true;
}

static void logout_revoke(struct logout *logout)
{
    const struct provider *provider = provider_of(logout->connector);
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
    if (ask_send(&logout->tokens->transport, &ask, logout->label, logout_answered, logout, &err) ==
        NULL)
        logout_refused(logout, false, &err);
}

static void logout_salted(void *arg)
{
    struct logout *logout = arg;
    struct tokens *tokens = logout->tokens;
    const struct connector *connector = logout->connector;
    const char *grants[PROVIDER_GRANTS_MAX] = {NULL};
    struct err err;
    if (!logout_goes_on(logout))
        return;
    if (connector_secrets_read(connector, tokens->redact, tokens->deadline_ms, &logout->secrets,
                               &err) != 0) {
        logout_end(logout, &err);
        return;
    }
    token_cache_configure(&logout->configured, connector, &logout->secrets, logout->salt);
    token_request_hide(tokens, connector, logout->row.access_token);
    token_request_hide(tokens, connector, logout->row.refresh_token);
    if (logout->row.stop.kind != STORE_STOP_LEFT)
        token_cache_grants(provider_of(connector), &logout->row, &logout->configured, grants);
    logout->token = grants[0] != NULL ? grants[0] : logout->row.access_token;
    logout_revoke(logout);
}

static void logout_loaded(void *arg)
{
    struct logout *logout = arg;
    if (!logout_goes_on(logout))
        return;
    logout->call = (struct store_call){.op = STORE_SALT, .salt = logout->salt};
    store_start(logout->tokens->store, &logout->call, logout_salted, logout);
}

static void logout_locked(void *arg, const struct err *failure)
{
    struct logout *logout = arg;
    struct err err;
    if (failure != NULL && failure->kind == ERR_BUSY) {
        err_set(&err, ERR_NETWORK,
                "another process is exchanging this connector's token and did not end in time");
        failure = &err;
    }
    if (failure != NULL) {
        logout_end(logout, failure);
        return;
    }
    logout->call = (struct store_call){.op = STORE_TOKEN_LOAD,
                                       .token = {.owner = logout->owner, .row = &logout->row}};
    store_start(logout->tokens->store, &logout->call, logout_loaded, logout);
}

void token_logout(struct tokens *tokens, const struct connector *connector, bool local,
                  token_logout_fn *done, void *arg)
{
    struct logout *logout = mem_alloc(sizeof *logout);
    logout->tokens = tokens;
    logout->connector = connector = connector_owner(connector);
    logout->local = local;
    logout->done = done;
    logout->arg = arg;
    provider_of(connector)->owner(connector, connector->home, logout->owner);
    store_lease_take(&logout->lease, tokens->store, STORE_LEASE_TOKEN, logout->owner,
                     loop_now_ms(tokens->loop) + TOKEN_LOCK_WAIT_MS, logout_locked, logout);
}

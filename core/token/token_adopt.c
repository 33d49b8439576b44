/* What a person signed in for, put where exchanges put what they bring. */
#include "mem.h"
#include "token.h"
#include "token_request.h"

#include <stdio.h>
#include <string.h>

struct adoption {
    struct tokens *tokens;
    const struct connector *connector;
    struct store_lease lease;
    char owner[STORE_OWNER_SIZE];
    struct store_token row;
    struct store_call call; /* one at a time */
    size_t slots;           /* connectors that were looked at for them */
    unsigned char salt[STORE_SALT_SIZE];
    struct exchange_result result; /* as if an exchange had brought it; borrowed */
    token_adopted_fn *done;
    void *arg;
};

static void adoption_end(struct adoption *adoption, const struct err *failure)
{
    token_adopted_fn *done = adoption->done;
    void *arg = adoption->arg;
    struct err err;
    if (failure != NULL)
        err = *failure;
    store_lease_release(&adoption->lease);
    store_token_destroy(&adoption->row);
    mem_free(adoption);
    done(arg, failure != NULL ? &err : NULL);
}

/* Ends the adoption where its last call failed. */
static bool adoption_goes_on(struct adoption *adoption)
{
    if (adoption->call.result >= 0)
        return true;
    adoption_end(adoption, &adoption->call.err);
    return false;
}

/* What was given for the refresh token before goes too: it is perhaps another person's. */
static void adoption_stored(void *arg)
{
    struct adoption *adoption = arg;
    if (!adoption_goes_on(adoption))
        return;
    const struct connector *slot =
        token_next_slot(adoption->tokens, adoption->connector, &adoption->slots);
    if (slot == NULL) {
        adoption_end(adoption, NULL);
        return;
    }
    provider_of(slot)->owner(slot, slot->home, adoption->owner);
    adoption->call =
        (struct store_call){.op = STORE_TOKEN_DELETE, .token = {.owner = adoption->owner}};
    store_start(adoption->tokens->store, &adoption->call, adoption_stored, adoption);
}

/* Fingerprint of who has signed in (mem_free). Somebody else than before may be a mistake. */
static char *subject_of(const struct adoption *adoption)
{
    const char *subject = adoption->result.token.subject;
    const char *before = adoption->row.subject_fingerprint;
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    if (subject == NULL)
        return NULL;
    token_cache_fingerprint(adoption->salt, "subject", subject, fingerprint);
    if (before != NULL && strcmp(before, fingerprint) != 0)
        log_msg(adoption->tokens->log, LOG_WARN,
                "connector '%s' was signed in as somebody else before (another `sub`)",
                adoption->connector->name);
    return mem_strdup(fingerprint);
}

/*
 * What was known before is obsolete: the service ended the earlier tokens. The configured refresh
 * token, if there is one, is older: it takes precedence again when it changes.
 */
static int adopt(struct adoption *adoption, struct err *err)
{
    struct tokens *tokens = adoption->tokens;
    const struct connector *connector = adoption->connector;
    struct store_token *row = &adoption->row;
    struct connector_secrets secrets = {0};
    struct token_configured configured = {0};
    const struct provider_token *came = &adoption->result.token;
    const struct clock *clock = loop_clock(tokens->loop);
    struct store_token fresh = {.generation = row->generation + 1,
                                .metadata = mem_strdup(row->metadata),
                                .metadata_ms = row->metadata_ms,
                                .subject_fingerprint = subject_of(adoption)};
    store_token_destroy(row);
    *row = fresh;
    memcpy(row->owner, adoption->owner, sizeof row->owner);
    row->home = connector->home;
    int result =
        connector_secrets_read(connector, tokens->redact, tokens->deadline_ms, &secrets, err);
    if (result == 0) {
        token_cache_configure(&configured, connector, &secrets, adoption->salt);
        token_cache_apply(row, &adoption->result, NULL, &configured, came->access_token != NULL,
                          clock);
        row->refresh_token = mem_strdup(came->refresh_token);
        row->login_since_ms = clock_now_ms(clock, CLOCK_WALL);
        row->refresh_since_ms = came->refresh_token != NULL ? row->login_since_ms : 0;
    }
    token_cache_unconfigure(&configured);
    connector_secrets_destroy(&secrets);
    return result;
}

static void adoption_salted(void *arg)
{
    struct adoption *adoption = arg;
    const struct provider_token *came = &adoption->result.token;
    struct err err;
    if (!adoption_goes_on(adoption))
        return;
    if (came->endpoint_url != NULL &&
        connector_allows(adoption->connector, came->endpoint_url, &err) != 0) {
        err_wrap(&err, "the endpoint that came with the token");
        err.kind = ERR_AUTH;
        adoption_end(adoption, &err);
        return;
    }
    if (adopt(adoption, &err) != 0) {
        adoption_end(adoption, &err);
        return;
    }
    adoption->call = (struct store_call){
        .op = STORE_TOKEN_SAVE, .under = &adoption->lease, .token = {.row = &adoption->row}};
    store_start(adoption->tokens->store, &adoption->call, adoption_stored, adoption);
}

static void adoption_loaded(void *arg)
{
    struct adoption *adoption = arg;
    if (!adoption_goes_on(adoption))
        return;
    adoption->call = (struct store_call){.op = STORE_SALT, .salt = adoption->salt};
    store_start(adoption->tokens->store, &adoption->call, adoption_salted, adoption);
}

static void adoption_locked(void *arg, const struct err *failure)
{
    struct adoption *adoption = arg;
    struct err err;
    if (failure != NULL && failure->kind == ERR_BUSY) {
        err_set(&err, ERR_NETWORK,
                "another process is exchanging this connector's token and did not end in time");
        failure = &err;
    }
    if (failure != NULL) {
        adoption_end(adoption, failure);
        return;
    }
    adoption->call = (struct store_call){
        .op = STORE_TOKEN_LOAD, .token = {.owner = adoption->owner, .row = &adoption->row}};
    store_start(adoption->tokens->store, &adoption->call, adoption_loaded, adoption);
}

void token_adopt(struct tokens *tokens, const struct connector *connector,
                 const struct provider_token *came, const char *service, token_adopted_fn *done,
                 void *arg)
{
    struct adoption *adoption = mem_alloc(sizeof *adoption);
    adoption->tokens = tokens;
    adoption->connector = connector = connector_owner(connector);
    adoption->result = (struct exchange_result){.token = *came, .service = service};
    adoption->done = done;
    adoption->arg = arg;
    token_request_hide(tokens, connector, came->access_token);
    token_request_hide(tokens, connector, came->refresh_token);
    provider_of(connector)->owner(connector, connector->home, adoption->owner);
    store_lease_take(&adoption->lease, tokens->store, STORE_LEASE_TOKEN, adoption->owner,
                     loop_now_ms(tokens->loop) + TOKEN_LOCK_WAIT_MS, adoption_locked, adoption);
}

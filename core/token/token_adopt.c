/* A refresh token that a person signed in for, put where rotated ones are kept. */
#include "mem.h"
#include "token.h"
#include "token_request.h"

#include <stdio.h>
#include <string.h>

struct adoption {
    struct tokens *tokens;
    const struct connector *connector;
    struct lock lock;
    char *refresh_token;
    char *service; /* where the token service has moved; or NULL */
    token_adopted_fn *done;
    void *arg;
};

static void adoption_end(struct adoption *adoption, const struct err *err)
{
    token_adopted_fn *done = adoption->done;
    void *arg = adoption->arg;
    lock_release(&adoption->lock);
    mem_free_secret(adoption->refresh_token);
    mem_free(adoption->service);
    mem_free(adoption);
    done(arg, err);
}

/*
 * What was known before is obsolete: the service ended the earlier tokens. The configured refresh
 * token, if there is one, is older: it takes precedence again when it changes.
 */
static int adopt(struct adoption *adoption, const char *owner, struct err *err)
{
    struct tokens *tokens = adoption->tokens;
    const struct connector *connector = adoption->connector;
    struct store_token old, row = {0};
    unsigned char salt[32];
    if (store_token_load(tokens->store, owner, &old, err) < 0)
        return -1;
    row.generation = old.generation + 1;
    store_token_destroy(&old);
    memcpy(row.owner, owner, sizeof row.owner);
    struct connector_secrets secrets = {0};
    struct token_configured configured = {0};
    int result = store_salt(tokens->store, salt, err);
    if (result == 0)
        result =
            connector_secrets_read(connector, tokens->redact, tokens->deadline_ms, &secrets, err);
    if (result == 0) {
        token_cache_configure(&configured, connector, &secrets, salt);
        row.application_fingerprint = mem_strdup(configured.client_fingerprint);
        if (configured.refresh_token != NULL)
            row.configured_fingerprint = mem_strdup(configured.refresh_fingerprint);
        row.refresh_token = mem_strdup(adoption->refresh_token);
        row.refresh_since_ms = clock_now_ms(loop_clock(tokens->loop), CLOCK_WALL);
        row.service_override = mem_strdup(adoption->service);
        result = store_token_save(tokens->store, &row, err);
    }
    token_cache_unconfigure(&configured);
    connector_secrets_destroy(&secrets);
    store_token_destroy(&row);
    return result;
}

static void adoption_locked(void *arg, const struct err *failure)
{
    struct adoption *adoption = arg;
    struct err err;
    char owner[STORE_OWNER_SIZE];
    provider_of(adoption->connector)->owner(adoption->connector, owner);
    if (failure != NULL && failure->kind == ERR_BUSY) {
        err_set(&err, ERR_NETWORK,
                "another process is exchanging this connector's token and did not end in time");
        failure = &err;
    }
    if (failure == NULL && adopt(adoption, owner, &err) != 0)
        failure = &err;
    adoption_end(adoption, failure);
}

void token_adopt(struct tokens *tokens, const struct connector *connector,
                 const char *refresh_token, const char *service, token_adopted_fn *done, void *arg)
{
    struct adoption *adoption = mem_alloc(sizeof *adoption);
    adoption->tokens = tokens;
    adoption->connector = connector;
    adoption->refresh_token = mem_strdup(refresh_token);
    adoption->service = mem_strdup(service);
    adoption->done = done;
    adoption->arg = arg;
    token_request_hide(tokens, connector, refresh_token);
    lock_create(&adoption->lock, tokens->loop);
    char owner[STORE_OWNER_SIZE], name[TOKEN_LOCK_NAME_SIZE];
    provider_of(connector)->owner(connector, owner);
    token_cache_lock_name(owner, name);
    lock_wait(&adoption->lock, store_folder(tokens->store), name,
              loop_now_ms(tokens->loop) + TOKEN_LOCK_WAIT_MS, adoption_locked, adoption);
}

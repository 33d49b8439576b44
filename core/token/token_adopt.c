/* A refresh token that a person signed in for, put where rotated ones are kept. */
#include "clock.h"
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
    char *token_service; /* where it has moved; or NULL */
    token_adopted_fn *done;
    void *arg;
};

static void adoption_end(struct adoption *adoption, const struct err *err)
{
    token_adopted_fn *done = adoption->done;
    void *arg = adoption->arg;
    lock_release(&adoption->lock);
    mem_free_secret(adoption->refresh_token);
    mem_free(adoption->token_service);
    mem_free(adoption);
    done(arg, err);
}

/* The fingerprint of a configured secret (mem_free); NULL where none is configured. */
static int fingerprint(struct adoption *adoption, const struct secret *secret, const char *purpose,
                       const unsigned char salt[32], char **out, struct err *err)
{
    *out = NULL;
    if (secret->kind == SECRET_NONE)
        return 0;
    struct tokens *tokens = adoption->tokens;
    struct buf value;
    buf_create_secret(&value, SECRET_BYTES_MAX);
    int result = secret_read(secret, tokens->redact, tokens->deadline_ms, &value, err);
    if (result == 0) {
        char text[TOKEN_FINGERPRINT_SIZE];
        token_request_hide(tokens, adoption->connector, value.data);
        token_cache_fingerprint(salt, purpose, value.data, text);
        *out = mem_strdup(text);
    }
    buf_destroy(&value);
    return result;
}

/*
 * All that was known is over: the service ended the tokens before this one. The configured refresh
 * token, if there is one, is of before: it wins again when it changes.
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
    int result = store_salt(tokens->store, salt, err);
    if (result == 0)
        result = fingerprint(adoption, &connector->application_id, "application_id", salt,
                             &row.application_fingerprint, err);
    if (result == 0)
        result = fingerprint(adoption, &connector->refresh_token, "refresh_token", salt,
                             &row.configured_fingerprint, err);
    if (result == 0) {
        row.refresh_token = mem_strdup(adoption->refresh_token);
        row.refresh_since_ms = clock_wall_ms();
        row.service_override = mem_strdup(adoption->token_service);
        result = store_token_save(tokens->store, &row, err);
    }
    store_token_destroy(&row);
    return result;
}

static void adoption_locked(void *arg, const struct err *failure)
{
    struct adoption *adoption = arg;
    struct err err;
    char owner[STORE_OWNER_SIZE];
    token_cache_owner(adoption->connector, owner);
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
                 const char *refresh_token, const char *token_service, token_adopted_fn *done,
                 void *arg)
{
    struct adoption *adoption = mem_alloc(sizeof *adoption);
    adoption->tokens = tokens;
    adoption->connector = connector;
    adoption->refresh_token = mem_strdup(refresh_token);
    adoption->token_service = mem_strdup(token_service);
    adoption->done = done;
    adoption->arg = arg;
    token_request_hide(tokens, connector, refresh_token);
    lock_create(&adoption->lock, tokens->loop);
    char owner[STORE_OWNER_SIZE], name[TOKEN_LOCK_NAME_SIZE];
    token_cache_owner(connector, owner);
    token_cache_lock_name(owner, name);
    lock_wait(&adoption->lock, store_folder(tokens->store), name,
              clock_mono_ms() + TOKEN_LOCK_WAIT_MS, adoption_locked, adoption);
}

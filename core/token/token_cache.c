#include "token_cache.h"

#include "clock.h"
#include "mem.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

static void hash_text(crypto_hash_sha256_state *state, const char *text)
{
    static const unsigned char nul = 0;
    if (text != NULL)
        crypto_hash_sha256_update(state, (const unsigned char *)text, strlen(text));
    crypto_hash_sha256_update(state, &nul, 1);
}

void token_cache_owner(const struct connector *connector, char owner[STORE_OWNER_SIZE])
{
    const struct secret *id = &connector->application_id;
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    hash_text(&state, connector->file);
    hash_text(&state, connector->name);
    hash_text(&state, connector->token_service);
    const unsigned char kind = (unsigned char)id->kind;
    crypto_hash_sha256_update(&state, &kind, 1);
    hash_text(&state, id->text);
    hash_text(&state, secret_at_hand(id));
    for (char **word = id->command; word != NULL && *word != NULL; word++)
        hash_text(&state, *word);

    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state, digest);
    sodium_bin2hex(owner, STORE_OWNER_SIZE, digest, sizeof digest);
}

void token_cache_lock_name(const char *owner, char name[TOKEN_LOCK_NAME_SIZE])
{
    snprintf(name, TOKEN_LOCK_NAME_SIZE, "token-%.32s", owner);
}

int64_t token_cache_remaining_ms(const struct store_token *row)
{
    if (row->access_token == NULL || row->endpoint_url == NULL)
        return 0;
    char boot_id[CLOCK_BOOT_ID_SIZE];
    clock_boot_id(boot_id);
    int64_t elapsed;
    if (boot_id[0] != '\0' && strcmp(boot_id, row->received_boot_id) == 0)
        elapsed = clock_boot_ms() - row->received_boot_ms;
    else
        elapsed = clock_wall_ms() - row->received_wall_ms;
    /* Received in the future: the wall clock was set back over a reboot, and tells nothing. */
    if (elapsed < 0 || elapsed >= row->lifetime_ms)
        return 0;
    return row->lifetime_ms - elapsed;
}

bool token_cache_usable(const struct store_token *row, int64_t worse_than)
{
    int64_t margin = row->lifetime_ms / 10;
    if (margin > TOKEN_FRESH_MS)
        margin = TOKEN_FRESH_MS;
    int64_t remaining = token_cache_remaining_ms(row);
    return row->generation > worse_than && remaining > 0 && remaining >= margin;
}

void token_cache_fingerprint(const unsigned char salt[32], const char *purpose, const char *secret,
                             char out[TOKEN_FINGERPRINT_SIZE])
{
    unsigned char digest[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, salt, 32);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)purpose, strlen(purpose) + 1);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)secret, strlen(secret));
    crypto_auth_hmacsha256_final(&state, digest);
    sodium_bin2hex(out, TOKEN_FINGERPRINT_SIZE, digest, sizeof digest);
}

static void add_candidate(struct token_candidates *out, const char *token)
{
    if (token == NULL)
        return;
    for (size_t i = 0; i < out->count; i++) {
        if (strcmp(out->tokens[i], token) == 0)
            return;
    }
    out->tokens[out->count++] = token;
}

void token_cache_candidates(const struct store_token *row, const char *configured,
                            const char *configured_fingerprint, struct token_candidates *out)
{
    *out = (struct token_candidates){0};
    bool changed =
        configured != NULL && (row->configured_fingerprint == NULL ||
                               strcmp(row->configured_fingerprint, configured_fingerprint) != 0);
    if (!changed) {
        add_candidate(out, row->refresh_token);
        add_candidate(out, row->refresh_previous);
    }
    add_candidate(out, configured);
}

static void replace(char **field, const char *value)
{
    char *copy = mem_strdup(value); /* value may be the field itself */
    mem_free_secret(*field);
    *field = copy;
}

/* What the row knows of refresh tokens after `used` has worked. */
static void apply_rotation(struct store_token *row, const char *fresh, const char *used,
                           const char *configured)
{
    if (fresh != NULL && strcmp(fresh, used) != 0) {
        char *previous = mem_strdup(used); /* used may be a field of the row */
        replace(&row->refresh_token, fresh);
        replace(&row->refresh_previous, previous);
        mem_free_secret(previous);
        row->refresh_since_ms = clock_wall_ms();
        return;
    }
    bool stored = row->refresh_token != NULL && strcmp(row->refresh_token, used) == 0;
    if (!stored) {
        /* The stored one was refused or overruled. What is configured need not be kept twice. */
        bool is_configured = configured != NULL && strcmp(configured, used) == 0;
        replace(&row->refresh_token, is_configured ? NULL : used);
        row->refresh_since_ms = 0;
    }
    replace(&row->refresh_previous, NULL); /* `used` has worked: no need for the one before it */
}

void token_cache_apply(struct store_token *row, const struct exchange_result *result,
                       const char *used, const char *configured, const char *configured_fingerprint,
                       bool keep_access)
{
    const struct wire_token *token = &result->token;
    apply_rotation(row, token->refresh_token, used, configured);
    replace(&row->configured_fingerprint, configured != NULL ? configured_fingerprint : NULL);
    replace(&row->service_override, result->service_override);
    replace(&row->access_token, keep_access ? token->access_token : NULL);
    replace(&row->endpoint_url, keep_access ? token->endpoint_url : NULL);
    replace(&row->scope, keep_access ? token->scope : NULL);
    row->lifetime_ms = token->lifetime_ms;
    row->received_wall_ms = clock_wall_ms();
    row->received_boot_ms = clock_boot_ms();
    clock_boot_id(row->received_boot_id);
}

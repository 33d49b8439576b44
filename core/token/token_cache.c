#include "token_cache.h"

#include "mem.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define SPENT_MAX 16 /* fingerprints that a row keeps; each with a space after it */

void token_cache_set(char **field, const char *value)
{
    char *copy = mem_strdup(value); /* value may be the field itself */
    mem_free_secret(*field);
    *field = copy;
}

int64_t token_cache_age_ms(const struct store_token *row, const struct clock *clock)
{
    char boot_id[CLOCK_BOOT_ID_SIZE];
    clock_boot_id(boot_id);
    if (boot_id[0] != '\0' && strcmp(boot_id, row->received_boot_id) == 0)
        return clock_now_ms(clock, CLOCK_BOOT) - row->received_boot_ms;
    int64_t age_ms = clock_now_ms(clock, CLOCK_WALL) - row->received_wall_ms;
    return age_ms < 0 && age_ms >= -TOKEN_AHEAD_MS ? 0 : age_ms;
}

int64_t token_cache_remaining_ms(const struct store_token *row, const struct clock *clock)
{
    if (row->access_token == NULL)
        return 0;
    if (row->lifetime_ms == 0)
        return INT64_MAX;
    int64_t elapsed = token_cache_age_ms(row, clock);
    /* Received in the future: the wall clock was set back over a reboot, so the time says nothing.
     */
    if (elapsed < 0 || elapsed >= row->lifetime_ms)
        return 0;
    return row->lifetime_ms - elapsed;
}

int64_t token_cache_next(int64_t generation, bool turns)
{
    return turns ? (generation / TOKEN_TURN + 1) * TOKEN_TURN : generation + 1;
}

bool token_cache_is_same(int64_t generation, int64_t other)
{
    return generation == other ||
           (generation >= TOKEN_TURN && generation / TOKEN_TURN == other / TOKEN_TURN);
}

bool token_cache_usable(const struct store_token *row, int64_t worse_than, int64_t early_ms,
                        const struct clock *clock)
{
    int64_t margin = row->lifetime_ms / 10;
    if (margin > TOKEN_FRESH_MS)
        margin = TOKEN_FRESH_MS;
    if (early_ms > 0) /* more than half would mean an exchange for nearly every use */
        margin = early_ms < row->lifetime_ms / 2 ? early_ms : row->lifetime_ms / 2;
    int64_t remaining = token_cache_remaining_ms(row, clock);
    return row->generation > worse_than && !token_cache_is_same(row->generation, worse_than) &&
           remaining > 0 && remaining >= margin;
}

void token_cache_match(struct store_token *row, const struct connector *connector)
{
    char asked[PROVIDER_OWNER_SIZE];
    const struct provider *provider = provider_of(connector);
    if (provider->asked == NULL || row->access_token == NULL)
        return;
    provider->asked(connector, asked);
    if (row->asked == NULL || strcmp(row->asked, asked) != 0)
        token_cache_set(&row->access_token, NULL);
}

struct token_ends token_cache_ends(const struct store_token *row, const struct connector *connector)
{
    int64_t since_ms = row->refresh_token != NULL ? row->refresh_since_ms : 0;
    int64_t life_ms = provider_of(connector)->refresh_life_ms;
    int64_t from_ms = row->received_wall_ms;
    struct token_ends ends = {.refresh_ms = row->refresh_expires_ms};
    if (ends.refresh_ms == 0 && since_ms > 0 && life_ms > 0) {
        ends.refresh_ms = since_ms + life_ms;
        from_ms = since_ms;
    }
    if (ends.refresh_ms == 0 && connector->refresh_lifetime_ms > 0 && from_ms > 0)
        ends.refresh_ms = from_ms + connector->refresh_lifetime_ms; /* each use keeps it alive */
    if (ends.refresh_ms > 0)
        ends.refresh_lifetime_ms = ends.refresh_ms - from_ms;
    if (connector->login_lifetime_ms > 0 && row->login_since_ms > 0)
        ends.login_ms = row->login_since_ms + connector->login_lifetime_ms;
    return ends;
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

/* Of all secrets but the refresh token, which has its own. */
static void fingerprint_rest(const struct connector_secrets *secrets, const unsigned char salt[32],
                             char out[TOKEN_FINGERPRINT_SIZE])
{
    struct buf all;
    buf_create_secret(&all, CONNECTOR_SECRETS_MAX * (SECRET_BYTES_MAX + TOKEN_FINGERPRINT_SIZE));
    for (size_t i = 0; i < secrets->count; i++) {
        const char *key = secrets->items[i].key;
        if (strcmp(key, PROVIDER_REFRESH_TOKEN) != 0)
            buf_printf(&all, "%s=%s\n", key, secrets->items[i].value);
    }
    token_cache_fingerprint(salt, "secrets", all.data, out);
    buf_destroy(&all);
}

void token_cache_configure(struct token_configured *configured, const struct connector *connector,
                           const struct connector_secrets *secrets, const unsigned char salt[32])
{
    const char *client_key = provider_of(connector)->given[0].key;
    const char *client = connector_secrets_get(secrets, client_key);
    const char *refresh = connector_secrets_get(secrets, PROVIDER_REFRESH_TOKEN);
    *configured =
        (struct token_configured){.connector = connector, .refresh_token = mem_strdup(refresh)};
    if (provider_of(connector)->service_host != NULL)
        configured->service_host = provider_of(connector)->service_host(connector);
    token_cache_fingerprint(salt, client_key, client != NULL ? client : "",
                            configured->client_fingerprint);
    fingerprint_rest(secrets, salt, configured->secret_fingerprint);
    if (refresh != NULL)
        token_cache_fingerprint(salt, PROVIDER_REFRESH_TOKEN, refresh,
                                configured->refresh_fingerprint);
    char both[2 * TOKEN_FINGERPRINT_SIZE];
    snprintf(both, sizeof both, "%s%s", configured->client_fingerprint,
             configured->refresh_fingerprint);
    token_cache_fingerprint(salt, "grant", both, configured->grant_fingerprint);
}

void token_cache_unconfigure(struct token_configured *configured)
{
    mem_free_secret(configured->refresh_token);
    mem_free(configured->service_host);
    *configured = (struct token_configured){0};
}

bool token_cache_is_foreign(const struct store_token *row,
                            const struct token_configured *configured)
{
    return row->application_fingerprint != NULL &&
           strcmp(row->application_fingerprint, configured->client_fingerprint) != 0;
}

static bool is_changed(const struct store_token *row, const struct token_configured *configured)
{
    return configured->refresh_token != NULL &&
           (row->configured_fingerprint == NULL ||
            strcmp(row->configured_fingerprint, configured->refresh_fingerprint) != 0);
}

bool token_cache_is_another(const struct store_token *row,
                            const struct token_configured *configured)
{
    return token_cache_is_foreign(row, configured) ||
           (row->configured_fingerprint != NULL && is_changed(row, configured)) ||
           (row->secret_fingerprint != NULL &&
            strcmp(row->secret_fingerprint, configured->secret_fingerprint) != 0);
}

bool token_cache_begins(const struct store_token *row, const struct token_configured *configured,
                        const char *token)
{
    return token != NULL && is_changed(row, configured) &&
           strcmp(token, configured->refresh_token) == 0;
}

void token_cache_note_spent(struct store_token *row)
{
    const char *spent = row->spent != NULL ? row->spent : "";
    if (row->refresh_token == NULL || row->configured_fingerprint == NULL ||
        strstr(spent, row->configured_fingerprint) != NULL)
        return;
    if (strlen(spent) >= SPENT_MAX * TOKEN_FINGERPRINT_SIZE)
        spent += TOKEN_FINGERPRINT_SIZE;
    char *longer = mem_printf("%s%s ", spent, row->configured_fingerprint);
    mem_free(row->spent);
    row->spent = longer;
}

size_t token_cache_grants(const struct provider *provider, const struct store_token *row,
                          const struct token_configured *configured,
                          const char *tokens[PROVIDER_GRANTS_MAX])
{
    static const struct store_token nothing;
    bool foreign = token_cache_is_foreign(row, configured);
    const struct store_token *from = foreign ? &nothing : row;
    const struct provider_known known = {
        .connector = configured->connector,
        .current = from->refresh_token,
        .previous = from->refresh_previous,
        .configured = configured->refresh_token,
        .spares = {from->spares[0], from->spares[1]},
        .lost = from->intent.started_ms != 0,
        .changed = is_changed(row, configured),
    };
    size_t count = provider->grants(&known, tokens);
    bool spent = foreign && provider->single_use && row->refresh_token != NULL && !known.changed;
    return spent && count > 0 && tokens[0] != NULL ? 0 : count;
}

/* What the row knows of refresh tokens after `used` has worked. */
static void apply_rotation(struct store_token *row, const char *fresh, const char *used,
                           const char *configured, int64_t now_ms)
{
    if (fresh != NULL && strcmp(fresh, used) != 0) {
        char *previous = mem_strdup(used); /* used may be a field of the row */
        token_cache_set(&row->refresh_token, fresh);
        token_cache_set(&row->refresh_previous, previous);
        mem_free_secret(previous);
        row->refresh_since_ms = now_ms;
        return;
    }
    bool stored = row->refresh_token != NULL && strcmp(row->refresh_token, used) == 0;
    if (!stored) {
        /* The stored one was refused or replaced. The configured one need not be stored twice. */
        bool is_configured = configured != NULL && strcmp(configured, used) == 0;
        token_cache_set(&row->refresh_token, is_configured ? NULL : used);
        row->refresh_since_ms = 0;
    }
    token_cache_set(&row->refresh_previous,
                    NULL); /* `used` has worked: no need for the one before it */
}

/* Not before something has worked for the other client: a wrong ID that is mended loses nothing. */
static void forget_foreign(struct store_token *row)
{
    token_cache_set(&row->access_token, NULL);
    token_cache_set(&row->refresh_token, NULL);
    token_cache_set(&row->refresh_previous, NULL);
    token_cache_set(&row->configured_fingerprint, NULL);
    token_cache_set(&row->subject_fingerprint, NULL);
    row->refresh_since_ms = row->refresh_expires_ms = row->login_since_ms = 0;
}

/* What is known of refresh tokens and of the client. The configured one stays known when it is
 * configured no more: it is spent all the same. */
static void apply_grant(struct store_token *row, const struct exchange_result *result,
                        const char *used, const struct token_configured *configured, int64_t now_ms)
{
    const struct provider_token *token = &result->token;
    bool began = token_cache_begins(row, configured, used);
    if (began)
        token_cache_note_spent(row);
    if (token_cache_is_foreign(row, configured))
        forget_foreign(row);
    if (began)
        row->login_since_ms = now_ms;
    if (token->refresh_lifetime_ms > 0)
        row->refresh_expires_ms = now_ms + token->refresh_lifetime_ms;
    else if (began || token->refresh_token != NULL)
        row->refresh_expires_ms = 0;
    if (used != NULL)
        apply_rotation(row, token->refresh_token, used, configured->refresh_token, now_ms);
    if (configured->refresh_token != NULL)
        token_cache_set(&row->configured_fingerprint, configured->refresh_fingerprint);
    token_cache_set(&row->application_fingerprint, configured->client_fingerprint);
    token_cache_set(&row->secret_fingerprint, configured->secret_fingerprint);
    token_cache_set(&row->service_override, result->service);
    token_cache_set(&row->service_host, configured->service_host);
}

/* asker: whose access token it is; NULL: that of nobody who asks for anything special. */
static void apply_access(struct store_token *row, const struct provider_token *token,
                         const struct connector *asker, bool keep, const struct clock *clock)
{
    char asked[PROVIDER_OWNER_SIZE];
    bool asks = asker != NULL && provider_of(asker)->asked != NULL;
    if (asks)
        provider_of(asker)->asked(asker, asked);
    token_cache_set(&row->asked, asks ? asked : NULL);
    token_cache_set(&row->token_type, keep ? token->token_type : NULL);
    token_cache_set(&row->access_token, keep ? token->access_token : NULL);
    token_cache_set(&row->endpoint_url, keep ? token->endpoint_url : NULL);
    token_cache_set(&row->scope, keep ? token->scope : NULL);
    row->lifetime_ms = token->lifetime_ms;
    row->received_wall_ms = clock_now_ms(clock, CLOCK_WALL);
    row->received_boot_ms = clock_now_ms(clock, CLOCK_BOOT);
    clock_boot_id(row->received_boot_id);
}

void token_cache_apply(struct store_token *row, const struct exchange_result *result,
                       const char *used, const struct token_configured *configured,
                       bool keep_access, const struct clock *clock)
{
    apply_grant(row, result, used, configured, clock_now_ms(clock, CLOCK_WALL));
    apply_access(row, &result->token, configured->connector, keep_access, clock);
}

void token_cache_apply_slot(struct store_token *row, struct store_token *slot,
                            const struct connector *asker, const struct exchange_result *result,
                            const char *used, const struct token_configured *configured,
                            const struct clock *clock)
{
    if (token_cache_is_another(row, configured))
        token_cache_set(&row->access_token, NULL);
    apply_grant(row, result, used, configured, clock_now_ms(clock, CLOCK_WALL));
    apply_access(slot, &result->token, asker, true, clock);
    token_cache_set(&slot->endpoint_url, NULL); /* calls of the asker have their own */
}

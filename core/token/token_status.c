#include "token_status.h"

#include "mem.h"
#include "provider.h"
#include "token_cache.h"

const char *token_status_name(enum token_state state)
{
    static const char *const names[] = {
        [TOKEN_STATE_FRESH] = "fresh",
        [TOKEN_STATE_DUE] = "due",
        [TOKEN_STATE_NEW] = "new",
        [TOKEN_STATE_REFUSED] = "refused",
        [TOKEN_STATE_PERSON] = "needs_person",
    };
    return names[state];
}

/* Whether a person signed in, and the service gave nothing that could renew it. */
static bool cannot_renew(const struct store_token *grant, const struct connector *owner)
{
    return grant->generation > 0 && grant->refresh_token == NULL &&
           provider_sign_in(owner) != NULL &&
           connector_secret(owner, PROVIDER_REFRESH_TOKEN) == NULL;
}

static enum token_state state_of(const struct store_token *row, const struct store_token *grant,
                                 const struct connector *owner, const struct clock *clock)
{
    if (grant->pause.kind == STORE_PAUSE_PERSON || grant->pause.kind == STORE_PAUSE_LEFT)
        return TOKEN_STATE_PERSON;
    if (token_cache_usable(row, 0, owner->early_ms, clock))
        return TOKEN_STATE_FRESH;
    if (row->pause.kind == STORE_PAUSE_REFUSED || grant->pause.kind == STORE_PAUSE_REFUSED)
        return TOKEN_STATE_REFUSED;
    if (cannot_renew(grant, owner))
        return TOKEN_STATE_PERSON;
    return row->generation == 0 && grant->refresh_token == NULL ? TOKEN_STATE_NEW : TOKEN_STATE_DUE;
}

/* `row` has the access token, `grant` what it is exchanged for. */
static struct token_status status_of(struct store_token *row, const struct store_token *grant,
                                     const struct connector *asker, const struct clock *clock)
{
    const struct connector *owner = connector_owner(asker);
    const struct token_ends ends = token_cache_ends(grant, owner);
    struct token_status out = {.refresh_expires_at_ms = ends.refresh_ms,
                               .refresh_lifetime_ms = ends.refresh_lifetime_ms,
                               .login_expires_at_ms = ends.login_ms,
                               .exchanged_at_ms = row->received_wall_ms,
                               .endpoint_url = row->endpoint_url,
                               .rotated = grant->refresh_token != NULL};
    if (cannot_renew(grant, owner))
        out.refresh_expires_at_ms = out.refresh_lifetime_ms = 0;
    token_cache_match(row, asker);
    out.state = state_of(row, grant, owner, clock);
    const struct store_pause *pause =
        grant->pause.kind != STORE_PAUSE_NONE ? &grant->pause : &row->pause;
    if (pause->kind != STORE_PAUSE_NONE) {
        out.reason = pause->reason;
        out.since_ms = pause->since_ms;
    }
    if (row->access_token == NULL)
        return out;
    out.scope = row->scope;
    if (row->lifetime_ms > 0)
        out.expires_at_ms = clock_wall_ms() + token_cache_remaining_ms(row, clock);
    return out;
}

static const struct connector *asker_of(const struct connector *connector)
{
    return connector->slot ? connector : connector_owner(connector);
}

/* One, with the token and what it is exchanged for; two, where that is the lender's. */
static size_t rows_of(const struct connector *connector)
{
    return asker_of(connector) == connector_owner(connector) ? 1 : 2;
}

int token_status_each(struct store *store, struct connector *const *connectors, size_t count,
                      token_status_fn *fn, void *arg, struct err *err)
{
    const struct clock *clock = store != NULL ? store_clock(store) : &clock_system;
    size_t total = 0, at = 0;
    for (size_t i = 0; i < count; i++)
        total += rows_of(connectors[i]);
    struct store_token *rows = mem_alloc((total + 1) * sizeof *rows);
    for (size_t i = 0; i < count; at += rows_of(connectors[i++])) {
        const struct connector *asker = asker_of(connectors[i]);
        const struct connector *owner = connector_owner(connectors[i]);
        provider_of(asker)->owner(asker, asker->home, rows[at].owner);
        if (asker != owner)
            provider_of(owner)->owner(owner, owner->home, rows[at + 1].owner);
    }
    struct store_call call = {.op = STORE_TOKEN_LIST, .token = {.row = rows, .count = total}};
    int result = store != NULL ? store_wait(store, &call, err) : 0;
    at = 0;
    for (size_t i = 0; i < count; at += rows_of(connectors[i++])) {
        struct store_token *row = &rows[at], *grant = row + rows_of(connectors[i]) - 1;
        struct token_status status = status_of(row, grant, asker_of(connectors[i]), clock);
        if (result == 0)
            fn(arg, connectors[i], &status);
    }
    for (at = 0; at < total; at++)
        store_token_destroy(&rows[at]);
    mem_free(rows);
    return result;
}

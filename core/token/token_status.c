#include "token_status.h"

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

static int load(struct store *store, const struct connector *connector, struct store_token *row,
                struct err *err)
{
    char owner[STORE_OWNER_SIZE];
    provider_of(connector)->owner(connector, connector->home, owner);
    struct store_call call = {.op = STORE_TOKEN_LOAD, .token = {.owner = owner, .row = row}};
    return store_wait(store, &call, err) < 0 ? -1 : 0;
}

static enum token_state state_of(const struct store_token *row, const struct store_token *grant,
                                 const struct connector *owner, const struct clock *clock)
{
    if (grant->stop.kind == STORE_STOP_PERSON)
        return TOKEN_STATE_PERSON;
    if (token_cache_usable(row, 0, owner->early_ms, clock))
        return TOKEN_STATE_FRESH;
    if (row->stop.kind == STORE_STOP_REFUSED || grant->stop.kind == STORE_STOP_REFUSED)
        return TOKEN_STATE_REFUSED;
    return row->generation == 0 && grant->refresh_token == NULL ? TOKEN_STATE_NEW : TOKEN_STATE_DUE;
}

int token_status_read(struct store *store, const struct connector *connector,
                      const struct clock *clock, struct token_status *out, struct err *err)
{
    const struct connector *owner = connector_owner(connector);
    const struct connector *asker = connector->slot ? connector : owner;
    *out = (struct token_status){0};
    if ((asker != owner && load(store, owner, &out->owner_row, err) != 0) ||
        load(store, asker, &out->row, err) != 0) {
        token_status_destroy(out);
        return -1;
    }
    struct store_token *row = &out->row;
    const struct store_token *grant = asker != owner ? &out->owner_row : row;
    token_cache_match(row, asker);
    out->state = state_of(row, grant, owner, clock);
    if (out->state >= TOKEN_STATE_REFUSED) {
        const struct store_stop *stop =
            grant->stop.kind != STORE_STOP_NONE ? &grant->stop : &row->stop;
        out->reason = stop->reason;
        out->since_ms = stop->since_ms;
    }
    struct token_ends ends = token_cache_ends(grant, owner);
    int64_t left_ms = token_cache_remaining_ms(row, clock);
    bool known = row->access_token != NULL && row->lifetime_ms > 0;
    out->expires_at_ms = known ? clock_now_ms(clock, CLOCK_WALL) + left_ms : 0;
    out->refresh_expires_at_ms = ends.refresh_ms;
    out->login_expires_at_ms = ends.login_ms;
    out->exchanged_at_ms = row->received_wall_ms;
    out->endpoint_url = row->endpoint_url;
    out->scope = row->access_token != NULL ? row->scope : NULL;
    out->rotated = grant->refresh_token != NULL;
    return 0;
}

void token_status_none(struct token_status *out)
{
    *out = (struct token_status){.state = TOKEN_STATE_NEW};
}

void token_status_destroy(struct token_status *status)
{
    store_token_destroy(&status->row);
    store_token_destroy(&status->owner_row);
}

#include "token_flight_refused.h"

#include "config_rows.h"
#include "mem.h"
#include "token_flight_end.h"
#include "token_intent.h"
#include "token_pause.h"

#include <string.h>

static void owner_in(void *arg, const char *home, char owner[STORE_OWNER_SIZE])
{
    const struct flight *flight = arg;
    provider_of(flight->connector)->owner(flight->connector, home, owner);
}

static void flight_searched(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result == 0 && flight->elsewhere.found[0] != '\0') {
        flight->tokens->told = true;
        config_rows_tell(flight->tokens->config, flight->tokens->log, flight->connector,
                         flight->elsewhere.found);
    }
    token_flight_fail(flight, &flight->failure);
}

/* There is no refresh token that the service accepts. Perhaps there is one of another path: that is
 * said, once. */
void token_flight_search(struct flight *flight)
{
    struct tokens *tokens = flight->tokens;
    bool refused = flight->failure.kind == ERR_AUTH || flight->tokens_tried[0] == NULL;
    if (!refused || tokens->told) {
        token_flight_fail(flight, &flight->failure);
        return;
    }
    flight->elsewhere =
        (struct store_home_find){.owner = owner_in, .arg = flight, .but = flight->connector->home};
    flight->call = (struct store_call){.op = STORE_HOME_FIND, .find = &flight->elsewhere};
    store_start(tokens->store, &flight->call, flight_searched, flight);
}

static void flight_forgot(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0)
        log_msg(flight->tokens->log, LOG_WARN, "%s", flight->call.err.msg);
    token_flight_search(flight);
}

/* What a failed exchange leaves behind in the row: whether something is to be stored. Where refresh
 * tokens are no single-use ones it is only shown, beside a token that there was, and stops no
 * exchange: a row of nothing else would be in the way of `state adopt`. */
static bool flight_note(struct flight *flight, const struct exchange_result *result)
{
    struct store_token *row = &flight->row;
    struct err *failure = &flight->failure;
    bool single_use = provider_of(flight->connector)->single_use;
    int64_t lost_ms = result->doubted ? row->intent.started_ms : flight->lost_ms;
    if (single_use && result->dead && lost_ms > 0)
        token_intent_tell_lost(lost_ms, failure);
    bool dead = single_use && result->dead;
    struct store_token *noting = dead ? row : token_flight_target(flight);
    bool noted = result->refused && (dead || failure->kind == ERR_AUTH) &&
                 (single_use || noting->generation > 0);
    if (noted)
        token_pause_set(noting, &flight->configured,
                        flight->asker != NULL ? flight->asker : flight->connector, dead, failure,
                        flight->tokens->redact, store_now_ms(flight->tokens->store));
    return noted;
}

static void flight_close(struct flight *flight)
{
    if (flight->saves)
        token_flight_call(flight, STORE_TOKEN_SAVE, flight_forgot);
    else if (flight->ends)
        token_flight_call(flight, STORE_TOKEN_INTENT, flight_forgot);
    else
        token_flight_search(flight);
}

static void flight_again(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0) {
        token_flight_fail(flight, &flight->call.err);
        return;
    }
    store_token_destroy(&flight->row);
    store_token_destroy(&flight->slot);
    token_flight_call(flight, STORE_TOKEN_LOAD, flight->again);
}

static bool is_tried(const struct flight *flight, const char *token)
{
    const char *then = flight->row.refresh_token; /* not tried where another one is configured */
    bool tried = token == NULL || (then != NULL && strcmp(token, then) == 0);
    for (size_t i = 0; !tried && i < flight->ntokens; i++)
        tried = strcmp(token, flight->tokens_tried[i]) == 0;
    return tried;
}

/*
 * Refused, perhaps because somebody else has spent the refresh token meanwhile: whoever lost the
 * lock on the way, or works on a copy of the state, does not stop it. What they have stored is
 * used, and nothing is said of a dead one.
 */
static void flight_peer_loaded(void *arg)
{
    struct flight *flight = arg;
    const struct store_token *peer = &flight->peer;
    bool tried = flight->call.result <= 0 || is_tried(flight, peer->refresh_token);
    for (size_t i = 0; tried && flight->call.result > 0 && i < STORE_SPARES_MAX; i++)
        tried = is_tried(flight, peer->spares[i]);
    if (tried) {
        flight_close(flight);
        return;
    }
    log_msg(flight->tokens->log, LOG_INFO,
            "connector '%s': another process has stored a newer refresh token meanwhile",
            flight->connector->name);
    store_token_destroy(&flight->row);
    flight->row = flight->peer;
    flight->row.intent = (struct store_intent){0};
    memset(&flight->peer, 0, sizeof flight->peer);
    memset(flight->tokens_tried, 0, sizeof flight->tokens_tried);
    token_cache_unconfigure(&flight->configured);
    flight->failure = (struct err){0};
    flight->lost_ms = 0;
    token_flight_call(flight, STORE_TOKEN_INTENT, flight_again);
}

/*
 * An answer ends the intent, and so does the certainty that nothing was done. Where the place that
 * the service had moved to failed, and so did the others, the next run does not start there.
 */
void token_flight_refused(struct flight *flight, const struct exchange_result *result)
{
    struct store_token *row = &flight->row;
    bool stored = flight_note(flight, result) || result->metadata != NULL;
    bool ends = row->intent.started_ms != 0 &&
                (result->refused || (!result->doubt && flight->lost_ms == 0));
    if (ends)
        row->intent = (struct store_intent){0};
    if (row->service_override != NULL &&
        (result->service == NULL || strcmp(result->service, row->service_override) != 0)) {
        mem_free(row->service_override);
        row->service_override = NULL;
        stored = true;
    }
    flight->saves = stored;
    flight->ends = ends;
    if (!result->refused || flight->looked || flight->tokens_tried[0] == NULL) {
        flight_close(flight);
        return;
    }
    flight->looked = true;
    flight->call = (struct store_call){.op = STORE_TOKEN_LOAD,
                                       .token = {.owner = flight->owner, .row = &flight->peer}};
    store_start(flight->tokens->store, &flight->call, flight_peer_loaded, flight);
}

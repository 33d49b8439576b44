#include "token_flight.h"

#include "connector.h"
#include "fault.h"
#include "mem.h"
#include "token_flight_end.h"
#include "token_flight_given.h"
#include "token_flight_refused.h"
#include "token_flight_store.h"
#include "token_intent.h"
#include "token_lock.h"
#include "token_pause.h"
#include "token_request.h"

#include <string.h>

static void flight_keep_metadata(struct flight *flight, const char *metadata)
{
    struct store_token *row = &flight->row;
    if (metadata == NULL)
        return;
    mem_free(row->metadata);
    row->metadata = mem_strdup(metadata);
    row->metadata_ms = store_now_ms(flight->tokens->store);
}

static bool flight_wanted(void *arg)
{
    const struct flight *flight = arg;
    return flight->waiters != NULL;
}

static int64_t flight_left_ms(void *arg)
{
    const struct flight *flight = arg;
    return store_lease_left_ms(&flight->lease);
}

static void flight_exchanged(void *arg, const struct exchange_result *result,
                             const struct err *failure)
{
    struct flight *flight = arg;
    struct tokens *tokens = flight->tokens;
    flight->exchange = NULL;
    flight_keep_metadata(flight, result->metadata);
    if (failure != NULL)
        flight->failure = *failure;
    if (failure != NULL && result->token.refresh_token == NULL) {
        token_flight_refused(flight, result);
        return;
    }
    token_request_hide(tokens, flight->connector, result->token.access_token);
    token_request_hide(tokens, flight->connector, result->token.refresh_token);
    fault_point(FAULT_TOKEN_RECEIVED);

    struct store_token *row = &flight->row;
    const char *endpoint = result->token.endpoint_url;
    bool allowed = endpoint == NULL || flight->asker != NULL ||
                   connector_allows(flight->connector, endpoint, &flight->failure) == 0;
    if (!allowed) {
        err_wrap(&flight->failure, "the endpoint that came with the token");
        flight->failure.kind = ERR_AUTH;
    }
    struct store_token *target = token_flight_target(flight);
    const char *used = flight->tokens_tried[result->used];
    const struct clock *clock = store_clock(tokens->store);
    if (target->generation < flight->worse_than)
        target->generation = flight->worse_than;
    target->generation = token_cache_next(target->generation, true);
    if (target != row) /* has a new refresh token all the same */
        row->generation = token_cache_next(row->generation, false);
    if (flight->asker == NULL)
        token_cache_apply(row, result, used, &flight->configured, allowed, clock);
    else
        token_cache_apply_slot(row, target, flight->asker, result, used, &flight->configured,
                               clock);
    token_pause_end(row);
    token_pause_end(target);
    row->intent = (struct store_intent){0};
    flight->saves = false;
    store_lease_unreserve(&flight->lease);
    flight->rotated = result->token.refresh_token != NULL;
    token_flight_store(flight);
}

static int no_grant(const struct flight *flight, struct err *err)
{
    const struct connector *connector = flight->connector;
    const char *sign_in = provider_sign_in(connector);
    if (flight->row.refresh_token != NULL && provider_of(connector)->single_use)
        return err_set(err, ERR_CONFIG,
                       "the refresh token that is known was issued to another client ID: configure "
                       "that ID, or another '" PROVIDER_REFRESH_TOKEN
                       "' in %s, or sign in: jeton login %s (nothing was sent)",
                       connector->file, connector->name);
    if (sign_in == NULL)
        return err_set(err, ERR_CONFIG,
                       "no refresh token is known; set '" PROVIDER_REFRESH_TOKEN "' in %s",
                       connector->file);
    return err_set(err, ERR_CONFIG,
                   "no refresh token is known; set '" PROVIDER_REFRESH_TOKEN
                   "' in %s, or sign in: jeton login %s (%s)",
                   connector->file, connector->name, sign_in);
}

static int flight_check_pause(struct flight *flight, struct err *err)
{
    int64_t now_ms = store_now_ms(flight->tokens->store);
    const struct connector *owner = flight->connector;
    if (token_pause_check(&flight->row, &flight->configured, owner, now_ms, err) != 0)
        return -1;
    return token_pause_check(token_flight_target(flight), &flight->configured,
                             flight->asker != NULL ? flight->asker : owner, now_ms, err);
}

/* What the exchange is made of: secrets, and the grants to try. */
static int flight_prepare(struct flight *flight, struct err *err)
{
    const struct connector *connector = flight->connector;
    const struct provider *provider = provider_of(connector);
    struct tokens *tokens = flight->tokens;
    if (connector_secrets_read(connector, tokens->redact, tokens->deadline_ms, &flight->secrets,
                               err) != 0)
        return -1;
    token_cache_configure(&flight->configured, connector, &flight->secrets, flight->salt);
    token_request_hide(tokens, connector, flight->row.refresh_token);
    token_request_hide(tokens, connector, flight->row.refresh_previous);
    for (size_t i = 0; i < STORE_SPARES_MAX; i++)
        token_request_hide(tokens, connector, flight->row.spares[i]);
    bool asks = !flight->force || flight->row.pause.kind == STORE_PAUSE_LEFT;
    if (provider->single_use && asks && flight_check_pause(flight, err) != 0)
        return -1;
    flight->ntokens =
        token_cache_grants(provider, &flight->row, &flight->configured, flight->tokens_tried);
    if (flight->ntokens == 0)
        return no_grant(flight, err);
    return store_lease_reserve(&flight->lease, TOKEN_RESERVE_BYTES, err);
}

static void flight_go(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0) {
        token_flight_fail(flight, &flight->call.err);
        return;
    }
    fault_point(FAULT_TOKEN_INTENT);
    flight->tokens->exchanges += !flight->begun;
    flight->begun = true;
    exchange_go(flight->exchange);
}

/* What will be spent is written down first, and not before it is: that a process was killed while
 * it looked for the service must not seem to be a lost reply. Where an earlier exchange was never
 * answered, it is written already, and the same is sent once more. */
static void flight_ready(void *arg)
{
    struct flight *flight = arg;
    flight->ready = flight->resting;
    if (flight->resting)
        return;
    if (flight->tokens_tried[0] == NULL) {
        flight_go(flight);
        return;
    }
    if (flight->lost_ms ==
        0) /* else it is written as it is: a store that cannot be written refuses */
        token_intent_begin(&flight->row, flight->salt, flight->tokens_tried[0],
                           store_clock(flight->tokens->store));
    token_flight_call(flight, STORE_TOKEN_INTENT, flight_go);
}

static void flight_rested(void *arg)
{
    struct flight *flight = arg;
    flight->resting = false;
    if (flight->call.result < 0)
        log_msg(flight->tokens->log, LOG_WARN, "%s", flight->call.err.msg);
    if (flight->ready)
        flight_ready(flight);
}

/* The service has said when to come again, or could not be reached: nothing is spent, and a process
 * that is killed while it waits has lost no reply. */
static void flight_rests(void *arg)
{
    struct flight *flight = arg;
    if (flight->row.intent.started_ms == 0 || flight->lost_ms > 0)
        return;
    flight->row.intent = (struct store_intent){0};
    flight->resting = true;
    token_flight_call(flight, STORE_TOKEN_INTENT, flight_rested);
}

static void flight_sent(void *arg)
{
    struct flight *flight = arg;
    const char *endpoint = token_flight_target(flight)->endpoint_url;
    for (const struct token_request *w = flight->waiters; w != NULL; w = w->next)
        if (w->query.soon != NULL)
            w->query.soon(w->arg, endpoint);
}

static void flight_send(void *arg)
{
    struct flight *flight = arg;
    struct tokens *tokens = flight->tokens;
    flight->lost_ms = token_intent_open(&flight->row, flight->salt, flight->tokens_tried[0]);
    struct exchange_options options = {
        .connector = flight->connector,
        .asker = flight->asker,
        .secrets = &flight->secrets,
        .redact = tokens->redact,
        .service = flight->row.service_override,
        .metadata = flight->anew ? NULL : flight->row.metadata,
        .metadata_ms = flight->row.metadata_ms,
        .metadata_age_ms = store_now_ms(tokens->store) - flight->row.metadata_ms,
        .ntokens = flight->ntokens,
        .deadline_ms = tokens->deadline_ms,
        .wanted = flight_wanted,
        .left_ms = flight_left_ms,
        .ready = flight_ready,
        .sent = flight_sent,
        .rests = flight_rests,
    };
    memcpy(options.tokens, flight->tokens_tried, sizeof options.tokens);
    flight->exchange = exchange_start(tokens->loop, &tokens->transport, tokens->log, &options,
                                      flight_exchanged, flight);
}

/* What others have as access tokens of the former account is not used beside the new one's. */
static void flight_drop_slots(void *arg)
{
    struct flight *flight = arg;
    const struct connector *slot =
        token_slot_next(flight->tokens, flight->connector, &flight->slots);
    if (flight->call.result < 0) {
        token_flight_fail(flight, &flight->call.err);
    } else if (slot == NULL) {
        flight_send(flight);
    } else {
        provider_of(slot)->owner(slot, slot->home, flight->dropped);
        flight->call =
            (struct store_call){.op = STORE_TOKEN_DELETE, .token = {.owner = flight->dropped}};
        store_start(flight->tokens->store, &flight->call, flight_drop_slots, flight);
    }
}

static void flight_known(void *arg)
{
    struct flight *flight = arg;
    flight->slots = 0;
    if (token_cache_is_another(&flight->row, &flight->configured))
        flight_drop_slots(flight);
    else
        flight_send(flight);
}

/* Before a configured token is sent for the first time, it is made sure that it is not spent. */
static void flight_exchange(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0)
        token_flight_fail(flight, &flight->call.err);
    else if (flight_prepare(flight, &flight->failure) != 0)
        token_flight_search(flight);
    else if (provider_of(flight->connector)->single_use &&
             token_cache_begins(&flight->row, &flight->configured, flight->tokens_tried[0]))
        token_flight_check_given(flight, flight_known);
    else
        flight_known(flight);
}

/* An API refused the token that the row holds, which is fresh. */
static bool flight_keeps(struct flight *flight, struct err *err)
{
    const struct store_token *row = token_flight_target(flight);
    const struct clock *clock = store_clock(flight->tokens->store);
    return provider_of(flight->connector)->single_use && !flight->force &&
           token_cache_usable(row, 0, flight->connector->early_ms, clock) &&
           token_pause_check_refused(row, clock, err) != 0;
}

static void flight_look(struct flight *flight)
{
    struct store_token *target = token_flight_target(flight);
    struct err err;
    token_request_hide(flight->tokens, flight->connector, target->access_token);
    for (const struct token_request *w = flight->waiters; w != NULL; w = w->next) {
        if (w->query.worse_than > flight->worse_than)
            flight->worse_than = w->query.worse_than;
        flight->force = flight->force || w->query.force;
        flight->anew = flight->anew || w->query.anew;
    }
    token_cache_match(target, flight->asker != NULL ? flight->asker : flight->connector);
    if (token_cache_usable(target, flight->worse_than, flight->connector->early_ms,
                           store_clock(flight->tokens->store)))
        token_flight_succeed(flight, TOKEN_CACHE); /* another process was quicker */
    else if (flight_keeps(flight, &err))
        token_flight_fail(flight, &err);
    else if (!token_flight_store_awaits(flight))
        token_flight_call(flight, STORE_SALT, flight_exchange);
}

static void flight_slot_loaded(void *arg)
{
    struct flight *flight = arg;
    flight->slot.home = flight->connector->home;
    if (flight->call.result < 0)
        token_flight_fail(flight, &flight->call.err);
    else
        flight_look(flight);
}

static void flight_loaded(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0) {
        token_flight_fail(flight, &flight->call.err);
    } else if (flight->asker == NULL) {
        flight_look(flight);
    } else {
        flight->call = (struct store_call){
            .op = STORE_TOKEN_LOAD, .token = {.owner = flight->slot_owner, .row = &flight->slot}};
        store_start(flight->tokens->store, &flight->call, flight_slot_loaded, flight);
    }
}

static void flight_locked(void *arg, const struct err *failure)
{
    struct flight *flight = arg;
    struct tokens *tokens = flight->tokens;
    struct err err;
    if (failure != NULL && failure->kind == ERR_BUSY) {
        bool late = tokens->deadline_ms > 0 && loop_now_ms(tokens->loop) >= tokens->deadline_ms;
        err_set(&err, late ? ERR_DEADLINE : ERR_NETWORK,
                "another process is exchanging this connector's token and did not end in time");
        failure = &err;
    }
    if (failure != NULL) {
        token_flight_fail(flight, failure);
        return;
    }
    fault_point(FAULT_TOKEN_LOCKED);
    token_flight_call(flight, STORE_TOKEN_LOAD, flight_loaded);
}

static struct flight *flight_new(struct token_request *request)
{
    struct tokens *tokens = request->tokens;
    struct flight *flight = mem_alloc(sizeof *flight);
    flight->tokens = tokens;
    const struct connector *owner = connector_owner(request->connector);
    flight->connector = owner;
    memcpy(flight->slot_owner, request->owner, sizeof flight->slot_owner);
    if (owner == request->connector)
        memcpy(flight->owner, request->owner, sizeof flight->owner);
    else
        provider_of(owner)->owner(owner, owner->home, flight->owner);
    flight->asker = owner != request->connector ? request->connector : NULL;
    flight->again = flight_loaded;
    flight->next = tokens->flights;
    tokens->flights = flight;

    int64_t give_up_ms = loop_now_ms(tokens->loop) + TOKEN_LOCK_WAIT_MS;
    if (tokens->deadline_ms > 0 && tokens->deadline_ms < give_up_ms)
        give_up_ms = tokens->deadline_ms;
    store_lease_take(&flight->lease, tokens->store, STORE_LEASE_TOKEN, flight->owner, give_up_ms,
                     flight_locked, flight);
    return flight;
}

struct flight *token_flight_join(struct token_request *request)
{
    struct flight *flight = request->tokens->flights;
    while (flight != NULL && strcmp(flight->slot_owner, request->owner) != 0)
        flight = flight->next;
    return flight != NULL ? flight : flight_new(request);
}

bool token_flight_on_wire(const struct flight *flight)
{
    bool stores = flight->call.store != NULL && flight->call.op == STORE_TOKEN_SAVE;
    return (stores && !flight->store.stuck) ||
           (flight->exchange != NULL && exchange_on_wire(flight->exchange));
}

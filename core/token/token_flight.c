#include "token_flight.h"

#include "config_rows.h"
#include "connector.h"
#include "fault.h"
#include "mem.h"
#include "token_lock.h"
#include "token_request.h"
#include "token_stop.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Of the disk, for a row and what the state writes around it. */
#define TOKEN_RESERVE_BYTES ((size_t)64 * 1024)

/* Where the access token is. */
static struct store_token *flight_target(struct flight *flight)
{
    return flight->asker != NULL ? &flight->slot : &flight->row;
}

void token_flight_free(struct flight *flight)
{
    struct flight **at = &flight->tokens->flights;
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    if (flight->exchange != NULL)
        exchange_cancel(flight->exchange);
    store_cancel(&flight->call);
    store_lease_release(&flight->lease);
    connector_secrets_destroy(&flight->secrets);
    token_cache_unconfigure(&flight->configured);
    store_token_destroy(&flight->row);
    store_token_destroy(&flight->slot);
    store_token_destroy(&flight->peer);
    mem_free(flight);
}

/* Every waiter gets the error. Each is removed first, since its callback may ask again, or cancel
 * another waiter. */
static void flight_fail(struct flight *flight, const struct err *err)
{
    struct err copy = *err;
    if (!copy.named)
        err_wrap(&copy, "connector '%s'", flight->connector->name);
    flight->ending = true;
    store_lease_release(&flight->lease);
    struct token_request *request;
    while ((request = flight->waiters) != NULL) {
        token_request_remove(&flight->waiters, request);
        token_request_finish(request, NULL, &copy);
    }
    token_flight_free(flight);
}

static void flight_succeed(struct flight *flight, enum token_source source)
{
    flight->ending = true;
    store_lease_release(&flight->lease);
    struct token_request *request;
    while ((request = flight->waiters) != NULL) {
        token_request_remove(&flight->waiters, request);
        token_request_finish_row(request, flight_target(flight), source);
    }
    token_flight_free(flight);
}

static void flight_call(struct flight *flight, enum store_op op, loop_fn *done)
{
    flight->call = (struct store_call){.op = op};
    if (op == STORE_SALT) {
        flight->call.salt = flight->salt;
    } else {
        flight->call.token.owner = flight->owner;
        flight->call.token.row = &flight->row;
    }
    flight->row.home = flight->connector->home;
    if (op == STORE_TOKEN_SAVE && flight->asker != NULL)
        flight->call.token.slot = &flight->slot;
    if (op == STORE_TOKEN_SAVE || op == STORE_TOKEN_INTENT)
        flight->call.under = &flight->lease;
    store_start(flight->tokens->store, &flight->call, done, flight);
}

static void flight_loaded(void *arg);

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
        config_rows_tell(flight->tokens->log, flight->connector, flight->elsewhere.found);
    }
    flight_fail(flight, &flight->failure);
}

/* There is no refresh token that the service accepts. Perhaps there is one of another path: that is
 * said, once. */
static void flight_search(struct flight *flight)
{
    struct tokens *tokens = flight->tokens;
    bool refused = flight->failure.kind == ERR_AUTH || flight->tokens_tried[0] == NULL;
    if (!refused || tokens->told) {
        flight_fail(flight, &flight->failure);
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
    flight_search(flight);
}

/* What a failed exchange leaves behind in the row: whether something is to be stored. */
static bool flight_note(struct flight *flight, const struct exchange_result *result)
{
    struct store_token *row = &flight->row;
    struct err *failure = &flight->failure;
    bool single_use = provider_of(flight->connector)->single_use;
    int64_t lost_ms = result->doubted ? row->intent.started_ms : flight->lost_ms;
    if (single_use && result->dead && lost_ms > 0)
        token_stop_tell_lost(lost_ms, failure);
    bool stops = single_use && result->refused && (result->dead || failure->kind == ERR_AUTH);
    if (stops)
        token_stop_set(result->dead ? row : flight_target(flight), &flight->configured,
                       result->dead, failure, flight->tokens->redact,
                       clock_now_ms(loop_clock(flight->tokens->loop), CLOCK_WALL));
    return stops;
}

static void flight_close(struct flight *flight)
{
    if (flight->saves)
        flight_call(flight, STORE_TOKEN_SAVE, flight_forgot);
    else if (flight->ends)
        flight_call(flight, STORE_TOKEN_INTENT, flight_forgot);
    else
        flight_search(flight);
}

static void flight_again(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0) {
        flight_fail(flight, &flight->call.err);
        return;
    }
    store_token_destroy(&flight->row);
    store_token_destroy(&flight->slot);
    flight_call(flight, STORE_TOKEN_LOAD, flight_loaded);
}

/*
 * Refused, perhaps because somebody else has spent the refresh token meanwhile: whoever lost the
 * lock on the way, or works on a copy of the state, does not stop it. What they have stored is
 * used, and nothing is said of a dead one.
 */
static void flight_peer_loaded(void *arg)
{
    struct flight *flight = arg;
    const char *now = flight->call.result > 0 ? flight->peer.refresh_token : NULL;
    const char *then = flight->row.refresh_token; /* not tried where another one is configured */
    bool tried = now == NULL || (then != NULL && strcmp(now, then) == 0);
    for (size_t i = 0; !tried && i < flight->ntokens; i++)
        tried = strcmp(now, flight->tokens_tried[i]) == 0;
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
    flight_call(flight, STORE_TOKEN_INTENT, flight_again);
}

/*
 * An answer ends the intent, and so does the certainty that nothing was done. Where the place that
 * the service had moved to failed, and so did the others, the next run does not start there.
 */
static void flight_refused(struct flight *flight, const struct exchange_result *result)
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

static void flight_stored(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0) {
        flight_fail(flight, &flight->call.err);
        return;
    }
    fault_point(FAULT_TOKEN_STORED);
    if (flight->failure.kind != ERR_NONE)
        flight_fail(flight, &flight->failure);
    else
        flight_succeed(flight, TOKEN_EXCHANGE);
}

static void flight_keep_metadata(struct flight *flight, const char *metadata)
{
    struct store_token *row = &flight->row;
    if (metadata == NULL)
        return;
    mem_free(row->metadata);
    row->metadata = mem_strdup(metadata);
    row->metadata_ms = clock_now_ms(loop_clock(flight->tokens->loop), CLOCK_WALL);
}

static bool flight_wanted(void *arg)
{
    const struct flight *flight = arg;
    return flight->waiters != NULL;
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
        flight_refused(flight, result);
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
    struct store_token *target = flight_target(flight);
    const char *used = flight->tokens_tried[result->used];
    const struct clock *clock = loop_clock(tokens->loop);
    if (target->generation < flight->worse_than)
        target->generation = flight->worse_than;
    target->generation++;
    if (flight->asker == NULL)
        token_cache_apply(row, result, used, &flight->configured, allowed, clock);
    else
        token_cache_apply_slot(row, target, flight->asker, result, used, &flight->configured,
                               clock);
    token_stop_end(row);
    token_stop_end(target);
    row->intent = (struct store_intent){0};
    store_lease_unreserve(&flight->lease);
    flight_call(flight, STORE_TOKEN_SAVE, flight_stored);
}

/* The row's tokens were issued to another client ID: they are not used, but generations go on
 * counting. */
static void flight_check_client(struct flight *flight)
{
    struct store_token *row = &flight->row;
    if (row->application_fingerprint == NULL ||
        strcmp(row->application_fingerprint, flight->configured.client_fingerprint) == 0)
        return;
    struct store_token fresh = {.generation = row->generation, .intent = row->intent};
    memcpy(fresh.owner, row->owner, sizeof fresh.owner);
    store_token_destroy(row);
    *row = fresh;
}

static int no_grant(const struct connector *connector, struct err *err)
{
    const char *sign_in = provider_sign_in(connector);
    if (sign_in == NULL)
        return err_set(err, ERR_CONFIG,
                       "no refresh token is known; set '" PROVIDER_REFRESH_TOKEN "' in %s",
                       connector->file);
    return err_set(err, ERR_CONFIG,
                   "no refresh token is known; set '" PROVIDER_REFRESH_TOKEN
                   "' in %s, or sign in: jeton login %s (%s)",
                   connector->file, connector->name, sign_in);
}

static int flight_check_stop(struct flight *flight, struct err *err)
{
    int64_t now_ms = clock_now_ms(loop_clock(flight->tokens->loop), CLOCK_WALL);
    if (token_stop_check(&flight->row, &flight->configured, now_ms, err) != 0)
        return -1;
    return token_stop_check(flight_target(flight), &flight->configured, now_ms, err);
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
    flight_check_client(flight);
    token_request_hide(tokens, connector, flight->row.refresh_token);
    token_request_hide(tokens, connector, flight->row.refresh_previous);
    bool asks = !flight->force || flight->row.stop.kind == STORE_STOP_LEFT;
    if (provider->single_use && asks && flight_check_stop(flight, err) != 0)
        return -1;
    flight->ntokens =
        token_cache_grants(provider, &flight->row, &flight->configured, flight->tokens_tried);
    if (flight->ntokens == 0)
        return no_grant(connector, err);
    /* A refresh token that cannot be stored when it comes would be lost, and the old one spent. */
    return store_lease_reserve(&flight->lease, TOKEN_RESERVE_BYTES, err);
}

/* Half of an intent's ID is random; the other half tells which refresh token it is about. */
#define INTENT_HALF ((STORE_INTENT_SIZE - 1) / 2)
static void intent_token(const struct flight *flight, char half[INTENT_HALF + 1])
{
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    token_cache_fingerprint(flight->salt, "intent", flight->tokens_tried[0], fingerprint);
    memcpy(half, fingerprint, INTENT_HALF);
    half[INTENT_HALF] = '\0';
}

/* When an exchange of the same refresh token began that was never answered; 0: none did. */
static int64_t intent_open(const struct flight *flight)
{
    const struct store_intent *intent = &flight->row.intent;
    char half[INTENT_HALF + 1];
    if (flight->tokens_tried[0] == NULL || intent->started_ms == 0)
        return 0;
    intent_token(flight, half);
    return strcmp(intent->id + INTENT_HALF, half) == 0 ? intent->started_ms : 0;
}

static void intent_begin(struct flight *flight)
{
    struct store_intent *intent = &flight->row.intent;
    unsigned char random[INTENT_HALF / 2];
    char half[INTENT_HALF + 1];
    intent_token(flight, half);
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(intent->id, sizeof intent->id, random, sizeof random);
    memcpy(intent->id + INTENT_HALF, half, INTENT_HALF + 1);
    intent->generation = flight->row.generation;
    intent->started_ms = clock_now_ms(loop_clock(flight->tokens->loop), CLOCK_WALL);
    if (gethostname(intent->host, sizeof intent->host) != 0)
        intent->host[0] = '\0';
    intent->host[sizeof intent->host - 1] = '\0';
}

static void flight_go(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0) {
        flight_fail(flight, &flight->call.err);
        return;
    }
    fault_point(FAULT_TOKEN_INTENT);
    flight->tokens->exchanges++;
    exchange_go(flight->exchange);
}

/* What will be spent is written down first, and not before it is: that a process was killed while
 * it looked for the service must not seem to be a lost reply. Where an earlier exchange was never
 * answered, it is written already, and the same is sent once more. */
static void flight_ready(void *arg)
{
    struct flight *flight = arg;
    if (flight->tokens_tried[0] == NULL || flight->lost_ms > 0) {
        flight_go(flight);
        return;
    }
    intent_begin(flight);
    flight_call(flight, STORE_TOKEN_INTENT, flight_go);
}

static void flight_exchange(void *arg)
{
    struct flight *flight = arg;
    struct tokens *tokens = flight->tokens;
    if (flight->call.result < 0) {
        flight_fail(flight, &flight->call.err);
        return;
    }
    if (flight_prepare(flight, &flight->failure) != 0) {
        flight_search(flight);
        return;
    }
    flight->lost_ms = intent_open(flight);
    struct exchange_options options = {
        .connector = flight->connector,
        .asker = flight->asker,
        .secrets = &flight->secrets,
        .redact = tokens->redact,
        .service = flight->row.service_override,
        .metadata = flight->row.metadata,
        .metadata_ms = flight->row.metadata_ms,
        .ntokens = flight->ntokens,
        .deadline_ms = tokens->deadline_ms,
        .wanted = flight_wanted,
        .ready = flight_ready,
    };
    memcpy(options.tokens, flight->tokens_tried, sizeof options.tokens);
    flight->exchange = exchange_start(tokens->loop, &tokens->transport, tokens->log, &options,
                                      flight_exchanged, flight);
}

/* An API refused the token that the row holds, which is fresh. */
static bool flight_keeps(struct flight *flight, struct err *err)
{
    const struct store_token *row = flight_target(flight);
    const struct clock *clock = loop_clock(flight->tokens->loop);
    return provider_of(flight->connector)->single_use && !flight->force &&
           token_cache_usable(row, 0, flight->connector->early_ms, clock) &&
           token_stop_check_refused(row, clock, err) != 0;
}

static void flight_look(struct flight *flight)
{
    struct store_token *target = flight_target(flight);
    struct err err;
    token_request_hide(flight->tokens, flight->connector, target->access_token);
    for (const struct token_request *w = flight->waiters; w != NULL; w = w->next) {
        if (w->query.worse_than > flight->worse_than)
            flight->worse_than = w->query.worse_than;
        flight->force = flight->force || w->query.force;
    }
    token_cache_match(target, flight->asker != NULL ? flight->asker : flight->connector);
    if (token_cache_usable(target, flight->worse_than, flight->connector->early_ms,
                           loop_clock(flight->tokens->loop)))
        flight_succeed(flight, TOKEN_CACHE); /* another process was quicker */
    else if (flight_keeps(flight, &err))
        flight_fail(flight, &err);
    else
        flight_call(flight, STORE_SALT, flight_exchange);
}

static void flight_slot_loaded(void *arg)
{
    struct flight *flight = arg;
    flight->slot.home = flight->connector->home;
    if (flight->call.result < 0)
        flight_fail(flight, &flight->call.err);
    else
        flight_look(flight);
}

static void flight_loaded(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0) {
        flight_fail(flight, &flight->call.err);
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
        flight_fail(flight, failure);
        return;
    }
    fault_point(FAULT_TOKEN_LOCKED);
    flight_call(flight, STORE_TOKEN_LOAD, flight_loaded);
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
    return stores || (flight->exchange != NULL && exchange_on_wire(flight->exchange));
}

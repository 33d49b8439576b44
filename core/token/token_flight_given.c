#include "token_flight_given.h"

#include "connector.h"
#include "mem.h"
#include "token_flight_end.h"
#include "token_flight_refused.h"
#include "token_flight_store.h"
#include "token_lock.h"

#include <stdio.h>
#include <string.h>

/* ---- nothing is sent ---- */

static void given_refuse(struct flight *flight)
{
    const struct connector *connector = flight->connector;
    const struct flight_given *given = &flight->given;
    char owner[STORE_OWNER_SIZE] = "";
    bool elsewhere = strcmp(given->home, connector->home) != 0;
    if (elsewhere && given->home[0] != '\0')
        provider_of(connector)->owner(connector, given->home, owner);
    if (elsewhere)
        err_set(&flight->failure, ERR_AUTH,
                "the configured refresh token was replaced by another one, which belongs to %s "
                "(nothing was sent)",
                given->home[0] != '\0' ? given->home : "another configuration");
    else
        err_set(&flight->failure, ERR_AUTH,
                "the configured refresh token is spent: another one has replaced it, here or in "
                "another connector of this configuration, of another client ID, token service or "
                "sign-in (nothing was sent)");
    /* Where the connector has the same name there, the search says what moves it. */
    if (strcmp(owner, given->owner) != 0)
        err_advise(&flight->failure,
                   "give the connector back the name and the token service that it had%s%s, sign "
                   "in again (jeton login %s), or configure another refresh_token",
                   elsewhere && given->home[0] != '\0' ? " and `jeton state adopt` " : "",
                   elsewhere ? given->home : "", connector->name);
    token_flight_search(flight);
}

/* ---- the other row ---- */

static void given_again(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0) {
        token_flight_fail(flight, &flight->call.err);
        return;
    }
    store_lease_release(&flight->given.lease);
    store_lease_release(&flight->given.first);
    store_lease_unreserve(&flight->lease);
    connector_secrets_destroy(&flight->secrets);
    token_cache_unconfigure(&flight->configured);
    memset(flight->tokens_tried, 0, sizeof flight->tokens_tried);
    store_token_destroy(&flight->peer);
    store_token_destroy(&flight->row);
    store_token_destroy(&flight->slot);
    token_flight_call(flight, STORE_TOKEN_LOAD, flight->again);
}

/* The row's fingerprints are by another salt; those that can be are made anew. */
static void given_salt(struct flight *flight, struct store_token *row)
{
    const struct token_configured *configured = &flight->configured;
    token_cache_set(&row->configured_fingerprint, configured->refresh_fingerprint);
    token_cache_set(&row->application_fingerprint, configured->client_fingerprint);
    token_cache_set(&row->secret_fingerprint, NULL);
    token_cache_set(&row->subject_fingerprint, NULL);
    token_cache_set(&row->spent, NULL);
}

/* Both at once, so that neither name is left with a token that the other one will spend. */
static void given_swap(struct flight *flight)
{
    struct store_token *row = &flight->row, *peer = &flight->peer;
    struct store_token ours = *row;
    int64_t generation = row->generation > peer->generation ? row->generation : peer->generation;
    if (memcmp(flight->salt, flight->given.salt, sizeof flight->salt) != 0)
        given_salt(flight, peer);
    *row = *peer;
    *peer = ours;
    memcpy(row->owner, flight->owner, sizeof row->owner);
    memcpy(peer->owner, flight->given.owner, sizeof peer->owner);
    row->home = peer->home = flight->connector->home;
    row->generation = peer->generation = generation + 1;
    row->intent.generation = row->generation;
    if (flight->force || flight->worse_than > 0) {
        mem_free_secret(row->access_token);
        row->access_token = NULL;
    }
    log_msg(flight->tokens->log, LOG_INFO,
            "connector '%s' goes on with what the state had of its refresh token under another "
            "name or URL",
            flight->connector->name);
    flight->call = (struct store_call){
        .op = STORE_TOKEN_SAVE,
        .under = &flight->lease,
        .token = {.owner = flight->owner, .row = row, .slot = peer, .known = true}};
    store_start(flight->tokens->store, &flight->call, given_again, flight);
}

/* The same client at the same service; and no row is lost by it. */
static bool given_fits(struct flight *flight)
{
    const struct connector *connector = flight->connector;
    const struct store_token *row = &flight->row, *peer = &flight->peer;
    struct token_configured there;
    token_cache_configure(&there, connector, &flight->secrets, flight->given.salt);
    const char *host = flight->configured.service_host;
    bool fits = peer->refresh_token != NULL && peer->configured_fingerprint != NULL &&
                peer->application_fingerprint != NULL && peer->service_host != NULL &&
                host != NULL && strcmp(peer->service_host, host) == 0 &&
                strcmp(peer->configured_fingerprint, there.refresh_fingerprint) == 0 &&
                strcmp(peer->application_fingerprint, there.client_fingerprint) == 0;
    bool lossless = row->refresh_token == NULL ||
                    (row->intent.started_ms == 0 &&
                     memcmp(flight->salt, flight->given.salt, sizeof flight->salt) == 0);
    /* An intent says by a fingerprint of which token it is. */
    bool clear = peer->intent.started_ms == 0 ||
                 memcmp(flight->salt, flight->given.salt, sizeof flight->salt) == 0;
    token_cache_unconfigure(&there);
    return fits && lossless && clear;
}

static void given_loaded(void *arg)
{
    struct flight *flight = arg;
    if (flight->call.result < 0)
        token_flight_fail(flight, &flight->call.err);
    else if (given_fits(flight))
        given_swap(flight);
    else
        given_refuse(flight);
}

static bool given_taken(struct flight *flight, const struct err *failure)
{
    if (failure == NULL)
        return true;
    struct err err = *failure;
    if (err.kind == ERR_BUSY)
        err_set(&err, ERR_NETWORK,
                "another process is exchanging the token of another connector that has the "
                "same refresh token, and did not end in time");
    token_flight_fail(flight, &err);
    return false;
}

static void given_locked(void *arg, const struct err *failure)
{
    struct flight *flight = arg;
    if (!given_taken(flight, failure))
        return;
    flight->call = (struct store_call){
        .op = STORE_TOKEN_LOAD, .token = {.owner = flight->given.owner, .row = &flight->peer}};
    store_start(flight->tokens->store, &flight->call, given_loaded, flight);
}

/* ---- looking ---- */

/* The row that stands for it now is the one to be found, before those that once did. */
static bool given_seen(void *arg, const struct store_given *seen)
{
    struct flight *flight = arg;
    struct flight_given *given = &flight->given;
    char fingerprint[TOKEN_FINGERPRINT_SIZE];
    token_cache_fingerprint(seen->salt, PROVIDER_REFRESH_TOKEN, flight->configured.refresh_token,
                            fingerprint);
    bool now = seen->configured_fingerprint != NULL &&
               strcmp(seen->configured_fingerprint, fingerprint) == 0;
    bool once = seen->spent != NULL && strstr(seen->spent, fingerprint) != NULL;
    if (!now && (!once || given->owner[0] != '\0'))
        return false;
    snprintf(given->owner, sizeof given->owner, "%s", seen->owner);
    snprintf(given->home, sizeof given->home, "%s", seen->home != NULL ? seen->home : "");
    memcpy(given->salt, seen->salt, sizeof given->salt);
    given->now = now;
    return now;
}

static void given_looked(void *arg)
{
    struct flight *flight = arg;
    struct flight_given *given = &flight->given;
    struct tokens *tokens = flight->tokens;
    if (flight->call.result < 0) {
        token_flight_fail(flight, &flight->call.err);
    } else if (given->owner[0] == '\0') {
        given->send(flight);
    } else if (!given->now || strcmp(given->home, flight->connector->home) != 0 ||
               strcmp(given->owner, flight->owner) == 0) {
        given_refuse(flight);
    } else {
        /* Whoever begins with this token finds that row; and who has it may want this lease. */
        store_lease_release(&given->first);
        /* Two that want each other's do not wait equally long. */
        int64_t wait_ms = TOKEN_LOCK_WAIT_MS / (strcmp(flight->owner, given->owner) < 0 ? 2 : 20);
        store_lease_take(&given->lease, tokens->store, STORE_LEASE_TOKEN, given->owner,
                         loop_now_ms(tokens->loop) + wait_ms, given_locked, flight);
    }
}

static void given_ask(void *arg)
{
    struct flight *flight = arg;
    store_lease_keep(&flight->given.first, false);
    flight->call =
        (struct store_call){.op = STORE_TOKEN_GIVEN, .given = {.fn = given_seen, .arg = flight}};
    store_start(flight->tokens->store, &flight->call, given_looked, flight);
}

/* Whoever had it, on another host, may have exchanged and be about to store what came. */
static void given_look(void *arg, const struct err *failure)
{
    struct flight *flight = arg;
    if (!given_taken(flight, failure))
        return;
    if (flight->given.first.inherited) {
        store_lease_keep(&flight->given.first, true);
        loop_timer_start(flight->tokens->loop, &flight->store.again, TOKEN_AWAIT_MS, given_ask,
                         flight);
    } else {
        given_ask(flight);
    }
}

/* Of two connectors that begin with one token at once, the second finds the row of the first. */
void token_flight_check_given(struct flight *flight, loop_fn *send)
{
    struct tokens *tokens = flight->tokens;
    struct flight_given *given = &flight->given;
    store_lease_release(&given->first);
    *given = (struct flight_given){.send = send};
    snprintf(given->key, sizeof given->key, "%s", flight->configured.refresh_fingerprint);
    store_lease_take(&given->first, tokens->store, STORE_LEASE_TOKEN, given->key,
                     loop_now_ms(tokens->loop) + TOKEN_LOCK_WAIT_MS / 2, given_look, flight);
}

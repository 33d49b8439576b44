#include "token_flight_store.h"

#include "fault.h"
#include "token_flight_end.h"

#include <string.h>

#define AGAIN_MS     100 /* between two tries, doubled */
#define AGAIN_MAX_MS 2000
#define LOOK_MS      1000
#define MARGIN_MS    1000 /* before the run's deadline, so that it ends by what was wrong */

static void try_to_store(void *arg);

static void stored(struct flight *flight)
{
    fault_point(FAULT_TOKEN_STORED);
    if (flight->failure.kind != ERR_NONE)
        token_flight_fail(flight, &flight->failure);
    else
        token_flight_succeed(flight, TOKEN_EXCHANGE);
}

/* ---- it cannot be stored now ---- */

static void give_up(void *arg)
{
    struct flight *flight = arg;
    store_cancel(&flight->call);
    token_flight_fail(flight, &flight->store.err);
}

int64_t token_flight_store_begin(const struct tokens *tokens, const struct connector *connector,
                                 const struct err *err)
{
    int64_t limit_ms = fault_number(FAULT_TOKEN_STORE), left_ms = TOKEN_STORE_MS;
    if (limit_ms > 0)
        left_ms = limit_ms;
    if (tokens->deadline_ms > 0 &&
        tokens->deadline_ms - MARGIN_MS - loop_now_ms(tokens->loop) < left_ms)
        left_ms = tokens->deadline_ms - MARGIN_MS - loop_now_ms(tokens->loop);
    if (left_ms > 0)
        log_msg(tokens->log, LOG_WARN,
                "connector '%s': a new refresh token has come and cannot be stored; trying for up "
                "to %d s: %s",
                connector->name, (int)(left_ms / 1000), err->msg);
    return left_ms;
}

int64_t token_flight_store_pause_ms(int64_t before_ms)
{
    int64_t pause_ms = before_ms == 0 ? AGAIN_MS : before_ms * 2;
    return pause_ms < AGAIN_MAX_MS ? pause_ms : AGAIN_MAX_MS;
}

static void try_later(struct flight *flight)
{
    struct flight_store *store = &flight->store;
    struct tokens *tokens = flight->tokens;
    store->err = flight->call.err;
    if (!store->stuck) {
        int64_t left_ms = token_flight_store_begin(tokens, flight->connector, &store->err);
        if (left_ms <= 0) {
            token_flight_fail(flight, &store->err);
            return;
        }
        store->stuck = true;
        loop_timer_start(tokens->loop, &store->limit, left_ms, give_up, flight);
    }
    store->pause_ms = token_flight_store_pause_ms(store->pause_ms);
    loop_timer_start(tokens->loop, &store->again, store->pause_ms, try_to_store, flight);
}

/* ---- somebody else has taken the lock ---- */

/* What came may stand in the row all the same, stored by another process of this host; or what
 * somebody has brought since, who may have spent it. */
static void looked(void *arg)
{
    struct flight *flight = arg;
    struct store_token *row = token_flight_target(flight);
    const char *came = row->refresh_token, *there = flight->peer.refresh_token;
    if (flight->call.result > 0 && came != NULL && there != NULL && strcmp(came, there) == 0) {
        stored(flight);
        return;
    }
    store_token_destroy(row);
    *row = flight->peer;
    memset(&flight->peer, 0, sizeof flight->peer);
    token_cache_match(row, flight->asker != NULL ? flight->asker : flight->connector);
    if (flight->call.result > 0 &&
        token_cache_usable(row, flight->worse_than, flight->connector->early_ms,
                           store_clock(flight->tokens->store)))
        token_flight_succeed(flight, TOKEN_CACHE);
    else
        token_flight_fail(flight, &flight->store.err);
}

static void look_whether_there(struct flight *flight)
{
    flight->store.err = flight->call.err;
    store_token_destroy(&flight->peer);
    flight->call = (struct store_call){
        .op = STORE_TOKEN_LOAD, .token = {.owner = flight->slot_owner, .row = &flight->peer}};
    store_start(flight->tokens->store, &flight->call, looked, flight);
}

static void tried(void *arg)
{
    struct flight *flight = arg;
    const struct err *err = &flight->call.err;
    bool passes = err->kind == ERR_NETWORK && err->retryable;
    /* The configured token that was spent for it is another connector's, too, perhaps. */
    store_lease_keep(&flight->given.first, flight->call.result < 0 && flight->rotated);
    if (flight->call.result >= 0) {
        loop_timer_stop(flight->tokens->loop, &flight->store.limit);
        stored(flight);
    } else if (flight->rotated && passes) {
        try_later(flight);
    } else if (flight->rotated && err->kind == ERR_LOST) {
        look_whether_there(flight);
    } else {
        token_flight_fail(flight, err);
    }
}

static void try_to_store(void *arg)
{
    token_flight_call(arg, STORE_TOKEN_SAVE, tried);
}

void token_flight_store(struct flight *flight)
{
    try_to_store(flight);
}

/* ---- another host may be about to store what came to it ---- */

static void load_again(void *arg)
{
    struct flight *flight = arg;
    store_lease_keep(&flight->lease, false);
    store_token_destroy(&flight->row);
    store_token_destroy(&flight->slot);
    token_flight_call(flight, STORE_TOKEN_LOAD, flight->again);
}

bool token_flight_store_awaits(struct flight *flight)
{
    struct flight_store *store = &flight->store;
    struct loop *loop = flight->tokens->loop;
    if (!flight->lease.inherited || flight->row.intent.started_ms == 0)
        return false;
    if (store->awaited_ms == 0) {
        store->awaited_ms = loop_now_ms(loop) + TOKEN_AWAIT_MS;
        log_msg(flight->tokens->log, LOG_INFO,
                "connector '%s': the exchange of another host (%s) has not ended; waiting up to %d "
                "s for what may have come to it",
                flight->connector->name, flight->row.intent.host, TOKEN_AWAIT_MS / 1000);
    }
    if (loop_now_ms(loop) >= store->awaited_ms)
        return false;
    /* Where this process ends now, others wait anew. */
    store_lease_keep(&flight->lease, true);
    loop_timer_start(loop, &store->again, LOOK_MS, load_again, flight);
    return true;
}

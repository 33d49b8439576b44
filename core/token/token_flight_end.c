#include "token_flight_end.h"

#include "mem.h"
#include "token_request.h"

/* Where the access token is. */
struct store_token *token_flight_target(struct flight *flight)
{
    return flight->asker != NULL ? &flight->slot : &flight->row;
}

static void release(struct flight *flight)
{
    store_lease_release(&flight->lease);
    store_lease_release(&flight->given.lease);
    store_lease_release(&flight->given.first);
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
    loop_timer_stop(flight->tokens->loop, &flight->store.again);
    loop_timer_stop(flight->tokens->loop, &flight->store.limit);
    release(flight);
    connector_secrets_destroy(&flight->secrets);
    token_cache_unconfigure(&flight->configured);
    store_token_destroy(&flight->row);
    store_token_destroy(&flight->slot);
    store_token_destroy(&flight->peer);
    mem_free(flight);
}

/* Every waiter gets the error. Each is removed first, since its callback may ask again, or cancel
 * another waiter. */
void token_flight_fail(struct flight *flight, const struct err *err)
{
    struct err copy = *err;
    if (!copy.named)
        err_wrap(&copy, "connector '%s'", flight->connector->name);
    flight->ending = true;
    release(flight);
    struct token_request *request;
    while ((request = flight->waiters) != NULL) {
        token_request_remove(&flight->waiters, request);
        token_request_finish(request, NULL, &copy);
    }
    token_flight_free(flight);
}

void token_flight_succeed(struct flight *flight, enum token_source source)
{
    flight->ending = true;
    release(flight);
    struct token_request *request;
    while ((request = flight->waiters) != NULL) {
        token_request_remove(&flight->waiters, request);
        token_request_finish_row(request, token_flight_target(flight), source);
    }
    token_flight_free(flight);
}

void token_flight_call(struct flight *flight, enum store_op op, loop_fn *done)
{
    flight->call = (struct store_call){.op = op};
    if (op == STORE_SALT) {
        flight->call.salt.bytes = flight->salt;
        flight->call.salt.owner = flight->owner;
    } else {
        flight->call.token.owner = flight->owner;
        flight->call.token.row = &flight->row;
        flight->call.token.known = flight->saves;
        flight->call.token.home = flight->connector->home;
    }
    flight->row.home = flight->connector->home;
    if (op == STORE_TOKEN_SAVE && flight->asker != NULL)
        flight->call.token.slot = &flight->slot;
    if (op == STORE_TOKEN_SAVE || op == STORE_TOKEN_INTENT)
        flight->call.under = &flight->lease;
    store_start(flight->tokens->store, &flight->call, done, flight);
}

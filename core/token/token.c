#include "token.h"

#include "connector.h"
#include "mem.h"
#include "token_flight.h"
#include "token_flight_end.h"
#include "token_request.h"

#include <string.h>

#define SETTLE_MS 500 /* what tokens_free waits for a reply that may hold a new refresh token */

static void request_join(struct token_request *request)
{
    struct tokens *tokens = request->tokens;
    struct flight *flight = token_flight_join(request);
    token_request_remove(&tokens->requests, request);
    token_request_append(&flight->waiters, request);
    request->flight = flight;
}

static void request_loaded(void *arg)
{
    struct token_request *request = arg;
    struct tokens *tokens = request->tokens;
    if (request->call.result < 0) {
        struct err err = request->call.err;
        token_request_remove(&tokens->requests, request);
        token_request_finish(request, NULL, &err);
        return;
    }
    struct store_token row = request->row; /* longer than the request */
    memset(&request->row, 0, sizeof request->row);
    if (request->query.force && row.generation > request->query.worse_than)
        request->query.worse_than = row.generation;
    token_request_hide(tokens, request->connector, row.access_token);
    token_request_hide(tokens, request->connector, row.refresh_token);
    token_request_hide(tokens, request->connector, row.refresh_previous);
    token_cache_match(&row, request->connector);
    if (token_cache_usable(&row, request->query.worse_than,
                           connector_owner(request->connector)->early_ms,
                           store_clock(tokens->store))) {
        token_request_remove(&tokens->requests, request);
        token_request_finish_row(request, &row, TOKEN_CACHE);
    } else {
        request_join(request);
    }
    store_token_destroy(&row);
}

static void request_start(void *arg)
{
    struct token_request *request = arg;
    provider_of(request->connector)
        ->owner(request->connector, request->connector->home, request->owner);
    request->call = (struct store_call){.op = STORE_TOKEN_LOAD,
                                        .token = {.owner = request->owner, .row = &request->row}};
    store_start(request->tokens->store, &request->call, request_loaded, request);
}

struct token_request *token_get(struct tokens *tokens, const struct connector *connector,
                                const struct token_query *query, token_done_fn *done, void *arg)
{
    struct token_request *request = token_request_new(tokens, done, arg);
    request->connector = connector->slot ? connector : connector_owner(connector);
    if (query != NULL)
        request->query = *query;
    loop_timer_start(tokens->loop, &request->timer, 0, request_start, request);
    return request;
}

void token_cancel(struct token_request *request)
{
    struct tokens *tokens = request->tokens;
    struct flight *flight = request->flight;
    loop_timer_stop(tokens->loop, &request->timer);
    token_request_remove(flight != NULL ? &flight->waiters : &tokens->requests, request);
    if (request->exchange != NULL)
        exchange_cancel(request->exchange);
    store_cancel(&request->call);
    mem_free(request);
    /* No request waits any more: release the lock, unless a reply may be on its way, or is here and
     * cannot be stored. */
    if (flight != NULL && flight->waiters == NULL && !flight->ending &&
        !token_flight_on_wire(flight) && !flight->store.stuck)
        token_flight_free(flight);
}

static void request_exchanged(void *arg, const struct exchange_result *result,
                              const struct err *err)
{
    struct token_request *request = arg;
    struct tokens *tokens = request->tokens;
    request->exchange = NULL;
    token_request_remove(&tokens->requests, request);
    if (err != NULL) {
        token_request_finish(request, NULL, err);
        return;
    }
    const struct provider_token *came = &result->token;
    int64_t now_ms = clock_now_ms(loop_clock(tokens->loop), CLOCK_WALL);
    token_request_hide(tokens, request->connector, came->access_token);
    token_request_hide(tokens, request->connector, came->refresh_token);
    const struct token token = {
        .access_token = came->access_token,
        .endpoint_url = came->endpoint_url,
        .scope = came->scope != NULL ? came->scope : "",
        .expires_at_ms = came->lifetime_ms > 0 ? now_ms + came->lifetime_ms : 0,
        .token_type = came->token_type,
        .source = TOKEN_EXCHANGE,
        .refresh_token = came->refresh_token,
    };
    token_request_finish(request, &token, NULL);
}

struct token_request *token_exchange(struct tokens *tokens, const struct connector *connector,
                                     struct connector_secrets *secrets, token_done_fn *done,
                                     void *arg)
{
    struct token_request *request = token_request_new(tokens, done, arg);
    request->connector = connector;
    for (size_t i = 0; i < secrets->count; i++)
        token_request_hide(tokens, connector, secrets->items[i].value);
    const struct exchange_options options = {
        .redact = tokens->redact,
        .connector = connector,
        .secrets = secrets,
        .tokens = {connector_secrets_get(secrets, PROVIDER_REFRESH_TOKEN)},
        .ntokens = 1,
        .deadline_ms = tokens->deadline_ms,
    };
    tokens->exchanges++;
    request->exchange = exchange_start(tokens->loop, &tokens->transport, tokens->log, &options,
                                       request_exchanged, request);
    return request;
}

bool tokens_is_busy(const struct tokens *tokens)
{
    return tokens->requests != NULL || tokens->flights != NULL;
}

int64_t tokens_exchanges(const struct tokens *tokens)
{
    return tokens->exchanges;
}

static int forget(struct tokens *tokens, const struct connector *connector, struct err *err)
{
    char owner[STORE_OWNER_SIZE];
    struct store_call call = {.op = STORE_TOKEN_DELETE, .token = {.owner = owner}};
    provider_of(connector)->owner(connector, connector->home, owner);
    return store_wait(tokens->store, &call, err);
}

int token_forget(struct tokens *tokens, const struct connector *connector, struct err *err)
{
    const struct connector *owner = connector_owner(connector), *slot;
    size_t from = 0;
    while ((slot = token_slot_next(tokens, owner, &from)) != NULL) {
        if (forget(tokens, slot, err) != 0)
            return -1;
    }
    return forget(tokens, owner, err);
}

int token_set_endpoint(struct tokens *tokens, const struct connector *connector,
                       const char *endpoint_url, struct token_move *move, loop_fn *done, void *arg,
                       struct err *err)
{
    if (connector_allows(connector, endpoint_url, err) != 0)
        return -1;
    provider_of(connector)->owner(connector, connector->home, move->owner);
    move->call = (struct store_call){.op = STORE_TOKEN_ENDPOINT,
                                     .token = {.owner = move->owner, .endpoint_url = endpoint_url}};
    store_start(tokens->store, &move->call, done, arg);
    return 0;
}

void token_bar(struct tokens *tokens, const struct connector *connector, int64_t generation,
               struct token_move *move, loop_fn *done, void *arg)
{
    const struct connector *owner = connector_owner(connector);
    if (!provider_of(owner)->single_use) {
        done(arg);
        return;
    }
    connector = connector->slot ? connector : owner;
    provider_of(connector)->owner(connector, connector->home, move->owner);
    move->call = (struct store_call){.op = STORE_TOKEN_BAR,
                                     .token = {.owner = move->owner, .generation = generation}};
    store_start(tokens->store, &move->call, done, arg);
}

struct tokens *tokens_new(struct loop *loop, const struct transport *transport, struct store *store,
                          struct redact *redact, struct log *log)
{
    struct tokens *tokens = mem_alloc(sizeof *tokens);
    tokens->loop = loop;
    tokens->transport = *transport;
    tokens->store = store;
    tokens->redact = redact;
    tokens->log = log;
    return tokens;
}

void tokens_set_config(struct tokens *tokens, const struct config *config)
{
    tokens->config = config;
}

void tokens_set_deadline(struct tokens *tokens, int64_t deadline_ms)
{
    tokens->deadline_ms = deadline_ms;
}

bool tokens_spend_on_wire(const struct tokens *tokens)
{
    return tokens->spends > 0;
}

bool tokens_on_wire(const struct tokens *tokens)
{
    if (tokens_spend_on_wire(tokens))
        return true;
    for (const struct flight *flight = tokens->flights; flight != NULL; flight = flight->next) {
        if (token_flight_on_wire(flight))
            return true;
    }
    return false;
}

static size_t count_waiters(const struct flight *flight)
{
    size_t count = 0;
    for (const struct token_request *request = flight->waiters; request != NULL;
         request = request->next)
        count++;
    return count;
}

void tokens_free(struct tokens *tokens)
{
    if (tokens == NULL)
        return;
    while (tokens->requests != NULL)
        token_cancel(tokens->requests);
    struct flight *next;
    for (struct flight *flight = tokens->flights; flight != NULL; flight = next) {
        next = flight->next;
        for (size_t left = count_waiters(flight); left > 0; left--)
            token_cancel(flight->waiters); /* the last one may free the flight */
    }
    int64_t until_ms = loop_now_ms(tokens->loop) + SETTLE_MS;
    while (tokens_on_wire(tokens) && loop_now_ms(tokens->loop) < until_ms)
        loop_turn(tokens->loop, until_ms - loop_now_ms(tokens->loop));
    while (tokens->flights != NULL)
        token_flight_free(tokens->flights);
    mem_free(tokens);
}

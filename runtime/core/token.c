#include "token.h"

#include "clock.h"
#include "exchange.h"
#include "fault.h"
#include "lock.h"
#include "mem.h"
#include "token_cache.h"
#include "url.h"

#include <stdio.h>
#include <string.h>

#define SETTLE_MS 500 /* what tokens_free waits for a reply that may hold a new refresh token */

/* Somebody who wants a token: first alone (timer), then among a flight's waiters. */
struct token_request {
    struct tokens *tokens;
    const struct connector *connector;
    struct token_query query;
    token_done_fn *done;
    void *arg;
    struct loop_timer timer;
    struct flight *flight;     /* whose waiter it is */
    struct exchange *exchange; /* token_exchange: its own */
    struct token_request *next;
};

/* One exchange of this process for one connector, from waiting for the lock to the stored result.
 */
struct flight {
    struct tokens *tokens;
    const struct connector *connector;
    struct store_token row;
    int64_t worse_than; /* the highest of the waiters' when the lock came */
    struct lock lock;
    struct exchange *exchange;
    struct buf configured; /* the configured refresh token */
    bool has_configured;
    char configured_fingerprint[TOKEN_FINGERPRINT_SIZE];
    char application_fingerprint[TOKEN_FINGERPRINT_SIZE];
    struct token_candidates candidates;
    struct token_request *waiters;
    bool ending; /* waiters are being told; the flight frees itself */
    struct flight *next;
};

struct tokens {
    struct loop *loop;
    struct http *http;
    struct store *store;
    struct redact *redact;
    struct log *log;
    int64_t deadline_ms;
    struct token_request *requests; /* that are no flight's waiters */
    struct flight *flights;
};

static void list_remove(struct token_request **list, struct token_request *request)
{
    while (*list != NULL && *list != request)
        list = &(*list)->next;
    if (*list != NULL)
        *list = request->next;
    request->next = NULL;
}

static void list_append(struct token_request **list, struct token_request *request)
{
    while (*list != NULL)
        list = &(*list)->next;
    *list = request;
}

static void add_secret(struct tokens *tokens, const char *secret)
{
    if (secret != NULL)
        redact_add(tokens->redact, secret, strlen(secret));
}

/* Ends a request that is in no list any more. */
static void request_finish(struct token_request *request, const struct token *token,
                           const struct err *err)
{
    loop_timer_stop(request->tokens->loop, &request->timer);
    token_done_fn *done = request->done;
    void *arg = request->arg;
    mem_free(request);
    done(arg, token, err);
}

static void request_finish_row(struct token_request *request, const struct store_token *row,
                               enum token_source source)
{
    const struct token token = {
        .access_token = row->access_token,
        .endpoint_url = row->endpoint_url,
        .scope = row->scope != NULL ? row->scope : "",
        .expires_at_ms = clock_wall_ms() + token_cache_remaining_ms(row),
        .generation = row->generation,
        .refresh_since_ms = row->refresh_token != NULL ? row->refresh_since_ms : 0,
        .source = source,
    };
    request_finish(request, &token, NULL);
}

/* ---- flights ---- */

static void flight_free(struct flight *flight)
{
    struct flight **at = &flight->tokens->flights;
    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    if (flight->exchange != NULL)
        exchange_cancel(flight->exchange);
    lock_release(&flight->lock);
    buf_destroy(&flight->configured);
    store_token_destroy(&flight->row);
    mem_free(flight);
}

/* Every waiter gets the error. It is released first: a callback may ask again, or cancel another
 * waiter. */
static void flight_fail(struct flight *flight, const struct err *err)
{
    struct err copy = *err;
    err_wrap(&copy, "connector '%s'", flight->connector->name);
    flight->ending = true;
    lock_release(&flight->lock);
    struct token_request *request;
    while ((request = flight->waiters) != NULL) {
        list_remove(&flight->waiters, request);
        request_finish(request, NULL, &copy);
    }
    flight_free(flight);
}

static void flight_succeed(struct flight *flight, enum token_source source)
{
    flight->ending = true;
    lock_release(&flight->lock);
    struct token_request *request;
    while ((request = flight->waiters) != NULL) {
        list_remove(&flight->waiters, request);
        request_finish_row(request, &flight->row, source);
    }
    flight_free(flight);
}

static int check_endpoint(const struct connector *connector, const char *endpoint_url,
                          struct err *err)
{
    struct url url;
    if (url_parse(endpoint_url, &url, err) != 0)
        return -1;
    int result = host_check(&url, (const char *const *)connector->allow_hosts,
                            connector->token_service, err);
    url_destroy(&url);
    return result;
}

static void flight_exchanged(void *arg, const struct exchange_result *result,
                             const struct err *failure)
{
    struct flight *flight = arg;
    struct tokens *tokens = flight->tokens;
    flight->exchange = NULL;
    if (failure != NULL) {
        flight_fail(flight, failure);
        return;
    }
    add_secret(tokens, result->token.access_token);
    add_secret(tokens, result->token.refresh_token);
    fault_point(FAULT_TOKEN_RECEIVED);

    struct err err;
    struct store_token *row = &flight->row;
    int allowed = check_endpoint(flight->connector, result->token.endpoint_url, &err);
    if (row->generation < flight->worse_than)
        row->generation = flight->worse_than;
    row->generation++;
    token_cache_apply(row, result, flight->candidates.tokens[result->used],
                      flight->has_configured ? flight->configured.data : NULL,
                      flight->configured_fingerprint, allowed == 0);
    mem_free(row->application_fingerprint);
    row->application_fingerprint = mem_strdup(flight->application_fingerprint);

    struct err store_err;
    if (store_token_save(tokens->store, row, &store_err) != 0) {
        flight_fail(flight, &store_err);
        return;
    }
    fault_point(FAULT_TOKEN_STORED);
    if (allowed != 0) {
        err_wrap(&err, "the endpoint that came with the token");
        err.kind = ERR_AUTH;
        flight_fail(flight, &err);
        return;
    }
    flight_succeed(flight, TOKEN_EXCHANGE);
}

/* What the row holds was got with another application ID: of no use, but generations go on. */
static void flight_check_application(struct flight *flight)
{
    struct store_token *row = &flight->row;
    if (row->application_fingerprint == NULL ||
        strcmp(row->application_fingerprint, flight->application_fingerprint) == 0)
        return;
    struct store_token fresh = {.generation = row->generation};
    memcpy(fresh.owner, row->owner, sizeof fresh.owner);
    store_token_destroy(row);
    *row = fresh;
}

static int flight_read_secrets(struct flight *flight, struct buf *id, struct buf *secret,
                               struct err *err)
{
    const struct connector *connector = flight->connector;
    struct tokens *tokens = flight->tokens;
    unsigned char salt[32];
    if (store_salt(tokens->store, salt, err) != 0 ||
        secret_read(&connector->application_id, tokens->redact, tokens->deadline_ms, id, err) !=
            0 ||
        secret_read(&connector->application_secret, tokens->redact, tokens->deadline_ms, secret,
                    err) != 0)
        return -1;
    token_cache_fingerprint(salt, "application_id", id->data, flight->application_fingerprint);
    flight_check_application(flight);
    flight->has_configured = connector->refresh_token.kind != SECRET_NONE;
    if (flight->has_configured) {
        if (secret_read(&connector->refresh_token, tokens->redact, tokens->deadline_ms,
                        &flight->configured, err) != 0)
            return -1;
        token_cache_fingerprint(salt, "refresh_token", flight->configured.data,
                                flight->configured_fingerprint);
    }
    return 0;
}

static void flight_exchange(struct flight *flight)
{
    const struct connector *connector = flight->connector;
    struct tokens *tokens = flight->tokens;
    struct buf id, secret;
    struct err err;
    buf_create_secret(&id, SECRET_BYTES_MAX);
    buf_create_secret(&secret, SECRET_BYTES_MAX);
    int result = flight_read_secrets(flight, &id, &secret, &err);
    if (result == 0) {
        token_cache_candidates(&flight->row,
                               flight->has_configured ? flight->configured.data : NULL,
                               flight->configured_fingerprint, &flight->candidates);
        add_secret(tokens, flight->row.refresh_token);
        add_secret(tokens, flight->row.refresh_previous);
        if (flight->candidates.count == 0)
            result =
                err_set(&err, ERR_CONFIG, "no refresh token is known; set 'refresh_token' in %s",
                        connector->file);
    }
    if (result == 0) {
        struct exchange_options options = {
            .token_service = connector->token_service,
            .service_override = flight->row.service_override,
            .application_id = id.data,
            .application_secret = secret.data,
            .nrefresh_tokens = flight->candidates.count,
            .allow_hosts = (const char *const *)connector->allow_hosts,
            .ca_file = connector->ca_file,
            .timeout_ms = connector->timeout_ms,
            .retries = connector->retries,
            .deadline_ms = tokens->deadline_ms,
        };
        memcpy(options.refresh_tokens, flight->candidates.tokens, sizeof options.refresh_tokens);
        flight->exchange = exchange_start(tokens->loop, tokens->http, tokens->log, &options,
                                          flight_exchanged, flight);
    }
    buf_destroy(&id);
    buf_destroy(&secret);
    if (result != 0)
        flight_fail(flight, &err);
}

static void flight_locked(void *arg, const struct err *failure)
{
    struct flight *flight = arg;
    struct tokens *tokens = flight->tokens;
    struct err err;
    if (failure != NULL && failure->kind == ERR_BUSY) {
        bool late = tokens->deadline_ms > 0 && clock_mono_ms() >= tokens->deadline_ms;
        err_set(&err, late ? ERR_DEADLINE : ERR_NETWORK,
                "another process is exchanging this connector's token and did not end in time");
        failure = &err;
    }
    if (failure != NULL) {
        flight_fail(flight, failure);
        return;
    }
    fault_point(FAULT_TOKEN_LOCKED);
    char owner[STORE_OWNER_SIZE];
    memcpy(owner, flight->row.owner, sizeof owner);
    store_token_destroy(&flight->row);
    if (store_token_load(tokens->store, owner, &flight->row, &err) < 0) {
        flight_fail(flight, &err);
        return;
    }
    add_secret(tokens, flight->row.access_token);
    for (const struct token_request *w = flight->waiters; w != NULL; w = w->next) {
        if (w->query.worse_than > flight->worse_than)
            flight->worse_than = w->query.worse_than;
    }
    if (token_cache_usable(&flight->row, flight->worse_than))
        flight_succeed(flight, TOKEN_CACHE); /* another process was quicker */
    else
        flight_exchange(flight);
}

static struct flight *flight_new(struct token_request *request, const char *owner)
{
    struct tokens *tokens = request->tokens;
    struct flight *flight = mem_alloc(sizeof *flight);
    flight->tokens = tokens;
    flight->connector = request->connector;
    memcpy(flight->row.owner, owner, sizeof flight->row.owner);
    buf_create_secret(&flight->configured, SECRET_BYTES_MAX);
    lock_create(&flight->lock, tokens->loop);
    flight->next = tokens->flights;
    tokens->flights = flight;

    int64_t give_up_ms = clock_mono_ms() + TOKEN_LOCK_WAIT_MS;
    if (tokens->deadline_ms > 0 && tokens->deadline_ms < give_up_ms)
        give_up_ms = tokens->deadline_ms;
    char name[STORE_OWNER_SIZE + 8];
    snprintf(name, sizeof name, "token-%.32s", owner);
    lock_wait(&flight->lock, store_folder(tokens->store), name, give_up_ms, flight_locked, flight);
    return flight;
}

/* ---- requests ---- */

static void request_join(struct token_request *request, const char *owner)
{
    struct tokens *tokens = request->tokens;
    struct flight *flight = tokens->flights;
    while (flight != NULL && strcmp(flight->row.owner, owner) != 0)
        flight = flight->next;
    if (flight == NULL)
        flight = flight_new(request, owner);
    list_remove(&tokens->requests, request);
    list_append(&flight->waiters, request);
    request->flight = flight;
}

static void request_start(void *arg)
{
    struct token_request *request = arg;
    struct tokens *tokens = request->tokens;
    char owner[STORE_OWNER_SIZE];
    token_cache_owner(request->connector, owner);
    struct store_token row;
    struct err err;
    if (store_token_load(tokens->store, owner, &row, &err) < 0) {
        list_remove(&tokens->requests, request);
        request_finish(request, NULL, &err);
        return;
    }
    if (request->query.force && row.generation > request->query.worse_than)
        request->query.worse_than = row.generation;
    add_secret(tokens, row.access_token);
    if (token_cache_usable(&row, request->query.worse_than)) {
        list_remove(&tokens->requests, request);
        request_finish_row(request, &row, TOKEN_CACHE);
    } else {
        request_join(request, owner);
    }
    store_token_destroy(&row);
}

static struct token_request *request_new(struct tokens *tokens, token_done_fn *done, void *arg)
{
    struct token_request *request = mem_alloc(sizeof *request);
    request->tokens = tokens;
    request->done = done;
    request->arg = arg;
    request->next = tokens->requests;
    tokens->requests = request;
    return request;
}

struct token_request *token_get(struct tokens *tokens, const struct connector *connector,
                                const struct token_query *query, token_done_fn *done, void *arg)
{
    struct token_request *request = request_new(tokens, done, arg);
    request->connector = connector;
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
    list_remove(flight != NULL ? &flight->waiters : &tokens->requests, request);
    if (request->exchange != NULL)
        exchange_cancel(request->exchange);
    mem_free(request);
    /* Nobody waits any more: give the lock to others, unless a reply is on its way. */
    if (flight != NULL && flight->waiters == NULL && !flight->ending &&
        !(flight->exchange != NULL && exchange_on_wire(flight->exchange)))
        flight_free(flight);
}

static void request_exchanged(void *arg, const struct exchange_result *result,
                              const struct err *err)
{
    struct token_request *request = arg;
    struct tokens *tokens = request->tokens;
    request->exchange = NULL;
    list_remove(&tokens->requests, request);
    if (err != NULL) {
        request_finish(request, NULL, err);
        return;
    }
    add_secret(tokens, result->token.access_token);
    add_secret(tokens, result->token.refresh_token);
    const struct token token = {
        .access_token = result->token.access_token,
        .endpoint_url = result->token.endpoint_url,
        .scope = result->token.scope,
        .expires_at_ms = clock_wall_ms() + result->token.lifetime_ms,
        .source = TOKEN_EXCHANGE,
        .refresh_token = result->token.refresh_token,
    };
    request_finish(request, &token, NULL);
}

struct token_request *token_exchange(struct tokens *tokens,
                                     const struct token_credentials *credentials,
                                     token_done_fn *done, void *arg)
{
    struct token_request *request = request_new(tokens, done, arg);
    add_secret(tokens, credentials->application_secret);
    add_secret(tokens, credentials->refresh_token);
    char *token_service = wire_base(credentials->token_service);
    const struct exchange_options options = {
        .token_service = token_service,
        .application_id = credentials->application_id,
        .application_secret = credentials->application_secret,
        .refresh_tokens = {credentials->refresh_token},
        .nrefresh_tokens = 1,
        .allow_hosts = credentials->allow_hosts,
        .ca_file = credentials->ca_file,
        .timeout_ms = credentials->timeout_ms,
        .retries = credentials->retries,
        .deadline_ms = tokens->deadline_ms,
    };
    request->exchange = exchange_start(tokens->loop, tokens->http, tokens->log, &options,
                                       request_exchanged, request);
    mem_free(token_service);
    return request;
}

int token_forget(struct tokens *tokens, const struct connector *connector, struct err *err)
{
    char owner[STORE_OWNER_SIZE];
    token_cache_owner(connector, owner);
    return store_token_delete(tokens->store, owner, err);
}

int token_set_endpoint(struct tokens *tokens, const struct connector *connector,
                       const char *endpoint_url, struct err *err)
{
    char owner[STORE_OWNER_SIZE];
    token_cache_owner(connector, owner);
    if (check_endpoint(connector, endpoint_url, err) != 0)
        return -1;
    return store_token_set_endpoint(tokens->store, owner, endpoint_url, err);
}

struct tokens *tokens_new(struct loop *loop, struct http *http, struct store *store,
                          struct redact *redact, struct log *log)
{
    struct tokens *tokens = mem_alloc(sizeof *tokens);
    tokens->loop = loop;
    tokens->http = http;
    tokens->store = store;
    tokens->redact = redact;
    tokens->log = log;
    return tokens;
}

void tokens_set_deadline(struct tokens *tokens, int64_t deadline_ms)
{
    tokens->deadline_ms = deadline_ms;
}

static bool answer_is_near(const struct tokens *tokens)
{
    for (const struct flight *flight = tokens->flights; flight != NULL; flight = flight->next) {
        if (flight->exchange != NULL && exchange_on_wire(flight->exchange))
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
    int64_t until_ms = clock_mono_ms() + SETTLE_MS;
    while (answer_is_near(tokens) && clock_mono_ms() < until_ms)
        loop_turn(tokens->loop, until_ms - clock_mono_ms());
    while (tokens->flights != NULL)
        flight_free(tokens->flights);
    mem_free(tokens);
}

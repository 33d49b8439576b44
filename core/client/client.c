#include "client.h"

#include "client_tls.h"
#include "client_url.h"
#include "clock.h"
#include "http_method.h"
#include "limit.h"
#include "mem.h"
#include "provider.h"
#include "retry.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LONG_WAIT_MS 1000 /* after one the token may be another */
#define EARLY_TRIES  3    /* of a token that was just made: after 1, 2 and 3 s */
#define EARLY_MS     10000

struct client {
    struct loop *loop;
    struct transport transport;
    struct tokens *tokens;
    struct redact *redact;
    struct log *log;
    int64_t deadline_ms;
    struct client_tls *tls;
    int64_t requests;
    struct limits *limits;
    struct client_call *calls;
};

struct client_call {
    struct client *client;
    const struct connector *connector;
    struct client_request options; /* the caller's texts; copies follow: */
    struct http_request *request;  /* a copy, without what each try adds */
    struct http_header *headers;   /* the request's and, last, the access token */
    char *target;                  /* options.path */
    char *query;
    char *path;     /* below the endpoint, as the provider writes it; NULL for an absolute URL */
    char *endpoint; /* where a 308 sent this call */
    struct token_move move; /* while that is written down */
    client_done_fn *done;
    void *arg;

    struct token_request *token_request;
    void *transfer; /* of the transport */
    struct retry retry;
    struct limit *limit; /* NULL: none */
    struct limit_wait wait;
    bool counted;                     /* in the limit, and not sent yet */
    char *granted_at;                 /* the endpoint that came with the token */
    struct http_header authorization; /* its value is ours */
    char *scope;
    int64_t generation;
    char *url;                    /* of the request under way */
    bool ahead;                   /* its connection is being made while the token is fetched */
    int64_t came_ms;              /* when the token was received, by the loop's clock */
    int64_t early;                /* 401s that may only mean that it has not got about yet */
    bool renewed;                 /* the one exchange after a 401 has been */
    bool reidentified;            /* likewise, after a refusal of our certificate */
    int64_t identity;             /* its version */
    int64_t worse_than;           /* the generation that heard it */
    struct http_response refusal; /* that 401, while another token is looked for */
    struct err refused;           /* in words */
    int moves;
    struct err last;
    struct client_call *next;
};

static void call_begin(void *arg);

static void call_free(struct client_call *call)
{
    struct client_call **at = &call->client->calls;
    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    retry_stop(&call->retry);
    limit_wait_stop(&call->wait);
    if (call->token_request != NULL)
        token_cancel(call->token_request);
    transport_cancel(&call->client->transport, call->transfer);
    store_cancel(&call->move.call);
    http_request_free(call->request);
    mem_free(call->headers);
    mem_free_secret(call->target);
    mem_free_secret(call->query);
    mem_free_secret(call->path);
    mem_free(call->endpoint);
    mem_free(call->granted_at);
    mem_free_secret(call->authorization.value);
    mem_free(call->scope);
    mem_free_secret(call->url);
    http_response_clear(&call->refusal);
    mem_free(call);
}

static void call_finish(struct client_call *call, struct http_response *response,
                        const struct err *err)
{
    call->done(call->arg, response, err);
    call_free(call);
}

static void call_fail(struct client_call *call, struct http_response *response)
{
    bool wanted = call->options.any_status && response != NULL;
    call_finish(call, response, wanted ? NULL : &call->last);
}

/* The connection broke, or the service failed. */
static void call_broken(struct client_call *call, bool may_repeat, struct http_response *response)
{
    retry_told(response, &call->last);
    if (!may_repeat || !retry_broken(&call->retry, response, &call->last))
        call_fail(call, response);
}

/* "GET https://host/path": the query stays out of errors. */
static void call_label(struct client_call *call)
{
    err_text(call->last.request, sizeof call->last.request, "%s %.*s", call->request->method,
             (int)strcspn(call->url, "?"), call->url);
}

static void call_move_failed(struct client_call *call, struct http_response *response)
{
    call_label(call);
    call->last.status = 308;
    call_finish(call, response, &call->last);
}

static void call_move_written(void *arg)
{
    struct client_call *call = arg;
    if (call->move.call.result < 0) {
        call->last = call->move.call.err;
        call_move_failed(call, NULL);
        return;
    }
    log_msg(call->client->log, LOG_INFO, "the endpoint moved to %s", call->endpoint);
    call_begin(call);
}

static void call_moved(struct client_call *call, struct http_response *response)
{
    const struct provider *provider = provider_of(call->connector);
    char *endpoint = NULL;
    int result;
    if (call->path == NULL)
        result = err_set(&call->last, ERR_HTTP,
                         "308: it has moved; redirects of an absolute URL are not followed");
    else if (++call->moves > CLIENT_MOVES_MAX)
        result = err_set(&call->last, ERR_HTTP, "the endpoint moved over %d times in a row (308)",
                         CLIENT_MOVES_MAX);
    else
        result = provider->moved(response, call->url, call->path, &endpoint, &call->last);
    if (result == 0) {
        mem_free(call->endpoint);
        call->endpoint = endpoint;
        result = token_set_endpoint(call->client->tokens, call->connector, endpoint, &call->move,
                                    call_move_written, call, &call->last);
    }
    if (result != 0)
        call_move_failed(call, response);
}

/* A second 401. */
static void call_barred(void *arg)
{
    struct client_call *call = arg;
    if (call->move.call.result < 0)
        log_msg(call->client->log, LOG_WARN, "%s", call->move.call.err.msg);
    call_fail(call, &call->refusal);
}

static bool may_repeat(const struct client_call *call)
{
    return call->options.repeatable || http_method_is_repeatable(call->request->method);
}

/* A 401 to a token that the service has only just given, and may not know everywhere. */
static bool wait_for_token(struct client_call *call)
{
    const struct connector *owner = connector_owner(call->connector);
    const struct provider *provider = provider_of(owner);
    struct err why = call->last;
    int64_t age_ms = loop_now_ms(call->client->loop) - call->came_ms;
    if (age_ms < 0 || age_ms >= EARLY_MS || call->early >= EARLY_TRIES ||
        call->connector->retries == 0 || provider->lags == NULL || !provider->lags(owner))
        return false;
    return retry_later(&call->retry, 1000 * ++call->early, &why);
}

/* The file will come, but has not. */
static void call_promised(struct client_call *call, bool repeatable, struct http_response *response)
{
    err_set(&call->last, ERR_HTTP, "202: the service has not got the file ready yet");
    call->last.status = response->status;
    call->last.retryable = true;
    call_label(call);
    call_broken(call, repeatable, response);
}

static struct client_tls_reader tls_reader(const struct client *client)
{
    return (struct client_tls_reader){loop_now_ms(client->loop), client->redact,
                                      client->deadline_ms};
}

/* The certificate may have been renewed. Nothing was read of a request that came with the former.
 */
static bool identifies_anew(struct client_call *call)
{
    const struct client_tls_reader reader = tls_reader(call->client);
    bool again = !call->reidentified;
    call->reidentified = true;
    return again && client_tls_renew(call->client->tls, call->connector, call->identity, &reader);
}

static void call_answered(void *arg, struct http_result *result)
{
    struct client_call *call = arg;
    struct http_response *response = &result->response;
    bool repeatable = may_repeat(call);
    call->transfer = NULL;
    call->retry.deadline_ms = call->client->deadline_ms;
    call->last = result->err;
    if (call->last.hint == ERR_HINT_CERTIFICATE && identifies_anew(call)) {
        call_begin(call);
        return;
    }
    if (result->err.kind != ERR_NONE) {
        call_broken(call, result->err.retryable && (repeatable || !result->sent), NULL);
        return;
    }
    int status = response->status;
    if (status == 202 && call->request->save_path != NULL && !response->saved) {
        call_promised(call, repeatable, response);
        return;
    }
    if (status >= 200 && status < 300) {
        call_finish(call, response, NULL);
        return;
    }
    const struct provider *provider = provider_of(call->connector);
    if (status == 308 && provider->moved != NULL) {
        call_moved(call, response);
        return;
    }
    provider->error(response, call->request->method, call->path != NULL ? call->path : call->target,
                    call->scope, &call->last);
    call_label(call);
    if (status == 401 && wait_for_token(call))
        return;
    if (status == 401 && !call->renewed) {
        call->renewed = true;
        call->worse_than = call->generation;
        call->refusal = *response;
        call->refused = call->last;
        *response = (struct http_response){0};
        call_begin(call);
    } else if (status == 401) {
        http_response_clear(&call->refusal);
        call->refusal = *response;
        *response = (struct http_response){0};
        token_bar(call->client->tokens, call->connector, call->generation, &call->move, call_barred,
                  call);
    } else if (status == 429 || call->last.kind == ERR_THROTTLED) {
        if (!retry_throttled(&call->retry, response, &call->last))
            call_fail(call, response);
    } else if (http_status_passes(status)) {
        bool refused = status == 503 && http_retry_after_ms(response) >= 0;
        call_broken(call, repeatable || refused, response);
    } else {
        call_fail(call, response);
    }
}

/* place: call->url, parsed. What was checked is what libcurl gets. */
static int call_send_to(struct client_call *call, struct url *place, struct err *err)
{
    if (call->options.check != NULL &&
        call->options.check(call->options.check_arg, place, call->url, err) != 0)
        return -1;
    struct client *client = call->client;
    const struct client_tls_reader reader = tls_reader(client);
    const struct provider_tls *tls = NULL;
    if (strcmp(place->scheme, "https") == 0 &&
        client_tls_find(&client->tls, call->connector, call->generation, &reader, &tls, err) != 0)
        return -1;
    call->identity = client_tls_version(client->tls, call->connector);
    struct http_request request = *call->request;
    if (tls != NULL) {
        request.certificate = tls->certificate.data;
        request.key = tls->key.data;
    }
    call->headers[request.nheaders++] = call->authorization;
    request.url = call->url;
    request.place = place;
    request.headers = call->headers;
    request.ca_file = call->connector->ca_file;
    if (request.timeout_ms == 0)
        request.timeout_ms = call->connector->timeout_ms;
    call->transfer = transport_start(&client->transport, &request, call_answered, call, err);
    client->requests += call->transfer != NULL;
    return call->transfer != NULL ? 0 : -1;
}

static int call_send(struct client_call *call, const char *endpoint, struct err *err)
{
    struct url place;
    if (client_url(call->connector, endpoint, call->target, call->query, &place, err) != 0)
        return -1;
    mem_free_secret(call->url);
    call->url = url_format(&place, true);
    int result = call_send_to(call, &place, err);
    url_destroy(&place);
    return result;
}

/* Where the call goes, if the token leads there; NULL: to the connector's own. */
static const char *call_endpoint(const struct client_call *call, const char *granted)
{
    if (call->endpoint == NULL && call->connector->lender == NULL)
        return granted;
    return call->endpoint;
}

/*
 * The exchange takes its round trips anyway: the connection to where the call will go is made
 * meanwhile. Nothing is sent over it before the token has come and its endpoint was checked. Not
 * where the server asks who we are in TLS, as that may come with the token, and not after a 401,
 * whose connection is kept.
 */
static void call_soon(void *arg, const char *granted)
{
    struct client_call *call = arg;
    struct err ignored;
    struct url place;
    if (call->ahead || call->renewed || provider_identifies(call->connector) ||
        client_url(call->connector, call_endpoint(call, granted), call->target, NULL, &place,
                   &ignored) != 0)
        return;
    char *url = url_format(&place, false);
    const struct http_request request = {.url = url,
                                         .ca_file = call->connector->ca_file,
                                         .no_link_local = call->request->no_link_local,
                                         .timeout_ms = call->connector->timeout_ms};
    call->ahead = transport_ahead(&call->client->transport, &request);
    mem_free(url);
    url_destroy(&place);
}

static void call_go(struct client_call *call)
{
    const char *endpoint = call_endpoint(call, call->granted_at);
    call->counted = false;
    struct err failure;
    if (call_send(call, endpoint, &failure) != 0)
        call_finish(call, NULL, &failure);
}

static void call_let(void *arg)
{
    struct client_call *call = arg;
    if (call->wait.err.kind != ERR_NONE) {
        call->last = call->wait.err;
        call_fail(call, NULL);
        return;
    }
    call->counted = true;
    if (loop_now_ms(call->client->loop) - call->wait.since_ms < LONG_WAIT_MS)
        call_go(call);
    else
        call_begin(call);
}

static void call_token(void *arg, const struct token *token, const struct err *err)
{
    struct client_call *call = arg;
    const struct provider *provider = provider_of(call->connector);
    call->token_request = NULL;
    if (err != NULL && err->hint == ERR_HINT_KEPT) {
        call->last = call->refused;
        call_fail(call, &call->refusal);
        return;
    }
    if (err != NULL) {
        call_finish(call, NULL, err);
        return;
    }
    mem_free_secret(call->authorization.value);
    mem_free(call->scope);
    call->authorization = provider->authorize(call->connector, token->access_token);
    call->scope = mem_strdup(token->scope);
    call->came_ms = loop_now_ms(call->client->loop) - token->age_ms;
    call->generation = token->generation;
    mem_free(call->granted_at);
    call->granted_at = mem_strdup(token->endpoint_url);
    /* Not on the exchange's connection, which a server might close right after. */
    call->request->fresh = token->source == TOKEN_EXCHANGE && !may_repeat(call) && !call->ahead;
    if (call->limit == NULL || call->counted || limit_take(call->limit))
        call_go(call);
    else
        limit_wait_start(call->limit, &call->wait, call->client->deadline_ms, call_let, call);
}

/* It cannot be sent at all. */
static void call_refuse(void *arg)
{
    struct client_call *call = arg;
    call_finish(call, NULL, &call->last);
}

static void call_begin(void *arg)
{
    struct client_call *call = arg;
    const struct token_query query = {.worse_than = call->worse_than, .soon = call_soon};
    call->ahead = false;
    call->token_request =
        token_get(call->client->tokens, call->connector, &query, call_token, call);
}

int client_check_headers(const struct connector *connector, const struct http_header *headers,
                         size_t count, struct err *err)
{
    struct http_header own = provider_of(connector)->authorize(connector, "");
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        if (strcasecmp(headers[i].name, own.name) == 0)
            result = err_set(err, ERR_INVALID,
                             "header '%s' carries the token of connector '%s': jeton sets it, "
                             "leave it out",
                             headers[i].name, connector->name);
    mem_free(own.value);
    return result;
}

struct client_call *client_start(struct client *client, const struct connector *connector,
                                 const struct client_request *request, client_done_fn *done,
                                 void *arg)
{
    struct client_call *call = mem_alloc(sizeof *call);
    call->client = client;
    call->connector = connector;
    call->done = done;
    call->arg = arg;
    call->next = client->calls;
    client->calls = call;

    call->options = *request;
    call->request = http_request_copy(&request->http);
    call->headers = mem_alloc((request->http.nheaders + 1) * sizeof *call->headers);
    if (request->http.nheaders > 0)
        memcpy(call->headers, call->request->headers,
               request->http.nheaders * sizeof *call->headers);
    call->target = mem_strdup(request->path);
    call->query = mem_strdup(request->query);
    call->retry = (struct retry){.loop = client->loop,
                                 .log = client->log,
                                 .again = call_begin,
                                 .arg = call,
                                 .retries = connector->retries};

    call->limit = limits_find(client->limits, connector);
    if (client_path(connector, request->path, &call->path, &call->last) == 0 &&
        client_check_headers(connector, request->http.headers, request->http.nheaders,
                             &call->last) == 0)
        call_begin(call);
    else
        loop_timer_start(client->loop, &call->retry.timer, 0, call_refuse, call);
    return call;
}

void client_cancel(struct client_call *call)
{
    call_free(call);
}

struct client *client_new(struct loop *loop, const struct transport *transport, struct store *store,
                          struct tokens *tokens, struct redact *redact, struct log *log)
{
    struct client *client = mem_alloc(sizeof *client);
    client->loop = loop;
    client->transport = *transport;
    client->tokens = tokens;
    client->redact = redact;
    client->log = log;
    client->limits = limits_new(loop, store, log);
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    while (client->calls != NULL)
        call_free(client->calls);
    limits_free(client->limits);
    client_tls_free(client->tls);
    mem_free(client);
}

void client_set_deadline(struct client *client, int64_t deadline_ms)
{
    client->deadline_ms = deadline_ms;
}

bool client_is_busy(const struct client *client)
{
    return client->calls != NULL;
}

int64_t client_requests(const struct client *client)
{
    return client->requests;
}

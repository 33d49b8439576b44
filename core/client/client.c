#include "client.h"

#include "backoff.h"
#include "clock.h"
#include "mem.h"
#include "pace.h"
#include "wire.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

/* What all calls of one connector, or of one tenant, share. */
struct limit {
    char *name;
    struct pace pace;
    struct limit *next;
};

struct client {
    struct loop *loop;
    struct http *http;
    struct tokens *tokens;
    struct log *log;
    int64_t deadline_ms;
    int64_t requests;
    struct limit *limits;
    struct client_call *calls;
};

struct client_call {
    struct client *client;
    const struct connector *connector;
    struct client_request request; /* our own copies */
    struct http_header *headers;   /* the caller's and, last, the access token */
    char *body;                    /* of request.http.body_len bytes */
    struct http_part *parts;
    char *path;     /* below the endpoint: "/v1/groups"; NULL for an absolute URL */
    char *endpoint; /* where a 308 sent this call */
    client_done_fn *done;
    void *arg;

    struct token_request *token_request;
    struct http_transfer *transfer;
    struct loop_timer timer;
    struct limit *connector_limit;
    struct limit *tenant_limit;
    char *access_token;
    char *scope;
    int64_t generation;
    char *url;    /* of the request under way */
    bool renewed; /* the one exchange after a 401 has been */
    int moves;
    int64_t attempt;   /* of network errors and 5xx */
    int64_t throttled; /* 429 */
    int64_t waited_ms;
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
    loop_timer_stop(call->client->loop, &call->timer);
    if (call->token_request != NULL)
        token_cancel(call->token_request);
    if (call->transfer != NULL)
        http_cancel(call->transfer);
    for (size_t i = 0; i < call->request.http.nheaders; i++) {
        mem_free(call->headers[i].name);
        mem_free_secret(call->headers[i].value); /* a script may put a secret anywhere */
    }
    mem_free(call->headers);
    mem_free(call->request.http.method);
    if (call->body != NULL)
        sodium_memzero(call->body, call->request.http.body_len);
    mem_free(call->body);
    mem_free(call->request.http.body_path);
    http_parts_free(call->parts, call->request.http.nparts);
    mem_free(call->request.http.save_path);
    mem_free_secret(call->request.path);
    mem_free_secret(call->request.query);
    mem_free_secret(call->path);
    mem_free(call->endpoint);
    mem_free_secret(call->access_token);
    mem_free(call->scope);
    mem_free_secret(call->url);
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
    bool wanted = call->request.any_status && response != NULL;
    call_finish(call, response, wanted ? NULL : &call->last);
}

/* Waits, then tries again; unless the deadline is nearer: then `last` is final. */
static void call_retry(struct client_call *call, int64_t delay_ms, struct http_response *response)
{
    struct client *client = call->client;
    if (client->deadline_ms > 0 && clock_mono_ms() + delay_ms >= client->deadline_ms) {
        err_wrap(&call->last, "giving up, the deadline is nearer than the next try in %lld s",
                 (long long)(delay_ms + 999) / 1000);
        call_fail(call, response);
        return;
    }
    char line[ERR_LINE_MAX];
    log_msg(client->log, LOG_INFO, "%s; trying again in %.1f s", err_line(&call->last, line),
            (double)delay_ms / 1000);
    loop_timer_start(client->loop, &call->timer, delay_ms, call_begin, call);
}

static bool is_idempotent(const char *method)
{
    return strcmp(method, "POST") != 0 && strcmp(method, "PATCH") != 0;
}

static void call_backoff(struct client_call *call, bool may_repeat, struct http_response *response)
{
    if (!may_repeat || call->attempt >= call->connector->retries) {
        call_fail(call, response);
        return;
    }
    call->attempt++;
    int64_t delay_ms = response != NULL ? http_retry_after_ms(response) : -1;
    if (delay_ms < 0)
        delay_ms = backoff_ms(call->attempt);
    if (delay_ms > CLIENT_RETRY_AFTER_MAX) {
        call_fail(call, response);
        return;
    }
    call_retry(call, delay_ms, response);
}

static void call_throttled(struct client_call *call, struct http_response *response)
{
    int64_t delay_ms = backoff_throttled_ms(http_retry_after_ms(response), ++call->throttled);
    call->waited_ms += delay_ms;
    if (call->waited_ms > CLIENT_RETRY_AFTER_MAX) {
        err_wrap(&call->last, "giving up, the service wants a wait of over %lld minutes",
                 CLIENT_RETRY_AFTER_MAX / 60000);
        call_fail(call, response);
        return;
    }
    call_retry(call, delay_ms, response);
}

/* "GET https://host/path": the query stays out of errors. */
static void call_label(struct client_call *call)
{
    err_text(call->last.request, sizeof call->last.request, "%s %.*s", call->request.http.method,
             (int)strcspn(call->url, "?"), call->url);
}

static void call_moved(struct client_call *call, struct http_response *response)
{
    char *endpoint = NULL;
    int result;
    if (call->path == NULL)
        result = err_set(&call->last, ERR_HTTP,
                         "308: it has moved; redirects of an absolute URL are not followed");
    else if (++call->moves > CLIENT_MOVES_MAX)
        result = err_set(&call->last, ERR_HTTP, "the endpoint moved over %d times in a row (308)",
                         CLIENT_MOVES_MAX);
    else
        result = wire_moved(response, call->url, call->path, &endpoint, &call->last);
    if (result == 0)
        result = token_set_endpoint(call->client->tokens, call->connector, endpoint, &call->last);
    if (result != 0) {
        mem_free(endpoint);
        call_label(call);
        call->last.status = 308;
        call_finish(call, response, &call->last);
        return;
    }
    log_msg(call->client->log, LOG_INFO, "the endpoint moved to %s", endpoint);
    mem_free(call->endpoint);
    call->endpoint = endpoint;
    call_begin(call);
}

static void call_answered(void *arg, struct http_result *result)
{
    struct client_call *call = arg;
    struct http_response *response = &result->response;
    const char *method = call->request.http.method;
    bool repeatable = call->request.repeatable || is_idempotent(method);
    call->transfer = NULL;
    call->last = result->err;
    if (result->err.kind != ERR_NONE) {
        call_backoff(call, result->err.retryable && (repeatable || !result->sent), NULL);
        return;
    }
    int status = response->status;
    if (status >= 200 && status < 300) {
        call_finish(call, response, NULL);
        return;
    }
    if (status == 308) {
        call_moved(call, response);
        return;
    }
    wire_error(response, method, call->path != NULL ? call->path : call->request.path, call->scope,
               &call->last);
    call_label(call);
    if (status == 401 && !call->renewed) {
        call->renewed = true;
        call_begin(call); /* with a token newer than this generation */
    } else if (status == 429) {
        call_throttled(call, response);
    } else if (status >= 500) {
        bool refused = status == 503 && http_retry_after_ms(response) >= 0;
        call_backoff(call, repeatable || refused, response);
    } else {
        call_fail(call, response);
    }
}

/* The limits that jeton keeps by itself. True: go ahead. */
static bool call_pace(struct client_call *call)
{
    int64_t now_ms = clock_mono_ms();
    int64_t delay_ms = pace_delay_ms(&call->connector_limit->pace, now_ms);
    if (call->tenant_limit != NULL) {
        int64_t tenant_ms = pace_delay_ms(&call->tenant_limit->pace, now_ms);
        delay_ms = tenant_ms > delay_ms ? tenant_ms : delay_ms;
    }
    if (delay_ms > 0) {
        err_set(&call->last, ERR_THROTTLED,
                "connector '%s' has used its %lld calls a minute (rate_limit)",
                call->connector->name, (long long)call->connector->rate_limit.per_minute);
        call->last.retryable = true;
        call_retry(call, delay_ms, NULL);
        return false;
    }
    pace_take(&call->connector_limit->pace, now_ms);
    if (call->tenant_limit != NULL)
        pace_take(&call->tenant_limit->pace, now_ms);
    return true;
}

static int call_send(struct client_call *call, const char *endpoint, struct err *err)
{
    mem_free_secret(call->url);
    call->url = client_url(call->connector, endpoint, call->request.path, call->request.query, err);
    if (call->url == NULL)
        return -1;
    if (call->request.check != NULL &&
        call->request.check(call->request.check_arg, call->url, err) != 0)
        return -1;
    struct http_request request = call->request.http;
    call->headers[request.nheaders++] = (struct http_header){WIRE_ACCESS_TOKEN, call->access_token};
    request.url = call->url;
    request.headers = call->headers;
    request.ca_file = call->connector->ca_file;
    if (request.timeout_ms == 0)
        request.timeout_ms = call->connector->timeout_ms;
    call->transfer = http_start(call->client->http, &request, call_answered, call, err);
    call->client->requests += call->transfer != NULL;
    return call->transfer != NULL ? 0 : -1;
}

static void call_token(void *arg, const struct token *token, const struct err *err)
{
    struct client_call *call = arg;
    call->token_request = NULL;
    if (err != NULL) {
        call_finish(call, NULL, err);
        return;
    }
    mem_free_secret(call->access_token);
    mem_free(call->scope);
    call->access_token = mem_strdup(token->access_token);
    call->scope = mem_strdup(token->scope);
    call->generation = token->generation;
    if (!call_pace(call))
        return;
    const char *endpoint = call->endpoint != NULL ? call->endpoint : token->endpoint_url;
    struct err failure;
    if (call_send(call, endpoint, &failure) != 0)
        call_finish(call, NULL, &failure);
}

static void call_begin(void *arg)
{
    struct client_call *call = arg;
    const struct token_query query = {.worse_than = call->renewed ? call->generation : 0};
    call->token_request =
        token_get(call->client->tokens, call->connector, &query, call_token, call);
}

static struct limit *limit_find(struct client *client, const char *kind, const char *name,
                                int64_t per_minute)
{
    char *key = mem_printf("%s %s", kind, name);
    struct limit *limit = client->limits;
    while (limit != NULL && strcmp(limit->name, key) != 0)
        limit = limit->next;
    if (limit == NULL) {
        limit = mem_alloc(sizeof *limit);
        limit->name = mem_strdup(key);
        pace_create(&limit->pace, per_minute);
        limit->next = client->limits;
        client->limits = limit;
    }
    mem_free(key);
    return limit;
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

    call->request = *request;
    struct http_request *http = &call->request.http;
    http->method = mem_strdup(http->method);
    http->body_path = mem_strdup(http->body_path);
    http->save_path = mem_strdup(http->save_path);
    if (http->body_len > 0) {
        call->body = mem_alloc(http->body_len);
        memcpy(call->body, http->body, http->body_len);
    }
    http->body = call->body;
    http->parts = call->parts = http_parts_copy(http->parts, http->nparts);
    call->headers = mem_alloc((http->nheaders + 1) * sizeof *call->headers);
    for (size_t i = 0; i < http->nheaders; i++)
        call->headers[i] = (struct http_header){mem_strdup(http->headers[i].name),
                                                mem_strdup(http->headers[i].value)};
    call->request.path = mem_strdup(request->path);
    call->request.query = mem_strdup(request->query);
    call->path = client_path(request->path);

    const struct config_rate_limit *rate = &connector->rate_limit;
    call->connector_limit = limit_find(client, "connector", connector->name, rate->per_minute);
    if (rate->tenant != NULL)
        call->tenant_limit = limit_find(client, "tenant", rate->tenant, rate->tenant_per_minute);
    call_begin(call);
    return call;
}

void client_cancel(struct client_call *call)
{
    call_free(call);
}

struct client *client_new(struct loop *loop, struct http *http, struct tokens *tokens,
                          struct log *log)
{
    struct client *client = mem_alloc(sizeof *client);
    client->loop = loop;
    client->http = http;
    client->tokens = tokens;
    client->log = log;
    return client;
}

void client_free(struct client *client)
{
    if (client == NULL)
        return;
    while (client->calls != NULL)
        call_free(client->calls);
    while (client->limits != NULL) {
        struct limit *limit = client->limits;
        client->limits = limit->next;
        pace_destroy(&limit->pace);
        mem_free(limit->name);
        mem_free(limit);
    }
    mem_free(client);
}

void client_set_deadline(struct client *client, int64_t deadline_ms)
{
    client->deadline_ms = deadline_ms;
}

int64_t client_requests(const struct client *client)
{
    return client->requests;
}

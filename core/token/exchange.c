#include "exchange.h"

#include "mem.h"
#include "retry.h"

#include <string.h>

struct exchange {
    struct transport transport;
    struct log *log;
    const struct connector *connector;
    const struct provider *provider;
    struct connector_secrets secrets;
    char *tokens[PROVIDER_GRANTS_MAX];
    size_t ntokens;
    bool (*wanted)(void *arg);
    exchange_done_fn *done;
    void *arg;

    char *service;   /* where the service is, if not where it is configured */
    bool remembered; /* `service` is from an earlier exchange: if it fails, ask where it is
                        configured */
    size_t grant;
    int moves;
    void *transfer; /* of the transport */
    struct retry retry;
    struct err last;             /* why we wait, or give up */
    char label[ERR_REQUEST_MAX]; /* what `last` is about: "GET https://host/path" */
};

static void exchange_send(void *arg);

static void exchange_free(struct exchange *exchange)
{
    retry_stop(&exchange->retry);
    transport_cancel(&exchange->transport, exchange->transfer);
    connector_secrets_destroy(&exchange->secrets);
    for (size_t i = 0; i < exchange->ntokens; i++)
        mem_free_secret(exchange->tokens[i]);
    mem_free(exchange->service);
    mem_free(exchange);
}

static struct provider_ask exchange_ask(const struct exchange *exchange)
{
    return (struct provider_ask){
        .purpose = PROVIDER_ACCESS,
        .connector = exchange->connector,
        .secrets = &exchange->secrets,
        .service = exchange->service,
        .refresh_token = exchange->tokens[exchange->grant],
    };
}

/* `last` is final. */
static void exchange_fail(struct exchange *exchange)
{
    const struct exchange_result result = {.service = exchange->service};
    exchange->done(exchange->arg, &result, &exchange->last);
    exchange_free(exchange);
}

/* When a place that the service moved to fails, we go back to the configured one. */
static bool exchange_return(struct exchange *exchange)
{
    if (!exchange->remembered)
        return false;
    log_msg(exchange->log, LOG_WARN, "the token service fails at '%s', where it had moved: %s",
            exchange->service, exchange->last.msg);
    mem_free(exchange->service);
    exchange->service = NULL;
    exchange->remembered = false;
    exchange->moves = 0;
    exchange->grant = 0;
    exchange_send(exchange);
    return true;
}

/* `last` is final, unless another place may answer. */
static void exchange_give_up(struct exchange *exchange)
{
    if (!exchange_return(exchange))
        exchange_fail(exchange);
}

static void exchange_wait(struct exchange *exchange, const struct http_response *throttled)
{
    bool wanted = exchange->wanted == NULL || exchange->wanted(exchange->arg);
    if (throttled == NULL && exchange_return(exchange))
        return;
    if (!wanted ||
        !(throttled != NULL ? retry_throttled(&exchange->retry, throttled, &exchange->last)
                            : retry_broken(&exchange->retry, NULL, &exchange->last)))
        exchange_fail(exchange);
}

static void exchange_moved(struct exchange *exchange, char *service)
{
    if (++exchange->moves > EXCHANGE_MOVES_MAX) {
        mem_free(service);
        err_set(&exchange->last, ERR_HTTP,
                "the token service moved more than %d times in a row (308)", EXCHANGE_MOVES_MAX);
        memcpy(exchange->last.request, exchange->label, sizeof exchange->label);
        exchange_give_up(exchange);
        return;
    }
    mem_free(exchange->service);
    exchange->service = service;
    log_msg(exchange->log, LOG_INFO, "the token service moved to %s", service);
    exchange_send(exchange); /* which checks the host */
}

/* Perhaps the refresh token before it, or the configured one, still works. */
static void exchange_refused(struct exchange *exchange)
{
    exchange->last.kind = ERR_AUTH;
    if (exchange->grant + 1 < exchange->ntokens) {
        char line[ERR_LINE_MAX];
        log_msg(exchange->log, LOG_INFO, "%s; trying the next refresh token that is known",
                err_line(&exchange->last, line));
        exchange->grant++;
        exchange_send(exchange);
        return;
    }
    exchange->provider->refused(exchange->connector, &exchange->last);
    exchange_give_up(exchange);
}

static void exchange_succeeded(struct exchange *exchange, struct provider_token *token)
{
    struct exchange_result result = {
        .token = *token, .used = exchange->grant, .service = exchange->service};
    exchange->done(exchange->arg, &result, NULL);
    provider_token_destroy(token);
    exchange_free(exchange);
}

static void exchange_answered(void *arg, struct http_result *result)
{
    struct exchange *exchange = arg;
    const struct http_response *response = &result->response;
    exchange->transfer = NULL;
    exchange->last = result->err;
    if (result->err.kind != ERR_NONE) {
        err_wrap(&exchange->last, "token exchange");
        if (result->err.retryable)
            exchange_wait(exchange, NULL);
        else
            exchange_give_up(exchange);
        return;
    }
    const struct provider_ask ask = exchange_ask(exchange);
    struct provider_reply reply;
    enum provider_meaning meaning =
        exchange->provider->reply(&ask, response, &reply, &exchange->last);
    if (exchange->last.status != 0) /* the service refused, rather than made no sense */
        err_wrap(&exchange->last, "token exchange");
    memcpy(exchange->last.request, exchange->label, sizeof exchange->label);
    switch (meaning) {
    case PROVIDER_GOOD:
        exchange_succeeded(exchange, &reply.token);
        break;
    case PROVIDER_MOVED:
        exchange_moved(exchange, reply.moved);
        break;
    case PROVIDER_WAIT:
        exchange_wait(exchange, exchange->last.kind == ERR_THROTTLED ? response : NULL);
        break;
    case PROVIDER_NEXT:
        exchange_refused(exchange);
        break;
    case PROVIDER_REFUSED:
        exchange_give_up(exchange);
        break;
    }
}

static int exchange_try(struct exchange *exchange, struct err *err)
{
    const struct connector *connector = exchange->connector;
    const struct provider_ask ask = exchange_ask(exchange);
    struct http_request *request = exchange->provider->request(&ask, err);
    if (request == NULL)
        return -1;
    err_text(exchange->label, sizeof exchange->label, "%s %.*s", request->method,
             (int)strcspn(request->url, "?"), request->url);
    request->ca_file = connector->ca_file;
    request->timeout_ms = connector->timeout_ms;
    request->max_body = PROVIDER_REPLY_MAX;
    request->brings_secrets = true;
    if (connector_allows(connector, request->url, err) == 0)
        exchange->transfer =
            transport_start(&exchange->transport, request, exchange_answered, exchange, err);
    http_request_free(request);
    return exchange->transfer != NULL ? 0 : -1;
}

static void exchange_send(void *arg)
{
    struct exchange *exchange = arg;
    struct err err;
    if (exchange_try(exchange, &err) == 0)
        return;
    err_wrap(&err, "token exchange");
    exchange->last = err;
    memcpy(exchange->last.request, exchange->label, sizeof exchange->label);
    /* A place that was stored while other hosts were allowed. */
    if (exchange->moves > 0 || !exchange_return(exchange))
        exchange_fail(exchange);
}

struct exchange *exchange_start(struct loop *loop, const struct transport *transport,
                                struct log *log, const struct exchange_options *options,
                                exchange_done_fn *done, void *arg)
{
    struct exchange *exchange = mem_alloc(sizeof *exchange);
    exchange->transport = *transport;
    exchange->log = log;
    exchange->connector = options->connector;
    exchange->provider = provider_of(options->connector);
    exchange->secrets = *options->secrets;
    *options->secrets = (struct connector_secrets){0};
    exchange->wanted = options->wanted;
    exchange->done = done;
    exchange->arg = arg;
    exchange->ntokens = options->ntokens;
    for (size_t i = 0; i < options->ntokens; i++)
        exchange->tokens[i] = mem_strdup(options->tokens[i]);
    exchange->service = mem_strdup(options->service);
    exchange->remembered = exchange->service != NULL;
    exchange->retry = (struct retry){.loop = loop,
                                     .log = log,
                                     .again = exchange_send,
                                     .arg = exchange,
                                     .retries = options->connector->retries,
                                     .deadline_ms = options->deadline_ms};
    loop_timer_start(loop, &exchange->retry.timer, 0, exchange_send, exchange);
    return exchange;
}

void exchange_cancel(struct exchange *exchange)
{
    exchange_free(exchange);
}

bool exchange_on_wire(const struct exchange *exchange)
{
    return exchange->transfer != NULL;
}

#include "exchange.h"

#include "ask.h"
#include "clock.h"
#include "discovery_fetch.h"
#include "mem.h"
#include "retry.h"

#include <string.h>

struct exchange {
    struct transport transport;
    struct log *log;
    const struct connector *connector;
    const struct connector *asker;
    struct redact *redact;
    const struct provider *provider;
    struct connector_secrets secrets;
    char *tokens[PROVIDER_GRANTS_MAX];
    size_t ntokens;
    bool (*wanted)(void *arg);
    int64_t (*left_ms)(void *arg);
    void (*ready)(void *arg);
    void (*sent)(void *arg);
    void (*rests)(void *arg);
    bool told; /* `ready` was, since it began or rested */
    exchange_done_fn *done;
    void *arg;

    char *metadata; /* what the service says of itself; NULL: not known */
    int64_t metadata_ms, metadata_age_ms;
    bool metadata_asked; /* this exchange has asked for it … */
    bool metadata_new;   /* … and got it */
    struct discovery *discovery;

    char *service;   /* where the service is, if not where it is configured */
    bool remembered; /* `service` is from an earlier exchange: if it fails, ask where it is
                        configured */
    size_t grant;
    int moves;
    bool doubt;   /* an attempt with this grant may have been granted: its reply was lost */
    bool doubted; /* one had been, before it was refused */
    bool dead;    /* exchange_result */
    bool refused;
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
    discovery_fetch_cancel(exchange->discovery);
    mem_free(exchange->metadata);
    mem_free(exchange->service);
    mem_free(exchange);
}

static int64_t exchange_left_ms(const struct exchange *exchange)
{
    return exchange->left_ms != NULL ? exchange->left_ms(exchange->arg) : INT64_MAX;
}

/* Whether a request may be begun. */
static bool exchange_may(const struct exchange *exchange)
{
    int64_t timeout_ms = ask_timeout_ms(exchange->connector);
    return exchange_left_ms(exchange) >=
           (timeout_ms < EXCHANGE_LEAST_MS ? timeout_ms : EXCHANGE_LEAST_MS);
}

static struct provider_ask exchange_ask(const struct exchange *exchange)
{
    return (struct provider_ask){
        .purpose = PROVIDER_ACCESS,
        .connector = exchange->connector,
        .asker = exchange->asker,
        .redact = exchange->redact,
        .secrets = &exchange->secrets,
        .metadata = exchange->metadata,
        .service = exchange->service,
        .refresh_token = exchange->tokens[exchange->grant],
        .within_ms = exchange_left_ms(exchange),
    };
}

static const char *exchange_heard(const struct exchange *exchange)
{
    return exchange->metadata_new ? exchange->metadata : NULL;
}

/* `last` is final. */
static void exchange_fail(struct exchange *exchange)
{
    const struct exchange_result result = {.service = exchange->service,
                                           .metadata = exchange_heard(exchange),
                                           .dead = exchange->dead,
                                           .refused = exchange->refused,
                                           .doubt = exchange->doubt,
                                           .doubted = exchange->doubted};
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

/* `again`: a refresh token that is for a single use may have been spent twice by now. */
static void exchange_wait(struct exchange *exchange, const struct http_response *response,
                          bool again)
{
    bool wanted = exchange->wanted == NULL || exchange->wanted(exchange->arg);
    wanted = wanted && exchange_may(exchange);
    bool throttled = exchange->last.kind == ERR_THROTTLED;
    if (!throttled && exchange_return(exchange))
        return;
    if (!throttled)
        retry_told(response, &exchange->last);
    if (again || !wanted ||
        !(throttled ? retry_throttled(&exchange->retry, response, &exchange->last)
                    : retry_broken(&exchange->retry, response, &exchange->last))) {
        exchange_fail(exchange);
    } else if (exchange->told && !exchange->doubt) {
        exchange->told = false;
        exchange->rests(exchange->arg);
    }
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
        exchange->dead = false;
        exchange_send(exchange);
        return;
    }
    exchange->provider->refused(exchange->connector, &exchange->last);
    exchange_give_up(exchange);
}

/* err: what spoils the reply; NULL: nothing. Where the service had moved is not kept then. */
static void exchange_granted(struct exchange *exchange, struct provider_token *token,
                             const struct err *err)
{
    struct exchange_result result = {
        .token = *token,
        .used = exchange->grant,
        .service = err == NULL || !exchange->remembered ? exchange->service : NULL,
        .metadata = exchange_heard(exchange)};
    exchange->done(exchange->arg, &result, err);
    provider_token_destroy(token);
    exchange_free(exchange);
}

/* What the reply says of the refresh token that was sent. */
static bool exchange_note(struct exchange *exchange, enum provider_meaning meaning, bool lost)
{
    bool spends = exchange->provider->single_use && exchange->tokens[exchange->grant] != NULL;
    bool again = spends && lost && exchange->doubt;
    bool final =
        meaning == PROVIDER_NEXT || meaning == PROVIDER_DEAD || meaning == PROVIDER_REFUSED;
    exchange->dead = meaning == PROVIDER_DEAD;
    exchange->refused = final && !lost && exchange->last.status != 0;
    if (exchange->refused) {
        exchange->doubted = exchange->doubted || exchange->doubt;
        exchange->doubt = false;
    }
    exchange->doubt = exchange->doubt || lost;
    return again;
}

/* There is nothing where the service said that it is, up to a day ago, or it cannot be reached
 * there: it may say otherwise now. */
static bool exchange_asks_anew(struct exchange *exchange, enum provider_meaning meaning,
                               const struct http_result *result)
{
    const struct provider_ask ask = exchange_ask(exchange);
    const struct provider_discovery *discovery = exchange->provider->discovery;
    int status = exchange->last.status;
    bool unreached = result->err.kind == ERR_NETWORK && !result->sent;
    bool gone = status == 404 || status == 405 || status == 410 || (status >= 300 && status < 400);
    if (!(unreached || (meaning == PROVIDER_REFUSED && gone)) || exchange->metadata_asked ||
        discovery == NULL || !discovery->needed(&ask))
        return false;
    exchange->metadata_age_ms = DISCOVERY_FRESH_MS;
    exchange_send(exchange);
    return true;
}

static void exchange_answered(void *arg, struct http_result *result)
{
    struct exchange *exchange = arg;
    const struct provider_ask ask = exchange_ask(exchange);
    struct provider_reply reply;
    exchange->transfer = NULL;
    enum provider_meaning meaning =
        ask_answer(&ask, result, exchange->label, &reply, &exchange->last);
    /* Unless there was a reply, of a service that did not refuse, which made no sense. */
    if (result->err.kind != ERR_NONE || exchange->last.status != 0)
        err_wrap(&exchange->last, "token exchange");
    bool lost = ask_is_lost(result, meaning, &exchange->last);
    bool again = exchange_note(exchange, meaning, lost);
    if (exchange_asks_anew(exchange, meaning, result))
        return;
    switch (meaning) {
    case PROVIDER_GOOD:
        exchange_granted(exchange, &reply.token, NULL);
        break;
    case PROVIDER_SPOILT:
        exchange_granted(exchange, &reply.token, &exchange->last);
        break;
    case PROVIDER_MOVED:
        exchange_moved(exchange, reply.moved);
        break;
    case PROVIDER_WAIT:
        exchange_wait(exchange, result->err.kind == ERR_NONE ? &result->response : NULL, again);
        break;
    case PROVIDER_NEXT:
    case PROVIDER_DEAD:
        exchange_refused(exchange);
        break;
    case PROVIDER_REFUSED:
        exchange_give_up(exchange);
        break;
    }
}

/* What was said long ago is better than nothing: the service may be there, and only this not. */
static void exchange_unheard(struct exchange *exchange)
{
    char time[CLOCK_RFC3339_SIZE], line[ERR_LINE_MAX];
    if (exchange->metadata != NULL) {
        clock_format_rfc3339(exchange->metadata_ms, time, sizeof time);
        log_msg(exchange->log, LOG_WARN, "%s; what it said at %s is used",
                err_line(&exchange->last, line), time);
        exchange_send(exchange);
        return;
    }
    exchange->metadata_asked = false;
    if (!exchange->last.retryable || !retry_broken(&exchange->retry, NULL, &exchange->last))
        exchange_fail(exchange);
}

static void exchange_discovered(void *arg, char *metadata, const struct err *err)
{
    struct exchange *exchange = arg;
    exchange->discovery = NULL;
    if (metadata == NULL) {
        exchange->last = *err;
        exchange_unheard(exchange);
        return;
    }
    mem_free(exchange->metadata);
    exchange->metadata = metadata;
    exchange->metadata_new = true;
    exchange_send(exchange);
}

/* Whether the service is asked first what it says of itself: once a day. */
static bool exchange_discovers(struct exchange *exchange, const struct provider_ask *ask)
{
    const struct provider_discovery *discovery = exchange->provider->discovery;
    int64_t age_ms = exchange->metadata_age_ms;
    bool fresh = exchange->metadata != NULL && age_ms >= 0 && age_ms < DISCOVERY_FRESH_MS;
    if (discovery == NULL || exchange->metadata_asked || fresh || !discovery->needed(ask))
        return false;
    exchange->metadata_asked = true;
    exchange->discovery = discovery_fetch(&exchange->transport, exchange->connector,
                                          exchange_discovered, exchange, &exchange->last);
    if (exchange->discovery == NULL)
        exchange_unheard(exchange);
    return true;
}

static void exchange_send(void *arg)
{
    struct exchange *exchange = arg;
    const struct provider_ask ask = exchange_ask(exchange);
    if (exchange_discovers(exchange, &ask))
        return;
    if (exchange->ready != NULL && !exchange->told) {
        exchange->told = true;
        exchange->ready(exchange->arg); /* which may have freed the exchange */
        return;
    }
    int64_t deadline_ms = exchange->retry.deadline_ms;
    if (deadline_ms > 0 && loop_now_ms(exchange->retry.loop) >= deadline_ms) {
        err_set(&exchange->last, ERR_DEADLINE,
                "token exchange: nothing was sent, as the run's deadline had passed");
        exchange_fail(exchange);
        return;
    }
    if (!exchange_may(exchange)) {
        err_set(&exchange->last, ERR_NETWORK,
                "token exchange: nothing was sent, as its lock could end before the reply");
        exchange->last.retryable = true;
        exchange_fail(exchange);
        return;
    }
    exchange->transfer = ask_send(&exchange->transport, &ask, exchange->label, exchange_answered,
                                  exchange, &exchange->last);
    if (exchange->transfer != NULL) {
        if (exchange->sent != NULL)
            exchange->sent(exchange->arg);
        return;
    }
    err_wrap(&exchange->last, "token exchange");
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
    exchange->asker = options->asker;
    exchange->redact = options->redact;
    exchange->provider = provider_of(options->connector);
    exchange->secrets = *options->secrets;
    *options->secrets = (struct connector_secrets){0};
    exchange->wanted = options->wanted;
    exchange->left_ms = options->left_ms;
    exchange->ready = options->ready;
    exchange->sent = options->sent;
    exchange->rests = options->rests;
    exchange->done = done;
    exchange->arg = arg;
    exchange->ntokens = options->ntokens;
    for (size_t i = 0; i < options->ntokens; i++)
        exchange->tokens[i] = mem_strdup(options->tokens[i]);
    if (options->metadata != NULL && exchange->provider->discovery != NULL &&
        exchange->provider->discovery->fits(options->connector, options->metadata))
        exchange->metadata = mem_strdup(options->metadata);
    exchange->metadata_ms = options->metadata_ms;
    exchange->metadata_age_ms = options->metadata_age_ms;
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

void exchange_go(struct exchange *exchange)
{
    exchange_send(exchange);
}

void exchange_cancel(struct exchange *exchange)
{
    exchange_free(exchange);
}

bool exchange_on_wire(const struct exchange *exchange)
{
    return exchange->transfer != NULL;
}

#include "exchange.h"

#include "allow.h"
#include "backoff.h"
#include "clock.h"
#include "mem.h"

#include <string.h>

#define ACCESS_TOKEN_PATH "/accessToken"

struct exchange {
    struct loop *loop;
    struct http *http;
    struct log *log;
    struct exchange_options options; /* our own copies */
    exchange_done_fn *done;
    void *arg;

    char **allow_hosts;

    char *override;  /* where the service is, if not where it is configured */
    bool remembered; /* that is from an earlier exchange: if it fails, ask where it is configured */
    size_t candidate;
    int moves;
    int64_t attempt;   /* of network errors and 5xx */
    int64_t throttled; /* 429 */
    int64_t waited_ms;
    struct http_transfer *transfer;
    struct loop_timer timer;
    struct err last; /* why we wait */
};

static void exchange_send(void *arg);

/* Where the service is, as far as is known. */
static const char *exchange_base(const struct exchange *exchange)
{
    return exchange->override != NULL ? exchange->override : exchange->options.token_service;
}

/* Says what `last` is about. */
static void exchange_label(struct exchange *exchange)
{
    err_text(exchange->last.request, sizeof exchange->last.request, "GET %s" ACCESS_TOKEN_PATH,
             exchange_base(exchange));
}

static void exchange_free(struct exchange *exchange)
{
    loop_timer_stop(exchange->loop, &exchange->timer);
    if (exchange->transfer != NULL)
        http_cancel(exchange->transfer);
    struct exchange_options *options = &exchange->options;
    mem_free(options->token_service);
    mem_free_secret(options->application_id);
    mem_free_secret(options->application_secret);
    for (size_t i = 0; i < options->nrefresh_tokens; i++)
        mem_free_secret(options->refresh_tokens[i]);
    mem_freev(exchange->allow_hosts);
    mem_free(options->ca_file);
    mem_free(exchange->override);
    mem_free(exchange);
}

static void exchange_fail(struct exchange *exchange, struct err *err)
{
    const struct exchange_result result = {.service_override = exchange->override};
    exchange->done(exchange->arg, &result, err);
    exchange_free(exchange);
}

/* Tries again after delay_ms, unless the deadline is nearer or nobody waits: then `last` is final.
 */
static void exchange_retry(struct exchange *exchange, int64_t delay_ms)
{
    if (exchange->options.wanted != NULL && !exchange->options.wanted(exchange->arg)) {
        exchange_fail(exchange, &exchange->last);
        return;
    }
    int64_t deadline_ms = exchange->options.deadline_ms;
    if (deadline_ms > 0 && clock_mono_ms() + delay_ms >= deadline_ms) {
        err_wrap(&exchange->last, "giving up, the deadline is nearer than the next try in %lld s",
                 (long long)(delay_ms + 999) / 1000);
        exchange_fail(exchange, &exchange->last);
        return;
    }
    char line[ERR_LINE_MAX];
    log_msg(exchange->log, LOG_INFO, "%s; trying again in %.1f s", err_line(&exchange->last, line),
            (double)delay_ms / 1000);
    loop_timer_start(exchange->loop, &exchange->timer, delay_ms, exchange_send, exchange);
}

/* A service that moved, and now fails there, is looked for where it is configured. */
static bool exchange_drop_override(struct exchange *exchange)
{
    if (!exchange->remembered)
        return false;
    log_msg(exchange->log, LOG_WARN, "the token service fails at '%s', where it had moved: %s",
            exchange->override, exchange->last.msg);
    mem_free(exchange->override);
    exchange->override = NULL;
    exchange->remembered = false;
    exchange->moves = 0;
    exchange->candidate = 0;
    exchange_send(exchange);
    return true;
}

/* `last` is final, unless another place may answer. */
static void exchange_give_up(struct exchange *exchange)
{
    if (!exchange_drop_override(exchange))
        exchange_fail(exchange, &exchange->last);
}

static void exchange_backoff(struct exchange *exchange)
{
    if (exchange_drop_override(exchange))
        return;
    if (exchange->attempt >= exchange->options.retries) {
        exchange_fail(exchange, &exchange->last);
        return;
    }
    exchange->attempt++;
    exchange_retry(exchange, backoff_ms(exchange->attempt));
}

static void exchange_throttled(struct exchange *exchange, const struct http_response *response)
{
    int64_t delay_ms = backoff_throttled_ms(http_retry_after_ms(response), ++exchange->throttled);
    exchange->waited_ms += delay_ms;
    if (exchange->waited_ms > EXCHANGE_WAIT_MAX_MS) {
        err_wrap(&exchange->last, "giving up, the service wants a wait of over %lld minutes",
                 EXCHANGE_WAIT_MAX_MS / 60000);
        exchange_fail(exchange, &exchange->last);
        return;
    }
    exchange_retry(exchange, delay_ms);
}

static void exchange_moved(struct exchange *exchange, const char *request_url,
                           const struct http_response *response)
{
    char *base = NULL;
    if (++exchange->moves > EXCHANGE_MOVES_MAX) {
        err_set(&exchange->last, ERR_HTTP, "the token service moved over %d times in a row (308)",
                EXCHANGE_MOVES_MAX);
        exchange_label(exchange);
        exchange_give_up(exchange);
    } else if (wire_moved(response, request_url, ACCESS_TOKEN_PATH, &base, &exchange->last) != 0) {
        exchange_label(exchange);
        exchange_give_up(exchange);
    } else {
        log_msg(exchange->log, LOG_INFO, "the token service moved to %s", base);
        mem_free(exchange->override);
        exchange->override = base;
        exchange_send(exchange); /* which checks the host */
    }
}

/* The refresh token was refused: perhaps the one before it, or the configured one, still works. */
static void exchange_refused(struct exchange *exchange)
{
    exchange->last.kind = ERR_AUTH;
    if (exchange->candidate + 1 < exchange->options.nrefresh_tokens) {
        char line[ERR_LINE_MAX];
        log_msg(exchange->log, LOG_INFO, "%s; trying the next refresh token that is known",
                err_line(&exchange->last, line));
        exchange->candidate++;
        exchange_send(exchange);
        return;
    }
    char message[ERR_MSG_MAX];
    memcpy(message, exchange->last.msg, sizeof message);
    err_text(exchange->last.msg, sizeof exchange->last.msg,
             "%s; check application_id, application_secret and refresh_token, which ends after 365 "
             "days, or when another is made",
             message);
    exchange_give_up(exchange);
}

static void exchange_succeeded(struct exchange *exchange, const struct http_response *response)
{
    struct exchange_result result = {.used = exchange->candidate,
                                     .service_override = exchange->override};
    if (wire_token_parse(response, &result.token, &exchange->last) != 0) {
        exchange_label(exchange);
        exchange_give_up(exchange);
        return;
    }
    exchange->done(exchange->arg, &result, NULL);
    wire_token_destroy(&result.token);
    exchange_free(exchange);
}

static void exchange_answered(void *arg, struct http_result *result)
{
    struct exchange *exchange = arg;
    struct http_response *response = &result->response;
    exchange->transfer = NULL;
    exchange->last = result->err;
    if (result->err.kind != ERR_NONE) {
        err_wrap(&exchange->last, "token exchange");
        if (result->err.retryable)
            exchange_backoff(exchange);
        else
            exchange_give_up(exchange);
        return;
    }
    if (response->status == 200) {
        exchange_succeeded(exchange, response);
        return;
    }
    if (response->status == 308) {
        char *request_url = mem_printf("%s" ACCESS_TOKEN_PATH, exchange_base(exchange));
        exchange_moved(exchange, request_url, response);
        mem_free(request_url);
        return;
    }
    wire_error(response, "GET", ACCESS_TOKEN_PATH, NULL, &exchange->last);
    err_wrap(&exchange->last, "token exchange");
    exchange_label(exchange);
    if (response->status == 429)
        exchange_throttled(exchange, response);
    else if (response->status >= 500)
        exchange_backoff(exchange);
    else if (response->status == 400 || response->status == 401 || response->status == 403)
        exchange_refused(exchange);
    else
        exchange_give_up(exchange);
}

static void exchange_send(void *arg)
{
    struct exchange *exchange = arg;
    const struct exchange_options *options = &exchange->options;
    char *address = mem_printf("%s" ACCESS_TOKEN_PATH, exchange_base(exchange));
    struct err err;
    struct url url;
    int result = url_parse(address, &url, &err);
    if (result == 0) {
        result = allow_check(&url, options->allow_hosts, options->token_service, &err);
        url_destroy(&url);
    }
    if (result == 0) {
        struct http_header headers[] = {
            {"Accept", "application/json"},
            {WIRE_APPLICATION_ID, options->application_id},
            {WIRE_APPLICATION_SECRET, options->application_secret},
            {WIRE_REFRESH_TOKEN, options->refresh_tokens[exchange->candidate]},
        };
        const struct http_request request = {
            .method = "GET",
            .url = address,
            .headers = headers,
            .nheaders = sizeof headers / sizeof headers[0],
            .ca_file = options->ca_file,
            .timeout_ms = options->timeout_ms,
            .max_body = WIRE_REPLY_MAX,
        };
        exchange->transfer =
            http_start(exchange->http, &request, exchange_answered, exchange, &err);
        result = exchange->transfer != NULL ? 0 : -1;
    }
    mem_free(address);
    if (result == 0)
        return;
    err_wrap(&err, "token exchange");
    exchange->last = err;
    exchange_label(exchange);
    /* An override that was stored while other hosts were allowed. */
    if (exchange->moves > 0 || !exchange_drop_override(exchange))
        exchange_fail(exchange, &exchange->last);
}

struct exchange *exchange_start(struct loop *loop, struct http *http, struct log *log,
                                const struct exchange_options *options, exchange_done_fn *done,
                                void *arg)
{
    struct exchange *exchange = mem_alloc(sizeof *exchange);
    exchange->loop = loop;
    exchange->http = http;
    exchange->log = log;
    exchange->done = done;
    exchange->arg = arg;
    exchange->options = *options;
    exchange->options.token_service = mem_strdup(options->token_service);
    exchange->options.application_id = mem_strdup(options->application_id);
    exchange->options.application_secret = mem_strdup(options->application_secret);
    for (size_t i = 0; i < options->nrefresh_tokens; i++)
        exchange->options.refresh_tokens[i] = mem_strdup(options->refresh_tokens[i]);
    exchange->allow_hosts = mem_strdupv(options->allow_hosts);
    exchange->options.allow_hosts = (const char *const *)exchange->allow_hosts;
    exchange->options.ca_file = mem_strdup(options->ca_file);
    exchange->override = mem_strdup(options->service_override);
    exchange->remembered = exchange->override != NULL;
    loop_timer_start(loop, &exchange->timer, 0, exchange_send, exchange);
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

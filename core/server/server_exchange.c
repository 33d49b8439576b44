#include "server_exchange.h"

#include "mem.h"
#include "multipart.h"
#include "server_clock.h"
#include "server_head.h"
#include "server_refusal.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

static struct server_exchange *exchange_new(struct server *server, const char *target,
                                            struct MHD_Connection *connection)
{
    struct server_exchange *exchange = mem_alloc(sizeof *exchange);
    exchange->server = server;
    exchange->connection = connection;
    exchange->peer =
        server->api.get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
            ->socket_context;
    exchange->peer->exchange = exchange;
    exchange->target = mem_strdup(target);
    buf_create(&exchange->body, server->options.max_body);
    exchange->max_body = server->options.max_body;
    exchange->next = server->exchanges;
    if (exchange->next != NULL)
        exchange->next->prev = exchange;
    server->exchanges = exchange;
    return exchange;
}

void server_exchange_free(struct server_exchange *exchange)
{
    if (exchange->prev != NULL)
        exchange->prev->next = exchange->next;
    else
        exchange->server->exchanges = exchange->next;
    if (exchange->next != NULL)
        exchange->next->prev = exchange->prev;
    if (exchange->response != NULL)
        exchange->server->api.destroy_response(exchange->response);
    exchange->server->in_replies -= exchange->in_reply;
    for (size_t i = 0; i < exchange->request.nheaders; i++) {
        mem_free(exchange->headers[i].name);
        mem_free(exchange->headers[i].value);
    }
    mem_free(exchange->headers);
    mem_free(exchange->method);
    mem_free(exchange->version);
    mem_free(exchange->target);
    server_body_drop(exchange);
    exchange->peer->exchange = NULL;
    mem_free(exchange);
}

/* While a connection is suspended the library does not look at the socket; we do, see on_end. */
static void exchange_suspend(struct server_exchange *exchange)
{
    exchange->suspended = true;
    exchange->server->api.suspend_connection(exchange->connection);
}

void server_exchange_gone(struct server_exchange *exchange)
{
    struct server *server = exchange->server;
    server_reply_leave(exchange, DROPPED);
    if (server->options.gone != NULL)
        server->options.gone(server->options.arg, exchange);
}

/* ---- the library's callbacks ---- */

/* A copy without the white space behind it, which is no part of a value (RFC 9110, 5.5). */
static char *copy_value(const char *value)
{
    size_t len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    return mem_strndup(value, len);
}

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    struct server_exchange *exchange = arg;
    size_t n = exchange->request.nheaders++;
    exchange->headers = mem_realloc(exchange->headers, (n + 1) * sizeof *exchange->headers);
    exchange->headers[n].name = mem_strdup(name);
    exchange->headers[n].value = copy_value(value != NULL ? value : "");
    return MHD_YES;
}

static const char *find_header(const struct server_exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->request.nheaders; i++) {
        if (strcasecmp(exchange->headers[i].name, name) == 0)
            return exchange->headers[i].value;
    }
    return NULL;
}

static enum MHD_Result queue(struct server_exchange *exchange)
{
    return exchange->server->api.queue_response(exchange->connection, (unsigned)exchange->status,
                                                exchange->response);
}

/* Before the body is read: what is answered here ends the connection, but not at once, since its
 * peer may still be sending. */
static enum MHD_Result answer_early(struct server_exchange *exchange)
{
    exchange->peer->linger = true;
    return exchange->state == ANSWERED ? queue(exchange) : MHD_NO;
}

static enum MHD_Result refuse_early(struct server_exchange *exchange, int status, const char *code,
                                    const char *message)
{
    const struct server_refusal refusal = {status, code, message, exchange->target};
    server_refusal_reply(exchange, &refusal);
    return answer_early(exchange);
}

static enum MHD_Result refuse_body_early(struct server_exchange *exchange, int status)
{
    struct server_refusal refusal = server_refusal_of(status);
    return refuse_early(exchange, refusal.status, refusal.code, refusal.message);
}

static void describe(struct server_exchange *exchange)
{
    struct server_request *request = &exchange->request;
    request->method = exchange->method;
    request->target = exchange->target;
    request->version = exchange->version;
    request->remote = exchange->peer->remote;
    request->headers = exchange->headers;
    request->body = exchange->body.data;
    request->body_len = exchange->body.len;
}

/* Whether the body may come. False: the request was answered, or dropped. */
static bool ask_head(struct server_exchange *exchange)
{
    const struct server_options *options = &exchange->server->options;
    struct server_request request = exchange->request;
    exchange->unasked = false;
    request.body = "";
    request.body_len = 0;
    uint64_t limit = options->head(options->arg, exchange, &request);
    if (limit < exchange->max_body)
        exchange->max_body = limit;
    return exchange->state == READING_BODY;
}

/* In the middle of a body, where the library takes no reply. */
static bool ask_head_now(struct server_exchange *exchange)
{
    struct buf text;
    buf_create(&text, SERVER_EARLY_REPLY_MAX);
    exchange->raw = &text;
    exchange->is_head = strcmp(exchange->method, "HEAD") == 0;
    bool may_come = ask_head(exchange);
    exchange->raw = NULL;
    if (!may_come) {
        server_reply_send(exchange->peer, text.data, text.len);
        exchange->state = DROPPED;
        exchange->peer->linger = true;
    }
    buf_destroy(&text);
    return may_come;
}

static enum MHD_Result on_body_announced(struct server_exchange *exchange, bool is_form,
                                         const char *length)
{
    const struct server_options *options = &exchange->server->options;
    uint64_t announced = length != NULL ? strtoull(length, NULL, 10) : 0;
    exchange->unasked = options->head != NULL;
    if (exchange->unasked && (options->ask_over == 0 || announced > options->ask_over || is_form ||
                              find_header(exchange, "Expect") != NULL)) {
        if (!ask_head(exchange))
            return answer_early(exchange);
    }
    int refused = server_body_begin(
        exchange, is_form ? find_header(exchange, "Content-Type") : NULL, announced);
    if (refused != 0)
        return refuse_body_early(exchange, refused);
    exchange->since_ms = loop_now_ms(exchange->server->loop);
    server_clock_expect(exchange->server, exchange->since_ms + options->body_ms);
    return MHD_YES;
}

/* The headers are there, the body is not. */
static enum MHD_Result on_headers(struct server_exchange *exchange, const char *method,
                                  const char *version)
{
    const struct mhd_api *api = &exchange->server->api;
    struct server_head_problem problem;
    if (exchange->server->closing)
        return MHD_NO;
    exchange->state = READING_BODY;
    exchange->method = mem_strdup(method);
    exchange->version = mem_strdup(version);
    api->get_connection_values(exchange->connection, MHD_HEADER_KIND, on_header, exchange);
    int checked = server_head_check_parsed(&exchange->server->options, exchange->target, version,
                                           exchange->headers, exchange->request.nheaders, &problem);
    char *origin = server_head_origin(exchange->target);
    mem_free(exchange->target);
    exchange->target = origin;
    if (checked != 0)
        return refuse_early(exchange, problem.status, problem.code, problem.message);
    describe(exchange);
    const struct server_options *options = &exchange->server->options;
    const char *length = find_header(exchange, "Content-Length");
    const char *type = find_header(exchange, "Content-Type");
    bool is_form = options->max_upload > 0 && multipart_is_form(type);
    exchange->max_body = is_form ? options->max_upload : options->max_body;
    if (find_header(exchange, "Transfer-Encoding") != NULL ||
        (length != NULL && strspn(length, "0") < strlen(length)))
        return on_body_announced(exchange, is_form, length);
    int refused = is_form ? server_body_begin(exchange, type, 0) : 0; /* a form of no bytes */
    return refused == 0 ? MHD_YES : refuse_body_early(exchange, refused);
}

void server_exchange_refuse_now(struct server_exchange *exchange, int status, const char *code,
                                const char *message)
{
    const struct server_refusal refusal = {status, code, message, exchange->target};
    struct buf text;
    server_refusal_text(exchange->server, &refusal, strcmp(exchange->method, "HEAD") == 0, &text);
    server_reply_send(exchange->peer, text.data, text.len);
    buf_destroy(&text);
    exchange->state = DROPPED;
    exchange->peer->linger = true;
    server_body_drop(exchange);
}

/* The library takes no reply in the middle of a body. */
static enum MHD_Result on_body(struct server_exchange *exchange, const char *data, size_t size)
{
    if (exchange->server->closing) /* its owner expects no more questions */
        return MHD_NO;
    if (exchange->unasked && exchange->bytes + size > exchange->server->options.ask_over &&
        !ask_head_now(exchange))
        return MHD_NO;
    int status = server_body_take(exchange, data, size);
    if (status == 0)
        return MHD_YES;
    struct server_refusal refusal = server_refusal_of(status);
    server_exchange_refuse_now(exchange, refusal.status, refusal.code, refusal.message);
    return MHD_NO;
}

static enum MHD_Result on_complete_request(struct server_exchange *exchange)
{
    struct server *server = exchange->server;
    int status = server_body_finish(exchange);
    if (status != 0) {
        struct server_refusal refusal = server_refusal_of(status);
        server_exchange_refuse_now(exchange, refusal.status, refusal.code, refusal.message);
        return MHD_NO;
    }
    if (server->closing)
        return MHD_NO;
    describe(exchange);
    exchange->state = WAITING;
    server->options.handler(server->options.arg, exchange, &exchange->request);
    if (exchange->state == ANSWERED)
        return queue(exchange);
    return exchange->state == WAITING ? MHD_YES : MHD_NO;
}

/* Called once when the headers are there, for each piece of the body, once after it; then until
 * there is an answer, or the connection is suspended; and once after it was resumed. MHD_NO closes
 * the connection. */
enum MHD_Result server_exchange_on_access(void *arg, struct MHD_Connection *connection,
                                          const char *url, const char *method, const char *version,
                                          const char *data, size_t *size, void **context)
{
    (void)arg;
    (void)url;
    (void)connection;
    struct server_exchange *exchange = *context;
    if (exchange->state == READING_HEADERS)
        return on_headers(exchange, method, version);
    if (exchange->state == READING_BODY && *size > 0) {
        size_t taken = *size;
        *size = 0;
        return on_body(exchange, data, taken);
    }
    if (exchange->state == READING_BODY)
        return on_complete_request(exchange);
    if (exchange->state == WAITING) {
        /* Only at this second call: the library is past reading now, so that after a resume it does
         * not run into the end of the client's input. Many answers are there by now. */
        exchange_suspend(exchange);
        return MHD_YES;
    }
    if (exchange->state != ANSWERED)
        return MHD_NO;
    exchange->server->replying = true;
    return queue(exchange);
}

/*
 * The library would use the connection's memory for every parameter of the query, and when that is
 * used up neither answer nor close. We never ask it for parameters, so it is shown an empty query.
 * The target is in the library's own writable buffer, which it splits in the same way.
 */
static void hide_query(const char *target)
{
    char *mark = strchr(target, '?');
    if (mark != NULL && mark[1] != '\0')
        mark[1] = '\0';
}

/* Method, target and version stand in one line, where the library has made NULs of the spaces
 * between them. It passes over a second space, and over what follows a NUL in the target. */
static bool is_between_spaces(const char *target)
{
    static const char version[] = "HTTP/";
    return target[-1] == '\0' &&
           strncmp(target + strlen(target) + 1, version, strlen(version)) == 0;
}

/* The only place where the target is still whole and encoded. A space is refused with the head. */
void *server_exchange_on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
    struct server_exchange *exchange =
        exchange_new(arg, is_between_spaces(target) ? target : " ", connection);
    hide_query(target);
    return exchange;
}

void server_exchange_on_completed(void *arg, struct MHD_Connection *connection, void **context,
                                  enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    struct server_exchange *exchange = *context;
    *context = NULL;
    if (exchange == NULL)
        return;
    struct server *server = exchange->server;
    struct server_connection *peer = exchange->peer;
    if (exchange->state == WAITING && server->options.gone != NULL) /* it broke */
        server->options.gone(server->options.arg, exchange);
    /* A reply that was made before server_retire has not said that it was the last. */
    bool over =
        peer->half_closed || (server->retired && (exchange->state != ANSWERED || exchange->last));
    server_exchange_free(exchange);
    if (over && !peer->ended) { /* the library does not always notice */
        peer->ended = true;
        shutdown(peer->fd, SHUT_RDWR);
    }
    peer->answered = true;
    peer->since_ms = loop_now_ms(server->loop);
    server_clock_expect(server, peer->since_ms + (server->retired ? SERVER_KEPT_MS
                                                                  : server->options.idle_ms +
                                                                        server->options.head_ms));
}

int64_t server_exchange_deadline(const struct server_exchange *exchange, int64_t ms, uint64_t rate)
{
    if (exchange->state != READING_BODY && exchange->state != ANSWERED)
        return INT64_MAX;
    return exchange->since_ms + ms + (int64_t)(exchange->bytes / rate * 1000);
}

#include "server_exchange.h"

#include "mem.h"
#include "multipart.h"
#include "server_message.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

static struct server_exchange *exchange_new(struct server *server, const char *target,
                                            struct MHD_Connection *connection)
{
    struct server_exchange *exchange = mem_alloc(sizeof *exchange);
    exchange->server = server;
    exchange->connection = connection;
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
    for (size_t i = 0; i < exchange->request.nheaders; i++) {
        mem_free(exchange->headers[i].name);
        mem_free(exchange->headers[i].value);
    }
    mem_free(exchange->headers);
    mem_free(exchange->method);
    mem_free(exchange->version);
    mem_free(exchange->target);
    buf_destroy(&exchange->body);
    server_upload_free(exchange->upload);
    mem_free(exchange);
}

static int exchange_fd(const struct server_exchange *exchange)
{
    return exchange->server->api
        .get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
        ->connect_fd;
}

/* While suspended the library does not look at the socket; the departure of its peer is seen here.
 * One shot: EPOLLRDHUP stays up, and one report is enough. */
static void exchange_suspend(struct server_exchange *exchange)
{
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = exchange};
    exchange->suspended = true;
    exchange->server->api.suspend_connection(exchange->connection);
    epoll_ctl(exchange->server->peers.fd, EPOLL_CTL_ADD, exchange_fd(exchange), &event);
}

/* Hands a waiting exchange back to the library, which asks for the outcome at its next run. */
static void exchange_leave(struct server_exchange *exchange, enum exchange_state state)
{
    exchange->state = state;
    if (!exchange->suspended)
        return;
    exchange->suspended = false;
    epoll_ctl(exchange->server->peers.fd, EPOLL_CTL_DEL, exchange_fd(exchange), NULL);
    exchange->server->api.resume_connection(exchange->connection);
    exchange->server->resumed = true;
}

void server_exchange_gone(struct server_exchange *exchange)
{
    struct server *server = exchange->server;
    exchange_leave(exchange, DROPPED);
    if (server->options.gone != NULL)
        server->options.gone(server->options.arg, exchange);
}

/* ---- the library's callbacks ---- */

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    struct server_exchange *exchange = arg;
    value = value != NULL ? value : "";
    exchange->header_bytes += strlen(name) + strlen(value) + strlen(": \r\n");
    if (exchange->header_bytes > SERVER_HEADER_MAX)
        return MHD_NO;
    size_t n = exchange->request.nheaders++;
    exchange->headers = mem_realloc(exchange->headers, (n + 1) * sizeof *exchange->headers);
    exchange->headers[n].name = mem_strdup(name);
    exchange->headers[n].value = mem_strdup(value);
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

static enum MHD_Result send_refusal(struct server_exchange *exchange)
{
    const char *message = "The body of the request is too large", *code = "RequestEntityTooLarge";
    if (exchange->refused == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE) {
        message = "The headers of the request are too large";
        code = "RequestHeaderFieldsTooLarge";
    } else if (exchange->refused == MHD_HTTP_INSUFFICIENT_STORAGE) {
        message = "The body of the request cannot be stored";
        code = "InsufficientStorage";
    }
    struct MHD_Response *response =
        server_message_error(&exchange->server->api, message, code, true);
    enum MHD_Result result = exchange->server->api.queue_response(
        exchange->connection, (unsigned)exchange->refused, response);
    exchange->server->api.destroy_response(response);
    return result;
}

/* The headers are there, the body is not. */
static enum MHD_Result on_headers(struct server_exchange *exchange, const char *method,
                                  const char *version)
{
    const struct mhd_api *api = &exchange->server->api;
    exchange->state = READING_BODY;
    exchange->method = mem_strdup(method);
    exchange->version = mem_strdup(version);
    api->get_connection_values(exchange->connection, MHD_HEADER_KIND, on_header, exchange);
    const union MHD_ConnectionInfo *info =
        api->get_connection_info(exchange->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    server_socket_text(info != NULL ? info->client_addr : NULL, exchange->remote);

    const char *type = find_header(exchange, "Content-Type");
    if (exchange->server->options.max_upload > 0 && multipart_is_form(type)) {
        exchange->upload = server_upload_new(&exchange->server->folder, type);
        exchange->max_body = exchange->server->options.max_upload;
    }
    const char *length = find_header(exchange, "Content-Length");
    unsigned long long announced = length != NULL ? strtoull(length, NULL, 10) : 0;
    if (exchange->header_bytes > SERVER_HEADER_MAX)
        exchange->refused = MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    else if (announced > exchange->max_body)
        exchange->refused = MHD_HTTP_CONTENT_TOO_LARGE;
    /* Who asks first, or announces more than is worth reading on, is told at once. */
    if (exchange->refused != 0 &&
        (find_header(exchange, "Expect") != NULL || announced > SERVER_DISCARD_MAX))
        return send_refusal(exchange);
    return MHD_YES;
}

/* 0, or the status that refuses the body. */
static int take(struct server_exchange *exchange, const char *data, size_t size)
{
    struct server *server = exchange->server;
    size_t spool_over = server->options.spool_over;
    struct err err; /* the client is told that it failed, not how the disk is */
    uint64_t before =
        exchange->upload != NULL ? server_upload_bytes(exchange->upload) : exchange->body.len;
    if (size > exchange->max_body - before)
        return MHD_HTTP_CONTENT_TOO_LARGE;
    if (exchange->upload == NULL && (spool_over == 0 || before + size <= spool_over))
        return buf_append(&exchange->body, data, size) == 0 ? 0 : MHD_HTTP_CONTENT_TOO_LARGE;
    if (exchange->upload == NULL) {
        exchange->upload = server_upload_new(&server->folder, NULL);
        if (server_upload_feed(exchange->upload, exchange->body.data, before, &err) != 0)
            return MHD_HTTP_INSUFFICIENT_STORAGE;
        buf_destroy(&exchange->body);
        buf_create(&exchange->body, exchange->server->options.max_body);
    }
    return server_upload_feed(exchange->upload, data, size, &err) == 0
               ? 0
               : MHD_HTTP_INSUFFICIENT_STORAGE;
}

static enum MHD_Result on_body(struct server_exchange *exchange, const char *data, size_t size)
{
    if (exchange->refused == 0)
        exchange->refused = take(exchange, data, size);
    if (exchange->refused == 0)
        return MHD_YES;
    server_upload_free(exchange->upload);
    exchange->upload = NULL;
    exchange->discarded += exchange->body.len + size;
    buf_destroy(&exchange->body);
    buf_create(&exchange->body, exchange->server->options.max_body);
    return exchange->discarded <= SERVER_DISCARD_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_complete_request(struct server_exchange *exchange)
{
    struct server *server = exchange->server;
    struct err err;
    if (exchange->refused == 0 && exchange->upload != NULL &&
        server_upload_finish(exchange->upload, &exchange->request, &err) != 0)
        exchange->refused = MHD_HTTP_INSUFFICIENT_STORAGE;
    if (exchange->refused != 0)
        return send_refusal(exchange);
    if (server->closing)
        return MHD_NO;
    struct server_request *request = &exchange->request;
    request->method = exchange->method;
    request->target = exchange->target;
    request->version = exchange->version;
    request->remote = exchange->remote;
    request->headers = exchange->headers;
    request->body = exchange->body.data;
    request->body_len = exchange->body.len;
    exchange->state = WAITING;
    server->options.handler(server->options.arg, exchange, request);
    if (exchange->state == WAITING) {
        exchange_suspend(exchange);
        return MHD_YES;
    }
    return exchange->state == ANSWERED
               ? server->api.queue_response(exchange->connection, (unsigned)exchange->status,
                                            exchange->response)
               : MHD_NO;
}

/* Called once when the headers are there, for each piece of the body, once after it, and once after
 * a suspended connection was resumed. MHD_NO closes the connection. */
enum MHD_Result server_exchange_on_access(void *arg, struct MHD_Connection *connection,
                                          const char *url, const char *method, const char *version,
                                          const char *data, size_t *size, void **context)
{
    (void)arg;
    (void)url;
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
    if (exchange->state == ANSWERED)
        return exchange->server->api.queue_response(connection, (unsigned)exchange->status,
                                                    exchange->response);
    return MHD_NO;
}

/*
 * The library would spend the connection's memory on every parameter of the query, and when that is
 * used up neither answer nor close. Nobody asks it for them: it is shown an empty query. The target
 * lies in its own buffer, which it writes to in the same way to split path and parameters.
 */
static void hide_query(const char *target)
{
    char *mark = strchr(target, '?');
    if (mark != NULL && mark[1] != '\0')
        mark[1] = '\0';
}

/* The only place where the target is still whole and encoded. */
void *server_exchange_on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
    struct server_exchange *exchange = exchange_new(arg, target, connection);
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
    if (exchange != NULL)
        server_exchange_free(exchange);
}

/* ---- public ---- */

void server_set_user_data(struct server_exchange *exchange, void *data)
{
    exchange->user_data = data;
}

void *server_user_data(const struct server_exchange *exchange)
{
    return exchange->user_data;
}

static void answer(struct server_exchange *exchange, int status, struct MHD_Response *response)
{
    exchange->status = response != NULL ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
    exchange->response = response != NULL ? response
                                          : server_message_error(&exchange->server->api,
                                                                 "The reply was not a valid one",
                                                                 "InternalError", false);
    exchange_leave(exchange, ANSWERED);
}

void server_reply(struct server_exchange *exchange, int status, const struct http_header *headers,
                  size_t nheaders, const void *body, size_t body_len)
{
    struct MHD_Response *response = NULL;
    struct err err;
    if (server_check_reply(status, headers, nheaders, &err) == 0)
        response =
            server_message_new(&exchange->server->api, headers, nheaders, body, body_len, false);
    answer(exchange, status, response);
}

void server_reply_file(struct server_exchange *exchange, int status,
                       const struct http_header *headers, size_t nheaders, int fd, uint64_t len)
{
    struct MHD_Response *response = NULL;
    struct err err;
    if (server_check_reply(status, headers, nheaders, &err) == 0)
        response = server_message_file(&exchange->server->api, headers, nheaders, fd, len);
    else
        close(fd);
    answer(exchange, status, response);
}

void server_drop(struct server_exchange *exchange)
{
    exchange_leave(exchange, DROPPED);
}

#include "server_reply.h"

#include "ascii.h"
#include "server_clock.h"
#include "server_message.h"
#include "server_private.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATUS_MIN 200 /* interim replies are sent by the library */
#define STATUS_MAX 599
#define NAME_SHOWN 64 /* bytes of a bad header name in a message */

int server_check_reply(int status, const struct http_header *headers, size_t nheaders, size_t max,
                       struct err *err)
{
    if (status < STATUS_MIN || status > STATUS_MAX)
        return err_set(err, ERR_INVALID, "status %d of a reply: expected %d to %d", status,
                       STATUS_MIN, STATUS_MAX);
    size_t total = 0;
    for (size_t i = 0; i < nheaders; i++) {
        const char *name = headers[i].name, *value = headers[i].value;
        if (!field_is_token(name)) {
            char shown[NAME_SHOWN + 1];
            size_t len = 0;
            for (; name[len] != '\0' && len < NAME_SHOWN; len++)
                shown[len] = isprint((unsigned char)name[len]) ? name[len] : '?';
            shown[len] = '\0';
            return err_set(err, ERR_INVALID,
                           "header name '%s' of a reply: expected letters, digits and hyphens",
                           shown);
        }
        if (ascii_has_control(value, strlen(value)))
            return err_set(err, ERR_INVALID,
                           "header %.*s of a reply: its value holds a control character "
                           "(a line break would begin another header)",
                           NAME_SHOWN, name);
        total += strlen(name) + strlen(value) + strlen(": \r\n");
    }
    if (total > max)
        return err_set(err, ERR_INVALID, "headers of a reply: %zu bytes, the limit is %zu", total,
                       max);
    return 0;
}

void server_reply_leave(struct server_exchange *exchange, enum exchange_state state)
{
    exchange->state = state;
    exchange->server->resumed = true;
    if (!exchange->suspended)
        return;
    exchange->suspended = false;
    exchange->server->api.resume_connection(exchange->connection);
}

/* One piece, of a TLS connection by the library's session. Returns the bytes sent, or < 0. */
static ssize_t send_some(const struct server_connection *connection, const char *data, size_t len)
{
    const struct mhd_api *api = &connection->server->api;
    ssize_t n;
    if (!connection->server->tls) {
        do
            n = send(connection->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n;
    }
    return api->record_send(api->get_connection_info(connection->exchange->connection,
                                                     MHD_CONNECTION_INFO_GNUTLS_SESSION)
                                ->tls_session,
                            data, len);
}

void server_reply_send(const struct server_connection *connection, const char *data, size_t len)
{
    ssize_t n = 1;
    for (size_t sent = 0; sent < len && n > 0; sent += n > 0 ? (size_t)n : 0)
        n = send_some(connection, data + sent, len - sent);
}

/* Nothing can follow it. */
static bool is_last(const struct server_exchange *exchange)
{
    return exchange->state == READING_BODY || exchange->peer->half_closed ||
           exchange->server->retired;
}

void server_set_user_data(struct server_exchange *exchange, void *data)
{
    exchange->user_data = data;
}

void *server_user_data(const struct server_exchange *exchange)
{
    return exchange->user_data;
}

/* The client must take the reply within the time for a body. */
static void answer(struct server_exchange *exchange, int status, struct MHD_Response *response,
                   uint64_t len)
{
    struct server *server = exchange->server;
    exchange->status = response != NULL ? status : MHD_HTTP_INTERNAL_SERVER_ERROR;
    exchange->response = response != NULL
                             ? response
                             : server_message_error(&server->api, "The reply was not a valid one",
                                                    "InternalError", is_last(exchange));
    exchange->bytes = len;
    exchange->last = is_last(exchange);
    exchange->since_ms = loop_now_ms(server->loop);
    server_clock_expect(server, exchange->since_ms + server->options.body_ms);
    server_reply_leave(exchange, ANSWERED);
}

static bool is_good(const struct server_exchange *exchange, int status,
                    const struct http_header *headers, size_t nheaders)
{
    struct err err;
    return server_check_reply(status, headers, nheaders, exchange->server->options.max_reply_head,
                              &err) == 0;
}

/* What is kept for clients that take their time. Where slow ones have filled it, small replies are
 * made all the same: errors, and what a monitor asks for. */
static bool has_room(struct server *server, size_t body_len)
{
    while (body_len > SERVER_REPLY_SMALL && server->in_replies >= server->options.max_memory) {
        if (!server->end_slow_reply(server))
            return false;
    }
    return true;
}

static void count_reply(struct server_exchange *exchange, size_t body_len)
{
    if (body_len <= SERVER_REPLY_SMALL)
        return;
    exchange->in_reply = body_len;
    exchange->server->in_replies += body_len;
}

static void refuse_busy(struct server_exchange *exchange)
{
    enum { BUSY = MHD_HTTP_SERVICE_UNAVAILABLE };
    struct MHD_Response *response =
        server_message_error(&exchange->server->api, "Too many replies are being sent; try again",
                             "ServerBusy", is_last(exchange));
    answer(exchange, BUSY, response, 0);
}

void server_reply(struct server_exchange *exchange, int status, const struct http_header *headers,
                  size_t nheaders, const void *body, size_t body_len)
{
    const struct mhd_api *api = &exchange->server->api;
    struct MHD_Response *response = NULL;
    bool good = is_good(exchange, status, headers, nheaders);
    if (exchange->raw != NULL) {
        if (good)
            server_message_text(api, exchange->raw, status, headers, nheaders, body, body_len,
                                exchange->is_head);
        exchange->state = good && exchange->raw->len > 0 ? ANSWERED : exchange->state;
        return;
    }
    if (good && !has_room(exchange->server, body_len)) {
        refuse_busy(exchange);
        return;
    }
    if (good)
        response = server_message_new(api, headers, nheaders, body, body_len, is_last(exchange));
    if (response != NULL)
        count_reply(exchange, body_len);
    answer(exchange, status, response, body_len);
}

void server_reply_file(struct server_exchange *exchange, int status,
                       const struct http_header *headers, size_t nheaders, int fd, uint64_t len)
{
    struct MHD_Response *response = NULL;
    if (exchange->raw == NULL && is_good(exchange, status, headers, nheaders))
        response = server_message_file(&exchange->server->api, headers, nheaders, fd, len,
                                       is_last(exchange));
    else
        close(fd);
    if (exchange->raw == NULL)
        answer(exchange, status, response, len);
}

void server_drop(struct server_exchange *exchange)
{
    if (exchange->raw != NULL)
        exchange->state = DROPPED;
    else
        server_reply_leave(exchange, DROPPED);
}

#include "server.h"

#include "buf.h"
#include "clock.h"
#include "mem.h"
#include "mhd_api.h"
#include "server_message.h"
#include "server_socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PEER_EVENTS 64 /* departures handled a turn; the rest come at the next */

/*
 * States of an exchange. Until WAITING and after it libmicrohttpd drives; while WAITING the
 * connection is suspended and only server_reply, server_drop, a departing peer or server_free move
 * it on.
 */
enum exchange_state { READING_HEADERS, READING_BODY, WAITING, ANSWERED, DROPPED };

struct server_exchange {
    struct server *server;
    struct server_exchange *prev, *next;
    struct MHD_Connection *connection;
    enum exchange_state state;
    bool suspended;
    struct server_request request; /* points into what follows */
    struct http_header *headers;
    size_t header_bytes;
    char *method, *version, *target;
    char remote[SERVER_SOCKET_TEXT_MAX];
    struct buf body;
    int refused; /* status to answer once the body has passed by; 0: none */
    size_t discarded;
    int status;
    struct MHD_Response *response;
    void *user_data;
};

struct server {
    struct mhd_api api;
    struct loop *loop;
    struct server_options options;
    int port;
    struct MHD_Daemon *daemon;
    struct loop_hook hook;
    struct loop_fd sockets; /* the daemon's epoll descriptor */
    struct loop_fd peers;   /* an epoll of suspended connections, for departures */
    int64_t due_ms;         /* when the daemon wants to run; -1: not by itself */
    bool resumed;           /* a connection was resumed: it must run before the next wait */
    bool busy;              /* inside the daemon, or going through departures */
    bool closing;           /* server_free was called; while busy it waits */
    struct server_exchange *exchanges;
};

/* ---- an exchange ---- */

static struct server_exchange *exchange_new(struct server *server, const char *target,
                                            struct MHD_Connection *connection)
{
    struct server_exchange *exchange = mem_alloc(sizeof *exchange);
    exchange->server = server;
    exchange->connection = connection;
    exchange->target = mem_strdup(target);
    buf_create(&exchange->body, server->options.max_body);
    exchange->next = server->exchanges;
    if (exchange->next != NULL)
        exchange->next->prev = exchange;
    server->exchanges = exchange;
    return exchange;
}

static void exchange_free(struct server_exchange *exchange)
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

static void exchange_gone(struct server_exchange *exchange)
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
    bool headers = exchange->refused == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    struct MHD_Response *response = server_message_error(
        &exchange->server->api,
        headers ? "The headers of the request are too large"
                : "The body of the request is too large",
        headers ? "RequestHeaderFieldsTooLarge" : "RequestEntityTooLarge", true);
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

    const char *length = find_header(exchange, "Content-Length");
    unsigned long long announced = length != NULL ? strtoull(length, NULL, 10) : 0;
    if (exchange->header_bytes > SERVER_HEADER_MAX)
        exchange->refused = MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    else if (announced > exchange->server->options.max_body)
        exchange->refused = MHD_HTTP_CONTENT_TOO_LARGE;
    /* Who asks first, or announces more than is worth reading on, is told at once. */
    if (exchange->refused != 0 &&
        (find_header(exchange, "Expect") != NULL || announced > SERVER_DISCARD_MAX))
        return send_refusal(exchange);
    return MHD_YES;
}

static enum MHD_Result on_body(struct server_exchange *exchange, const char *data, size_t size)
{
    if (exchange->refused == 0 && buf_append(&exchange->body, data, size) == 0)
        return MHD_YES;
    if (exchange->refused == 0)
        exchange->refused = MHD_HTTP_CONTENT_TOO_LARGE;
    exchange->discarded += exchange->body.len + size;
    buf_destroy(&exchange->body);
    buf_create(&exchange->body, exchange->server->options.max_body);
    return exchange->discarded <= SERVER_DISCARD_MAX ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_complete_request(struct server_exchange *exchange)
{
    struct server *server = exchange->server;
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
static enum MHD_Result on_access(void *arg, struct MHD_Connection *connection, const char *url,
                                 const char *method, const char *version, const char *data,
                                 size_t *size, void **context)
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

/* The only place where the target is still whole and encoded. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
    return exchange_new(arg, target, connection);
}

static size_t on_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text); /* left as it came: whoever splits the target decodes it */
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)arg;
    (void)connection;
    (void)code;
    struct server_exchange *exchange = *context;
    *context = NULL;
    if (exchange != NULL)
        exchange_free(exchange);
}

/* ---- the loop ---- */

static void destroy(struct server *server);

/* False when the server is no more. */
static bool done_being_busy(struct server *server)
{
    server->busy = false;
    if (!server->closing)
        return true;
    destroy(server);
    return false;
}

static bool run(struct server *server)
{
    if (server->busy)
        return true;
    server->busy = true;
    server->resumed = false;
    server->api.run(server->daemon);
    return done_being_busy(server);
}

static void on_sockets(void *arg, short revents)
{
    (void)revents;
    run(arg);
}

static int64_t before_wait(void *arg)
{
    struct server *server = arg;
    if (server->resumed && !run(server))
        return 0;
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (server->api.get_timeout(server->daemon, &wait_ms) != MHD_YES) {
        server->due_ms = -1;
        return -1;
    }
    server->due_ms = clock_mono_ms() + (int64_t)wait_ms;
    return (int64_t)wait_ms;
}

static void after_wait(void *arg)
{
    struct server *server = arg;
    if (server->due_ms >= 0 && clock_mono_ms() >= server->due_ms)
        run(server);
}

static void on_peers(void *arg, short revents)
{
    (void)revents;
    struct server *server = arg;
    struct epoll_event events[PEER_EVENTS];
    int n = epoll_wait(server->peers.fd, events, PEER_EVENTS, 0);
    server->busy = true; /* so that no exchange is freed before its event was looked at */
    for (int i = 0; i < n; i++) {
        struct server_exchange *exchange = events[i].data.ptr;
        if (exchange->state == WAITING)
            exchange_gone(exchange);
    }
    done_being_busy(server);
}

/* ---- public ---- */

static struct MHD_Daemon *start_daemon(struct server *server, int fd)
{
    /* The library's memory for a connection holds the request's headers, then also the reply's;
     * ours says what is too large. Strict: no space in a target, Host is needed. */
    return server->api.start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL, NULL,
        on_access, server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_URI_LOG_CALLBACK, on_target,
        server, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        2 * (SERVER_HEADER_MAX + SERVER_REPLY_HEADER_MAX), MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SERVER_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SERVER_IDLE_S,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

struct server *server_new(struct loop *loop, const struct server_options *options, struct err *err)
{
    struct server *server = mem_alloc(sizeof *server);
    int listener = -1, peers = -1;
    server->loop = loop;
    server->options = *options;
    server->options.host = NULL; /* not kept */
    if (server->options.max_body == 0)
        server->options.max_body = SERVER_BODY_MAX;
    server->port = options->port;
    if (mhd_api_open(&server->api, err) != 0)
        goto failed;
    listener = server_socket_listen(options->host, &server->port, err);
    if (listener < 0)
        goto failed;
    peers = epoll_create1(EPOLL_CLOEXEC);
    if (peers < 0) {
        err_set(err, ERR_CONFIG, "cannot start a server: %s", strerror(errno));
        goto failed;
    }
    server->daemon = start_daemon(server, listener);
    if (server->daemon == NULL) {
        err_set(err, ERR_CONFIG, "cannot start a server: %s refuses to start", MHD_API_LIBRARY);
        goto failed;
    }
    int sockets = server->api.get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    loop_fd_start(loop, &server->sockets, sockets, POLLIN, on_sockets, server);
    loop_fd_start(loop, &server->peers, peers, POLLIN, on_peers, server);
    server->hook.before = before_wait;
    server->hook.after = after_wait;
    server->hook.arg = server;
    loop_hook_add(loop, &server->hook);
    return server;

failed:
    if (listener >= 0)
        close(listener);
    if (peers >= 0)
        close(peers);
    mhd_api_close(&server->api);
    mem_free(server);
    return NULL;
}

static void destroy(struct server *server)
{
    int peers = server->peers.fd;
    server->busy = true; /* a second server_free from inside gone is this one */
    server->closing = true;
    for (struct server_exchange *exchange = server->exchanges; exchange != NULL;
         exchange = exchange->next) {
        if (exchange->state == WAITING)
            exchange_gone(exchange);
    }
    server->api.run(server->daemon); /* sends what was replied just now */
    loop_hook_remove(server->loop, &server->hook);
    loop_fd_stop(server->loop, &server->sockets);
    loop_fd_stop(server->loop, &server->peers);
    server->api.stop_daemon(server->daemon); /* closes its listener too */
    while (server->exchanges != NULL)        /* none, unless the library forgot to tell */
        exchange_free(server->exchanges);
    close(peers);
    mhd_api_close(&server->api);
    mem_free(server);
}

void server_free(struct server *server)
{
    if (server == NULL)
        return;
    if (server->busy)
        server->closing = true;
    else
        destroy(server);
}

int server_port(const struct server *server)
{
    return server->port;
}

void server_set_user_data(struct server_exchange *exchange, void *data)
{
    exchange->user_data = data;
}

void *server_user_data(const struct server_exchange *exchange)
{
    return exchange->user_data;
}

void server_reply(struct server_exchange *exchange, int status, const struct http_header *headers,
                  size_t nheaders, const void *body, size_t body_len)
{
    const struct mhd_api *api = &exchange->server->api;
    struct err err;
    err_clear(&err);
    exchange->status = status;
    if (server_check_reply(status, headers, nheaders, &err) == 0)
        exchange->response = server_message_new(api, headers, nheaders, body, body_len, false);
    if (exchange->response == NULL) {
        exchange->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
        exchange->response =
            server_message_error(api, "The reply was not a valid one", "InternalError", false);
    }
    exchange_leave(exchange, ANSWERED);
}

void server_drop(struct server_exchange *exchange)
{
    exchange_leave(exchange, DROPPED);
}

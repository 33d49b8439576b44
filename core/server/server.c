#include "server.h"

#include "fd.h"
#include "mem.h"
#include "server_clock.h"
#include "server_connection.h"
#include "server_exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

/* Per connection: a copy of Cookie, what is known of each field and each cookie (the library splits
 * Cookie into them), and what it writes itself. Where this does not last it answers malformed. */
#define FIELD_MEMORY   ((size_t)64)
#define LIBRARY_MEMORY ((size_t)8192)
#define KEEP_IDLE_S    30 /* of a silent connection, before keep-alive probes start … */
#define KEEP_BETWEEN_S 10
#define KEEP_PROBES    3
#define TLS_OPTIONS    4
/* RFC 8996: neither 1.0 nor 1.1, which the library takes by itself. */
#define PRIORITIES "NORMAL:-VERS-TLS1.0:-VERS-TLS1.1"

static size_t on_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text); /* left as it came: the handler decodes it after splitting it */
}

/* ---- the loop ---- */

static void on_sockets(void *arg, short revents)
{
    (void)revents;
    server_clock_run(arg);
}

static int64_t before_wait(void *arg)
{
    struct server *server = arg;
    if (server->resumed && !server_clock_run(server))
        return 0;
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (server->api.get_timeout(server->daemon, &wait_ms) != MHD_YES) {
        server->due_ms = -1;
        return -1;
    }
    server->due_ms = loop_now_ms(server->loop) + (int64_t)wait_ms;
    return (int64_t)wait_ms;
}

static void after_wait(void *arg)
{
    struct server *server = arg;
    if (server->due_ms >= 0 && loop_now_ms(server->loop) >= server->due_ms)
        server_clock_run(server);
}

/* ---- public ---- */

/* For a library that only reads it. */
static void *mutable_text(const char *text)
{
    const union {
        const char *text;
        void *any;
    } either = {text};
    return either.any;
}

/* The last one is the end. */
static void set_tls(struct MHD_OptionItem options[TLS_OPTIONS], const char *certificate,
                    const char *key)
{
    options[0] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_CERT, 0, mutable_text(certificate)};
    options[1] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_MEM_KEY, 0, mutable_text(key)};
    options[2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, mutable_text(PRIORITIES)};
    options[3] = (struct MHD_OptionItem){MHD_OPTION_END, 0, NULL};
}

static size_t memory_of_connection(const struct server_options *limits)
{
    size_t fields = SERVER_HEADERS_MAX + limits->max_cookies;
    return limits->max_head + limits->max_cookie + limits->max_reply_head + fields * FIELD_MEMORY +
           LIBRARY_MEMORY;
}

static struct MHD_Daemon *start_daemon(struct server *server, const struct server_options *options)
{
    /* The library's memory for a connection holds the request's head, its fields, and the reply's
     * headers. Malformed heads are refused by us before and after it, in the service's form. */
    struct MHD_OptionItem tls[TLS_OPTIONS];
    set_tls(tls, options->certificate, options->key);
    return server->api.start_daemon(
        MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_SUPPRESS_DATE_NO_CLOCK | (server->tls ? MHD_USE_TLS : 0U),
        0, NULL, NULL, server_exchange_on_access, server, MHD_OPTION_NOTIFY_CONNECTION,
        server_connection_on_notify, server, MHD_OPTION_URI_LOG_CALLBACK, server_exchange_on_target,
        server, MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        server_exchange_on_completed, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        memory_of_connection(&server->options), MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)server->options.max_connections, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(server->options.idle_ms / 1000), MHD_OPTION_ARRAY,
        server->tls ? tls : tls + TLS_OPTIONS - 1, MHD_OPTION_END);
}

static void set_limits(struct server_options *options)
{
    const struct server_options limits = {.max_body = SERVER_BODY_MAX,
                                          .max_head = SERVER_HEAD_MAX,
                                          .max_cookies = SERVER_COOKIES_MAX,
                                          .max_reply_head = SERVER_REPLY_HEADER_MAX,
                                          .head_ms = SERVER_HEAD_MS,
                                          .body_ms = SERVER_BODY_MS,
                                          .linger_ms = SERVER_LINGER_MS,
                                          .idle_ms = SERVER_IDLE_MS,
                                          .rate_min = SERVER_RATE_MIN,
                                          .max_memory = SERVER_MEMORY_MAX,
                                          .max_files = SERVER_FILES_MAX,
                                          .max_uploads = SERVER_UPLOADS_MAX,
                                          .max_connections = SERVER_CONNECTIONS_MAX};
#define X(name)                                                                                    \
    if (options->name == 0)                                                                        \
        options->name = limits.name;
    X(max_body)
    X(max_head)
    X(max_cookies)
    X(max_reply_head)
    X(head_ms)
    X(body_ms)
    X(linger_ms)
    X(idle_ms)
    X(rate_min)
    X(max_memory)
    X(max_files)
    X(max_uploads)
    X(max_connections)
#undef X
    if (options->max_cookie == 0)
        options->max_cookie = options->max_head;
}

/* Leaves descriptors for files and databases: a server without one could not make room. */
static void leave_descriptors(struct server_options *options)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
        return;
    size_t open = fd_count(), most = (size_t)limit.rlim_cur;
    size_t servers = options->servers > 0 ? options->servers : 1;
    size_t share = most > open ? (most - open) / 4 * 3 / servers : 0;
    if (options->max_connections > share)
        options->max_connections = share > 0 ? share : 1;
    if (options->max_uploads > share / 8)
        options->max_uploads = share / 8 > 0 ? share / 8 : 1;
}

/* Notices a peer whose system is gone, or no longer knows the connection, while its request waits.
 * Accepted sockets inherit the options. */
static void probe_peers(int listener)
{
    const int on = 1, idle_s = KEEP_IDLE_S, between_s = KEEP_BETWEEN_S, probes = KEEP_PROBES;
    setsockopt(listener, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(listener, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(listener, IPPROTO_TCP, TCP_KEEPINTVL, &between_s, sizeof between_s);
    setsockopt(listener, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void destroy(struct server *server)
{
    int arrivals = server->arrivals.fd, listener = server->listener.fd;
    server->busy = true; /* a nested server_free, from inside gone, must do nothing */
    server->closing = true;
    for (struct server_exchange *exchange = server->exchanges; exchange != NULL;
         exchange = exchange->next) {
        if (exchange->state == WAITING)
            server_exchange_gone(exchange);
    }
    server_connection_stop(server);
    server->api.run(server->daemon); /* sends the replies made just now … */
    server->api.run(
        server
            ->daemon); /* … and a second run, for replies to exchanges that were never suspended */
    loop_hook_remove(server->loop, &server->hook);
    loop_fd_stop(server->loop, &server->sockets);
    loop_awaits(server->loop, LOOP_SERVER, -1);
    server->api.stop_daemon(server->daemon);
    server_connection_end_all(server);
    while (server->exchanges != NULL) /* normally none: the library reports each end */
        server_exchange_free(server->exchanges);
    loop_timer_stop(server->loop, &server->clock); /* ending a connection may have started it */
    close(arrivals);
    if (listener >= 0)
        close(listener);
    mem_free(server->scratch);
    server_folder_close(&server->folder);
    mhd_api_close(&server->api);
    mem_free(server);
}

/* Why the library has not started. */
static void explain_refusal(bool tls, struct err *err)
{
    if (fd_few_left())
        err_set(err, ERR_CONFIG, "cannot start a server: %s", strerror(EMFILE));
    else
        err_set(err, ERR_CONFIG, "cannot start a server: %s refuses %s", MHD_API_LIBRARY,
                tls ? "the certificate or its key, which do not fit or are not PEM" : "to start");
}

int server_check_certificate(const char *certificate, const char *key, struct err *err)
{
    struct MHD_OptionItem tls[TLS_OPTIONS];
    struct mhd_api api;
    set_tls(tls, certificate, key);
    if (mhd_api_open(&api, err) != 0)
        return -1;
    struct MHD_Daemon *daemon =
        api.start_daemon(MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_USE_TLS, 0, NULL, NULL,
                         server_exchange_on_access, NULL, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (daemon != NULL)
        api.stop_daemon(daemon);
    else
        explain_refusal(true, err);
    mhd_api_close(&api);
    return daemon != NULL ? 0 : -1;
}

struct server *server_new(struct loop *loop, const struct server_options *options, struct err *err)
{
    struct server *server = mem_alloc(sizeof *server);
    int listener = options->socket > 0 ? options->socket : -1, arrivals = -1;
    server->loop = loop;
    server->destroy = destroy;
    server->options = *options;
    server->options.host = NULL; /* not kept */
    server->options.folder = NULL;
    server->options.certificate = server->options.key = NULL;
    server->tls = options->certificate != NULL;
    set_limits(&server->options);
    leave_descriptors(&server->options);
    server->due_clock_ms = INT64_MAX;
    server->port = options->port;
    if (mhd_api_open(&server->api, err) != 0)
        goto failed;
    bool to_files = options->spool_over > 0 || options->max_upload > 0 || options->folder != NULL;
    if (to_files && server_folder_open(&server->folder, options->folder, err) != 0)
        goto failed;
    if (options->socket > 0 && server_socket_adopt(options->socket, &server->port, err) != 0)
        goto failed;
    if (options->socket == 0)
        listener = server_socket_listen(options->host, &server->port, err);
    if (listener < 0)
        goto failed;
    probe_peers(listener);
    arrivals = epoll_create1(EPOLL_CLOEXEC);
    if (arrivals < 0) {
        err_set(err, ERR_CONFIG, "cannot start a server: %s", strerror(errno));
        goto failed;
    }
    server->daemon = start_daemon(server, options);
    if (server->daemon == NULL) {
        explain_refusal(server->tls, err);
        goto failed;
    }
    int sockets = server->api.get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    loop_fd_start(loop, &server->sockets, sockets, POLLIN, on_sockets, server);
    loop_awaits(loop, LOOP_SERVER, 1);
    server->hook.before = before_wait;
    server->hook.after = after_wait;
    server->hook.arg = server;
    loop_hook_add(loop, &server->hook);
    server->scratch = mem_alloc(SERVER_SCRATCH);
    server->listener.fd = listener;
    server->arrivals.fd = arrivals;
    server_connection_listen(server);
    return server;

failed:
    if (listener >= 0)
        close(listener);
    if (arrivals >= 0)
        close(arrivals);
    server_folder_close(&server->folder);
    mhd_api_close(&server->api);
    mem_free(server);
    return NULL;
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

void server_retire(struct server *server)
{
    if (server->retired)
        return;
    server->retired = true;
    server->retired_ms = loop_now_ms(server->loop);
    server_connection_retire(server);
}

size_t server_connections(const struct server *server)
{
    return server->nconnections;
}

int server_port(const struct server *server)
{
    return server->port;
}

const char *server_folder(const struct server *server)
{
    return server->folder.path;
}

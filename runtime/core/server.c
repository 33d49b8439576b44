#include "server_exchange.h"

#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PEER_EVENTS 64 /* departures handled a turn; the rest come at the next */

static size_t on_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg;
    (void)connection;
    return strlen(text); /* left as it came: whoever splits the target decodes it */
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
            server_exchange_gone(exchange);
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
        server_exchange_on_access, server, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, server_exchange_on_target, server,
        MHD_OPTION_UNESCAPE_CALLBACK, on_unescape, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        server_exchange_on_completed, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
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
    server->options.folder = NULL;
    if (server->options.max_body == 0)
        server->options.max_body = SERVER_BODY_MAX;
    server->port = options->port;
    if (mhd_api_open(&server->api, err) != 0)
        goto failed;
    bool to_files = options->spool_over > 0 || options->max_upload > 0 || options->folder != NULL;
    if (to_files && server_folder_open(&server->folder, options->folder, err) != 0)
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
    server_folder_close(&server->folder);
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
            server_exchange_gone(exchange);
    }
    server->api.run(server->daemon); /* sends what was replied just now */
    loop_hook_remove(server->loop, &server->hook);
    loop_fd_stop(server->loop, &server->sockets);
    loop_fd_stop(server->loop, &server->peers);
    server->api.stop_daemon(server->daemon); /* closes its listener too */
    while (server->exchanges != NULL)        /* none, unless the library forgot to tell */
        server_exchange_free(server->exchanges);
    close(peers);
    server_folder_close(&server->folder);
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

const char *server_folder(const struct server *server)
{
    return server->folder.path;
}

#include "peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 1024
#define URLS            4

struct connection {
    struct peer *peer;
    pthread_t thread;
    int fd;
    int number;
};

struct peer {
    peer_script *script;
    void *arg;
    int fd;
    int port;
    pthread_t acceptor;
    pthread_mutex_t mutex; /* of the counters */
    struct connection connections[CONNECTIONS_MAX];
    int nconnections;
    int nrequests;
    char urls[URLS][256];
    int next_url;
};

static void check(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    abort();
}

static void *run_script(void *arg)
{
    struct connection *connection = arg;
    struct peer *peer = connection->peer;
    peer->script(peer, connection->fd, connection->number, peer->arg);
    close(connection->fd);
    return NULL;
}

static void *accept_all(void *arg)
{
    struct peer *peer = arg;
    for (;;) {
        int fd = accept(peer->fd, NULL, NULL);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0)
            return NULL; /* shut down by peer_stop */
        pthread_mutex_lock(&peer->mutex);
        check(peer->nconnections < CONNECTIONS_MAX, "peer: too many connections");
        struct connection *connection = &peer->connections[peer->nconnections];
        *connection = (struct connection){.peer = peer, .fd = fd, .number = peer->nconnections};
        peer->nconnections++;
        check(pthread_create(&connection->thread, NULL, run_script, connection) == 0,
              "pthread_create");
        pthread_mutex_unlock(&peer->mutex);
    }
}

static int listen_anywhere(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    check(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              listen(fd, 256) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0,
          "peer: listen");
    *port = ntohs(address.sin_port);
    return fd;
}

struct peer *peer_start(peer_script *script, void *arg)
{
    struct peer *peer = calloc(1, sizeof *peer);
    check(peer != NULL, "calloc");
    peer->script = script;
    peer->arg = arg;
    peer->fd = listen_anywhere(&peer->port);
    pthread_mutex_init(&peer->mutex, NULL);
    check(pthread_create(&peer->acceptor, NULL, accept_all, peer) == 0, "pthread_create");
    return peer;
}

void peer_stop(struct peer *peer)
{
    shutdown(peer->fd, SHUT_RDWR);
    pthread_join(peer->acceptor, NULL);
    for (int i = 0; i < peer->nconnections; i++)
        pthread_join(peer->connections[i].thread, NULL);
    close(peer->fd);
    pthread_mutex_destroy(&peer->mutex);
    free(peer);
}

int peer_port(const struct peer *peer)
{
    return peer->port;
}

const char *peer_url(struct peer *peer, const char *path)
{
    char *url = peer->urls[peer->next_url++ % URLS];
    snprintf(url, sizeof peer->urls[0], "http://127.0.0.1:%d%s", peer->port, path);
    return url;
}

static int read_counter(struct peer *peer, const int *counter)
{
    pthread_mutex_lock(&peer->mutex);
    int value = *counter;
    pthread_mutex_unlock(&peer->mutex);
    return value;
}

int peer_connections(struct peer *peer)
{
    return read_counter(peer, &peer->nconnections);
}

int peer_requests(struct peer *peer)
{
    return read_counter(peer, &peer->nrequests);
}

static size_t content_length(const char *header)
{
    for (const char *line = header; line != NULL; line = strstr(line, "\r\n")) {
        line += line == header ? 0 : 2;
        if (strncasecmp(line, "Content-Length:", 15) == 0)
            return (size_t)strtoul(line + 15, NULL, 10);
    }
    return 0;
}

bool peer_read(struct peer *peer, int fd, char *request, size_t size)
{
    size_t len = 0;
    size_t wanted = 0; /* 0: the header is not complete */
    while (wanted == 0 || len < wanted) {
        check(len + 1 < size, "peer: request does not fit");
        /* Byte by byte, so that nothing of a next request is taken. */
        size_t room = wanted > 0 ? wanted - len : 1;
        ssize_t got = read(fd, request + len, room < size - 1 - len ? room : size - 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        len += (size_t)got;
        request[len] = '\0';
        if (wanted == 0 && len >= 4 && memcmp(request + len - 4, "\r\n\r\n", 4) == 0)
            wanted = len + content_length(request);
    }
    pthread_mutex_lock(&peer->mutex);
    peer->nrequests++;
    pthread_mutex_unlock(&peer->mutex);
    return true;
}

bool peer_write(int fd, const void *data, size_t len)
{
    const char *bytes = data;
    while (len > 0) {
        ssize_t wrote = send(fd, bytes, len, MSG_NOSIGNAL);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes += wrote;
        len -= (size_t)wrote;
    }
    return true;
}

bool peer_puts(int fd, const char *text)
{
    return peer_write(fd, text, strlen(text));
}

bool peer_printf(int fd, const char *fmt, ...)
{
    char text[4096];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    check(len >= 0 && (size_t)len < sizeof text, "peer_printf");
    return peer_write(fd, text, (size_t)len);
}

void peer_reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

int peer_free_port(void)
{
    int port;
    close(listen_anywhere(&port));
    return port;
}

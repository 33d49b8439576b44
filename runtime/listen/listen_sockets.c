#include "listen_sockets.h"

#include "hook.h"
#include "host.h"
#include "mem.h"
#include "server_socket.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GIVEN_FIRST  3 /* descriptor; SD_LISTEN_FDS_START */
#define METRICS_NAME "metrics"

/* A whole decimal number, or -1. */
static long read_number(const char *text)
{
    char *end;
    if (text == NULL || *text < '0' || *text > '9')
        return -1;
    errno = 0;
    long value = strtol(text, &end, 10);
    return errno == 0 && *end == '\0' && value <= INT_MAX ? value : -1;
}

/* The i-th of names with colons between them is the given one. */
static bool is_named(const char *names, size_t i, const char *name)
{
    for (; names != NULL && i > 0; i--) {
        names = strchr(names, ':');
        names = names != NULL ? names + 1 : NULL;
    }
    if (names == NULL)
        return false;
    size_t len = strcspn(names, ":");
    return len == strlen(name) && memcmp(names, name, len) == 0;
}

static int take(struct listen_sockets *sockets, int fd, bool is_metrics, struct err *err)
{
    int port = 0;
    if (server_socket_adopt(fd, &port, err) != 0)
        return err_wrap(err, "LISTEN_FDS");
    sockets->given = true;
    if (is_metrics && sockets->metrics < 0) {
        sockets->metrics = fd;
        sockets->metrics_port = port;
        return 0;
    }
    if (sockets->count == LISTEN_SOCKETS_MAX)
        return err_set(err, ERR_CONFIG, "LISTEN_FDS: more than %d sockets", LISTEN_SOCKETS_MAX);
    sockets->ports[sockets->count] = port;
    sockets->fds[sockets->count++] = fd;
    return 0;
}

static int take_given(struct listen_sockets *sockets, struct err *err)
{
    char *names = mem_strdup(getenv("LISTEN_FDNAMES"));
    long pid = read_number(getenv("LISTEN_PID")), count = read_number(getenv("LISTEN_FDS"));
    int result = 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (int i = 0; pid == (long)getpid() && i < count && result == 0; i++)
        result = take(sockets, GIVEN_FIRST + i, is_named(names, (size_t)i, METRICS_NAME), err);
    mem_free(names);
    return result;
}

int listen_sockets_open(struct listen_sockets *sockets, const struct listen_address *hooks,
                        const struct listen_address *metrics, struct err *err)
{
    *sockets = (struct listen_sockets){.metrics = -1};
    if (take_given(sockets, err) != 0)
        return -1; /* what was passed is not ours to close: the process ends */
    if (sockets->count == 0) {
        sockets->ports[0] = hooks->port;
        sockets->fds[0] = server_socket_listen(hooks->host, &sockets->ports[0], err);
        sockets->count = sockets->fds[0] >= 0 ? 1 : 0;
        if (sockets->count == 0) {
            listen_sockets_close(sockets);
            return -1;
        }
    }
    if (sockets->metrics < 0 && metrics->host != NULL) {
        sockets->metrics_port = metrics->port;
        sockets->metrics = server_socket_listen(metrics->host, &sockets->metrics_port, err);
        if (sockets->metrics < 0) {
            listen_sockets_close(sockets);
            return -1;
        }
    }
    return 0;
}

static bool is_reached(int fd, char host[SERVER_SOCKET_TEXT_MAX])
{
    server_socket_host(fd, host);
    return host[0] != '\0' && !host_is_loopback(host);
}

static int check_socket(int fd, const struct config *config, struct err *err)
{
    const struct hook_listen *listen = config->listen;
    char host[SERVER_SOCKET_TEXT_MAX];
    if (!is_reached(fd, host))
        return 0;
    if (listen->certificate == NULL && !listen->behind_proxy)
        return err_set(err, ERR_CONFIG,
                       "listen: %s can be reached by others, who could read along; it needs "
                       "'certificate' and 'key', or behind_proxy: true where TLS ends before it",
                       host);
    for (size_t i = 0; i < config->nhooks; i++) {
        const struct hook *hook = config->hooks[i];
        if (hook_is_open(hook))
            return err_set(err, ERR_CONFIG,
                           "webhook '%s' takes events from anybody who reaches %s; it needs "
                           "{secret} in 'path', as in /%s/{secret}",
                           hook->name, host, hook->name);
    }
    return 0;
}

int listen_sockets_check(const struct listen_sockets *sockets, const struct config *config,
                         struct err *err)
{
    char host[SERVER_SOCKET_TEXT_MAX];
    int result = 0;
    for (size_t i = 0; i < sockets->count && result == 0; i++)
        result = check_socket(sockets->fds[i], config, err);
    if (result == 0 && sockets->metrics >= 0 && is_reached(sockets->metrics, host))
        result = err_set(err, ERR_CONFIG,
                         "the socket of metrics has the address %s; it must be an address of this "
                         "machine, as 127.0.0.1",
                         host);
    return result;
}

void listen_sockets_close(struct listen_sockets *sockets)
{
    for (size_t i = 0; i < sockets->count; i++)
        close(sockets->fds[i]);
    if (sockets->metrics >= 0)
        close(sockets->metrics);
    sockets->count = 0;
    sockets->metrics = -1;
}

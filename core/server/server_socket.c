#include "server_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PORT_MAX 65535

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Literal addresses only: a name could resolve to several, or to something reachable from outside.
 * inet_pton, because getaddrinfo takes "0" for 0.0.0.0. */
static int parse(const char *host, int port, union address *address, socklen_t *size,
                 struct err *err)
{
    memset(address, 0, sizeof *address);
    if (strcmp(host, "localhost") == 0)
        host = "127.0.0.1";
    if (inet_pton(AF_INET, host, &address->v4.sin_addr) == 1) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_port = htons((uint16_t)port);
        *size = sizeof address->v4;
        return 0;
    }
    struct addrinfo hints = {
        .ai_family = AF_INET6, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    if (strchr(host, ':') == NULL || getaddrinfo(host, NULL, &hints, &found) != 0)
        return err_set(err, ERR_CONFIG,
                       "cannot listen on '%s': expected an IP address such as 127.0.0.1 or ::1, or "
                       "localhost",
                       host);
    memcpy(&address->v6, found->ai_addr, sizeof address->v6); /* with the zone of fe80::1%eth0 */
    freeaddrinfo(found);
    address->v6.sin6_port = htons((uint16_t)port);
    *size = sizeof address->v6;
    return 0;
}

static int refuse(const char *host, int port, struct err *err)
{
    int code = errno;
    const char *open = strchr(host, ':') != NULL ? "[" : "";
    const char *shut = *open != '\0' ? "]" : "";
    if (code == EADDRINUSE)
        return err_set(err, ERR_NETWORK,
                       "cannot listen on %s%s%s:%d: the address is in use; stop the program that "
                       "has it, or choose another port (0 takes a free one)",
                       open, host, shut, port);
    return err_set(err, ERR_CONFIG, "cannot listen on %s%s%s:%d: %s", open, host, shut, port,
                   strerror(code));
}

int server_socket_listen(const char *host, int *port, struct err *err)
{
    if (*port < 0 || *port > PORT_MAX)
        return err_set(err, ERR_CONFIG, "cannot listen on port %d: expected 0 to %d", *port,
                       PORT_MAX);
    union address address;
    socklen_t size = sizeof address;
    if (parse(host, *port, &address, &size, err) != 0)
        return -1;
    int fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return refuse(host, *port, err);
    const int on = 1;
    /* A restarted server takes its port back although old connections linger in TIME_WAIT. */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address.any.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (bind(fd, &address.any, size) != 0 || listen(fd, SOMAXCONN) != 0 ||
        getsockname(fd, &address.any, &size) != 0) {
        refuse(host, *port, err);
        close(fd);
        return -1;
    }
    *port = ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
    return fd;
}

int server_socket_adopt(int fd, int *port, struct err *err)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_storage storage;
    } address = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t size = sizeof address;
    int listens = 0, type = 0;
    socklen_t listens_size = sizeof listens, type_size = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_size) != 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_size) != 0 || listens == 0 ||
        type != SOCK_STREAM || getsockname(fd, &address.any, &size) != 0)
        return err_set(err, ERR_CONFIG,
                       "descriptor %d is no listening stream socket (ListenStream= of systemd)",
                       fd);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return err_set(err, ERR_CONFIG, "descriptor %d cannot be used: %s", fd, strerror(errno));
    *port = 0;
    if (address.any.sa_family == AF_INET)
        *port = ntohs(address.v4.sin_port);
    else if (address.any.sa_family == AF_INET6)
        *port = ntohs(address.v6.sin6_port);
    return 0;
}

void server_socket_text(const struct sockaddr *address, char text[SERVER_SOCKET_TEXT_MAX])
{
    text[0] = '\0';
    if (address == NULL)
        return;
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, text, SERVER_SOCKET_TEXT_MAX);
    } else if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        inet_ntop(AF_INET6, &v6.sin6_addr, text, SERVER_SOCKET_TEXT_MAX);
    }
}

void server_socket_host(int fd, char text[SERVER_SOCKET_TEXT_MAX])
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t size = sizeof address;
    text[0] = '\0';
    if (getsockname(fd, (struct sockaddr *)&address, &size) == 0)
        server_socket_text((const struct sockaddr *)&address, text);
}

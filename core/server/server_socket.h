/* The listening socket of a server, and addresses as text. */
#ifndef JETON_SERVER_SOCKET_H
#define JETON_SERVER_SOCKET_H

#include "err.h"

#include <sys/socket.h>

#define SERVER_SOCKET_TEXT_MAX 64 /* an IPv6 address with its zone */

/*
 * Binds and listens; the caller closes the descriptor. *port becomes the real one. host: a literal
 * address, or "localhost" (127.0.0.1). ERR_CONFIG: not such a host, a bad port, not allowed;
 * ERR_NETWORK: in use.
 */
int server_socket_listen(const char *host, int *port, struct err *err);
/* The same for a socket that listens already, as a service manager passes it; internet or Unix
 * (port 0). It is made non-blocking. ERR_CONFIG: it does not listen. */
int server_socket_adopt(int fd, int *port, struct err *err);
/* The address that it is bound to, as text; "" for a Unix socket. */
void server_socket_host(int fd, char text[SERVER_SOCKET_TEXT_MAX]);
/* "127.0.0.1"; "" for what is no internet address. */
void server_socket_text(const struct sockaddr *address, char text[SERVER_SOCKET_TEXT_MAX]);

#endif

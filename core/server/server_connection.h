/*
 * Connections of a server, from their arrival to their end. Private to the server.
 *
 * A connection is ours until a whole, sound head has arrived, which is looked at and left in the
 * socket: the library would answer what is wrong with it in its own words, and would spend memory
 * on who never sends one. Then it is the library's. After a reply that came before its request was
 * read it is ours again: what is still under way is read away, since closing would reset the
 * connection and take the reply with it.
 */
#ifndef JETON_SERVER_CONNECTION_H
#define JETON_SERVER_CONNECTION_H

#include "mhd_api.h"
#include "server_socket.h"

#include <stdbool.h>
#include <stdint.h>

struct server;
struct server_exchange;

enum connection_phase { ARRIVING, SERVED, LINGERING };

struct server_connection {
    struct server *server;
    struct server_connection *prev, *next;
    enum connection_phase phase;
    int fd;                           /* closed by the library while SERVED */
    bool watched;                     /* in the server's epoll of connections */
    bool half_closed;                 /* nothing more comes from its peer */
    bool linger;                      /* when the library is done with it */
    bool ended;                       /* shut down; the library is about to notice */
    int64_t since_ms;                 /* it arrived, its last exchange ended, it began to linger */
    uint64_t drained;                 /* bytes read away */
    struct server_exchange *exchange; /* the one that goes on, while SERVED */
    struct sockaddr_storage address;
    socklen_t address_len;
};

/* The server has its daemon and its listener. */
void server_connection_listen(struct server *server);
void server_connection_stop(struct server *server); /* listens no more; before the daemon stops */
void server_connection_end_all(struct server *server);
/* The library's callback: a connection that it begins or ends with. */
void server_connection_on_notify(void *arg, struct MHD_Connection *connection, void **context,
                                 enum MHD_ConnectionNotificationCode code);
/* Something about its time limit has changed: it comes no later than this. */
void server_connection_expect(struct server *server, int64_t due_ms);
/* Sends a reply past the library, which must not have begun one. Then it is for the caller to end
 * the connection. */
void server_connection_say(const struct server_connection *connection, const char *data,
                           size_t len);

#endif

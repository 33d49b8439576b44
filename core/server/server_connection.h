/*
 * Connections of a server, from their arrival to their end. Private to the server.
 *
 * A connection is ours until a complete, valid head has arrived. We look at the head and leave it
 * in the socket, because the library would answer a bad one in its own words, and would spend
 * memory on clients that never send one. Then the connection is the library's. After a reply that
 * came before its request was read it is ours again: we read the rest away, since closing would
 * reset the connection and lose the reply.
 */
#ifndef JETON_SERVER_CONNECTION_H
#define JETON_SERVER_CONNECTION_H

#include "server_private.h"

/* The server has its daemon and its listener. */
void server_connection_listen(struct server *server);
void server_connection_stop(struct server *server); /* listens no more; before the daemon stops */
/* Closes the listener, ends idle connections. Not inside the library. */
void server_connection_retire(struct server *server);
void server_connection_end_all(struct server *server);
/* The library's callback: a connection that it begins or ends with. */
void server_connection_on_notify(void *arg, struct MHD_Connection *connection, void **context,
                                 enum MHD_ConnectionNotificationCode code);

#endif

/*
 * An HTTP server on the loop (libmicrohttpd, loaded at first use). A request reaches the handler
 * whole, its body bounded; the answer may come later. One thread. Large bodies and the parts of
 * multipart forms can go to files, and answers can come from files, without memory that grows with
 * them; reading and writing them may block a moment.
 */
#ifndef JETON_SERVER_H
#define JETON_SERVER_H

#include "err.h"
#include "loop.h"
#include "server_options.h"
#include "server_reply.h"

struct server;
/* ERR_CONFIG: libmicrohttpd missing, bad address, folder, certificate or key; ERR_NETWORK: address
 * in use. */
struct server *server_new(struct loop *loop, const struct server_options *options, struct err *err);
/* Whether a server could use these, in PEM; as server_new. */
int server_check_certificate(const char *certificate, const char *key, struct err *err);
/* Calls gone for exchanges that wait; replies made before are sent as far as possible without
 * waiting. From inside handler or gone it takes effect after the callback returns. NULL is fine. */
void server_free(struct server *server);
/* Listens no more, and ends each connection after its next reply; one that is idle has
 * SERVER_KEPT_MS to ask, or SERVER_RETIRE_MS for the first time. For a server that is to be freed
 * when nothing goes on in it. Idempotent.
 */
void server_retire(struct server *server);
size_t server_connections(const struct server *server); /* open ones */
int server_port(const struct server *server);           /* 0: a socket without one */
const char *server_folder(const struct server *server); /* NULL: it needs none */

#endif

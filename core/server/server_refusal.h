/* What the server itself refuses, in the form that its user gives it. Private to the server. */
#ifndef JETON_SERVER_REFUSAL_H
#define JETON_SERVER_REFUSAL_H

#include "buf.h"
#include "server_options.h"

struct server;

/* The refusal of one of the statuses that the server knows: 413, 503, … */
struct server_refusal server_refusal_of(int status);
/* Answers the exchange with it, here and now. */
void server_refusal_reply(struct server_exchange *exchange, const struct server_refusal *refusal);
/* As the whole text of a reply that ends its connection. is_head: of a HEAD request. The caller
 * destroys text, which need not be created before. */
void server_refusal_text(struct server *server, const struct server_refusal *refusal, bool is_head,
                         struct buf *text);

#endif

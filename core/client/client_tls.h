/* The certificates that calls show to servers that ask for them, each read once for a token. */
#ifndef JETON_CLIENT_TLS_H
#define JETON_CLIENT_TLS_H

#include "provider.h"

struct client_tls; /* a list; NULL: empty */

/*
 * That of the connector, or of whoever lends it its token; NULL: none is configured. Valid until
 * the next call. A token of another generation may be bound to another one, so it is read anew
 * then (provider.identify: may block). -1 with err.
 */
int client_tls_find(struct client_tls **list, const struct connector *connector, int64_t generation,
                    struct redact *redact, int64_t deadline_ms, const struct provider_tls **found,
                    struct err *err);
void client_tls_free(struct client_tls *list); /* wipes */

#endif

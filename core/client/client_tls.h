/* The certificates that calls show to servers that ask for them. */
#ifndef JETON_CLIENT_TLS_H
#define JETON_CLIENT_TLS_H

#include "provider.h"

struct client_tls; /* a list; NULL: empty */

struct client_tls_reader {
    int64_t now_ms; /* by any clock that goes on */
    struct redact *redact;
    int64_t deadline_ms;
};

/*
 * That of the connector, or of whoever lends it its token; NULL: none is configured. Valid until
 * the next call. A token of another generation may be bound to another one, so it is read anew
 * then, and now and then (provider.identify: may block). -1 with err.
 */
int client_tls_find(struct client_tls **list, const struct connector *connector, int64_t generation,
                    const struct client_tls_reader *reader, const struct provider_tls **found,
                    struct err *err);
/* Of the one that was found last. */
int64_t client_tls_version(struct client_tls *list, const struct connector *connector);
/* Where the server did not take that of the version: whether there is another one by now. */
bool client_tls_renew(struct client_tls *list, const struct connector *connector, int64_t version,
                      const struct client_tls_reader *reader);
void client_tls_free(struct client_tls *list); /* wipes */

#endif

/* The certificate by which a client identifies itself in the TLS handshake of token requests (RFC
 * 8705). */
#ifndef JETON_OAUTH2_TLS_H
#define JETON_OAUTH2_TLS_H

#include "provider.h"

struct oauth2_tls { /* PEM, as libcurl takes it */
    struct buf certificate, key;
};

void oauth2_tls_create(struct oauth2_tls *tls);
void oauth2_tls_destroy(struct oauth2_tls *tls); /* wipes */
/* Both stay empty where none is configured. ERR_CONFIG says what is wrong with them: among others,
 * that the key is encrypted, or another certificate's. */
int oauth2_tls_read(const struct provider_ask *ask, struct oauth2_tls *tls, struct err *err);

#endif

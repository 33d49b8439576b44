/* The certificate by which a client identifies itself in the TLS handshake (RFC 8705): of token
 * requests, and of calls with the token, which may be bound to it. */
#ifndef JETON_OAUTH2_TLS_H
#define JETON_OAUTH2_TLS_H

#include "provider.h"

/* Both stay empty where none is configured. ERR_CONFIG says what is wrong with them: among others,
 * that the key is encrypted, or another certificate's. */
int oauth2_tls_read(const struct connector *connector, const struct connector_secrets *secrets,
                    struct provider_tls *tls, struct err *err);
/* provider.identify */
int oauth2_tls_identify(const struct connector *connector, struct redact *redact,
                        int64_t deadline_ms, struct provider_tls *tls, struct err *err);
/* provider.identifies */
bool oauth2_tls_identifies(const struct connector *connector);

#endif

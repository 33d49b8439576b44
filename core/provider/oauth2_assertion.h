/* Signed assertions (JWT): of a grant (RFC 7523 §2.1, GitHub Apps), and of a client (§2.2). */
#ifndef JETON_OAUTH2_ASSERTION_H
#define JETON_OAUTH2_ASSERTION_H

#include "provider.h"

#define OAUTH2_GRANT_JWT_URI "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define OAUTH2_ASSERTION_URI "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

/* Each has an ID of its own: a new one for each try. The text is the caller's (mem_free_secret);
 * NULL with err: the key cannot be used. `scope` is asked for by the claim, where that is
 * configured. */
char *oauth2_assertion_grant(const struct provider_ask *ask, const char *scope, struct err *err);
char *oauth2_assertion_client(const struct provider_ask *ask, struct err *err);
/* provider.reads: of private keys. */
int oauth2_assertion_reads_key(const struct secret *secret, const char *text, size_t len,
                               struct err *err);

#endif

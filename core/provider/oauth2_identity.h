/* Who signed in: what an id token says (OpenID Connect). */
#ifndef JETON_OAUTH2_IDENTITY_H
#define JETON_OAUTH2_IDENTITY_H

#include "json.h"
#include "redact.h"

/*
 * Issuer and subject of it (mem_free); NULL where there is none, or it says nothing. Its signature
 * is not looked at: it came from the token service itself (OpenID Connect Core, 3.1.3.7). Registers
 * the token as a secret.
 */
char *oauth2_identity_read(const struct json *id_token, struct redact *redact);

#endif

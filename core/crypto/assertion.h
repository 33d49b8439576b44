/* What a client says of itself or of a user in a JWT, so that a token service trusts it (RFC 7523).
 */
#ifndef JETON_ASSERTION_H
#define JETON_ASSERTION_H

#include "clock.h"
#include "jwt.h"

#define ASSERTION_CLAIMS_MAX ((size_t)64 * 1024) /* bytes of JSON */
#define ASSERTION_JTI_SIZE   23                  /* base64url of 16 random bytes, and NUL */

struct assertion {
    const char *issuer;
    const char *subject;  /* NULL: none */
    const char *audience; /* NULL: none */
    int64_t lifetime_ms;  /* from `iat`; at least a second */
    int64_t backdate_ms;  /* `iat` is so long ago: a service's clock may be behind */
    const char *scope;    /* as claim `scope`; NULL: none */
    const char *claims;   /* the text of a JSON object: added; what it names stands in place of the
                             same claim from here. NULL: none */
};

/* Appends the claims as JSON, as they are at that time. ERR_CONFIG: `claims` is no object, or too
 * large. */
int assertion_claims(const struct assertion *assertion, int64_t now_ms, const char *jti,
                     struct buf *out, struct err *err);
/* Appends the signed token, with a `jti` of its own: services accept each only once. */
int assertion_sign(const struct assertion *assertion, const struct private_key *key,
                   const struct jwt_header *header, const struct clock *clock, struct buf *out,
                   struct err *err);

#endif

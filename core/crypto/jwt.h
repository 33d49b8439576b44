/* JSON Web Tokens that are signed, in the compact form (RFC 7515, RFC 7519). */
#ifndef JETON_JWT_H
#define JETON_JWT_H

#include "certificate.h"

#define JWT_MAX ((size_t)128 * 1024) /* bytes of one */

struct jwt_header {
    enum private_key_algorithm algorithm;
    const char *key_id;                                /* NULL: none */
    const struct certificate_thumbprints *certificate; /* NULL: none */
};

/* Appends the token; claims is the text of a JSON object. ERR_CONFIG: the key does not fit, or
 * out's limit. */
int jwt_sign(const struct private_key *key, const struct jwt_header *header, const char *claims,
             struct buf *out, struct err *err);

#endif

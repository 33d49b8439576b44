/* The certificate of a key that was registered with a service: how a JWT's header names it. */
#ifndef JETON_CERTIFICATE_H
#define JETON_CERTIFICATE_H

#include "private_key.h"

#define CERTIFICATE_X5T_SIZE      28 /* base64url of a SHA-1, and NUL */
#define CERTIFICATE_X5T_S256_SIZE 44 /* the same of a SHA-256 */

/* RFC 7515 §4.1.7 and §4.1.8. */
struct certificate_thumbprints {
    char x5t[CERTIFICATE_X5T_SIZE];
    char x5t_s256[CERTIFICATE_X5T_S256_SIZE];
};

/*
 * Of the first certificate in PEM (PRIVATE_KEY_BYTES_MAX; `\n` as private_key_new takes it).
 * ERR_CONFIG: there is none, or it is another key's.
 */
int certificate_read(const char *text, size_t len, const struct private_key *key,
                     struct certificate_thumbprints *out, struct err *err);

#endif

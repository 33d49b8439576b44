/*
 * A private key, and signatures by it. Read from PEM (PKCS#8, PKCS#1, SEC1), or from the JSON file
 * of a Google service account. An encrypted key is refused; nothing ever asks for a password.
 */
#ifndef JETON_PRIVATE_KEY_H
#define JETON_PRIVATE_KEY_H

#include "buf.h"
#include "err.h"

#define PRIVATE_KEY_BYTES_MAX     ((size_t)64 * 1024)
#define PRIVATE_KEY_RSA_BITS_MIN  2048
#define PRIVATE_KEY_RSA_BITS_MAX  16384 /* a signature by a longer one takes seconds */
#define PRIVATE_KEY_SIGNATURE_MAX (PRIVATE_KEY_RSA_BITS_MAX / 8) /* bytes */

/* As JSON Web Signatures name them (RFC 7518, RFC 8037). */
enum private_key_algorithm {
    PRIVATE_KEY_RS256,
    PRIVATE_KEY_PS256,
    PRIVATE_KEY_ES256, /* r and s, 32 bytes each */
    PRIVATE_KEY_EDDSA, /* Ed25519 */
};
extern const char *const private_key_algorithms[]; /* "RS256" …; ends with NULL */

struct private_key;

/*
 * ERR_CONFIG says what is wrong with it, and shows nothing of it. In PEM that comes without line
 * ends, as from an environment variable, `\n` as two characters is one. The text stays the
 * caller's; what is made of it is wiped.
 */
struct private_key *private_key_new(const char *text, size_t len, struct err *err);
/* The same of any kind, in PEM only: to compare with a certificate (certificate.h), not to sign. */
struct private_key *private_key_new_any(const char *text, size_t len, struct err *err);
void private_key_free(struct private_key *key); /* wipes; NULL is fine */

/* What a service account's file says beside the key; NULL where it was PEM. */
const char *private_key_issuer(const struct private_key *key);
const char *private_key_id(const struct private_key *key);

/* The one to take where none is configured: RS256, ES256 or EdDSA. */
enum private_key_algorithm private_key_default(const struct private_key *key);
/* Appends the signature's bytes. ERR_CONFIG: the key is not of the algorithm's kind. */
int private_key_sign(const struct private_key *key, enum private_key_algorithm algorithm,
                     const void *data, size_t len, struct buf *out, struct err *err);

#endif

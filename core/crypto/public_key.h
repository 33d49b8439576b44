/* A public key on an elliptic curve, and signatures that it fits (ECDSA). */
#ifndef JETON_PUBLIC_KEY_H
#define JETON_PUBLIC_KEY_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define PUBLIC_KEY_BYTES_MAX ((size_t)16 * 1024)

enum public_key_digest { PUBLIC_KEY_SHA1, PUBLIC_KEY_SHA256, PUBLIC_KEY_SHA512 };

struct public_key;

/* From PEM, or the base64 of its DER (SubjectPublicKeyInfo). ERR_CONFIG says what is wrong with it;
 * also where libcrypto is missing. */
struct public_key *public_key_new(const char *text, size_t len, struct err *err);
void public_key_free(struct public_key *key); /* NULL is fine */
/* A signature in DER, as libcrypto writes it. */
bool public_key_verify(const struct public_key *key, enum public_key_digest digest,
                       const void *data, size_t len, const unsigned char *signature,
                       size_t signature_len);

#endif

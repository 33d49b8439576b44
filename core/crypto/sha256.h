/*
 * SHA-256 of files: libcrypto's, which uses what the processor has for it and is some times faster
 * than libsodium's. That one takes over where libcrypto cannot be loaded.
 */
#ifndef JETON_SHA256_H
#define JETON_SHA256_H

#include <stddef.h>

#define SHA256_BYTES 32

struct sha256;

struct sha256 *sha256_new(void); /* may load libcrypto: not for what is a few bytes long */
void sha256_add(struct sha256 *sha256, const void *data, size_t len);
void sha256_end(struct sha256 *sha256, unsigned char out[SHA256_BYTES]); /* and frees it */
void sha256_free(struct sha256 *sha256);                                 /* NULL is fine */

#endif

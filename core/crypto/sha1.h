/* SHA-1 and its HMAC: some senders of webhooks sign with nothing better, and libsodium has neither.
 * For nothing else: SHA-1 itself is broken. */
#ifndef JETON_SHA1_H
#define JETON_SHA1_H

#include <stddef.h>

#define SHA1_BYTES 20

void sha1_hash(const void *data, size_t len, unsigned char out[SHA1_BYTES]);
void sha1_hmac(const void *key, size_t key_len, const void *data, size_t len,
               unsigned char out[SHA1_BYTES]);

#endif

#include "pkce.h"

#include <sodium.h>
#include <string.h>

#define BYTES 32

static void encode(const unsigned char bytes[static BYTES], char text[static PKCE_SIZE])
{
    sodium_bin2base64(text, PKCE_SIZE, bytes, BYTES, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void pkce_verifier(char verifier[static PKCE_SIZE])
{
    unsigned char bytes[BYTES];
    randombytes_buf(bytes, sizeof bytes);
    encode(bytes, verifier);
    sodium_memzero(bytes, sizeof bytes);
}

void pkce_challenge(const char *verifier, char challenge[static PKCE_SIZE])
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)verifier, strlen(verifier));
    encode(digest, challenge);
}

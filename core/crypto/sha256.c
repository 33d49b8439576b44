#include "sha256.h"

#include "crypto_api.h"
#include "mem.h"

#include <sodium.h>
#include <stdlib.h>

struct sha256 {
    struct crypto_api api;
    EVP_MD_CTX *context; /* NULL: libsodium's state is used */
    crypto_hash_sha256_state state;
};

struct sha256 *sha256_new(void)
{
    struct sha256 *sha256 = mem_alloc(sizeof *sha256);
    struct crypto_api *api = &sha256->api;
    struct err err; /* no loss: libsodium has it, too */
    if (crypto_api_open(api, &err) == 0)
        sha256->context = api->EVP_MD_CTX_new();
    if (sha256->context != NULL &&
        api->EVP_DigestInit_ex(sha256->context, api->EVP_sha256(), NULL) != 1) {
        api->EVP_MD_CTX_free(sha256->context);
        sha256->context = NULL;
    }
    if (sha256->context == NULL)
        crypto_hash_sha256_init(&sha256->state);
    return sha256;
}

void sha256_add(struct sha256 *sha256, const void *data, size_t len)
{
    if (sha256->context == NULL)
        crypto_hash_sha256_update(&sha256->state, data, len);
    else if (sha256->api.EVP_DigestUpdate(sha256->context, data, len) != 1)
        abort(); /* out of memory: of a digest there is nothing else that can fail */
}

void sha256_end(struct sha256 *sha256, unsigned char out[SHA256_BYTES])
{
    if (sha256->context == NULL)
        crypto_hash_sha256_final(&sha256->state, out);
    else if (sha256->api.EVP_DigestFinal_ex(sha256->context, out, NULL) != 1)
        abort();
    sha256_free(sha256);
}

void sha256_free(struct sha256 *sha256)
{
    if (sha256 != NULL && sha256->context != NULL)
        sha256->api.EVP_MD_CTX_free(sha256->context);
    mem_free(sha256);
}

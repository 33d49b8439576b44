#include "private_key_private.h"

#include "mem.h"

#include <sodium.h>

#define ES256_NUMBER 32 /* bytes of r, and of s */

/* The kinds of keys, by the algorithm that they usually sign with. */
static const char *const kinds[] = {
    [PRIVATE_KEY_RS256] = "an RSA key",
    [PRIVATE_KEY_ES256] = "a P-256 key",
    [PRIVATE_KEY_EDDSA] = "an Ed25519 key",
};

/* RS256 and PS256 take the same keys. */
static enum private_key_algorithm usual_of(enum private_key_algorithm algorithm)
{
    return algorithm == PRIVATE_KEY_PS256 ? PRIVATE_KEY_RS256 : algorithm;
}

/* libcrypto's form (DER) to that of RFC 7518 §3.4: r and s at their full length. */
static int append_es256(const struct crypto_api *api, const unsigned char *der, size_t len,
                        struct buf *out)
{
    unsigned char numbers[2 * ES256_NUMBER];
    ECDSA_SIG *signature = api->d2i_ECDSA_SIG(NULL, &der, (long)len);
    if (signature == NULL)
        return -1;
    bool fits = api->BN_bn2binpad(api->ECDSA_SIG_get0_r(signature), numbers, ES256_NUMBER) > 0 &&
                api->BN_bn2binpad(api->ECDSA_SIG_get0_s(signature), numbers + ES256_NUMBER,
                                  ES256_NUMBER) > 0;
    api->ECDSA_SIG_free(signature);
    return fits ? buf_append(out, numbers, sizeof numbers) : -1;
}

static int begin(const struct private_key *key, enum private_key_algorithm algorithm,
                 EVP_MD_CTX *context)
{
    const struct crypto_api *api = &key->api;
    /* EdDSA hashes by itself. */
    const EVP_MD *digest = algorithm == PRIVATE_KEY_EDDSA ? NULL : api->EVP_sha256();
    EVP_PKEY_CTX *options = NULL; /* the context's */
    if (api->EVP_DigestSignInit(context, &options, digest, NULL, key->pkey) != 1)
        return -1;
    if (algorithm != PRIVATE_KEY_PS256)
        return 0;
    /* RFC 7518 §3.5: a salt as long as the hash. */
    return api->EVP_PKEY_CTX_set_rsa_padding(options, RSA_PKCS1_PSS_PADDING) == 1 &&
                   api->EVP_PKEY_CTX_set_rsa_pss_saltlen(options, RSA_PSS_SALTLEN_DIGEST) == 1
               ? 0
               : -1;
}

static int sign(const struct private_key *key, enum private_key_algorithm algorithm,
                EVP_MD_CTX *context, const void *data, size_t len, struct buf *out)
{
    const struct crypto_api *api = &key->api;
    unsigned char signature[PRIVATE_KEY_SIGNATURE_MAX];
    size_t size = sizeof signature;
    if (begin(key, algorithm, context) != 0 ||
        api->EVP_DigestSign(context, signature, &size, data, len) != 1)
        return -1;
    return algorithm == PRIVATE_KEY_ES256 ? append_es256(api, signature, size, out)
                                          : buf_append(out, signature, size);
}

int private_key_sign(const struct private_key *key, enum private_key_algorithm algorithm,
                     const void *data, size_t len, struct buf *out, struct err *err)
{
    if (usual_of(algorithm) != key->usual)
        return err_set(err, ERR_CONFIG, "it is %s, and %s needs %s", kinds[key->usual],
                       private_key_algorithms[algorithm], kinds[usual_of(algorithm)]);
    EVP_MD_CTX *context = key->api.EVP_MD_CTX_new();
    int result = context != NULL ? sign(key, algorithm, context, data, len, out) : -1;
    key->api.EVP_MD_CTX_free(context);
    key->api.ERR_clear_error();
    return result == 0 ? 0
                       : err_set(err, ERR_CONFIG, "%s could not sign with it by %s",
                                 CRYPTO_API_LIBRARY, private_key_algorithms[algorithm]);
}

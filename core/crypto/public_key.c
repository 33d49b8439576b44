#include "public_key.h"

#include "base64.h"
#include "buf.h"
#include "crypto_api.h"
#include "mem.h"
#include "pem.h"

#include <sodium.h>
#include <string.h>

struct public_key {
    struct crypto_api api;
    EVP_PKEY *pkey;
};

/* The DER of a text in base64, as SendGrid shows its key. */
static EVP_PKEY *read_der(const struct crypto_api *api, const char *text, size_t len)
{
    unsigned char der[PUBLIC_KEY_BYTES_MAX];
    const unsigned char *from = der;
    size_t size = 0;
    if (!base64_decode(sodium_base64_VARIANT_ORIGINAL, text, len, "\r\n\t ", der, sizeof der,
                       &size))
        return NULL;
    return api->d2i_PUBKEY(NULL, &from, (long)size);
}

static EVP_PKEY *read_pem(const struct crypto_api *api, const char *text, size_t len)
{
    BIO *bio = api->BIO_new_mem_buf(text, (int)len);
    EVP_PKEY *pkey = bio != NULL ? api->PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    api->BIO_free(bio);
    return pkey;
}

struct public_key *public_key_new(const char *text, size_t len, struct err *err)
{
    struct buf pem;
    struct public_key *key = mem_alloc(sizeof *key);
    if (crypto_api_open(&key->api, err) != 0) {
        mem_free(key);
        return NULL;
    }
    buf_create(&pem, PUBLIC_KEY_BYTES_MAX);
    pem_text(text, len, &pem);
    key->pkey = pem.data[0] == '-' ? read_pem(&key->api, pem.data, pem.len)
                                   : read_der(&key->api, pem.data, pem.len);
    buf_destroy(&pem);
    key->api.ERR_clear_error(); /* libcurl looks at the same queue */
    if (key->pkey != NULL && key->api.EVP_PKEY_get_base_id(key->pkey) == EVP_PKEY_EC)
        return key;
    err_set(err, ERR_CONFIG,
            "it is no public key on an elliptic curve; expected PEM, which begins with "
            "-----BEGIN PUBLIC KEY-----, or the base64 of its DER");
    public_key_free(key);
    return NULL;
}

void public_key_free(struct public_key *key)
{
    if (key == NULL)
        return;
    key->api.EVP_PKEY_free(key->pkey);
    mem_free(key);
}

bool public_key_verify(const struct public_key *key, enum public_key_digest digest,
                       const void *data, size_t len, const unsigned char *signature,
                       size_t signature_len)
{
    const struct crypto_api *api = &key->api;
    const EVP_MD *md = digest == PUBLIC_KEY_SHA1     ? api->EVP_sha1()
                       : digest == PUBLIC_KEY_SHA256 ? api->EVP_sha256()
                                                     : api->EVP_sha512();
    EVP_MD_CTX *context = api->EVP_MD_CTX_new();
    bool fits = context != NULL &&
                api->EVP_DigestVerifyInit(context, NULL, md, NULL, key->pkey) == 1 &&
                api->EVP_DigestVerify(context, signature, signature_len, data, len) == 1;
    api->EVP_MD_CTX_free(context);
    api->ERR_clear_error();
    return fits;
}

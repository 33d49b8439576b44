#include "certificate.h"

#include "pem.h"
#include "private_key_private.h"

#include <sodium.h>

#define DIGEST_MAX 32

static int thumbprint(const struct crypto_api *api, const X509 *certificate, const EVP_MD *digest,
                      char *out, size_t size)
{
    unsigned char bytes[DIGEST_MAX];
    unsigned int len = 0;
    if (digest == NULL || api->X509_digest(certificate, digest, bytes, &len) != 1)
        return -1;
    sodium_bin2base64(out, size, bytes, len, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return 0;
}

static int read_pem(const char *pem, size_t len, const struct private_key *key,
                    struct certificate_thumbprints *out, struct err *err)
{
    const struct crypto_api *api = &key->api;
    X509 *certificate = NULL;
    BIO *bio = api->BIO_new_mem_buf(pem, (int)len);
    if (bio != NULL)
        certificate = api->PEM_read_bio_X509(bio, NULL, NULL, NULL);
    api->BIO_free(bio);
    int result = 0;
    if (certificate == NULL)
        result = err_set(err, ERR_CONFIG,
                         "it holds no certificate; expected PEM, which begins with the line "
                         "-----BEGIN CERTIFICATE-----");
    else if (api->X509_check_private_key(certificate, key->pkey) != 1)
        result = err_set(err, ERR_CONFIG, "it is not the certificate of this key");
    else if (thumbprint(api, certificate, api->EVP_sha1(), out->x5t, sizeof out->x5t) != 0 ||
             thumbprint(api, certificate, api->EVP_sha256(), out->x5t_s256, sizeof out->x5t_s256) !=
                 0)
        result = err_set(err, ERR_CONFIG, "%s could not hash it", CRYPTO_API_LIBRARY);
    api->X509_free(certificate);
    api->ERR_clear_error();
    return result;
}

int certificate_read(const char *text, size_t len, const struct private_key *key,
                     struct certificate_thumbprints *out, struct err *err)
{
    struct buf pem;
    if (len > PRIVATE_KEY_BYTES_MAX)
        return err_set(err, ERR_CONFIG, "it is larger than %zu bytes", PRIVATE_KEY_BYTES_MAX);
    buf_create_secret(&pem, PRIVATE_KEY_BYTES_MAX); /* the key may stand in the same file */
    pem_text(text, len, &pem);
    int result = read_pem(pem.data, pem.len, key, out, err);
    buf_destroy(&pem);
    return result;
}

/* libcrypto of OpenSSL 3, loaded at first use: only runs that sign something, or hash files, need
 * it. Where libcurl is in use, it has loaded it already. Private to this folder. */
#ifndef JETON_CRYPTO_API_H
#define JETON_CRYPTO_API_H

#include "err.h"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define CRYPTO_API_LIBRARY "libcrypto.so.3"
#define CRYPTO_API_PACKAGE "libssl3"

#define CRYPTO_API_FUNCTIONS(X)                                                                    \
    X(BIO_free)                                                                                    \
    X(BIO_new_mem_buf)                                                                             \
    X(BN_bn2binpad)                                                                                \
    X(ECDSA_SIG_free)                                                                              \
    X(ECDSA_SIG_get0_r)                                                                            \
    X(ECDSA_SIG_get0_s)                                                                            \
    X(ERR_clear_error)                                                                             \
    X(EVP_DigestFinal_ex)                                                                          \
    X(EVP_DigestInit_ex)                                                                           \
    X(EVP_DigestSign)                                                                              \
    X(EVP_DigestSignInit)                                                                          \
    X(EVP_DigestUpdate)                                                                            \
    X(EVP_DigestVerify)                                                                            \
    X(EVP_DigestVerifyInit)                                                                        \
    X(EVP_MD_CTX_free)                                                                             \
    X(EVP_MD_CTX_new)                                                                              \
    X(EVP_PKEY_CTX_set_rsa_padding)                                                                \
    X(EVP_PKEY_CTX_set_rsa_pss_saltlen)                                                            \
    X(EVP_PKEY_free)                                                                               \
    X(EVP_PKEY_get_base_id)                                                                        \
    X(EVP_PKEY_get_bits)                                                                           \
    X(EVP_PKEY_get_group_name)                                                                     \
    X(EVP_sha1)                                                                                    \
    X(EVP_sha256)                                                                                  \
    X(EVP_sha512)                                                                                  \
    X(PEM_read_bio_PUBKEY)                                                                         \
    X(PEM_read_bio_PrivateKey)                                                                     \
    X(PEM_read_bio_X509)                                                                           \
    X(X509_check_private_key)                                                                      \
    X(X509_digest)                                                                                 \
    X(X509_free)                                                                                   \
    X(d2i_ECDSA_SIG)                                                                               \
    X(d2i_PUBKEY)

/* EVP_sha256() is api.EVP_sha256(), and so on. */
struct crypto_api {
#define CRYPTO_API_MEMBER(name) __typeof__(name) *name;
    CRYPTO_API_FUNCTIONS(CRYPTO_API_MEMBER)
#undef CRYPTO_API_MEMBER
};

/* It stays loaded until the process ends. ERR_CONFIG when it is missing. */
int crypto_api_open(struct crypto_api *api, struct err *err);

#endif

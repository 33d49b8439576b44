/* Between private_key.c, private_key_sign.c and certificate.c. */
#ifndef JETON_PRIVATE_KEY_PRIVATE_H
#define JETON_PRIVATE_KEY_PRIVATE_H

#include "crypto_api.h"
#include "private_key.h"

struct private_key {
    struct crypto_api api;
    EVP_PKEY *pkey;
    bool any;                         /* its kind does not matter: it signs nothing */
    enum private_key_algorithm usual; /* of its kind */
    char *issuer, *id;                /* of a service account; else NULL */
};

#endif

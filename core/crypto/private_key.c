#include "private_key_private.h"

#include "json.h"
#include "mem.h"
#include "pem.h"
#include "utf8.h"

#include <string.h>

#define GROUP_NAME_MAX  64
#define SERVICE_ACCOUNT "service_account"

const char *const private_key_algorithms[] = {"RS256", "PS256", "ES256", "EdDSA", NULL};

/* What people take for a private key, by a part of its first line. */
static const struct {
    const char *mark;
    const char *problem;
} mistaken[] = {
    {"-----BEGIN OPENSSH PRIVATE KEY-----",
     "it is in OpenSSH's own format; `ssh-keygen -p -m PKCS8 -f FILE` converts it"},
    {"-----BEGIN PUBLIC KEY-----", "it is a public key; the private key is needed"},
    {"-----BEGIN RSA PUBLIC KEY-----", "it is a public key; the private key is needed"},
    {"-----BEGIN CERTIFICATE-----", "it is a certificate; the private key is needed"},
};

/* libcrypto asks for a password: the key is encrypted. It gets none. */
static int on_password(char *password, int size, int writing, void *asked)
{
    (void)password, (void)size, (void)writing;
    *(bool *)asked = true;
    return -1;
}

static int not_read(const char *pem, bool encrypted, struct err *err)
{
    if (encrypted)
        return err_set(err, ERR_CONFIG,
                       "it is encrypted, and jeton asks for no password; `openssl pkey -in FILE` "
                       "writes it without one");
    for (size_t i = 0; i < sizeof mistaken / sizeof mistaken[0]; i++) {
        if (strstr(pem, mistaken[i].mark) != NULL)
            return err_set(err, ERR_CONFIG, "%s", mistaken[i].problem);
    }
    return err_set(err, ERR_CONFIG,
                   "it holds no private key; expected PEM, which begins with a line such as "
                   "-----BEGIN PRIVATE KEY-----, or the JSON file of a Google service account");
}

static int read_rsa(struct private_key *key, struct err *err)
{
    int bits = key->api.EVP_PKEY_get_bits(key->pkey);
    if (bits < PRIVATE_KEY_RSA_BITS_MIN || bits > PRIVATE_KEY_RSA_BITS_MAX)
        return err_set(err, ERR_CONFIG, "it is an RSA key of %d bits; expected %d to %d", bits,
                       PRIVATE_KEY_RSA_BITS_MIN, PRIVATE_KEY_RSA_BITS_MAX);
    key->usual = PRIVATE_KEY_RS256;
    return 0;
}

static int read_kind(struct private_key *key, struct err *err)
{
    char group[GROUP_NAME_MAX];
    switch (key->api.EVP_PKEY_get_base_id(key->pkey)) {
    case EVP_PKEY_RSA:
        return read_rsa(key, err);
    case EVP_PKEY_EC:
        if (key->api.EVP_PKEY_get_group_name(key->pkey, group, sizeof group, NULL) != 1 ||
            strcmp(group, SN_X9_62_prime256v1) != 0)
            return err_set(
                err, ERR_CONFIG,
                "it is on an elliptic curve that no algorithm here uses; expected P-256");
        key->usual = PRIVATE_KEY_ES256;
        return 0;
    case EVP_PKEY_ED25519:
        key->usual = PRIVATE_KEY_EDDSA;
        return 0;
    default:
        return err_set(
            err, ERR_CONFIG,
            "it is of a kind that no algorithm here uses; expected RSA, P-256 or Ed25519");
    }
}

static int read_pem(struct private_key *key, const char *pem, size_t len, struct err *err)
{
    bool encrypted = false;
    BIO *bio = key->api.BIO_new_mem_buf(pem, (int)len);
    if (bio != NULL)
        key->pkey = key->api.PEM_read_bio_PrivateKey(bio, NULL, on_password, &encrypted);
    key->api.BIO_free(bio);
    key->api.ERR_clear_error(); /* libcurl looks at the same queue */
    if (key->pkey == NULL)
        return not_read(pem, encrypted, err);
    return key->any ? 0 : read_kind(key, err);
}

/* A copy of a member that is text; NULL where absent. */
static char *member(const struct json *json, const char *name)
{
    return mem_strdup(json_string(json_get(json, name)));
}

static int read_service_account(struct private_key *key, const char *text, size_t len,
                                struct err *err)
{
    const struct json_options options = {.max_bytes = PRIVATE_KEY_BYTES_MAX};
    struct err where = {0}; /* its message may show a character of the key */
    struct json *json = json_parse(text, len, &options, &where);
    if (json == NULL)
        return err_set(err, ERR_CONFIG, "it begins with '{', but is not correct JSON");
    const char *type = json_string(json_get(json, "type"));
    const char *pem = json_string(json_get(json, "private_key"));
    int result;
    if (type == NULL || strcmp(type, SERVICE_ACCOUNT) != 0) {
        result =
            err_set(err, ERR_CONFIG,
                    "it is JSON, but not the key file of a Google service account, whose `type` "
                    "is " SERVICE_ACCOUNT "; expected that or PEM");
    } else if (pem == NULL) {
        result = err_set(err, ERR_CONFIG, "this service account's file has no private_key");
    } else {
        key->issuer = member(json, "client_email");
        key->id = member(json, "private_key_id");
        result = read_pem(key, pem, strlen(pem), err);
    }
    json_free(json);
    return result;
}

static int read_text(struct private_key *key, const char *text, size_t len, struct err *err)
{
    size_t first = utf8_mark(text, len);
    while (first < len && strchr(" \t\r\n", text[first]) != NULL && text[first] != '\0')
        first++;
    if (first < len && text[first] == '{' && !key->any)
        return read_service_account(key, text, len, err);
    struct buf pem;
    buf_create_secret(&pem, PRIVATE_KEY_BYTES_MAX);
    pem_text(text, len, &pem);
    int result = read_pem(key, pem.data, pem.len, err);
    buf_destroy(&pem);
    return result;
}

static struct private_key *new_key(const char *text, size_t len, bool any, struct err *err)
{
    if (len > PRIVATE_KEY_BYTES_MAX) {
        err_set(err, ERR_CONFIG, "it is larger than %zu bytes", PRIVATE_KEY_BYTES_MAX);
        return NULL;
    }
    struct private_key *key = mem_alloc(sizeof *key);
    key->any = any;
    if (crypto_api_open(&key->api, err) != 0) {
        mem_free(key);
        return NULL;
    }
    if (read_text(key, text, len, err) != 0) {
        private_key_free(key);
        return NULL;
    }
    return key;
}

struct private_key *private_key_new(const char *text, size_t len, struct err *err)
{
    return new_key(text, len, false, err);
}

struct private_key *private_key_new_any(const char *text, size_t len, struct err *err)
{
    return new_key(text, len, true, err);
}

void private_key_free(struct private_key *key)
{
    if (key == NULL)
        return;
    key->api.EVP_PKEY_free(key->pkey); /* wipes the numbers */
    mem_free(key->issuer);
    mem_free(key->id);
    mem_free(key);
}

const char *private_key_issuer(const struct private_key *key)
{
    return key->issuer;
}

const char *private_key_id(const struct private_key *key)
{
    return key->id;
}

enum private_key_algorithm private_key_default(const struct private_key *key)
{
    return key->usual;
}

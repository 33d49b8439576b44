#include "hook_private.h"

#include "base64.h"
#include "mem.h"
#include "public_key.h"
#include "sha1.h"

#include <sodium.h>
#include <string.h>

#define WHSEC "whsec_"
#define WHPK  "whpk_"
#define ASKED "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+/=-"

struct key {
    char *name; /* NULL: of signatures */
    char *bytes;
    size_t len;
    unsigned char digest[crypto_hash_sha256_BYTES]; /* of the bytes: to compare without lengths */
    struct public_key *public_key;                  /* ECDSA */
};

struct hook_secrets {
    struct key items[HOOK_SECRETS_MAX + HOOK_NAMED_MAX];
    size_t count; /* those of signatures first */
    size_t nsecrets;
    int64_t second; /* in which challenges were answered */
    int answered;
};

struct hook_secrets *hook_secrets_new(void)
{
    return mem_alloc(sizeof(struct hook_secrets));
}

void hook_secrets_free(struct hook_secrets *keys)
{
    if (keys == NULL)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        struct key *key = &keys->items[i];
        sodium_memzero(key->bytes, key->len);
        mem_free(key->bytes);
        mem_free(key->name);
        public_key_free(key->public_key);
    }
    sodium_memzero(keys, sizeof *keys);
    mem_free(keys);
}

static int decode_hex(struct key *key, const char *value, size_t len)
{
    const char *end = NULL;
    int result =
        sodium_hex2bin((unsigned char *)key->bytes, len + 1, value, len, NULL, &key->len, &end);
    return result == 0 && end == value + len && key->len > 0 ? 0 : -1;
}

static int decode_base64(struct key *key, const char *value, size_t len)
{
    static const int variants[] = {
        sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
        sodium_base64_VARIANT_URLSAFE, sodium_base64_VARIANT_URLSAFE_NO_PADDING};
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        if (base64_decode(variants[i], value, len, NULL, key->bytes, len + 1, &key->len) &&
            key->len > 0)
            return 0;
    return -1;
}

/* Standard Webhooks: a word, and base64; some libraries take it without the word. */
static int decode_prefixed(struct key *key, const char *prefix, const char *value, size_t len)
{
    size_t skip = strlen(prefix);
    if (len < skip || memcmp(value, prefix, skip) != 0)
        skip = 0;
    return decode_base64(key, value + skip, len - skip);
}

static int decode(struct key *key, const struct hook_verify *verify, const char *value, size_t len,
                  struct err *err)
{
    key->bytes = mem_alloc(len + 1);
    switch (key->name != NULL || verify->kind == HOOK_TOKEN || verify->kind == HOOK_BASIC ||
                    verify->kind == HOOK_ECDSA || verify->kind == HOOK_NONE
                ? HOOK_KEY_TEXT
                : (enum hook_key)verify->key) {
    case HOOK_KEY_TEXT:
        memcpy(key->bytes, value, len);
        key->len = len;
        return 0;
    case HOOK_KEY_HEX:
        return decode_hex(key, value, len) == 0
                   ? 0
                   : err_set(err, ERR_CONFIG, "it is not hexadecimal, as its sender writes it");
    case HOOK_KEY_BASE64:
        return decode_base64(key, value, len) == 0
                   ? 0
                   : err_set(err, ERR_CONFIG, "it is not base64, as its sender writes it");
    case HOOK_KEY_WHSEC:
        return decode_prefixed(key, WHSEC, value, len) == 0
                   ? 0
                   : err_set(err, ERR_CONFIG,
                             "it must be " WHSEC " and base64, as its sender shows it");
    case HOOK_KEY_WHPK:
        return decode_prefixed(key, WHPK, value, len) == 0
                   ? 0
                   : err_set(err, ERR_CONFIG,
                             "it must be " WHPK " and base64, as its sender shows it");
    }
    return -1;
}

static int make(struct key *key, const struct hook_verify *verify, const char *value, size_t len,
                struct err *err)
{
    if (decode(key, verify, value, len, err) != 0)
        return -1;
    crypto_hash_sha256(key->digest, (const unsigned char *)key->bytes, key->len);
    if (key->name != NULL)
        return 0;
    if (verify->kind == HOOK_ED25519 && key->len != crypto_sign_PUBLICKEYBYTES)
        return err_set(err, ERR_CONFIG, "it is %zu bytes; a public key of Ed25519 has %d", key->len,
                       (int)crypto_sign_PUBLICKEYBYTES);
    if (verify->kind == HOOK_ECDSA)
        key->public_key = public_key_new(value, len, err);
    return verify->kind != HOOK_ECDSA || key->public_key != NULL ? 0 : -1;
}

int hook_secrets_add(struct hook_secrets *keys, const struct hook_rules *rules, const char *name,
                     const char *value, size_t len, struct err *err)
{
    size_t max = name != NULL ? HOOK_SECRETS_MAX + HOOK_NAMED_MAX : HOOK_SECRETS_MAX;
    if ((name != NULL ? keys->count : keys->nsecrets) == max ||
        keys->count == HOOK_SECRETS_MAX + HOOK_NAMED_MAX)
        return err_set(err, ERR_CONFIG, "there are more than %zu secrets", max);
    if (len == 0 || len > HOOK_SECRET_BYTES_MAX)
        return err_set(err, ERR_CONFIG, "it is empty, or larger than %zu bytes",
                       HOOK_SECRET_BYTES_MAX);
    struct key key = {.name = mem_strdup(name)};
    int result = make(&key, &rules->verify, value, len, err);
    if (result != 0) {
        sodium_memzero(key.bytes, len);
        mem_free(key.bytes);
        mem_free(key.name);
        return -1;
    }
    size_t at = name != NULL ? keys->count : keys->nsecrets++;
    memmove(&keys->items[at + 1], &keys->items[at], (keys->count - at) * sizeof key);
    keys->items[at] = key;
    keys->count++;
    return 0;
}

size_t hook_secrets_count(const struct hook_secrets *keys)
{
    return keys->nsecrets;
}

struct hook_span hook_secrets_at(const struct hook_secrets *keys, size_t index)
{
    return (struct hook_span){keys->items[index].bytes, keys->items[index].len};
}

bool hook_secrets_is(const struct hook_secrets *keys, const char *name, const char *text,
                     size_t len)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    bool found = false;
    crypto_hash_sha256(digest, (const unsigned char *)text, len);
    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->items[i];
        bool asked =
            name == NULL ? key->name == NULL : key->name != NULL && strcmp(key->name, name) == 0;
        found |= asked && sodium_memcmp(key->digest, digest, sizeof digest) == 0;
    }
    return found;
}

static size_t mac_of(const struct key *key, int digest, struct hook_span text,
                     unsigned char out[HOOK_MAC_MAX])
{
    const unsigned char *from = (const unsigned char *)text.text;
    const unsigned char *bytes = (const unsigned char *)key->bytes;
    crypto_auth_hmacsha256_state sha256;
    crypto_auth_hmacsha512_state sha512;
    switch (digest) {
    case HOOK_SHA1:
        sha1_hmac(bytes, key->len, from, text.len, out);
        return SHA1_BYTES;
    case HOOK_SHA256:
        crypto_auth_hmacsha256_init(&sha256, bytes, key->len);
        crypto_auth_hmacsha256_update(&sha256, from, text.len);
        crypto_auth_hmacsha256_final(&sha256, out);
        return crypto_auth_hmacsha256_BYTES;
    default:
        crypto_auth_hmacsha512_init(&sha512, bytes, key->len);
        crypto_auth_hmacsha512_update(&sha512, from, text.len);
        crypto_auth_hmacsha512_final(&sha512, out);
        return crypto_auth_hmacsha512_BYTES;
    }
}

size_t hook_secrets_mac(const struct hook_secrets *keys, size_t index,
                        const struct hook_verify *verify, enum hook_encoding encoding,
                        struct hook_span text, char out[HOOK_MAC_TEXT_MAX])
{
    unsigned char mac[HOOK_MAC_MAX];
    size_t len = mac_of(&keys->items[index], verify->digest, text, mac);
    if (encoding == HOOK_HEX)
        sodium_bin2hex(out, HOOK_MAC_TEXT_MAX, mac, len);
    else
        sodium_bin2base64(out, HOOK_MAC_TEXT_MAX, mac, len, sodium_base64_VARIANT_ORIGINAL);
    sodium_memzero(mac, sizeof mac);
    return strlen(out);
}

bool hook_secrets_verify(const struct hook_secrets *keys, size_t index,
                         const struct hook_verify *verify, struct hook_span text,
                         struct hook_span signature)
{
    const struct key *key = &keys->items[index];
    const unsigned char *bytes = (const unsigned char *)signature.text;
    if (verify->kind == HOOK_ECDSA)
        return public_key_verify(key->public_key, (enum public_key_digest)verify->digest, text.text,
                                 text.len, bytes, signature.len);
    return signature.len == crypto_sign_BYTES &&
           crypto_sign_verify_detached(bytes, (const unsigned char *)text.text, text.len,
                                       (const unsigned char *)key->bytes) == 0;
}

bool hook_secrets_may_answer(struct hook_secrets *keys, int64_t now_ms)
{
    int64_t second = now_ms / 1000;
    if (second != keys->second) {
        keys->second = second;
        keys->answered = 0;
    }
    return keys->answered++ < HOOK_CHALLENGES_PER_SECOND;
}

bool hook_secrets_may_sign(struct hook_span text)
{
    bool good = text.len > 0 && text.len <= HOOK_CHALLENGE_TEXT_MAX;
    for (size_t i = 0; i < text.len && good; i++)
        good = text.text[i] != '\0' && strchr(ASKED, text.text[i]) != NULL;
    return good;
}

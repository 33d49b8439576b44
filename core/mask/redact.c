#include "redact.h"

#include "mem.h"
#include "redact_private.h"

#include <sodium.h>
#include <string.h>

/* Raw, and base64 in two alphabets at three offsets. */
#define PATTERNS_MAX 7

struct secret {
    struct redact_pattern patterns[PATTERNS_MAX]; /* [0] is the secret itself */
    size_t count;
    char **owners; /* NULL-terminated */
    size_t nowners;
};

struct redact {
    struct secret **secrets; /* oldest first */
    size_t count;
    struct redact_index index;
    redact_observe_fn *observe;
    void *observe_arg;
};

struct redact *redact_new(void)
{
    return mem_alloc(sizeof(struct redact));
}

static void secret_free(struct secret *secret)
{
    for (size_t i = 0; i < secret->count; i++) {
        sodium_memzero(secret->patterns[i].data, secret->patterns[i].len);
        mem_free(secret->patterns[i].data);
    }
    for (size_t i = 0; i < secret->nowners; i++)
        mem_free(secret->owners[i]);
    mem_free(secret->owners);
    mem_free(secret);
}

void redact_free(struct redact *redact)
{
    if (redact == NULL)
        return;
    for (size_t i = 0; i < redact->count; i++)
        secret_free(redact->secrets[i]);
    mem_free(redact->secrets);
    mem_free(redact);
}

static void add_pattern(struct secret *secret, const char *data, size_t len)
{
    for (size_t i = 0; i < secret->count; i++) {
        if (secret->patterns[i].len == len && memcmp(secret->patterns[i].data, data, len) == 0)
            return;
    }
    secret->patterns[secret->count++] =
        (struct redact_pattern){.data = mem_strndup(data, len), .len = len, .secret = secret};
}

static void add_owner(struct secret *secret, const char *owner)
{
    if (owner == NULL || secret->nowners == REDACT_OWNERS_MAX)
        return;
    for (size_t i = 0; i < secret->nowners; i++) {
        if (strcmp(secret->owners[i], owner) == 0)
            return;
    }
    secret->owners = mem_realloc(secret->owners, (secret->nowners + 2) * sizeof(char *));
    secret->owners[secret->nowners++] = mem_strdup(owner);
    secret->owners[secret->nowners] = NULL;
}

/*
 * What base64 of any text with this secret in it contains, when `offset` (0 to 2) bytes precede the
 * secret in its group of three: only the digits that depend on no neighbouring byte.
 */
static void add_base64(struct secret *secret, const char *data, size_t len, size_t offset,
                       int variant)
{
    size_t size = offset + len;
    unsigned char *plain = mem_alloc(size);
    memcpy(plain + offset, data, len);
    size_t encoded_size = sodium_base64_encoded_len(size, variant);
    char *encoded = mem_alloc(encoded_size);
    sodium_bin2base64(encoded, encoded_size, plain, size, variant);
    size_t begin = (offset * 8 + 5) / 6;
    size_t end = size * 8 / 6;
    add_pattern(secret, encoded + begin, end - begin);
    sodium_memzero(plain, size);
    sodium_memzero(encoded, encoded_size);
    mem_free(plain);
    mem_free(encoded);
}

static void index_secret(struct redact *redact, struct secret *secret)
{
    for (size_t i = 0; i < secret->count; i++)
        redact_index_add(&redact->index, &secret->patterns[i]);
}

static void drop_oldest(struct redact *redact)
{
    secret_free(redact->secrets[REDACT_PINNED]);
    redact->count--;
    memmove(&redact->secrets[REDACT_PINNED], &redact->secrets[REDACT_PINNED + 1],
            (redact->count - REDACT_PINNED) * sizeof(struct secret *));
    memset(&redact->index, 0, sizeof redact->index);
    for (size_t i = 0; i < redact->count; i++)
        index_secret(redact, redact->secrets[i]);
}

static void add_piece(struct redact *redact, const char *data, size_t len, const char *owner)
{
    for (size_t i = 0; i < redact->count; i++) {
        const struct redact_pattern *raw = &redact->secrets[i]->patterns[0];
        if (raw->len == len && memcmp(raw->data, data, len) == 0) {
            add_owner(redact->secrets[i], owner);
            return;
        }
    }
    struct secret *secret = mem_alloc(sizeof *secret);
    secret->owners = mem_alloc(sizeof(char *));
    add_owner(secret, owner);
    add_pattern(secret, data, len);
    for (size_t offset = 0; offset < 3; offset++) {
        add_base64(secret, data, len, offset, sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
        add_base64(secret, data, len, offset, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    }
    if (redact->count == REDACT_MAX)
        drop_oldest(redact);
    redact->secrets = mem_realloc(redact->secrets, (redact->count + 1) * sizeof(struct secret *));
    redact->secrets[redact->count++] = secret;
    index_secret(redact, secret);
    if (redact->observe != NULL)
        redact->observe(redact->observe_arg, data, len);
}

void redact_add_owned(struct redact *redact, const char *secret, size_t len, const char *owner)
{
    if (len < REDACT_MIN_BYTES)
        return;
    while (len > REDACT_PIECE_MAX) {
        /* The last piece must not become too short to be found. */
        size_t size =
            len - REDACT_PIECE_MAX < REDACT_MIN_BYTES ? REDACT_PIECE_MAX / 2 : REDACT_PIECE_MAX;
        add_piece(redact, secret, size, owner);
        secret += size;
        len -= size;
    }
    add_piece(redact, secret, len, owner);
}

void redact_observe(struct redact *redact, redact_observe_fn *fn, void *arg)
{
    redact->observe = fn;
    redact->observe_arg = arg;
}

void redact_add(struct redact *redact, const char *secret, size_t len)
{
    redact_add_owned(redact, secret, len, NULL);
}

const struct redact_index *redact_index_of(const struct redact *redact)
{
    return &redact->index;
}

struct found {
    const struct secret *secrets[REDACT_MAX];
    size_t count;
};

static void found_add(void *arg, const struct redact_pattern *pattern)
{
    struct found *found = arg;
    for (size_t i = 0; i < found->count; i++) {
        if (found->secrets[i] == pattern->secret)
            return;
    }
    found->secrets[found->count++] = pattern->secret;
}

void redact_find(const struct redact *redact, const char *text, size_t len, redact_found_fn *fn,
                 void *arg)
{
    struct found *found = mem_alloc(sizeof *found);
    for (size_t pos = 0; pos < len; pos++) {
        size_t used;
        redact_index_find(&redact->index, text + pos, len - pos, true, &used, found_add, found);
    }
    bool more = true;
    for (size_t i = 0; i < found->count && more; i++)
        more = fn(arg, (const char *const *)found->secrets[i]->owners);
    mem_free(found);
}

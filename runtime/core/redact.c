#include "redact.h"

#include "mem.h"
#include "redact_match.h"

#include <sodium.h>
#include <string.h>

/* Longer secrets are registered in pieces of this size. */
#define PIECE_MAX ((size_t)64 * 1024)
/* Raw, and base64 in two alphabets at three offsets. */
#define PATTERNS_MAX 7
/* Bytes that a stream scans at once. */
#define SLICE_BYTES ((size_t)16 * 1024)
/* A stream holds back less than the longest pattern as long as it can be written, and a slice. */
#define HELD_MAX (PIECE_MAX * 4 / 3 * REDACT_EXPANSION_MAX + SLICE_BYTES + 64)

struct pattern {
    char *data;
    size_t len;
    const struct secret *secret; /* whose form it is */
    struct pattern *next;        /* of the same first byte */
};

struct secret {
    struct pattern patterns[PATTERNS_MAX]; /* [0] is the secret itself */
    size_t count;
    char **owners; /* NULL-terminated */
    size_t nowners;
};

struct redact {
    struct secret **secrets; /* oldest first */
    size_t count;
    struct pattern *first[256]; /* by first byte */
    bool starts[256];           /* bytes at which an occurrence may begin, in any form */
};

struct redact_stream {
    const struct redact *redact;
    redact_write_fn *write;
    void *arg;
    struct buf held;
    size_t masked; /* of the next bytes, already stood for by the last mask */
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
        (struct pattern){.data = mem_strndup(data, len), .len = len, .secret = secret};
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
 * What base64 of anything that holds the secret contains, when `offset` (0 to 2) bytes precede the
 * secret in its group of three: only the digits that no neighbour has a part in.
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
    for (size_t i = 0; i < secret->count; i++) {
        unsigned char first = (unsigned char)secret->patterns[i].data[0];
        secret->patterns[i].next = redact->first[first];
        redact->first[first] = &secret->patterns[i];
        redact->starts[first] = true;
    }
    redact->starts['%'] = redact->starts['\\'] = true;
    redact->starts['+'] = redact->starts['+'] || redact->first[' '] != NULL;
}

static void drop_oldest(struct redact *redact)
{
    secret_free(redact->secrets[REDACT_PINNED]);
    redact->count--;
    memmove(&redact->secrets[REDACT_PINNED], &redact->secrets[REDACT_PINNED + 1],
            (redact->count - REDACT_PINNED) * sizeof(struct secret *));
    memset(redact->first, 0, sizeof redact->first);
    memset(redact->starts, 0, sizeof redact->starts);
    for (size_t i = 0; i < redact->count; i++)
        index_secret(redact, redact->secrets[i]);
}

static void add_piece(struct redact *redact, const char *data, size_t len, const char *owner)
{
    for (size_t i = 0; i < redact->count; i++) {
        const struct pattern *raw = &redact->secrets[i]->patterns[0];
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
}

void redact_add_owned(struct redact *redact, const char *secret, size_t len, const char *owner)
{
    if (len < REDACT_MIN_BYTES)
        return;
    while (len > PIECE_MAX) {
        /* The last piece must not become too short to be found. */
        size_t size = len - PIECE_MAX < REDACT_MIN_BYTES ? PIECE_MAX / 2 : PIECE_MAX;
        add_piece(redact, secret, size, owner);
        secret += size;
        len -= size;
    }
    add_piece(redact, secret, len, owner);
}

void redact_add(struct redact *redact, const char *secret, size_t len)
{
    redact_add_owned(redact, secret, len, NULL);
}

/* The longest occurrence of any pattern whose first byte is `first`. */
static enum redact_match find_from(const struct redact *redact, unsigned char first,
                                   const char *text, size_t len, bool final, size_t *used)
{
    for (const struct pattern *pattern = redact->first[first]; pattern != NULL;
         pattern = pattern->next) {
        size_t length;
        enum redact_match match =
            redact_match(pattern->data, pattern->len, text, len, final, &length);
        if (match == MATCH_PARTIAL)
            return MATCH_PARTIAL;
        if (match == MATCH_FULL && length > *used)
            *used = length;
    }
    return *used > 0 ? MATCH_FULL : MATCH_NO;
}

/* The longest occurrence of any secret in any form at the beginning of text (not empty). */
static enum redact_match find(const struct redact *redact, const char *text, size_t len, bool final,
                              size_t *used)
{
    unsigned char lead = (unsigned char)text[0], byte;
    *used = 0;
    enum redact_match match = find_from(redact, lead, text, len, final, used);
    if (match == MATCH_PARTIAL || (lead != '%' && lead != '\\' && lead != '+'))
        return match;
    enum redact_match escape = redact_match_first(text, len, final, &byte);
    if (escape == MATCH_FULL && byte != lead)
        return find_from(redact, byte, text, len, final, used);
    return escape == MATCH_PARTIAL ? MATCH_PARTIAL : match;
}

/*
 * Writes text with masks up to its end, or, unless final, to where a secret may begin; returns how
 * far. *masked: how many bytes from there on an earlier mask stands for.
 */
static size_t scan(const struct redact *redact, const char *text, size_t len, bool final,
                   size_t *masked, redact_write_fn *write, void *arg)
{
    size_t plain = *masked; /* from here to pos, text is written as it is */
    size_t pos = 0;
    for (; pos < len; pos++) {
        size_t used;
        while (pos < len && !redact->starts[(unsigned char)text[pos]])
            pos++;
        if (pos == len)
            break;
        enum redact_match match = find(redact, text + pos, len - pos, final, &used);
        if (match == MATCH_PARTIAL)
            break;
        if (match == MATCH_NO || pos + used <= plain)
            continue;
        if (pos >= plain) {
            if (pos > plain)
                write(arg, text + plain, pos - plain);
            write(arg, REDACT_MASK, strlen(REDACT_MASK));
        }
        plain = pos + used;
    }
    if (pos > plain)
        write(arg, text + plain, pos - plain);
    *masked = plain > pos ? plain - pos : 0;
    return pos;
}

bool redact_contains(const struct redact *redact, const char *text, size_t len)
{
    for (size_t pos = 0; pos < len; pos++) {
        size_t used;
        if (redact->starts[(unsigned char)text[pos]] &&
            find(redact, text + pos, len - pos, true, &used) == MATCH_FULL)
            return true;
    }
    return false;
}

struct found {
    const struct secret *secrets[REDACT_MAX];
    size_t count;
};

static void found_add(struct found *found, const struct secret *secret)
{
    for (size_t i = 0; i < found->count; i++) {
        if (found->secrets[i] == secret)
            return;
    }
    found->secrets[found->count++] = secret;
}

/* Every secret of which a form that begins with `first` is at the beginning of text. */
static void find_all(const struct redact *redact, unsigned char first, const char *text, size_t len,
                     struct found *found)
{
    for (const struct pattern *pattern = redact->first[first]; pattern != NULL;
         pattern = pattern->next) {
        size_t used;
        if (redact_match(pattern->data, pattern->len, text, len, true, &used) == MATCH_FULL)
            found_add(found, pattern->secret);
    }
}

void redact_find(const struct redact *redact, const char *text, size_t len, redact_found_fn *fn,
                 void *arg)
{
    struct found *found = mem_alloc(sizeof *found);
    for (size_t pos = 0; pos < len; pos++) {
        unsigned char lead = (unsigned char)text[pos], byte;
        if (!redact->starts[lead])
            continue;
        find_all(redact, lead, text + pos, len - pos, found);
        if (redact_match_first(text + pos, len - pos, true, &byte) == MATCH_FULL && byte != lead)
            find_all(redact, byte, text + pos, len - pos, found);
    }
    bool more = true;
    for (size_t i = 0; i < found->count && more; i++)
        more = fn(arg, (const char *const *)found->secrets[i]->owners);
    mem_free(found);
}

static void write_to_buf(void *arg, const char *data, size_t len)
{
    struct buf *out = arg;
    size_t room = out->limit - out->len;
    buf_append(out, data, len < room ? len : room);
}

void redact_text(const struct redact *redact, const char *text, size_t len, struct buf *out)
{
    size_t masked = 0;
    if (redact == NULL)
        write_to_buf(out, text, len);
    else
        scan(redact, text, len, true, &masked, write_to_buf, out);
}

struct redact_stream *redact_stream_new(const struct redact *redact, redact_write_fn *write,
                                        void *arg)
{
    struct redact_stream *stream = mem_alloc(sizeof *stream);
    stream->redact = redact;
    stream->write = write;
    stream->arg = arg;
    buf_create_secret(&stream->held, HELD_MAX);
    return stream;
}

static void stream_scan(struct redact_stream *stream, bool final)
{
    struct buf *held = &stream->held;
    size_t done = scan(stream->redact, held->data, held->len, final, &stream->masked, stream->write,
                       stream->arg);
    size_t left = held->len - done;
    if (done == 0)
        return;
    memmove(held->data, held->data + done, left);
    sodium_memzero(held->data + left, done);
    held->len = left;
}

void redact_stream_write(struct redact_stream *stream, const char *data, size_t len)
{
    if (stream->redact == NULL) {
        stream->write(stream->arg, data, len);
        return;
    }
    while (len > 0) {
        size_t size = len < SLICE_BYTES ? len : SLICE_BYTES;
        buf_append(&stream->held, data, size);
        stream_scan(stream, false);
        data += size;
        len -= size;
    }
}

void redact_stream_free(struct redact_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->redact != NULL)
        stream_scan(stream, true);
    buf_destroy(&stream->held);
    mem_free(stream);
}

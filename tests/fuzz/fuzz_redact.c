/*
 * Masking, on any secrets and texts. What must hold: the text in pieces is masked as it is as a
 * whole, and no secret is left as it is.
 *
 * The input: a line for each secret, an empty line, a byte that is the size of the pieces, the
 * text.
 */
#include "redact.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX     ((size_t)16 * 1024 * 1024)
#define SECRETS_MAX 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what)
{
    fprintf(stderr, "fuzz_redact: %s\n", what);
    abort();
}

static void append(void *arg, const char *data, size_t len)
{
    buf_append(arg, data, len);
}

/* A mask may look like a part of a secret with stars. */
static void check_hidden(const struct buf *out, const char *secret, size_t len)
{
    if (len >= REDACT_MIN_BYTES && memchr(secret, '*', len) == NULL &&
        memmem(out->data, out->len, secret, len) != NULL)
        fail("a secret is left");
}

static const char *add_secrets(struct redact *redact, const char *text, const char *end,
                               const struct buf *out)
{
    for (int i = 0; i < SECRETS_MAX && text < end; i++) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        size_t len = (size_t)((line_end != NULL ? line_end : end) - text);
        if (out != NULL)
            check_hidden(out, text, len);
        else
            redact_add(redact, text, len);
        text += len + (line_end != NULL ? 1 : 0);
        if (len == 0)
            break;
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *begin = (const char *)data, *end = begin + size;
    struct redact *redact = redact_new();
    struct buf whole, pieces;
    buf_create(&whole, OUT_MAX);
    buf_create(&pieces, OUT_MAX);
    const char *text = add_secrets(redact, begin, end, NULL);
    size_t piece = text < end ? 1 + (unsigned char)*text++ : 1;
    redact_text(redact, text, (size_t)(end - text), &whole);
    struct redact_stream *stream = redact_stream_new(redact, append, &pieces);
    for (const char *at = text; at < end; at += piece) {
        piece = piece < (size_t)(end - at) ? piece : (size_t)(end - at);
        redact_stream_write(stream, at, piece);
    }
    redact_stream_free(stream);
    if (whole.len != pieces.len || memcmp(whole.data, pieces.data, whole.len) != 0)
        fail("in pieces it is another text");
    add_secrets(redact, begin, end, &whole);
    buf_destroy(&whole);
    buf_destroy(&pieces);
    redact_free(redact);
    return 0;
}

/*
 * Masking, of a whole text and of one that comes in pieces.
 *
 * A secret may lie across two writes, and what has been written cannot be taken back. So a stream
 * holds back the end of the text from where a secret may begin:
 *
 *     write 1   "Authorization: Bearer abc"       "abcdef" is the secret
 *                written -------------|held        "abc" may be its beginning
 *     write 2   "def, done"
 *               ["abc" "def"] -> mask, ", done" is written
 *
 * scan() walks from left to right and asks the index what is at each position. Nothing: the byte
 * passes. A whole pattern: a mask takes its place. The text ends before that is decided (PARTIAL):
 * the walk stops, and the rest is held until the next write. At the end of the stream nothing more
 * can come, so what is undecided then is no secret.
 *
 * Patterns may overlap: where one begins within another that has a mask, that mask stands for both.
 * `masked` counts the bytes that the last mask still covers, from one write to the next.
 *
 * A text that was cut ends with a mark ("..."). What stands before a mark and is the beginning of a
 * secret is masked too (find_cut).
 */
#include "err.h"
#include "mem.h"
#include "redact.h"
#include "redact_private.h"

#include <sodium.h>
#include <string.h>

/* Bytes that a stream scans at once. */
#define SLICE_BYTES ((size_t)16 * 1024)
/* A stream holds back less than the longest pattern (a piece in base64) as long as it can be
 * written, and a slice. */
#define HELD_MAX (REDACT_PIECE_MAX * 4 / 3 * REDACT_EXPANSION_MAX + SLICE_BYTES + 64)

struct redact_stream {
    const struct redact *redact;
    redact_write_fn *write;
    void *arg;
    struct buf held;
    size_t masked; /* of the next bytes, already stood for by the last mask */
};

#define MARK_BYTES ((size_t)3)

/* Is a mark of a cut at the beginning of text? */
static enum redact_match mark_at(const char *text, size_t len)
{
    static const char marks[][MARK_BYTES + 1] = {ERR_CUT, "..."};
    enum redact_match match = MATCH_NO;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (memcmp(text, marks[i], len < MARK_BYTES ? len : MARK_BYTES) == 0)
            match = len < MARK_BYTES ? MATCH_PARTIAL : MATCH_FULL;
    }
    return match;
}

/* The first mark, complete or cut off by the end of text, from `from` on; len where there is none.
 */
static size_t next_mark(const char *text, size_t len, size_t from)
{
    while (from < len && ((text[from] != ERR_CUT[0] && text[from] != '.') ||
                          mark_at(text + from, len - from) == MATCH_NO))
        from++;
    return from;
}

/* At the beginning of text: a secret that was cut at the mark, `mark` bytes further on. */
static enum redact_match find_cut(const struct redact_index *index, const char *text, size_t len,
                                  size_t mark, bool final)
{
    size_t used;
    if (mark >= len || mark < REDACT_MIN_BYTES || mark / REDACT_EXPANSION_MAX > index->longest ||
        redact_index_find(index, text, mark, false, &used, NULL, NULL) != MATCH_PARTIAL)
        return MATCH_NO;
    enum redact_match match = mark_at(text + mark, len - mark);
    return match == MATCH_PARTIAL && final ? MATCH_NO : match;
}

/*
 * Writes text with masks up to its end, or, unless final, to where a secret may begin; returns how
 * far. *masked: how many bytes from there on an earlier mask stands for.
 */
static size_t scan(const struct redact_index *index, const char *text, size_t len, bool final,
                   size_t *masked, redact_write_fn *write, void *arg)
{
    size_t plain = *masked; /* from here to pos, text is written as it is */
    size_t pos = 0, mark = next_mark(text, len, 0);
    for (; pos < len; pos++) {
        size_t used = 0;
        while (pos < len && !index->starts[(unsigned char)text[pos]])
            pos++;
        if (pos == len)
            break;
        enum redact_match match =
            redact_index_find(index, text + pos, len - pos, final, &used, NULL, NULL);
        if (mark < pos)
            mark = next_mark(text, len, pos);
        enum redact_match cut = find_cut(index, text + pos, len - pos, mark - pos, final);
        if (match == MATCH_PARTIAL || cut == MATCH_PARTIAL)
            break;
        if (match == MATCH_NO)
            used = 0;
        if (cut == MATCH_FULL && mark - pos > used)
            used = mark - pos;
        if (used == 0 || pos + used <= plain)
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
        scan(redact_index_of(redact), text, len, true, &masked, write_to_buf, out);
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
    size_t done = scan(redact_index_of(stream->redact), held->data, held->len, final,
                       &stream->masked, stream->write, stream->arg);
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

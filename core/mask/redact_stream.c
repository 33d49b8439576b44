/*
 * Masking, of a whole text and of one that comes in pieces.
 *
 * How secrets are found. A text is read from its beginning in several ways at once (redact_scan.c):
 * as it stands, and with what percent signs, backslashes or entities stand for in their place, and
 * as digits of hex or base64. For each way there is a state (redact_machine.c): the longest end of
 * what was read so far with which some secret begins. Each byte moves each state by one step, so
 * that the work for a byte is bounded whatever the text and the secrets are; it does not matter how
 * many secrets there are, nor how alike they look. Most of a text needs none of that: where nothing
 * has begun, the next four bytes tell whether anything may begin with them (redact_forms.c). The
 * states are made when a text first may hold a secret, those of the latest secrets apart from the
 * others (redact.c).
 *
 * A secret may lie across two writes, and what has been written cannot be taken back. So a stream
 * holds back the end of the text from where a secret may begin, that is the earliest beginning of
 * the states:
 *
 *     write 1   "Authorization: Bearer abc"       "abcdef" is the secret
 *                written -------------|held        "abc" may be its beginning
 *     write 2   "def, done"
 *               ["abc" "def"] -> mask, ", done" is written
 *
 * At the end of the stream nothing more can come, so what is undecided then is no secret; unless it
 * was cut there.
 *
 * Secrets may overlap: where one begins within another that has a mask, that mask stands for both.
 * `plain` is where the last mask ends, which may be after all that there is yet.
 *
 * A text that was cut ends with a mark ("..."). What stands before a mark and is the beginning of a
 * secret is masked too.
 */
#include "mem.h"
#include "redact.h"
#include "redact_private.h"

#include <sodium.h>
#include <string.h>

/* Bytes that are scanned at once. */
#define SLICE_BYTES ((size_t)16 * 1024)
/* A stream holds back less than the longest form (a piece in base64) as long as it can be
 * written, and a slice; what is gone is removed when it is as much again. */
#define HELD_MAX (2 * (REDACT_PIECE_MAX * 4 / 3 * SCAN_EXPANSION_MAX + SLICE_BYTES))

struct redact_stream {
    const struct redact *redact;
    struct redact_scan *scans[REDACT_SETS];
    redact_write_fn *write;
    void *arg;
    struct buf held;
    size_t gone;   /* bytes at the beginning of what is held that were written */
    size_t origin; /* the place of the first held byte in the stream */
    size_t plain;  /* from this place on, text is written as it is */
    size_t mark;   /* bytes at the end of what is held that are a mark of ours */
};

/*
 * Scans on to the end of the view and writes, with masks (`as`), what is decided; returns up to
 * where. *plain: all before is written, or an earlier mask stands for it.
 */
static size_t mask(struct redact_scan *const scans[REDACT_SETS], struct redact_view view,
                   const char *as, size_t *plain, redact_write_fn *write, void *arg)
{
    size_t old = redact_scan_run(scans[REDACT_OLD], view);
    size_t decided = redact_scan_run(scans[REDACT_YOUNG], view);
    decided = old < decided ? old : decided;
    for (;;) {
        struct redact_scan *first = scans[REDACT_OLD];
        if (redact_scan_next(scans[REDACT_YOUNG]) < redact_scan_next(first))
            first = scans[REDACT_YOUNG];
        size_t begin = redact_scan_next(first);
        if (begin >= decided)
            break;
        size_t end = redact_scan_take(first);
        if (begin > *plain)
            write(arg, view.text + (*plain - view.origin), begin - *plain);
        if (begin >= *plain)
            write(arg, as, strlen(as));
        if (end > *plain)
            *plain = end;
    }
    if (decided > view.origin + view.len - view.mark)
        decided = view.origin + view.len - view.mark;
    if (decided > *plain) {
        write(arg, view.text + (*plain - view.origin), decided - *plain);
        *plain = decided;
    }
    return decided;
}

static void write_to_buf(void *arg, const char *data, size_t len)
{
    struct buf *out = arg;
    size_t room = out->limit - out->len;
    buf_append(out, data, len < room ? len : room);
}

void redact_text(const struct redact *redact, const char *text, size_t len, struct buf *out)
{
    redact_text_as(redact, text, len, REDACT_MASK, out);
}

void redact_text_as(const struct redact *redact, const char *text, size_t len, const char *as,
                    struct buf *out)
{
    if (redact == NULL) {
        write_to_buf(out, text, len);
        return;
    }
    struct redact_scan *const scans[] = {redact_scan_of(redact, REDACT_OLD),
                                         redact_scan_of(redact, REDACT_YOUNG)};
    struct redact_view view = {.text = text};
    size_t plain = 0;
    while (!view.final) {
        view.final = len - view.len <= SLICE_BYTES;
        view.len += view.final ? len - view.len : SLICE_BYTES;
        mask(scans, view, as, &plain, write_to_buf, out);
    }
}

static void mask_field(const struct redact *redact, char *text, size_t size)
{
    struct buf masked;
    if (text[0] == '\0')
        return;
    buf_create(&masked, 4 * size); /* a mask may be longer than its secret */
    redact_text(redact, text, strlen(text), &masked);
    err_text(text, size, "%s", masked.data);
    buf_destroy(&masked);
}

void redact_err(const struct redact *redact, struct err *err)
{
    mask_field(redact, err->msg, sizeof err->msg);
    mask_field(redact, err->code, sizeof err->code);
    mask_field(redact, err->request, sizeof err->request);
}

struct redact_stream *redact_stream_new(const struct redact *redact, redact_write_fn *write,
                                        void *arg)
{
    struct redact_stream *stream = mem_alloc(sizeof *stream);
    stream->redact = redact;
    for (enum redact_set set = 0; redact != NULL && set < REDACT_SETS; set++)
        stream->scans[set] = redact_scan_new(redact_forms_of(redact, set));
    stream->write = write;
    stream->arg = arg;
    buf_create_secret(&stream->held, HELD_MAX);
    return stream;
}

static void stream_mask(struct redact_stream *stream, bool final)
{
    struct buf *held = &stream->held;
    struct redact_view view = {.text = held->data + stream->gone,
                               .len = held->len - stream->gone,
                               .origin = stream->origin,
                               .mark = stream->mark,
                               .final = final};
    size_t decided =
        mask(stream->scans, view, REDACT_MASK, &stream->plain, stream->write, stream->arg);
    stream->gone += decided - stream->origin;
    stream->origin = decided;
    if (stream->gone < held->len - stream->gone)
        return;
    size_t left = held->len - stream->gone;
    memmove(held->data, held->data + stream->gone, left);
    sodium_memzero(held->data + left, stream->gone);
    held->len = left;
    stream->gone = 0;
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
        stream_mask(stream, false);
        data += size;
        len -= size;
    }
}

void redact_stream_cut(struct redact_stream *stream)
{
    if (stream == NULL || stream->redact == NULL || stream->mark != 0)
        return;
    stream->mark = strlen(ERR_CUT);
    buf_append(&stream->held, ERR_CUT, stream->mark);
}

void redact_stream_free(struct redact_stream *stream)
{
    if (stream == NULL)
        return;
    if (stream->redact != NULL)
        stream_mask(stream, true);
    buf_destroy(&stream->held);
    for (enum redact_set set = 0; set < REDACT_SETS; set++)
        redact_scan_free(stream->scans[set]);
    mem_free(stream);
}

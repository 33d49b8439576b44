/*
 * What Content-Encoding says, undone. libcurl could do it, but takes a stream that ends early for
 * a whole one.
 */
#include "http_transfer.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#define ZLIB_CONST
#include <zlib.h>

#define CODINGS_MAX 4         /* one upon another */
#define WINDOW_GZIP (15 + 16) /* as inflateInit2 has it: the largest window, and a gzip header */
#define WINDOW_ZLIB 15
#define WINDOW_RAW  (-15)
#define OUT_SIZE    ((size_t)16 * 1024)
/* What a coding that is not the last may give beyond what has come out at the end. Else a few bytes
 * are made into any number of them, of which nothing comes out: padding, or empty blocks. */
#define INNER_MAX ((uint64_t)HTTP_BODY_MAX)
/* What deflate makes of a byte at most. Several upon another make any number: gigabytes of a file
 * in one call of ours, within which no timeout rings. They may not make more than one could, in all
 * and in each call. */
#define RATIO_MAX  1032
#define GZIP_FIRST 0x1f /* the first byte of a gzip member */

struct coding {
    bool gzip; /* else deflate: of zlib, or without its header, as some servers send it */
    bool open; /* the stream is initialised */
    bool any;  /* bytes came */
    bool ended;
    bool over;      /* what follows is not ours, and ignored */
    bool has_first; /* of deflate: the first byte waits for the second, which tells the kind */
    unsigned char first;
    uint64_t made; /* bytes that came out of it */
    z_stream stream;
};

struct http_decoding {
    size_t count;
    struct coding codings[CODINGS_MAX]; /* the first is undone first */
    uint64_t came;                      /* bytes of the body, as they were sent */
    uint64_t came_now, made_now;        /* in this call: of those, and of what is kept or saved */
};

static bool stop(struct http_transfer *transfer, enum http_fault fault)
{
    transfer->fault = fault;
    return false;
}

/* Whether a name stands for no coding: also those that senders write here by mistake, of charsets,
 * of Content-Transfer-Encoding, and of the framing of an upload to S3. The bytes are as they should
 * be. */
static bool is_no_coding(const char *name, size_t len)
{
    static const char *const names[] = {"",      "identity", "none",   "null",
                                        "utf-8", "utf8",     "ascii",  "us-ascii",
                                        "7bit",  "8bit",     "binary", "aws-chunked"};
    static const char *const prefixes[] = {"iso-8859-", "windows-125"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i]) == len && strncasecmp(name, names[i], len) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t prefix = strlen(prefixes[i]);
        if (len > prefix && strncasecmp(name, prefixes[i], prefix) == 0)
            return true;
    }
    return false;
}

/* Adds the codings of one field: "gzip, deflate", in the order in which they were applied. What
 * follows a ';' are parameters, which none of these has, and of which nothing depends. */
static bool add_codings(struct http_transfer *transfer, const char *value)
{
    struct http_decoding *decoding = transfer->decoding;
    for (; value[0] != '\0'; value += strcspn(value, ",")) {
        value += strspn(value, " \t,");
        size_t len = strcspn(value, " \t,;");
        bool gzip = (len == 4 && strncasecmp(value, "gzip", len) == 0) ||
                    (len == 6 && strncasecmp(value, "x-gzip", len) == 0);
        bool deflate = len == 7 && strncasecmp(value, "deflate", len) == 0;
        bool none = is_no_coding(value, len);
        if (!none && ((!gzip && !deflate) || decoding->count == CODINGS_MAX))
            return stop(transfer, HTTP_FAULT_CODING_UNKNOWN);
        if (!none) {
            memmove(decoding->codings + 1, decoding->codings,
                    decoding->count++ * sizeof *decoding->codings);
            decoding->codings[0] = (struct coding){.gzip = gzip};
        }
    }
    return true;
}

static bool begin(struct http_transfer *transfer)
{
    const struct http_response *response = &transfer->result.response;
    transfer->decoding = mem_alloc(sizeof *transfer->decoding);
    for (size_t i = 0; i < response->nheaders; i++) {
        const struct http_header *header = &response->headers[i];
        if (strcasecmp(header->name, "Content-Encoding") == 0 &&
            !add_codings(transfer, header->value))
            return false;
    }
    return true;
}

static bool decode(struct http_transfer *transfer, size_t index, const char *data, size_t len);

/* Hands on what a coding has made. */
static bool give(struct http_transfer *transfer, size_t index, const char *data, size_t len)
{
    struct http_decoding *decoding = transfer->decoding;
    uint64_t out = (uint64_t)transfer->saved + transfer->result.response.body.len;
    uint64_t made = decoding->codings[index].made += len;
    bool is_last = index + 1 == decoding->count;
    decoding->made_now += is_last ? len : 0;
    if (!is_last && made > out + INNER_MAX)
        return stop(transfer, HTTP_FAULT_CODING_BOMB);
    if (is_last && index > 0 &&
        (made > decoding->came * RATIO_MAX + INNER_MAX ||
         decoding->made_now > decoding->came_now * RATIO_MAX + INNER_MAX))
        return stop(transfer, HTTP_FAULT_CODING_RATIO);
    return decode(transfer, index + 1, data, len);
}

static void open_stream(struct coding *coding, int window)
{
    if (inflateInit2(&coding->stream, window) != Z_OK)
        abort(); /* out of memory */
    coding->open = true;
}

/* RFC 1950: the header of zlib is a multiple of 31, and its method is 8. */
static bool is_zlib(unsigned char first, unsigned char second)
{
    return (first & 0x0f) == 8 && (first << 8 | second) % 31 == 0;
}

/* Runs the stream over data, as far as this member of it goes; what is left is in the stream. */
static bool run(struct http_transfer *transfer, size_t index, const char *data, size_t len)
{
    struct coding *coding = &transfer->decoding->codings[index];
    z_stream *stream = &coding->stream;
    char out[OUT_SIZE];
    int code;
    stream->next_in = (const unsigned char *)data;
    stream->avail_in = (unsigned)len;
    do {
        stream->next_out = (unsigned char *)out;
        stream->avail_out = sizeof out;
        code = inflate(stream, Z_NO_FLUSH);
        if (code == Z_MEM_ERROR)
            abort(); /* out of memory */
        size_t made = sizeof out - stream->avail_out;
        if (made > 0 && !give(transfer, index, out, made))
            return false;
    } while (code == Z_OK && (stream->avail_in > 0 || stream->avail_out == 0));
    coding->ended = code == Z_STREAM_END;
    return coding->ended || code == Z_OK || code == Z_BUF_ERROR ||
           stop(transfer, HTTP_FAULT_CODING_BAD);
}

/* The kind of a deflate stream is known from its second byte on; the first was kept until then. */
static bool open_deflate(struct http_transfer *transfer, size_t index, const char **data,
                         size_t *len)
{
    struct coding *coding = &transfer->decoding->codings[index];
    if (!coding->has_first) {
        coding->has_first = true;
        coding->first = (unsigned char)*(*data)++;
        --*len;
    }
    if (*len == 0)
        return true;
    open_stream(coding, is_zlib(coding->first, (unsigned char)**data) ? WINDOW_ZLIB : WINDOW_RAW);
    const char first = (char)coding->first;
    return run(transfer, index, &first, 1);
}

/* A gzip file may have several members; what else follows the end is padding. */
static void open_next(struct coding *coding, const char *data)
{
    if (!coding->ended)
        return;
    coding->over = !coding->gzip || (unsigned char)data[0] != GZIP_FIRST;
    if (!coding->over) {
        inflateReset(&coding->stream);
        coding->ended = false;
    }
}

static bool decode(struct http_transfer *transfer, size_t index, const char *data, size_t len)
{
    if (index == transfer->decoding->count)
        return http_take_body(transfer, data, len);
    struct coding *coding = &transfer->decoding->codings[index];
    coding->any = true;
    if (coding->gzip && !coding->open)
        open_stream(coding, WINDOW_GZIP);
    else if (!coding->open && !open_deflate(transfer, index, &data, &len))
        return false;
    while (len > 0) {
        open_next(coding, data);
        if (coding->over)
            return true;
        if (!run(transfer, index, data, len))
            return false;
        size_t left = coding->stream.avail_in;
        data += len - left;
        len = left;
    }
    return true;
}

static bool take(struct http_transfer *transfer, const char *data, size_t len)
{
    if (transfer->decoding == NULL && !begin(transfer))
        return false;
    transfer->decoding->came += len;
    transfer->decoding->came_now = len;
    transfer->decoding->made_now = 0;
    return decode(transfer, 0, data, len);
}

size_t http_on_body(char *data, size_t size, size_t count, void *arg)
{
    return take(arg, data, size * count) ? size * count : 0;
}

bool http_decode_is_whole(const struct http_transfer *transfer)
{
    const struct http_decoding *decoding = transfer->decoding;
    bool whole = true;
    for (size_t i = 0; decoding != NULL && i < decoding->count; i++)
        whole = whole && (decoding->codings[i].ended || !decoding->codings[i].any);
    return whole;
}

void http_decode_free(struct http_transfer *transfer)
{
    struct http_decoding *decoding = transfer->decoding;
    for (size_t i = 0; decoding != NULL && i < decoding->count; i++) {
        if (decoding->codings[i].open)
            inflateEnd(&decoding->codings[i].stream);
    }
    mem_free(decoding);
    transfer->decoding = NULL;
}

#include "json_reader.h"

#include "mem.h"
#include "utf8.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Latin-1 to UTF-8. No byte grows to more than two. */
static char *from_latin1(const char *text, size_t len, size_t *converted_len)
{
    char *out = mem_alloc(len * 2 + 1);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char bytes[UTF8_BYTES_MAX];
        size_t size = utf8_encode((unsigned char)text[i], bytes);
        memcpy(out + used, bytes, size);
        used += size;
    }
    *converted_len = used;
    return out;
}

struct json_reader *json_reader_new(const char *text, size_t len,
                                    const struct json_options *options, struct err *err)
{
    static const struct json_options defaults;
    if (options == NULL)
        options = &defaults;
    size_t max_bytes = options->max_bytes > 0 ? options->max_bytes : JSON_BYTES_MAX;
    if (len > max_bytes) {
        err_set(err, ERR_INVALID, "JSON text of %zu bytes is over the limit of %zu bytes", len,
                max_bytes);
        return NULL;
    }
    struct json_reader *reader = mem_alloc(sizeof *reader);
    reader->text = text;
    reader->len = len;
    reader->lenient = options->lenient;
    reader->mend = options->mend;
    reader->max_depth = JSON_DEPTH_MAX;
    if (options->max_depth > 0 && options->max_depth < JSON_DEPTH_MAX)
        reader->max_depth = options->max_depth;

    size_t valid = utf8_valid_prefix(text, len);
    reader->broken = valid < len && !reader->lenient;
    if (reader->broken && !reader->mend) {
        json_reader_fail(reader, valid, err, "expected UTF-8, found the byte 0x%02x",
                         (unsigned char)text[valid]);
        mem_free(reader);
        return NULL;
    }
    if (valid < len && reader->lenient) {
        reader->converted = from_latin1(text, len, &reader->len);
        reader->text = reader->converted;
    }
    reader->pos = utf8_mark(reader->text, reader->len);
    /* No escape is shorter than what it stands for, so that no string outgrows the text. */
    buf_create_secret(&reader->scratch, reader->len);
    if (reader->broken)
        reader->scratch.limit *= UTF8_MEND_FACTOR;
    return reader;
}

void json_reader_free(struct json_reader *reader)
{
    if (reader == NULL)
        return;
    buf_destroy(&reader->scratch);
    if (reader->converted != NULL)
        sodium_memzero(reader->converted, reader->len);
    mem_free(reader->converted);
    mem_free(reader);
}

int json_reader_fail(const struct json_reader *reader, size_t pos, struct err *err, const char *fmt,
                     ...)
{
    int line = 1, col = 1;
    for (size_t i = 0; i < pos && i < reader->len; i++) {
        if (reader->text[i] == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)reader->text[i] & 0xc0) != 0x80) {
            col++; /* columns count characters, not bytes */
        }
    }
    va_list args;
    va_start(args, fmt);
    err_vset(err, ERR_INVALID, fmt, args);
    va_end(args);
    return err_wrap(err, "invalid JSON at %d:%d", line, col);
}

int json_reader_fail_expected(const struct json_reader *reader, struct err *err,
                              const char *expected)
{
    /* Not more than one character of the text: it may be part of a secret. */
    char found[32] = "the end of the text";
    uint32_t code;
    const char *at = reader->text + reader->pos;
    if (reader->pos < reader->len && utf8_decode(at, reader->len - reader->pos, &code) == 0)
        snprintf(found, sizeof found, "the byte 0x%02x", (unsigned char)*at);
    else if (reader->pos < reader->len)
        snprintf(found, sizeof found, code > 0x20 && code < 0x7f ? "'%c'" : "U+%04X", (int)code);
    return json_reader_fail(reader, reader->pos, err, "expected %s, found %s", expected, found);
}

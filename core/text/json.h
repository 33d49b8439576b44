/*
 * JSON, in one parser: strict (RFC 8259) and lenient (what Kaizala's service read).
 *
 * The reader pulls tokens and never recurses: depth and size are bounded. Integers that fit
 * 64 bits stay integers; a number that would be damaged or overflow (2^64, 1e400) is refused,
 * never rounded to infinity. NaN, Infinity, hex and lone surrogates are refused in both modes. A
 * byte order mark before the text is skipped in both, as RFC 8259 allows: services of .NET write
 * it.
 *
 * `mend`, for what services answer, where one bad value must not hide all others, refuses none of
 * these. Half a surrogate and bytes that are not UTF-8 become U+FFFD; an integer beyond 64 bits and
 * a number too near to 0 a double; a number that no double reaches is an infinite one, with its
 * text; NaN and Infinity are texts. Control characters but
 * NUL in strings are taken as they are.
 *
 * Lenient adds: unquoted keys, single-quoted strings, comments, trailing commas, Python's
 * str(dict) (True, False, None, u''; escapes \' \xNN \UNNNNNNNN \ooo \a \v), control characters but
 * NUL in strings as they are, and text that is not valid UTF-8 is read as
 * Latin-1 as a whole.
 */
#ifndef JETON_JSON_H
#define JETON_JSON_H

#include "buf.h"
#include "err.h"
#include "json_token.h"

/* ERR_INVALID with line and column in the message, and at most one character of the text. */
int json_next(struct json_reader *reader, struct json_token *token, struct err *err);

/* A tree, for the core's own use. Everything is owned by the root, and wiped with it. */
struct json {
    enum json_type type; /* NULL BOOL INT DOUBLE STRING ARRAY_BEGIN OBJECT_BEGIN */
    bool boolean;
    int64_t integer;
    double number;
    char *text; /* STRING; of a DOUBLE as it was written (mend), or NULL */
    size_t len;
    const char *key; /* of an object's member; NUL-terminated */
    size_t key_len;
    struct json *child; /* first element or member */
    struct json *next;
};

struct json *json_parse(const char *text, size_t len, const struct json_options *options,
                        struct err *err);
void json_free(struct json *root); /* NULL is fine */
/* Member by exact name, the last of that name; NULL where absent or json is no object. */
const struct json *json_get(const struct json *json, const char *key);
/* NULL unless a string without NUL bytes. */
const char *json_string(const struct json *json);

/* Writer: plain appends; the caller places commas. Return -1 when the buffer's limit is reached
 * (what was appended until then stays). */
int json_write_string(struct buf *out, const char *text, size_t len); /* -1 too on invalid UTF-8 */
int json_write_int(struct buf *out, int64_t value);
/* The shortest exact form, with ".0" where it would look like an integer; -1 on NaN and Infinity.
 */
int json_write_double(struct buf *out, double value);
int json_write(struct buf *out, const struct json *json);

/* True when text is valid UTF-8 (no surrogates, no overlong forms). */
bool json_utf8_valid(const char *text, size_t len);

#endif

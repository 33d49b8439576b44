/* Where a reader of JSON is in its text. Private to json.c (structure) and json_scan.c (strings and
 * numbers). */
#ifndef JETON_JSON_READER_H
#define JETON_JSON_READER_H

#include "buf.h"
#include "json_token.h"

enum json_state {
    STATE_VALUE,         /* at the top, or after ':' */
    STATE_FIRST_ELEMENT, /* after '[' */
    STATE_ELEMENT,       /* after ',' in an array */
    STATE_FIRST_KEY,     /* after '{' */
    STATE_KEY,           /* after ',' in an object */
    STATE_AFTER,         /* after a value: ',' or the end of what holds it */
    STATE_FAILED,
};

struct json_reader {
    const char *text;
    size_t len;
    size_t pos;
    char *converted; /* the text, where it had to be converted from Latin-1; else NULL */
    bool lenient;
    bool mend;
    bool broken; /* not all of text is UTF-8: strings are mended */
    enum json_state state;
    int depth;
    int max_depth;
    bool in_object[JSON_DEPTH_MAX]; /* what is open, outermost first */
    struct buf scratch;             /* the last string that held escapes, or a number's text */
};

/* Sets the error at the byte `pos`: "invalid JSON at LINE:COLUMN: …". Returns -1. */
int json_reader_fail(const struct json_reader *reader, size_t pos, struct err *err, const char *fmt,
                     ...) __attribute__((format(printf, 4, 5)));
/* The same at the reader's position, with what was found there instead. */
int json_reader_fail_expected(const struct json_reader *reader, struct err *err,
                              const char *expected);

/* The character at the reader's position; at the end NUL, which no state expects either. */
static inline char json_reader_peek(const struct json_reader *reader)
{
    return reader->pos < reader->len ? reader->text[reader->pos] : '\0';
}

#endif

/* What the reader of json.h reads: its limits, options and tokens. */
#ifndef JETON_JSON_TOKEN_H
#define JETON_JSON_TOKEN_H

#include "err.h"

#include <stdint.h>

#define JSON_DEPTH_MAX 128
#define JSON_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define JSON_NODES_MAX 1000000 /* values in a tree */

struct json_options {
    bool lenient;
    bool mend;        /* what cannot be exact is read as near as can be, see json.h */
    size_t max_bytes; /* 0: JSON_BYTES_MAX */
    int max_depth;    /* 0: JSON_DEPTH_MAX; never above it */
};

enum json_type {
    JSON_END, /* the document is complete and nothing but white space follows */
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_DOUBLE,
    JSON_STRING,
    JSON_KEY,
    JSON_ARRAY_BEGIN,
    JSON_ARRAY_END,
    JSON_OBJECT_BEGIN,
    JSON_OBJECT_END,
};

struct json_token {
    enum json_type type;
    bool boolean;
    int64_t integer;
    double number;
    /* STRING and KEY: UTF-8, may hold NULs, and no NUL stands behind it; with mend of a DOUBLE too,
     * as it was written. Valid until the next call: a string without escapes lies in the text. */
    const char *text;
    size_t len;
};

struct json_reader;
/* `text` must live as long as the reader. Fails on text over max_bytes (and, strict, on invalid
 * UTF-8). */
struct json_reader *json_reader_new(const char *text, size_t len,
                                    const struct json_options *options, struct err *err);
void json_reader_free(struct json_reader *reader); /* NULL is fine */

#endif

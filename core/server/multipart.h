/*
 * multipart/form-data as it arrives (RFC 7578): the header and the content of each part, piece by
 * piece, in memory that does not grow with them. Lenient where clients are: parameters with or
 * without quotes, filename* as some write it, parts that say nothing but their type, text before
 * the first part and after the last.
 */
#ifndef JETON_MULTIPART_H
#define JETON_MULTIPART_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define MULTIPART_BOUNDARY_MAX 70                 /* characters (RFC 2046) */
#define MULTIPART_HEADER_MAX   ((size_t)8 * 1024) /* bytes of one part's header */
#define MULTIPART_PARTS_MAX    100

struct multipart_part {
    const char *name;         /* "" where it has none */
    const char *filename;     /* decoded; NULL: none */
    const char *content_type; /* NULL: none */
};

/* Each returns 0, or -1 with err, which ends the parsing. */
struct multipart_handler {
    int (*begin)(void *arg, const struct multipart_part *part, struct err *err);
    int (*content)(void *arg, const char *data, size_t len, struct err *err);
    int (*end)(void *arg, struct err *err);
    void *arg;
};

struct multipart;
/* True for a Content-Type that begins so; NULL is fine. */
bool multipart_is_form(const char *content_type);
/* Copies the handler. NULL with ERR_INVALID: no form, or its boundary is missing or bad. */
struct multipart *multipart_new(const char *content_type, const struct multipart_handler *handler,
                                struct err *err);
void multipart_free(struct multipart *multipart); /* NULL is fine */
/* Pieces of any size. ERR_INVALID, or what the handler said; from then on the same. */
int multipart_feed(struct multipart *multipart, const char *data, size_t len, struct err *err);
/* No more comes. ERR_INVALID when the last part has not ended. */
int multipart_end(struct multipart *multipart, struct err *err);

#endif

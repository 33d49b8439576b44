/* The request of `jeton api`, as the command line says it and as the next page changes it. */
#ifndef JETON_API_REQUEST_H
#define JETON_API_REQUEST_H

#include "buf.h"
#include "config.h"
#include "err.h"
#include "field.h"
#include "opt.h"

#include <sys/types.h>

#define API_BODY_MAX ((size_t)64 * 1024 * 1024) /* of --input, and of one page of a reply */
#define API_TEXT_MAX (8 * API_BODY_MAX)         /* of what is made of them: written anew, joined */

struct api_pair {
    char *name;
    char *value;
};

struct api_pairs {
    struct api_pair *items;
    size_t count;
};

struct api_file {      /* that -F or --input named; which one it was when it was read */
    const char *shown; /* what stands before the path in messages */
    const char *path;
    dev_t device;
    ino_t inode;
};

struct api_request {
    char *method;                /* upper case */
    char *path;                  /* without query */
    struct api_pairs query;      /* both sides percent-encoded; value NULL: a name without "=" */
    struct api_pairs fields;     /* of the body; values are JSON */
    struct http_header *headers; /* -H */
    size_t nheaders;
    struct api_file *files;
    size_t nfiles;
    bool has_input;
    struct buf input; /* --input, sent as it is */
};

struct api_words {
    const char *method;         /* NULL: GET, or POST with a body */
    const char *path;           /* may hold a query */
    struct opt_strings texts;   /* -f key=value */
    struct opt_strings values;  /* -F key=json, key=@FILE or key=@- */
    struct opt_strings headers; /* -H name:value */
    const char *input;          /* FILE, "-", or NULL. Reading it may block */
};

/* ERR_USAGE; ERR_CONFIG when the input, or a file of -F, cannot be read. Destroy it in either case.
 */
int api_request_create(struct api_request *request, const struct api_words *words, struct err *err);
void api_request_destroy(struct api_request *request);
/* ERR_USAGE when a file of -F or --input is one in which the configuration has a secret. */
int api_request_check_files(const struct api_request *request, const struct config *config,
                            struct err *err);
/* Replaces what has that name in any case, or adds it. value is encoded here. */
void api_request_set_query(struct api_request *request, const char *name, const char *value);
/* The same for the body; value is JSON. An --input that is a JSON object becomes fields first; -1
 * with ERR_USAGE when it is something else. */
int api_request_set_field(struct api_request *request, const char *name, const char *value,
                          struct err *err);
bool api_request_has_header(const struct api_request *request, const char *name);
/* Another path in place of this one and its query. */
int api_request_set_target(struct api_request *request, const char *target, struct err *err);
/* As it stands in the query, still encoded; NULL where absent. */
const char *api_request_query_value(const struct api_request *request, const char *name);
char *api_request_query(const struct api_request *request); /* "a=b&c=d", or NULL (mem_free) */
/* Appends the body; false when there is none. */
bool api_request_body(const struct api_request *request, struct buf *out);

#endif

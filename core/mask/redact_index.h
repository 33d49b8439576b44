/* Private to the redaction: which patterns to try at a place of a text. */
#ifndef JETON_REDACT_INDEX_H
#define JETON_REDACT_INDEX_H

#include "redact_match.h"

#include <stdint.h>

/* Where none of a text's next bytes is an escape, they select the patterns. None is shorter. */
#define REDACT_PREFIX_BYTES 4
#define REDACT_PREFIX_BITS  16
#define REDACT_BUCKET_BITS  12

/* One form of a secret. Owned by the secret, linked by the index. */
struct redact_pattern {
    char *data;
    size_t len;
    void *secret;                          /* whose form it is */
    struct redact_pattern *next_of_byte;   /* with the same first byte */
    struct redact_pattern *next_of_prefix; /* in the same bucket */
};

struct redact_index {
    bool starts[256]; /* bytes at which an occurrence may begin, however it is written */
    struct redact_pattern *by_byte[256];
    struct redact_pattern *by_prefix[1 << REDACT_BUCKET_BITS];
    unsigned char prefixes[1 << (REDACT_PREFIX_BITS - 3)]; /* a bit for each hash that occurs */
    size_t longest;                                        /* bytes of a pattern */
};

void redact_index_add(struct redact_index *index, struct redact_pattern *pattern);

/* Called for every pattern that is at the place. */
typedef void redact_visit_fn(void *arg, const struct redact_pattern *pattern);
/*
 * What is at the beginning of text (not empty). FULL: *used is the length of the longest
 * occurrence. PARTIAL, unless final: the text ends before that is decided. visit may be NULL.
 */
enum redact_match redact_index_find(const struct redact_index *index, const char *text, size_t len,
                                    bool final, size_t *used, redact_visit_fn *visit, void *arg);

#endif

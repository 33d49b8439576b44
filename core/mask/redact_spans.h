/* Private to the redaction: what is to be masked of a text. */
#ifndef JETON_REDACT_SPANS_H
#define JETON_REDACT_SPANS_H

#include <stddef.h>

struct redact_span {
    size_t begin, end;
};

/* Apart from each other, in order. */
struct redact_spans {
    struct redact_span *list;
    size_t first, count, size;
};

/* Overlapping spans become one. Ends hardly ever come out of order, and then by less than an
 * escape takes. */
void redact_spans_add(struct redact_spans *spans, size_t begin, size_t end);
/* The beginning of the first one; SIZE_MAX: there is none. */
size_t redact_spans_begin(const struct redact_spans *spans);
size_t redact_spans_take(struct redact_spans *spans); /* there is one; returns its end */
void redact_spans_clear(struct redact_spans *spans);
void redact_spans_destroy(struct redact_spans *spans);

#endif

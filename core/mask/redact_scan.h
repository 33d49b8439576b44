/* Private to the redaction: where secrets are in a text. See redact_stream.c. */
#ifndef JETON_REDACT_SCAN_H
#define JETON_REDACT_SCAN_H

#include "redact_limits.h"
#include "redact_skip.h"

/* The most bytes of text for each byte of a form: an escaped digit of base64 and a gap. */
#define SCAN_EXPANSION_MAX (READ_BYTES_MAX + REDACT_GAP_MAX)

struct redact_scan;

/* Called once for every secret that is found. False: no more. */
typedef bool redact_scan_found_fn(void *arg, size_t secret);

/* forms must stay; it may change between two calls. */
struct redact_scan *redact_scan_new(struct redact_forms *forms);
void redact_scan_free(struct redact_scan *scan); /* NULL is fine */
/* As new, and keeps its memory. */
void redact_scan_restart(struct redact_scan *scan);
/*
 * Reads on to the end of the view, which begins where the last call returned at the latest. Returns
 * the place before which all is decided: what follows may be the beginning of a secret.
 */
size_t redact_scan_run(struct redact_scan *scan, struct redact_view view);
/*
 * Where the next span of text to be masked begins; SIZE_MAX: there is none. Spans come in the order
 * in which they begin, and may overlap.
 */
size_t redact_scan_next(const struct redact_scan *scan);
size_t redact_scan_take(struct redact_scan *scan); /* the next span; where it ends */
/* Instead of spans, in a text as a whole. False: fn has ended it. */
bool redact_scan_find(struct redact_scan *scan, const char *text, size_t len,
                      redact_scan_found_fn *fn, void *arg);

#endif

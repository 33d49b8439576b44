/*
 * The one redaction point. Every secret is registered here; everything that jeton itself writes
 * (log, error, traceback, trace, dry run, body of `api`) passes through redact_text or a stream.
 * A secret is found raw, URL-encoded, JSON-escaped, and in base64 (both alphabets, at any offset).
 */
#ifndef JETON_REDACT_H
#define JETON_REDACT_H

#include "buf.h"

#include <stdbool.h>

#define REDACT_MIN_BYTES 6 /* shorter secrets are refused by secret_read */
#define REDACT_MASK      "********"
#define REDACT_MAX       4096 /* secrets registered at once; more abort the oldest rotated ones */

struct redact *redact_new(void);
void redact_free(struct redact *redact);
/* Idempotent. Shorter than REDACT_MIN_BYTES: ignored. */
void redact_add(struct redact *redact, const char *secret, size_t len);
/* True when any form of any secret occurs in text. */
bool redact_contains(const struct redact *redact, const char *text, size_t len);
/* Appends text to out with every occurrence masked. NULL redact: copied as it is. */
void redact_text(const struct redact *redact, const char *text, size_t len, struct buf *out);

/* For output in pieces: a secret is found across write boundaries. */
typedef void redact_write_fn(void *arg, const char *data, size_t len);
struct redact_stream;
struct redact_stream *redact_stream_new(const struct redact *redact, redact_write_fn *write,
                                        void *arg);
void redact_stream_write(struct redact_stream *stream, const char *data, size_t len);
void redact_stream_free(struct redact_stream *stream); /* flushes what was held back */

#endif

/*
 * The one redaction point. Every secret is registered here; everything that jeton itself writes
 * (log, error, traceback, trace, dry run, body of `api`) passes through redact_text or a stream.
 * A secret is found as it is, URL-encoded, JSON-escaped, with entities of HTML, in hex, and in
 * base64 (both alphabets, at any offset, over lines) that may be URL-encoded or JSON-escaped
 * itself. Occurrences that overlap are masked as one. So is the beginning of a secret, from
 * REDACT_MIN_BYTES bytes, where a text was cut: before "…" (ERR_CUT) and "..." (Lua's).
 * What a byte of text costs is bounded, whatever the text and the secrets are.
 */
#ifndef JETON_REDACT_H
#define JETON_REDACT_H

#include "buf.h"
#include "err.h"
#include "redact_limits.h"

#include <stdbool.h>

struct redact *redact_new(void);
void redact_free(struct redact *redact);
/* Idempotent; copies the secret, wiped by redact_free. Shorter than REDACT_MIN_BYTES: ignored. */
void redact_add(struct redact *redact, const char *secret, size_t len);
#define REDACT_NO_SECRET "" /* an owner: it is masked, but may be known to anybody */
/*
 * The same, and remembers whose it is (copied; a connector's name, or what jeton.http makes of an
 * exchange by hand). A secret may have several owners; one that is known already gets one more.
 */
void redact_add_owned(struct redact *redact, const char *secret, size_t len, const char *owner);
/* After many were added and before much is read: where there are more than a few, the later ones
 * count as old, so that a text is read once and not twice. */
void redact_settle(struct redact *redact);
/* Calls fn with every new secret from now on, in pieces of at most REDACT_PIECE_MAX bytes, before
 * redact_add returns. fn must not add secrets. NULL: stops the calls. */
typedef void redact_observe_fn(void *arg, const char *secret, size_t len);
void redact_observe(struct redact *redact, redact_observe_fn *fn, void *arg);
/*
 * Calls fn once for every secret of which any form occurs in text, with its owners
 * (NULL-terminated, empty for nobody's), until fn returns false. fn must not add secrets.
 */
typedef bool redact_found_fn(void *arg, const char *const *owners);
void redact_find(const struct redact *redact, const char *text, size_t len, redact_found_fn *fn,
                 void *arg);
/* Appends text to out with every occurrence masked; what passes out's limit is cut off. NULL
 * redact: copied as it is. */
void redact_text(const struct redact *redact, const char *text, size_t len, struct buf *out);
/* The same with another mask. */
void redact_text_as(const struct redact *redact, const char *text, size_t len, const char *as,
                    struct buf *out);

/* Message, code and request of an error, which may say again what a service was sent. For errors
 * that scripts get, as these print them unmasked. */
void redact_err(const struct redact *redact, struct err *err);

/* For output in pieces: a secret is found across write boundaries. Only what could be the start of
 * one is held back. Secrets that are added later count from the next write on. */
typedef void redact_write_fn(void *arg, const char *data, size_t len);
struct redact_stream;
struct redact_stream *redact_stream_new(const struct redact *redact, redact_write_fn *write,
                                        void *arg);
void redact_stream_write(struct redact_stream *stream, const char *data, size_t len);
/* The text may have been cut where it ends: the beginning of a secret there is masked, too. Only
 * redact_stream_free may follow. */
void redact_stream_cut(struct redact_stream *stream);
void redact_stream_free(struct redact_stream *stream); /* flushes what was held back */

#endif

/* What all providers read out of replies, and say of them. */
#ifndef JETON_PROVIDER_WORDS_H
#define JETON_PROVIDER_WORDS_H

#include "buf.h"
#include "json.h"

#define PROVIDER_WORDS_MAX 500 /* bytes of the service's own message that we show */

/* A token travels in a header, and is masked: visible ASCII, neither short nor endless. */
bool provider_words_is_token(const struct json *value);
/* Appends text from outside, for a message on one line: cut, control characters become spaces. */
void provider_words_add(struct buf *out, const char *text, size_t len, size_t max);
/* "not found": of an HTTP status that is an error. */
const char *provider_words_status(int status);

#endif

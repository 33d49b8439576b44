/* What all providers read out of replies, and say of them. */
#ifndef JETON_PROVIDER_WORDS_H
#define JETON_PROVIDER_WORDS_H

#include "buf.h"
#include "http.h"
#include "json.h"

#define PROVIDER_WORDS_MAX 500 /* bytes of the service's own message that we show */

#define PROVIDER_TOKEN_MIN 8
#define PROVIDER_TOKEN_MAX 16384
#define PROVIDER_A_TOKEN   "a token (8 to 16384 visible characters, and no URL)"
/* A token travels in a header: visible ASCII. And it is masked wherever it occurs: a service that
 * gives "http:/" for one would have that masked in all that jeton writes. */
bool provider_words_is_token(const struct json *value);
/* Appends text from outside, for a message on one line: cut, control characters become spaces. */
void provider_words_add(struct buf *out, const char *text, size_t len, size_t max);
/* "not found": of an HTTP status that is an error. */
const char *provider_words_status(int status);
/* The service's own words in the body of a refusal, wherever such services put them: a string that
 * is not empty, borrowed from root; NULL: there are none. */
const struct json *provider_words_find(const struct json *root);
/* What a refusal says in the header field WWW-Authenticate (RFC 6750) instead: an object with
 * "error" and "error_description", as in a body (json_free); NULL: nothing. */
struct json *provider_words_challenge(const struct http_response *response);
/* Appends a redirect's status and where it points, without query and fragment, which may be
 * secret. key: what to configure if it is a token service's; NULL: it is none. */
void provider_words_redirect(struct buf *out, const struct http_response *response,
                             const char *key);

#endif

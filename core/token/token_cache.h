/* What is kept of a connector's tokens, and what follows from it. Pure: no network, no waiting. */
#ifndef JETON_TOKEN_CACHE_H
#define JETON_TOKEN_CACHE_H

#include "config.h"
#include "exchange.h"
#include "store.h"

#define TOKEN_FRESH_MS         300000 /* or 10 % of the lifetime, if that is less */
#define TOKEN_LOCK_WAIT_MS     600000
#define TOKEN_LOCK_NAME_SIZE   40
#define TOKEN_FINGERPRINT_SIZE 65 /* hex and NUL */

/*
 * Whose a row is: the defining file, the connector's name, its token service, and its application
 * ID (the value where it is at hand without reading a file or running a command, else where it
 * comes from).
 */
void token_cache_owner(const struct connector *connector, char owner[STORE_OWNER_SIZE]);
/* The name of an owner's lock. */
void token_cache_lock_name(const char *owner, char name[TOKEN_LOCK_NAME_SIZE]);
/* Milliseconds that the row's access token still lives; 0 when there is none or that cannot be
 * known. */
int64_t token_cache_remaining_ms(const struct store_token *row);
/* At least min(TOKEN_FRESH_MS, 10 % of the lifetime) is left, and it is newer than generation
 * worse_than. */
bool token_cache_usable(const struct store_token *row, int64_t worse_than);
/* A secret's keyed hash: tells whether a configured value has changed, without keeping it. */
void token_cache_fingerprint(const unsigned char salt[32], const char *purpose, const char *secret,
                             char out[TOKEN_FINGERPRINT_SIZE]);

/* The refresh tokens to try, in order. `configured` NULL: none is configured. */
struct token_candidates {
    const char *tokens[EXCHANGE_CANDIDATES_MAX]; /* borrowed from the row and from configured */
    size_t count;
};
/*
 * A rotated token stands in for the configured one until the configured value itself changes; the
 * one before it and the configured one are tried when it is refused. A changed configured value (by
 * its fingerprint) wins alone.
 */
void token_cache_candidates(const struct store_token *row, const char *configured,
                            const char *configured_fingerprint, struct token_candidates *out);

/* Puts an exchange's result into the row. `used` is the refresh token that worked. keep_access
 * false: only rotation. */
void token_cache_apply(struct store_token *row, const struct exchange_result *result,
                       const char *used, const char *configured, const char *configured_fingerprint,
                       bool keep_access);

#endif

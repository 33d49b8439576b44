/*
 * What is kept of a connector's tokens, and what follows from it. Pure: no network, no waiting.
 *
 * Rotation. A service may answer each exchange with a new refresh token and refuse the old one from
 * then on. The row keeps three things of it:
 *
 *     configured ──exchange──► R1 ──exchange──► R2
 *     (fingerprint only)       previous         current
 *
 * current stands in for the configured value until somebody configures another one: then the
 * fingerprints differ, and the configured one is used. previous is kept until current has worked
 * once: a reply may be stored and yet not be valid at the service, which is the one moment when
 * the old token is still good. A row is stored in one piece, before anybody uses what it holds, so
 * that a kill leaves either the old or the new row, never a row between them.
 */
#ifndef JETON_TOKEN_CACHE_H
#define JETON_TOKEN_CACHE_H

#include "clock.h"
#include "connector.h"
#include "exchange.h"
#include "store.h"

#define TOKEN_FRESH_MS 300000 /* or 10 % of the lifetime, if that is less */
/* What a database says of its clock takes a while to arrive, to some hosts longer: two that know it
 * may differ by that. */
#define TOKEN_AHEAD_MS         10000
#define TOKEN_FINGERPRINT_SIZE 65 /* hex and NUL */

/* Milliseconds that the row's access token still lives; 0 when there is none or that cannot be
 * known. One whose lifetime the service did not say (0) lives until an API refuses it: INT64_MAX.
 */
int64_t token_cache_remaining_ms(const struct store_token *row, const struct clock *clock);
/* Since its receipt; negative where the clock was set back since, by more than TOKEN_AHEAD_MS. */
int64_t token_cache_age_ms(const struct store_token *row, const struct clock *clock);
/*
 * Generations. One that brings the row an access token is a multiple of TOKEN_TURN; one that brings
 * a refresh token only, as the access token is for a connector with `token_of`, is one more: the
 * row is newer then, and its access token is not. Below TOKEN_TURN, where releases before 0.2.0
 * counted, each is a turn.
 */
#define TOKEN_TURN INT64_C(65536)
int64_t token_cache_next(int64_t generation, bool turns);
bool token_cache_is_same(int64_t generation, int64_t other); /* their access token */
/* At least early_ms (0: min(TOKEN_FRESH_MS, 10 % of the lifetime)) is left, and it is newer than
 * that of generation worse_than. */
bool token_cache_usable(const struct store_token *row, int64_t worse_than, int64_t early_ms,
                        const struct clock *clock);
/* Drops the row's access token if the connector asks for another one by now. */
void token_cache_match(struct store_token *row, const struct connector *connector);
/* When what the row lives by ends, wall clock; 0: not known, or never. */
struct token_ends {
    int64_t refresh_ms;          /* the refresh token, if nobody uses it */
    int64_t refresh_lifetime_ms; /* from its receipt or last use to then */
    int64_t login_ms;            /* all that came of one sign-in */
};
struct token_ends token_cache_ends(const struct store_token *row,
                                   const struct connector *connector);
/* A secret's keyed hash: tells whether a configured value has changed, without keeping it. */
void token_cache_fingerprint(const unsigned char salt[32], const char *purpose, const char *secret,
                             char out[TOKEN_FINGERPRINT_SIZE]);

/* What the configuration says at the time of an exchange, by fingerprints where it is a secret. */
struct token_configured {
    const struct connector *connector;
    char *refresh_token;                              /* NULL: none is configured */
    char *service_host;                               /* NULL: the provider says none */
    char refresh_fingerprint[TOKEN_FINGERPRINT_SIZE]; /* "" where none is */
    char client_fingerprint[TOKEN_FINGERPRINT_SIZE];
    char secret_fingerprint[TOKEN_FINGERPRINT_SIZE]; /* of all secrets but the refresh token */
    char grant_fingerprint[TOKEN_FINGERPRINT_SIZE];  /* of the client and the refresh token */
};
void token_cache_configure(struct token_configured *configured, const struct connector *connector,
                           const struct connector_secrets *secrets, const unsigned char salt[32]);
void token_cache_unconfigure(struct token_configured *configured); /* wipes */
/* A field of a row has a copy of the value, which may be NULL or the field's own text, from now on;
 * what it had is wiped. */
void token_cache_set(char **field, const char *value);

/* What the row holds was issued to another client than the one that is configured now. */
bool token_cache_is_foreign(const struct store_token *row,
                            const struct token_configured *configured);

/* Whether `token`, of the grants, is the configured one and the row has not begun with it. */
bool token_cache_begins(const struct store_token *row, const struct token_configured *configured,
                        const char *token);
/* Whether the row's tokens may be of another account than those of an exchange would be: another
 * client, secret or refresh token is configured than that of the last exchange. */
bool token_cache_is_another(const struct store_token *row,
                            const struct token_configured *configured);
/* Notes that what the row began with is spent, where it is. */
void token_cache_note_spent(struct store_token *row);

/* The grants to try, in the provider's order; borrowed from both. Their number. What is foreign is
 * none; nor is the single-use token that it replaced, which is spent. */
size_t token_cache_grants(const struct provider *provider, const struct store_token *row,
                          const struct token_configured *configured,
                          const char *tokens[PROVIDER_GRANTS_MAX]);

/* Puts an exchange's result into the row. `used` is the refresh token that worked; NULL: the grant
 * needed none. keep_access false: only rotation. */
void token_cache_apply(struct store_token *row, const struct exchange_result *result,
                       const char *used, const struct token_configured *configured,
                       bool keep_access, const struct clock *clock);
/* The same where the access token goes to another row: of `asker`, who has a slot. */
void token_cache_apply_slot(struct store_token *row, struct store_token *slot,
                            const struct connector *asker, const struct exchange_result *result,
                            const char *used, const struct token_configured *configured,
                            const struct clock *clock);

#endif

/*
 * Tokens: what the program exists for. See docs/architecture.md for the order of things.
 *
 * token_get answers from the cache without network, lock or secrets while the token is fresh
 * (at least min(5 minutes, 10 % of its lifetime) left). Else one process, and one task in it,
 * exchanges under the connector's lock; all others wait for its result.
 */
#ifndef JETON_TOKEN_H
#define JETON_TOKEN_H

#include "config.h"
#include "connector_secrets.h"
#include "log.h"
#include "loop.h"
#include "provider.h"
#include "redact.h"
#include "store.h"
#include "token_query.h"
#include "transport.h"

/* transport is copied; what it stands for must outlive the tokens. */
struct tokens *tokens_new(struct loop *loop, const struct transport *transport, struct store *store,
                          struct redact *redact, struct log *log);
/*
 * Cancels requests that wait. An exchange under way gets half a second to end and be stored, so
 * that its refresh token is not lost: not to be called from a callback of the loop.
 */
void tokens_free(struct tokens *tokens);
/* True while the reply of an exchange may be on its way: to end now could lose a refresh token. */
bool tokens_on_wire(const struct tokens *tokens);
/* Of one that a person gave (token_spend.h), which goes on until what came is stored. */
bool tokens_spend_on_wire(const struct tokens *tokens);
/* Whose tokens they are; borrowed. What is forgotten or replaced is so for all that is in it. */
void tokens_set_config(struct tokens *tokens, const struct config *config);
/* Monotonic time after which no wait is begun (the run's deadline); 0: none. */
void tokens_set_deadline(struct tokens *tokens, int64_t deadline_ms);

bool tokens_is_busy(const struct tokens *tokens); /* somebody waits for one of them */
/* How many exchanges were begun: for the run record. */
int64_t tokens_exchanges(const struct tokens *tokens);

/*
 * Everywhere in this file, a connector with `token_of` stands for the one that it names.
 *
 * done is called from the loop, never from inside this call. Errors: ERR_CONFIG (secret, state),
 * ERR_AUTH (refused, host), ERR_NETWORK, ERR_HTTP, ERR_THROTTLED,
 * ERR_DEADLINE. A reply that makes no sense is ERR_HTTP.
 */
struct token_request *token_get(struct tokens *tokens, const struct connector *connector,
                                const struct token_query *query, token_done_fn *done, void *arg);
/* done will not be called. An exchange under way goes on for the others, and is stored. */
void token_cancel(struct token_request *request);

/*
 * One exchange with values given by hand; nothing is stored, no lock is taken. The connector is of
 * no configuration, and lives as long as the request; its name is what the secrets that come are
 * registered under. secrets are taken over, and left empty.
 */
struct token_request *token_exchange(struct tokens *tokens, const struct connector *connector,
                                     struct connector_secrets *secrets, token_done_fn *done,
                                     void *arg);
/*
 * Keeps the tokens that somebody signed in for, in place of all that is known of the connector's; a
 * configured refresh token wins when it changes. service: where the token service had moved by
 * then, and is looked for first; NULL: where it is configured. spend: the refresh token that was
 * given for it, which ends with it (token_spend.h); NULL: none. All of it is borrowed until `done`
 * is called: once, with `spend` perhaps before this returns; it cannot be cancelled. ERR_CONFIG
 * (secret, state), ERR_AUTH (the endpoint that came is not allowed), ERR_NETWORK (the lock did not
 * come); then nothing has changed.
 */
typedef void token_adopted_fn(void *arg, const struct err *err);
struct token_spend;
void token_adopt(struct tokens *tokens, const struct connector *connector,
                 const struct provider_token *came, const char *service, struct token_spend *spend,
                 token_adopted_fn *done, void *arg);
/* The same with what the row of `from` has, which is forgotten with it: a connector of another name
 * in the same configuration, with the same secrets. Where that has nothing, nothing is done. */
void token_take_over(struct tokens *tokens, const struct connector *connector,
                     const struct connector *from, token_adopted_fn *done, void *arg);
/* Drops the cached access token and the rotated refresh tokens: the configured one is used next.
 * So it does with the access tokens that others have for the same refresh token (connector.slot).
 * Blocks on the store. */
int token_forget(struct tokens *tokens, const struct connector *connector, struct err *err);
/*
 * Ends what the connector has: revokes its refresh token where the service can, then forgets all
 * that is stored of it, under its lock. Where it could be signed in for, it needs a person from now
 * on. `done` is called from the loop, once; it cannot be cancelled. Errors as of token_get; a
 * service that fails is ERR_NETWORK: then nothing is forgotten.
 */
enum token_left {
    TOKEN_LEFT_REVOKED,
    TOKEN_LEFT_HERE,    /* only forgotten: the service knows no revocation, or was not asked */
    TOKEN_LEFT_NOTHING, /* there was nothing to revoke */
};
typedef void token_logout_fn(void *arg, enum token_left left, const struct err *err);
void token_logout(struct tokens *tokens, const struct connector *connector, bool local,
                  token_logout_fn *done, void *arg);
/* Forgets all, as if the connector had never been, after an exchange of another process that is
 * under way: that would store what comes. `left` says nothing. */
void token_remove(struct tokens *tokens, const struct connector *connector, token_logout_fn *done,
                  void *arg);
/* Writing down where the API has moved. The caller's; zeroed is none under way. */
struct token_move {
    struct store_call call;
    char owner[STORE_OWNER_SIZE];
};
/*
 * The API moved (308): remembers the new endpoint, which allow_hosts must allow (-1 where it does
 * not: nothing was started). done is called once it is written or not (move->call.result), perhaps
 * before this returns. endpoint_url is borrowed until then; store_cancel(&move->call) ends it.
 */
int token_set_endpoint(struct tokens *tokens, const struct connector *connector,
                       const char *endpoint_url, struct token_move *move, loop_fn *done, void *arg,
                       struct err *err);
/* The API refused a token that was exchanged because it had refused the one before: remembers that
 * another exchange for a 401 is useless. Nothing for providers without single_use. Otherwise as
 * token_set_endpoint. */
void token_bar(struct tokens *tokens, const struct connector *connector, int64_t generation,
               struct token_move *move, loop_fn *done, void *arg);

#endif

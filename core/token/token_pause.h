/*
 * When a token is not exchanged although it is due. Pure, as token_cache.h. Only where the
 * provider's refresh tokens are for a single use (provider.single_use): there a useless exchange is
 * not only useless, and a service that has refused is left alone for a while.
 *
 * The refresh token is dead: no call until somebody configures another one, signs in, or forces an
 * exchange. Anything else was refused: no call for 1, 2, 4 … TOKEN_PAUSE_MAX_MS, unless the
 * client's ID or secret changes, or what is asked for: its scope, for one. Until a first exchange
 * has worked, also how the service is asked: while a connector is being set up, that is what is
 * tried out.
 */
#ifndef JETON_TOKEN_PAUSE_H
#define JETON_TOKEN_PAUSE_H

#include "redact.h"
#include "token_cache.h"

#define TOKEN_PAUSE_FIRST_MS (60LL * 1000)
#define TOKEN_PAUSE_MAX_MS   (15LL * 60 * 1000)
#define TOKEN_YOUNG_MS       (60LL * 1000) /* a 401 for a younger token is not its age's fault */

/* Whether the row allows an exchange now, with what is configured now; -1 with ERR_AUTH says since
 * when it does not, and why. asker: for whom the row's access token is, or would be. */
int token_pause_check(const struct store_token *row, const struct token_configured *configured,
                      const struct connector *asker, int64_t now_ms, struct err *err);
/* Notes a refusal by the service. dead: of the refresh token. The reason is masked. */
void token_pause_set(struct store_token *row, const struct token_configured *configured,
                     const struct connector *asker, bool dead, const struct err *why,
                     const struct redact *redact, int64_t now_ms);
/* A person has logged out. */
void token_pause_leave(struct store_token *row, const struct token_configured *configured,
                       int64_t now_ms);
/* An exchange went well. */
void token_pause_end(struct store_token *row);

/* An API refused the row's access token (401), which is fresh: whether an exchange would not help,
 * since it has just come, or since it came for a 401 and met another one (row.barred). -1: ERR_AUTH
 * with ERR_HINT_KEPT. */
int token_pause_check_refused(const struct store_token *row, const struct clock *clock,
                              struct err *err);

#endif

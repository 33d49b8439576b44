/*
 * The end of an exchange: what came is stored, then used. A refresh token that has come is the only
 * one that is good, and other hosts have the one that is spent: while the state cannot be written
 * for a reason that passes, whoever has it tries again, for TOKEN_STORE_MS, and not beyond the
 * run's deadline. No signal waits for it: it lies on this host's disk meanwhile. Of a state in a
 * folder that is as good as stored, and it comes here only where that cannot be written either:
 * then it is in memory only, and lost by a signal or that deadline.
 */
#ifndef JETON_TOKEN_FLIGHT_STORE_H
#define JETON_TOKEN_FLIGHT_STORE_H

#include "token_private.h"

#define TOKEN_STORE_MS 300000
/* What a host that was cut off gets to store what came to it, once its lock has run out: it and
 * whoever has taken that may see the database again at the same moment. More than the longest pause
 * between two tries, and a connection. */
#define TOKEN_AWAIT_MS 10000

/* How long what came may be tried to be stored from now on, in ms, as it could not be just now:
 * that is said. Not positive: no longer. */
int64_t token_flight_store_begin(const struct tokens *tokens, const struct connector *connector,
                                 const struct err *err);
/* Until the next try; before the first: 0. */
int64_t token_flight_store_pause_ms(int64_t before_ms);
/* The row, and the asker's slot; then all waiters hear of it. */
void token_flight_store(struct flight *flight);
/* True: another host's exchange was never answered, as far as the state knows, and its lock has run
 * out just now. The row is looked at again, as what came may be stored yet. */
bool token_flight_store_awaits(struct flight *flight);

#endif

/* How a flight ends, and its calls of the store until then. */
#ifndef JETON_TOKEN_FLIGHT_END_H
#define JETON_TOKEN_FLIGHT_END_H

#include "token_private.h"

/* Where the access token goes: the row, or the asker's slot. */
struct store_token *token_flight_target(struct flight *flight);
/* A call for the flight's row; flight->call has its result when `done` is called. */
void token_flight_call(struct flight *flight, enum store_op op, loop_fn *done);
/* These tell the waiters and free the flight. */
void token_flight_fail(struct flight *flight, const struct err *err);
void token_flight_succeed(struct flight *flight, enum token_source source);
void token_flight_free(struct flight *flight);

#endif

/* A refresh token that a person gave, and that may be spent. */
#ifndef JETON_TOKEN_FLIGHT_GIVEN_H
#define JETON_TOKEN_FLIGHT_GIVEN_H

#include "token_private.h"

/*
 * To be called before the configured refresh token is sent for the first time. Goes on by
 * send(flight) where the state knows no row that has it replaced. Where one has, of the same
 * configuration, client and token service (the connector was renamed, or its URL written in
 * another way), the two rows change places, and the flight goes on by flight->again; else it fails,
 * and nothing is sent.
 */
void token_flight_check_given(struct flight *flight, loop_fn *send);

#endif

/* What follows an exchange that gave no token. */
#ifndef JETON_TOKEN_FLIGHT_REFUSED_H
#define JETON_TOKEN_FLIGHT_REFUSED_H

#include "token_private.h"

/* flight->failure says why. Stores what the refusal taught, and ends the flight; or goes on by
 * flight->again, where the state has another refresh token by now. */
void token_flight_refused(struct flight *flight, const struct exchange_result *result);
/* Ends it with flight->failure; before, says once if another home has a token that might do. */
void token_flight_search(struct flight *flight);

#endif

/* One exchange of this process for one connector, from waiting for the lock to the stored result.
 */
#ifndef JETON_TOKEN_FLIGHT_H
#define JETON_TOKEN_FLIGHT_H

#include "token_private.h"

/* The flight of this owner, begun (by waiting for its lock) if there is none. */
struct flight *token_flight_join(struct token_request *request);
/* True while a reply may be on its way, or is being stored. */
bool token_flight_on_wire(const struct flight *flight);

#endif

/* Connectors with `token_of`: the token of another connector, with an API of its own; or an access
 * token of its own, for the refresh token of the other (connector.slot). */
#ifndef JETON_LENT_H
#define JETON_LENT_H

#include "provider.h"

/* Its connectors are struct oauth2_connector. Their service is the other's (connector_owner). */
extern const struct provider lent_provider;

#endif

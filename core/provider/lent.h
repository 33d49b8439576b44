/* Connectors with `token_of`: the token of another connector, with an API of its own. */
#ifndef JETON_LENT_H
#define JETON_LENT_H

#include "provider.h"

/* Its connectors are struct oauth2_connector; nobody asks it for a token (connector_owner). */
extern const struct provider lent_provider;

#endif

/* Any OAuth 2.0 token service: what it wants and says is told by the connector's mapping. */
#ifndef JETON_OAUTH2_H
#define JETON_OAUTH2_H

#include "provider.h"

extern const struct provider oauth2_provider;

#endif

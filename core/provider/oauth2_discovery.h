/* What a token service says of itself (RFC 8414, OpenID Connect Discovery): URLs that are not
 * configured. */
#ifndef JETON_OAUTH2_DISCOVERY_H
#define JETON_OAUTH2_DISCOVERY_H

#include "provider.h"

/* Members of the metadata. */
#define OAUTH2_METADATA_TOKEN     "token_endpoint"
#define OAUTH2_METADATA_AUTHORIZE "authorization_endpoint"
#define OAUTH2_METADATA_DEVICE    "device_authorization_endpoint"
#define OAUTH2_METADATA_REVOKE    "revocation_endpoint"

extern const struct provider_discovery oauth2_discovery;

/* Whether every redirect of the service names its issuer (RFC 9207). metadata NULL: no. */
bool oauth2_discovery_promises_issuer(const char *metadata);
/* A URL of the service: as configured, else as the metadata has it (mem_free). NULL: neither. */
char *oauth2_discovery_url(const char *configured, const char *metadata, const char *member);

#endif

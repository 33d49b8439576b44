/* What a token service says of itself (RFC 8414, OpenID Connect Discovery): URLs that are not
 * configured. */
#ifndef JETON_OAUTH2_METADATA_H
#define JETON_OAUTH2_METADATA_H

#include "provider.h"

/* Members of the metadata. */
#define OAUTH2_METADATA_TOKEN     "token_endpoint"
#define OAUTH2_METADATA_AUTHORIZE "authorization_endpoint"
#define OAUTH2_METADATA_DEVICE    "device_authorization_endpoint"
#define OAUTH2_METADATA_REVOKE    "revocation_endpoint"

extern const struct provider_discovery oauth2_metadata;

/* A URL of the service: as configured, else as the metadata has it (mem_free). NULL: neither. */
char *oauth2_metadata_url(const char *configured, const char *metadata, const char *member);

#endif

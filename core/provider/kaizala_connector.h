/* What stands in the mapping of a Kaizala connector. */
#ifndef JETON_KAIZALA_CONNECTOR_H
#define JETON_KAIZALA_CONNECTOR_H

#include "provider.h"
#include "schema.h"

#define KAIZALA_TOKEN_SERVICE      "token_service"
#define KAIZALA_APPLICATION_ID     "application_id"
#define KAIZALA_APPLICATION_SECRET "application_secret"

#define KAIZALA_SERVICE_EXAMPLE "https://kaizala.example.org/v1"

struct kaizala_connector {
    struct connector common;
    char *token_service; /* no trailing slash */
    struct secret application_id;
    struct secret application_secret;
    struct secret refresh_token; /* kind SECRET_NONE where absent */
};

extern const struct schema_field kaizala_connector_fields[];
const struct kaizala_connector *kaizala_connector_of(const struct connector *connector);
void kaizala_connector_settle(struct connector *connector);
/*
 * What its rows belong to, the connector's name, its token service, and its application ID (the
 * value where it is at hand without reading a file or running a command, else where it comes from).
 */
void kaizala_connector_owner(const struct connector *connector, const char *home,
                             char owner[PROVIDER_OWNER_SIZE]);

#endif

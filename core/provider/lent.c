#include "lent.h"

#include "config_field.h"
#include "mem.h"
#include "oauth2_connector.h"
#include "oauth2_reply.h"
#include "oauth2_request.h"

static const struct schema_field fields[] = {
    {.name = "token_of",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct oauth2_connector, common.token_of),
     .required = true,
     .expected = "the name of a connector"},
    OAUTH2_CONNECTOR_API(true),
    OAUTH2_CONNECTOR_ASKS,
    {0},
};

static void settle(struct connector *connector)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    oauth2_connector_settle(connector);
    connector->slot = oauth2->scope != NULL || oauth2->audience != NULL || oauth2->resource != NULL;
}

static struct http_header authorize(const struct connector *connector, const char *access_token)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    const struct connector *lender = connector_owner(connector);
    if (oauth2->authorization != NULL || oauth2->header != NULL || lender == connector)
        return oauth2_request_authorize(connector, access_token);
    return provider_of(lender)->authorize(lender, access_token);
}

const struct provider lent_provider = {
    .config = {.name = "token_of",
               .size = sizeof(struct oauth2_connector),
               .fields = fields,
               .settle = settle,
               .check = oauth2_connector_check_header,
               .release = oauth2_connector_release,
               .lent = true},
    .owner = oauth2_connector_owner,
    .asked = oauth2_connector_asked_slot,
    .tried = oauth2_connector_tried_slot,
    .endpoint = oauth2_request_endpoint,
    .path = oauth2_request_api_path,
    .resource = oauth2_request_resource,
    .authorize = authorize,
    .error = oauth2_reply_error,
};

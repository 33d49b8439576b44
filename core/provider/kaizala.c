#include "kaizala.h"

#include "kaizala_connector.h"
#include "kaizala_reply.h"
#include "kaizala_request.h"

#include <string.h>
#include <strings.h>

#define CURSOR(path, list)                                                                         \
    {                                                                                              \
        path, list, .way = PROVIDER_BY_CURSOR, .next = "cursor"                                    \
    }

/* Lists that are documented as cut into pages. */
static const struct provider_list lists[] = {
    CURSOR("groups/*/subscribers", "subscribers"),
    CURSOR("groups/*/reaction/summary", "summary"),
    CURSOR("groups/*/reaction/*", "reactionDetails"),
    {.path = "groups/*/actions",
     .list = "actions",
     .way = PROVIDER_BY_DATE,
     .next = "fromDate",
     .size = "count",
     .more = "hasMore",
     .time = "creationTime",
     .iso_time = "sentAt",
     .id = "referenceId"},
    {.path = "tenant/findGroupsByQuery",
     .list = "groups",
     .any_list = true,
     .way = PROVIDER_BY_OFFSET,
     .next = "resultsOffset",
     .id = "groupId"},
    {0},
};

static void add(const char *token, const char *tokens[PROVIDER_GRANTS_MAX], size_t *count)
{
    bool known = token == NULL;
    for (size_t i = 0; i < *count && !known; i++)
        known = strcmp(tokens[i], token) == 0;
    if (!known)
        tokens[(*count)++] = token;
}

/*
 * A rotated token stands in for the configured one until the configured value itself changes; the
 * one before it, spares and the configured one are tried when it is refused. A changed configured
 * value wins over all.
 */
static size_t grants(const struct provider_known *known, const char *tokens[PROVIDER_GRANTS_MAX])
{
    size_t count = 0;
    if (!known->changed) {
        add(known->current, tokens, &count);
        add(known->previous, tokens, &count);
        for (size_t i = 0; i < PROVIDER_SPARES_MAX; i++)
            add(known->spares[i], tokens, &count);
    }
    add(known->configured, tokens, &count);
    return count;
}

static const char *sign_in(const struct connector *connector)
{
    (void)connector;
    return "--pin PHONE | --oauth";
}

/* Which of the three values it was. kaizala_reply.c has seen to those of the application. */
static void refused(const struct connector *connector, struct err *err)
{
    (void)connector;
    static const char lives[] = "it expires after 365 days, or when a new one is generated";
    if (strstr(err->msg, KAIZALA_CHECK_APPLICATION) != NULL)
        return;
    if (strcasecmp(err->code, "InvalidToken") == 0)
        err_advise(err, "check refresh_token: %s", lives);
    else
        err_advise(err, "check application_id, application_secret and refresh_token: the latter "
                        "expires after 365 days, or when a new one is generated");
}

const struct provider kaizala_provider = {
    .config = {.name = "kaizala",
               .size = sizeof(struct kaizala_connector),
               .fields = kaizala_connector_fields,
               .settle = kaizala_connector_settle,
               .per_minute = CONFIG_PER_MINUTE_DEFAULT,
               .tenant_per_minute = CONFIG_TENANT_MINUTE_DEFAULT},
    .service_key = KAIZALA_TOKEN_SERVICE,
    .service_example = KAIZALA_SERVICE_EXAMPLE,
    .given = {{KAIZALA_APPLICATION_ID, "application ID", NULL},
              {KAIZALA_APPLICATION_SECRET, "application secret", "secret"},
              {PROVIDER_REFRESH_TOKEN, "refresh token", "refresh_token"}},
    .given_where = "on the connector's page of the management portal",
    .renewal = "generate a new one in the management portal and configure it",
    .try_path = "groups",
    .refresh_life_ms = 365LL * 86400 * 1000,
    .lists = lists,
    .owner = kaizala_connector_owner,
    .grants = grants,
    .request = kaizala_request_new,
    .reply = kaizala_reply_read,
    .refused = refused,
    .sign_in = sign_in,
    .sign_in_url = kaizala_request_sign_in_url,
    .path = kaizala_request_api_path,
    .resource = kaizala_request_resource,
    .authorize = kaizala_request_authorize,
    .moved = kaizala_reply_moved,
    .error = kaizala_reply_error,
};

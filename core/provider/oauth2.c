#include "oauth2.h"

#include "mem.h"
#include "oauth2_assertion.h"
#include "oauth2_connector.h"
#include "oauth2_discovery.h"
#include "oauth2_reply.h"
#include "oauth2_request.h"
#include "oauth2_scope.h"
#include "oauth2_tls.h"
#include "url.h"

#include <string.h>

/*
 * Each refresh token may be good for one use, and some services end all that came of a sign-in when
 * one is used twice. So only the last one is sent; the one before it only where the reply that
 * brought the last one may never have been told to the service as received. Where it is refused, a
 * spare of the same exchange is the only one that may still be good.
 */
static size_t grants(const struct provider_known *known, const char *tokens[PROVIDER_GRANTS_MAX])
{
    size_t count = 0;
    if (!oauth2_connector_refreshes(known->connector)) {
        tokens[count++] = NULL;
        return count;
    }
    if (known->current == NULL || known->changed) {
        if (known->configured != NULL)
            tokens[count++] = known->configured;
        return count;
    }
    tokens[count++] = known->current;
    if (known->lost && known->previous != NULL)
        tokens[count++] = known->previous;
    for (size_t i = 0; i < PROVIDER_SPARES_MAX; i++) {
        if (known->spares[i] != NULL)
            tokens[count++] = known->spares[i];
    }
    return count;
}

static bool is_one_of(const char *name, const char *const *names)
{
    while (*names != NULL && strcmp(name, *names) != 0)
        names++;
    return *names != NULL;
}

/* Only what is known to be good as often as it is sent is not spent: a client's own secret, an
 * assertion that is signed anew. Any other token, code or grant may be for one use. */
static bool spends(const struct connector *connector, const struct connector_secrets *secrets)
{
    static const char *const lasting[] = {OAUTH2_GRANT_CLIENT,
                                          OAUTH2_GRANT_JWT,
                                          OAUTH2_GRANT_APP,
                                          OAUTH2_GRANT_JWT_URI,
                                          OAUTH2_GRANT_ACCOUNT,
                                          "password",
                                          NULL};
    static const char *const spent[] = {PROVIDER_REFRESH_TOKEN,
                                        OAUTH2_SUBJECT_TOKEN,
                                        OAUTH2_ACTOR_TOKEN,
                                        "assertion",
                                        "client_assertion",
                                        "code",
                                        "device_code",
                                        "token",
                                        NULL};
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    const char *grant = oauth2_connector_grant(oauth2);
    for (size_t i = 0; i < oauth2->params.count; i++) {
        const struct oauth2_pair *pair = &oauth2->params.items[i];
        const char *value =
            pair->text != NULL ? pair->text : connector_secrets_get(secrets, pair->key);
        if (strcmp(pair->name, "grant_type") == 0)
            grant = value != NULL ? value : "";
        else if (is_one_of(pair->name, spent))
            return true;
    }
    return !is_one_of(grant, lasting);
}

static bool can(const struct provider_ask *ask)
{
    char *url =
        ask->purpose == PROVIDER_CODE ? oauth2_request_authorize_url(ask) : oauth2_request_url(ask);
    bool known = url != NULL;
    mem_free(url);
    return known && oauth2_connector_refreshes(ask->connector);
}

/* Or its issuer may say how. */
static bool might(const struct connector *connector, enum provider_purpose purpose)
{
    const struct provider_ask ask = {.purpose = purpose, .connector = connector};
    return can(&ask) || oauth2_discovery.needed(&ask);
}

static const char *sign_in(const struct connector *connector)
{
    static const char *const ways[2][2] = {
        {"--import", "--browser | --paste | --import"},
        {"--device | --import", "--device | --browser | --paste | --import"},
    };
    if (!oauth2_connector_refreshes(connector))
        return NULL;
    return ways[might(connector, PROVIDER_DEVICE)][might(connector, PROVIDER_CODE)];
}

static const char *redirect_uri(const struct connector *connector)
{
    const char *configured = oauth2_connector_of(connector)->redirect_uri;
    return configured != NULL ? configured : "http://127.0.0.1:0/callback";
}

/* Where none is configured, it must at least be on a host where this sign-in goes. */
static bool is_issuer(const struct provider_ask *ask, const char *issuer)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const char *places[] = {oauth2->authorize_url, oauth2->token_url};
    struct err ignored;
    struct url url, place;
    bool same = false;
    if (issuer == NULL)
        return !oauth2_discovery_promises_issuer(ask->metadata);
    if (oauth2->issuer != NULL)
        return strcmp(issuer, oauth2->issuer) == 0;
    if (url_parse(issuer, &url, &ignored) != 0)
        return false;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (places[i] == NULL || url_parse(places[i], &place, &ignored) != 0)
            continue;
        same = same || (strcmp(url.scheme, place.scheme) == 0 &&
                        strcmp(url.host, place.host) == 0 && url.port == place.port);
        url_destroy(&place);
    }
    url_destroy(&url);
    return same;
}

/* It is kept as the reason of a pause, which goes along when the connector is renamed. */
static void refused(const struct connector *connector, struct err *err)
{
    (void)connector;
    err_advise(err, "the refresh token is dead: sign in again (jeton login), or configure another "
                    "refresh_token");
}

/* GitHub's replicas: its own library asks again, too. */
static bool lags(const struct connector *connector)
{
    return strcmp(oauth2_connector_grant(oauth2_connector_of(connector)), OAUTH2_GRANT_APP) == 0;
}

const struct provider oauth2_provider = {
    .config = {.name = "oauth2",
               .size = sizeof(struct oauth2_connector),
               .fields = oauth2_connector_fields,
               .settle = oauth2_connector_settle,
               .check = oauth2_connector_check,
               .secret_at = oauth2_connector_secret_at,
               .release = oauth2_connector_release,
               .slots = true},
    .service_key = "token_url",
    .service_example = "https://id.example.org/oauth2/token",
    .given = {{OAUTH2_CLIENT_ID, "client ID", NULL},
              {OAUTH2_CLIENT_SECRET, "client secret", "secret"},
              {PROVIDER_REFRESH_TOKEN, "refresh token", "refresh_token"}},
    .given_where = "where the application is registered at the service",
    .renewal = "sign in again (jeton login), or configure another refresh_token",
    .try_path = "",
    .single_use = true,
    .spends = spends,
    .discovery = &oauth2_discovery,
    .owner = oauth2_connector_owner,
    .service_host = oauth2_connector_service_host,
    .asked = oauth2_connector_asked,
    .tried = oauth2_connector_tried,
    .may_ask = oauth2_connector_may_ask,
    .grants = grants,
    .request = oauth2_request_new,
    .reply = oauth2_reply_read,
    .refused = refused,
    .can = can,
    .sign_in = sign_in,
    .ungranted = oauth2_scope_ungranted,
    .sign_in_url = oauth2_request_sign_in_url,
    .redirect_uri = redirect_uri,
    .is_issuer = is_issuer,
    .endpoint = oauth2_request_endpoint,
    .path = oauth2_request_api_path,
    .resource = oauth2_request_resource,
    .authorize = oauth2_request_authorize,
    .reads = oauth2_assertion_reads_key,
    .identify = oauth2_tls_identify,
    .identifies = oauth2_tls_identifies,
    .lags = lags,
    .error = oauth2_reply_error,
};

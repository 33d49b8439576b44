#include "oauth2_assertion.h"

#include "assertion.h"
#include "mem.h"
#include "oauth2_connector.h"
#include "oauth2_discovery.h"

#include <string.h>

static const char * or (const char *first, const char *second)
{
    return first != NULL ? first : second;
}

/* What the audience is called in the configuration, as the address that it means (mem_free). */
static char *audience_of(const struct provider_ask *ask, const char *configured)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    if (configured == NULL || strcmp(configured, OAUTH2_AUDIENCE_TOKEN_URL) == 0)
        return oauth2_discovery_url(oauth2->token_url, ask->metadata, OAUTH2_METADATA_TOKEN);
    return mem_strdup(strcmp(configured, OAUTH2_AUDIENCE_ISSUER) == 0 ? oauth2->issuer
                                                                      : configured);
}

static int sign(const struct provider_ask *ask, const struct private_key *key,
                const struct assertion *assertion, struct buf *out, struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const char *certificate = connector_secrets_get(ask->secrets, OAUTH2_CERTIFICATE);
    struct certificate_thumbprints thumbprints;
    struct jwt_header header = {
        .algorithm = oauth2->algorithm > 0 ? (enum private_key_algorithm)(oauth2->algorithm - 1)
                                           : private_key_default(key),
        .key_id = or (oauth2->key_id, private_key_id(key)),
    };
    if (certificate != NULL) {
        if (certificate_read(certificate, strlen(certificate), key, &thumbprints, err) != 0)
            return err_wrap(err, "%s of connector '%s'", OAUTH2_CERTIFICATE, ask->connector->name);
        header.certificate = &thumbprints;
    }
    if (assertion_sign(assertion, key, &header, &clock_system, out, err) != 0)
        return err_wrap(err, "%s of connector '%s'", OAUTH2_KEY, ask->connector->name);
    return 0;
}

static struct private_key *read_key(const struct provider_ask *ask, struct err *err)
{
    const char *text = connector_secrets_get(ask->secrets, OAUTH2_KEY);
    struct private_key *key = NULL;
    if (text == NULL)
        err_set(err, ERR_CONFIG, "it is not configured");
    else
        key = private_key_new(text, strlen(text), err);
    if (key == NULL)
        err_wrap(err, "%s of connector '%s'", OAUTH2_KEY, ask->connector->name);
    return key;
}

int oauth2_assertion_reads_key(const struct secret *secret, const char *text, size_t len,
                               struct err *err)
{
    bool any = strcmp(secret->key, OAUTH2_TLS_KEY) == 0;
    if (!any && strcmp(secret->key, OAUTH2_KEY) != 0)
        return 0;
    struct private_key *key =
        any ? private_key_new_any(text, len, err) : private_key_new(text, len, err);
    if (key == NULL)
        return -1;
    private_key_free(key);
    return 0;
}

/* A service refuses what nobody says, in words that help nobody. */
static int check_issuer(const struct provider_ask *ask, const struct assertion *assertion,
                        struct err *err)
{
    if (assertion->issuer != NULL)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "connector '%s' does not say who its assertion is of: set client_id or "
                   "assertion.issuer (only the JSON file of a Google service account brings one "
                   "with the key)",
                   ask->connector->name);
}

static char *make(const struct provider_ask *ask, struct assertion *assertion, struct err *err)
{
    struct buf token;
    struct private_key *key = read_key(ask, err);
    if (key == NULL)
        return NULL;
    assertion->issuer =
        or (assertion->issuer,
            or (private_key_issuer(key), connector_secrets_get(ask->secrets, OAUTH2_CLIENT_ID)));
    buf_create_secret(&token, JWT_MAX);
    int result = check_issuer(ask, assertion, err);
    if (result == 0)
        result = sign(ask, key, assertion, &token, err);
    char *text = result == 0 ? mem_strdup(token.data) : NULL;
    if (result == 0 && ask->redact != NULL)
        redact_add_owned(ask->redact, token.data, token.len, ask->connector->name);
    buf_destroy(&token);
    private_key_free(key);
    return text;
}

char *oauth2_assertion_grant(const struct provider_ask *ask, const char *scope, struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const struct oauth2_assertion *given = &oauth2->assertion;
    bool app = strcmp(oauth2_connector_grant(oauth2), OAUTH2_GRANT_APP) == 0;
    /* An app's token is no assertion to a token service; GitHub's has no audience. */
    char *audience = app ? mem_strdup(given->audience) : audience_of(ask, given->audience);
    struct assertion assertion = {
        .issuer = given->issuer,
        .subject = given->subject,
        .audience = audience,
        .lifetime_ms = oauth2_connector_assertion_life(oauth2),
        .backdate_ms = given->backdate_ms,
        .scope = given->scope_claim ? scope : NULL,
        .claims = given->claims,
    };
    char *token = make(ask, &assertion, err);
    mem_free(audience);
    return token;
}

char *oauth2_assertion_client(const struct provider_ask *ask, struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const char *id = connector_secrets_get(ask->secrets, OAUTH2_CLIENT_ID);
    char *audience = audience_of(ask, oauth2->client_assertion.audience);
    struct assertion assertion = {
        .issuer = id,
        .subject = id,
        .audience = audience,
        .lifetime_ms = OAUTH2_ASSERTION_LIFE_MS,
    };
    char *token = make(ask, &assertion, err);
    mem_free(audience);
    return token;
}

/* Which keys of an OAuth 2.0 connector belong together. */
#include "allow.h"
#include "config_field.h"
#include "field.h"
#include "json_pointer.h"
#include "mem.h"
#include "nearest.h"
#include "oauth2_connector.h"

#include <string.h>
#include <strings.h>

#define WELL_KNOWN "/.well-known/"

static const struct yaml_node *place(const struct yaml_node *node, const char *key)
{
    const struct yaml_node *value = yaml_get(node, key);
    return value != NULL ? value : node;
}

static void check_hosts(const struct schema_walk *walk, const struct yaml_node *node,
                        const struct oauth2_connector *oauth2)
{
    struct err err;
    for (size_t i = 0; oauth2->token_hosts != NULL && oauth2->token_hosts[i] != NULL; i++) {
        if (allow_pattern_check(oauth2->token_hosts[i], &err) != 0)
            schema_problem(walk, place(node, "token_hosts"), "'token_hosts' of %s: %s", walk->what,
                           err.msg);
    }
}

static void check_reply(const struct schema_walk *walk, const struct yaml_node *node,
                        const struct oauth2_reply *reply)
{
    const struct yaml_node *mapping = place(node, "reply");
    for (const struct schema_field *field = oauth2_connector_reply_fields; field->name != NULL;
         field++) {
        const char *pointer = field->type == SCHEMA_STRING
                                  ? *(char *const *)((const char *)reply + field->offset)
                                  : NULL;
        if (pointer != NULL && !json_pointer_is_valid(pointer))
            schema_problem(walk, place(mapping, field->name),
                           "'%s' of reply of %s must be %s, not '%s'", field->name, walk->what,
                           field->expected, pointer);
    }
    if (reply->expires_in != NULL && reply->expires_at != NULL)
        schema_problem(walk, mapping, "reply of %s has 'expires_in' and 'expires_at'; expected one",
                       walk->what);
    if (reply->unit == OAUTH2_ISO8601 && reply->expires_at == NULL)
        schema_problem(walk, mapping, "reply of %s: unit iso8601 needs 'expires_at'", walk->what);
}

static size_t count_tokens(const char *text)
{
    size_t count = 0;
    for (; (text = strstr(text, OAUTH2_TOKEN)) != NULL; text += sizeof OAUTH2_TOKEN - 1)
        count++;
    return count;
}

void oauth2_connector_check_header(const struct schema_walk *walk, const struct yaml_node *node,
                                   const struct connector *connector)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    const char *template = oauth2->authorization, *header = oauth2->header;
    if (template != NULL && header != NULL)
        schema_problem(walk, place(node, "header"),
                       "%s has 'authorization' and 'header'; expected one", walk->what);
    if (template != NULL &&
        (count_tokens(template) != 1 || !field_is_value(template, strlen(template))))
        schema_problem(walk, place(node, "authorization"),
                       "'authorization' of %s must hold " OAUTH2_TOKEN " once, on one line",
                       walk->what);
    if (header == NULL)
        return;
    char *name = mem_strndup(header, strcspn(header, ":"));
    const char *text = header[strlen(name)] == ':' ? header + strlen(name) + 1 : OAUTH2_TOKEN;
    if (!field_is_token(name) || count_tokens(text) != 1 || !field_is_value(text, strlen(text)))
        schema_problem(
            walk, place(node, "header"),
            "'header' of %s must be the name of a header field, or \"NAME: text with " OAUTH2_TOKEN
            " once\"",
            walk->what);
    else if (!oauth2_connector_may_set(name))
        schema_problem(walk, place(node, "header"),
                       "'header' of %s cannot be '%s': Host, Content-… and what belongs to the "
                       "connection are jeton's",
                       walk->what, name);
    mem_free(name);
}

static void lacks(const struct schema_walk *walk, const struct yaml_node *node, const char *key,
                  const char *instead)
{
    schema_problem(walk, walk->at != NULL ? walk->at : node, "%s lacks '%s'; expected %s%s",
                   walk->what, key, CONFIG_SECRET_EXPECTED, instead);
}

/* Where other URLs are configured, it may never be asked for. */
static void check_issuer(const struct schema_walk *walk, const struct yaml_node *at,
                         const struct oauth2_connector *oauth2)
{
    const char *known = strstr(oauth2->issuer, WELL_KNOWN);
    if (known == NULL)
        return;
    (oauth2->token_url == NULL && oauth2->refresh_url == NULL ? problems_add : problems_warn)(
        walk->problems, walk->file, at->line, at->col,
        "'issuer' of %s: this is where its metadata is; write %.*s, which the metadata has as its "
        "\"issuer\"",
        walk->what, (int)(known - oauth2->issuer), oauth2->issuer);
}

static void check_service(const struct schema_walk *walk, const struct yaml_node *node,
                          const struct oauth2_connector *oauth2)
{
    const char *audiences[] = {oauth2->assertion.audience, oauth2->client_assertion.audience};
    if (oauth2->issuer != NULL)
        check_issuer(walk, place(node, "issuer"), oauth2);
    if (oauth2->token_url == NULL && oauth2->issuer == NULL &&
        yaml_get(node, "token_url") == NULL && yaml_get(node, "issuer") == NULL)
        schema_problem(walk, walk->at != NULL ? walk->at : node,
                       "%s lacks 'token_url'; expected a URL such as "
                       "https://id.example.org/oauth2/token, or 'issuer'",
                       walk->what);
    for (size_t i = 0; i < sizeof audiences / sizeof audiences[0]; i++) {
        if (oauth2->issuer == NULL && audiences[i] != NULL &&
            strcmp(audiences[i], OAUTH2_AUDIENCE_ISSUER) == 0)
            schema_problem(walk, place(node, i == 0 ? "assertion" : "client_assertion"),
                           "%s has an assertion for its 'issuer', and none is configured",
                           walk->what);
    }
}

static void check_client(const struct schema_walk *walk, const struct yaml_node *node,
                         const struct oauth2_connector *oauth2)
{
    bool id = yaml_get(node, OAUTH2_CLIENT_ID) != NULL;
    bool secret = yaml_get(node, OAUTH2_CLIENT_SECRET) != NULL;
    bool refreshes = oauth2_connector_refreshes(&oauth2->common);
    bool known = refreshes || strcmp(oauth2_connector_grant(oauth2), OAUTH2_GRANT_CLIENT) == 0;
    if (!id && (known || secret))
        lacks(walk, node, OAUTH2_CLIENT_ID, "");
    bool signs = oauth2->client_auth == OAUTH2_JWT;
    bool proves = signs || oauth2->client_auth == OAUTH2_TLS; /* without a secret */
    bool asserts = oauth2_connector_asserts(oauth2);
    if ((signs || asserts) && yaml_get(node, OAUTH2_KEY) == NULL)
        lacks(walk, node, OAUTH2_KEY, "");
    if (proves && !id && !known)
        lacks(walk, node, OAUTH2_CLIENT_ID, "");
    if (secret && (proves || oauth2->client_auth == OAUTH2_NONE))
        schema_problem(walk, place(node, OAUTH2_CLIENT_SECRET),
                       "'client_secret' of %s is not used with client_auth: %s", walk->what,
                       oauth2_connector_auths[oauth2->client_auth]);
    if (oauth2->assertion.backdate_ms > 0 &&
        oauth2->assertion.backdate_ms >= oauth2_connector_assertion_life(oauth2))
        schema_problem(
            walk, place(node, "assertion"),
            "assertion of %s expires before it is sent: 'backdate' must be less than 'lifetime'",
            walk->what);
    if (!secret && !proves && !asserts && (id || known) && oauth2->client_auth != OAUTH2_NONE)
        lacks(walk, node, OAUTH2_CLIENT_SECRET, "; or client_auth: none");
    if (!refreshes && yaml_get(node, PROVIDER_REFRESH_TOKEN) != NULL)
        schema_problem(walk, place(node, PROVIDER_REFRESH_TOKEN),
                       "'refresh_token' of %s is not used with grant: %s", walk->what,
                       oauth2_connector_grant(oauth2));
}

static void check_tls(const struct schema_walk *walk, const struct yaml_node *node,
                      const struct oauth2_connector *oauth2)
{
    const struct yaml_node *tls = yaml_get(node, "tls");
    const char *urls[] = {oauth2->token_url, oauth2->refresh_url};
    if (tls == NULL && oauth2->client_auth == OAUTH2_TLS)
        schema_problem(walk, walk->at != NULL ? walk->at : node,
                       "%s lacks 'tls'; expected { certificate: SECRET, key: SECRET }", walk->what);
    for (size_t i = 0; tls != NULL && i < sizeof urls / sizeof urls[0]; i++) {
        if (urls[i] != NULL && strncasecmp(urls[i], "http:", 5) == 0)
            schema_problem(walk, tls, "'tls' of %s is not used with %s, which is not https",
                           walk->what, urls[i]);
    }
}

/* Keys of a grant; with another one they would do nothing. */
static void check_exchange(const struct schema_walk *walk, const struct yaml_node *node,
                           const struct oauth2_connector *oauth2)
{
    static const char *const keys[] = {OAUTH2_SUBJECT_TOKEN, OAUTH2_SUBJECT_TOKEN "_type",
                                       OAUTH2_ACTOR_TOKEN, OAUTH2_ACTOR_TOKEN "_type"};
    bool exchanges = oauth2_connector_exchanges(oauth2);
    for (size_t i = 0; !exchanges && i < sizeof keys / sizeof keys[0]; i++) {
        if (yaml_get(node, keys[i]) != NULL)
            schema_problem(walk, place(node, keys[i]), "'%s' of %s is not used with grant: %s",
                           keys[i], walk->what, oauth2_connector_grant(oauth2));
    }
    if (exchanges && yaml_get(node, OAUTH2_SUBJECT_TOKEN) == NULL)
        lacks(walk, node, OAUTH2_SUBJECT_TOKEN, "");
    if (exchanges && oauth2->actor_token_type != NULL && yaml_get(node, OAUTH2_ACTOR_TOKEN) == NULL)
        lacks(walk, node, OAUTH2_ACTOR_TOKEN, "");
}

/* A grant may be any text; what is nearly one that jeton knows was meant to be it. */
static void check_grant(const struct schema_walk *walk, const struct yaml_node *node,
                        const struct oauth2_connector *oauth2)
{
    static const char *const known[] = {OAUTH2_GRANT_REFRESH,  OAUTH2_GRANT_CLIENT,
                                        OAUTH2_GRANT_JWT,      OAUTH2_GRANT_APP,
                                        OAUTH2_GRANT_EXCHANGE, OAUTH2_GRANT_ACCOUNT};
    const char *grant = oauth2_connector_grant(oauth2);
    const char *nearest = nearest_name(grant, known, sizeof known / sizeof known[0]);
    const struct yaml_node *at = place(node, "grant"), *params = yaml_get(node, "params");
    bool has_code =
        params != NULL && params->kind == YAML_MAPPING && yaml_get(params, "code") != NULL;
    if (strcmp(grant, "authorization_code") == 0 && !has_code)
        problems_warn(
            walk->problems, walk->file, at->line, at->col,
            "'grant' of %s is sent as it is: grant_type=%s, without a code; leave it out, "
            "and sign in by `jeton login`",
            walk->what, grant);
    if (nearest == NULL || strcmp(nearest, grant) == 0)
        return;
    problems_warn(walk->problems, walk->file, at->line, at->col,
                  "'grant' of %s is sent as it is: grant_type=%s; did you mean '%s'?", walk->what,
                  grant, nearest);
}

void oauth2_connector_check(const struct schema_walk *walk, const struct yaml_node *node,
                            const struct connector *connector)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    check_service(walk, node, oauth2);
    check_hosts(walk, node, oauth2);
    check_reply(walk, node, &oauth2->reply);
    oauth2_connector_check_header(walk, node, connector);
    check_client(walk, node, oauth2);
    check_tls(walk, node, oauth2);
    check_exchange(walk, node, oauth2);
    check_grant(walk, node, oauth2);
}

/* The keys of an OAuth 2.0 connector, and how each is read. */
#include "allow.h"
#include "config_field.h"
#include "field.h"
#include "mem.h"
#include "oauth2_connector.h"
#include "private_key.h"
#include "yaml_json.h"

#include <string.h>
#include <strings.h>

#define AT(member)            offsetof(struct oauth2_connector, member)
#define REPLY(member)         offsetof(struct oauth2_reply, member)
#define LIFE_MAX_MS           (3650LL * 86400 * 1000)
#define ASSERTION_LIFE_MAX_MS 86400000
#define CLAIMS_MAX            ((size_t)32 * 1024)

/* As config_url_parse, but a slash at the end stays: some services have one. */
static void read_url(const struct schema_walk *walk, const struct schema_field *field,
                     const struct yaml_node *node, void *target)
{
    const char *text = config_url_text(walk, field, node);
    if (text != NULL)
        *(char **)target = mem_strdup(text);
}

/* The same; the port may be 0, which stands for a free one. */
static void read_redirect(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    const char *text = config_text(walk, field, node);
    struct err err;
    if (text == NULL)
        return;
    const char *host = strstr(text, "://");
    const char *path = host != NULL ? host + 3 + strcspn(host + 3, "/?#") : text;
    bool free_port = path - text > 2 && strncmp(path - 2, ":0", 2) == 0;
    char *url = mem_printf("%.*s%s", (int)(path - text - (free_port ? 2 : 0)), text, path);
    if (allow_check_base(url, &err) != 0)
        schema_problem(walk, node, "'%s' of %s: %s", field->name, walk->what, err.msg);
    else
        *(char **)target = mem_strdup(text);
    mem_free(url);
}

void oauth2_connector_read_words(const struct schema_walk *walk, const struct schema_field *field,
                                 const struct yaml_node *node, void *target)
{
    char ***words = target;
    if (node->kind != YAML_SCALAR) {
        *words = schema_strings(walk, field, node);
        return;
    }
    const char *text = config_text(walk, field, node);
    size_t count = 0;
    if (text == NULL)
        return;
    *words = mem_alloc((node->len / 2 + 2) * sizeof **words);
    for (text += strspn(text, " "); *text != '\0'; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        (*words)[count++] = mem_strndup(text, len);
        text += len;
    }
}

static void read_pair(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_pair *from, struct oauth2_pair *pair)
{
    const struct yaml_node *value = from->value;
    *pair = (struct oauth2_pair){
        .name = mem_strdup(from->key->text),
        .key = mem_printf("%s.%s", field->name, from->key->text),
    };
    if (value->kind == YAML_SCALAR) {
        if (strlen(value->text) != value->len)
            schema_problem(walk, value, "'%s' of %s holds a NUL character", pair->key, walk->what);
        pair->text = mem_strdup(value->text);
        return;
    }
    const struct schema_field secret = {.name = pair->key, .expected = CONFIG_SECRET_EXPECTED};
    config_secret_parse(walk, &secret, value, &pair->secret);
}

static void read_pairs(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, void *target)
{
    struct oauth2_pairs *pairs = target;
    if (node->kind != YAML_MAPPING) {
        schema_wrong_type(walk, field, node);
        return;
    }
    if (node->count > OAUTH2_PAIRS_MAX) {
        schema_problem(walk, node, "'%s' of %s has more than %d entries", field->name, walk->what,
                       OAUTH2_PAIRS_MAX);
        return;
    }
    pairs->items = mem_alloc((node->count + 1) * sizeof *pairs->items);
    for (size_t i = 0; i < node->count; i++)
        read_pair(walk, field, &node->pairs[i], &pairs->items[pairs->count++]);
}

static void read_headers(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    struct oauth2_pairs *pairs = target;
    read_pairs(walk, field, node, target);
    for (size_t i = 0; i < pairs->count; i++) {
        const struct oauth2_pair *pair = &pairs->items[i];
        const struct yaml_node *key = node->pairs[i].key;
        if (!field_is_token(pair->name))
            schema_problem(walk, key, "'%s' of %s: expected the name of a header field",
                           field->name, walk->what);
        else if (!oauth2_connector_may_set(pair->name) ||
                 strcasecmp(pair->name, "Authorization") == 0)
            schema_problem(walk, key,
                           "'%s' of %s cannot set '%s': Authorization, Host, Content-… and what "
                           "belongs to the connection are jeton's",
                           field->name, walk->what, pair->name);
        if (pair->text != NULL && !field_is_value(pair->text, strlen(pair->text)))
            schema_problem(walk, node->pairs[i].value,
                           "'%s' of %s holds a line break or control character", pair->key,
                           walk->what);
    }
}

/* They stand in a URL that a person sees, beside what a sign-in is protected by. */
static void read_authorize_params(const struct schema_walk *walk, const struct schema_field *field,
                                  const struct yaml_node *node, void *target)
{
    static const char *const ours[] = {"response_type", "client_id",      "redirect_uri",
                                       "state",         "code_challenge", "code_challenge_method"};
    const struct oauth2_pairs *pairs = target;
    read_pairs(walk, field, node, target);
    for (size_t i = 0; i < pairs->count; i++) {
        const struct oauth2_pair *pair = &pairs->items[i];
        bool taken = false;
        for (size_t n = 0; n < sizeof ours / sizeof ours[0]; n++)
            taken = taken || strcmp(ours[n], pair->name) == 0;
        if (taken)
            schema_problem(walk, node->pairs[i].key, "'%s' of %s cannot set '%s', which is jeton's",
                           field->name, walk->what, pair->name);
        else if (pair->text == NULL)
            schema_problem(walk, node->pairs[i].value,
                           "'%s' of %s must be a string: it is shown, so it cannot be a secret",
                           pair->key, walk->what);
    }
}

static const char *const pkces[] = {"true", "false", NULL};
const char *const oauth2_connector_auths[] = {"basic",           "basic_raw", "post", "none",
                                              "private_key_jwt", "tls",       NULL};
static const char *const bodies[] = {"form", "json", "query", NULL};
static const char *const units[] = {"s", "ms", "iso8601", NULL};

#define POINTER(member)                                                                            \
    {                                                                                              \
        .name = #member, .type = SCHEMA_STRING, .offset = REPLY(member),                           \
        .expected = "a JSON Pointer such as /access_token"                                         \
    }

static void read_algorithm(const struct schema_walk *walk, const struct schema_field *field,
                           const struct yaml_node *node, void *target)
{
    const char *text = config_text(walk, field, node);
    for (int i = 0; text != NULL && private_key_algorithms[i] != NULL; i++) {
        if (strcmp(private_key_algorithms[i], text) == 0) {
            *(int *)target = i + 1;
            return;
        }
    }
    if (text != NULL)
        schema_problem(walk, node, "'%s' of %s must be %s", field->name, walk->what,
                       field->expected);
}

static void read_claims(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    struct buf json;
    if (node->kind != YAML_MAPPING) {
        schema_wrong_type(walk, field, node);
        return;
    }
    buf_create(&json, CLAIMS_MAX);
    if (yaml_json_write(node, &json) != 0)
        schema_problem(walk, node, "'%s' of %s: too large, or a number that JSON does not have",
                       field->name, walk->what);
    else
        *(char **)target = mem_strdup(json.data);
    buf_destroy(&json);
}

#define ASSERTION(member) offsetof(struct oauth2_assertion, member)
static const struct schema_field assertion_fields[] = {
    {.name = "issuer", .type = SCHEMA_STRING, .offset = ASSERTION(issuer)},
    {.name = "subject", .type = SCHEMA_STRING, .offset = ASSERTION(subject)},
    {.name = "audience", .type = SCHEMA_STRING, .offset = ASSERTION(audience)},
    {.name = "lifetime",
     .type = SCHEMA_DURATION,
     .offset = ASSERTION(lifetime_ms),
     .min = 1000,
     .max = ASSERTION_LIFE_MAX_MS},
    {.name = "backdate",
     .type = SCHEMA_DURATION,
     .offset = ASSERTION(backdate_ms),
     .max = ASSERTION_LIFE_MAX_MS},
    {.name = "scope_claim", .type = SCHEMA_BOOL, .offset = ASSERTION(scope_claim)},
    {.name = "claims",
     .type = SCHEMA_CUSTOM,
     .offset = ASSERTION(claims),
     .parse = read_claims,
     .expected = "a mapping"},
    {0},
};
static const struct schema_field client_assertion_fields[] = {
    {.name = "audience", .type = SCHEMA_STRING},
    {0},
};

static void read_tls_certificate(const struct schema_walk *walk, const struct schema_field *field,
                                 const struct yaml_node *node, void *target)
{
    config_key_parse(walk, field, node, target);
    ((struct secret *)target)->key = OAUTH2_TLS_CERTIFICATE; /* `certificate` is another one's */
}

static void read_tls_key(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    config_key_parse(walk, field, node, target);
    ((struct secret *)target)->key = OAUTH2_TLS_KEY;
}

#define CLIENT_TLS(member)                                                                         \
    {                                                                                              \
        .name = #member, .type = SCHEMA_CUSTOM,                                                    \
        .offset = offsetof(struct oauth2_client_tls, member), .required = true,                    \
        .parse = read_tls_##member, .expected = CONFIG_SECRET_EXPECTED                             \
    }
static const struct schema_field tls_fields[] = {CLIENT_TLS(certificate), CLIENT_TLS(key), {0}};

const struct schema_field oauth2_connector_reply_fields[] = {
    POINTER(access_token),
    POINTER(token_type),
    POINTER(refresh_token),
    POINTER(expires_in),
    POINTER(expires_at),
    POINTER(refresh_expires_in),
    POINTER(scope),
    POINTER(endpoint),
    POINTER(ok),
    POINTER(error),
    POINTER(error_description),
    {.name = "unit", .type = SCHEMA_CHOICE, .offset = REPLY(unit), .choices = units},
    {0},
};

#define SECRET(member, parser)                                                                     \
    {                                                                                              \
        .name = #member, .type = SCHEMA_CUSTOM, .offset = AT(member), .parse = (parser),           \
        .expected = CONFIG_SECRET_EXPECTED                                                         \
    }
#define LIFETIME(key, member)                                                                      \
    {                                                                                              \
        .name = (key), .type = SCHEMA_DURATION, .offset = AT(member), .min = 1000,                 \
        .max = LIFE_MAX_MS                                                                         \
    }
#define PAIRS(member, parser)                                                                      \
    {                                                                                              \
        .name = #member, .type = SCHEMA_CUSTOM, .offset = AT(member), .parse = (parser),           \
        .expected = "a mapping of names to strings or secrets"                                     \
    }
#define TEXT(member)                                                                               \
    {                                                                                              \
        .name = #member, .type = SCHEMA_STRING, .offset = AT(member)                               \
    }
#define URL(member)                                                                                \
    .name = #member, .type = SCHEMA_CUSTOM, .offset = AT(member), .parse = read_url,               \
    .expected = "a URL such as https://id.example.org/oauth2/token"

const struct schema_field oauth2_connector_fields[] = {
    {URL(issuer)},
    {URL(token_url)},
    {URL(refresh_url)},
    {URL(authorize_url)},
    {URL(device_url)},
    {URL(revoke_url)},
    {.name = "redirect_uri",
     .type = SCHEMA_CUSTOM,
     .offset = AT(redirect_uri),
     .parse = read_redirect,
     .expected = "a URL such as http://127.0.0.1:0/callback"},
    {.name = "pkce", .type = SCHEMA_CHOICE, .offset = AT(pkce), .choices = pkces},
    {.name = "token_hosts",
     .type = SCHEMA_STRINGS,
     .offset = AT(token_hosts),
     .expected = "a list of hosts such as [id.example.org]"},
    {.name = "grant",
     .type = SCHEMA_STRING,
     .offset = AT(grant),
     .expected = "refresh_token, client_credentials, jwt_bearer, token_exchange, app_jwt, or what "
                 "is sent as grant_type"},
    SECRET(client_id, config_id_parse),
    SECRET(client_secret, config_secret_parse),
    {.name = "client_auth",
     .type = SCHEMA_CHOICE,
     .offset = AT(client_auth),
     .choices = oauth2_connector_auths},
    SECRET(key, config_key_parse),
    TEXT(key_id),
    {.name = "algorithm",
     .type = SCHEMA_CUSTOM,
     .offset = AT(algorithm),
     .parse = read_algorithm,
     .expected = "RS256, PS256, ES256 or EdDSA"},
    SECRET(certificate, config_key_parse),
    {.name = "tls", .type = SCHEMA_STRUCT, .offset = AT(tls), .fields = tls_fields},
    {.name = "assertion",
     .type = SCHEMA_STRUCT,
     .offset = AT(assertion),
     .fields = assertion_fields},
    {.name = "client_assertion",
     .type = SCHEMA_STRUCT,
     .offset = AT(client_assertion),
     .fields = client_assertion_fields},
    SECRET(refresh_token, config_secret_parse),
    SECRET(subject_token, config_secret_parse),
    TEXT(subject_token_type),
    SECRET(actor_token, config_secret_parse),
    TEXT(actor_token_type),
    TEXT(scope_separator),
    PAIRS(params, read_pairs),
    PAIRS(refresh_params, read_pairs),
    PAIRS(authorize_params, read_authorize_params),
    PAIRS(headers, read_headers),
    {.name = "body", .type = SCHEMA_CHOICE, .offset = AT(body), .choices = bodies},
    {.name = "reply",
     .type = SCHEMA_STRUCT,
     .offset = AT(reply),
     .fields = oauth2_connector_reply_fields},
    LIFETIME("early", common.early_ms),
    LIFETIME("default_lifetime", default_lifetime_ms),
    LIFETIME("refresh_lifetime", common.refresh_lifetime_ms),
    LIFETIME("login_lifetime", common.login_lifetime_ms),
    {.name = "dead_errors", .type = SCHEMA_STRINGS, .offset = AT(dead_errors)},
    OAUTH2_CONNECTOR_ASKS,
    OAUTH2_CONNECTOR_API(false),
    {0},
};

#include "oauth2_request.h"

#include "json.h"
#include "mem.h"
#include "oauth2_assertion.h"
#include "oauth2_connector.h"
#include "oauth2_discovery.h"
#include "oauth2_tls.h"
#include "pkce.h"
#include "url.h"

#include <sodium.h>
#include <string.h>
#include <strings.h>

#define BODY_MAX    ((size_t)1024 * 1024)
#define FIELDS_MAX  (2 * OAUTH2_PAIRS_MAX + 32) /* parameters of a request */
#define HEADERS_MAX (OAUTH2_PAIRS_MAX + 4)

#define GRANT_EXCHANGE_URI "urn:ietf:params:oauth:grant-type:token-exchange"
#define TOKEN_TYPE_URI     "urn:ietf:params:oauth:token-type:"

/* The parameters of a request, in the order they were set; all of it is wiped. */
struct form {
    struct {
        const char *name; /* of the connector, or constant */
        char *value;
    } fields[FIELDS_MAX];
    size_t count;
    bool full;
};

static void form_destroy(struct form *form)
{
    for (size_t i = 0; i < form->count; i++)
        mem_free_secret(form->fields[i].value);
}

static void form_add(struct form *form, const char *name, const char *value)
{
    if (form->count == FIELDS_MAX) {
        form->full = true;
        return;
    }
    form->fields[form->count].name = name;
    form->fields[form->count++].value = mem_strdup(value);
}

static void form_remove(struct form *form, const char *name)
{
    size_t kept = 0;
    for (size_t i = 0; i < form->count; i++) {
        if (strcmp(form->fields[i].name, name) == 0)
            mem_free_secret(form->fields[i].value);
        else
            form->fields[kept++] = form->fields[i];
    }
    form->count = kept;
}

static const char *secret(const struct provider_ask *ask, const char *key)
{
    return connector_secrets_get(ask->secrets, key);
}

static const char *pair_value(const struct provider_ask *ask, const struct oauth2_pair *pair)
{
    return pair->text != NULL ? pair->text : secret(ask, pair->key);
}

/* What the configuration adds: it takes the place of what was set, and an empty text takes away. */
static void form_add_pairs(struct form *form, const struct provider_ask *ask,
                           const struct oauth2_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        const char *value = pair_value(ask, &pairs->items[i]);
        form_remove(form, pairs->items[i].name);
        if (value != NULL && *value != '\0')
            form_add(form, pairs->items[i].name, value);
    }
}

/* (mem_free); NULL where none is asked for. */
static char *join_scope(const struct oauth2_connector *oauth2, char *const *scopes)
{
    const char *separator = oauth2->scope_separator != NULL ? oauth2->scope_separator : " ";
    struct buf scope;
    if (scopes == NULL || scopes[0] == NULL)
        return NULL;
    buf_create(&scope, BODY_MAX);
    for (size_t i = 0; scopes[i] != NULL; i++)
        buf_printf(&scope, "%s%s", i > 0 ? separator : "", scopes[i]);
    return buf_take(&scope);
}

/* The client's ID and secret, where they are parameters. */
static void form_add_client(struct form *form, const struct provider_ask *ask)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const char *id = secret(ask, OAUTH2_CLIENT_ID);
    const char *client_secret = secret(ask, OAUTH2_CLIENT_SECRET);
    bool in_header = oauth2->client_auth == OAUTH2_BASIC || oauth2->client_auth == OAUTH2_BASIC_RAW;
    if (id == NULL || (in_header && client_secret != NULL))
        return;
    form_add(form, OAUTH2_CLIENT_ID, id);
    if (client_secret != NULL)
        form_add(form, OAUTH2_CLIENT_SECRET, client_secret);
}

static int form_add_client_assertion(struct form *form, const struct provider_ask *ask,
                                     struct err *err)
{
    if (oauth2_connector_of(ask->connector)->client_auth != OAUTH2_JWT)
        return 0;
    char *assertion = oauth2_assertion_client(ask, err);
    if (assertion == NULL)
        return -1;
    form_add(form, "client_assertion_type", OAUTH2_ASSERTION_URI);
    form_add(form, "client_assertion", assertion);
    mem_free_secret(assertion);
    return 0;
}

/* The types that RFC 8693 gives a name have a short one here; any other is sent as written. */
static void form_add_type(struct form *form, const char *name, const char *type)
{
    static const char *const known[] = {"access_token", "refresh_token", "id_token",
                                        "saml1",        "saml2",         "jwt"};
    const char *prefix = "";
    for (size_t i = 0; type != NULL && i < sizeof known / sizeof known[0]; i++)
        prefix = strcmp(type, known[i]) == 0 ? TOKEN_TYPE_URI : prefix;
    char *uri = mem_printf("%s%s", type != NULL ? prefix : TOKEN_TYPE_URI,
                           type != NULL ? type : "access_token");
    form_add(form, name, uri);
    mem_free(uri);
}

static void form_add_exchange(struct form *form, const struct provider_ask *ask)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const char *subject = secret(ask, OAUTH2_SUBJECT_TOKEN),
               *actor = secret(ask, OAUTH2_ACTOR_TOKEN);
    form_add(form, "grant_type", GRANT_EXCHANGE_URI);
    if (subject != NULL) {
        form_add(form, OAUTH2_SUBJECT_TOKEN, subject);
        form_add_type(form, OAUTH2_SUBJECT_TOKEN "_type", oauth2->subject_token_type);
    }
    if (actor != NULL) {
        form_add(form, OAUTH2_ACTOR_TOKEN, actor);
        form_add_type(form, OAUTH2_ACTOR_TOKEN "_type", oauth2->actor_token_type);
    }
}

/* What a person's sign-in is asked for by. */
static void form_add_sign_in(struct form *form, const struct provider_ask *ask)
{
    if (ask->purpose == PROVIDER_DEVICE_CODE) {
        form_add(form, "grant_type", OAUTH2_GRANT_DEVICE_URI);
        form_add(form, "device_code", ask->code);
    } else if (ask->purpose == PROVIDER_CODE) {
        form_add(form, "grant_type", "authorization_code");
        form_add(form, "code", ask->code);
        form_add(form, "redirect_uri", ask->redirect_uri);
        if (oauth2_connector_of(ask->connector)->pkce == OAUTH2_PKCE)
            form_add(form, "code_verifier", ask->verifier);
    } else if (ask->purpose == PROVIDER_REVOKE) {
        form_add(form, "token", ask->refresh_token);
        form_add(form, "token_type_hint", PROVIDER_REFRESH_TOKEN);
    }
}

/* The grant's own parameters. An app's assertion goes into the header instead: *bearer. */
static int form_add_grant(struct form *form, const struct provider_ask *ask, const char *scope,
                          char **bearer, struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const char *grant = oauth2_connector_grant(oauth2);
    if (ask->purpose != PROVIDER_ACCESS) {
        form_add_sign_in(form, ask);
        return 0;
    }
    if (oauth2_connector_exchanges(oauth2)) {
        form_add_exchange(form, ask);
        return 0;
    }
    if (!oauth2_connector_asserts(oauth2)) {
        form_add(form, "grant_type", grant);
        return 0;
    }
    char *assertion = oauth2_assertion_grant(ask, scope, err);
    if (assertion == NULL)
        return -1;
    if (strcmp(grant, OAUTH2_GRANT_APP) == 0) {
        *bearer = mem_printf("Bearer %s", assertion);
    } else {
        form_add(form, "grant_type", OAUTH2_GRANT_JWT_URI);
        form_add(form, "assertion", assertion);
    }
    mem_free_secret(assertion);
    return 0;
}

/* Whether it goes to the token service's main place, whose peculiarities the configuration says. */
static bool for_token(const struct provider_ask *ask)
{
    return ask->purpose != PROVIDER_DEVICE && ask->purpose != PROVIDER_REVOKE;
}

static enum oauth2_body body_of(const struct provider_ask *ask)
{
    return for_token(ask) ? (enum oauth2_body)oauth2_connector_of(ask->connector)->body
                          : OAUTH2_FORM;
}

char *oauth2_request_authorize_url(const struct provider_ask *ask)
{
    return oauth2_discovery_url(oauth2_connector_of(ask->connector)->authorize_url, ask->metadata,
                                OAUTH2_METADATA_AUTHORIZE);
}

char *oauth2_request_url(const struct provider_ask *ask)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    if (ask->purpose == PROVIDER_DEVICE)
        return oauth2_discovery_url(oauth2->device_url, ask->metadata, OAUTH2_METADATA_DEVICE);
    if (ask->purpose == PROVIDER_REVOKE)
        return oauth2_discovery_url(oauth2->revoke_url, ask->metadata, OAUTH2_METADATA_REVOKE);
    bool refreshes = ask->refresh_token != NULL && oauth2->refresh_url != NULL;
    return oauth2_discovery_url(refreshes ? oauth2->refresh_url : oauth2->token_url, ask->metadata,
                                OAUTH2_METADATA_TOKEN);
}

static int form_fill(struct form *form, const struct provider_ask *ask, char **bearer,
                     struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const struct oauth2_connector *asker =
        ask->asker != NULL ? oauth2_connector_of(ask->asker) : oauth2;
    const char *audience = asker->audience != NULL ? asker->audience : oauth2->audience;
    char *const *resource = asker->resource != NULL ? asker->resource : oauth2->resource;
    char *scope = join_scope(oauth2, asker->scope != NULL ? asker->scope : oauth2->scope);
    int result = form_add_grant(form, ask, scope, bearer, err);
    bool refreshes = ask->refresh_token != NULL && ask->purpose == PROVIDER_ACCESS;
    if (refreshes)
        form_add(form, PROVIDER_REFRESH_TOKEN, ask->refresh_token);
    if (*bearer == NULL)
        form_add_client(form, ask);
    if (result == 0)
        result = form_add_client_assertion(form, ask, err);
    bool asks = ask->purpose == PROVIDER_ACCESS || ask->purpose == PROVIDER_DEVICE;
    if (asks && scope != NULL &&
        !(oauth2_connector_asserts(oauth2) && oauth2->assertion.scope_claim))
        form_add(form, "scope", scope);
    mem_free(scope);
    if (asks && audience != NULL)
        form_add(form, "audience", audience);
    for (size_t i = 0; ask->purpose != PROVIDER_REVOKE && resource != NULL && resource[i] != NULL;
         i++)
        form_add(form, "resource", resource[i]);
    if (for_token(ask))
        form_add_pairs(form, ask, &oauth2->params);
    if (refreshes)
        form_add_pairs(form, ask, &oauth2->refresh_params);
    return result;
}

static int form_encode(const struct form *form, struct buf *out)
{
    int result = 0;
    for (size_t i = 0; i < form->count; i++) {
        char *name = url_encode(form->fields[i].name, strlen(form->fields[i].name));
        char *value = url_encode(form->fields[i].value, strlen(form->fields[i].value));
        result |= buf_printf(out, "%s%s=%s", i > 0 ? "&" : "", name, value);
        mem_free(name);
        mem_free_secret(value);
    }
    return result;
}

/* Members of one object; what is there several times becomes a list. */
static int form_json(const struct form *form, struct buf *out)
{
    int result = buf_putc(out, '{');
    const char *comma = "";
    for (size_t i = 0; i < form->count; i++) {
        const char *name = form->fields[i].name;
        size_t same = 0;
        for (size_t j = 0; j < form->count; j++)
            same += strcmp(form->fields[j].name, name) == 0 ? (j < i ? FIELDS_MAX : 1) : 0;
        if (same > FIELDS_MAX) /* it was written with the first of its name */
            continue;
        result |= buf_puts(out, comma) | json_write_string(out, name, strlen(name)) |
                  buf_puts(out, same > 1 ? ":[" : ":");
        comma = "";
        for (size_t j = i; j < form->count; j++) {
            const char *value = form->fields[j].value;
            if (strcmp(form->fields[j].name, name) != 0)
                continue;
            result |= buf_puts(out, comma) | json_write_string(out, value, strlen(value));
            comma = ",";
        }
        result |= buf_puts(out, same > 1 ? "]" : "");
        comma = ",";
    }
    return result | buf_putc(out, '}');
}

/* "Basic …"; the ID and the secret are encoded as in a form first (RFC 6749, 2.3.1), unless the
 * service wants them as they are. NULL: the client does not identify itself in the header. */
static char *basic(const struct provider_ask *ask)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const char *id = secret(ask, OAUTH2_CLIENT_ID);
    const char *client_secret = secret(ask, OAUTH2_CLIENT_SECRET);
    bool raw = oauth2->client_auth == OAUTH2_BASIC_RAW;
    if ((!raw && oauth2->client_auth != OAUTH2_BASIC) || id == NULL || client_secret == NULL)
        return NULL;
    char *user = raw ? mem_strdup(id) : url_encode(id, strlen(id));
    char *password =
        raw ? mem_strdup(client_secret) : url_encode(client_secret, strlen(client_secret));
    char *joined = mem_printf("%s:%s", user, password);
    size_t size = sodium_base64_encoded_len(strlen(joined), sodium_base64_VARIANT_ORIGINAL);
    char *encoded = mem_alloc(size);
    sodium_bin2base64(encoded, size, (const unsigned char *)joined, strlen(joined),
                      sodium_base64_VARIANT_ORIGINAL);
    char *value = mem_printf("Basic %s", encoded);
    if (ask->redact != NULL) /* the redaction does not look for two encodings in one another */
        redact_add_owned(ask->redact, encoded, strlen(encoded), ask->connector->name);
    mem_free_secret(encoded);
    mem_free_secret(joined);
    mem_free_secret(password);
    mem_free_secret(user);
    return value;
}

/* Our own fields, then those of the configuration, which may replace Accept. */
static size_t put_headers(const struct provider_ask *ask, char *authorization,
                          struct http_header headers[HEADERS_MAX])
{
    static const char *const types[] = {
        [OAUTH2_FORM] = "application/x-www-form-urlencoded",
        [OAUTH2_JSON] = "application/json",
        [OAUTH2_QUERY] = NULL,
    };
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    size_t count = 0;
    bool accepts = false;
    for (size_t i = 0; i < oauth2->headers.count; i++)
        accepts = accepts || strcasecmp(oauth2->headers.items[i].name, "Accept") == 0;
    if (!accepts)
        headers[count++] = (struct http_header){"Accept", "application/json"};
    if (types[body_of(ask)] != NULL)
        headers[count++] = (struct http_header){"Content-Type", types[body_of(ask)]};
    if (authorization != NULL)
        headers[count++] = (struct http_header){"Authorization", authorization};
    for (size_t i = 0; i < oauth2->headers.count; i++) {
        const char *value = pair_value(ask, &oauth2->headers.items[i]);
        if (value != NULL)
            headers[count++] = (struct http_header){oauth2->headers.items[i].name, value};
    }
    return count;
}

struct http_request *oauth2_request_new(const struct provider_ask *ask, struct err *err)
{
    char *base = oauth2_request_url(ask);
    enum oauth2_body body = body_of(ask);
    struct form *form = mem_alloc(sizeof *form);
    struct http_header headers[HEADERS_MAX];
    struct http_request *request = NULL;
    struct buf text;
    char *bearer = NULL;
    char *authorization = NULL;
    char *url = NULL;
    struct provider_tls tls;
    buf_create_secret(&text, BODY_MAX);
    provider_tls_create(&tls);
    if (form_fill(form, ask, &bearer, err) != 0 ||
        oauth2_tls_read(ask->connector, ask->secrets, &tls, err) != 0)
        goto cleanup;
    authorization = bearer != NULL ? bearer : basic(ask);
    size_t nheaders = put_headers(ask, authorization, headers);
    int result = body == OAUTH2_JSON ? form_json(form, &text) : form_encode(form, &text);
    if (form->full || result != 0) {
        err_set(err, ERR_CONFIG,
                form->full ? "too many parameters for the token service"
                           : "a parameter for the token service is too long, or not valid UTF-8");
        goto cleanup;
    }
    if (base == NULL) {
        err_set(err, ERR_CONFIG, "this URL of the service is not known");
        goto cleanup;
    }
    bool in_url = body == OAUTH2_QUERY;
    url = in_url ? mem_printf("%s?%s", base, text.data) : mem_strdup(base);
    request = http_request_copy(&(struct http_request){
        .method = "POST",
        .url = url,
        .headers = headers,
        .nheaders = nheaders,
        .body = in_url ? NULL : text.data,
        .body_len = in_url ? 0 : text.len,
        .has_body = !in_url,
        .certificate = tls.key.len > 0 ? tls.certificate.data : NULL,
        .key = tls.key.len > 0 ? tls.key.data : NULL,
    });
cleanup:
    provider_tls_destroy(&tls);
    mem_free(base);
    mem_free_secret(url);
    mem_free_secret(authorization);
    buf_destroy(&text);
    form_destroy(form);
    mem_free(form);
    return request;
}

/* ---- the browser ---- */

static void add_challenge(struct form *form, const char *verifier)
{
    char challenge[PKCE_SIZE];
    pkce_challenge(verifier, challenge);
    form_add(form, "code_challenge", challenge);
    form_add(form, "code_challenge_method", "S256");
}

/* A service may have another name for what is asked for (Slack: user_scope). */
static void form_add_authorize(struct form *form, const struct provider_ask *ask, const char *scope)
{
    const struct oauth2_pairs *pairs = &oauth2_connector_of(ask->connector)->authorize_params;
    form_add_pairs(form, ask, pairs);
    for (size_t i = 0; i < pairs->count; i++) {
        if (strcmp(pairs->items[i].text, OAUTH2_SCOPE) != 0)
            continue;
        form_remove(form, pairs->items[i].name);
        if (scope != NULL)
            form_add(form, pairs->items[i].name, scope);
    }
}

int oauth2_request_sign_in_url(const struct provider_ask *ask, const char *state, struct buf *out,
                               struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    struct form *form = mem_alloc(sizeof *form);
    char *scope = join_scope(oauth2, oauth2->scope);
    form_add(form, "response_type", "code");
    if (secret(ask, OAUTH2_CLIENT_ID) != NULL)
        form_add(form, OAUTH2_CLIENT_ID, secret(ask, OAUTH2_CLIENT_ID));
    form_add(form, "redirect_uri", ask->redirect_uri);
    if (scope != NULL)
        form_add(form, "scope", scope);
    form_add(form, "state", state);
    if (oauth2->pkce == OAUTH2_PKCE)
        add_challenge(form, ask->verifier);
    if (oauth2->audience != NULL)
        form_add(form, "audience", oauth2->audience);
    for (size_t i = 0; oauth2->resource != NULL && oauth2->resource[i] != NULL; i++)
        form_add(form, "resource", oauth2->resource[i]);
    form_add_authorize(form, ask, scope);
    char *url = oauth2_request_authorize_url(ask);
    buf_printf(out, "%s?", url);
    int result = form_encode(form, out);
    if (result != 0 || form->full)
        result =
            err_set(err, ERR_CONFIG, "too many parameters for authorize_url, or too long ones");
    /* A person types a password there: the issuer alone cannot name any host. */
    else if (oauth2->authorize_url == NULL)
        result = oauth2_connector_may_ask(ask->connector, url, err);
    mem_free(url);
    form_destroy(form);
    mem_free(form);
    mem_free(scope);
    return result;
}

/* ---- the API ---- */

char *oauth2_request_api_path(const char *path)
{
    return mem_printf("/%s", path + strspn(path, "/"));
}

const char *oauth2_request_resource(const char *path)
{
    return path + strspn(path, "/");
}

const char *oauth2_request_endpoint(const struct connector *connector)
{
    return oauth2_connector_of(connector)->endpoint;
}

struct http_header oauth2_request_authorize(const struct connector *connector,
                                            const char *access_token)
{
    static const char bearer[] = "Bearer " OAUTH2_TOKEN;
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    const char *name = "Authorization", *template = bearer;
    if (oauth2->authorization != NULL)
        template = oauth2->authorization;
    if (oauth2->header_name != NULL) {
        name = oauth2->header_name;
        template = oauth2->header + strlen(name);
        template = *template == ':' ? template + 1 + strspn(template + 1, " ") : OAUTH2_TOKEN;
    }
    const char *at = strstr(template, OAUTH2_TOKEN);
    return (struct http_header){name, mem_printf("%.*s%s%s", (int)(at - template), template,
                                                 access_token, at + sizeof OAUTH2_TOKEN - 1)};
}

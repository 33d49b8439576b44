#include "oauth2_discovery.h"

#include "allow.h"
#include "json.h"
#include "mem.h"
#include "oauth2_connector.h"
#include "provider_words.h"
#include "url.h"

#include <string.h>

#define METADATA_DEPTH 16
#define CERTIFICATE    "certificate" /* in what is kept: URLs are for clients that show one */
#define KEPT_MAX       ((size_t)64 * 1024)
#define NAMES_ISSUER   "authorization_response_iss_parameter_supported"
#define SHOWN_MAX      200 /* bytes of a foreign text in an error */

static const struct json_options lenient = {
    .mend = true, .max_depth = METADATA_DEPTH, .max_bytes = PROVIDER_METADATA_MAX};

static bool is_needed(const struct provider_ask *ask)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    bool elsewhere = ask->refresh_token != NULL && oauth2->refresh_url != NULL &&
                     oauth2->client_auth != OAUTH2_JWT;
    bool lacks = (ask->purpose == PROVIDER_DEVICE && oauth2->device_url == NULL) ||
                 (ask->purpose == PROVIDER_CODE && oauth2->authorize_url == NULL) ||
                 (ask->purpose == PROVIDER_REVOKE && oauth2->revoke_url == NULL);
    return oauth2->issuer != NULL && (lacks || (oauth2->token_url == NULL && !elsewhere));
}

/* The issuer, with `insert` between its host and its path, and `append` behind it. */
static char *place(const char *issuer, const char *insert, const char *append)
{
    char *base = url_base(issuer);
    size_t host = strcspn(strstr(base, "://") + 3, "/") + (size_t)(strstr(base, "://") + 3 - base);
    char *url = mem_printf("%.*s%s%s%s", (int)host, base, insert, base + host, append);
    mem_free(base);
    return url;
}

static char *url_at(const struct connector *connector, size_t index)
{
    const char *issuer = oauth2_connector_of(connector)->issuer;
    switch (index) {
    case 0:
        return place(issuer, "/.well-known/oauth-authorization-server", "");
    case 1:
        return place(issuer, "", "/.well-known/openid-configuration");
    default:
        return NULL;
    }
}

static int wrong_issuer(const struct oauth2_connector *oauth2, const struct json *issuer,
                        struct err *err)
{
    struct buf shown;
    buf_create(&shown, ERR_MSG_MAX);
    if (json_string(issuer) == NULL)
        buf_puts(&shown, "it has no issuer");
    else {
        buf_puts(&shown, "its issuer is '");
        provider_words_add(&shown, issuer->text, issuer->len, SHOWN_MAX);
        buf_puts(&shown, "'");
    }
    err_set(err, ERR_AUTH, "%s; expected '%s', as configured, to the byte", shown.data,
            oauth2->issuer);
    buf_destroy(&shown);
    return -1;
}

static int check_answer(const struct http_response *response, struct err *err)
{
    if (response->status == 200)
        return 0;
    struct buf text;
    buf_create(&text, ERR_MSG_MAX);
    if (response->status >= 300 && response->status < 400)
        provider_words_redirect(&text, response, "issuer");
    else
        buf_printf(&text, "%d %s", response->status, provider_words_status(response->status));
    err_set(err, ERR_HTTP, "%s", text.data);
    err->status = response->status;
    err->retryable = response->status == 429 || http_status_passes(response->status);
    buf_destroy(&text);
    return -1;
}

static bool shows_certificate(const struct oauth2_connector *oauth2)
{
    return oauth2->tls.key.kind != SECRET_NONE;
}

/* Clients that show a certificate may have URLs of their own (RFC 8705, 5). */
static const char *url_of(const struct oauth2_connector *oauth2, const struct json *root,
                          const char *member)
{
    const struct json *aliases = json_get(root, "mtls_endpoint_aliases");
    const char *alias = aliases != NULL ? json_string(json_get(aliases, member)) : NULL;
    return shows_certificate(oauth2) && alias != NULL ? alias : json_string(json_get(root, member));
}

/* Only what is used is kept; of it, only URLs that a request may have. */
static char *keep(const struct oauth2_connector *oauth2, const struct json *root)
{
    static const char *const members[] = {OAUTH2_METADATA_TOKEN, OAUTH2_METADATA_AUTHORIZE,
                                          OAUTH2_METADATA_DEVICE, OAUTH2_METADATA_REVOKE};
    struct buf out;
    buf_create(&out, KEPT_MAX);
    const struct json *issuer = json_get(root, "issuer");
    buf_puts(&out, "{\"issuer\":");
    json_write_string(&out, issuer->text, issuer->len);
    if (shows_certificate(oauth2))
        buf_puts(&out, ",\"" CERTIFICATE "\":true");
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const char *url = url_of(oauth2, root, members[i]);
        struct err ignored;
        err_clear(&ignored);
        if (url == NULL || strlen(url) >= URL_MAX || allow_check_base(url, &ignored) != 0)
            continue;
        buf_printf(&out, ",\"%s\":", members[i]);
        json_write_string(&out, url, strlen(url));
    }
    const struct json *promised = json_get(root, NAMES_ISSUER);
    if (promised != NULL && promised->type == JSON_BOOL && promised->boolean)
        buf_puts(&out, ",\"" NAMES_ISSUER "\":true");
    buf_puts(&out, "}");
    return buf_take(&out);
}

static int check_token_url(const struct oauth2_connector *oauth2, const struct json *root,
                           struct err *err)
{
    const char *url = url_of(oauth2, root, OAUTH2_METADATA_TOKEN);
    struct err why;
    err_clear(&why);
    if (url == NULL)
        return err_set(err, ERR_HTTP,
                       "it has no " OAUTH2_METADATA_TOKEN "; set 'token_url' in its place");
    if (strlen(url) < URL_MAX && allow_check_base(url, &why) == 0)
        return 0;
    return err_set(err, ERR_HTTP, OAUTH2_METADATA_TOKEN ": %s",
                   why.msg[0] != '\0' ? why.msg : "too long");
}

static char *read_metadata(const struct connector *connector, const struct http_response *response,
                           struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    char *kept = NULL;
    struct err why;
    err_clear(&why);
    if (check_answer(response, err) != 0)
        return NULL;
    struct json *root = json_parse(response->body.data, response->body.len, &lenient, &why);
    const struct json *issuer = root != NULL ? json_get(root, "issuer") : NULL;
    if (root == NULL || root->type != JSON_OBJECT_BEGIN)
        err_set(err, ERR_HTTP, "it is not a JSON object");
    else if (json_string(issuer) == NULL || strcmp(issuer->text, oauth2->issuer) != 0)
        wrong_issuer(oauth2, issuer, err);
    else if (check_token_url(oauth2, root, err) == 0)
        kept = keep(oauth2, root);
    json_free(root);
    return kept;
}

/* Not kept from when the configuration had another issuer, or a certificate more or less. */
static bool fits(const struct connector *connector, const char *metadata)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(connector);
    struct err ignored;
    err_clear(&ignored);
    struct json *root = json_parse(metadata, strlen(metadata), &lenient, &ignored);
    const char *issuer = root != NULL ? json_string(json_get(root, "issuer")) : NULL;
    bool same = issuer != NULL && strcmp(issuer, oauth2->issuer) == 0 &&
                (json_get(root, CERTIFICATE) != NULL) == shows_certificate(oauth2);
    json_free(root);
    return same;
}

bool oauth2_discovery_promises_issuer(const char *metadata)
{
    struct err ignored;
    err_clear(&ignored);
    struct json *root =
        metadata != NULL ? json_parse(metadata, strlen(metadata), &lenient, &ignored) : NULL;
    bool promised = root != NULL && json_get(root, NAMES_ISSUER) != NULL;
    json_free(root);
    return promised;
}

char *oauth2_discovery_url(const char *configured, const char *metadata, const char *member)
{
    struct err ignored;
    err_clear(&ignored);
    if (configured != NULL || metadata == NULL)
        return mem_strdup(configured);
    struct json *root = json_parse(metadata, strlen(metadata), &lenient, &ignored);
    char *url = root != NULL ? mem_strdup(json_string(json_get(root, member))) : NULL;
    json_free(root);
    return url;
}

const struct provider_discovery oauth2_discovery = {
    .needed = is_needed, .fits = fits, .url = url_at, .read = read_metadata};

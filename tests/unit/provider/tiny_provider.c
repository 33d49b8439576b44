#include "tiny_provider.h"

#include "config_field.h"
#include "mem.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

struct tiny {
    struct connector common;
    char *issuer;
    char *api;
    struct secret user;
    struct secret password;
};

static const struct schema_field fields[] = {
    {.name = "issuer",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct tiny, issuer),
     .required = true,
     .parse = config_url_parse,
     .expected = "a URL"},
    {.name = "api", .type = SCHEMA_STRING, .offset = offsetof(struct tiny, api), .required = true},
    {.name = "user",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct tiny, user),
     .required = true,
     .parse = config_id_parse,
     .expected = CONFIG_SECRET_EXPECTED},
    {.name = "password",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct tiny, password),
     .required = true,
     .parse = config_secret_parse,
     .expected = CONFIG_SECRET_EXPECTED},
    {0},
};

static const struct tiny *tiny_of(const struct connector *connector)
{
    return (const struct tiny *)connector;
}

static void settle(struct connector *connector)
{
    connector->base = tiny_of(connector)->issuer;
}

static void owner(const struct connector *connector, const char *home,
                  char out[PROVIDER_OWNER_SIZE])
{
    (void)home;
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256(digest, (const unsigned char *)connector->name, strlen(connector->name));
    sodium_bin2hex(out, PROVIDER_OWNER_SIZE, digest, sizeof digest);
}

static size_t grants(const struct provider_known *known, const char *tokens[PROVIDER_GRANTS_MAX])
{
    (void)known;
    tokens[0] = NULL;
    return 1;
}

static struct http_request *request_new(const struct provider_ask *ask, struct err *err)
{
    (void)err;
    char *url = mem_printf("%s/grant", tiny_of(ask->connector)->issuer);
    char *body = mem_printf("%s:%s", connector_secrets_get(ask->secrets, "user"),
                            connector_secrets_get(ask->secrets, "password"));
    struct http_request *request = http_request_copy(&(struct http_request){
        .method = "POST", .url = url, .body = body, .body_len = strlen(body), .has_body = true});
    mem_free(body);
    mem_free(url);
    return request;
}

static enum provider_meaning reply(const struct provider_ask *ask,
                                   const struct http_response *response, struct provider_reply *out,
                                   struct err *err)
{
    (void)ask;
    const char *text = response->body.data;
    *out = (struct provider_reply){0};
    if (response->status == 200 && strncmp(text, "token ", 6) == 0) {
        out->token.access_token = mem_strdup(text + 6);
        return PROVIDER_GOOD;
    }
    bool broken = response->status >= 500, busy = response->status == 429;
    err_set(err, busy ? ERR_THROTTLED : ERR_HTTP, "the tiny service says: %s", text);
    err->status = response->status;
    return busy || broken ? PROVIDER_WAIT : PROVIDER_NEXT;
}

static void refused(const struct connector *connector, struct err *err)
{
    err_wrap(err, "ask the owner of '%s'", connector->name);
}

static const char *endpoint(const struct connector *connector)
{
    return tiny_of(connector)->api;
}

static char *api_path(const char *path)
{
    return mem_printf("/%s", path);
}

static struct http_header authorize(const struct connector *connector, const char *access_token)
{
    (void)connector;
    return (struct http_header){TINY_HEADER, mem_printf("tiny=%s", access_token)};
}

static int api_error(const struct http_response *response, const char *method, const char *path,
                     const char *scope, struct err *err)
{
    (void)method, (void)path, (void)scope;
    err_set(err, response->status == 401 ? ERR_AUTH : ERR_HTTP, "tiny error %d", response->status);
    err->status = response->status;
    return -1;
}

const struct provider tiny_provider = {
    .config = {.name = "tiny", .size = sizeof(struct tiny), .fields = fields, .settle = settle},
    .given = {{"user", "user", NULL}},
    .owner = owner,
    .grants = grants,
    .request = request_new,
    .reply = reply,
    .refused = refused,
    .endpoint = endpoint,
    .path = api_path,
    .authorize = authorize,
    .error = api_error,
};

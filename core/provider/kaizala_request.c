#include "kaizala_request.h"

#include "json.h"
#include "kaizala_connector.h"
#include "mem.h"
#include "url.h"

#include <string.h>
#include <strings.h>

#define BODY_MAX       ((size_t)1024 * 1024)
#define VERSION        "/v1" /* of the API; the pages of a sign-in are beside it */
#define AUTHORIZE_PATH "/api/Oauth/Authorize"

static const char *const paths[] = {
    [PROVIDER_ACCESS] = "/accessToken",
    [PROVIDER_SEND_PIN] = "/generatePin",
    [PROVIDER_PIN] = "/loginWithPinAndApplicationId",
    [PROVIDER_CODE] = "/api/oauth/token",
};

const char *kaizala_request_path(const struct provider_ask *ask)
{
    return paths[ask->purpose];
}

const char *kaizala_request_service(const struct provider_ask *ask)
{
    return ask->service != NULL ? ask->service
                                : kaizala_connector_of(ask->connector)->token_service;
}

char *kaizala_request_base(const struct provider_ask *ask)
{
    const char *service = kaizala_request_service(ask);
    const size_t version = sizeof VERSION - 1;
    size_t len = strlen(service);
    if (ask->purpose == PROVIDER_CODE && len > version &&
        strcasecmp(service + len - version, VERSION) == 0)
        len -= version;
    return mem_strndup(service, len);
}

static const char *secret(const struct provider_ask *ask, const char *key)
{
    return connector_secrets_get(ask->secrets, key);
}

static struct http_request *ask_for_access(const struct provider_ask *ask, const char *url)
{
    const struct http_header headers[] = {
        {"Accept", "application/json"},
        {"applicationId", secret(ask, KAIZALA_APPLICATION_ID)},
        {"applicationSecret", secret(ask, KAIZALA_APPLICATION_SECRET)},
        {"refreshToken", ask->refresh_token},
    };
    const struct http_request request = {
        .method = "GET",
        .url = url,
        .headers = headers,
        .nheaders = sizeof headers / sizeof headers[0],
    };
    return http_request_copy(&request);
}

static int put_member(struct buf *body, const char *name, const char *value, struct err *err)
{
    buf_printf(body, "%s\"%s\":", body->len == 0 ? "{" : ",", name);
    if (json_write_string(body, value, strlen(value)) != 0)
        return err_set(err, ERR_CONFIG, "%s is not valid UTF-8", name);
    return 0;
}

static int put_json(const struct provider_ask *ask, struct buf *body, struct err *err)
{
    if (put_member(body, "mobileNumber", ask->phone, err) != 0 ||
        put_member(body, "applicationId", secret(ask, KAIZALA_APPLICATION_ID), err) != 0)
        return -1;
    if (ask->purpose == PROVIDER_PIN &&
        (put_member(body, "applicationSecret", secret(ask, KAIZALA_APPLICATION_SECRET), err) != 0 ||
         put_member(body, "pin", ask->pin, err) != 0))
        return -1;
    buf_putc(body, '}');
    return 0;
}

static void put_pair(struct buf *out, char separator, const char *name, const char *value)
{
    char *encoded = url_encode(value, strlen(value));
    if (separator != '\0')
        buf_putc(out, separator);
    buf_printf(out, "%s=%s", name, encoded);
    mem_free_secret(encoded);
}

static void put_form(const struct provider_ask *ask, struct buf *body)
{
    put_pair(body, '\0', "grant_type", "authorization_code");
    put_pair(body, '&', "client_id", secret(ask, KAIZALA_APPLICATION_ID));
    put_pair(body, '&', "client_secret", secret(ask, KAIZALA_APPLICATION_SECRET));
    put_pair(body, '&', "code", ask->code);
    put_pair(body, '&', "redirect_uri", ask->redirect_uri);
}

/* A POST: of a sign-in. */
static struct http_request *ask_to_sign_in(const struct provider_ask *ask, const char *url,
                                           struct err *err)
{
    bool form = ask->purpose == PROVIDER_CODE;
    const struct http_header headers[] = {
        {"Accept", "application/json"},
        {"Content-Type", form ? "application/x-www-form-urlencoded" : "application/json"},
    };
    struct http_request *request = NULL;
    struct buf body;
    buf_create_secret(&body, BODY_MAX);
    if (form)
        put_form(ask, &body);
    if (form || put_json(ask, &body, err) == 0)
        request = http_request_copy(&(struct http_request){
            .method = "POST",
            .url = url,
            .headers = headers,
            .nheaders = sizeof headers / sizeof headers[0],
            .body = body.data,
            .body_len = body.len,
            .has_body = true,
        });
    buf_destroy(&body);
    return request;
}

struct http_request *kaizala_request_new(const struct provider_ask *ask, struct err *err)
{
    char *base = kaizala_request_base(ask);
    char *url = mem_printf("%s%s", base, kaizala_request_path(ask));
    struct http_request *request =
        ask->purpose == PROVIDER_ACCESS ? ask_for_access(ask, url) : ask_to_sign_in(ask, url, err);
    mem_free(url);
    mem_free(base);
    return request;
}

int kaizala_request_sign_in_url(const struct provider_ask *ask, const char *state, struct buf *out,
                                struct err *err)
{
    (void)err;
    char *base = kaizala_request_base(ask);
    buf_printf(out, "%s" AUTHORIZE_PATH, base);
    put_pair(out, '?', "response_type", "code");
    put_pair(out, '&', "client_id", secret(ask, KAIZALA_APPLICATION_ID));
    put_pair(out, '&', "redirect_uri", ask->redirect_uri);
    put_pair(out, '&', "state", state);
    mem_free(base);
    return 0;
}

/* What follows the slashes and the version that a path may start with. */
static const char *below_version(const char *path)
{
    path += strspn(path, "/");
    if (strncasecmp(path, "v1/", 3) == 0)
        path += 3;
    else if (strcasecmp(path, "v1") == 0)
        path += 2;
    return path + strspn(path, "/");
}

char *kaizala_request_api_path(const char *path)
{
    return mem_printf(VERSION "/%s", below_version(path));
}

const char *kaizala_request_resource(const char *path)
{
    for (const char *at = path; *at != '\0'; at++) {
        if (strncasecmp(at, VERSION "/", 4) == 0)
            path = at + 4;
    }
    return strncasecmp(path, "v1/", 3) == 0 ? path + 3 : path;
}

struct http_header kaizala_request_authorize(const struct connector *connector,
                                             const char *access_token)
{
    (void)connector;
    return (struct http_header){"accessToken", mem_strdup(access_token)};
}

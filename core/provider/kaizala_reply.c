#include "kaizala_reply.h"

#include "ascii.h"
#include "clock.h"
#include "json.h"
#include "kaizala_permissions.h"
#include "kaizala_request.h"
#include "mem.h"
#include "provider_words.h"
#include "url.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX       64
#define LIFETIME_MAX_MS (10LL * 365 * 86400 * 1000) /* more is a mistake in the reply */

static int field_error(const char *field, const char *expected, struct err *err)
{
    return err_set(err, ERR_HTTP,
                   "the token service's reply makes no sense: '%s' is not %s; is token_service the "
                   "right URL?",
                   field, expected);
}

static int endpoint_error(const char *endpoint, struct err *err)
{
    struct url url;
    if (url_parse(endpoint, &url, err) != 0) {
        err_wrap(err, "the token service's reply makes no sense: 'endpointUrl'");
        err->kind = ERR_HTTP;
        return -1;
    }
    url_destroy(&url);
    return strpbrk(endpoint, "?#") == NULL
               ? 0
               : field_error("endpointUrl", "a URL without query and fragment", err);
}

static int parse_lifetime(const struct json *expiry, const struct http_response *response,
                          struct provider_token *token, struct err *err)
{
    if (expiry == NULL || expiry->type != JSON_INT || expiry->integer <= 0)
        return field_error("accessTokenExpiry", "an integer of epoch milliseconds", err);
    const char *date = http_response_header(response, "Date");
    int64_t now = date != NULL ? clock_parse_http_date(date) : -1;
    if (now < 0)
        now = clock_wall_ms();
    if (expiry->integer <= now)
        return field_error("accessTokenExpiry", "after the reply's own date", err);
    if (expiry->integer - now > LIFETIME_MAX_MS)
        return field_error("accessTokenExpiry", "within ten years", err);
    token->lifetime_ms = expiry->integer - now;
    return 0;
}

/* -1 with err, and with the refresh token where one has come. */
static int parse_fields(const struct json *reply, const struct http_response *response,
                        struct provider_token *token, struct err *err)
{
    const struct json *access = json_get(reply, "accessToken");
    const struct json *endpoint = json_get(reply, "endpointUrl");
    const struct json *scope = json_get(reply, "scope");
    const struct json *refresh = json_get(reply, "refreshToken");
    if (provider_words_is_token(refresh))
        token->refresh_token = mem_strdup(refresh->text);
    if (!provider_words_is_token(access))
        return field_error("accessToken", PROVIDER_A_TOKEN, err);
    if (json_string(endpoint) == NULL)
        return field_error("endpointUrl", "a URL", err);
    if (endpoint_error(endpoint->text, err) != 0)
        return -1;
    if (scope != NULL && scope->type != JSON_NULL && json_string(scope) == NULL)
        return field_error("scope", "a string", err);
    bool rotated = refresh != NULL && refresh->type != JSON_NULL &&
                   !(json_string(refresh) != NULL && refresh->len == 0);
    if (rotated && token->refresh_token == NULL)
        return field_error("refreshToken", PROVIDER_A_TOKEN ", empty or null", err);
    if (parse_lifetime(json_get(reply, "accessTokenExpiry"), response, token, err) != 0)
        return -1;

    token->access_token = mem_strdup(access->text);
    token->endpoint_url = url_base(endpoint->text);
    const char *scopes = json_string(scope);
    token->scope = mem_strdup(scopes != NULL ? scopes : "");
    return 0;
}

static struct json *parse_object(const struct http_response *response, struct err *err)
{
    const struct json_options options = {
        .mend = true, .max_bytes = PROVIDER_REPLY_MAX, .max_depth = DEPTH_MAX};
    struct json *reply = json_parse(response->body.data, response->body.len, &options, err);
    if (reply == NULL) {
        err_wrap(err, "the token service's reply is not JSON (is token_service the right URL?)");
        err->kind = ERR_HTTP;
    } else if (reply->type != JSON_OBJECT_BEGIN) {
        err_set(err, ERR_HTTP,
                "the token service's reply is not a JSON object; is token_service the right URL?");
        json_free(reply);
        reply = NULL;
    }
    return reply;
}

int kaizala_reply_token(const struct http_response *response, struct provider_token *token,
                        struct err *err)
{
    memset(token, 0, sizeof *token);
    struct json *reply = parse_object(response, err);
    if (reply == NULL)
        return -1;
    int result = parse_fields(reply, response, token, err);
    json_free(reply);
    return result;
}

static int read_login(const struct http_response *response, char **refresh_token, struct err *err)
{
    *refresh_token = NULL;
    struct json *reply = parse_object(response, err);
    if (reply == NULL)
        return -1;
    const struct json *value = json_get(reply, "refreshToken");
    int result =
        provider_words_is_token(value) ? 0 : field_error("refreshToken", PROVIDER_A_TOKEN, err);
    if (result == 0)
        *refresh_token = mem_strdup(value->text);
    json_free(reply);
    return result;
}

/* "401 not authenticated: InvalidToken: Token missing". A proxy in front of the service, or a
 * sign-in that it asks, may refuse in the words of OAuth. The code; borrowed from body. */
static const char *put_refusal(int status, const struct json *body, struct buf *text)
{
    const char *code = json_string(json_get(body, "errorCode"));
    const struct json *words = provider_words_find(body);
    if (code == NULL)
        code = json_string(json_get(body, "error"));
    buf_printf(text, "%d %s", status, provider_words_status(status));
    if (code != NULL) {
        buf_puts(text, ": ");
        provider_words_add(text, code, strlen(code), ERR_CODE_MAX - 1);
    }
    if (words != NULL && (code == NULL || strcmp(words->text, code) != 0)) {
        buf_puts(text, ": ");
        provider_words_add(text, words->text, words->len, PROVIDER_WORDS_MAX);
    }
    return code;
}

static int reply_error(const struct http_response *response, const char *method, const char *path,
                       const char *scope, const char *redirect_key, struct err *err)
{
    const struct json_options options = {
        .mend = true, .max_bytes = PROVIDER_REPLY_MAX, .max_depth = DEPTH_MAX};
    int status = response->status;
    const char *code = NULL;
    struct json *body = NULL;
    struct err ignored;
    struct buf text;
    buf_create(&text, ERR_MSG_MAX);
    if (status >= 300 && status < 400) {
        provider_words_redirect(&text, response, redirect_key);
    } else {
        body = json_parse(response->body.data, response->body.len, &options, &ignored);
        if (body == NULL)
            body = provider_words_challenge(response);
        code = put_refusal(status, body, &text);
    }
    if (status == 403)
        kaizala_permissions_explain(&text, method, path, scope);

    enum err_kind kind = status == 401 || status == 403 ? ERR_AUTH
                         : status == 429                ? ERR_THROTTLED
                                                        : ERR_HTTP;
    err_set(err, kind, "%s", text.data);
    err->status = status;
    err->retryable = status == 429 || http_status_passes(status);
    if (code != NULL)
        err_text(err->code, sizeof err->code, "%s", code);
    json_free(body);
    buf_destroy(&text);
    return -1;
}

int kaizala_reply_error(const struct http_response *response, const char *method, const char *path,
                        const char *scope, struct err *err)
{
    return reply_error(response, method, path, scope, NULL, err);
}

/* The next byte, a percent escape read, in lower case; the text moves on. */
static int next_byte(const char **text, const char *end)
{
    const char *at = *text;
    int high = end - at >= 3 && at[0] == '%' ? ascii_hex_value(at[1]) : -1;
    int low = high >= 0 ? ascii_hex_value(at[2]) : -1;
    int value = low >= 0 ? high * 16 + low : (unsigned char)*at;
    *text += low >= 0 ? 3 : 1;
    return value < 0x80 ? tolower(value) : value;
}

/* The same path but for case and escapes. */
static bool path_same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    const char *a_end = a + a_len, *b_end = b + b_len;
    while (a < a_end && b < b_end) {
        if (next_byte(&a, a_end) != next_byte(&b, b_end))
            return false;
    }
    return a == a_end && b == b_end;
}

static size_t without_slashes(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] == '/')
        len--;
    return len;
}

int kaizala_reply_moved(const struct http_response *response, const char *request_url,
                        const char *path, char **base, struct err *err)
{
    const char *location = http_response_header(response, "Location");
    if (location == NULL)
        return err_set(err, ERR_HTTP,
                       "308 without a Location: the service moved, but did not say where");
    struct url url;
    if (url_resolve(request_url, location, &url, err) != 0) {
        err_wrap(err, "308 whose Location is not usable");
        err->kind = ERR_HTTP;
        return -1;
    }
    size_t asked = without_slashes(path, strcspn(path, "?#"));
    size_t whole = without_slashes(url.path, strlen(url.path)), len = whole;
    for (size_t at = 0; at < len; at++) {
        if (url.path[at] == '/' && path_same(url.path + at, len - at, path, asked))
            len = at;
    }
    /* What was asked for may have a query; where a service is has none. */
    if (strchr(location, '#') != NULL || (len == whole && url.query != NULL)) {
        url_destroy(&url);
        return err_set(err, ERR_HTTP,
                       "308 whose Location is not usable: an endpoint with a query or fragment");
    }
    url.path[len] = '\0';
    char *text = url_format(&url, false);
    *base = url_base(text);
    mem_free(text);
    url_destroy(&url);
    return 0;
}

/* `base` is where the request went, as *moved is where the next one goes: what a sign-in cuts off
 * the token service's URL is put back. */
static int service_moved(const struct provider_ask *ask, const struct http_response *response,
                         char **moved, struct err *err)
{
    const char *path = kaizala_request_path(ask), *service = kaizala_request_service(ask);
    char *base = kaizala_request_base(ask), *to = NULL;
    char *url = mem_printf("%s%s", base, path);
    int result = kaizala_reply_moved(response, url, path, &to, err);
    if (result == 0)
        *moved = mem_printf("%s%s", to, service + strlen(base));
    mem_free(to);
    mem_free(url);
    mem_free(base);
    return result;
}

/* The service speaks of "applicationId and secret", whatever the request was for. */
static void advise(struct err *err)
{
    if (err->status == 401 && strcasestr(err->msg, "applicationId") != NULL)
        err_advise(err, KAIZALA_CHECK_APPLICATION);
}

enum provider_meaning kaizala_reply_read(const struct provider_ask *ask,
                                         const struct http_response *response,
                                         struct provider_reply *out, struct err *err)
{
    int status = response->status;
    *out = (struct provider_reply){0};
    if (status == 308)
        return service_moved(ask, response, &out->moved, err) == 0 ? PROVIDER_MOVED
                                                                   : PROVIDER_REFUSED;
    if (status == 200) {
        int result = 0;
        if (ask->purpose == PROVIDER_ACCESS)
            result = kaizala_reply_token(response, &out->token, err);
        else if (ask->purpose != PROVIDER_SEND_PIN)
            result = read_login(response, &out->token.refresh_token, err);
        if (result != 0 && ask->purpose == PROVIDER_ACCESS && out->token.refresh_token != NULL)
            return PROVIDER_SPOILT; /* the one that was sent may be spent */
        return result == 0 ? PROVIDER_GOOD : PROVIDER_REFUSED;
    }
    reply_error(response, "", "", NULL, "token_service", err);
    advise(err);
    if (status == 429 || http_status_passes(status))
        return PROVIDER_WAIT;
    return status == 400 || status == 401 || status == 403 ? PROVIDER_NEXT : PROVIDER_REFUSED;
}

#include "wire.h"

#include "clock.h"
#include "json.h"
#include "mem.h"
#include "redact.h"
#include "utf8.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TOKEN_MAX       ((size_t)16 * 1024)         /* bytes of an access or refresh token */
#define LIFETIME_MAX_MS (10LL * 365 * 86400 * 1000) /* more is a mistake in the reply */
#define MESSAGE_MAX     500 /* bytes of the service's message that we show */

void wire_token_destroy(struct wire_token *token)
{
    mem_free_secret(token->access_token);
    mem_free(token->endpoint_url);
    mem_free(token->scope);
    mem_free_secret(token->refresh_token);
    memset(token, 0, sizeof *token);
}

/* A token travels in a header: visible ASCII only. */
static bool token_sane(const struct json *value)
{
    const char *text = json_string(value);
    if (text == NULL || value->len < REDACT_MIN_BYTES || value->len > TOKEN_MAX)
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        if (*c <= ' ' || *c > '~')
            return false;
    }
    return true;
}

static int field_error(const char *field, const char *expected, struct err *err)
{
    return err_set(err, ERR_HTTP,
                   "the token service's reply makes no sense: '%s' is not %s; is token_service the "
                   "right URL?",
                   field, expected);
}

static int parse_lifetime(const struct json *expiry, const struct http_response *response,
                          struct wire_token *token, struct err *err)
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

static int parse_fields(const struct json *reply, const struct http_response *response,
                        struct wire_token *token, struct err *err)
{
    const struct json *access = json_get(reply, "accessToken");
    const struct json *endpoint = json_get(reply, "endpointUrl");
    const struct json *scope = json_get(reply, "scope");
    const struct json *refresh = json_get(reply, "refreshToken");
    if (!token_sane(access))
        return field_error("accessToken", "a token", err);
    if (json_string(endpoint) == NULL)
        return field_error("endpointUrl", "a URL", err);
    struct url url;
    if (url_parse(endpoint->text, &url, err) != 0)
        return field_error("endpointUrl", "a URL", err);
    url_destroy(&url);
    if (scope != NULL && scope->type != JSON_NULL && json_string(scope) == NULL)
        return field_error("scope", "a string", err);
    bool rotated = refresh != NULL && refresh->type != JSON_NULL &&
                   !(json_string(refresh) != NULL && refresh->len == 0);
    if (rotated && !token_sane(refresh))
        return field_error("refreshToken", "a token, empty or null", err);
    if (parse_lifetime(json_get(reply, "accessTokenExpiry"), response, token, err) != 0)
        return -1;

    token->access_token = mem_strdup(access->text);
    token->endpoint_url = wire_base(endpoint->text);
    const char *scopes = json_string(scope);
    token->scope = mem_strdup(scopes != NULL ? scopes : "");
    token->refresh_token = rotated ? mem_strdup(refresh->text) : NULL;
    return 0;
}

static struct json *parse_object(const struct http_response *response, struct err *err)
{
    const struct json_options options = {.max_bytes = WIRE_REPLY_MAX, .max_depth = 16};
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

int wire_token_parse(const struct http_response *response, struct wire_token *token,
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

int wire_login_parse(const struct http_response *response, char **refresh_token, struct err *err)
{
    *refresh_token = NULL;
    struct json *reply = parse_object(response, err);
    if (reply == NULL)
        return -1;
    const struct json *value = json_get(reply, "refreshToken");
    int result = token_sane(value) ? 0 : field_error("refreshToken", "a token", err);
    if (result == 0)
        *refresh_token = mem_strdup(value->text);
    json_free(reply);
    return result;
}

/* So that "{base}/v1/…" has one slash: the service answers with and without one at the end. */
char *wire_base(const char *url)
{
    size_t len = strlen(url);
    while (len > 0 && url[len - 1] == '/')
        len--;
    return mem_strndup(url, len);
}

/* Text from outside, for a message on one line: cut, control characters become spaces. */
static void append_clean(struct buf *out, const char *text, size_t len, size_t max)
{
    size_t shown = utf8_cut(text, len, max);
    for (size_t i = 0; i < shown; i++)
        buf_putc(out, (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i]);
    if (shown < len)
        buf_puts(out, ERR_CUT);
}

static const char *status_phrase(int status)
{
    switch (status) {
    case 400:
        return "bad request";
    case 401:
        return "not authenticated";
    case 403:
        return "forbidden";
    case 404:
        return "not found";
    case 415:
        return "media type refused";
    case 429:
        return "too many requests";
    }
    return status >= 500 ? "server error" : status >= 300 && status < 400 ? "redirect" : "refused";
}

static bool scope_has(const char *scope, const char *permission)
{
    size_t len = strlen(permission);
    for (const char *at = scope; (at = strstr(at, permission)) != NULL; at += len) {
        if ((at == scope || at[-1] == ',' || at[-1] == ' ') &&
            (at[len] == '\0' || at[len] == ',' || at[len] == ' '))
            return true;
    }
    return false;
}

static void append_permission(struct buf *out, const char *method, const char *path,
                              const char *scope)
{
    const char *permission = wire_permission(method, path);
    if (permission == NULL)
        return;
    if (scope == NULL || !scope_has(scope, permission))
        buf_printf(out, " (the connector needs permission '%s')", permission);
    else
        buf_printf(out,
                   " (the token has permission '%s': its user may lack the right, or the connector "
                   "has lost the permission since)",
                   permission);
}

int wire_error(const struct http_response *response, const char *method, const char *path,
               const char *scope, struct err *err)
{
    int status = response->status;
    struct buf text;
    buf_create(&text, ERR_MSG_MAX);
    buf_printf(&text, "%d %s", status, status_phrase(status));

    struct err ignored;
    const struct json_options options = {.max_bytes = WIRE_REPLY_MAX, .max_depth = 16};
    struct json *body = json_parse(response->body.data, response->body.len, &options, &ignored);
    const char *code = json_string(json_get(body, "errorCode"));
    const struct json *message = json_get(body, "message");
    if (code != NULL) {
        buf_puts(&text, ": ");
        append_clean(&text, code, strlen(code), ERR_CODE_MAX - 1);
    }
    if (json_string(message) != NULL) {
        buf_puts(&text, ": ");
        append_clean(&text, message->text, message->len, MESSAGE_MAX);
    }
    if (status == 403)
        append_permission(&text, method, path, scope);

    enum err_kind kind = status == 401 || status == 403 ? ERR_AUTH
                         : status == 429                ? ERR_THROTTLED
                                                        : ERR_HTTP;
    err_set(err, kind, "%s", text.data);
    err->status = status;
    err->retryable = status == 429 || status >= 500;
    if (code != NULL)
        err_text(err->code, sizeof err->code, "%s", code);
    json_free(body);
    buf_destroy(&text);
    return -1;
}

/*
 * From the published scope list and the masks in access tokens (2 write, 4 read, 8 remove, 16
 * update). Paths below /v1; `*` is one segment.
 */
static const struct {
    const char *method;
    const char *path;
    const char *permission;
} permissions[] = {
    {"GET", "users/me", "profile.read"},
    {"GET", "groups", "groupinfo.read"},
    {"POST", "groups", "groupinfo.write"},
    {"GET", "groups/*", "groupinfo.read"},
    {"GET", "groups/*/subgroups", "groupinfo.read"},
    {"POST", "groups/*/subgroups", "groupinfo.write"},
    {"PUT", "groups/*/subgroups", "groupinfo.update"},
    {"DELETE", "groups/*/subgroups/*", "groupinfo.remove"},
    {"GET", "groups/*/members", "groupmember.read"},
    {"PUT", "groups/*/members", "groupmember.write"},
    {"PUT", "groups/*/members/*", "groupmember.update"},
    {"DELETE", "groups/*/members/*", "groupmember.remove"},
    {"GET", "groups/*/subscribers", "groupmember.read"},
    {"POST", "groups/*/subscribers", "groupmember.read"},
    {"PUT", "groups/*/subscribers/add", "groupmember.write"},
    {"PUT", "groups/*/subscribers/remove", "groupmember.remove"},
    {"POST", "groups/*/messages", "textmessage.write"},
    {"GET", "groups/*/actions", "action.read"},
    {"POST", "groups/*/actions", "action.write"},
    {"GET", "groups/*/actions/*", "action.read"},
    {"PUT", "groups/*/actions/*", "action.update"},
    {"POST", "groups/*/actions/*/responses", "action.write"},
    {"POST", "groups/*/actions/*/reminder", "action.write"},
    {"GET", "bot", "bot.read"},
    {"POST", "bot", "bot.write"},
    {"PUT", "bot/*", "bot.update"},
    {"DELETE", "bot/*", "bot.remove"},
    {"GET", "bot/accessToken/*", "bot.read"},
    {"POST", "groups/*/bot", "bot.write"},
    {"GET", "webhook", "webhook.read"},
    {"POST", "webhook", "webhook.write"},
    {"PUT", "webhook/*", "webhook.update"},
    {"DELETE", "webhook/*", "webhook.remove"},
    {"POST", "media", "media.write"},
    {"POST", "media/url", "media.write"},
};

/* Segment by segment, regardless of case. */
static bool path_matches(const char *pattern, const char *path)
{
    for (;;) {
        size_t want = strcspn(pattern, "/");
        size_t have = strcspn(path, "/?");
        bool any = want == 1 && pattern[0] == '*' && have > 0;
        if (!any && (want != have || strncasecmp(pattern, path, want) != 0))
            return false;
        pattern += want;
        path += have;
        if (*pattern == '\0' || *path != '/')
            break;
        pattern++;
        path++;
    }
    while (*path == '/')
        path++;
    return *pattern == '\0' && (*path == '\0' || *path == '?');
}

const char *wire_permission(const char *method, const char *path)
{
    while (*path == '/')
        path++;
    if (strncasecmp(path, "v1/", 3) == 0)
        path += 3;
    for (size_t i = 0; i < sizeof permissions / sizeof permissions[0]; i++) {
        if (strcmp(permissions[i].method, method) == 0 && path_matches(permissions[i].path, path))
            return permissions[i].permission;
    }
    return NULL;
}

/* The next byte, a percent escape read, in lower case; the text moves on. */
static int next_byte(const char **text, const char *end)
{
    const char *at = *text;
    unsigned value;
    if (end - at >= 3 && at[0] == '%' && isxdigit((unsigned char)at[1]) &&
        isxdigit((unsigned char)at[2]) && sscanf(at + 1, "%2x", &value) == 1) {
        *text += 3;
    } else {
        value = (unsigned char)*at;
        *text += 1;
    }
    return value < 0x80 ? tolower((int)value) : (int)value;
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

int wire_moved(const struct http_response *response, const char *request_url, const char *path,
               char **base, struct err *err)
{
    const char *location = http_response_header(response, "Location");
    if (location == NULL)
        return err_set(err, ERR_HTTP,
                       "308 without a Location: the service moved, but not to where");
    struct url url;
    if (url_resolve(request_url, location, &url, err) != 0) {
        err_wrap(err, "308 whose Location is not usable");
        err->kind = ERR_HTTP;
        return -1;
    }
    size_t asked = without_slashes(path, strcspn(path, "?#"));
    size_t len = without_slashes(url.path, strlen(url.path));
    for (size_t at = 0; at < len; at++) {
        if (url.path[at] == '/' && path_same(url.path + at, len - at, path, asked))
            len = at;
    }
    url.path[len] = '\0';
    char *text = url_format(&url, false);
    *base = wire_base(text);
    mem_free(text);
    url_destroy(&url);
    return 0;
}

#include "oauth2_reply.h"

#include "ascii.h"
#include "json_pointer.h"
#include "mem.h"
#include "oauth2_connector.h"
#include "oauth2_device.h"
#include "oauth2_expiry.h"
#include "oauth2_identity.h"
#include "provider_words.h"
#include "redact.h"
#include "url.h"
#include "utf8.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DEPTH_MAX         64
#define SCOPE_MAX         ((size_t)16 * 1024)
#define SECONDARY_WAIT_MS 60000   /* GitHub wants a minute, where it does not say when */
#define DAILY_WAIT_MS     3600000 /* a limit of a day passes within one: not waited for by a call */

/* ---- bodies ---- */

/* A name or value of a form; -1 at the buffer's limit. `word` has room for it. */
static int add_word(struct buf *out, const char *text, size_t len, char *word)
{
    struct buf mended;
    size_t size = url_decode_form(text, len, word);
    buf_create_secret(&mended, UTF8_MEND_FACTOR * size);
    utf8_mend(word, size, &mended);
    int result = json_write_string(out, mended.data, mended.len);
    buf_destroy(&mended);
    return result;
}

/* "access_token=…&expires_in=3600", as some services answer, as an object of strings. NULL: it is
 * none. */
static struct json *parse_form(const struct http_response *response)
{
    const char *type = http_response_header(response, "Content-Type");
    const char *at = response->body.data, *end = at + response->body.len;
    struct err ignored;
    struct buf text;
    if (type == NULL || (strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0 &&
                         strncasecmp(type, "text/plain", 10) != 0))
        return NULL;
    while (end > at && (end[-1] == '\n' || end[-1] == '\r'))
        end--;
    buf_create_secret(&text, 8 * PROVIDER_REPLY_MAX);
    char *word = mem_alloc(response->body.len + 1);
    const char *comma = "{";
    bool good = true;
    while (good && at < end) {
        size_t left = (size_t)(end - at), len = strcspn(at, "&"), name = strcspn(at, "=&");
        len = len < left ? len : left;
        if (name < len) { /* else it is empty, or has no value */
            good = buf_puts(&text, comma) == 0 && add_word(&text, at, name, word) == 0 &&
                   buf_putc(&text, ':') == 0 &&
                   add_word(&text, at + name + 1, len - name - 1, word) == 0;
            comma = ",";
        }
        at += len + (len < left);
    }
    struct json *root = NULL;
    if (good && buf_putc(&text, '}') == 0)
        root = json_parse(text.data, text.len, NULL, &ignored);
    mem_free_secret(word);
    buf_destroy(&text);
    return root;
}

/* An object or, in an error, a list; NULL with err. */
static struct json *parse_body(const struct http_response *response, struct err *err)
{
    const struct json_options options = {
        .mend = true, .max_bytes = PROVIDER_REPLY_MAX, .max_depth = DEPTH_MAX};
    struct json *root = json_parse(response->body.data, response->body.len, &options, err);
    if (root == NULL)
        root = parse_form(response);
    return root;
}

/* By the connector's pointer, else by the standard's name. */
static const struct json *value_at(const struct json *root, const char *pointer,
                                   const char *standard)
{
    return root != NULL ? json_pointer_get(root, pointer != NULL ? pointer : standard) : NULL;
}

/* Some languages write false or [] for nothing. */
static bool is_absent(const struct json *value)
{
    return value == NULL || value->type == JSON_NULL ||
           (value->type == JSON_BOOL && !value->boolean) ||
           (value->type == JSON_STRING && value->len == 0) ||
           ((value->type == JSON_ARRAY_BEGIN || value->type == JSON_OBJECT_BEGIN) &&
            value->child == NULL);
}

/* ---- refusals ---- */

/* What the service calls the error. Some have a number, some an object. */
static bool read_code(const struct json *error, char code[ERR_CODE_MAX])
{
    code[0] = '\0';
    if (is_absent(error) || (error->type == JSON_INT && error->integer == 0))
        return false;
    if (error->type == JSON_OBJECT_BEGIN) {
        static const char *const names[] = {"code", "type", "status", "name", ".tag"};
        for (size_t i = 0; i < sizeof names / sizeof names[0] && code[0] == '\0'; i++)
            read_code(json_get(error, names[i]), code);
    } else if (error->type == JSON_INT) {
        snprintf(code, ERR_CODE_MAX, "%lld", (long long)error->integer);
    } else if (json_string(error) != NULL) {
        err_text(code, ERR_CODE_MAX, "%s", error->text);
        ascii_blank_controls(code, strlen(code), ' ');
    }
    return true;
}

/* The service's own words: where the connector says, else wherever such services put them. */
static const struct json *find_words(const struct json *root, const char *pointer)
{
    const struct json *found = pointer != NULL ? value_at(root, pointer, NULL) : NULL;
    bool said = found != NULL && json_string(found) != NULL && found->len > 0;
    return said ? found : provider_words_find(root);
}

/* "400 bad request: invalid_grant: Token has been expired or revoked." */
static void put_refusal(int status, const char *code, const struct json *words, struct buf *text)
{
    if (status >= 200 && status < 300)
        buf_printf(text, "%d, but", status);
    else
        buf_printf(text, "%d %s%s", status, provider_words_status(status),
                   code[0] != '\0' || words != NULL ? ":" : "");
    if (code[0] != '\0') {
        buf_putc(text, ' ');
        provider_words_add(text, code, strlen(code), ERR_CODE_MAX - 1);
    }
    if (words != NULL && strcmp(words->text, code) != 0) {
        buf_puts(text, code[0] != '\0' ? ": " : " ");
        provider_words_add(text, words->text, words->len, PROVIDER_WORDS_MAX);
    }
    if (status >= 200 && status < 300 && code[0] == '\0' && words == NULL)
        buf_puts(text, " it is a refusal");
}

/* GitHub, for one, says by 403 that a limit is used up, and when it no longer is. A Retry-After of
 * 0 says nothing of the kind: caches before a service have it in whatever they refuse. */
static bool is_throttled(const struct http_response *response, bool secondary)
{
    return response->status == 429 ||
           (response->status == 403 && (secondary || (http_throttled_ms(response) >= 0 &&
                                                      http_retry_after_ms(response) != 0)));
}

/* GitHub's other limit, which often these words alone tell. */
static bool is_secondary(const struct json *words)
{
    return words != NULL && strstr(words->text, "secondary rate limit") != NULL;
}

static enum err_kind kind_of(const struct http_response *response, bool secondary)
{
    int status = response->status;
    if (is_throttled(response, secondary))
        return ERR_THROTTLED;
    return status < 300 || status == 400 || status == 401 || status == 403 ? ERR_AUTH : ERR_HTTP;
}

static void fill_refusal(const struct http_response *response, const char *code,
                         const struct json *words, struct err *err)
{
    struct buf text;
    bool secondary = is_secondary(words);
    buf_create(&text, ERR_MSG_MAX);
    put_refusal(response->status, code, words, &text);
    err_set(err, kind_of(response, secondary), "%s", text.data);
    err->status = response->status;
    if (secondary && err->kind == ERR_THROTTLED)
        err->retry_after_ms = SECONDARY_WAIT_MS;
    err->retryable = err->kind == ERR_THROTTLED || http_status_passes(response->status);
    memcpy(err->code, code, ERR_CODE_MAX);
    buf_destroy(&text);
}

/* Whether the connector says of this error that it means a dead refresh token. */
static bool is_listed(const struct oauth2_connector *oauth2, const char *code)
{
    for (size_t i = 0; oauth2->dead_errors != NULL && oauth2->dead_errors[i] != NULL; i++) {
        if (strcmp(code, oauth2->dead_errors[i]) == 0)
            return true;
    }
    return false;
}

/* Atlassian has two ways to say it; the second is its answer in use. */
static bool is_dead(const struct json *words, const struct err *err)
{
    return strcmp(err->code, "invalid_grant") == 0 ||
           (words != NULL && strcmp(err->code, "unauthorized_client") == 0 &&
            strcasecmp(words->text, "refresh_token is invalid") == 0);
}

/* Salesforce, of a refresh token that is just being exchanged. */
static bool is_busy(const char *code, const struct json *words)
{
    return words != NULL && strcmp(code, "invalid_grant") == 0 &&
           strcasecmp(words->text, "token request is already being processed") == 0;
}

/* What passes by itself, whatever the status: as the standard, Google and Slack say it. */
static bool is_passing(const char *code)
{
    static const char *const codes[] = {
        "temporarily_unavailable", "server_error", "internal_failure",
        "internal_error",          "fatal_error",  "service_unavailable",
        "request_timeout",         "ratelimited"};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return false;
}

/* The standard's codes that say which value is wrong. */
static void advise(struct err *err)
{
    static const char *const advice[][2] = {
        {"invalid_client", "check client_id, client_auth and the secret or key that it sends"},
        {"unauthorized_client", "the service does not allow this client the grant"},
        {"invalid_target", "check audience and resource"},
        {"invalid_scope", "check scope; one that was not granted needs another sign-in"},
    };
    for (size_t i = 0; i < sizeof advice / sizeof advice[0]; i++) {
        if (strcmp(err->code, advice[i][0]) == 0)
            err_advise(err, "%s", advice[i][1]);
    }
}

/* err holds the refusal. */
static enum provider_meaning judge(const struct provider_ask *ask, const struct json *words,
                                   struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    if (err->kind == ERR_THROTTLED || http_status_passes(err->status))
        return PROVIDER_WAIT;
    bool listed = ask->refresh_token != NULL && is_listed(oauth2, err->code);
    if (is_busy(err->code, words) || (is_passing(err->code) && !listed)) {
        err->kind = ERR_HTTP; /* nothing is wrong with what was sent */
        err->retryable = true;
        return PROVIDER_WAIT;
    }
    if (listed || (ask->refresh_token != NULL && is_dead(words, err)))
        return PROVIDER_DEAD;
    advise(err);
    return PROVIDER_REFUSED;
}

/* A redirect is not followed: the request is full of secrets. */
static enum provider_meaning redirected(const struct http_response *response, struct err *err)
{
    struct buf text;
    buf_create(&text, ERR_MSG_MAX);
    provider_words_redirect(&text, response, "token_url");
    err_set(err, ERR_HTTP, "%s", text.data);
    err->status = response->status;
    buf_destroy(&text);
    return PROVIDER_REFUSED;
}

/* ---- tokens ---- */

static int nonsense(const char *field, const char *expected, struct err *err)
{
    return err_set(err, ERR_HTTP,
                   "the token service's reply makes no sense: '%s' is not %s; is token_url the "
                   "right URL?",
                   field, expected);
}

/* One text, or a list of them, with spaces between. NULL: none is said. */
static char *read_scope(const struct json *value)
{
    struct buf out;
    if (json_string(value) != NULL)
        return mem_strdup(value->text);
    if (value == NULL || value->type != JSON_ARRAY_BEGIN)
        return NULL;
    buf_create(&out, SCOPE_MAX);
    for (const struct json *item = value->child; item != NULL; item = item->next) {
        if (json_string(item) != NULL)
            buf_printf(&out, "%s%s", out.len > 0 ? " " : "", item->text);
    }
    return buf_take(&out);
}

static void read_lifetimes(const struct oauth2_reply *map, const struct json *root,
                           const struct http_response *response, struct provider_token *token)
{
    enum oauth2_unit unit = (enum oauth2_unit)map->unit;
    bool absolute = map->expires_at != NULL;
    const struct json *expiry = absolute ? value_at(root, map->expires_at, NULL)
                                         : value_at(root, map->expires_in, "/expires_in");
    token->lifetime_ms = oauth2_expiry_read(expiry, absolute, unit, response);
    const struct json *refresh =
        value_at(root, map->refresh_expires_in, "/refresh_token_expires_in");
    if (refresh == NULL && map->refresh_expires_in == NULL)
        refresh = value_at(root, "/refresh_expires_in", NULL);
    token->refresh_lifetime_ms = oauth2_expiry_read(
        refresh, false, unit == OAUTH2_MILLISECONDS ? unit : OAUTH2_SECONDS, response);
}

static int read_endpoint(const struct oauth2_connector *oauth2, const struct json *root,
                         struct provider_token *token, struct err *err)
{
    const struct json *value =
        oauth2->reply.endpoint != NULL ? value_at(root, oauth2->reply.endpoint, NULL) : NULL;
    struct url url;
    if (is_absent(value))
        return 0;
    if (json_string(value) == NULL || url_parse(value->text, &url, err) != 0)
        return nonsense(oauth2->reply.endpoint, "a URL", err);
    url_destroy(&url);
    if (strpbrk(value->text, "?#") != NULL)
        return nonsense(oauth2->reply.endpoint, "a URL without query and fragment", err);
    token->endpoint_url = url_base(value->text);
    return 0;
}

/* Whether nothing is where the connector's pointer says. */
static bool leads_nowhere(const struct json *root, const char *pointer)
{
    return pointer != NULL && is_absent(json_pointer_get(root, pointer));
}

/* Some answer a sign-in with tokens in a place of their own, and a refresh as the standard says. */
static struct oauth2_reply map_of(const struct provider_ask *ask, const struct json *root)
{
    struct oauth2_reply map = oauth2_connector_of(ask->connector)->reply;
    char **const pointers[] = {&map.access_token, &map.token_type, &map.refresh_token,
                               &map.expires_in, &map.scope};
    bool standard = ask->refresh_token != NULL && leads_nowhere(root, map.access_token) &&
                    provider_words_is_token(json_get(root, "access_token"));
    for (size_t i = 0; standard && i < sizeof pointers / sizeof pointers[0]; i++) {
        if (leads_nowhere(root, *pointers[i]))
            *pointers[i] = NULL;
    }
    if (standard && leads_nowhere(root, map.expires_at)) {
        map.expires_at = NULL;
        map.unit = OAUTH2_SECONDS; /* of the standard's expires_in */
    }
    return map;
}

/* -1 with err, and with the refresh token where one has come. */
static int read_token(const struct provider_ask *ask, const struct json *root,
                      const struct http_response *response, struct provider_token *token,
                      struct err *err)
{
    const struct oauth2_connector *oauth2 = oauth2_connector_of(ask->connector);
    const struct oauth2_reply found = map_of(ask, root), *map = &found;
    const struct json *access = value_at(root, map->access_token, "/access_token");
    const struct json *refresh = value_at(root, map->refresh_token, "/refresh_token");
    const struct json *type = value_at(root, map->token_type, "/token_type");
    if (provider_words_is_token(refresh))
        token->refresh_token = mem_strdup(refresh->text);
    if (!provider_words_is_token(access))
        return nonsense(map->access_token != NULL ? map->access_token : "access_token",
                        PROVIDER_A_TOKEN, err);
    if (!is_absent(refresh) && token->refresh_token == NULL)
        return nonsense(map->refresh_token != NULL ? map->refresh_token : "refresh_token",
                        PROVIDER_A_TOKEN ", empty or null", err);
    if (read_endpoint(oauth2, root, token, err) != 0)
        return -1;
    token->access_token = mem_strdup(access->text);
    token->token_type = mem_strdup(json_string(type));
    token->scope = read_scope(value_at(root, map->scope, "/scope"));
    read_lifetimes(map, root, response, token);
    if (token->lifetime_ms == 0)
        token->lifetime_ms = oauth2->default_lifetime_ms;
    return 0;
}

/* Nobody has signed in on the other device yet. */
static bool device_is_pending(const struct provider_ask *ask, const char *code,
                              struct provider_reply *out)
{
    if (ask->purpose != PROVIDER_DEVICE_CODE)
        return false;
    out->slower = strcmp(code, "slow_down") == 0;
    out->pending = out->slower || strcmp(code, "authorization_pending") == 0;
    return out->pending;
}

/* Tokens that come beside an error: its words may say them again. */
static void hide_tokens(const struct provider_ask *ask, const struct json *root)
{
    const struct oauth2_reply *map = &oauth2_connector_of(ask->connector)->reply;
    const struct json *tokens[] = {value_at(root, map->access_token, "/access_token"),
                                   value_at(root, map->refresh_token, "/refresh_token"),
                                   value_at(root, NULL, "/id_token")};
    for (size_t i = 0; ask->redact != NULL && i < sizeof tokens / sizeof tokens[0]; i++) {
        if (tokens[i] != NULL && provider_words_is_token(tokens[i]))
            redact_add_owned(ask->redact, tokens[i]->text, tokens[i]->len, ask->connector->name);
    }
}

/* A 2xx that is none of the service's refusals. */
static enum provider_meaning granted(const struct provider_ask *ask, const struct json *root,
                                     const struct http_response *response,
                                     struct provider_reply *out, struct err *err)
{
    if (root->type != JSON_OBJECT_BEGIN)
        nonsense("the body", "a JSON object", err);
    else if (ask->purpose == PROVIDER_DEVICE)
        return oauth2_device_read(root, &out->device, err) == 0 ? PROVIDER_GOOD : PROVIDER_REFUSED;
    else if (read_token(ask, root, response, &out->token, err) == 0) {
        out->token.subject = oauth2_identity_read(json_get(root, "id_token"), ask->redact);
        return PROVIDER_GOOD;
    }
    if (ask->refresh_token != NULL && out->token.refresh_token != NULL)
        return PROVIDER_SPOILT; /* the one that was sent is spent */
    provider_token_destroy(&out->token);
    return PROVIDER_REFUSED;
}

/* RFC 7009: the status says it, and nothing need follow. One that was dead already is as good. */
static enum provider_meaning revoked(const struct http_response *response, struct err *err)
{
    const char *type = http_response_header(response, "Content-Type");
    bool page = type != NULL && strncasecmp(type, "text/html", 9) == 0 && response->body.len > 0;
    bool good = response->status >= 200 && response->status < 300;
    char code[ERR_CODE_MAX];
    struct err ignored;
    struct json *root = parse_body(response, &ignored);
    bool refused = read_code(value_at(root, "/error", NULL), code);
    enum provider_meaning meaning = PROVIDER_GOOD;
    if (good && page && root == NULL) {
        err_set(err, ERR_HTTP, "the reply is a page; is revoke_url the right URL?");
        meaning = PROVIDER_REFUSED;
    } else if ((!good || refused) && strcmp(code, "invalid_token") != 0 &&
               strcmp(code, "invalid_grant") != 0) {
        fill_refusal(response, code, find_words(root, NULL), err);
        meaning = err->retryable ? PROVIDER_WAIT : PROVIDER_REFUSED;
    }
    json_free(root);
    return meaning;
}

enum provider_meaning oauth2_reply_read(const struct provider_ask *ask,
                                        const struct http_response *response,
                                        struct provider_reply *out, struct err *err)
{
    const struct oauth2_reply *map = &oauth2_connector_of(ask->connector)->reply;
    int status = response->status;
    bool good = status >= 200 && status < 300;
    enum provider_meaning meaning = PROVIDER_REFUSED;
    char code[ERR_CODE_MAX];
    *out = (struct provider_reply){0};
    if (status >= 300 && status < 400)
        return redirected(response, err);
    if (ask->purpose == PROVIDER_REVOKE)
        return revoked(response, err);
    struct json *root = parse_body(response, err);
    if (root == NULL && good) {
        err_wrap(err, "the token service's reply is not JSON (is token_url the right URL?)");
        err->kind = ERR_HTTP;
        return PROVIDER_REFUSED;
    }
    const struct json *ok = value_at(root, map->ok, "/ok");
    bool refused = read_code(value_at(root, map->error, "/error"), code);
    refused = refused || (ok != NULL && ok->type == JSON_BOOL && !ok->boolean);
    if (good && !refused) {
        meaning = granted(ask, root, response, out, err);
    } else {
        const struct json *words = find_words(root, map->error_description);
        hide_tokens(ask, root);
        fill_refusal(response, code, words, err);
        meaning = device_is_pending(ask, code, out) ? PROVIDER_WAIT : judge(ask, words, err);
    }
    json_free(root);
    return meaning;
}

/* ---- the API ---- */

/* What Google's older APIs and Salesforce call a limit, in a 403: how long it lasts at least, 0
 * where it passes soon. -1: it is none. */
static int64_t limit_ms(const struct json *root, const char *code, const struct json *words)
{
    static const struct {
        const char *name;
        int64_t ms;
    } limits[] = {{"rateLimitExceeded", 0},
                  {"userRateLimitExceeded", 0},
                  {"dailyLimitExceeded", DAILY_WAIT_MS},
                  {"quotaExceeded", DAILY_WAIT_MS},
                  {"REQUEST_LIMIT_EXCEEDED", DAILY_WAIT_MS}};
    const struct json *reason =
        root != NULL ? json_pointer_get(root, "/error/errors/0/reason") : NULL;
    const char *name = json_string(reason) != NULL ? reason->text : code;
    bool soon = words != NULL && strncmp(words->text, "Concurrent", 10) == 0; /* Salesforce's */
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (strcmp(name, limits[i].name) == 0)
            return soon ? 0 : limits[i].ms;
    }
    return -1;
}

int oauth2_reply_error(const struct http_response *response, const char *method, const char *path,
                       const char *scope, struct err *err)
{
    (void)method, (void)path, (void)scope;
    static const char *const codes[] = {"/error", "/code", "/errorCode", "/0/errorCode"};
    char code[ERR_CODE_MAX];
    struct err ignored;
    struct json *root = parse_body(response, &ignored);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (read_code(value_at(root, codes[i], NULL), code))
            break;
    }
    if (code[0] == '\0' && find_words(root, NULL) == NULL) {
        json_free(root);
        root = provider_words_challenge(response);
        read_code(value_at(root, "/error", NULL), code);
    }
    const struct json *words = find_words(root, NULL);
    fill_refusal(response, code, words, err);
    if (response->status == 400)
        err->kind = ERR_HTTP; /* of an API it says nothing about the token */
    int64_t wait_ms = response->status == 403 ? limit_ms(root, code, words) : -1;
    if (wait_ms >= 0) {
        err->kind = ERR_THROTTLED;
        err->retryable = true;
        err->retry_after_ms = wait_ms;
    }
    json_free(root);
    return -1;
}

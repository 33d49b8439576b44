#include "provider_words.h"

#include "ascii.h"
#include "field.h"
#include "json_pointer.h"
#include "utf8.h"

#include <string.h>
#include <strings.h>

#define CHALLENGE_MAX ((size_t)4 * 1024) /* of one parameter: what is over it is left out */
#define JSON_FACTOR   64                 /* of both of them, mended, with escapes, in JSON */

bool provider_words_is_token(const struct json *value)
{
    const char *text = json_string(value);
    if (text == NULL || value->len < PROVIDER_TOKEN_MIN || value->len > PROVIDER_TOKEN_MAX ||
        strstr(text, "://") != NULL)
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        if (!ascii_is_visible(*c))
            return false;
    }
    return true;
}

void provider_words_add(struct buf *out, const char *text, size_t len, size_t max)
{
    size_t shown = utf8_cut(text, len, max);
    for (size_t i = 0; i < shown; i++)
        buf_putc(out, ascii_is_control(text[i]) ? ' ' : text[i]);
    if (shown < len)
        buf_puts(out, ERR_CUT);
}

const char *provider_words_status(int status)
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

const struct json *provider_words_find(const struct json *root)
{
    static const char *const places[] = {"/error_description",
                                         "/error/message",
                                         "/message",
                                         "/errors/0/message",
                                         "/errors/0/detail",
                                         "/detail",
                                         "/reason",
                                         "/errorMessage",
                                         "/title",
                                         "/fault/message",
                                         "/errorMessages/0",
                                         "/errors/0/title",
                                         "/error_summary",
                                         "/errorSummary",
                                         "/description",
                                         "/Detail",
                                         "/Message",
                                         "/Fault/Error/0/Message",
                                         "/fault/error/0/message",
                                         "/errors",
                                         "/0/message"};
    for (size_t i = 0; root != NULL && i < sizeof places / sizeof places[0]; i++) {
        const struct json *found = json_pointer_get(root, places[i]);
        if (json_string(found) != NULL && found->len > 0)
            return found;
    }
    return NULL;
}

/* The value after "name=", in quotes or not, into out without them; where it ends. */
static const char *read_parameter(const char *at, struct buf *out)
{
    bool quoted = *at == '"';
    for (at += quoted; *at != '\0' && (quoted ? *at != '"' : strchr(" \t,", *at) == NULL); at++) {
        at += quoted && at[0] == '\\' && at[1] != '\0';
        buf_putc(out, *at);
    }
    return at + (quoted && *at == '"');
}

/* A member of the object, whose first one `comma` stands before. */
static void put_member(const char *name, const struct buf *value, const char **comma,
                       struct buf *out)
{
    struct buf mended;
    buf_create(&mended, UTF8_MEND_FACTOR * CHALLENGE_MAX);
    utf8_mend(value->data, value->len, &mended);
    buf_printf(out, "%s\"%s\":", *comma, name);
    json_write_string(out, mended.data, mended.len);
    buf_destroy(&mended);
    *comma = ",";
}

/* Schemes have their parameters after them: both begin with a token, and only one has a value. */
static void read_challenge(const char *at, bool found[2], const char **comma, struct buf *out)
{
    static const char *const names[2] = {"error", "error_description"};
    struct buf value;
    while (*(at += strspn(at, " \t,")) != '\0') {
        size_t len = field_token_length(at, strlen(at));
        const char *name = at, *equals = at + len + strspn(at + len, " \t");
        if (len == 0 || *equals != '=') {
            at += len > 0 ? len : 1;
            continue;
        }
        buf_create(&value, CHALLENGE_MAX);
        at = equals + 1;
        at = read_parameter(at + strspn(at, " \t"), &value);
        for (size_t i = 0; i < 2; i++) {
            if (found[i] || value.len == 0 || len != strlen(names[i]) ||
                strncasecmp(name, names[i], len) != 0)
                continue;
            found[i] = true;
            put_member(names[i], &value, comma, out);
        }
        buf_destroy(&value);
    }
}

struct json *provider_words_challenge(const struct http_response *response)
{
    bool found[2] = {false, false};
    const char *comma = "{";
    struct json *root = NULL;
    struct err ignored;
    struct buf text;
    buf_create(&text, JSON_FACTOR * CHALLENGE_MAX);
    for (size_t i = 0; i < response->nheaders; i++) {
        if (strcasecmp(response->headers[i].name, "WWW-Authenticate") == 0)
            read_challenge(response->headers[i].value, found, &comma, &text);
    }
    if ((found[0] || found[1]) && buf_putc(&text, '}') == 0)
        root = json_parse(text.data, text.len, NULL, &ignored);
    buf_destroy(&text);
    return root;
}

void provider_words_redirect(struct buf *out, const struct http_response *response, const char *key)
{
    const char *location = http_response_header(response, "Location");
    buf_printf(out, "%d %s", response->status, provider_words_status(response->status));
    if (location != NULL) {
        buf_puts(out, " to ");
        provider_words_add(out, location, strcspn(location, "?#"), PROVIDER_WORDS_MAX);
    }
    if (key != NULL)
        buf_printf(out,
                   ": redirects of a token service are not followed; configure its own URL as %s",
                   key);
}

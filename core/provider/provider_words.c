#include "provider_words.h"

#include "ascii.h"
#include "json_pointer.h"
#include "utf8.h"

#include <string.h>

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
                                         "/0/message"};
    for (size_t i = 0; root != NULL && i < sizeof places / sizeof places[0]; i++) {
        const struct json *found = json_pointer_get(root, places[i]);
        if (json_string(found) != NULL && found->len > 0)
            return found;
    }
    return NULL;
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

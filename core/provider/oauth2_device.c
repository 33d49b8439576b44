#include "oauth2_device.h"

#include "ascii.h"
#include "mem.h"
#include "provider_words.h"

#include <stdlib.h>
#include <string.h>

static const struct json *first_of(const struct json *root, const char *name, const char *other)
{
    const struct json *found = json_get(root, name);
    return found != NULL ? found : json_get(root, other);
}

/* Seconds, as a number or a text. 0: not said, or nothing that makes sense. */
static int64_t read_ms(const struct json *value, int64_t max_ms)
{
    const char *text = json_string(value);
    int64_t seconds = 0;
    if (value != NULL && value->type == JSON_INT)
        seconds = value->integer;
    else if (value != NULL && value->type == JSON_DOUBLE && value->number > 0 &&
             value->number < 1e9)
        seconds = (int64_t)value->number;
    else if (text != NULL)
        seconds = strtoll(text, NULL, 10);
    if (seconds <= 0)
        return 0;
    return seconds < max_ms / 1000 ? seconds * 1000 : max_ms;
}

/* It is printed: nothing that steers a terminal, or looks like something else. */
static bool is_shown(const struct json *value)
{
    const char *text = json_string(value);
    if (text == NULL || value->len == 0 || value->len > OAUTH2_DEVICE_SHOWN_MAX)
        return false;
    for (const char *c = text; *c != '\0'; c++) {
        if (!ascii_is_visible(*c) && *c != ' ')
            return false;
    }
    return strlen(text) == value->len;
}

static int nonsense(const char *member, const char *expected, struct err *err)
{
    return err_set(err, ERR_HTTP,
                   "the service's reply makes no sense: '%s' is not %s; is device_url the right "
                   "URL?",
                   member, expected);
}

int oauth2_device_read(const struct json *root, struct provider_device *out, struct err *err)
{
    const struct json *code = json_get(root, "device_code");
    const struct json *shown = json_get(root, "user_code");
    const struct json *url = first_of(root, "verification_uri", "verification_url");
    if (!provider_words_is_token(code))
        return nonsense("device_code", "a code", err);
    if (!is_shown(shown))
        return nonsense("user_code", "a code that can be shown and typed", err);
    if (json_string(url) == NULL)
        return nonsense("verification_uri", "a URL", err);
    int64_t pause_ms = read_ms(json_get(root, "interval"), OAUTH2_DEVICE_PAUSE_MAX_MS);
    *out = (struct provider_device){
        .code = mem_strdup(code->text),
        .shown = mem_strdup(shown->text),
        .url = mem_strdup(url->text),
        .url_shown = mem_strdup(
            json_string(first_of(root, "verification_uri_complete", "verification_url_complete"))),
        .life_ms = read_ms(json_get(root, "expires_in"), OAUTH2_DEVICE_LIFE_MAX_MS),
        .pause_ms = pause_ms > 0 ? pause_ms : OAUTH2_DEVICE_PAUSE_MS,
        .slower_ms = OAUTH2_DEVICE_PAUSE_MS,
    };
    return 0;
}

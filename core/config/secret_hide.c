#include "ascii.h"
#include "json.h"
#include "secret.h"
#include "utf8.h"

#include <string.h>

#define BEGIN  "-----BEGIN "
#define DASHES "-----"

static bool is_base64(char c)
{
    return ascii_is_alnum(c) || c == '+' || c == '/' || c == '=';
}

/* What stands between the BEGIN and END of PEM. Where the ends of lines are written as `\\n`, as in
 * JSON, they are no part of a line either. */
static const char *hide_lines(const char *text, const char *end, const char *owner,
                              struct redact *redact)
{
    while (text < end && *text != '-') {
        const char *line = text;
        while (text < end && is_base64(*text))
            text++;
        redact_add_owned(redact, line, (size_t)(text - line), owner);
        if (text < end && *text != '-')
            text += *text == '\\' && end - text > 1 ? 2 : 1;
    }
    return text;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* What is no PEM: a file with a key a line, and lines of comment. */
static void hide_keys(const char *text, const char *end, const char *owner, struct redact *redact)
{
    while (text < end) {
        bool is_comment = *text == '#';
        const char *word = text;
        while (text < end && (is_comment ? *text != '\n' : !is_space(*text)))
            text++;
        if (!is_comment)
            redact_add_owned(redact, word, (size_t)(text - word), owner);
        while (text < end && is_space(*text))
            text++;
    }
}

const char *secret_trim(const struct secret *secret, const char *value, size_t *len)
{
    size_t mark = secret->is_key ? 0 : utf8_mark(value, *len); /* PEM may begin with one */
    *len -= mark;
    value += mark;
    while (*len > 0 && (value[*len - 1] == '\n' || value[*len - 1] == '\r'))
        (*len)--;
    return value;
}

/* Each key and certificate in a text; false: there is none. */
static bool hide_pem(const char *text, const char *end, const char *owner, struct redact *redact)
{
    bool found = false;
    while (text != NULL && (text = memmem(text, (size_t)(end - text), BEGIN, sizeof BEGIN - 1))) {
        found = true;
        text += sizeof BEGIN - 1;
        text = memmem(text, (size_t)(end - text), DASHES, sizeof DASHES - 1);
        if (text != NULL)
            text = hide_lines(text + sizeof DASHES - 1, end, owner, redact);
    }
    return found;
}

/* The file of a service account, where JSON may write any sign of the key as an escape. */
static void hide_account(const char *text, size_t len, const char *owner, struct redact *redact)
{
    const struct json_options options = {.max_bytes = SECRET_BYTES_MAX};
    struct err err = {0};
    size_t mark = utf8_mark(text, len);
    struct json *json = json_parse(text + mark, len - mark, &options, &err);
    const char *pem = json != NULL ? json_string(json_get(json, "private_key")) : NULL;
    if (pem != NULL)
        hide_pem(pem, pem + strlen(pem), owner, redact);
    json_free(json);
}

void secret_hide(const struct secret *secret, const char *value, size_t len, const char *owner,
                 struct redact *redact)
{
    if (redact == NULL || (secret->is_id && secret->kind == SECRET_PLAIN))
        return;
    value = secret_trim(secret, value, &len);
    redact_add_owned(redact, value, len, secret->is_id ? REDACT_NO_SECRET : owner);
    if (!secret->is_key)
        return;
    if (!hide_pem(value, value + len, owner, redact))
        hide_keys(value, value + len, owner, redact);
    hide_account(value, len, owner, redact);
}

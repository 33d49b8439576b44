#include "ascii.h"
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

void secret_hide(const struct secret *secret, const char *value, size_t len, const char *owner,
                 struct redact *redact)
{
    if (redact == NULL)
        return;
    value = secret_trim(secret, value, &len);
    const char *end = value + len;
    redact_add_owned(redact, value, len, owner);
    if (secret->is_key && memmem(value, len, BEGIN, sizeof BEGIN - 1) == NULL)
        hide_keys(value, end, owner, redact);
    while (secret->is_key && value != NULL) {
        value = memmem(value, (size_t)(end - value), BEGIN, sizeof BEGIN - 1);
        if (value == NULL)
            return;
        value += sizeof BEGIN - 1;
        value = memmem(value, (size_t)(end - value), DASHES, sizeof DASHES - 1);
        if (value != NULL)
            value = hide_lines(value + sizeof DASHES - 1, end, owner, redact);
    }
}

#include "field.h"

#include "ascii.h"

#include <string.h>

static bool is_token_byte(char c)
{
    return ascii_is_alnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

size_t field_token_length(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && is_token_byte(text[n]))
        n++;
    return n;
}

bool field_is_token(const char *text)
{
    size_t len = strlen(text);
    return len > 0 && field_token_length(text, len) == len;
}

bool field_is_value(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (ascii_is_control(text[i]) && text[i] != '\t')
            return false;
    return true;
}

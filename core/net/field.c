#include "field.h"

#include "ascii.h"

#include <string.h>

#define CHUNK 16

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

static unsigned char is_bad(unsigned char c)
{
    return ((c < ' ') & (c != '\t')) | (c == 0x7f);
}

bool field_is_value(const char *text, size_t len)
{
    size_t i = 0;
    /* A token has a thousand bytes, and goes along with each call. The compiler looks at a chunk at
     * once where nothing branches on a byte. */
    for (; i + CHUNK <= len; i += CHUNK) {
        unsigned char bad = 0;
        for (size_t j = 0; j < CHUNK; j++)
            bad |= is_bad((unsigned char)text[i + j]);
        if (bad)
            return false;
    }
    for (; i < len; i++)
        if (is_bad((unsigned char)text[i]))
            return false;
    return true;
}

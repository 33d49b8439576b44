#include "ascii.h"

#define DEL '\x7f'

int ascii_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool ascii_is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool ascii_is_visible(char c)
{
    return c > ' ' && c < DEL;
}

bool ascii_has_control(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (ascii_is_control(text[i]))
            return true;
    return false;
}

void ascii_blank_controls(char *text, size_t len, char with)
{
    for (size_t i = 0; i < len; i++)
        if (ascii_is_control(text[i]))
            text[i] = with;
}

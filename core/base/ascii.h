/* Bytes, one at a time, without a locale. Text outside ASCII is utf8.h's. */
#ifndef JETON_ASCII_H
#define JETON_ASCII_H

#include <stdbool.h>
#include <stddef.h>

/* 0 to 15, or -1 for what is no hexadecimal digit. */
int ascii_hex_value(char c);
/* Letters and digits. */
bool ascii_is_alnum(char c);
/* Below the space, or DEL: what may steer a terminal or end a line. */
static inline bool ascii_is_control(char c)
{
    return (unsigned char)c < ' ' || c == '\x7f';
}
/* Printable, and no space. */
bool ascii_is_visible(char c);
bool ascii_has_control(const char *text, size_t len);
/* Puts `with` in the place of each control character. */
void ascii_blank_controls(char *text, size_t len, char with);

#endif

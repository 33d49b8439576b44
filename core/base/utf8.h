/* UTF-8, one code point at a time. Surrogates, overlong forms and what is over U+10FFFF are
 * invalid. */
#ifndef JETON_UTF8_H
#define JETON_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES_MAX 4

/* Length of the sequence at text (len bytes are there), or 0 where it is invalid or cut off. */
size_t utf8_decode(const char *text, size_t len, uint32_t *code);
/* Writes a valid code point, returns the number of bytes. */
size_t utf8_encode(uint32_t code, char out[UTF8_BYTES_MAX]);
/* Number of bytes before the first invalid one; len when all is valid. */
size_t utf8_valid_prefix(const char *text, size_t len);
/* At most `max` of the len bytes, without a part of a character at the end. */
size_t utf8_cut(const char *text, size_t len, size_t max);
/* Each byte that is invalid becomes a question mark. */
void utf8_repair(char *text);
/* Bytes of the byte order mark that text begins with: 3 or 0. Editors and services of Windows write
 * one. */
size_t utf8_mark(const char *text, size_t len);

#endif

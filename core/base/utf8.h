/* UTF-8, one code point at a time. Surrogates, overlong forms and what is over U+10FFFF are
 * invalid. */
#ifndef JETON_UTF8_H
#define JETON_UTF8_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UTF8_BYTES_MAX   4
#define UTF8_REPLACEMENT 0xfffd /* stands for what is not a character */

/* Length of the sequence at text (len bytes are there), or 0 where it is invalid or cut off. */
size_t utf8_decode(const char *text, size_t len, uint32_t *code);
/* UTF-16's halves of a character above U+FFFF. */
static inline bool utf8_is_high(uint32_t code)
{
    return code >= 0xd800 && code < 0xdc00;
}
static inline bool utf8_is_low(uint32_t code)
{
    return code >= 0xdc00 && code < 0xe000;
}
static inline uint32_t utf8_join(uint32_t high, uint32_t low)
{
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}
/* Writes a valid code point, returns the number of bytes. */
size_t utf8_encode(uint32_t code, char out[UTF8_BYTES_MAX]);
/* Number of bytes before the first invalid one; len when all is valid. */
size_t utf8_valid_prefix(const char *text, size_t len);
/* At most `max` of the len bytes, without a part of a character at the end. */
size_t utf8_cut(const char *text, size_t len, size_t max);
/*
 * Appends valid text, at most UTF8_MEND_FACTOR times as long: two halves of a character, each
 * encoded by itself, are joined; what else is invalid becomes U+FFFD, one for each piece of a
 * character. -1 at the buffer's limit.
 */
#define UTF8_MEND_FACTOR 3
int utf8_mend(const char *text, size_t len, struct buf *out);
/* Each byte that is invalid becomes a question mark. */
void utf8_repair(char *text);
/* What comes after so many characters of valid text, at most its end. */
const char *utf8_after(const char *text, const char *end, size_t count);
/* Bytes of the byte order mark that text begins with: 3 or 0. Editors and services of Windows write
 * one. */
size_t utf8_mark(const char *text, size_t len);

#endif

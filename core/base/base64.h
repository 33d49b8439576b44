/* Base64 as others send it. To write it, sodium_bin2base64 is right. */
#ifndef JETON_BASE64_H
#define JETON_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of a text; `variant` is libsodium's, and characters of `ignored` may stand anywhere
 * (NULL: none). False where it is anything else, or longer than `size`. Libsodium alone takes bytes
 * above 0x7f for digits. */
bool base64_decode(int variant, const char *text, size_t len, const char *ignored, void *bytes,
                   size_t size, size_t *bytes_len);

#endif

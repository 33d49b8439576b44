#include "base64.h"

#include <sodium.h>

static bool is_ascii(const char *text, size_t len)
{
    unsigned char all = 0;
    for (size_t i = 0; i < len; i++)
        all |= (unsigned char)text[i];
    return all < 0x80;
}

bool base64_decode(int variant, const char *text, size_t len, const char *ignored, void *bytes,
                   size_t size, size_t *bytes_len)
{
    return is_ascii(text, len) &&
           sodium_base642bin(bytes, size, text, len, ignored, bytes_len, NULL, variant) == 0;
}

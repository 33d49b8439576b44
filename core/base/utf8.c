#include "utf8.h"

#include <string.h>

#define CODE_LAST 0x10ffff

/* As utf8_decode, but halves of characters are taken too. */
static size_t decode(const char *text, size_t len, uint32_t *code)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    if (len == 0)
        return 0;
    if (bytes[0] < 0x80) {
        *code = bytes[0];
        return 1;
    }
    size_t size = bytes[0] >= 0xf8   ? 0
                  : bytes[0] >= 0xf0 ? 4
                  : bytes[0] >= 0xe0 ? 3
                  : bytes[0] >= 0xc0 ? 2
                                     : 0;
    if (size == 0 || size > len)
        return 0;
    uint32_t value = bytes[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3fu);
    }
    if (value < smallest[size] || value > CODE_LAST)
        return 0;
    *code = value;
    return size;
}

size_t utf8_decode(const char *text, size_t len, uint32_t *code)
{
    size_t size = decode(text, len, code);
    return size > 0 && (utf8_is_high(*code) || utf8_is_low(*code)) ? 0 : size;
}

size_t utf8_encode(uint32_t code, char out[UTF8_BYTES_MAX])
{
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    out[0] = (char)((0xf00u >> size & 0xff) | code);
    return size;
}

size_t utf8_valid_prefix(const char *text, size_t len)
{
    size_t pos = 0;
    while (pos < len) {
        /* Eight ASCII bytes at a time: most text is ASCII. */
        uint64_t word;
        while (len - pos >= sizeof word) {
            memcpy(&word, text + pos, sizeof word);
            if ((word & UINT64_C(0x8080808080808080)) != 0)
                break;
            pos += sizeof word;
        }
        while (pos < len && (unsigned char)text[pos] < 0x80)
            pos++;
        if (pos == len)
            break;
        uint32_t code;
        size_t size = utf8_decode(text + pos, len - pos, &code);
        if (size == 0)
            break;
        pos += size;
    }
    return pos;
}

size_t utf8_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

/* The bytes of what begins like a character and is none. */
static size_t broken_size(const char *text, size_t len)
{
    size_t size = 1;
    while ((unsigned char)text[0] >= 0xc0 && size < len && size < UTF8_BYTES_MAX &&
           ((unsigned char)text[size] & 0xc0) == 0x80)
        size++;
    return size;
}

int utf8_mend(const char *text, size_t len, struct buf *out)
{
    for (size_t pos = 0; pos < len;) {
        char bytes[UTF8_BYTES_MAX];
        size_t valid = utf8_valid_prefix(text + pos, len - pos);
        if (buf_append(out, text + pos, valid) != 0)
            return -1;
        pos += valid;
        if (pos == len)
            break;
        uint32_t code = 0, low = 0;
        size_t size = decode(text + pos, len - pos, &code);
        size_t more = size > 0 ? decode(text + pos + size, len - pos - size, &low) : 0;
        if (utf8_is_high(code) && more > 0 && utf8_is_low(low)) {
            code = utf8_join(code, low);
            size += more;
        } else {
            code = UTF8_REPLACEMENT;
            size = size > 0 ? size : broken_size(text + pos, len - pos);
        }
        pos += size;
        if (buf_append(out, bytes, utf8_encode(code, bytes)) != 0)
            return -1;
    }
    return 0;
}

void utf8_repair(char *text)
{
    size_t len = strlen(text);
    for (size_t pos = 0; (pos += utf8_valid_prefix(text + pos, len - pos)) < len;)
        text[pos] = '?';
}

size_t utf8_mark(const char *text, size_t len)
{
    static const char mark[] = {'\xef', '\xbb', '\xbf'};
    return len >= sizeof mark && memcmp(text, mark, sizeof mark) == 0 ? sizeof mark : 0;
}

const char *utf8_after(const char *text, const char *end, size_t count)
{
    uint64_t word;
    while (count > 0 && text < end) {
        if (count >= sizeof word && (size_t)(end - text) >= sizeof word &&
            (memcpy(&word, text, sizeof word), (word & UINT64_C(0x8080808080808080)) == 0)) {
            text += sizeof word; /* ASCII, as nearly all text */
            count -= sizeof word;
            continue;
        }
        for (text++; text < end && ((unsigned char)*text & 0xC0) == 0x80;)
            text++;
        count--;
    }
    return text;
}

#include "redact_match.h"

#include "ascii.h"
#include "utf8.h"

#include <string.h>

/* How a text is read. Each is deterministic, so that no pattern costs more than a few passes. */
#define READ_PERCENT 1u
#define READ_JSON    2u

struct unit {
    char bytes[UTF8_BYTES_MAX];
    size_t size;
    size_t used; /* bytes of the text */
};

/* FULL with the value of `digits` hex digits, PARTIAL when the text ends among them, or NO. */
static enum redact_match read_hex(const char *text, size_t len, size_t digits, uint32_t *value)
{
    *value = 0;
    for (size_t i = 0; i < digits; i++) {
        if (i == len)
            return MATCH_PARTIAL;
        int digit = ascii_hex_value(text[i]);
        if (digit < 0)
            return MATCH_NO;
        *value = *value << 4 | (uint32_t)digit;
    }
    return MATCH_FULL;
}

static enum redact_match read_percent(const char *text, size_t len, struct unit *unit)
{
    uint32_t value;
    enum redact_match match = read_hex(text + 1, len - 1, 2, &value);
    *unit = (struct unit){.bytes = {(char)value}, .size = 1, .used = 3};
    return match;
}

/* \uXXXX, and the two of them that make one character. */
static enum redact_match read_unicode(const char *text, size_t len, struct unit *unit)
{
    uint32_t code, low;
    enum redact_match match = read_hex(text + 2, len - 2, 4, &code);
    if (match != MATCH_FULL)
        return match;
    unit->used = 6;
    if (code >= 0xdc00 && code <= 0xdfff)
        return MATCH_NO;
    if (code >= 0xd800 && code < 0xdc00) {
        if (len < 8)
            return memcmp(text + 6, "\\u", len - 6) == 0 ? MATCH_PARTIAL : MATCH_NO;
        match = memcmp(text + 6, "\\u", 2) == 0 ? read_hex(text + 8, len - 8, 4, &low) : MATCH_NO;
        if (match != MATCH_FULL)
            return match;
        if (low < 0xdc00 || low > 0xdfff)
            return MATCH_NO;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        unit->used = 12;
    }
    unit->size = utf8_encode(code, unit->bytes);
    return MATCH_FULL;
}

static enum redact_match read_backslash(const char *text, size_t len, struct unit *unit)
{
    static const char names[] = "\"\\/'bfnrtav";
    static const char values[] = "\"\\/'\b\f\n\r\t\a\v";
    *unit = (struct unit){.size = 1, .used = 2};
    if (len < 2)
        return MATCH_PARTIAL;
    if (text[1] == 'u')
        return read_unicode(text, len, unit);
    if (text[1] == 'x') {
        uint32_t value;
        enum redact_match match = read_hex(text + 2, len - 2, 2, &value);
        unit->bytes[0] = (char)value;
        unit->used = 4;
        return match;
    }
    const char *name = text[1] != '\0' ? strchr(names, text[1]) : NULL;
    if (name == NULL)
        return MATCH_NO;
    unit->bytes[0] = values[name - names];
    return MATCH_FULL;
}

/* What stands at the beginning of text (not empty). PARTIAL: an escape that is cut off. */
static enum redact_match read_unit(const char *text, size_t len, unsigned reading, bool final,
                                   struct unit *unit)
{
    enum redact_match match = MATCH_NO;
    if (text[0] == '%' && (reading & READ_PERCENT) != 0)
        match = read_percent(text, len, unit);
    else if (text[0] == '\\' && (reading & READ_JSON) != 0)
        match = read_backslash(text, len, unit);
    if (match == MATCH_FULL || (match == MATCH_PARTIAL && !final))
        return match;
    *unit = (struct unit){.bytes = {text[0]}, .size = 1, .used = 1};
    return MATCH_FULL;
}

/* *escapes collects the readings for which something was there to read. */
static enum redact_match match_reading(const char *pattern, size_t pattern_len, const char *text,
                                       size_t len, bool final, unsigned reading, size_t *used,
                                       unsigned *escapes)
{
    size_t pos = 0;
    for (size_t i = 0; i < pattern_len;) {
        if (pos == len)
            return final ? MATCH_NO : MATCH_PARTIAL;
        if (text[pos] == '%' || text[pos] == '+')
            *escapes |= READ_PERCENT;
        else if (text[pos] == '\\')
            *escapes |= READ_JSON;
        struct unit unit;
        if (read_unit(text + pos, len - pos, reading, final, &unit) == MATCH_PARTIAL)
            return MATCH_PARTIAL;
        bool space = text[pos] == '+' && pattern[i] == ' ' && (reading & READ_PERCENT) != 0;
        if (!space &&
            (unit.size > pattern_len - i || memcmp(unit.bytes, pattern + i, unit.size) != 0))
            return MATCH_NO;
        i += unit.size;
        pos += unit.used;
    }
    *used = pos;
    return MATCH_FULL;
}

enum redact_match redact_match(const char *pattern, size_t pattern_len, const char *text,
                               size_t len, bool final, size_t *used)
{
    enum redact_match result = MATCH_NO;
    unsigned escapes = 0;
    *used = 0;
    for (unsigned reading = 0; reading <= (READ_PERCENT | READ_JSON); reading++) {
        size_t length = 0;
        if ((reading & ~escapes) != 0)
            continue;
        enum redact_match match =
            match_reading(pattern, pattern_len, text, len, final, reading, &length, &escapes);
        if (match == MATCH_PARTIAL)
            return MATCH_PARTIAL; /* it may become longer than what is found by now */
        if (match == MATCH_FULL) {
            result = MATCH_FULL;
            *used = length > *used ? length : *used;
        }
    }
    return result;
}

enum redact_match redact_match_first(const char *text, size_t len, bool final, unsigned char *byte)
{
    struct unit unit;
    if (text[0] == '+') {
        *byte = ' ';
        return MATCH_FULL;
    }
    if (read_unit(text, len, READ_PERCENT | READ_JSON, final, &unit) == MATCH_PARTIAL)
        return MATCH_PARTIAL;
    *byte = (unsigned char)unit.bytes[0];
    return unit.used > 1 ? MATCH_FULL : MATCH_NO;
}

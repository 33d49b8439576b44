#include "redact_escapes.h"

#include "ascii.h"

#include <string.h>

/* Digits of a numeric entity. */
#define ENTITY_DIGITS_MAX 7

static const struct {
    const char *name; /* with what ends it */
    const char *text;
} entities[] = {
    {"amp;", "&"},          {"lt;", "<"},
    {"gt;", ">"},           {"quot;", "\""},
    {"apos;", "'"},         {"AMP;", "&"},
    {"LT;", "<"},           {"GT;", ">"},
    {"QUOT;", "\""},        {"sol;", "/"},
    {"bsol;", "\\"},        {"grave;", "`"},
    {"equals;", "="},       {"plus;", "+"},
    {"num;", "#"},          {"percnt;", "%"},
    {"dollar;", "$"},       {"excl;", "!"},
    {"quest;", "?"},        {"ast;", "*"},
    {"lpar;", "("},         {"rpar;", ")"},
    {"lsqb;", "["},         {"rsqb;", "]"},
    {"lcub;", "{"},         {"rcub;", "}"},
    {"comma;", ","},        {"period;", "."},
    {"colon;", ":"},        {"semi;", ";"},
    {"commat;", "@"},       {"Hat;", "^"},
    {"lowbar;", "_"},       {"vert;", "|"},
    {"nbsp;", "\xc2\xa0"},  {"Tab;", "\t"},
    {"NewLine;", "\n"},     {"lbrack;", "["},
    {"rbrack;", "]"},       {"lbrace;", "{"},
    {"rbrace;", "}"},       {"midast;", "*"},
    {"verbar;", "|"},       {"UnderBar;", "_"},
    {"VerticalLine;", "|"}, {"DiacriticalGrave;", "`"},
};

/* FULL with the value of `digits` hex digits, PARTIAL when the text ends among them, or NO. */
static enum redact_match read_digits(const char *text, size_t len, size_t digits, uint32_t *value)
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

/* One byte in two hex digits, after `before` bytes. */
static enum redact_match read_byte(const char *text, size_t len, size_t before,
                                   struct redact_unit *unit)
{
    uint32_t value;
    enum redact_match match = read_digits(text + before, len - before, 2, &value);
    *unit = (struct redact_unit){.bytes = {(char)value}, .size = 1, .used = before + 2};
    return match;
}

/* \uXXXX, and the two of them that make one character. */
static enum redact_match read_unicode(const char *text, size_t len, struct redact_unit *unit)
{
    uint32_t code, low;
    enum redact_match match = read_digits(text + 2, len - 2, 4, &code);
    if (match != MATCH_FULL)
        return match;
    unit->used = 6;
    if (utf8_is_low(code))
        return MATCH_NO;
    if (utf8_is_high(code)) {
        if (len < 8)
            return memcmp(text + 6, "\\u", len - 6) == 0 ? MATCH_PARTIAL : MATCH_NO;
        match =
            memcmp(text + 6, "\\u", 2) == 0 ? read_digits(text + 8, len - 8, 4, &low) : MATCH_NO;
        if (match != MATCH_FULL)
            return match;
        if (!utf8_is_low(low))
            return MATCH_NO;
        code = utf8_join(code, low);
        unit->used = 12;
    }
    unit->size = utf8_encode(code, unit->bytes);
    return MATCH_FULL;
}

static enum redact_match read_backslash(const char *text, size_t len, struct redact_unit *unit)
{
    static const char names[] = "\"\\/'bfnrtav";
    static const char values[] = "\"\\/'\b\f\n\r\t\a\v";
    *unit = (struct redact_unit){.size = 1, .used = 2};
    if (len < 2)
        return MATCH_PARTIAL;
    if (text[1] == 'u')
        return read_unicode(text, len, unit);
    if (text[1] == 'x')
        return read_byte(text, len, 2, unit);
    const char *name = text[1] != '\0' ? strchr(names, text[1]) : NULL;
    if (name == NULL)
        return MATCH_NO;
    unit->bytes[0] = values[name - names];
    return MATCH_FULL;
}

/* After "&#": decimal, or hex after an x. */
static enum redact_match read_number(const char *text, size_t len, struct redact_unit *unit)
{
    size_t pos = 2;
    uint32_t base = 10, code = 0;
    if (pos < len && (text[pos] | 0x20) == 'x') {
        base = 16;
        pos++;
    }
    for (size_t digits = 0;; digits++, pos++) {
        if (pos == len)
            return MATCH_PARTIAL;
        int digit = ascii_hex_value(text[pos]);
        if (digits > 0 && text[pos] == ';')
            break;
        if (digit < 0 || (uint32_t)digit >= base || digits == ENTITY_DIGITS_MAX)
            return MATCH_NO;
        code = code * base + (uint32_t)digit;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return MATCH_NO;
    unit->used = pos + 1;
    unit->size = utf8_encode(code, unit->bytes);
    return MATCH_FULL;
}

static enum redact_match read_entity(const char *text, size_t len, struct redact_unit *unit)
{
    *unit = (struct redact_unit){0};
    if (len > 1 && text[1] == '#')
        return read_number(text, len, unit);
    if (len > 1 && !ascii_is_alnum(text[1]))
        return MATCH_NO;
    for (size_t i = 0; i < sizeof entities / sizeof *entities; i++) {
        if (len > 1 && text[1] != entities[i].name[0])
            continue;
        size_t size = strlen(entities[i].name), there = len - 1 < size ? len - 1 : size;
        if (memcmp(text + 1, entities[i].name, there) != 0)
            continue;
        if (there < size)
            return MATCH_PARTIAL;
        unit->used = 1 + size;
        unit->size = strlen(entities[i].text);
        memcpy(unit->bytes, entities[i].text, unit->size);
        return MATCH_FULL;
    }
    return MATCH_NO;
}

static enum redact_match read_doubled(const char *text, size_t len, struct redact_unit *unit)
{
    if (len < 2)
        return MATCH_PARTIAL;
    *unit = (struct redact_unit){.bytes = {text[0]}, .size = 1, .used = 2};
    return text[1] == text[0] ? MATCH_FULL : MATCH_NO;
}

enum redact_match redact_escapes_read(const char *text, size_t len, unsigned ways,
                                      struct redact_unit *unit)
{
    if ((ways & READ_HEX) != 0)
        return read_byte(text, len, 0, unit);
    if (text[0] == '%' && (ways & READ_PERCENT) != 0)
        return read_byte(text, len, 1, unit);
    if (text[0] == '\\' && (ways & READ_JSON) != 0)
        return read_backslash(text, len, unit);
    if (text[0] == '&' && (ways & READ_HTML) != 0)
        return read_entity(text, len, unit);
    if ((text[0] == '"' && (ways & READ_QUOTES) != 0) ||
        (text[0] == '\'' && (ways & READ_APOS) != 0))
        return read_doubled(text, len, unit);
    if (text[0] != '+' || (ways & READ_FORM) == 0)
        return MATCH_NO;
    *unit = (struct redact_unit){.bytes = " ", .size = 1, .used = 1};
    return MATCH_FULL;
}

#include "json_scan.h"

#include "ascii.h"
#include "decimal.h"
#include "utf8.h"

#include <limits.h>
#include <math.h>
#include <string.h>

#define CODE_LAST 0x10ffffu

/* Exactly `digits` hex digits at the reader's position, which passes them. */
static int scan_hex(struct json_reader *reader, int digits, uint32_t *value, struct err *err)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        int digit = reader->pos < reader->len ? ascii_hex_value(reader->text[reader->pos]) : -1;
        if (digit < 0)
            return json_reader_fail_expected(reader, err, "a hex digit of the escape");
        *value = *value << 4 | (uint32_t)digit;
        reader->pos++;
    }
    return 0;
}

/* After \u. A pair of surrogates is one character. */
static int scan_unicode(struct json_reader *reader, size_t start, uint32_t *code, struct err *err)
{
    if (scan_hex(reader, 4, code, err) != 0)
        return -1;
    if (!utf8_is_high(*code) && !utf8_is_low(*code))
        return 0;
    uint32_t low = 0;
    size_t after = reader->pos;
    if (utf8_is_high(*code) && reader->len - after >= 2 &&
        memcmp(reader->text + after, "\\u", 2) == 0) {
        reader->pos += 2;
        if (scan_hex(reader, 4, &low, err) != 0)
            return -1;
    }
    if (utf8_is_low(low)) {
        *code = utf8_join(*code, low);
        return 0;
    }
    if (!reader->mend)
        return json_reader_fail(reader, start, err,
                                "a surrogate (\\uD800 to \\uDFFF) without its other half");
    reader->pos = after; /* what follows stands for itself */
    *code = UTF8_REPLACEMENT;
    return 0;
}

/* What Python's repr writes beside JSON's own escapes. c is the character after the backslash. */
static int scan_python_escape(struct json_reader *reader, size_t start, char c, uint32_t *code,
                              struct err *err)
{
    switch (c) {
    case '\'':
        *code = '\'';
        return 0;
    case 'a':
        *code = '\a';
        return 0;
    case 'v':
        *code = '\v';
        return 0;
    case 'x':
        return scan_hex(reader, 2, code, err);
    case 'U':
        if (scan_hex(reader, 8, code, err) != 0)
            return -1;
        if (reader->mend && (utf8_is_high(*code) || utf8_is_low(*code)))
            *code = UTF8_REPLACEMENT;
        if (*code > CODE_LAST || utf8_is_high(*code) || utf8_is_low(*code))
            return json_reader_fail(reader, start, err, "the escape \\U does not name a character");
        return 0;
    default:
        *code = (uint32_t)(c - '0');
        for (int i = 0; i < 2 && reader->pos < reader->len; i++) {
            char digit = reader->text[reader->pos];
            if (digit < '0' || digit > '7')
                break;
            *code = *code << 3 | (uint32_t)(digit - '0');
            reader->pos++;
        }
        return 0;
    }
}

/* At the backslash. */
static int scan_escape(struct json_reader *reader, struct err *err)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    size_t start = reader->pos++;
    char c = reader->pos < reader->len ? reader->text[reader->pos] : '\0';
    const char *name = c != '\0' ? strchr(names, c) : NULL;
    uint32_t code = 0;
    int result = 0;
    if (name != NULL) {
        reader->pos++;
        code = (unsigned char)values[name - names];
    } else if (c == 'u') {
        reader->pos++;
        result = scan_unicode(reader, start, &code, err);
    } else if (reader->lenient && c != '\0' && strchr("'avxU01234567", c) != NULL) {
        reader->pos++;
        result = scan_python_escape(reader, start, c, &code, err);
    } else {
        return json_reader_fail_expected(reader, err, "an escape (one of \"\\/bfnrtu) after '\\'");
    }
    char bytes[UTF8_BYTES_MAX];
    return result != 0 ? -1 : buf_append(&reader->scratch, bytes, utf8_encode(code, bytes));
}

/* Where a run of characters that stand for themselves may end. */
static const bool may_end[UCHAR_MAX + 1] = {
    [0x00 ... 0x1f] = true, ['"'] = true, ['\''] = true, ['\\'] = true};

/* Lenient text may contain raw line feeds and tabs. */
static size_t run_end(const struct json_reader *reader, char quote)
{
    const char *text = reader->text;
    bool controls = reader->lenient || reader->mend;
    for (size_t at = reader->pos; at < reader->len; at++) {
        unsigned char c = (unsigned char)text[at];
        if (!may_end[c])
            continue;
        bool other_quote = c >= 0x20 && c != '\\' && c != (unsigned char)quote;
        bool control = c > 0 && c < 0x20;
        if (!other_quote && !(control && controls))
            return at;
    }
    return reader->len;
}

static void mend_scratch(struct json_reader *reader)
{
    struct buf mended;
    buf_create_secret(&mended, reader->scratch.limit);
    utf8_mend(reader->scratch.data, reader->scratch.len, &mended);
    buf_destroy(&reader->scratch);
    reader->scratch = mended;
}

int json_scan_string(struct json_reader *reader, struct json_token *token, struct err *err)
{
    size_t opening = reader->pos++;
    const char quote = reader->text[opening];
    reader->scratch.len = 0;
    for (;;) {
        size_t begin = reader->pos, end = run_end(reader, quote);
        reader->pos = end;
        if (end == reader->len)
            return json_reader_fail(reader, opening, err, "the string that begins here has no end");
        bool whole = reader->text[end] == quote && begin == opening + 1 && !reader->broken;
        if (whole) {
            reader->pos++;
            token->text = reader->text + begin;
            token->len = end - begin;
            return 0;
        }
        buf_append(&reader->scratch, reader->text + begin, end - begin);
        if (reader->text[end] == quote)
            break;
        if (reader->text[end] != '\\')
            return json_reader_fail(reader, end, err,
                                    "control character U+%04X in a string; write it as an escape",
                                    (unsigned char)reader->text[end]);
        if (scan_escape(reader, err) != 0)
            return -1;
    }
    reader->pos++;
    if (reader->broken)
        mend_scratch(reader);
    token->text = reader->scratch.data;
    token->len = reader->scratch.len;
    return 0;
}

/* One digit or more. */
static int skip_digits(struct json_reader *reader, const char *expected, struct err *err)
{
    size_t start = reader->pos;
    while (reader->pos < reader->len && reader->text[reader->pos] >= '0' &&
           reader->text[reader->pos] <= '9')
        reader->pos++;
    return reader->pos > start ? 0 : json_reader_fail_expected(reader, err, expected);
}

/* Moves past the number, by JSON's grammar. */
static int skip_number(struct json_reader *reader, bool *integer, struct err *err)
{
    size_t start = reader->pos;
    if (json_reader_peek(reader) == '-')
        reader->pos++;
    bool zero = json_reader_peek(reader) == '0';
    size_t digits = reader->pos;
    if (skip_digits(reader, "a digit after '-'", err) != 0)
        return -1;
    if (zero && reader->pos - digits > 1)
        return json_reader_fail(reader, start, err, "a number must not begin with a superfluous 0");
    if (zero && (json_reader_peek(reader) == 'x' || json_reader_peek(reader) == 'X'))
        return json_reader_fail(reader, start, err, "hexadecimal numbers are not JSON");
    *integer = true;
    if (json_reader_peek(reader) == '.') {
        *integer = false;
        reader->pos++;
        if (skip_digits(reader, "a digit after '.'", err) != 0)
            return -1;
    }
    if (json_reader_peek(reader) == 'e' || json_reader_peek(reader) == 'E') {
        *integer = false;
        reader->pos++;
        if (json_reader_peek(reader) == '+' || json_reader_peek(reader) == '-')
            reader->pos++;
        if (skip_digits(reader, "a digit of the exponent", err) != 0)
            return -1;
    }
    return 0;
}

/* False where it is beyond 64 bits. */
static bool read_integer(const struct json_reader *reader, size_t start, int64_t *value)
{
    bool negative = reader->text[start] == '-';
    int64_t sum = 0; /* summed as a negative number: the range has one more on that side */
    for (size_t i = start + negative; i < reader->pos; i++) {
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, reader->text[i] - '0', &sum))
            return false;
    }
    *value = sum;
    return negative || !__builtin_sub_overflow((int64_t)0, sum, value);
}

static int read_double(struct json_reader *reader, size_t start, struct json_token *token,
                       struct err *err)
{
    struct buf *scratch = &reader->scratch;
    scratch->len = 0;
    buf_append(scratch, reader->text + start, reader->pos - start);
    token->type = JSON_DOUBLE;
    token->number = decimal_parse(scratch->data);
    if (reader->mend) {
        token->text = scratch->data;
        token->len = scratch->len;
        return 0;
    }
    if (isinf(token->number))
        return json_reader_fail(reader, start, err,
                                "a number beyond the range of a double (1.8e308) cannot be read");
    const char *exponent = strpbrk(scratch->data, "eE");
    const char *digit = strpbrk(scratch->data, "123456789");
    if (token->number == 0 && digit != NULL && (exponent == NULL || digit < exponent))
        return json_reader_fail(reader, start, err,
                                "a number too near to 0 for a double (4.9e-324) cannot be read");
    return 0;
}

int json_scan_number(struct json_reader *reader, struct json_token *token, struct err *err)
{
    size_t start = reader->pos;
    bool integer = false;
    if (skip_number(reader, &integer, err) != 0)
        return -1;
    bool minus_zero = reader->pos - start == 2 && memcmp(reader->text + start, "-0", 2) == 0;
    if (!integer || minus_zero) /* no integer is -0 */
        return read_double(reader, start, token, err);
    token->type = JSON_INT;
    if (read_integer(reader, start, &token->integer))
        return 0;
    if (reader->mend)
        return read_double(reader, start, token, err);
    return json_reader_fail(
        reader, start, err,
        "an integer beyond 64 bits cannot be read exactly; send it as a string");
}

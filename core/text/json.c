#include "json.h"

#include "json_reader.h"
#include "mem.h"
#include "utf8.h"

#include <ctype.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* Latin-1 to UTF-8. No byte grows to more than two. */
static char *from_latin1(const char *text, size_t len, size_t *converted_len)
{
    char *out = mem_alloc(len * 2 + 1);
    size_t used = 0;
    for (size_t i = 0; i < len; i++) {
        char bytes[UTF8_BYTES_MAX];
        size_t size = utf8_encode((unsigned char)text[i], bytes);
        memcpy(out + used, bytes, size);
        used += size;
    }
    *converted_len = used;
    return out;
}

struct json_reader *json_reader_new(const char *text, size_t len,
                                    const struct json_options *options, struct err *err)
{
    static const struct json_options defaults;
    if (options == NULL)
        options = &defaults;
    size_t max_bytes = options->max_bytes > 0 ? options->max_bytes : JSON_BYTES_MAX;
    if (len > max_bytes) {
        err_set(err, ERR_INVALID, "JSON text of %zu bytes is over the limit of %zu bytes", len,
                max_bytes);
        return NULL;
    }
    struct json_reader *reader = mem_alloc(sizeof *reader);
    reader->text = text;
    reader->len = len;
    reader->lenient = options->lenient;
    reader->max_depth = JSON_DEPTH_MAX;
    if (options->max_depth > 0 && options->max_depth < JSON_DEPTH_MAX)
        reader->max_depth = options->max_depth;

    size_t valid = utf8_valid_prefix(text, len);
    if (valid < len && !reader->lenient) {
        json_fail_at(reader, valid, err, "expected UTF-8, found the byte 0x%02x",
                     (unsigned char)text[valid]);
        mem_free(reader);
        return NULL;
    }
    if (valid < len) {
        reader->converted = from_latin1(text, len, &reader->len);
        reader->text = reader->converted;
    }
    if (reader->lenient && reader->len >= 3 && memcmp(reader->text, BYTE_ORDER_MARK, 3) == 0)
        reader->pos = 3;
    /* No escape is shorter than what it stands for, so that no string outgrows the text. */
    buf_create_secret(&reader->scratch, reader->len);
    return reader;
}

void json_reader_free(struct json_reader *reader)
{
    if (reader == NULL)
        return;
    buf_destroy(&reader->scratch);
    if (reader->converted != NULL)
        sodium_memzero(reader->converted, reader->len);
    mem_free(reader->converted);
    mem_free(reader);
}

int json_fail_at(const struct json_reader *reader, size_t pos, struct err *err, const char *fmt,
                 ...)
{
    int line = 1, col = 1;
    for (size_t i = 0; i < pos && i < reader->len; i++) {
        if (reader->text[i] == '\n') {
            line++;
            col = 1;
        } else if (((unsigned char)reader->text[i] & 0xc0) != 0x80) {
            col++; /* columns count characters, not bytes */
        }
    }
    va_list args;
    va_start(args, fmt);
    err_vset(err, ERR_INVALID, fmt, args);
    va_end(args);
    return err_wrap(err, "invalid JSON at %d:%d", line, col);
}

int json_fail_expected(const struct json_reader *reader, struct err *err, const char *expected)
{
    /* One character and no more of the text: it may be part of a secret. */
    char found[32] = "the end of the text";
    uint32_t code;
    if (reader->pos < reader->len) {
        utf8_decode(reader->text + reader->pos, reader->len - reader->pos, &code);
        snprintf(found, sizeof found, code > 0x20 && code < 0x7f ? "'%c'" : "U+%04X", (int)code);
    }
    return json_fail_at(reader, reader->pos, err, "expected %s, found %s", expected, found);
}

static bool at(const struct json_reader *reader, const char *word)
{
    size_t len = strlen(word);
    return reader->len - reader->pos >= len && memcmp(reader->text + reader->pos, word, len) == 0;
}

static int skip_comment(struct json_reader *reader, struct err *err)
{
    size_t start = reader->pos;
    if (at(reader, "//")) {
        while (reader->pos < reader->len && reader->text[reader->pos] != '\n')
            reader->pos++;
        return 0;
    }
    for (reader->pos += 2; reader->pos < reader->len; reader->pos++) {
        if (at(reader, "*/")) {
            reader->pos += 2;
            return 0;
        }
    }
    return json_fail_at(reader, start, err, "the comment that begins here has no end");
}

static int skip_space(struct json_reader *reader, struct err *err)
{
    while (reader->pos < reader->len) {
        char c = reader->text[reader->pos];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            reader->pos++;
        else if (!reader->lenient || (!at(reader, "//") && !at(reader, "/*")))
            break;
        else if (skip_comment(reader, err) != 0)
            return -1;
    }
    return 0;
}

/* The character at the reader's position; at the end NUL, which no state expects either. */
static char peek(const struct json_reader *reader)
{
    return reader->pos < reader->len ? reader->text[reader->pos] : '\0';
}

static bool is_quote(const struct json_reader *reader, char c)
{
    return c == '"' || (reader->lenient && c == '\'');
}

/* At a quote, or at Python's u before one. */
static bool at_string(const struct json_reader *reader)
{
    if (is_quote(reader, peek(reader)))
        return true;
    return reader->lenient && (peek(reader) == 'u' || peek(reader) == 'U') &&
           reader->pos + 1 < reader->len && is_quote(reader, reader->text[reader->pos + 1]);
}

static int read_string(struct json_reader *reader, enum json_type type, struct json_token *token,
                       struct err *err)
{
    if (!is_quote(reader, peek(reader)))
        reader->pos++;
    if (json_scan_string(reader, err) != 0)
        return -1;
    token->type = type;
    token->text = reader->scratch.data;
    token->len = reader->scratch.len;
    return 0;
}

static bool read_word(struct json_reader *reader, struct json_token *token)
{
    static const struct {
        const char *word;
        bool lenient;
        enum json_type type;
        bool boolean;
    } words[] = {
        {"true", false, JSON_BOOL, true},  {"false", false, JSON_BOOL, false},
        {"null", false, JSON_NULL, false}, {"True", true, JSON_BOOL, true},
        {"False", true, JSON_BOOL, false}, {"None", true, JSON_NULL, false},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (words[i].lenient && !reader->lenient)
            continue;
        if (at(reader, words[i].word)) {
            reader->pos += strlen(words[i].word);
            token->type = words[i].type;
            token->boolean = words[i].boolean;
            return true;
        }
    }
    return false;
}

static int open_container(struct json_reader *reader, bool object, struct json_token *token,
                          struct err *err)
{
    if (reader->depth == reader->max_depth)
        return json_fail_at(reader, reader->pos, err, "nested deeper than %d levels",
                            reader->max_depth);
    reader->in_object[reader->depth++] = object;
    reader->pos++;
    reader->state = object ? STATE_FIRST_KEY : STATE_FIRST_ELEMENT;
    token->type = object ? JSON_OBJECT_BEGIN : JSON_ARRAY_BEGIN;
    return 0;
}

static void close_container(struct json_reader *reader, struct json_token *token)
{
    token->type = reader->in_object[--reader->depth] ? JSON_OBJECT_END : JSON_ARRAY_END;
    reader->pos++;
    reader->state = STATE_AFTER;
}

/* What other writers than JSON's make of values that are no numbers. */
static bool at_not_a_number(const struct json_reader *reader)
{
    static const char *const words[] = {"NaN", "nan", "Inf", "inf", "-Inf", "-inf"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (at(reader, words[i]))
            return true;
    }
    return false;
}

static int read_value(struct json_reader *reader, struct json_token *token, struct err *err)
{
    char c = peek(reader);
    const char *expected = reader->state == STATE_FIRST_ELEMENT ? "a value or ']'" : "a value";
    if (c == '{' || c == '[')
        return open_container(reader, c == '{', token, err);
    reader->state = STATE_AFTER;
    if (at_string(reader))
        return read_string(reader, JSON_STRING, token, err);
    if (at_not_a_number(reader))
        return json_fail_at(reader, reader->pos, err,
                            "NaN and Infinity are not values of JSON; send null instead");
    if (c == '-' || (c >= '0' && c <= '9'))
        return json_scan_number(reader, token, err);
    if (read_word(reader, token))
        return 0;
    return json_fail_expected(reader, err, expected);
}

static bool is_key_char(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '$' || c == '-' || (c & 0x80) != 0;
}

static int read_key(struct json_reader *reader, struct json_token *token, struct err *err)
{
    size_t start = reader->pos;
    if (at_string(reader)) {
        if (read_string(reader, JSON_KEY, token, err) != 0)
            return -1;
    } else if (reader->lenient && is_key_char(peek(reader))) {
        while (reader->pos < reader->len && is_key_char(reader->text[reader->pos]))
            reader->pos++;
        reader->scratch.len = 0;
        buf_append(&reader->scratch, reader->text + start, reader->pos - start);
        token->type = JSON_KEY;
        token->text = reader->scratch.data;
        token->len = reader->scratch.len;
    } else {
        return json_fail_expected(reader, err,
                                  reader->state == STATE_FIRST_KEY ? "a key in quotes or '}'"
                                                                   : "a key in quotes");
    }
    if (skip_space(reader, err) != 0)
        return -1;
    if (peek(reader) != ':')
        return json_fail_expected(reader, err, "':' after the key");
    reader->pos++;
    reader->state = STATE_VALUE;
    return 0;
}

/* After a value. 1: a token was made (an end); 0: a ',' was taken; -1. */
static int read_after(struct json_reader *reader, struct json_token *token, struct err *err)
{
    if (reader->depth == 0 && reader->pos < reader->len)
        return json_fail_expected(reader, err, "the end of the text");
    if (reader->depth == 0) {
        token->type = JSON_END;
        return 1;
    }
    bool object = reader->in_object[reader->depth - 1];
    char c = peek(reader);
    if (c == (object ? '}' : ']')) {
        close_container(reader, token);
        return 1;
    }
    if (c != ',')
        return json_fail_expected(reader, err, object ? "',' or '}'" : "',' or ']'");
    reader->pos++;
    reader->state = object ? STATE_KEY : STATE_ELEMENT;
    return 0;
}

static int next(struct json_reader *reader, struct json_token *token, struct err *err)
{
    if (skip_space(reader, err) != 0)
        return -1;
    if (reader->state == STATE_AFTER) {
        int made = read_after(reader, token, err);
        if (made != 0)
            return made > 0 ? 0 : -1;
        if (skip_space(reader, err) != 0)
            return -1;
    }
    char c = peek(reader);
    bool may_end = reader->lenient; /* a trailing comma */
    switch (reader->state) {
    case STATE_FIRST_ELEMENT:
        may_end = true;
        /* fall through */
    case STATE_ELEMENT:
        if (c == ']' && may_end) {
            close_container(reader, token);
            return 0;
        }
        return read_value(reader, token, err);
    case STATE_FIRST_KEY:
        may_end = true;
        /* fall through */
    case STATE_KEY:
        if (c == '}' && may_end) {
            close_container(reader, token);
            return 0;
        }
        return read_key(reader, token, err);
    default:
        return read_value(reader, token, err);
    }
}

int json_next(struct json_reader *reader, struct json_token *token, struct err *err)
{
    *token = (struct json_token){.type = JSON_END};
    if (reader->state == STATE_FAILED)
        return json_fail_at(reader, reader->pos, err, "reading went on after an error");
    if (next(reader, token, err) == 0)
        return 0;
    reader->state = STATE_FAILED;
    return -1;
}

bool json_utf8_valid(const char *text, size_t len)
{
    return utf8_valid_prefix(text, len) == len;
}

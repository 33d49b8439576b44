#include "json.h"

#include "json_reader.h"
#include "json_scan.h"
#include "utf8.h"

#include <ctype.h>
#include <string.h>

static bool at(const struct json_reader *reader, const char *word)
{
    if (json_reader_peek(reader) != word[0])
        return false;
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
    return json_reader_fail(reader, start, err, "the comment that begins here has no end");
}

static int skip_spaces(struct json_reader *reader, struct err *err)
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

/* Mostly there is none. */
static inline int skip_space(struct json_reader *reader, struct err *err)
{
    char c = json_reader_peek(reader);
    return c > ' ' && c != '/' ? 0 : skip_spaces(reader, err);
}

static bool is_quote(const struct json_reader *reader, char c)
{
    return c == '"' || (reader->lenient && c == '\'');
}

/* At a quote, or at Python's u before one. */
static bool at_string(const struct json_reader *reader)
{
    char c = json_reader_peek(reader);
    if (is_quote(reader, c))
        return true;
    return reader->lenient && (c == 'u' || c == 'U') && reader->pos + 1 < reader->len &&
           is_quote(reader, reader->text[reader->pos + 1]);
}

static int read_string(struct json_reader *reader, enum json_type type, struct json_token *token,
                       struct err *err)
{
    if (!is_quote(reader, json_reader_peek(reader)))
        reader->pos++;
    token->type = type;
    return json_scan_string(reader, token, err);
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
        return json_reader_fail(reader, reader->pos, err, "nested deeper than %d levels",
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

/* How some writers spell values that are not numbers. */
static bool at_not_a_number(const struct json_reader *reader)
{
    static const char *const words[] = {"NaN", "nan", "Inf", "inf", "-Inf", "-inf"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (at(reader, words[i]))
            return true;
    }
    return false;
}

/* With mend its name, as a text. */
static int read_not_a_number(struct json_reader *reader, struct json_token *token, struct err *err)
{
    size_t start = reader->pos;
    if (!reader->mend)
        return json_reader_fail(reader, start, err,
                                "NaN and Infinity are not values of JSON; send null instead");
    while (json_reader_peek(reader) == '-' || isalpha((unsigned char)json_reader_peek(reader)))
        reader->pos++;
    reader->scratch.len = 0;
    buf_append(&reader->scratch, reader->text + start, reader->pos - start);
    *token = (struct json_token){
        .type = JSON_STRING, .text = reader->scratch.data, .len = reader->scratch.len};
    return 0;
}

static int read_value(struct json_reader *reader, struct json_token *token, struct err *err)
{
    char c = json_reader_peek(reader);
    const char *expected = reader->state == STATE_FIRST_ELEMENT ? "a value or ']'" : "a value";
    if (c == '{' || c == '[')
        return open_container(reader, c == '{', token, err);
    reader->state = STATE_AFTER;
    if (at_string(reader))
        return read_string(reader, JSON_STRING, token, err);
    if (c >= '0' && c <= '9')
        return json_scan_number(reader, token, err);
    if (read_word(reader, token))
        return 0;
    if (at_not_a_number(reader))
        return read_not_a_number(reader, token, err);
    if (c == '-')
        return json_scan_number(reader, token, err);
    return json_reader_fail_expected(reader, err, expected);
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
    } else if (reader->lenient && is_key_char(json_reader_peek(reader))) {
        while (reader->pos < reader->len && is_key_char(reader->text[reader->pos]))
            reader->pos++;
        reader->scratch.len = 0;
        buf_append(&reader->scratch, reader->text + start, reader->pos - start);
        token->type = JSON_KEY;
        token->text = reader->scratch.data;
        token->len = reader->scratch.len;
    } else {
        return json_reader_fail_expected(reader, err,
                                         reader->state == STATE_FIRST_KEY ? "a key in quotes or '}'"
                                                                          : "a key in quotes");
    }
    if (skip_space(reader, err) != 0)
        return -1;
    if (json_reader_peek(reader) != ':')
        return json_reader_fail_expected(reader, err, "':' after the key");
    reader->pos++;
    reader->state = STATE_VALUE;
    return 0;
}

/* After a value. 1: a token was made (an end); 0: a ',' was taken; -1. */
static int read_after(struct json_reader *reader, struct json_token *token, struct err *err)
{
    if (reader->depth == 0 && reader->pos < reader->len)
        return json_reader_fail_expected(reader, err, "the end of the text");
    if (reader->depth == 0) {
        token->type = JSON_END;
        return 1;
    }
    bool object = reader->in_object[reader->depth - 1];
    char c = json_reader_peek(reader);
    if (c == (object ? '}' : ']')) {
        close_container(reader, token);
        return 1;
    }
    if (c != ',')
        return json_reader_fail_expected(reader, err, object ? "',' or '}'" : "',' or ']'");
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
    char c = json_reader_peek(reader);
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
        return json_reader_fail(reader, reader->pos, err, "reading went on after an error");
    if (next(reader, token, err) == 0)
        return 0;
    reader->state = STATE_FAILED;
    return -1;
}

bool json_utf8_valid(const char *text, size_t len)
{
    return utf8_valid_prefix(text, len) == len;
}

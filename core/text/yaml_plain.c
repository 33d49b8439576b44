/* One pass, in which no byte is looked at more than a few times. Wherever libyaml might see it
 * otherwise the answer is false: only what is certain is read here. */
#include "yaml_plain.h"

#include <string.h>

#define COLUMN_MAX 1000 /* keys, and comments that may cut a value, end before it */

struct reader {
    const char *at, *end;
    const char *start; /* of the line */
    int line;          /* from 1 */
    int column;        /* where the content of the line begins, from 0; -1: the text's end */
    yaml_plain_fn *fn;
    void *arg;
};

static bool is_word(char c)
{
    char lower = (char)(c | ' ');
    return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* What begins nothing and ends nothing, in a key and in a flow, once a text has begun. */
static bool is_text(char c)
{
    return is_word(c) || c == '-' || c == '.' || c == '/';
}

static bool at_line_end(const struct reader *reader, const char *p)
{
    return p == reader->end || *p == '\n';
}

static bool at_blank(const struct reader *reader, const char *p)
{
    return at_line_end(reader, p) || *p == ' ';
}

static bool is_at(const struct reader *reader, char c)
{
    return reader->at < reader->end && *reader->at == c;
}

static void skip_spaces(struct reader *reader)
{
    while (is_at(reader, ' '))
        reader->at++;
}

static void skip_to_line_end(struct reader *reader)
{
    const char *newline = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
    reader->at = newline != NULL ? newline : reader->end;
}

static struct yaml_part part_at(const struct reader *reader, enum yaml_part_kind kind,
                                const char *place)
{
    return (struct yaml_part){
        .kind = kind, .line = reader->line, .col = (int)(place - reader->start) + 1};
}

static bool tell(const struct reader *reader, enum yaml_part_kind kind)
{
    struct yaml_part part = part_at(reader, kind, reader->at);
    return reader->fn(reader->arg, &part);
}

/* From `at` up to there; then it is behind it. */
static bool tell_plain(struct reader *reader, const char *to, bool cut)
{
    struct yaml_part part = part_at(reader, YAML_PART_SCALAR, reader->at);
    part.text = reader->at;
    part.len = (size_t)(to - reader->at);
    part.plain = true;
    part.cut = cut;
    reader->at = to;
    return reader->fn(reader->arg, &part);
}

static bool tell_quoted(struct reader *reader)
{
    struct yaml_part part = part_at(reader, YAML_PART_SCALAR, reader->at);
    char quote = *reader->at++;
    part.text = reader->at;
    while (!is_at(reader, quote)) {
        if (at_line_end(reader, reader->at) || (quote == '"' && *reader->at == '\\'))
            return false;
        reader->at++;
    }
    part.len = (size_t)(reader->at - part.text);
    reader->at++;
    return !(quote == '\'' && is_at(reader, quote)) && reader->fn(reader->arg, &part);
}

/* To the first content from here on, which is a line's start or end. */
static void find_content(struct reader *reader)
{
    for (reader->start = reader->at;; reader->start = ++reader->at, reader->line++) {
        skip_spaces(reader);
        if (is_at(reader, '#'))
            skip_to_line_end(reader);
        if (reader->at == reader->end)
            break;
        if (*reader->at != '\n') {
            reader->column = (int)(reader->at - reader->start);
            return;
        }
    }
    reader->column = -1;
}

/* Past spaces and a comment, which is all that may follow in the line, to the next content. */
static bool finish_line(struct reader *reader)
{
    const char *from = reader->at;
    skip_spaces(reader);
    if (!at_line_end(reader, reader->at) && (*reader->at != '#' || reader->at == from))
        return false;
    skip_to_line_end(reader);
    find_content(reader);
    return true;
}

/* As comment_follows of yaml.c. */
static bool comment_follows(const struct reader *reader, const char *from)
{
    const char *p = from;
    while (p < reader->end && *p == ' ')
        p++;
    return p > from && reader->end - p > 1 && *p == '#' && strchr(" \n#-=", p[1]) == NULL;
}

/* Where the plain key at `at` ends; NULL: no such key. */
static const char *key_end(const struct reader *reader)
{
    const char *p = reader->at;
    if (p == reader->end || !is_word(*p))
        return NULL;
    while (p < reader->end && is_text(*p))
        p++;
    bool found = p < reader->end && *p == ':' && at_blank(reader, p + 1);
    return found && p - reader->start < COLUMN_MAX ? p : NULL;
}

/* ---- flow collections, which end in their line ---- */

static bool flow_plain(struct reader *reader)
{
    const char *p = reader->at;
    if (!is_word(*p) && *p != '/' && *p != '.' &&
        !(*p == '-' && p + 1 < reader->end && is_word(p[1])))
        return false;
    while (p < reader->end &&
           (is_text(*p) || ((*p == ' ' || *p == ':') && p + 1 < reader->end && is_text(p[1]))))
        p++;
    return tell_plain(reader, p, false);
}

static bool flow_value(struct reader *reader);

static bool flow_pair(struct reader *reader)
{
    const char *from = reader->at, *end = key_end(reader);
    bool in_quotes = is_at(reader, '"') || is_at(reader, '\'');
    if (in_quotes ? !tell_quoted(reader) : end == NULL || !tell_plain(reader, end, false))
        return false;
    if (!is_at(reader, ':') || reader->at - from >= COLUMN_MAX)
        return false;
    reader->at++;
    skip_spaces(reader);
    return flow_value(reader);
}

static bool flow_collection(struct reader *reader)
{
    bool mapping = *reader->at == '{';
    char closing = mapping ? '}' : ']';
    if (!tell(reader, mapping ? YAML_PART_MAPPING : YAML_PART_SEQUENCE))
        return false;
    reader->at++;
    skip_spaces(reader);
    for (bool more = !is_at(reader, closing); more;) {
        if (!(mapping ? flow_pair(reader) : flow_value(reader)))
            return false;
        skip_spaces(reader);
        more = is_at(reader, ',');
        reader->at += more;
        skip_spaces(reader);
    }
    if (!is_at(reader, closing))
        return false;
    reader->at++;
    return tell(reader, YAML_PART_END);
}

static bool flow_value(struct reader *reader)
{
    if (is_at(reader, '[') || is_at(reader, '{'))
        return flow_collection(reader);
    if (is_at(reader, '"') || is_at(reader, '\''))
        return tell_quoted(reader);
    return reader->at < reader->end && flow_plain(reader);
}

/* ---- blocks ---- */

static bool block_plain(struct reader *reader)
{
    const char *p = reader->at, *last = p; /* behind the last character that is no space */
    if (strchr("?:,]}#&*!|>%@`", *p) != NULL || (*p == '-' && at_blank(reader, p + 1)))
        return false;
    for (; !at_line_end(reader, p); p++) {
        if (*p == ' ')
            continue;
        if (*p == '#' && p > last)
            break;
        if (*p == ':' && at_blank(reader, p + 1))
            return false;
        last = p + 1;
    }
    if (!at_line_end(reader, p) && last - reader->start >= COLUMN_MAX)
        return false;
    return tell_plain(reader, last, comment_follows(reader, last));
}

/* What stands in the line, and the rest of it. A line further right would go on with it. */
static bool inline_value(struct reader *reader, int column)
{
    char c = *reader->at;
    bool flow = c == '[' || c == '{' || c == '"' || c == '\'';
    return (flow ? flow_value(reader) : block_plain(reader)) && finish_line(reader) &&
           reader->column <= column;
}

static bool block(struct reader *reader);

static bool is_entry(const struct reader *reader)
{
    return is_at(reader, '-') && at_blank(reader, reader->at + 1);
}

/* Of a key at that column, whose colon is passed. */
static bool block_value(struct reader *reader, int column)
{
    struct yaml_part nothing = part_at(reader, YAML_PART_SCALAR, reader->at);
    nothing.text = reader->at;
    nothing.plain = true;
    nothing.cut = comment_follows(reader, reader->at);
    skip_spaces(reader);
    if (!at_line_end(reader, reader->at) && *reader->at != '#')
        return inline_value(reader, column);
    skip_to_line_end(reader);
    find_content(reader);
    if (reader->column > column || (reader->column == column && is_entry(reader)))
        return block(reader) && reader->column <= column;
    return reader->fn(reader->arg, &nothing);
}

static bool block_mapping(struct reader *reader, int column)
{
    if (!tell(reader, YAML_PART_MAPPING))
        return false;
    do {
        const char *end = key_end(reader);
        if (end == NULL || !tell_plain(reader, end, false))
            return false;
        reader->at++;
        if (!block_value(reader, column))
            return false;
    } while (reader->column == column);
    return tell(reader, YAML_PART_END);
}

/* Behind "- ". */
static bool block_item(struct reader *reader, int column)
{
    skip_spaces(reader);
    if (at_line_end(reader, reader->at) || *reader->at == '#') {
        skip_to_line_end(reader);
        find_content(reader);
        return reader->column > column && block(reader) && reader->column <= column;
    }
    if (!is_entry(reader) && key_end(reader) == NULL)
        return inline_value(reader, column);
    reader->column = (int)(reader->at - reader->start);
    return block(reader) && reader->column <= column;
}

static bool block_sequence(struct reader *reader, int column)
{
    if (!tell(reader, YAML_PART_SEQUENCE))
        return false;
    do {
        reader->at++;
        if (!block_item(reader, column))
            return false;
    } while (reader->column == column && is_entry(reader));
    return tell(reader, YAML_PART_END);
}

/* Of the content that `column` says. Recursion ends as fn wants no deeper levels. */
static bool block(struct reader *reader)
{
    int column = reader->column;
    return is_entry(reader) ? block_sequence(reader, column) : block_mapping(reader, column);
}

/* Tabs, and line breaks other than one newline. */
static bool has_oddities(const char *text, size_t len)
{
    static const char *const breaks[] = {"\xC2\x85", "\xE2\x80\xA8", "\xE2\x80\xA9"};
    bool found = memchr(text, '\t', len) != NULL || memchr(text, '\r', len) != NULL;
    for (size_t i = 0; i < sizeof breaks / sizeof *breaks && !found; i++)
        found = memmem(text, len, breaks[i], strlen(breaks[i])) != NULL;
    return found;
}

bool yaml_plain_read(const char *text, size_t len, yaml_plain_fn *fn, void *arg)
{
    struct reader reader = {.at = text, .end = text + len, .line = 1, .fn = fn, .arg = arg};
    if (has_oddities(text, len))
        return false;
    find_content(&reader);
    return reader.column >= 0 && block(&reader) && reader.column < 0;
}

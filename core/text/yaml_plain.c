/* One pass, in which no byte is looked at more than a few times. Wherever libyaml might see it
 * otherwise the answer is false: only what is certain is read here. */
#include "yaml_plain.h"

#include "mem.h"
#include "yaml_keys.h"

#include <string.h>

#define COLUMN_MAX 1000 /* keys, and comments that may cut a value, end before it */

/* One level of the tree while it grows: of a mapping, keys and values in turn. */
struct level {
    struct yaml_node *node;
    size_t first; /* of its children among those that wait */
};

struct reader {
    const char *at, *end; /* in a copy of the text, which becomes the scalars' */
    const char *start;    /* of the line */
    int line;             /* from 1 */
    int column;           /* where the content of the line begins, from 0; -1: the text's end */
    char *text;           /* the copy */
    size_t ended;         /* where a NUL belongs behind the last scalar, once that was read */
    struct arena *arena;
    struct yaml_node **waiting; /* for their parent to end */
    size_t nwaiting, room;
    size_t total;
    struct level levels[YAML_DEPTH_MAX];
    int depth;
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

/* ---- the tree ---- */

/* At `at`. NULL: too many. */
static struct yaml_node *add_node(struct reader *reader, enum yaml_kind kind)
{
    if (reader->total == YAML_NODES_MAX)
        return NULL;
    reader->total++;
    if (reader->nwaiting == reader->room) {
        reader->room = reader->room > 0 ? 2 * reader->room : 64;
        reader->waiting = mem_realloc(reader->waiting, reader->room * sizeof *reader->waiting);
    }
    struct yaml_node *node = arena_alloc(reader->arena, sizeof *node);
    node->kind = kind;
    node->line = reader->line;
    node->col = (int)(reader->at - reader->start) + 1;
    reader->waiting[reader->nwaiting++] = node;
    return node;
}

static bool open_level(struct reader *reader, enum yaml_kind kind)
{
    struct yaml_node *node = add_node(reader, kind);
    if (node == NULL || reader->depth == YAML_DEPTH_MAX)
        return false;
    reader->levels[reader->depth++] = (struct level){node, reader->nwaiting};
    return true;
}

static bool close_level(struct reader *reader)
{
    const struct level *level = &reader->levels[--reader->depth];
    struct yaml_node *node = level->node;
    size_t count = reader->nwaiting - level->first;
    size_t size = count * sizeof *reader->waiting;
    bool mapping = node->kind == YAML_MAPPING;
    void *children = count > 0 ? arena_alloc(reader->arena, size) : NULL;
    if (count > 0)
        memcpy(children, reader->waiting + level->first, size); /* a pair: two of them */
    reader->nwaiting = level->first;
    if (mapping)
        node->pairs = children;
    else
        node->items = children;
    node->count = mapping ? count / 2 : count;
    return !mapping || !yaml_keys_repeat(node);
}

/* Its text is from there to there. The NUL behind the one before is written now. */
static bool set_text(struct reader *reader, struct yaml_node *node, const char *from,
                     const char *to)
{
    if (node == NULL)
        return false;
    reader->text[reader->ended] = '\0';
    reader->ended = (size_t)(to - reader->text);
    node->text = reader->text + (from - reader->text);
    node->len = (size_t)(to - from);
    return true;
}

/* From `at` up to there; then it is behind it. */
static bool add_plain(struct reader *reader, const char *to, bool cut)
{
    struct yaml_node *node = add_node(reader, YAML_SCALAR);
    bool added = set_text(reader, node, reader->at, to);
    if (added) {
        node->plain = true;
        node->cut = cut;
    }
    reader->at = to;
    return added;
}

static bool add_quoted(struct reader *reader)
{
    struct yaml_node *node = add_node(reader, YAML_SCALAR);
    char quote = *reader->at++;
    const char *from = reader->at;
    while (!is_at(reader, quote)) {
        if (at_line_end(reader, reader->at) || (quote == '"' && *reader->at == '\\'))
            return false;
        reader->at++;
    }
    const char *to = reader->at++;
    return !(quote == '\'' && is_at(reader, quote)) && set_text(reader, node, from, to);
}

/* ---- lines ---- */

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
    return add_plain(reader, p, false);
}

static bool flow_value(struct reader *reader);

static bool flow_pair(struct reader *reader)
{
    const char *from = reader->at, *end = key_end(reader);
    bool in_quotes = is_at(reader, '"') || is_at(reader, '\'');
    if (in_quotes ? !add_quoted(reader) : end == NULL || !add_plain(reader, end, false))
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
    if (!open_level(reader, mapping ? YAML_MAPPING : YAML_SEQUENCE))
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
    return close_level(reader);
}

static bool flow_value(struct reader *reader)
{
    if (is_at(reader, '[') || is_at(reader, '{'))
        return flow_collection(reader);
    if (is_at(reader, '"') || is_at(reader, '\''))
        return add_quoted(reader);
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
    return add_plain(reader, last, comment_follows(reader, last));
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
    const char *colon_end = reader->at;
    int line = reader->line, col = (int)(colon_end - reader->start) + 1;
    bool cut = comment_follows(reader, colon_end);
    skip_spaces(reader);
    if (!at_line_end(reader, reader->at) && *reader->at != '#')
        return inline_value(reader, column);
    skip_to_line_end(reader);
    find_content(reader);
    if (reader->column > column || (reader->column == column && is_entry(reader)))
        return block(reader) && reader->column <= column;
    struct yaml_node *nothing = add_node(reader, YAML_SCALAR);
    if (!set_text(reader, nothing, colon_end, colon_end))
        return false;
    nothing->line = line;
    nothing->col = col;
    nothing->plain = true;
    nothing->cut = cut;
    return true;
}

static bool block_mapping(struct reader *reader, int column)
{
    if (!open_level(reader, YAML_MAPPING))
        return false;
    do {
        const char *end = key_end(reader);
        if (end == NULL || !add_plain(reader, end, false))
            return false;
        reader->at++;
        if (!block_value(reader, column))
            return false;
    } while (reader->column == column);
    return close_level(reader);
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
    if (!open_level(reader, YAML_SEQUENCE))
        return false;
    do {
        reader->at++;
        if (!block_item(reader, column))
            return false;
    } while (reader->column == column && is_entry(reader));
    return close_level(reader);
}

/* Of the content that `column` says. */
static bool block(struct reader *reader)
{
    int column = reader->column;
    return is_entry(reader) ? block_sequence(reader, column) : block_mapping(reader, column);
}

static bool has(const char *text, size_t len, const char *what)
{
    const char *end = text + len;
    size_t size = strlen(what);
    while ((text = memchr(text, what[0], (size_t)(end - text))) != NULL) {
        if ((size_t)(end - text) >= size && memcmp(text, what, size) == 0)
            return true;
        text++;
    }
    return false;
}

/* Tabs, and line breaks other than one newline. */
static bool has_oddities(const char *text, size_t len)
{
    return has(text, len, "\t") || has(text, len, "\r") || has(text, len, "\xC2\x85") ||
           has(text, len, "\xE2\x80\xA8") || has(text, len, "\xE2\x80\xA9");
}

struct yaml_node *yaml_plain_read(const char *text, size_t len, struct arena *arena)
{
    if (has_oddities(text, len))
        return NULL;
    char *copy = arena_text(arena, text, len);
    struct reader reader = {
        .at = copy, .end = copy + len, .line = 1, .text = copy, .ended = len, .arena = arena};
    find_content(&reader);
    bool read = reader.column >= 0 && block(&reader) && reader.column < 0;
    struct yaml_node *root = read ? reader.waiting[0] : NULL;
    copy[reader.ended] = '\0';
    mem_free(reader.waiting);
    return root;
}

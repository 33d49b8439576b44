#include "yaml.h"

#include "arena.h"
#include "mem.h"
#include "utf8.h"
#include "yaml_pairs.h"

#include <libyaml.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANCHORS_MAX 1000
#define FEW_KEYS    16

/* A node, and what is needed of it while the tree grows. */
struct item {
    struct yaml_node node; /* first: items and nodes are cast into each other */
    size_t total;          /* nodes in it, aliases counted each time they are used */
    int height;            /* levels below it */
    bool open;             /* its end has not been seen */
};

struct yaml_doc {
    struct arena arena; /* for a large text, most of the time would otherwise be malloc and free */
    struct yaml_node *root;
};

struct frame {
    struct item *item;
    struct yaml_node *key; /* mapping: waiting for its value; NULL: none */
    bool drop;             /* mapping: the next value belongs to a key that was refused */
};

struct builder {
    yaml_parser_t parser;
    const char *file;
    const char *text;
    size_t len;
    struct problems *problems;
    struct yaml_doc *doc;
    struct frame frames[YAML_DEPTH_MAX];
    int depth;
    const char *place; /* where comment_follows is, and how many characters are before it */
    size_t index;
    size_t total;
    struct anchor {
        char *name;
        struct item *item;
    } * anchors;
    size_t nanchors;
    int documents;
};

static int refuse(struct builder *builder, yaml_mark_t mark, const char *what)
{
    problems_add(builder->problems, builder->file, (int)mark.line + 1, (int)mark.column + 1, "%s",
                 what);
    return -1;
}

static void refuse_node(struct builder *builder, const struct yaml_node *node, const char *what)
{
    problems_add(builder->problems, builder->file, node->line, node->col, "%s", what);
}

/* The byte at a line and column (libyaml counts characters; what is asked for is ASCII). */
static char byte_at(const struct builder *builder, size_t line, size_t column)
{
    const char *p = builder->text, *end = p + builder->len;
    for (; line > 0 && p < end; p++)
        line -= *p == '\n';
    for (; column > 0 && p < end; p++)
        column -= p + 1 == end || ((unsigned char)p[1] & 0xC0) != 0x80;
    return p < end ? *p : '\0';
}

#define LOOK_BACK          3    /* lines: what libyaml says may be of a later one */
#define COMMENT_COLUMN_MAX 1000 /* further right none is looked for */

#define CANNOT_START "found character that cannot start any token"

/* Clearer messages for libyaml's usual errors. */
static const struct {
    const char *theirs;
    const char *ours;
} wordings[] = {
    {"did not find expected key", "expected a key here; check the indentation and the quotes"},
    {"did not find expected '-' indicator", "expected '- ' here; check the indentation"},
    {"mapping values are not allowed in this context",
     "a key cannot stand here; check the indentation, and quote text that holds ': '"},
    {"could not find expected ':'", "expected ': ' after the key"},
    {"did not find expected alphabetic or numeric character",
     "'*' or '&' at the beginning names another value; quote the text"},
    {CANNOT_START, "a value cannot start with this character; quote the text"},
    {"found unexpected end of stream", "the file ends inside a quoted text"},
    {"did not find expected node content", "expected a value here"},
    {"did not find expected ',' or ']'", "expected ',' or ']' in the list"},
    {"found invalid Unicode character escape code",
     "this escape names no character: it is half of a surrogate pair, or beyond 10FFFF"},
    {"did not find expected ',' or '}'", "expected ',' or '}' in the mapping"},
    {"block sequence entries are not allowed in this context",
     "a list cannot start here; put '- ' on a line of its own"},
};

/* A no-break space looks like a space, and is a letter for YAML. One in the place of a space, at
 * the begin of a line or behind a ':' or '-', is the cause of an error in its own line or in one of
 * the next; false: there is none. */
static bool find_no_break_space(const struct builder *builder, yaml_mark_t *mark)
{
    size_t first = mark->line > LOOK_BACK ? mark->line - LOOK_BACK : 0;
    const char *p = builder->text, *end = p + builder->len;
    yaml_mark_t at = {0};
    bool expected = true; /* a space */
    for (; p < end && at.line <= mark->line; p++) {
        if (at.line >= first && expected && end - p > 1 && memcmp(p, "\xC2\xA0", 2) == 0) {
            *mark = at;
            return true;
        }
        at.column += ((unsigned char)*p & 0xC0) != 0x80;
        if (*p == '\n') {
            at.line++;
            at.column = 0;
        }
        expected = *p == '\n' || *p == ':' || *p == '-' || (expected && *p == ' ');
    }
    return false;
}

static int syntax_problem(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    const char *problem = parser->problem != NULL ? parser->problem : "invalid YAML";
    yaml_mark_t mark = parser->problem_mark;
    if (parser->error == YAML_MEMORY_ERROR)
        return refuse(builder, parser->mark, "there is not enough memory to read on from here");
    if (strcmp(problem, CANNOT_START) == 0 && byte_at(builder, mark.line, mark.column) == '@')
        return refuse(builder, mark, "a value cannot start with '@'; quote the text");
    if (byte_at(builder, mark.line, mark.column) == '\t' || strstr(problem, "tab character"))
        return refuse(builder, mark, "a tab cannot be used for indentation; use spaces");
    if (find_no_break_space(builder, &mark))
        return refuse(builder, mark,
                      "a no-break space (U+00A0), as web pages have it; type a space");
    for (size_t i = 0; i < sizeof wordings / sizeof *wordings; i++) {
        if (strcmp(problem, wordings[i].theirs) == 0)
            problem = wordings[i].ours;
    }
    const char *context = parser->context != NULL ? parser->context : "";
    char message[256];
    if ((strstr(context, "quoted") || strstr(context, "flow")) &&
        parser->context_mark.line != mark.line)
        snprintf(message, sizeof message, "%s that starts at line %d", problem,
                 (int)parser->context_mark.line + 1);
    else
        snprintf(message, sizeof message, "%s", problem);
    return refuse(builder, mark, message);
}

static struct item *add_item(struct builder *builder, enum yaml_kind kind, yaml_mark_t mark)
{
    struct item *item = arena_alloc(&builder->doc->arena, sizeof *item);
    item->node.kind = kind;
    item->node.line = (int)mark.line + 1;
    item->node.col = (int)mark.column + 1;
    item->total = 1;
    return item;
}

static int count_nodes(struct builder *builder, size_t more, yaml_mark_t mark)
{
    builder->total += more;
    if (builder->total <= YAML_NODES_MAX)
        return 0;
    char message[96];
    snprintf(message, sizeof message,
             "more than %d values, aliases counted each time they are used", YAML_NODES_MAX);
    return refuse(builder, mark, message);
}

static int set_anchor(struct builder *builder, const yaml_char_t *name, struct item *item,
                      yaml_mark_t mark)
{
    if (name == NULL)
        return 0;
    if (builder->nanchors == ANCHORS_MAX)
        return refuse(builder, mark, "too many anchors");
    builder->anchors =
        mem_realloc(builder->anchors, (builder->nanchors + 1) * sizeof *builder->anchors);
    builder->anchors[builder->nanchors++] =
        (struct anchor){.name = mem_strdup((const char *)name), .item = item};
    return 0;
}

/* Lists and pairs grow by doubling: capacity is the next power of two of the count. */
static void *grow(struct yaml_doc *doc, void *array, size_t count, size_t size)
{
    if (count != 0 && (count < 4 || (count & (count - 1)) != 0))
        return array;
    void *larger = arena_alloc(&doc->arena, (count == 0 ? 4 : count * 2) * size);
    if (count > 0)
        memcpy(larger, array, count * size);
    return larger;
}

static void attach_key(struct builder *builder, struct frame *frame, struct yaml_node *key)
{
    frame->drop = true;
    if (key->kind != YAML_SCALAR) {
        refuse_node(builder, key, "a key must be a text, not a list or a mapping");
    } else if (key->plain && strcmp(key->text, "<<") == 0) {
        refuse_node(builder, key, "merge keys ('<<') are not supported; write the keys out");
    } else {
        frame->key = key;
        frame->drop = false;
    }
}

static void attach(struct builder *builder, struct item *item)
{
    if (builder->depth == 0) {
        builder->doc->root = &item->node;
        return;
    }
    struct frame *frame = &builder->frames[builder->depth - 1];
    struct yaml_node *parent = &frame->item->node;
    frame->item->total += item->total;
    if (frame->item->height < item->height + 1)
        frame->item->height = item->height + 1;
    if (parent->kind == YAML_SEQUENCE) {
        parent->items = grow(builder->doc, parent->items, parent->count, sizeof *parent->items);
        parent->items[parent->count++] = &item->node;
    } else if (frame->drop) {
        frame->drop = false;
    } else if (frame->key == NULL) {
        attach_key(builder, frame, &item->node);
    } else {
        parent->pairs = grow(builder->doc, parent->pairs, parent->count, sizeof *parent->pairs);
        parent->pairs[parent->count++] = (struct yaml_pair){frame->key, &item->node};
        frame->key = NULL;
    }
}

static int alias(struct builder *builder, const yaml_event_t *event)
{
    const char *name = (const char *)event->data.alias.anchor;
    struct item *item = NULL;
    for (size_t i = builder->nanchors; i > 0 && item == NULL; i--) {
        if (strcmp(builder->anchors[i - 1].name, name) == 0)
            item = builder->anchors[i - 1].item;
    }
    if (item == NULL)
        return refuse(builder, event->start_mark, "this alias has no anchor before it");
    if (item->open)
        return refuse(builder, event->start_mark, "this alias stands for something that it is in");
    if (builder->depth + item->height >= YAML_DEPTH_MAX)
        return refuse(builder, event->start_mark, "nested too deeply through this alias");
    if (count_nodes(builder, item->total, event->start_mark) != 0)
        return -1;
    attach(builder, item);
    return 0;
}

/* 0 where the tag is one of the core schema's, and fits the node. */
static int apply_tag(struct builder *builder, struct yaml_node *node, const yaml_char_t *tag,
                     yaml_mark_t mark)
{
    static const char prefix[] = "tag:yaml.org,2002:";
    static const struct {
        const char *name;
        enum yaml_type type;
    } scalars[] = {
        {"null", YAML_NULL}, {"bool", YAML_BOOL}, {"int", YAML_INT}, {"float", YAML_FLOAT}};
    const char *name = (const char *)tag;
    if (name == NULL)
        return 0;
    bool standard = strncmp(name, prefix, sizeof prefix - 1) == 0;
    name += standard ? sizeof prefix - 1 : 0;
    if (node->kind == YAML_SCALAR &&
        (standard ? strcmp(name, "str") == 0 : strcmp(name, "!") == 0)) {
        node->plain = false;
        return 0;
    }
    if (standard && node->kind != YAML_SCALAR &&
        strcmp(name, node->kind == YAML_MAPPING ? "map" : "seq") == 0)
        return 0;
    for (size_t i = 0; standard && node->kind == YAML_SCALAR && i < 4; i++) {
        if (strcmp(name, scalars[i].name) != 0)
            continue;
        node->plain = true;
        if (yaml_resolve(node).type == scalars[i].type)
            return 0;
        return refuse(builder, mark, "this value is not what its tag says");
    }
    return refuse(builder, mark,
                  "unknown tag; expected none, or !!str, !!int, !!float, !!bool, !!null, !!map or "
                  "!!seq as fits the value");
}

/* Whether " #word" follows at the mark: people write comments as "# word". Marks grow: each byte is
 * passed once. */
static bool comment_follows(struct builder *builder, yaml_mark_t mark)
{
    const char *end = builder->text + builder->len;
    if (mark.column > COMMENT_COLUMN_MAX)
        return false;
    builder->place = utf8_after(builder->place, end, mark.index - builder->index);
    builder->index = mark.index;
    const char *p = builder->place;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p > builder->place && end - p > 1 && *p == '#' && strchr(" \t\r\n#-=", p[1]) == NULL;
}

static int scalar(struct builder *builder, const yaml_event_t *event)
{
    struct item *item = add_item(builder, YAML_SCALAR, event->start_mark);
    item->node.len = event->data.scalar.length;
    item->node.text =
        arena_text(&builder->doc->arena, (const char *)event->data.scalar.value, item->node.len);
    item->node.plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    item->node.cut = item->node.plain && comment_follows(builder, event->end_mark);
    if (apply_tag(builder, &item->node, event->data.scalar.tag, event->start_mark) != 0 ||
        set_anchor(builder, event->data.scalar.anchor, item, event->start_mark) != 0 ||
        count_nodes(builder, 1, event->start_mark) != 0)
        return -1;
    attach(builder, item);
    return 0;
}

static int open_collection(struct builder *builder, enum yaml_kind kind, const yaml_event_t *event)
{
    bool mapping = kind == YAML_MAPPING;
    struct item *item = add_item(builder, kind, event->start_mark);
    const yaml_char_t *tag =
        mapping ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    const yaml_char_t *anchor =
        mapping ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    if (builder->depth == YAML_DEPTH_MAX) {
        char message[64];
        snprintf(message, sizeof message, "nested more than %d levels deep", YAML_DEPTH_MAX);
        return refuse(builder, event->start_mark, message);
    }
    if (apply_tag(builder, &item->node, tag, event->start_mark) != 0 ||
        set_anchor(builder, anchor, item, event->start_mark) != 0 ||
        count_nodes(builder, 1, event->start_mark) != 0)
        return -1;
    item->open = true;
    builder->frames[builder->depth++] = (struct frame){.item = item};
    return 0;
}

static int by_text(const void *a, const void *b)
{
    const struct yaml_node *left = (*(struct yaml_pair *const *)a)->key;
    const struct yaml_node *right = (*(struct yaml_pair *const *)b)->key;
    int order = memcmp(left->text, right->text, left->len < right->len ? left->len : right->len);
    if (order == 0)
        order = (left->len > right->len) - (left->len < right->len);
    if (order == 0)
        order = (left->line > right->line) - (left->line < right->line);
    return order != 0 ? order : (left->col > right->col) - (left->col < right->col);
}

/* Of few keys each is compared with those before it, in less time than they are sorted. */
static bool may_repeat(const struct yaml_node *mapping)
{
    for (size_t i = 1; mapping->count <= FEW_KEYS && i < mapping->count; i++) {
        const struct yaml_node *key = mapping->pairs[i].key;
        for (size_t k = 0; k < i; k++) {
            const struct yaml_node *before = mapping->pairs[k].key;
            if (before->len == key->len && memcmp(before->text, key->text, key->len) == 0)
                return true;
        }
    }
    return mapping->count > FEW_KEYS;
}

/* Reports keys given twice and keeps the first of each. */
static void drop_duplicates(struct builder *builder, struct yaml_node *mapping)
{
    if (!may_repeat(mapping))
        return;
    struct yaml_pair **sorted = mem_alloc(mapping->count * sizeof *sorted);
    for (size_t i = 0; i < mapping->count; i++)
        sorted[i] = &mapping->pairs[i];
    qsort(sorted, mapping->count, sizeof *sorted, by_text);
    const struct yaml_node *first = sorted[0]->key;
    for (size_t i = 1; i < mapping->count; i++) {
        const struct yaml_node *again = sorted[i]->key;
        if (first->len != again->len || memcmp(first->text, again->text, first->len) != 0) {
            first = again;
            continue;
        }
        char shown[YAML_SHOWN_SIZE];
        problems_add(builder->problems, builder->file, again->line, again->col,
                     "key '%s' is given twice; it is at line %d already",
                     yaml_show_key(again, shown), first->line);
        sorted[i]->key = NULL;
    }
    mem_free(sorted);
    size_t kept = 0;
    for (size_t i = 0; i < mapping->count; i++) {
        if (mapping->pairs[i].key != NULL)
            mapping->pairs[kept++] = mapping->pairs[i];
    }
    mapping->count = kept;
}

static void close_collection(struct builder *builder)
{
    struct item *item = builder->frames[--builder->depth].item;
    item->open = false;
    if (item->node.kind == YAML_MAPPING)
        drop_duplicates(builder, &item->node);
    attach(builder, item);
}

/* 1: go on, 0: the end, -1: a problem was added. */
static int handle(struct builder *builder, const yaml_event_t *event)
{
    int result = 0;
    switch (event->type) {
    case YAML_STREAM_END_EVENT:
        return 0;
    case YAML_DOCUMENT_START_EVENT:
        if (builder->documents++ > 0)
            result = refuse(builder, event->start_mark,
                            "a second document starts here; a file holds one");
        break;
    case YAML_ALIAS_EVENT:
        result = alias(builder, event);
        break;
    case YAML_SCALAR_EVENT:
        result = scalar(builder, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        result = open_collection(builder, YAML_SEQUENCE, event);
        break;
    case YAML_MAPPING_START_EVENT:
        result = open_collection(builder, YAML_MAPPING, event);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        close_collection(builder);
        break;
    default:
        break;
    }
    return result == 0 ? 1 : -1;
}

static int build(struct builder *builder)
{
    int result;
    do {
        yaml_event_t event;
        if (!yaml_parser_parse(&builder->parser, &event))
            return syntax_problem(builder);
        result = handle(builder, &event);
        if (event.type == YAML_SCALAR_EVENT)
            sodium_memzero(event.data.scalar.value, event.data.scalar.length);
        yaml_event_delete(&event);
    } while (result > 0);
    return result;
}

static struct yaml_doc *load(const char *file, const char *text, size_t len,
                             struct problems *problems)
{
    struct builder *builder = mem_alloc(sizeof *builder);
    *builder = (struct builder){
        .file = file, .text = text, .len = len, .problems = problems, .place = text};
    builder->doc = mem_alloc(sizeof *builder->doc);
    libyaml_begin(&builder->parser, text, len);
    struct yaml_doc *doc = builder->doc;
    if (build(builder) != 0) {
        yaml_doc_free(doc);
        doc = NULL;
    }
    libyaml_end(&builder->parser);
    for (size_t i = 0; i < builder->nanchors; i++)
        mem_free(builder->anchors[i].name);
    mem_free(builder->anchors);
    mem_free(builder);
    return doc;
}

struct yaml_doc *yaml_load(const char *file, const char *text, size_t len,
                           struct problems *problems)
{
    struct buf joined;
    if (yaml_check_text(file, text, len, problems) != 0)
        return NULL;
    size_t mark = utf8_mark(text, len); /* libyaml would count it as a column */
    text += mark;
    len -= mark;
    buf_create_secret(&joined, len);
    bool pairs = yaml_pairs_join(text, len, YAML_DEPTH_MAX, &joined);
    struct yaml_doc *doc =
        load(file, pairs ? joined.data : text, pairs ? joined.len : len, problems);
    buf_destroy(&joined);
    return doc;
}

void yaml_doc_free(struct yaml_doc *doc)
{
    if (doc == NULL)
        return;
    arena_destroy(&doc->arena);
    mem_free(doc);
}

const struct yaml_node *yaml_root(const struct yaml_doc *doc)
{
    return doc->root;
}

const struct yaml_node *yaml_get(const struct yaml_node *node, const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; node->kind == YAML_MAPPING && i < node->count; i++) {
        const struct yaml_node *name = node->pairs[i].key;
        if (len == name->len && memcmp(key, name->text, len) == 0)
            return node->pairs[i].value;
    }
    return NULL;
}

/*
 * The YAML reader on any bytes. What must hold: a tree or a problem, never neither; a tree within
 * its limits, with positions inside the text; keys once in their mapping; the same tree from the
 * quick reader as from libyaml.
 */
#include "mem.h"
#include "utf8.h"
#include "yaml.h"
#include "yaml_plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition, const char *what)
{
    if (condition)
        return;
    fprintf(stderr, "fuzz_yaml: %s\n", what);
    abort();
}

/* Nodes of the tree, aliases counted each time. */
static size_t walk(const struct yaml_node *node, int depth)
{
    must(depth <= YAML_DEPTH_MAX, "too deep");
    must(node->line >= 1 && node->col >= 1, "a position before the text");
    must(yaml_describe(node)[0] != '\0', "no description");
    size_t total = 1;
    if (node->kind == YAML_SCALAR) {
        char shown[YAML_SHOWN_SIZE];
        must(strlen(yaml_show(node, shown)) < sizeof shown, "shown too long");
        must(node->text[node->len] == '\0', "no NUL at the end");
        struct yaml_scalar scalar = yaml_resolve(node), args = yaml_resolve_args(node);
        must(node->plain || scalar.type == YAML_STRING, "a quoted scalar is no string");
        must(scalar.type == args.type || args.type == YAML_STRING, "args differ");
    }
    for (size_t i = 0; node->kind == YAML_SEQUENCE && i < node->count; i++)
        total += walk(node->items[i], depth + 1);
    for (size_t i = 0; node->kind == YAML_MAPPING && i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        must(key->kind == YAML_SCALAR, "a key that is no scalar");
        if (strlen(key->text) == key->len)
            must(yaml_get(node, key->text) == node->pairs[i].value, "a key twice");
        total += walk(key, depth + 1) + walk(node->pairs[i].value, depth + 1);
    }
    return total;
}

static bool is_plain(const char *text, size_t len)
{
    struct arena arena = {NULL};
    bool plain = yaml_plain_read(text, len, &arena) != NULL;
    arena_destroy(&arena);
    return plain;
}

static void same(const struct yaml_node *a, const struct yaml_node *b)
{
    must(a->kind == b->kind && a->line == b->line && a->col == b->col, "another place");
    must(a->plain == b->plain && a->cut == b->cut && a->count == b->count, "another form");
    if (a->kind == YAML_SCALAR)
        must(a->len == b->len && memcmp(a->text, b->text, a->len) == 0, "another text");
    for (size_t i = 0; a->kind == YAML_SEQUENCE && i < a->count; i++)
        same(a->items[i], b->items[i]);
    for (size_t i = 0; a->kind == YAML_MAPPING && i < a->count; i++) {
        same(a->pairs[i].key, b->pairs[i].key);
        same(a->pairs[i].value, b->pairs[i].value);
    }
}

/* A comment that changes nothing has a tab in it, which only libyaml reads. */
static void compare(const char *text, size_t len, const struct yaml_doc *doc)
{
    static const char comment[] = "\n#\t\n";
    struct problems problems;
    problems_create(&problems);
    char *longer = mem_alloc(len + sizeof comment);
    memcpy(longer, text, len);
    memcpy(longer + len, comment, sizeof comment);
    must(!is_plain(longer, len + sizeof comment - 1), "a tab read quickly");
    struct yaml_doc *other = yaml_load("f", longer, len + sizeof comment - 1, &problems);
    must((doc != NULL) == (other != NULL), "a tree from one reader only");
    if (doc != NULL)
        same(yaml_root(doc), yaml_root(other));
    yaml_doc_free(other);
    mem_free(longer);
    problems_destroy(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct problems problems;
    problems_create(&problems);
    struct yaml_doc *doc = yaml_load("f", text, size, &problems);
    must(doc != NULL || problems_errors(&problems) > 0, "neither a tree nor a problem");
    if (doc != NULL && yaml_root(doc) != NULL)
        must(walk(yaml_root(doc), 0) <= YAML_NODES_MAX, "too many nodes");
    problems_destroy(&problems);
    problems_create(&problems);
    if (yaml_check_text("f", text, size, &problems) == 0 && utf8_mark(text, size) == 0 &&
        is_plain(text, size))
        compare(text, size, doc);
    yaml_doc_free(doc);
    problems_destroy(&problems);
    return 0;
}

/*
 * The YAML reader on any bytes. What must hold: a tree or a problem, never neither; a tree within
 * its limits, with positions inside the text; keys once in their mapping.
 */
#include "yaml.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problems problems;
    problems_create(&problems);
    struct yaml_doc *doc = yaml_load("f", (const char *)data, size, &problems);
    must(doc != NULL || problems_errors(&problems) > 0, "neither a tree nor a problem");
    if (doc != NULL && yaml_root(doc) != NULL)
        must(walk(yaml_root(doc), 0) <= YAML_NODES_MAX, "too many nodes");
    yaml_doc_free(doc);
    problems_destroy(&problems);
    return 0;
}

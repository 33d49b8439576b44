/* The tree lives in an arena behind its root: one free, and one place to wipe. */
#include "arena.h"
#include "json.h"
#include "mem.h"

#include <string.h>

struct tree {
    struct json root; /* first, so that the root's address is the tree's */
    struct arena arena;
    size_t count;
};

struct open_node {
    struct json *json;
    struct json **tail; /* where the next child goes */
};

void json_free(struct json *root)
{
    if (root == NULL)
        return;
    struct tree *tree = (struct tree *)root;
    arena_destroy(&tree->arena); /* replies hold tokens */
    mem_free(tree);
}

static void fill(struct tree *tree, struct json *json, const struct json_token *token)
{
    json->type = token->type;
    json->boolean = token->boolean;
    json->integer = token->integer;
    json->number = token->number;
    if (token->text != NULL) {
        json->text = arena_text(&tree->arena, token->text, token->len);
        json->len = token->len;
    }
}

static int build(struct tree *tree, struct json_reader *reader, struct err *err)
{
    struct open_node open[JSON_DEPTH_MAX + 1];
    struct json *none = NULL;
    int depth = 0;
    const char *key = NULL;
    size_t key_len = 0;
    struct json_token token;
    open[0] = (struct open_node){.tail = &none};
    for (;;) {
        if (json_next(reader, &token, err) != 0)
            return -1;
        if (token.type == JSON_END)
            return 0;
        if (token.type == JSON_ARRAY_END || token.type == JSON_OBJECT_END) {
            depth--;
            continue;
        }
        if (token.type == JSON_KEY) {
            key = arena_text(&tree->arena, token.text, token.len);
            key_len = token.len;
            continue;
        }
        if (tree->count++ == JSON_NODES_MAX)
            return err_set(err, ERR_INVALID, "JSON text holds more than %d values", JSON_NODES_MAX);
        struct json *json =
            tree->count == 1 ? &tree->root : arena_alloc(&tree->arena, sizeof(struct json));
        fill(tree, json, &token);
        json->key = key;
        json->key_len = key_len;
        key = NULL;
        key_len = 0;
        /* The reader closes only what it opened: depth is never below 0. */
        *open[depth].tail = json; /* NOLINT(clang-analyzer-core.NullDereference) */
        open[depth].tail = &json->next;
        if (token.type == JSON_ARRAY_BEGIN || token.type == JSON_OBJECT_BEGIN)
            open[++depth] = (struct open_node){.json = json, .tail = &json->child};
    }
}

struct json *json_parse(const char *text, size_t len, const struct json_options *options,
                        struct err *err)
{
    struct json_reader *reader = json_reader_new(text, len, options, err);
    if (reader == NULL)
        return NULL;
    struct tree *tree = mem_alloc(sizeof *tree);
    int result = build(tree, reader, err);
    json_reader_free(reader);
    if (result == 0)
        return &tree->root;
    json_free(&tree->root);
    return NULL;
}

const struct json *json_get(const struct json *json, const char *key)
{
    if (json == NULL || json->type != JSON_OBJECT_BEGIN)
        return NULL;
    const struct json *found = NULL;
    size_t len = strlen(key);
    for (const struct json *member = json->child; member != NULL; member = member->next) {
        if (member->key_len == len && memcmp(member->key, key, len) == 0)
            found = member;
    }
    return found;
}

const char *json_string(const struct json *json)
{
    if (json == NULL || json->type != JSON_STRING || strlen(json->text) != json->len)
        return NULL;
    return json->text;
}

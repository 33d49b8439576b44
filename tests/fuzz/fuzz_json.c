/*
 * The JSON parser on any bytes. What must hold: what is read strictly is read leniently to the same
 * tree; what the writer makes of a tree is read, in both modes, to that tree again.
 */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What lenient texts become may be longer than they were (Latin-1, escapes of controls). */
#define OUT_MAX ((size_t)256 * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_options strict = {0};
static const struct json_options lenient = {.lenient = true};

static void fail(const char *what, const char *detail)
{
    fprintf(stderr, "fuzz_json: %s: %s\n", what, detail);
    abort();
}

static bool same_text(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && (a_len == 0 || memcmp(a, b, a_len) == 0);
}

static bool same(const struct json *a, const struct json *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (a->type != b->type || a->boolean != b->boolean || a->integer != b->integer ||
            a->number != b->number || signbit(a->number) != signbit(b->number) ||
            !same_text(a->text, a->len, b->text, b->len) ||
            !same_text(a->key, a->key_len, b->key, b->key_len) || !same(a->child, b->child))
            return false;
    }
    return a == b; /* both NULL */
}

/* Every string of the tree is UTF-8. */
static bool valid(const struct json *json)
{
    for (; json != NULL; json = json->next) {
        if (!json_utf8_valid(json->text, json->len) || !json_utf8_valid(json->key, json->key_len) ||
            !valid(json->child))
            return false;
    }
    return true;
}

static void check_again(const struct json *tree, const struct buf *text,
                        const struct json_options *options)
{
    struct err err = {0};
    struct json *again = json_parse(text->data, text->len, options, &err);
    if (again == NULL)
        fail("what was written is not read", err.msg);
    if (!same(tree, again))
        fail("what was written is read as something else", text->data);
    json_free(again);
}

static void check_tree(const struct json *tree)
{
    struct buf text;
    buf_create(&text, OUT_MAX);
    if (!valid(tree))
        fail("a string of the tree is not UTF-8", "");
    if (json_write(&text, tree) != 0)
        fail("a tree cannot be written", text.data);
    check_again(tree, &text, &strict);
    check_again(tree, &text, &lenient);
    buf_destroy(&text);
}

static struct json *parse(const uint8_t *data, size_t size, const struct json_options *options)
{
    struct err err = {0};
    struct json *json = json_parse((const char *)data, size, options, &err);
    if (json == NULL && (err.kind != ERR_INVALID || err.msg[0] == '\0'))
        fail("refused without a reason", err.msg);
    return json;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json *first = parse(data, size, &strict);
    struct json *second = parse(data, size, &lenient);
    if (first != NULL && (second == NULL || !same(first, second)))
        fail("strict and lenient differ", "");
    if (second != NULL)
        check_tree(second);
    json_free(first);
    json_free(second);
    return 0;
}

/* Field tables: each type's values, and all mistakes of a mapping at once. */
#include "schema.h"

#include "mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct thing {
    char *text;
    char *path;
    int64_t number;
    int64_t free_number;
    bool flag;
    int64_t duration;
    int64_t size;
    int choice;
    char **list;
    int64_t inner;
    int custom_calls;
};

static void count_calls(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    (*(int *)target)++;
    if (node->kind != YAML_SCALAR)
        schema_wrong_type(walk, field, node);
}

static const char *const colors[] = {"red", "green", "blue", NULL};
static const struct schema_field inner_fields[] = {
    {.name = "inner",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct thing, inner),
     .required = true},
    {0},
};
static const struct schema_field fields[] = {
    {.name = "text", .type = SCHEMA_STRING, .offset = offsetof(struct thing, text)},
    {.name = "path", .type = SCHEMA_PATH, .offset = offsetof(struct thing, path)},
    {.name = "number",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct thing, number),
     .min = 1,
     .max = 10},
    {.name = "free_number", .type = SCHEMA_INTEGER, .offset = offsetof(struct thing, free_number)},
    {.name = "flag", .type = SCHEMA_BOOL, .offset = offsetof(struct thing, flag)},
    {.name = "duration",
     .type = SCHEMA_DURATION,
     .offset = offsetof(struct thing, duration),
     .min = 1000,
     .max = 7200000},
    {.name = "size",
     .type = SCHEMA_SIZE,
     .offset = offsetof(struct thing, size),
     .min = 1024,
     .max = 1 << 30},
    {.name = "choice",
     .type = SCHEMA_CHOICE,
     .offset = offsetof(struct thing, choice),
     .choices = colors},
    {.name = "list", .type = SCHEMA_STRINGS, .offset = offsetof(struct thing, list)},
    {.name = "nested", .type = SCHEMA_STRUCT, .fields = inner_fields},
    {.name = "custom",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct thing, custom_calls),
     .parse = count_calls,
     .expected = "something simple"},
    {0},
};

/* Reads text into thing; the messages, one a line, are in out. */
static void read(const char *text, const struct schema_field *table, struct thing *thing,
                 struct buf *out)
{
    struct problems problems;
    problems_create(&problems);
    buf_create(out, 10000);
    struct yaml_doc *doc = yaml_load("f", text, strlen(text), &problems);
    assert_non_null(doc);
    struct schema_walk walk = {.file = "f", .base_dir = "/base", .problems = &problems};
    schema_read(&walk, table, "thing 'x'", yaml_root(doc), thing);
    problems_format(&problems, out);
    problems_destroy(&problems);
    yaml_doc_free(doc);
}

static void test_values(void **state)
{
    (void)state;
    struct thing thing = {0};
    struct buf out;
    read("text: 0012\npath: ./a/b\nnumber: 0x0A\nfree_number: -5\nflag: true\nduration: 90s\n"
         "size: 2KiB\nchoice: blue\nlist: [yes, 1, \"\"]\nnested: {inner: 7}\ncustom: x\n",
         fields, &thing, &out);
    assert_string_equal(out.data, "");
    assert_string_equal(thing.text, "0012");
    assert_string_equal(thing.path, "/base/a/b");
    assert_int_equal(thing.number, 10);
    assert_int_equal(thing.free_number, -5);
    assert_true(thing.flag);
    assert_int_equal(thing.duration, 90000);
    assert_int_equal(thing.size, 2048);
    assert_int_equal(thing.choice, 2);
    assert_string_equal(thing.list[0], "yes");
    assert_string_equal(thing.list[1], "1");
    assert_string_equal(thing.list[2], "");
    assert_null(thing.list[3]);
    assert_int_equal(thing.inner, 7);
    assert_int_equal(thing.custom_calls, 1);
    schema_free(fields, &thing);
    assert_null(thing.text);
    assert_null(thing.list);
    buf_destroy(&out);
}

static void test_defaults_stay(void **state)
{
    (void)state;
    struct thing thing = {.number = 3, .duration = 5, .choice = 1};
    struct buf out;
    read("number:\nduration:\nchoice:\npath: /abs/x\n", fields, &thing, &out);
    assert_string_equal(
        out.data, "f:1:1: warning: 'number' of thing 'x' has no value, and counts as absent\n"
                  "f:2:1: warning: 'duration' of thing 'x' has no value, and counts as absent\n"
                  "f:3:1: warning: 'choice' of thing 'x' has no value, and counts as absent\n");
    assert_int_equal(thing.number, 3);
    assert_int_equal(thing.duration, 5);
    assert_int_equal(thing.choice, 1);
    assert_string_equal(thing.path, "/abs/x");
    schema_free(fields, &thing);
    buf_destroy(&out);
}

static void test_all_mistakes_at_once(void **state)
{
    (void)state;
    struct thing thing = {.number = 3};
    struct buf out;
    read("text: [a]\n"
         "path: \"\"\n"
         "number: 11\n"
         "free_number: \"5\"\n"
         "flag: yes\n"
         "duration: 90\n"
         "size: 1KB\n"
         "choice: pink\n"
         "list: []\n"
         "nested: {iner: 7}\n"
         "custom: {}\n"
         "txet: 1\n"
         "zzzzzzzz: 1\n",
         fields, &thing, &out);
    assert_string_equal(
        out.data,
        "f:1:7: 'text' of thing 'x' must be a string, not a list\n"
        "f:2:7: 'path' of thing 'x' is empty; expected a path\n"
        "f:3:9: 'number' of thing 'x' must be between 1 and 10, not 11\n"
        "f:4:14: 'free_number' of thing 'x' must be an integer, not a string\n"
        "f:5:7: 'flag' of thing 'x' must be true or false, not 'yes'\n"
        "f:6:11: 'duration' of thing 'x' must be a duration such as 30s (ms, s, m, h, d), not "
        "'90'\n"
        "f:7:7: 'size' of thing 'x' must be a size such as 512MiB (B, KiB, MiB, GiB), not '1KB'\n"
        "f:8:9: 'choice' of thing 'x' must be red, green or blue, not 'pink'\n"
        "f:9:7: 'list' of thing 'x' is an empty list\n"
        "f:10:10: unknown key 'iner' in nested of thing 'x'; did you mean 'inner'?\n"
        "f:10:1: nested of thing 'x' lacks 'inner'; expected an integer\n"
        "f:11:9: 'custom' of thing 'x' must be something simple, not a mapping\n"
        "f:12:1: unknown key 'txet' in thing 'x'; did you mean 'text'?\n"
        "f:13:1: unknown key 'zzzzzzzz' in thing 'x'; expected text, path, number, free_number, "
        "flag, duration, size, choice, list, nested or custom\n");
    assert_int_equal(thing.number, 3);
    schema_free(fields, &thing);
    buf_destroy(&out);
}

static void test_bounds_are_shown_in_their_unit(void **state)
{
    (void)state;
    struct thing thing = {0};
    struct buf out;
    read("duration: 3h\nsize: 10B\n", fields, &thing, &out);
    assert_string_equal(out.data,
                        "f:1:11: 'duration' of thing 'x' must be between 1s and 2h, not 3h\n"
                        "f:2:7: 'size' of thing 'x' must be between 1KiB and 1GiB, not 10B\n");
    buf_destroy(&out);
}

static void test_required_without_value(void **state)
{
    (void)state;
    struct thing thing = {0};
    struct buf out;
    read("inner:\n", inner_fields, &thing, &out);
    assert_string_equal(out.data,
                        "f:1:1: 'inner' of thing 'x' has no value; expected an integer\n");
    buf_destroy(&out);
    read("[1]\n", inner_fields, &thing, &out);
    assert_string_equal(out.data, "f:1:1: thing 'x' must be a mapping with inner, not a list\n");
    buf_destroy(&out);
}

static void test_nul_characters(void **state)
{
    (void)state;
    struct thing thing = {0};
    struct buf out;
    read("text: \"a\\0b\"\n\"flag\\0\": true\n", fields, &thing, &out);
    assert_null(thing.text);
    assert_false(thing.flag);
    assert_non_null(strstr(out.data, "f:1:7: 'text' of thing 'x' holds a NUL character\n"));
    assert_non_null(strstr(out.data, "f:2:1: unknown key 'flag?'"));
    buf_destroy(&out);
}

/* It may be a secret. */
static void test_what_follows_a_key_without_colon_and_space_is_not_shown(void **state)
{
    (void)state;
    struct thing thing = {0};
    struct buf out;
    read("nested: {inner:sesame}\n", fields, &thing, &out);
    assert_string_equal(out.data,
                        "f:1:10: unknown key 'inner:" ERR_CUT
                        "' in nested of thing 'x'; a space is missing behind "
                        "the ':'\n"
                        "f:1:1: nested of thing 'x' lacks 'inner'; expected an integer\n");
    buf_destroy(&out);
    read("nested: {inner=sesame, inner sesame}\n", fields, &thing, &out);
    assert_non_null(strstr(out.data, "unknown key 'inner=" ERR_CUT
                                     "' in nested of thing 'x'; expected ':' and a space in "
                                     "place of the '='\n"));
    assert_non_null(strstr(out.data, "unknown key 'inner " ERR_CUT "' in nested"));
    assert_null(strstr(out.data, "sesame"));
    buf_destroy(&out);
    read("{inner:sesame, inner:sesame}\n", inner_fields, &thing, &out);
    assert_non_null(strstr(out.data, "'inner:" ERR_CUT "' is given twice"));
    assert_null(strstr(out.data, "sesame"));
    schema_free(fields, &thing);
    buf_destroy(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_defaults_stay),
        cmocka_unit_test(test_all_mistakes_at_once),
        cmocka_unit_test(test_bounds_are_shown_in_their_unit),
        cmocka_unit_test(test_required_without_value),
        cmocka_unit_test(test_nul_characters),
        cmocka_unit_test(test_what_follows_a_key_without_colon_and_space_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* YAML text to a tree: values, positions, and what is refused. */
#include "yaml.h"

#include "mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

static struct yaml_doc *load(const char *text)
{
    struct problems problems;
    problems_create(&problems);
    struct yaml_doc *doc = yaml_load("f", text, strlen(text), &problems);
    if (problems.count > 0)
        fail_msg("%s: %d:%d: %s", text, problems.items[0].line, problems.items[0].col,
                 problems.items[0].message);
    problems_destroy(&problems);
    return doc;
}

static void test_tree_and_positions(void **state)
{
    (void)state;
    struct yaml_doc *doc =
        load("# comment\nkey: value\nlist:\n  - 1\n  - \"2\"\nmap: {é: x, b: y}\n");
    const struct yaml_node *root = yaml_root(doc);
    assert_int_equal(root->kind, YAML_MAPPING);
    assert_int_equal(root->count, 3);
    const struct yaml_node *list = yaml_get(root, "list"), *map = yaml_get(root, "map");
    assert_int_equal(list->kind, YAML_SEQUENCE);
    assert_int_equal(list->items[1]->line, 5);
    assert_int_equal(list->items[1]->col, 5);
    assert_true(list->items[0]->plain && !list->items[1]->plain);
    assert_string_equal(map->pairs[1].key->text, "b");
    assert_int_equal(map->pairs[1].key->col, 13); /* characters, not bytes */
    assert_null(yaml_get(root, "none"));
    assert_null(yaml_get(list, "none"));
    yaml_doc_free(doc);
}

/* As JSON writes them; elsewhere than in double quotes they are text. */
static void test_surrogate_pairs(void **state)
{
    (void)state;
    struct yaml_doc *doc =
        load("a: \"x \\uD83D\\uDE00\\u00e9 \\\\\\ud83d\\udE00 é\\\"\"\n"
             "b: '\\uD83D\\uDE00' # \"\\uD83D\\uDE00\"\n"
             "é: \\uD83D\\uDE00 \"\\uD83D\\uDE00\"\n"
             "d: |\n  \"\\uD83D\\uDE00\"\n"
             "\"\\uDBFF\\uDFFF\": [\"\n  \\uD800\\uDC00\", \"\\\\uD83D\\\\uDE00\"]\n");
    const struct yaml_node *root = yaml_root(doc);
    assert_string_equal(yaml_get(root, "a")->text, "x 😀é \\😀 é\"");
    assert_string_equal(yaml_get(root, "b")->text, "\\uD83D\\uDE00");
    assert_string_equal(yaml_get(root, "é")->text, "\\uD83D\\uDE00 \"\\uD83D\\uDE00\"");
    assert_string_equal(yaml_get(root, "d")->text, "\"\\uD83D\\uDE00\"\n");
    const struct yaml_node *last = yaml_get(root, "\xf4\x8f\xbf\xbf");
    assert_string_equal(last->items[0]->text, " \xf0\x90\x80\x80");
    assert_string_equal(last->items[1]->text, "\\uD83D\\uDE00");
    assert_int_equal(last->line, 6);
    yaml_doc_free(doc);
}

static void test_empty(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n", "# only a comment\n"};
    for (size_t i = 0; i < 3; i++) {
        struct yaml_doc *doc = load(texts[i]);
        assert_null(yaml_root(doc));
        yaml_doc_free(doc);
    }
    struct yaml_doc *doc = load("---\n...\n");
    assert_int_equal(yaml_resolve(yaml_root(doc)).type, YAML_NULL);
    yaml_doc_free(doc);
}

static void test_many_children(void **state)
{
    (void)state;
    struct buf text;
    buf_create(&text, 100000);
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "k%d: [%d, %d]\n", i, i, i + 1);
    struct yaml_doc *doc = load(text.data);
    const struct yaml_node *root = yaml_root(doc);
    assert_int_equal(root->count, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(yaml_resolve(root->pairs[i].value->items[1]).integer, i + 1);
        assert_int_equal(root->pairs[i].key->line, i + 1);
    }
    yaml_doc_free(doc);
    buf_destroy(&text);
}

static struct yaml_scalar resolve(const char *text, bool args)
{
    struct yaml_node node = {
        .kind = YAML_SCALAR, .plain = true, .text = mem_strdup(text), .len = strlen(text)};
    struct yaml_scalar scalar = args ? yaml_resolve_args(&node) : yaml_resolve(&node);
    mem_free(node.text);
    return scalar;
}

static void test_core_schema(void **state)
{
    (void)state;
    static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};
    static const char *const strings[] = {"nUll",
                                          "yes",
                                          "no",
                                          "on",
                                          "off",
                                          "tRue",
                                          "+",
                                          "-",
                                          ".",
                                          "0x",
                                          "0xg",
                                          "0o8",
                                          "0b1",
                                          "1_000",
                                          "1:30",
                                          "- 1",
                                          "1e",
                                          "e5",
                                          "1.2.3",
                                          "--1",
                                          "+ 1",
                                          "-0x1",
                                          "nan",
                                          "inf",
                                          "Infinity",
                                          "2001-01-01",
                                          "1e400",
                                          "-1e400",
                                          "9223372036854775808",
                                          "-9223372036854775809",
                                          "0x8000000000000000",
                                          "18446744073709551616"};
    static const struct {
        const char *text;
        int64_t value;
    } integers[] = {{"0", 0},
                    {"-0", 0},
                    {"+7", 7},
                    {"012", 12},
                    {"0o17", 15},
                    {"0xFf", 255},
                    {"9223372036854775807", INT64_MAX},
                    {"-9223372036854775808", INT64_MIN},
                    {"0x7fffffffffffffff", INT64_MAX}};
    static const struct {
        const char *text;
        double value;
    } floats[] = {{"1.5", 1.5},
                  {".5", .5},
                  {"1.", 1},
                  {"-1e3", -1000},
                  {"1E-2", .01},
                  {"+.5", .5},
                  {"0.0", 0},
                  {"5.e1", 50},
                  {".inf", (double)INFINITY},
                  {"+.Inf", (double)INFINITY},
                  {"-.INF", -(double)INFINITY}};
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        assert_int_equal(resolve(nulls[i], false).type, YAML_NULL);
    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        if (resolve(strings[i], false).type != YAML_STRING)
            fail_msg("'%s' is no string", strings[i]);
    }
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++) {
        struct yaml_scalar scalar = resolve(integers[i].text, false);
        assert_int_equal(scalar.type, YAML_INT);
        assert_true(scalar.integer == integers[i].value);
    }
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        struct yaml_scalar scalar = resolve(floats[i].text, false);
        if (scalar.type != YAML_FLOAT || scalar.number != floats[i].value)
            fail_msg("'%s' is not its float", floats[i].text);
    }
    assert_true(isnan(resolve(".nan", false).number));
    assert_true(resolve("true", false).boolean && resolve("TRUE", false).boolean);
    assert_int_equal(resolve("False", false).type, YAML_BOOL);
    assert_false(resolve("False", false).boolean);
}

static void test_args_keep_phone_numbers(void **state)
{
    (void)state;
    assert_int_equal(resolve("+33100000001", true).type, YAML_STRING);
    assert_int_equal(resolve("0033", true).type, YAML_STRING);
    assert_int_equal(resolve("00.5", true).type, YAML_STRING);
    assert_int_equal(resolve("0", true).type, YAML_INT);
    assert_int_equal(resolve("0.5", true).type, YAML_FLOAT);
    assert_int_equal(resolve("0x1f", true).type, YAML_INT);
    assert_int_equal(resolve("-5", true).type, YAML_INT);
}

static void test_quotes_and_tags(void **state)
{
    (void)state;
    struct yaml_doc *doc =
        load("[ 'true', \"5\", !!str 5, ! 5, !!int \"5\", !!float 1.5, !!null '', "
             "!!bool true, !!seq [], !!map {}, !<tag:yaml.org,2002:str> 7 ]");
    static const enum yaml_type types[] = {YAML_STRING, YAML_STRING, YAML_STRING, YAML_STRING,
                                           YAML_INT,    YAML_FLOAT,  YAML_NULL,   YAML_BOOL};
    const struct yaml_node *root = yaml_root(doc);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        assert_int_equal(yaml_resolve(root->items[i]).type, types[i]);
    assert_int_equal(yaml_resolve(root->items[10]).type, YAML_STRING);
    yaml_doc_free(doc);
}

static void test_aliases(void **state)
{
    (void)state;
    struct yaml_doc *doc = load("a: &x [1, 2]\nb: *x\nc: &x 5\nd: *x\n*x : e\n");
    const struct yaml_node *root = yaml_root(doc);
    assert_int_equal(yaml_get(root, "b")->count, 2);
    assert_string_equal(yaml_get(root, "d")->text, "5");
    assert_string_equal(yaml_get(root, "5")->text, "e");
    yaml_doc_free(doc);
}

/* The text must give exactly this one problem. */
static void refused(const char *text, size_t len, const char *expected)
{
    struct problems problems;
    problems_create(&problems);
    struct yaml_doc *doc = yaml_load("f", text, len, &problems);
    char message[2048] = "";
    for (size_t i = 0; i < problems.count; i++)
        snprintf(message + strlen(message), sizeof message - strlen(message), "%s%d:%d: %s",
                 i > 0 ? "\n" : "", problems.items[i].line, problems.items[i].col,
                 problems.items[i].message);
    assert_string_equal(message, expected);
    yaml_doc_free(doc);
    problems_destroy(&problems);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"a: 1\nb: 2\na: 3\n", "3:1: key 'a' is given twice; it is at line 1 already"},
        {"a: 1\n'a': 2\n\"\\x61\": 3\n", "2:1: key 'a' is given twice; it is at line 1 already\n"
                                         "3:1: key 'a' is given twice; it is at line 1 already"},
        {"a:\n\tb: 1\n", "2:1: a tab cannot be used for indentation; use spaces"},
        {"a:\n  b: 1\n\tc: 2\n", "3:1: a tab cannot be used for indentation; use spaces"},
        {"a: 1\n---\nb: 2\n", "2:1: a second document starts here; a file holds one"},
        {"a: \xff\n", "1:4: not UTF-8; save the file as UTF-8"},
        {"é: \xc3\n", "1:4: not UTF-8; save the file as UTF-8"},
        {"a: \xed\xa0\x80\n", "1:4: not UTF-8; save the file as UTF-8"}, /* a surrogate */
        {"a: [\"\\uD83D\\uDE00\", \"x\\uD800\"]\n",
         "1:23: this escape names no character: it is half of a surrogate pair, or beyond 10FFFF"},
        {"a: \"\\uDE00\\uD83D\"\n",
         "1:7: this escape names no character: it is half of a surrogate pair, or beyond 10FFFF"},
        {"a: \"\\uD83D\\\\uDE00\"\n",
         "1:7: this escape names no character: it is half of a surrogate pair, or beyond 10FFFF"},
        {"a: \"\\U00110000\"\n",
         "1:7: this escape names no character: it is half of a surrogate pair, or beyond 10FFFF"},
        {"a: \xc0\xaf\n", "1:4: not UTF-8; save the file as UTF-8"}, /* overlong */
        {"a: \xf4\x90\x80\x80\n", "1:4: not UTF-8; save the file as UTF-8"},
        {"\xef\xbb\xbf"
         "a: 1\n\xef\xbb\xbf"
         "b: 2\n",
         "2:1: the control character U+FEFF is not allowed"},
        {"\xff\xfe"
         "a",
         "1:1: this is UTF-16; save the file as UTF-8"},
        {"a: 1\nb: \x01\n", "2:4: the control character U+0001 is not allowed"},
        {"a: \x1b[31m\n", "1:4: the control character U+001B is not allowed"},
        {"[1, 2]: x\n", "1:1: a key must be a text, not a list or a mapping"},
        {"{a: 1}: x\nb: 2\n? {c: d}\n: y\n", "1:1: a key must be a text, not a list or a mapping\n"
                                             "3:3: a key must be a text, not a list or a mapping"},
        {"a: &x {k: 1}\nb:\n  <<: *x\n",
         "3:3: merge keys ('<<') are not supported; write the keys out"},
        {"a: *none\n", "1:4: this alias has no anchor before it"},
        {"a: &a [*a]\n", "1:8: this alias stands for something that it is in"},
        {"a: !mine 5\n", "1:4: unknown tag; expected none, or !!str, !!int, !!float, !!bool, "
                         "!!null, !!map or !!seq as fits the value"},
        {"a: !!binary aGk=\n", "1:4: unknown tag; expected none, or !!str, !!int, !!float, "
                               "!!bool, !!null, !!map or !!seq as fits the value"},
        {"a: !!int x\n", "1:4: this value is not what its tag says"},
        {"a: \"open\nb: 1\n", "3:1: the file ends inside a quoted text that starts at line 1"},
        {"a: [1, 2\nb: 3\n", "2:2: expected ',' or ']' in the list that starts at line 1"},
        {"a: b: c\n", "1:5: a key cannot stand here; check the indentation, and quote text that "
                      "holds ': '"},
        {"a: 1\n b: 2\n", "2:3: a key cannot stand here; check the indentation, and quote text "
                          "that holds ': '"},
        {"a: 1\nb\n", "3:1: expected ': ' after the key"},
        {"a: `b\n", "1:4: a value cannot start with this character; quote the text"},
        {"a: */5 * * * *\n",
         "1:5: '*' or '&' at the beginning names another value; quote the text"},
        {"a: @b\n", "1:4: a value cannot start with '@'; quote the text"},
        {"a: {b: 1\n", "2:1: expected ',' or '}' in the mapping that starts at line 1"},
        {"- a\nb: 1\n", "2:1: expected '- ' here; check the indentation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refused(cases[i].text, strlen(cases[i].text), cases[i].message);
    refused("a: \0b\n", 6, "1:4: the control character U+0000 is not allowed");
    refused("a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: 1\nk: 1\nl: 1\nm: 1\n"
            "n: 1\no: 1\np: 1\nq: 1\nb: 2\n",
            90, "18:1: key 'b' is given twice; it is at line 2 already"); /* more than a few */
}

/* At each place among the eight bytes that are looked at together. */
static void test_control_characters(void **state)
{
    (void)state;
    static const char controls[] = {'\x01', '\x1f', '\x7f'};
    for (size_t i = 0; i < 3 * 20; i++) {
        char text[] = "'~~ ~~~ ~~~~ ~~~~~ ~~~'", message[80];
        text[1 + i / 3] = controls[i % 3];
        snprintf(message, sizeof message, "1:%zu: the control character U+%04X is not allowed",
                 2 + i / 3, (unsigned)controls[i % 3]);
        refused(text, strlen(text), message);
    }
}

/* Columns are characters; a line's comment is found behind what is not ASCII. */
static void test_cut(void **state)
{
    (void)state;
    struct yaml_doc *doc = load("a: éééééééé 12345678 # x\nb: ééé 1234567890 #x\nc:   #x\nd: ü\n"
                                "e: \"é\" #x\nf: 0 8 * * #1\n");
    const struct yaml_node *root = yaml_root(doc);
    for (size_t i = 0; i < root->count; i++)
        assert_int_equal(root->pairs[i].value->cut,
                         strchr("bcf", root->pairs[i].key->text[0]) != NULL);
    yaml_doc_free(doc);
}

static void test_depth(void **state)
{
    (void)state;
    char text[300];
    memset(text, '[', 100);
    memset(text + 100, ']', 100);
    refused(text, 200, "1:65: nested more than 64 levels deep");
    struct problems problems;
    problems_create(&problems);
    yaml_doc_free(yaml_load("f", text + 36, 128, &problems)); /* 64 of them */
    assert_int_equal(problems.count, 0);
    problems_destroy(&problems);
    /* An anchor 40 deep inside a place 40 deep. */
    struct buf deep;
    buf_create(&deep, 1000);
    buf_puts(&deep, "a: &a ");
    buf_append(&deep, text, 40);
    buf_append(&deep, text + 100, 40);
    buf_puts(&deep, "\nb: ");
    buf_append(&deep, text, 40);
    buf_puts(&deep, "*a");
    buf_append(&deep, text + 100, 40);
    refused(deep.data, deep.len, "2:44: nested too deeply through this alias");
    buf_destroy(&deep);
}

/* Looked through for pairs of escapes first, where each "[" must not cost what is open: that took
 * hours for this one. */
static void test_depth_with_pairs(void **state)
{
    (void)state;
    struct buf text;
    buf_create(&text, 1000000);
    buf_puts(&text, "- \"\\uD83D\\uDE00\"\n- ");
    for (int i = 0; i < 1000000; i++)
        buf_puts(&text, "[");
    refused(text.data, text.len, "2:66: nested more than 64 levels deep");
    buf_destroy(&text);
    /* Those beside each other are not counted. */
    buf_create(&text, 10000);
    for (int i = 0; i < 100; i++)
        buf_puts(&text, "- [{a: []}]\n");
    buf_puts(&text, "- \"\\uD83D\\uDE00\"\n");
    refused(text.data, text.len, "");
    buf_destroy(&text);
}

static void test_alias_bomb(void **state)
{
    (void)state;
    struct buf bomb;
    buf_create(&bomb, 10000);
    buf_puts(&bomb, "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for (int i = 1; i < 20; i++) {
        buf_printf(&bomb, "a%d: &a%d [", i, i);
        for (int j = 0; j < 10; j++)
            buf_printf(&bomb, "%s*a%d", j > 0 ? "," : "", i - 1);
        buf_puts(&bomb, "]\n");
    }
    refused(bomb.data, bomb.len,
            "6:10: more than 200000 values, aliases counted each time they are used");
    buf_destroy(&bomb);
}

static void test_size(void **state)
{
    (void)state;
    char *text = mem_alloc(YAML_BYTES_MAX + 2);
    memset(text, ' ', YAML_BYTES_MAX + 1);
    refused(text, YAML_BYTES_MAX + 1, "0:0: larger than 4 MiB, the most that is read");
    memset(text, '#', YAML_BYTES_MAX);
    refused(text, YAML_BYTES_MAX, "");
    mem_free(text);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip(); /* its allocator ends the process */
#endif
    size_t len = (size_t)3 * 1024 * 1024, pages = 0;
    char *text = mem_alloc(len + 1);
    memset(text, 'x', len);
    struct problems problems;
    problems_create(&problems);
    struct rlimit before, little;
    FILE *statm = fopen("/proc/self/statm", "r");
    assert_int_equal(fscanf(statm, "%zu", &pages), 1);
    fclose(statm);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    little = (struct rlimit){.rlim_cur = pages * (size_t)sysconf(_SC_PAGESIZE) + (size_t)256 * 1024,
                             .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
    struct yaml_doc *doc = yaml_load("f", text, len, &problems);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(problems.count, 1);
    assert_string_equal(problems.items[0].message,
                        "there is not enough memory to read on from here");
    yaml_doc_free(doc);
    problems_destroy(&problems);
    mem_free(text);
}

static void test_other_mistakes_are_kept(void **state)
{
    (void)state;
    static const char text[] = "a: 1\na: 2\n[x]: 3\nb: 4\n";
    struct problems problems;
    problems_create(&problems);
    struct yaml_doc *doc = yaml_load("f", text, sizeof text - 1, &problems);
    assert_int_equal(problems_errors(&problems), 2);
    assert_non_null(doc);
    assert_int_equal(yaml_root(doc)->count, 2);
    assert_string_equal(yaml_get(yaml_root(doc), "a")->text, "1");
    yaml_doc_free(doc);
    problems_destroy(&problems);
}

static void test_show(void **state)
{
    (void)state;
    char shown[YAML_SHOWN_SIZE], text[201] = "a\033[1m\n";
    struct yaml_node node = {.kind = YAML_SCALAR, .text = text, .len = strlen(text)};
    assert_string_equal(yaml_show(&node, shown), "a?[1m?");
    text[0] = 'x';
    for (size_t i = 1; i < 199; i += 2)
        memcpy(text + i, "é", 2);
    node.len = 199;
    text[199] = '\0';
    yaml_show(&node, shown);
    assert_int_equal(strlen(shown), 1 + 2 * 33 + strlen("…")); /* no half of a character */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree_and_positions),
        cmocka_unit_test(test_surrogate_pairs),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_many_children),
        cmocka_unit_test(test_core_schema),
        cmocka_unit_test(test_args_keep_phone_numbers),
        cmocka_unit_test(test_quotes_and_tags),
        cmocka_unit_test(test_aliases),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_control_characters),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_depth_with_pairs),
        cmocka_unit_test(test_alias_bomb),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_other_mistakes_are_kept),
        cmocka_unit_test(test_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* JSON Pointers: the examples of RFC 6901, and what is no pointer. */
#include "folder.h"
#include "json_pointer.h"

static const char text[] =
    "{\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"m~n\": 8,"
    " \"deep\": {\"list\": [{\"code\": \"x\"}]}, \"twice\": 1, \"twice\": 2}";

static void values_are_found(void **state)
{
    (void)state;
    struct err err;
    struct json *root = json_parse(text, sizeof text - 1, NULL, &err);
    assert_non_null(root);
    assert_ptr_equal(json_pointer_get(root, ""), root);
    assert_string_equal(json_pointer_get(root, "/foo/0")->text, "bar");
    assert_string_equal(json_pointer_get(root, "/deep/list/0/code")->text, "x");
    static const struct {
        const char *pointer;
        int64_t value;
    } integers[] = {{"/", 0}, {"/a~1b", 1}, {"/c%d", 2}, {"/m~0n", 8}, {"/twice", 2}};
    for (size_t i = 0; i < sizeof integers / sizeof integers[0]; i++)
        assert_int_equal(json_pointer_get(root, integers[i].pointer)->integer, integers[i].value);
    static const char *const absent[] = {
        "/fo",   "/fooo", "/foo/2",     "/foo/00",         "/foo/-",
        "/foo/", "/a/b",  "/foo/bar/x", "/deep/list/code", "/foo/99999999999999999999",
        "//"};
    for (size_t i = 0; i < sizeof absent / sizeof absent[0]; i++)
        assert_null(json_pointer_get(root, absent[i]));
    json_free(root);
}

static void what_is_no_pointer(void **state)
{
    (void)state;
    static const char *const good[] = {"", "/", "/a/b", "/~0~1", "/ "};
    static const char *const bad[] = {"a", "a/b", "/~", "/~2", "/a~"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(json_pointer_is_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(json_pointer_is_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_found),
        cmocka_unit_test(what_is_no_pointer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

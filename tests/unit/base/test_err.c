#include "err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_set_replaces(void **state)
{
    (void)state;
    struct err err = {.status = 500, .retryable = true, .code = "Old", .request = "GET old"};
    assert_int_equal(err_set(&err, ERR_CONFIG, "%s is %d", "it", 5), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_string_equal(err.msg, "it is 5");
    assert_int_equal(err.status, 0);
    assert_false(err.retryable);
    assert_string_equal(err.code, "");
    assert_string_equal(err.request, "");
    err_set(&err, ERR_AUTH, "again: %s", err.msg); /* its own message as an argument */
    assert_string_equal(err.msg, "again: it is 5");
    err_clear(&err);
    assert_int_equal(err.kind, ERR_NONE);
    assert_string_equal(err.msg, "");
}

static void test_wrap(void **state)
{
    (void)state;
    struct err err;
    err_set(&err, ERR_NETWORK, "no connection");
    err.retryable = true;
    err.status = 503;
    static const char *const ends[][2] = {{"inactivity.", "inactivity; try 2"},
                                          {"inactivity", "inactivity; try 2"},
                                          {"cut...", "cut...; try 2"},
                                          {".", ".; try 2"},
                                          {"", "; try 2"}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct err said;
        err_set(&said, ERR_AUTH, "%s", ends[i][0]);
        err_advise(&said, "try %d", 2);
        assert_string_equal(said.msg, ends[i][1]);
    }
    assert_int_equal(err_wrap(&err, "connector '%s'", "contoso"), -1);
    assert_string_equal(err.msg, "connector 'contoso': no connection");
    assert_int_equal(err.kind, ERR_NETWORK);
    assert_true(err.retryable);
    assert_int_equal(err.status, 503);
    err_wrap(&err, "%s", err.msg);
    assert_string_equal(err.msg,
                        "connector 'contoso': no connection: connector 'contoso': no connection");
}

static void test_long_messages_are_cut(void **state)
{
    (void)state;
    char text[ERR_MSG_MAX * 2];
    struct err err;
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    err_set(&err, ERR_INVALID, "%s", text);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_string_equal(err.msg + ERR_MSG_MAX - 5, "a" ERR_CUT);
    err_wrap(&err, "%s", "context");
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    assert_memory_equal(err.msg, "context: aaa", 12);
    err_wrap(&err, "%s", text);
    assert_int_equal(strlen(err.msg), ERR_MSG_MAX - 1);
    char small[8];
    err_text(small, sizeof small, "%s", "seven77");
    assert_string_equal(small, "seven77");
    err_text(small, sizeof small, "%s", "abc\xc3\xa9\xc3\xa9z"); /* not inside a character */
    assert_string_equal(small, "abc" ERR_CUT);
}

static void test_line(void **state)
{
    (void)state;
    char line[ERR_LINE_MAX];
    struct err err;
    err_set(&err, ERR_HTTP, "404 not found");
    assert_string_equal(err_line(&err, line), "404 not found");
    err_text(err.request, sizeof err.request, "GET https://host/path");
    assert_string_equal(err_line(&err, line), "404 not found (GET https://host/path)");
    memset(err.msg, 'a', sizeof err.msg - 1); /* the longest of both fit */
    memset(err.request, 'b', sizeof err.request - 1);
    assert_int_equal(strlen(err_line(&err, line)), ERR_LINE_MAX - 1);
    assert_null(strstr(line, ERR_CUT));
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        enum err_kind kind;
        const char *name;
        int exit_code;
    } kinds[] = {
        {ERR_NONE, "none", 0},         {ERR_INVALID, "invalid", 1}, {ERR_SCRIPT, "script", 1},
        {ERR_USAGE, "usage", 2},       {ERR_CONFIG, "config", 3},   {ERR_AUTH, "auth", 4},
        {ERR_NETWORK, "network", 5},   {ERR_HTTP, "http", 6},       {ERR_THROTTLED, "throttled", 6},
        {ERR_BUSY, "busy", 7},         {ERR_LOST, "lost", 7},       {ERR_CANCELLED, "cancelled", 1},
        {ERR_DEADLINE, "deadline", 8}, {ERR_PIPE, "pipe", 141},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_string_equal(err_kind_name(kinds[i].kind), kinds[i].name);
        assert_int_equal(err_exit_code(kinds[i].kind), kinds[i].exit_code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_replaces),
        cmocka_unit_test(test_wrap),
        cmocka_unit_test(test_long_messages_are_cut),
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "json.h"

#include "decimal.h"
#include "mem.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OUT_MAX ((size_t)1024 * 1024)

static const struct json_options strict = {0};
static const struct json_options lenient = {.lenient = true};

/* Reads the text and writes it again: the canonical form. */
static void check_bytes(const struct json_options *options, const char *text, size_t len,
                        const char *expected)
{
    struct err err = {0};
    struct json *json = json_parse(text, len, options, &err);
    if (json == NULL)
        fail_msg("%s: %s", text, err.msg);
    struct buf out;
    buf_create(&out, OUT_MAX);
    assert_int_equal(json_write(&out, json), 0);
    assert_string_equal(out.data, expected);
    buf_destroy(&out);
    json_free(json);
}

static void check(const struct json_options *options, const char *text, const char *expected)
{
    check_bytes(options, text, strlen(text), expected);
}

static void check_refused_bytes(const struct json_options *options, const char *text, size_t len,
                                const char *message)
{
    struct err err = {0};
    struct json *json = json_parse(text, len, options, &err);
    if (json != NULL)
        fail_msg("%s was not refused", text);
    assert_int_equal(err.kind, ERR_INVALID);
    assert_string_equal(err.msg, message);
}

static void check_refused(const struct json_options *options, const char *text, const char *message)
{
    check_refused_bytes(options, text, strlen(text), message);
}

static void check_refused_both(const char *text, const char *message)
{
    check_refused(&strict, text, message);
    check_refused(&lenient, text, message);
}

static void test_integers(void **state)
{
    (void)state;
    check(&strict, "636674054802000001", "636674054802000001");
    check(&strict, "9223372036854775807", "9223372036854775807");
    check(&strict, "-9223372036854775808", "-9223372036854775808");
    check(&strict, "0", "0");
    const char *beyond = "invalid JSON at 1:1: an integer beyond 64 bits cannot be read exactly; "
                         "send it as a string";
    check_refused_both("9223372036854775808", beyond);
    check_refused_both("-9223372036854775809", beyond);
    check_refused_both("18446744073709551616", beyond);
    check_refused_both("100000000000000000000000000000000000000000", beyond);
}

static void test_minus_zero_is_a_double(void **state)
{
    (void)state;
    struct err err = {0};
    struct json *json = json_parse("-0", 2, NULL, &err);
    assert_non_null(json);
    assert_int_equal(json->type, JSON_DOUBLE);
    assert_true(json->number == 0 && signbit(json->number));
    json_free(json);
    check(&strict, "-0", "-0.0");
}

static void test_doubles(void **state)
{
    (void)state;
    check(&strict, "0.1", "0.1");
    check(&strict, "5.0", "5.0");
    check(&strict, "1E3", "1000.0");
    check(&strict, "1e20", "1e+20");
    check(&strict, "0.30000000000000004", "0.30000000000000004");
    check(&strict, "1.7976931348623157e308", "1.7976931348623157e+308");
    check(&strict, "5e-324", "4.94065645841247e-324");
    check(&strict, "0e999999", "0.0");
    check(&strict, "-0.0e-999", "-0.0");
    const char *beyond =
        "invalid JSON at 1:1: a number beyond the range of a double (1.8e308) cannot be read";
    check_refused_both("1e400", beyond);
    check_refused_both("-1e400", beyond);
    check_refused_both("1e99999999999999999999", beyond);
    check_refused_both(
        "1e-400",
        "invalid JSON at 1:1: a number too near to 0 for a double (4.9e-324) cannot be read");
}

static void test_what_is_no_number(void **state)
{
    (void)state;
    const char *nan =
        "invalid JSON at 1:1: NaN and Infinity are not values of JSON; send null instead";
    check_refused_both("NaN", nan);
    check_refused_both("nan", nan);
    check_refused_both("Infinity", nan);
    check_refused_both("-Infinity", nan);
    check_refused_both("-inf", nan);
    check_refused_both("0x1F", "invalid JSON at 1:1: hexadecimal numbers are not JSON");
    check_refused_both("012", "invalid JSON at 1:1: a number must not begin with a superfluous 0");
    check_refused_both("+1", "invalid JSON at 1:1: expected a value, found '+'");
    check_refused_both(".5", "invalid JSON at 1:1: expected a value, found '.'");
    check_refused_both("1.", "invalid JSON at 1:3: expected a digit after '.', found the end of "
                             "the text");
    check_refused_both("1.e3", "invalid JSON at 1:3: expected a digit after '.', found 'e'");
    check_refused_both("1e", "invalid JSON at 1:3: expected a digit of the exponent, found the end "
                             "of the text");
    check_refused_both("-", "invalid JSON at 1:2: expected a digit after '-', found the end of the "
                            "text");
}

static void test_doubles_in_another_locale(void **state)
{
    (void)state;
    /* Any locale with a decimal comma; C.UTF-8 is all that some machines have. */
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL &&
        setlocale(LC_NUMERIC, "fr_FR.UTF-8") == NULL)
        skip();
    check(&strict, "1.5", "1.5");
    setlocale(LC_NUMERIC, "C");
}

static void test_strings(void **state)
{
    (void)state;
    check(&strict, "\"\"", "\"\"");
    check(&strict, "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\\"\\\\/\\b\\f\\n\\r\\t\"");
    check(&strict, "\"\\u0000\\u001f\\u007f\"", "\"\\u0000\\u001f\\u007f\"");
    check(
        &strict,
        "\"\x7f\xc2\x80\xc2\x85\xc2\x9f\xc2\xa0\xef\xbb\xbf\xef\xbf\xbd\xef\xbf\xbe\xef\xbf\xbf\"",
        "\"\\u007f\\u0080\\u0085\\u009f\xc2\xa0\\ufeff\xef\xbf\xbd\\ufffe\\uffff\"");
    check(&strict, "\"\\u00e9\\u20AC\"", "\"\xc3\xa9\xe2\x82\xac\"");
    check(&strict, "\"\\ud83d\\uDE00\"", "\"\xf0\x9f\x98\x80\"");
    check(&strict, "\"\xf0\x9f\x98\x80\"", "\"\xf0\x9f\x98\x80\"");
    check_refused_both("\"a", "invalid JSON at 1:1: the string that begins here has no end");
    check_refused(&strict, "\"a\nb\"",
                  "invalid JSON at 1:3: control character U+000A in a string; "
                  "write it as an escape");
    check(&lenient, "\"a\r\nb\tc\"", "\"a\\r\\nb\\tc\"");
    check_refused_bytes(&lenient, "\"a\0b\"", 5,
                        "invalid JSON at 1:3: control character U+0000 in a string; "
                        "write it as an escape");
    check_refused_both("\"\\q\"", "invalid JSON at 1:3: expected an escape (one of \"\\/bfnrtu) "
                                  "after '\\', found 'q'");
    check_refused_both("\"\\u12G4\"",
                       "invalid JSON at 1:6: expected a hex digit of the escape, found 'G'");
    check_refused(&strict, "'a'", "invalid JSON at 1:1: expected a value, found '''");
    check_refused(&strict, "\"\\x41\"",
                  "invalid JSON at 1:3: expected an escape (one of "
                  "\"\\/bfnrtu) after '\\', found 'x'");
}

static void test_lone_surrogates(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\"\\ud800\"",    "\"\\udc00\"",        "\"\\ud800x\"",
        "\"\\ud800\\n\"", "\"\\ud800\\ud800\"", "\"\\udfff\\ud800\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check_refused_both(texts[i],
                           "invalid JSON at 1:2: a surrogate (\\uD800 to \\uDFFF) without "
                           "its other half");
    check_refused(&strict, "\"\xed\xa0\x80\"",
                  "invalid JSON at 1:2: expected UTF-8, found the byte 0xed");
}

static void test_structure(void **state)
{
    (void)state;
    check(&strict, " [ ] ", "[]");
    check(&strict, "\t{\r\n} ", "{}");
    check(&strict, "[[],{},[1,\"a\",null,true,false]]", "[[],{},[1,\"a\",null,true,false]]");
    check(&strict, "{\"a\":{\"b\":[1]},\"\":2}", "{\"a\":{\"b\":[1]},\"\":2}");
    check_refused_both("", "invalid JSON at 1:1: expected a value, found the end of the text");
    check_refused_both("[", "invalid JSON at 1:2: expected a value or ']', found the end of the "
                            "text");
    check_refused_both("{\"a\":1,\n \"b\" 2}",
                       "invalid JSON at 2:6: expected ':' after the key, found '2'");
    check_refused_both("[1 2]", "invalid JSON at 1:4: expected ',' or ']', found '2'");
    check_refused_both("[1}", "invalid JSON at 1:3: expected ',' or ']', found '}'");
    check_refused_both("[,]", "invalid JSON at 1:2: expected a value or ']', found ','");
    check_refused_both("1 2", "invalid JSON at 1:3: expected the end of the text, found '2'");
    check_refused_both("truex", "invalid JSON at 1:5: expected the end of the text, found 'x'");
    check_refused_both("[\"\xc3\xa9\xc3\xa9\" \xc3\xa9]",
                       "invalid JSON at 1:7: expected ',' or ']', found U+00E9");
    check_refused(&strict, "[1,]", "invalid JSON at 1:4: expected a value, found ']'");
    check_refused(&strict, "{\"a\":1,}",
                  "invalid JSON at 1:8: expected a key in quotes, found '}'");
    check_refused(&strict, "{a:1}",
                  "invalid JSON at 1:2: expected a key in quotes or '}', found 'a'");
    check_refused(&strict, "1 // x",
                  "invalid JSON at 1:3: expected the end of the text, found '/'");
    check_refused(&strict, "True", "invalid JSON at 1:1: expected a value, found 'T'");
    check_refused_bytes(&strict, "1\0", 2,
                        "invalid JSON at 1:2: expected the end of the text, found U+0000");
}

static void test_lenient(void **state)
{
    (void)state;
    check(&lenient, "{a: 1, b_2$-c: 'x', \"d\": [1, 2,], }",
          "{\"a\":1,\"b_2$-c\":\"x\",\"d\":[1,2]}");
    check(&lenient, "{1: 2, -3: 4, None: 5}", "{\"1\":2,\"-3\":4,\"None\":5}");
    check(&lenient, "/* a */ [1, // b\n 2 /**/ ] // c", "[1,2]");
    check(&lenient, "{'ok': True, 'no': False, 'nil': None, u'key': u\"it's\"}",
          "{\"ok\":true,\"no\":false,\"nil\":null,\"key\":\"it's\"}");
    check(&lenient, "'it\\'s \\x41\\xe9\\U0001F600\\101\\0\\a\\v'",
          "\"it's A\xc3\xa9\xf0\x9f\x98\x80"
          "A\\u0000\\u0007\\u000b\"");
    check(&lenient, "'say \"hi\"'", "\"say \\\"hi\\\"\"");
    check(&lenient, "\xef\xbb\xbf{}", "{}");
    check(NULL, "\xef\xbb\xbf{}", "{}");
    check(NULL, "\xef\xbb\xbf \"\xef\xbb\xbf\"", "\"\\ufeff\"");
    check_refused(NULL, "\xef\xbb\xbf\xef\xbb\xbf{}",
                  "invalid JSON at 1:2: expected a value, found U+FEFF");
    check_refused(NULL, "{}\xef\xbb\xbf",
                  "invalid JSON at 1:3: expected the end of the text, found U+FEFF");
    check_refused(&lenient, "'\\U00110000'",
                  "invalid JSON at 1:2: the escape \\U does not name a character");
    check_refused(&lenient, "'\\U0000d800'",
                  "invalid JSON at 1:2: the escape \\U does not name a character");
    check_refused(&lenient, "[1 /* 2]",
                  "invalid JSON at 1:4: the comment that begins here has no end");
    check_refused(&lenient, "{a b}", "invalid JSON at 1:4: expected ':' after the key, found 'b'");
    check_refused(&lenient, "{,}",
                  "invalid JSON at 1:2: expected a key in quotes or '}', found ','");
    check_refused(&lenient, "[1,,]", "invalid JSON at 1:4: expected a value, found ','");
    check_refused(&lenient, "hello", "invalid JSON at 1:1: expected a value, found 'h'");
}

static void test_latin1_as_a_whole(void **state)
{
    (void)state;
    check(&lenient, "\"caf\xe9\"", "\"caf\xc3\xa9\"");
    /* The first word alone would be valid UTF-8: a text has one encoding. */
    check(&lenient, "[\"\xc3\xa9\",\"\xe9\"]", "[\"\xc3\x83\xc2\xa9\",\"\xc3\xa9\"]");
    check_refused(&strict, "[\"ab\",\n\"caf\xe9\"]",
                  "invalid JSON at 2:5: expected UTF-8, found the byte 0xe9");
    check_refused(&lenient, "{\"\xe9\": x}", "invalid JSON at 1:7: expected a value, found 'x'");
}

static char *nested(int depth)
{
    char *text = mem_alloc((size_t)depth * 2 + 1);
    memset(text, '[', (size_t)depth);
    memset(text + depth, ']', (size_t)depth);
    return text;
}

static void test_depth(void **state)
{
    (void)state;
    char *allowed = nested(JSON_DEPTH_MAX), *beyond = nested(JSON_DEPTH_MAX + 1);
    char *far_beyond = nested(10000);
    check(&strict, allowed, allowed);
    check_refused_both(beyond, "invalid JSON at 1:129: nested deeper than 128 levels");
    check_refused_both(far_beyond, "invalid JSON at 1:129: nested deeper than 128 levels");
    struct json_options two = {.max_depth = 2};
    check(&two, "[[]]", "[[]]");
    check_refused(&two, "[{\"a\":[]}]", "invalid JSON at 1:7: nested deeper than 2 levels");
    struct json_options too_many = {.max_depth = JSON_DEPTH_MAX + 1};
    check_refused(&too_many, beyond, "invalid JSON at 1:129: nested deeper than 128 levels");
    mem_free(allowed);
    mem_free(beyond);
    mem_free(far_beyond);
}

static void test_size(void **state)
{
    (void)state;
    struct json_options small = {.max_bytes = 4};
    check(&small, "1234", "1234");
    check_refused(&small, "12345", "JSON text of 5 bytes is over the limit of 4 bytes");

    size_t len = JSON_BYTES_MAX;
    char *text = mem_alloc(len + 1);
    memset(text, 'a', len);
    text[0] = text[len - 1] = '"';
    struct err err = {0};
    struct json *json = json_parse(text, len, &strict, &err);
    assert_non_null(json);
    assert_int_equal(json->len, len - 2);
    json_free(json);
    check_refused_bytes(&strict, text, len + 1,
                        "JSON text of 67108865 bytes is over the limit of 67108864 bytes");
    mem_free(text);
}

static void test_number_of_values(void **state)
{
    (void)state;
    size_t len = (size_t)JSON_NODES_MAX * 2 + 1; /* the list and JSON_NODES_MAX elements */
    char *text = mem_alloc(len + 1);
    for (size_t i = 0; i < len; i++)
        text[i] = i % 2 == 0 ? ',' : '1';
    text[0] = '[';
    text[len - 1] = ']';
    check_refused_bytes(&strict, text, len, "JSON text holds more than 1000000 values");
    mem_free(text);
}

static void test_tokens(void **state)
{
    (void)state;
    static const enum json_type expected[] = {
        JSON_OBJECT_BEGIN, JSON_KEY,    JSON_ARRAY_BEGIN, JSON_INT, JSON_ARRAY_END,
        JSON_KEY,          JSON_STRING, JSON_OBJECT_END,  JSON_END, JSON_END,
    };
    const char *text = "{\"a\":[1],\"b\":\"c\\u0000d\"}";
    struct err err = {0};
    struct json_token token;
    struct json_reader *reader = json_reader_new(text, strlen(text), NULL, &err);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        assert_int_equal(json_next(reader, &token, &err), 0);
        assert_int_equal(token.type, expected[i]);
        if (token.type == JSON_STRING) {
            assert_int_equal(token.len, 3);
            assert_memory_equal(token.text, "c\0d", 3);
        }
    }
    json_reader_free(reader);
    json_reader_free(NULL);
}

static void test_reading_on_after_an_error(void **state)
{
    (void)state;
    struct err err = {0};
    struct json_token token;
    struct json_reader *reader = json_reader_new("[x,1]", 5, NULL, &err);
    assert_int_equal(json_next(reader, &token, &err), 0);
    assert_int_equal(json_next(reader, &token, &err), -1);
    assert_int_equal(json_next(reader, &token, &err), -1);
    assert_string_equal(err.msg, "invalid JSON at 1:2: reading went on after an error");
    json_reader_free(reader);
}

/* Numbers with few digits take a way of their own. */
static void test_doubles_are_the_nearest(void **state)
{
    (void)state;
    uint32_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        char text[64];
        int digits = 1 + i % 17;
        long long number = 0;
        for (int k = 0; k < digits; k++) {
            seed = seed * 1664525 + 1013904223;
            number = number * 10 + (seed >> 24) % 10;
        }
        int after = (int)(seed >> 16) % (digits + 1);
        long long tens = 1;
        for (int k = 0; k < after; k++)
            tens *= 10;
        snprintf(text, sizeof text, "%s%lld.%0*lld", i % 2 == 0 ? "-" : "", number / tens,
                 after > 0 ? after : 1, number % tens);
        double value = decimal_parse(text), expected = strtod(text, NULL);
        assert_memory_equal(&value, &expected, sizeof value);
    }
}

static void test_get(void **state)
{
    (void)state;
    const char *text = "{\"a\":1,\"b\":\"x\",\"a\":2,\"n\\u0000\":3,\"z\":\"1\\u00002\"}";
    struct err err = {0};
    struct json *json = json_parse(text, strlen(text), NULL, &err);
    assert_int_equal(json_get(json, "a")->integer, 2); /* the last one */
    assert_string_equal(json_string(json_get(json, "b")), "x");
    assert_null(json_get(json, "A"));
    assert_null(json_get(json, "n")); /* its name has a NUL more */
    assert_null(json_string(json_get(json, "z")));
    assert_null(json_string(json_get(json, "a")));
    assert_null(json_get(json_get(json, "a"), "b"));
    assert_null(json_get(NULL, "b"));
    assert_null(json_string(NULL));
    json_free(json);
    json_free(NULL);
    check(&strict, "{\"n\\u0000m\":3}", "{\"n\\u0000m\":3}");
}

static void test_writer_refuses(void **state)
{
    (void)state;
    struct buf out;
    buf_create(&out, 8);
    assert_int_equal(json_write_string(&out, "\xff", 1), -1);
    assert_int_equal(json_write_string(&out, "\xc0\x80", 2), -1);
    assert_int_equal(json_write_double(&out, NAN), -1);
    assert_int_equal(json_write_double(&out, -INFINITY), -1);
    assert_int_equal(out.len, 0);
    assert_int_equal(json_write_string(&out, "1234567", 7), -1); /* 9 bytes with its quotes */
    buf_destroy(&out);
}

static void test_errors_show_one_character(void **state)
{
    (void)state;
    struct err err = {0};
    assert_null(json_parse("{\"t\": hunter2hunter2}", 21, NULL, &err));
    assert_string_equal(err.msg, "invalid JSON at 1:7: expected a value, found 'h'");
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } cases[] = {
        {"", true},
        {"plain text, longer than eight bytes", true},
        {"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", true},
        {"12345678\x80", false},
        {"\xc1\xbf", false},         /* overlong */
        {"\xe0\x9f\xbf", false},     /* overlong */
        {"\xf0\x8f\xbf\xbf", false}, /* overlong */
        {"\xed\xa0\x80", false},     /* a surrogate */
        {"\xf4\x90\x80\x80", false}, /* over U+10FFFF */
        {"\xf8\x88\x80\x80\x80", false},
        {"\xe2\x82", false}, /* cut off */
        {"\xe2(\xa1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(json_utf8_valid(cases[i].text, strlen(cases[i].text)), cases[i].valid);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_minus_zero_is_a_double),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_what_is_no_number),
        cmocka_unit_test(test_doubles_in_another_locale),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_lone_surrogates),
        cmocka_unit_test(test_structure),
        cmocka_unit_test(test_lenient),
        cmocka_unit_test(test_latin1_as_a_whole),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_number_of_values),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_reading_on_after_an_error),
        cmocka_unit_test(test_doubles_are_the_nearest),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_writer_refuses),
        cmocka_unit_test(test_errors_show_one_character),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

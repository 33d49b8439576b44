/* multipart/form-data in pieces of every size. */
#include "buf.h"
#include "mem.h"
#include "multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TYPE     "multipart/form-data; boundary=b"
#define NAMED    "Content-Disposition: form-data; name="
#define TEXT_MAX ((size_t)64 * 1024)

static int on_begin(void *arg, const struct multipart_part *part, struct err *err)
{
    (void)err;
    buf_printf(arg, "[%s|%s|%s|", part->name, part->filename != NULL ? part->filename : "-",
               part->content_type != NULL ? part->content_type : "-");
    return 0;
}

static int on_content(void *arg, const char *data, size_t len, struct err *err)
{
    if (memchr(data, '!', len) != NULL)
        return err_set(err, ERR_CONFIG, "no room");
    return buf_append(arg, data, len);
}

static int on_end(void *arg, struct err *err)
{
    (void)err;
    return buf_puts(arg, "]");
}

/* "[name|filename|type|content]…", or what is wrong. */
static void parse(const char *type, const char *body, size_t len, size_t step, struct buf *out)
{
    struct err err = {0};
    const struct multipart_handler handler = {on_begin, on_content, on_end, out};
    buf_create(out, TEXT_MAX);
    struct multipart *multipart = multipart_new(type, &handler, &err);
    int result = multipart != NULL ? 0 : -1;
    for (size_t at = 0; at < len && result == 0; at += step)
        result = multipart_feed(multipart, body + at, len - at < step ? len - at : step, &err);
    if (result == 0)
        result = multipart_end(multipart, &err);
    else if (multipart != NULL) { /* it stays refused */
        struct err again = {0};
        assert_int_equal(multipart_feed(multipart, "x", 1, &again), -1);
        assert_string_equal(again.msg, err.msg);
        assert_int_equal(multipart_end(multipart, &again), -1);
    }
    if (result != 0) {
        buf_clear(out);
        buf_puts(out, err.msg);
    }
    multipart_free(multipart);
}

static void check(const char *type, const char *body, const char *expected)
{
    size_t len = strlen(body);
    for (size_t step = 1; step <= len + 1; step++) {
        struct buf out;
        parse(type, body, len, step, &out);
        if (strstr(out.data, expected) != out.data ||
            (expected[0] == '[' && out.len != strlen(expected)))
            fail_msg("in pieces of %zu: %s (expected: %s)", step, out.data, expected);
        buf_destroy(&out);
    }
}

static void parts_as_clients_write_them(void **state)
{
    (void)state;
    check(TYPE,
          "--b\r\n" NAMED "\"files\"; filename=\"a b.pdf\"\r\nContent-Type: application/pdf\r\n"
          "\r\ntext\r\n--b\r\n" NAMED "\"1\"\r\n\r\n\r\n--b--\r\n",
          "[files|a b.pdf|application/pdf|text][1|-|-|]");
    check("Multipart/Form-Data; charset=utf-8; boundary=\"b\"",
          "--b\r\ncontent-type: image/png\r\ncontent-disposition: form-data; name=files; "
          "filename=x.png; filename*=utf-8''na%C3%AFve%20x.png\r\n\r\nx\r\n--b--",
          "[files|na\xc3\xafve x.png|image/png|x]");
    check(TYPE, "--b\r\n" NAMED "\"a\\\"b\"; filename=\"C:\\dir\\x.doc\"\r\n\r\nx\r\n--b--",
          "[a\"b|C:\\dir\\x.doc|-|x]");
    check(TYPE, "--b\r\nContent-Disposition: form-data ;filename=\"\"\r\n\r\nx\r\n--b--",
          "[||-|x]");
    check(TYPE, "--b\r\n" NAMED "a; filename=y; filename*=latin1''z\r\n\r\nx\r\n--b--",
          "[a|y|-|x]");
    check(TYPE, "before\r\n--b \t\r\n" NAMED "a\r\n\r\nx\r\n--b--after\r\n--b\r\n", "[a|-|-|x]");
    check(TYPE, "--b\r\nContent-Type: image/png\r\n\r\nx\r\n--b--", "[|-|image/png|x]");
    check(TYPE, "--b--", "");
}

static void content_that_looks_like_a_delimiter(void **state)
{
    (void)state;
    check(TYPE, "--b\r\n" NAMED "a\r\n\r\n\r\r\n\r\n-\r\n--\r\n--c--b\n--b\r\r\n--b--",
          "[a|-|-|\r\r\n\r\n-\r\n--\r\n--c--b\n--b\r]");
    check("multipart/form-data; boundary=--aa", "----aa\r\n" NAMED "a\r\n\r\n\r\n----a\r\n----aa--",
          "[a|-|-|\r\n----a]");
}

static int count_pieces(void *arg, const char *data, size_t len, struct err *err)
{
    (void)data, (void)len, (void)err;
    ++*(int *)arg;
    return 0;
}

static int ignore_part(void *arg, const struct multipart_part *part, struct err *err)
{
    (void)arg, (void)part, (void)err;
    return 0;
}

static int ignore_end(void *arg, struct err *err)
{
    (void)arg, (void)err;
    return 0;
}

/* Each piece is a write to a file; in a film every 256th byte or so is a carriage return. */
static void carriage_returns_do_not_cut_content(void **state)
{
    (void)state;
    static const char body[] = "--b\r\n" NAMED "f\r\n\r\none\rtwo\r\rthree\r\n--four\r\n--b--";
    int pieces = 0;
    struct err err;
    const struct multipart_handler handler = {ignore_part, count_pieces, ignore_end, &pieces};
    struct multipart *multipart = multipart_new(TYPE, &handler, &err);
    assert_int_equal(multipart_feed(multipart, body, sizeof body - 1, &err), 0);
    assert_int_equal(multipart_end(multipart, &err), 0);
    assert_int_equal(pieces, 1);
    multipart_free(multipart);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char boundary[] = "Content-Type multipart/form-data: expected boundary=";
    check("text/plain", "", "expected Content-Type multipart/form-data");
    check("multipart/form-data-x; boundary=b", "", "expected Content-Type");
    check("multipart/form-data", "", boundary);
    check("multipart/form-data;", "", boundary);
    check("multipart/form-data; boundary=", "", boundary);
    check("multipart/form-data; boundary=\"a", "", boundary);
    check("multipart/form-data; boundary=\"a\tb\"", "", boundary);
    check("multipart/form-data; boundary="
          "01234567890123456789012345678901234567890123456789012345678901234567890",
          "", boundary);
    check(TYPE, "", "the body ends before its last boundary");
    check(TYPE, "--b\r\n" NAMED "a\r\n\r\nx\r\n--b", "the body ends before its last boundary");
    check(TYPE, "--b\r\n" NAMED "a\r\n\r\nx\r\n--bc\r\n", "malformed boundary after 1 parts");
    check(TYPE, "--b-\r\n", "malformed boundary after 0 parts");
    check(TYPE, "--b\n" NAMED "a\n\nx\n--b--", "malformed boundary after 0 parts");
    check(TYPE, "--b\r\n\r\nx\r\n--b--", "part 1 of the body: malformed header");
    check(TYPE, "--b\r\nX: y\r\n\r\nx\r\n--b--", "part 1 of the body: malformed header");
    check(TYPE, "--b\r\nContent-Disposition: attachment; name=a\r\n\r\n", "part 1 of the body: m");
    check(TYPE, "--b\r\n" NAMED "\"a\r\n\r\n", "part 1 of the body: malformed header");
    check(TYPE, "--b\r\n" NAMED "\"a\" x\r\n\r\n", "part 1 of the body: malformed header");
    check(TYPE, "--b\r\n" NAMED "a\r\n folded\r\n\r\n", "part 1 of the body: malformed header");
    check(TYPE, "--b\r\n" NAMED "a\x01\r\n\r\n", "part 1 of the body: malformed header");
    check(TYPE, "--b\r\n" NAMED "a\r\n\r\nx!\r\n--b--", "no room");
}

static void a_nul_in_a_header(void **state)
{
    (void)state;
    static const char body[] = "--b\r\n" NAMED "\"a\0b\"\r\n\r\nx\r\n--b--";
    struct buf out;
    parse(TYPE, body, sizeof body - 1, 7, &out);
    assert_non_null(strstr(out.data, "malformed header"));
    buf_destroy(&out);
}

static void limits(void **state)
{
    (void)state;
    struct buf body, out;
    buf_create(&body, TEXT_MAX);
    for (int i = 0; i < MULTIPART_PARTS_MAX; i++)
        buf_puts(&body, "--b\r\n" NAMED "a\r\n\r\n\r\n");
    size_t len = body.len;
    buf_puts(&body, "--b--");
    parse(TYPE, body.data, body.len, 1000, &out);
    assert_int_equal(out.len, MULTIPART_PARTS_MAX * strlen("[a|-|-|]"));
    buf_destroy(&out);
    body.len = len;
    buf_puts(&body, "--b\r\n");
    parse(TYPE, body.data, body.len, 1000, &out);
    assert_string_equal(out.data, "more than 100 parts");
    buf_destroy(&out);
    buf_clear(&body);
    buf_puts(&body, "--b\r\n");
    while (body.len < MULTIPART_HEADER_MAX + 10)
        buf_puts(&body, "X: y\r\n");
    parse(TYPE, body.data, body.len, 1000, &out);
    assert_string_equal(out.data, "the header of part 1 is over 8192 bytes");
    buf_destroy(&out);
    buf_destroy(&body);
}

static void which_content_types(void **state)
{
    (void)state;
    assert_true(multipart_is_form("multipart/form-data"));
    assert_true(multipart_is_form(" Multipart/FORM-data; boundary=x"));
    assert_false(multipart_is_form("multipart/form-datax"));
    assert_false(multipart_is_form("multipart/mixed; boundary=x"));
    assert_false(multipart_is_form(""));
    assert_false(multipart_is_form(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_as_clients_write_them),
        cmocka_unit_test(content_that_looks_like_a_delimiter),
        cmocka_unit_test(carriage_returns_do_not_cut_content),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_nul_in_a_header),
        cmocka_unit_test(limits),
        cmocka_unit_test(which_content_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

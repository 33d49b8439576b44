#include "redact.h"

#include "mem.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OUT_MAX ((size_t)4 * 1024 * 1024)

static void append(void *arg, const char *data, size_t len)
{
    buf_append(arg, data, len);
}

static void check_stream(const struct redact *redact, const char *text, size_t piece,
                         const char *expected)
{
    struct buf out;
    buf_create(&out, OUT_MAX);
    struct redact_stream *stream = redact_stream_new(redact, append, &out);
    size_t len = strlen(text);
    for (size_t pos = 0; pos < len; pos += piece)
        redact_stream_write(stream, text + pos, len - pos < piece ? len - pos : piece);
    redact_stream_free(stream);
    if (strcmp(out.data, expected) != 0)
        fail_msg("in pieces of %zu: '%s' became '%s', not '%s'", piece, text, out.data, expected);
    buf_destroy(&out);
}

static bool note(void *arg, const char *const *owners)
{
    (void)owners;
    *(bool *)arg = true;
    return false;
}

static bool finds(const struct redact *redact, const char *text)
{
    bool found = false;
    redact_find(redact, text, strlen(text), note, &found);
    return found;
}

/* The text as a whole, and in pieces of every size up to seven bytes. */
static void check(const struct redact *redact, const char *text, const char *expected)
{
    struct buf out;
    buf_create(&out, OUT_MAX);
    redact_text(redact, text, strlen(text), &out);
    if (strcmp(out.data, expected) != 0)
        fail_msg("'%s' became '%s', not '%s'", text, out.data, expected);
    buf_destroy(&out);
    assert_int_equal(finds(redact, text), strcmp(text, expected) != 0);
    for (size_t piece = 1; piece <= 7; piece++)
        check_stream(redact, text, piece, expected);
}

static struct redact *with(const char *secret)
{
    struct redact *redact = redact_new();
    redact_add(redact, secret, strlen(secret));
    return redact;
}

static void test_raw(void **state)
{
    (void)state;
    struct redact *redact = with("hunter22");
    check(redact, "", "");
    check(redact, "nothing here, hunter2", "nothing here, hunter2");
    check(redact, "hunter22", "********");
    check(redact, "a hunter22 and hunter22.", "a ******** and ********.");
    check(redact, "hunter22hunter22", "****************");
    check(redact, "hunthunter22", "hunt********");
    check(redact, "Hunter22", "Hunter22");
    redact_free(redact);
}

static void check_cut(const struct redact *redact, const char *text, const char *expected)
{
    struct buf out;
    buf_create(&out, OUT_MAX);
    redact_text(redact, text, strlen(text), &out);
    assert_string_equal(out.data, expected);
    buf_destroy(&out);
    for (size_t piece = 1; piece <= 7; piece++)
        check_stream(redact, text, piece, expected);
}

static void test_what_a_cut_has_left(void **state)
{
    (void)state;
    struct redact *redact = with("hunter22-\xc3\xa9/and..more");
    check_cut(redact, "a hunter22-\xe2\x80\xa6: b", "a ********\xe2\x80\xa6: b");
    check_cut(redact, "a hunter22...]:1: b", "a ********...]:1: b");
    check_cut(redact, "hunter22-%C3%A9%2F\xe2\x80\xa6", "********\xe2\x80\xa6");
    check_cut(redact, "hunter22-%C3%A\xe2\x80\xa6", "********\xe2\x80\xa6");
    check_cut(redact, "hunter22-\\u00e9\\/an\xe2\x80\xa6", "********\xe2\x80\xa6");
    check_cut(redact, "aHVudGVyMjIt\xe2\x80\xa6", "********\xe2\x80\xa6"); /* base64 */
    check_cut(redact, "hunter22-\xc3\xa9/and..\xe2\x80\xa6", "********\xe2\x80\xa6");
    check_cut(redact, "huhunter22-...", "hu********...");
    check_cut(redact, "hunter22-\xe2\x80\xa6hunter22-\xe2\x80\xa6",
              "********\xe2\x80\xa6********\xe2\x80\xa6");
    check_cut(redact, "hunte\xe2\x80\xa6", "hunte\xe2\x80\xa6"); /* too little to tell */
    check_cut(redact, "hunter22-", "hunter22-");                 /* no cut */
    check_cut(redact, "hunter22-\xe2\x80 .. ", "hunter22-\xe2\x80 .. ");
    check_cut(redact, "hunter23\xe2\x80\xa6", "hunter23\xe2\x80\xa6");
    redact_free(redact);
    redact = with("hunter22");
    redact_add(redact, "hunter22-and-more", 17);
    check_cut(redact, "hunter22-an\xe2\x80\xa6", "********\xe2\x80\xa6");
    redact_free(redact);
}

static void test_percent_encoded(void **state)
{
    (void)state;
    struct redact *redact = with("a/b+c d\"\xc3\xa9");
    check(redact, "x=a/b+c d\"\xc3\xa9&", "x=********&");
    check(redact, "x=a%2Fb%2Bc%20d%22%C3%A9&", "x=********&");
    check(redact, "x=a%2fb%2bc%20d%22%c3%a9&", "x=********&");
    check(redact, "x=a%2Fb%2Bc+d%22%C3%A9&", "x=********&"); /* a form */
    check(redact, "x=a/b%2bc%20d\"%C3%a9&", "x=********&");  /* partly, and mixed case */
    check(redact, "%61%2f%62%2b%63%20%64%22%c3%a9", "********");
    check(redact, "100% %4", "100% %4");
    redact_free(redact);
    redact = with("50%25off"); /* what looks like an escape stands for itself too */
    check(redact, "50%25off!", "********!");
    check(redact, "50%2525off!", "********!");
    check(redact, "50%off!", "50%off!");
    redact_free(redact);
}

static void test_json_escaped(void **state)
{
    (void)state;
    struct redact *redact = with("a/b\"c\\d\ne\xc3\xa9\xf0\x9f\x98\x80");
    check(redact, "{\"k\":\"a/b\\\"c\\\\d\\ne\xc3\xa9\xf0\x9f\x98\x80\"}", "{\"k\":\"********\"}");
    check(redact, "\"a\\/b\\\"c\\\\d\\ne\xc3\xa9\xf0\x9f\x98\x80\"", "\"********\"");
    check(redact, "\"a\\u002fb\\u0022c\\u005Cd\\u000Ae\\u00e9\\ud83d\\ude00\"", "\"********\"");
    check(redact, "\"\\u0061\\/b\\x22c\\\\d\\ne\\u00E9\\uD83D\\uDE00\"", "\"********\"");
    check(redact, "C:\\ \\u00 \\ud83d", "C:\\ \\u00 \\ud83d");
    redact_free(redact);
    redact = with("C:\\users"); /* as it is, the backslash begins no escape */
    check(redact, "in C:\\users.", "in ********.");
    check(redact, "in C:\\\\users.", "in ********.");
    redact_free(redact);
}

/* base64 of `before` bytes, the secret and `after` bytes, in each alphabet. */
static void check_base64(const struct redact *redact, const char *secret, size_t before,
                         size_t after, int variant)
{
    char plain[64], encoded[128], text[160];
    size_t len = strlen(secret);
    memset(plain, 'x', sizeof plain);
    memcpy(plain + before, secret, len);
    sodium_bin2base64(encoded, sizeof encoded, (const unsigned char *)plain, before + len + after,
                      variant);
    snprintf(text, sizeof text, "Basic %s.", encoded);
    struct buf out;
    buf_create(&out, OUT_MAX);
    redact_text(redact, text, strlen(text), &out);
    /* What is left is what the neighbours have a part in: at most two digits on each side. */
    const char *mask = strstr(out.data, REDACT_MASK);
    assert_non_null(mask);
    size_t left = (size_t)(mask - out.data) - strlen("Basic ");
    assert_true(left <= before * 8 / 6 + 1);
    assert_true(strlen(mask) - strlen(REDACT_MASK) - strlen(".") <= (after * 8 + 5) / 6 + 3);
    buf_destroy(&out);
}

static void test_base64(void **state)
{
    (void)state;
    static const int variants[] = {
        sodium_base64_VARIANT_ORIGINAL,
        sodium_base64_VARIANT_ORIGINAL_NO_PADDING,
        sodium_base64_VARIANT_URLSAFE,
        sodium_base64_VARIANT_URLSAFE_NO_PADDING,
    };
    const char *secret = "\xfb\xff~?>\xbf\xfe!"; /* its digits differ between the alphabets */
    struct redact *redact = with(secret);
    for (size_t before = 0; before <= 7; before++) {
        for (size_t after = 0; after <= 3; after++) {
            for (size_t i = 0; i < sizeof variants / sizeof *variants; i++)
                check_base64(redact, secret, before, after, variants[i]);
        }
    }
    redact_free(redact);
    redact = with("hunter22");
    check(redact, "Basic aWQ6aHVudGVyMjI=", "Basic aWQ6********I="); /* id:hunter22 */
    check(redact, "aHVudGVyMzI=", "aHVudGVyMzI=");                   /* hunter32 */
    redact_free(redact);
}

static void test_base64_in_a_query(void **state)
{
    (void)state;
    struct redact *redact = with("~~~~~~?>?>?>");                /* fn5+fn5+Pz4/Pj8+ */
    check(redact, "q=fn5%2Bfn5%2bPz4%2FPj8%2b&", "q=********&"); /* percent-encoded */
    check(redact, "\"fn5+fn5+Pz4\\/Pj8+\"", "\"********\"");     /* JSON-escaped */
    redact_free(redact);
}

/* The digits of aHVudGVyMjI=, with `gap` behind every few of them. */
static void check_gap(const struct redact *redact, const char *gap, bool masked)
{
    static const char digits[] = "aHVudGVyMj";
    for (size_t every = 1; every < strlen(digits); every++) {
        struct buf text;
        buf_create(&text, OUT_MAX);
        for (size_t i = 0; i < strlen(digits); i++) {
            if (i > 0 && i % every == 0)
                buf_puts(&text, gap);
            buf_putc(&text, digits[i]);
        }
        buf_puts(&text, ".");
        check(redact, text.data, masked ? "********." : text.data);
        buf_destroy(&text);
    }
}

static void test_base64_with_gaps(void **state)
{
    (void)state;
    static const char *const gaps[] = {"\n",
                                       "\r\n",
                                       "\\n",
                                       "\\r\\n",
                                       "%0A",
                                       "%0D%0a",
                                       " ",
                                       "\n    ",
                                       "\r\n\t",
                                       "\\n\\t\\u0020",
                                       "%0A%20%20",
                                       "&#10;",
                                       "&NewLine;&Tab;",
                                       "&#xD;&#x0a;\t",
                                       "&#10;    ",
                                       "\t"};
    struct redact *redact = with("hunter22");
    for (size_t i = 0; i < sizeof gaps / sizeof *gaps; i++)
        check_gap(redact, gaps[i], true);
    check_gap(redact, ", ", false);
    check_gap(redact, "\n- ", false);
    char gap[REDACT_GAP_MAX + 2];
    snprintf(gap, sizeof gap, "\n%*s", REDACT_GAP_MAX - 1, "");
    check_gap(redact, gap, true);
    snprintf(gap, sizeof gap, "\n%*s", REDACT_GAP_MAX, "");
    check_gap(redact, gap, false);
    check(redact, "aHVu&#100;GVyMjI&#x3D;", "********I&#x3D;"); /* digits as entities */
    redact_free(redact);
}

static void test_overlapping_secrets(void **state)
{
    (void)state;
    struct redact *redact = with("abcdefgh");
    redact_add(redact, "abcdefghijkl", 12);
    redact_add(redact, "ijklmnop", 8);
    redact_add(redact, "cdefgh", 6);
    check(redact, "abcdefgh!", "********!");
    check(redact, "abcdefghijkl!", "********!");     /* the longest one */
    check(redact, "abcdefghijklmnop!", "********!"); /* no rest of the second one */
    check(redact, "abcdefghijkX", "********ijkX");
    check(redact, "xcdefghx", "x********x");
    redact_free(redact);
    redact = with("aaaaaa");
    check(redact, "aaaaa", "aaaaa");
    check(redact, "aaaaaaaaa", "********");
    redact_free(redact);
}

static void test_binary(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    redact_add(redact, "a\0b\0c\0d", 7);
    struct buf out;
    buf_create(&out, OUT_MAX);
    redact_text(redact, "x\0a\0b\0c\0d\0", 10, &out);
    assert_int_equal(out.len, 2 + strlen(REDACT_MASK) + 1);
    assert_memory_equal(out.data, "x\0********\0", out.len);
    buf_destroy(&out);
    redact_free(redact);
}

static void test_short_and_repeated_secrets(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    redact_add(redact, "12345", 5);
    redact_add(redact, "", 0);
    check(redact, "12345 and 123456", "12345 and 123456");
    for (int i = 0; i < 3; i++)
        redact_add(redact, "123456", 6);
    check(redact, "12345 and 123456", "12345 and ********");
    redact_free(redact);
    redact_free(NULL);
}

static void test_without_redaction(void **state)
{
    (void)state;
    struct buf out;
    buf_create(&out, OUT_MAX);
    redact_text(NULL, "hunter22", 8, &out);
    assert_string_equal(out.data, "hunter22");
    buf_destroy(&out);
    check_stream(NULL, "hunter22", 3, "hunter22");
}

static void test_output_is_cut_at_its_limit(void **state)
{
    (void)state;
    struct redact *redact = with("hunter22");
    struct buf out;
    buf_create(&out, 10);
    redact_text(redact, "1234hunter22", 12, &out);
    assert_string_equal(out.data, "1234******");
    buf_destroy(&out);
    redact_free(redact);
}

static void test_stream_holds_back_no_more_than_it_must(void **state)
{
    (void)state;
    struct redact *redact = with("hunter22");
    struct buf out;
    buf_create(&out, OUT_MAX);
    struct redact_stream *stream = redact_stream_new(redact, append, &out);
    redact_stream_write(stream, "progress: 42 ", 13);
    assert_string_equal(out.data, "progress: 42 ");
    redact_stream_write(stream, "hunter", 6);
    assert_string_equal(out.data, "progress: 42 ");
    redact_stream_write(stream, "s", 1);
    assert_string_equal(out.data, "progress: 42 hunters");
    redact_stream_write(stream, " hunter2", 8);
    redact_stream_write(stream, "2", 1);
    assert_string_equal(out.data, "progress: 42 hunters ********");
    redact_stream_write(stream, " hunt", 5);
    redact_stream_free(stream); /* what was held back was no secret */
    assert_string_equal(out.data, "progress: 42 hunters ******** hunt");
    buf_destroy(&out);
    redact_free(redact);
}

static void check_cut_stream(const char *text, const char *expected)
{
    struct redact *redact = with("hunter2-and-more");
    for (size_t piece = 1; piece < 20; piece++) {
        struct buf out;
        buf_create(&out, OUT_MAX);
        struct redact_stream *stream = redact_stream_new(redact, append, &out);
        size_t len = strlen(text);
        for (size_t pos = 0; pos < len; pos += piece)
            redact_stream_write(stream, text + pos, len - pos < piece ? len - pos : piece);
        redact_stream_cut(stream);
        redact_stream_free(stream);
        assert_string_equal(out.data, expected);
        buf_destroy(&out);
    }
    redact_free(redact);
}

static void test_what_a_cut_left_of_a_secret_is_masked(void **state)
{
    (void)state;
    check_cut_stream("it is hunter2-and-mor", "it is ********");
    check_cut_stream("it is hunter", "it is ********");
    check_cut_stream("it is hunte", "it is hunte"); /* less than REDACT_MIN_BYTES */
    check_cut_stream("it is hunter2-and-more", "it is ********");
    check_cut_stream("done, hunters\n", "done, hunters\n");
    check_cut_stream("hunter2%2Dand%2", "********");
    check_cut_stream("hunter2%2Dan%", "********");
    check_cut_stream("aHVudGVyMi1hbmQtb", "********");
    check_cut_stream("68756e746572322d61", "********");
    check_cut_stream("", "");
}

static void tell(void *arg, const char *secret, size_t len)
{
    buf_printf(arg, "%.*s;", (int)len, secret);
}

/* Whoever copies the secrets elsewhere hears of each once, from then on. */
static void test_new_secrets_are_told(void **state)
{
    (void)state;
    struct redact *redact = with("known-before");
    struct buf heard;
    buf_create(&heard, OUT_MAX);
    redact_observe(redact, tell, &heard);
    redact_add(redact, "known-before", 12);
    redact_add(redact, "short", 5);
    redact_add_owned(redact, "hunter22", 8, "contoso");
    redact_add_owned(redact, "hunter22", 8, "fabrikam");
    assert_string_equal(heard.data, "hunter22;");
    redact_observe(redact, NULL, NULL);
    redact_add(redact, "too-late-to-hear", 16);
    assert_string_equal(heard.data, "hunter22;");
    buf_destroy(&heard);
    redact_free(redact);
}

static void test_secret_added_between_writes(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    struct buf out;
    buf_create(&out, OUT_MAX);
    struct redact_stream *stream = redact_stream_new(redact, append, &out);
    redact_stream_write(stream, "hunter22 ", 9);
    redact_add(redact, "hunter22", 8);
    redact_stream_write(stream, "hunter22 ", 9);
    redact_stream_free(stream);
    assert_string_equal(out.data, "hunter22 ******** ");
    buf_destroy(&out);
    redact_free(redact);
}

static void test_long_secret(void **state)
{
    (void)state;
    size_t len = 200 * 1024 + 3;
    char *text = mem_alloc(len + 3);
    unsigned random = 1; /* no piece of it looks like another */
    for (size_t i = 0; i < len; i++) {
        random = random * 1103515245u + 12345u;
        text[i + 1] = (char)('a' + (random >> 16) % 26);
    }
    text[0] = text[len + 1] = '.';
    struct redact *redact = redact_new();
    redact_add(redact, text + 1, len);
    struct buf out;
    buf_create(&out, OUT_MAX);
    redact_text(redact, text, len + 2, &out);
    assert_string_equal(out.data, ".********************************."); /* in four pieces */
    buf_destroy(&out);
    redact_free(redact);
    mem_free(text);
}

static void test_more_secrets_than_the_limit(void **state)
{
    (void)state;
    struct redact *redact = redact_new();
    char secret[32];
    for (int i = 0; i <= REDACT_MAX; i++) {
        snprintf(secret, sizeof secret, "secret-%06d", i);
        redact_add(redact, secret, strlen(secret));
    }
    assert_true(finds(redact, "secret-000000")); /* pinned */
    snprintf(secret, sizeof secret, "secret-%06d", REDACT_PINNED - 1);
    assert_true(finds(redact, secret));
    snprintf(secret, sizeof secret, "secret-%06d", REDACT_PINNED);
    assert_false(finds(redact, secret)); /* the oldest of the others: 64 at once */
    snprintf(secret, sizeof secret, "secret-%06d", REDACT_PINNED + 63);
    assert_false(finds(redact, secret));
    snprintf(secret, sizeof secret, "secret-%06d", REDACT_PINNED + 64);
    assert_true(finds(redact, secret));
    snprintf(secret, sizeof secret, "secret-%06d", REDACT_MAX);
    assert_true(finds(redact, secret));
    redact_free(redact);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_what_a_cut_has_left),
        cmocka_unit_test(test_percent_encoded),
        cmocka_unit_test(test_json_escaped),
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_base64_in_a_query),
        cmocka_unit_test(test_base64_with_gaps),
        cmocka_unit_test(test_overlapping_secrets),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_short_and_repeated_secrets),
        cmocka_unit_test(test_without_redaction),
        cmocka_unit_test(test_output_is_cut_at_its_limit),
        cmocka_unit_test(test_stream_holds_back_no_more_than_it_must),
        cmocka_unit_test(test_what_a_cut_left_of_a_secret_is_masked),
        cmocka_unit_test(test_new_secrets_are_told),
        cmocka_unit_test(test_secret_added_between_writes),
        cmocka_unit_test(test_long_secret),
        cmocka_unit_test(test_more_secrets_than_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

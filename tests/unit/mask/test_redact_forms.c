/* The forms of a secret that others write: pages of HTML, dumps in hex, mail's base64; and what
 * looking for them costs. */
#include "mem.h"
#include "redact.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OUT_MAX            ((size_t)16 * 1024 * 1024)
#define WORDS_COST_MAX     190  /* 153 were measured, and 241 where what had begun never ended */
#define AMPERSAND_COST_MAX 150  /* half of that was measured */
#define COST_MAX           2000 /* basic blocks a byte; half of that was measured */

static struct redact *with(const char *secret)
{
    struct redact *redact = redact_new();
    redact_add(redact, secret, strlen(secret));
    return redact;
}

static void append(void *arg, const char *data, size_t len)
{
    buf_append(arg, data, len);
}

/* As a whole, and in two pieces at every place. */
static void check(const struct redact *redact, const char *text, const char *expected)
{
    struct buf out;
    buf_create(&out, OUT_MAX);
    redact_text(redact, text, strlen(text), &out);
    assert_string_equal(out.data, expected);
    for (size_t cut = 0; cut <= strlen(text); cut++) {
        buf_clear(&out);
        struct redact_stream *stream = redact_stream_new(redact, append, &out);
        redact_stream_write(stream, text, cut);
        redact_stream_write(stream, text + cut, strlen(text) - cut);
        redact_stream_free(stream);
        assert_string_equal(out.data, expected);
    }
    buf_destroy(&out);
}

static void doubled(void **state)
{
    (void)state;
    struct redact *redact = with("aB\"c'd\"\"ef");
    check(redact, "id,\"aB\"\"c'd\"\"\"\"ef\"\n", "id,\"********\"\n");
    check(redact, "'aB\"c''d\"\"ef'", "'********'");
    check(redact, "\"aB\"\"c'd\"...", "\"********...");
    check(redact, "\"\"aB\"\" ''", "\"\"aB\"\" ''");
    redact_free(redact);
    redact = with("\"begins and ends'");
    check(redact, "\"\"\"begins and ends'\"", "\"\"********\"");
    check(redact, "'\"begins and ends'''", "'********'");
    redact_free(redact);
}

static void html(void **state)
{
    (void)state;
    struct redact *redact = with("aB3&k<1>z\"Q'/`=\xc3\xa9");
    check(redact, "<p>aB3&amp;k&lt;1&gt;z&quot;Q&apos;&sol;&grave;&equals;\xc3\xa9</p>",
          "<p>********</p>");
    check(redact, "<p>aB3&#38;k&#60;1&#062;z&#34;Q&#039;&#x2F;&#x60;&#x3D;\xc3\xa9</p>",
          "<p>********</p>");
    check(redact, "<p>aB3&amp;k&lt;1>z\"Q'/`=&#233;</p>", "<p>********</p>"); /* some */
    check(redact, "<p>aB3&amp;k&lt;1>z\"Q'/`=&#xE9;</p>", "<p>********</p>");
    check(redact,
          "&#97;&#66;&#51;&#38;&#107;&#60;&#49;&#62;&#122;&#34;&#81;&#39;&#47;&#96;&#61;&#233;",
          "********");
    check(redact, "a &amp; b &nosuch; &#; &#x; &#xg; &#1114112; &",
          "a &amp; b &nosuch; &#; &#x; "
          "&#xg; &#1114112; &");
    check(redact, "aB3&amp;k&lt;1&g...", "********...");
    redact_free(redact);
    redact = with("a[b]c{d}e|f_g`h*");
    check(redact, "<a&lsqb;b&rsqb;c&lcub;d&rcub;e&vert;f&lowbar;g&grave;h&ast;>", "<********>");
    check(redact,
          "<a&lbrack;b&rbrack;c&lbrace;d&rbrace;e&verbar;f&UnderBar;g&DiacriticalGrave;h&midast;>",
          "<********>");
    check(redact, "<a[b]c{d}e&VerticalLine;f_g`h*>", "<********>");
    check(redact, "a[b]c{d}e|f_g&DiacriticalGra...", "********...");
    redact_free(redact);
}

static void hex(void **state)
{
    (void)state;
    struct redact *redact = with("hunter\xeb"
                                 "2");
    check(redact, "0x68756e746572eb32 68756E746572EB32", "0x******** ********");
    check(redact, "a68756E746572eb32b", "a********b"); /* at an odd place, cases mixed */
    check(redact, "68756e746572eb33", "68756e746572eb33");
    check(redact, "68756e746572e\xe2\x80\xa6", "********\xe2\x80\xa6");
    redact_free(redact);
}

/* base64 in lines of `width`, after `before` bytes. */
static void check_lines(const char *secret, size_t before, size_t width, const char *end)
{
    struct redact *redact = with(secret);
    unsigned char plain[512];
    char digits[1024];
    memset(plain, 'x', sizeof plain);
    memcpy(plain + before, secret, strlen(secret));
    sodium_bin2base64(digits, sizeof digits, plain, sizeof plain, sodium_base64_VARIANT_ORIGINAL);
    struct buf text, out;
    buf_create(&text, OUT_MAX);
    buf_create(&out, OUT_MAX);
    for (size_t i = 0; digits[i] != '\0'; i++) {
        if (i > 0 && i % width == 0)
            buf_puts(&text, end);
        buf_putc(&text, digits[i]);
    }
    redact_text(redact, text.data, text.len, &out);
    const char *mask = strstr(out.data, REDACT_MASK);
    assert_non_null(mask);
    size_t begin = (before * 8 + 5) / 6, breaks = begin > 0 ? (begin - 1) / width : 0;
    size_t left = begin + breaks * strlen(end);
    assert_true((size_t)(mask - out.data) >= left);
    assert_true((size_t)(mask - out.data) <= left + strlen(end));
    assert_null(strstr(mask + 1, REDACT_MASK "*"));
    buf_destroy(&text);
    buf_destroy(&out);
    redact_free(redact);
}

static void base64_in_lines(void **state)
{
    (void)state;
    for (size_t before = 0; before < 90; before++) {
        check_lines("a secret of forty bytes, or nearly so: 1", before, 64, "\n");
        check_lines("a secret of forty bytes, or nearly so: 1", before, 76, "\r\n");
        check_lines("a secret of forty bytes, or nearly so: 1", before, 76, "\\n");
        check_lines("a secret of forty bytes, or nearly so: 1", before, 76, "\\r\\n");
    }
    struct redact *redact = with("hunter22");
    check(redact, "aHVu\n\n\ndGVyMjI=", "********I="); /* a gap, whatever it looks like */
    redact_free(redact);
}

/* Basic blocks of core/mask that were run: its files are compiled into this test to call it. */
static unsigned long blocks;
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
    blocks++;
}

/* Basic blocks a byte, of the whole text and of a stream together. */
static unsigned long cost(const struct redact *redact, const char *unit, size_t len)
{
    struct buf text, out;
    buf_create(&text, len);
    buf_create(&out, OUT_MAX);
    while (buf_puts(&text, unit) == 0)
        continue;
    blocks = 0;
    redact_text(redact, text.data, text.len, &out);
    struct redact_stream *stream = redact_stream_new(redact, append, &out);
    for (size_t i = 0; i < text.len; i += 1000)
        redact_stream_write(stream, text.data + i, text.len - i < 1000 ? text.len - i : 1000);
    redact_stream_free(stream);
    unsigned long per_byte = text.len > 0 ? blocks / text.len : 0;
    buf_destroy(&text);
    buf_destroy(&out);
    return per_byte;
}

/* Whoever sends the text can make it like the secrets. Work for each byte of a secret would be over
 * 16,000 blocks a byte, and work for each secret over 2,000. */
static void hostile_texts_cost_what_others_cost(void **state)
{
    (void)state;
    static const char *const units[] = {"a",
                                        "%61",
                                        "\\u0061",
                                        "&#97;",
                                        "61",
                                        "YWFh",
                                        "YW\nFh",
                                        "%",
                                        "\\",
                                        "&#",
                                        "a.",
                                        "aaaaaaa...",
                                        "Y W F h ",
                                        "YW\n                              Fh",
                                        "Y                               W",
                                        "&#89; &#10;",
                                        " "};
    size_t len = 16000;
    char *secret = mem_alloc(len + 1), alike[64];
    memset(secret, 'a', len);
    struct redact *redact = with(secret);
    for (int i = 0; i < 2000; i++) {
        snprintf(alike, sizeof alike, "aaaaaaaaaaaaaaaaaaaaaaaa%d", i);
        redact_add(redact, alike, strlen(alike));
    }
    redact_add(redact, "aaaaaa", 6);
    cost(redact, "a", 100);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        unsigned long per_byte = cost(redact, units[i], (size_t)128 * 1024);
        assert_int_not_equal(per_byte, 0);
        if (per_byte > COST_MAX)
            fail_msg("a byte of '%s' took %lu basic blocks", units[i], per_byte);
    }
    redact_free(redact);
    mem_free(secret);
}

/* What begins like an entity is looked up in few steps: all 37 names took over 300 blocks. */
static void ampersands_cost_little(void **state)
{
    (void)state;
    struct redact *redact = with("abcdefghijklm");
    cost(redact, "&", 100); /* and the machines are built */
    unsigned long per_byte = cost(redact, "&", (size_t)128 * 1024);
    redact_free(redact);
    if (per_byte > AMPERSAND_COST_MAX)
        fail_msg("an ampersand took %lu basic blocks", per_byte);
}

/* Of letters and digits that follow no rule. */
static void put_word(uint32_t *seed, struct buf *out, const char *letters, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        *seed = *seed * 1103515245 + 12345;
        buf_putc(out, letters[(*seed >> 16) % strlen(letters)]);
    }
}

/* Words are digits of base64, and blanks between them mean nothing there: a form seems to begin at
 * each of them, where there are many secrets. */
static void words_are_passed_by_many_secrets(void **state)
{
    (void)state;
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint32_t seed = 1;
    struct redact *redact = redact_new();
    struct buf text;
    buf_create(&text, OUT_MAX);
    for (int i = 0; i < 1000; i++) {
        buf_clear(&text);
        put_word(&seed, &text, letters, 40);
        redact_add(redact, text.data, text.len);
    }
    buf_clear(&text);
    while (text.len < 8000) {
        put_word(&seed, &text, "etaoinshrdlucm", 2 + seed % 8);
        buf_putc(&text, ' ');
    }
    cost(redact, text.data, text.len); /* and the machines are built */
    unsigned long per_byte = cost(redact, text.data, text.len);
    buf_destroy(&text);
    redact_free(redact);
    if (per_byte > WORDS_COST_MAX)
        fail_msg("a byte of words took %lu basic blocks", per_byte);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(html),
        cmocka_unit_test(doubled),
        cmocka_unit_test(hex),
        cmocka_unit_test(base64_in_lines),
        cmocka_unit_test(hostile_texts_cost_what_others_cost),
        cmocka_unit_test(ampersands_cost_little),
        cmocka_unit_test(words_are_passed_by_many_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

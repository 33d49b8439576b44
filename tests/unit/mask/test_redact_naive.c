/*
 * The masking against one that is slow and simple: each way to read a text decodes all of it, and
 * each form of each secret is compared at each place. Random texts hold secrets in all forms, parts
 * of them and what looks like escapes.
 *
 * usage: test_redact_naive [TEXTS [SEED]]    with JETON_SOAK set, a million texts by default
 */
#include "err.h"
#include "mem.h"
#include "redact.h"
#include "redact_escapes.h"
#include "redact_forms.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT_MAX    ((size_t)1024)
#define SECRETS_MAX 4
#define SECRET_MAX  24
#define WORD_MAX    64

static unsigned long texts = 20000, seed = 1;

static unsigned rnd(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return below > 0 ? (unsigned)(seed >> 33) % below : 0;
}

struct word {
    char data[WORD_MAX];
    size_t len;
    size_t secret;
};

/* One byte in one way to read the text. `apart`: it follows nothing. */
struct byte {
    char c;
    size_t begin, end;
    bool apart;
};

struct naive {
    struct word plain[SECRETS_MAX], base64[3 * SECRETS_MAX];
    size_t secrets;
    const char *text;
    size_t len;
    struct byte bytes[2 * TEXT_MAX];
    size_t count;
    bool joined[TEXT_MAX + 1]; /* this byte and the one before are under one mask */
    bool masked[TEXT_MAX + 1];
    bool found[SECRETS_MAX];
};

static bool is_mark(const struct naive *naive, size_t pos)
{
    return naive->len - pos >= 3 &&
           (memcmp(naive->text + pos, "...", 3) == 0 || memcmp(naive->text + pos, ERR_CUT, 3) == 0);
}

static void cover(struct naive *naive, size_t begin, size_t end)
{
    for (size_t i = begin; i < end; i++) {
        naive->masked[i] = true;
        naive->joined[i] = naive->joined[i] || i > begin;
    }
}

/* Do the last `len` bytes before `end` (of bytes) equal the first of word? */
static bool ends_with(const struct naive *naive, size_t end, const struct word *word, size_t len)
{
    if (end < len)
        return false;
    for (size_t i = 0; i < len; i++) {
        const struct byte *byte = &naive->bytes[end - len + i];
        if (byte->c != word->data[i] || (i > 0 && byte->apart))
            return false;
    }
    return true;
}

static void cut_at(struct naive *naive, size_t end, size_t mark, const struct word *words,
                   size_t count)
{
    for (size_t w = 0; w < count; w++) {
        for (size_t len = REDACT_MIN_BYTES; len < words[w].len; len++) {
            if (ends_with(naive, end, &words[w], len))
                cover(naive, naive->bytes[end - len].begin, mark);
        }
    }
}

static void search(struct naive *naive, const struct word *words, size_t count)
{
    for (size_t end = 1; end <= naive->count; end++) {
        for (size_t w = 0; w < count; w++) {
            if (!ends_with(naive, end, &words[w], words[w].len))
                continue;
            cover(naive, naive->bytes[end - words[w].len].begin, naive->bytes[end - 1].end);
            naive->found[words[w].secret] = true;
        }
    }
}

static void add_bytes(struct naive *naive, const struct redact_unit *unit, size_t pos, bool apart)
{
    for (size_t i = 0; i < unit->size; i++)
        naive->bytes[naive->count++] =
            (struct byte){unit->bytes[i], pos, pos + unit->used, apart && i == 0};
}

/* A mark cuts the escape that would begin here. */
static void try_cut_escape(struct naive *naive, size_t pos, unsigned ways, const struct word *words,
                           size_t count)
{
    struct redact_unit unit;
    for (size_t i = 1; i < READ_BYTES_MAX && pos + i < naive->len; i++) {
        if (!is_mark(naive, pos + i))
            continue;
        if (redact_escapes_read(naive->text + pos, i, ways, &unit) == MATCH_PARTIAL)
            cut_at(naive, naive->count, pos + i, words, count);
        return;
    }
}

static void read_text(struct naive *naive, unsigned ways)
{
    naive->count = 0;
    for (size_t pos = 0; pos < naive->len;) {
        struct redact_unit unit;
        if (is_mark(naive, pos))
            cut_at(naive, naive->count, pos, naive->plain, naive->secrets);
        if (redact_escapes_read(naive->text + pos, naive->len - pos, ways, &unit) != MATCH_FULL) {
            unit = (struct redact_unit){.bytes = {naive->text[pos]}, .size = 1, .used = 1};
            try_cut_escape(naive, pos, ways, naive->plain, naive->secrets);
        }
        add_bytes(naive, &unit, pos, false);
        pos += unit.used;
    }
    search(naive, naive->plain, naive->secrets);
}

static void read_hex(struct naive *naive, size_t from)
{
    bool apart = true;
    naive->count = 0;
    for (size_t pos = from; pos < naive->len; pos += 2) {
        struct redact_unit unit;
        if (!apart && is_mark(naive, pos))
            cut_at(naive, naive->count, pos, naive->plain, naive->secrets);
        if (redact_escapes_read(naive->text + pos, naive->len - pos, READ_HEX, &unit) ==
            MATCH_FULL) {
            add_bytes(naive, &unit, pos, apart);
            apart = false;
            continue;
        }
        if (!apart)
            try_cut_escape(naive, pos, READ_HEX, naive->plain, naive->secrets);
        apart = true;
    }
    search(naive, naive->plain, naive->secrets);
}

static void read_base64(struct naive *naive)
{
    const unsigned ways = READ_PERCENT | READ_JSON | READ_HTML;
    size_t gap = 0;
    bool apart = true;
    naive->count = 0;
    for (size_t pos = 0; pos < naive->len;) {
        struct redact_unit unit;
        if (!apart && is_mark(naive, pos))
            cut_at(naive, naive->count, pos, naive->base64, 3 * naive->secrets);
        if (redact_escapes_read(naive->text + pos, naive->len - pos, ways, &unit) != MATCH_FULL) {
            unit = (struct redact_unit){.bytes = {naive->text[pos]}, .size = 1, .used = 1};
            if (!apart)
                try_cut_escape(naive, pos, ways, naive->base64, 3 * naive->secrets);
        }
        char digit = unit.size == 1 ? redact_forms_digit(unit.bytes[0]) : '\0';
        if (digit != '\0') {
            unit.bytes[0] = digit;
            add_bytes(naive, &unit, pos, apart);
            apart = false;
            gap = 0;
        } else {
            gap += unit.used;
            apart =
                apart || unit.size != 1 || gap > 64 || memchr(" \t\r\n", unit.bytes[0], 4) == NULL;
        }
        pos += unit.used;
    }
    search(naive, naive->base64, 3 * naive->secrets);
}

static bool has(const struct naive *naive, char c)
{
    for (size_t i = 0; i < naive->secrets; i++) {
        if (memchr(naive->plain[i].data, c, naive->plain[i].len) != NULL)
            return true;
    }
    return false;
}

static void naive_mask(struct naive *naive, const char *text, size_t len, struct buf *out)
{
    naive->text = text;
    naive->len = len;
    memset(naive->joined, 0, sizeof naive->joined);
    memset(naive->masked, 0, sizeof naive->masked);
    memset(naive->found, 0, sizeof naive->found);
    static const unsigned ways[] = {
        0, READ_PERCENT, READ_PERCENT | READ_FORM, READ_JSON, READ_PERCENT | READ_JSON, READ_HTML};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        read_text(naive, ways[i]);
    if (has(naive, '"'))
        read_text(naive, READ_QUOTES);
    if (has(naive, '\''))
        read_text(naive, READ_APOS);
    read_hex(naive, 0);
    read_hex(naive, 1);
    read_base64(naive);
    for (size_t i = 0; i < len; i++) {
        if (!naive->masked[i])
            buf_putc(out, text[i]);
        else if (!naive->joined[i])
            buf_puts(out, REDACT_MASK);
    }
}

/* base64 of the secret after `offset` bytes, without the digits that others have a part in. */
static void add_base64_word(struct naive *naive, size_t secret, size_t offset)
{
    struct word *word = &naive->base64[secret * 3 + offset];
    const struct word *plain = &naive->plain[secret];
    unsigned char bytes[SECRET_MAX + 3] = {0};
    char digits[WORD_MAX];
    memcpy(bytes + offset, plain->data, plain->len);
    sodium_bin2base64(digits, sizeof digits, bytes, plain->len + offset,
                      sodium_base64_VARIANT_ORIGINAL_NO_PADDING);
    size_t begin = (offset * 8 + 5) / 6;
    word->len = (offset + plain->len) * 8 / 6 - begin;
    word->secret = secret;
    memcpy(word->data, digits + begin, word->len);
}

/* Few letters, so that parts of secrets are alike. */
static void make_secrets(struct naive *naive, struct redact *redact)
{
    static const char letters[] = "aaaabbc%\\&+ /\"'<;.2561\xc3\xa9\n";
    const size_t few = 2 + rnd(sizeof letters - 3);
    const unsigned filled = rnd(4 * SECRETS_MAX); /* after this one, others make it an old one */
    naive->secrets = 1 + rnd(SECRETS_MAX);
    for (size_t i = 0; i < naive->secrets; i++) {
        struct word *word = &naive->plain[i];
        bool known;
        do {
            word->len = REDACT_MIN_BYTES + rnd(SECRET_MAX - REDACT_MIN_BYTES);
            word->secret = i;
            known = false;
            for (size_t k = 0; k < word->len; k++)
                word->data[k] = letters[rnd((unsigned)few)];
            for (size_t k = 0; k < i; k++)
                known = known || (naive->plain[k].len == word->len &&
                                  memcmp(naive->plain[k].data, word->data, word->len) == 0);
        } while (known);
        redact_add(redact, word->data, word->len);
        for (size_t offset = 0; offset < 3; offset++)
            add_base64_word(naive, i, offset);
        for (int k = 0; i == filled && k < 70; k++) {
            char other[32];
            int len = snprintf(other, sizeof other, "no text has zzz %d", k);
            redact_add(redact, other, (size_t)len);
        }
    }
}

static void add_base64(struct buf *text, const struct word *word)
{
    unsigned char bytes[SECRET_MAX + 8];
    char digits[2 * sizeof bytes];
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE};
    size_t before = rnd(4), after = rnd(4);
    memset(bytes, 'a', sizeof bytes);
    memcpy(bytes + before, word->data, word->len);
    sodium_bin2base64(digits, sizeof digits, bytes, before + word->len + after, variants[rnd(2)]);
    unsigned every = 1 + rnd(40);
    for (size_t i = 0; digits[i] != '\0'; i++) {
        static const char *const gaps[] = {"\n",   "\r\n",   "\\n",   " ",
                                           "\n  ", "\r\n\t", "&#10;", "%0A"};
        static const size_t kinds = sizeof gaps / sizeof *gaps;
        if (rnd(every) == 0)
            buf_puts(text, gaps[rnd(kinds)]);
        if (rnd(200) == 0)
            buf_printf(text, "%*s", 60 + (int)rnd(8), "");
        if (rnd(40) == 0)
            buf_printf(text, rnd(2) == 0 ? "%%%02x" : "\\u%04X", digits[i]);
        else
            buf_putc(text, digits[i]);
    }
}

enum way {
    RAW,
    URL,
    URL_UPPER,
    BACKSLASH,
    UNICODE,
    ENTITY,
    ENTITY_HEX,
    DOUBLED,
    HEX,
    HEX_UPPER,
    WAYS
};

static void add_byte(struct buf *text, enum way way, unsigned char c)
{
    switch (way) {
    case URL:
        buf_printf(text, "%%%02x", c);
        break;
    case URL_UPPER:
        buf_printf(text, "%%%02X", c);
        break;
    case BACKSLASH:
        buf_printf(text, "\\x%02x", c);
        break;
    case UNICODE:
        buf_printf(text, "\\u%04x", c);
        break;
    case ENTITY:
        buf_printf(text, "&#%d;", c);
        break;
    case ENTITY_HEX:
        buf_printf(text, "&#x%X;", c);
        break;
    case HEX:
        buf_printf(text, "%02x", c);
        break;
    case HEX_UPPER:
        buf_printf(text, "%02X", c);
        break;
    default:
        buf_putc(text, (char)c);
    }
}

/* As people write it, where there is a shorter way. */
static bool add_short(struct buf *text, enum way way, unsigned char c)
{
    if ((way == URL || way == URL_UPPER) && c == ' ')
        buf_putc(text, '+');
    else if (way == ENTITY && (c == '&' || c == '<' || c == '"'))
        buf_puts(text, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&quot;");
    else if (way == DOUBLED && (c == '"' || c == '\''))
        buf_printf(text, "%c%c", c, c);
    else if (way == BACKSLASH && (c == '\\' || c == '/' || c == '"'))
        buf_printf(text, "\\%c", c);
    else
        return false;
    return true;
}

/* Each byte, or only some of them. */
static void add_escaped(struct buf *text, const struct word *word, size_t len)
{
    enum way way = rnd(WAYS);
    unsigned every = rnd(3) == 0 || way >= HEX ? 1 : 1 + rnd(4);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)word->data[i];
        if (rnd(2) == 0 || !add_short(text, way, c))
            add_byte(text, rnd(every) == 0 ? way : RAW, c);
    }
}

static void make_text(const struct naive *naive, struct buf *text)
{
    static const char noise[] = "aabc%\\&+#x;u0261 /\"'<.-_=\n\r";
    static const char *const junk[] = {"...", ERR_CUT, "\"",    "%",   "\\",
                                       "&#",  "%2",    "\\u00", "&am", "."};
    size_t parts = rnd(6);
    for (size_t i = 0; i < parts; i++) {
        const struct word *word = &naive->plain[rnd((unsigned)naive->secrets)];
        switch (rnd(6)) {
        case 0:
            for (size_t k = rnd(6); k > 0; k--)
                buf_putc(text, noise[rnd(sizeof noise - 1)]);
            break;
        case 1:
            add_base64(text, word);
            break;
        case 2:
            buf_puts(text, junk[rnd(sizeof junk / sizeof *junk)]);
            break;
        case 3:
            add_escaped(text, word, 1 + rnd((unsigned)word->len));
            break;
        default:
            add_escaped(text, word, word->len);
        }
        if (rnd(6) == 0 && text->len > 0)
            text->data[--text->len] = '\0';
        if (rnd(6) == 0)
            buf_puts(text, junk[rnd(2)]);
    }
}

static void append(void *arg, const char *data, size_t len)
{
    buf_append(arg, data, len);
}

static void check_same(const struct naive *naive, const struct buf *got, const struct buf *expected,
                       const char *how)
{
    if (got->len == expected->len && memcmp(got->data, expected->data, got->len) == 0)
        return;
    for (size_t i = 0; i < naive->secrets; i++)
        print_error("secret '%.*s'\n", (int)naive->plain[i].len, naive->plain[i].data);
    fail_msg("%s: '%.*s' became '%s', not '%s'", how, (int)naive->len, naive->text, got->data,
             expected->data);
}

static void check_stream(const struct naive *naive, const struct redact *redact, size_t first,
                         unsigned pieces, const struct buf *expected)
{
    struct buf out;
    buf_create(&out, 16 * TEXT_MAX);
    struct redact_stream *stream = redact_stream_new(redact, append, &out);
    size_t pos = 0, size = first;
    while (pos < naive->len) {
        size = size < naive->len - pos ? size : naive->len - pos;
        redact_stream_write(stream, naive->text + pos, size);
        pos += size;
        size = pieces > 0 ? 1 + rnd(pieces) : naive->len;
    }
    redact_stream_free(stream);
    check_same(naive, &out, expected, "in pieces");
    buf_destroy(&out);
}

struct heard {
    size_t count;
};

static bool hear(void *arg, const char *const *owners)
{
    (void)owners;
    ((struct heard *)arg)->count++;
    return true;
}

static void random_texts_are_masked_as_the_slow_way_does(void **state)
{
    (void)state;
    struct naive *naive = mem_alloc(sizeof *naive);
    struct buf text, out, expected;
    buf_create(&text, TEXT_MAX);
    buf_create(&out, 16 * TEXT_MAX);
    buf_create(&expected, 16 * TEXT_MAX);
    struct redact *redact = NULL;
    for (unsigned long i = 0; i < texts; i++) {
        if (i % 16 == 0) {
            redact_free(redact);
            redact = redact_new();
            make_secrets(naive, redact);
        }
        buf_clear(&text);
        buf_clear(&out);
        buf_clear(&expected);
        make_text(naive, &text);
        naive_mask(naive, text.data, text.len, &expected);
        redact_text(redact, text.data, text.len, &out);
        check_same(naive, &out, &expected, "as a whole");
        struct heard heard = {0};
        size_t found = 0;
        for (size_t k = 0; k < naive->secrets; k++)
            found += naive->found[k];
        redact_find(redact, text.data, text.len, hear, &heard);
        assert_int_equal(heard.count, found);
        check_stream(naive, redact, 1 + rnd(20), 1 + rnd(20), &expected);
        for (size_t first = 1; i % 64 == 0 && first < text.len; first++)
            check_stream(naive, redact, first, 0, &expected);
    }
    redact_free(redact);
    buf_destroy(&text);
    buf_destroy(&out);
    buf_destroy(&expected);
    mem_free(naive);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_texts_are_masked_as_the_slow_way_does),
    };
    if (getenv("JETON_SOAK") != NULL)
        texts = 1000000;
    if (argc > 1)
        texts = strtoul(argv[1], NULL, 10);
    if (argc > 2)
        seed = strtoul(argv[2], NULL, 10);
    print_message("%lu texts from seed %lu\n", texts, seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

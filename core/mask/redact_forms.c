#include "redact_forms.h"

#include "mem.h"
#include "redact_escapes.h"

#include <sodium.h>
#include <string.h>

#define OFFSETS 3 /* places of a secret's first byte in a group of base64 */

/* Bytes of a secret that decide on the first FORMS_GRAM_BYTES of each of its forms. */
#define BEGIN_BYTES ((size_t)6)

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char redact_forms_digit(char c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '/' && c <= '9') || c == '+')
        return c;
    return c == '-' ? '+' : c == '_' ? '/' : '\0';
}

/* Case makes no difference in text, so that hex digits of any case have the same gram. */
static uint32_t gram_of(enum forms_kind kind, const char *text)
{
    uint32_t gram;
    memcpy(&gram, text, FORMS_GRAM_BYTES);
    if (kind == FORMS_TEXT)
        gram |= UINT32_C(0x20202020);
    return gram * UINT32_C(2654435761) >> (32 - FORMS_GRAM_BITS); /* by the golden ratio */
}

bool redact_forms_may_begin(const struct redact_forms *forms, enum forms_kind kind,
                            const char *text)
{
    uint32_t gram = gram_of(kind, text);
    return (forms->grams[kind][gram >> 3] & 1u << (gram & 7)) != 0;
}

static void add_gram(struct redact_forms *forms, enum forms_kind kind, const char *text)
{
    uint32_t gram = gram_of(kind, text);
    unsigned char first = (unsigned char)*text;
    forms->grams[kind][gram >> 3] |= (unsigned char)(1u << (gram & 7));
    forms->begins[kind][first] = true;
    if (kind == FORMS_TEXT) /* as gram_of has it */
        forms->begins[kind][first | 0x20] = forms->begins[kind][first & ~0x20] = true;
}

/*
 * What base64 of any text with this secret in it contains, when `offset` bytes precede the secret
 * in its group: only the digits that depend on no neighbouring byte. Returns how many.
 */
static size_t base64(const char *secret, size_t len, size_t offset, char *out)
{
    size_t begin = (offset * 8 + 5) / 6, end = (offset + len) * 8 / 6;
    for (size_t digit = begin; digit < end; digit++) {
        size_t bit = digit * 6 - offset * 8; /* of the secret */
        const unsigned char *at = (const unsigned char *)secret + bit / 8;
        unsigned pair = (unsigned)at[0] << 8 | (bit / 8 + 1 < len ? at[1] : 0);
        *out++ = alphabet[pair >> (10 - bit % 8) & 63];
    }
    return end - begin;
}

/* Also where digits that the alphabets write differently are among the first ones. */
static void add_base64_grams(struct redact_forms *forms, const char *begin, size_t offset)
{
    char digits[BEGIN_BYTES * 8 / 6 + 1], gram[FORMS_GRAM_BYTES];
    base64(begin, BEGIN_BYTES, offset, digits);
    add_gram(forms, FORMS_BASE64, digits);
    if (memchr(digits, '+', FORMS_GRAM_BYTES) == NULL &&
        memchr(digits, '/', FORMS_GRAM_BYTES) == NULL)
        return;
    for (unsigned other = 1; other < 1u << FORMS_GRAM_BYTES; other++) {
        bool possible = true;
        for (size_t i = 0; i < FORMS_GRAM_BYTES; i++) {
            bool differs = digits[i] == '+' || digits[i] == '/';
            gram[i] = digits[i];
            if ((other & 1u << i) != 0) {
                possible = possible && differs;
                gram[i] = digits[i] == '+' ? '-' : '_';
            }
        }
        if (possible)
            add_gram(forms, FORMS_BASE64, gram);
    }
}

static void add_grams(struct redact_forms *forms, const struct forms_secret *secret)
{
    char hex[FORMS_GRAM_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, (const unsigned char *)secret->data, FORMS_GRAM_BYTES / 2);
    add_gram(forms, FORMS_TEXT, secret->data);
    add_gram(forms, FORMS_TEXT, hex);
    for (size_t offset = 0; offset < OFFSETS; offset++)
        add_base64_grams(forms, secret->data, offset);
    forms->nibbles |= 1u << ((unsigned char)secret->data[0] >> 4);
    if (memchr(secret->data, ' ', secret->len) != NULL)
        forms->escapes['+'] = READ_FORM;
    if (memchr(secret->data, '"', secret->len) != NULL)
        forms->escapes['"'] = READ_QUOTES;
    if (memchr(secret->data, '\'', secret->len) != NULL)
        forms->escapes['\''] = READ_APOS;
}

static void forget_machines(struct redact_forms *forms)
{
    for (size_t kind = 0; kind < FORMS_KINDS; kind++) {
        redact_machine_destroy(&forms->machines[kind]);
        mem_free(forms->words[kind]);
        forms->words[kind] = NULL;
    }
    forms->version++;
}

struct redact_forms *redact_forms_new(void)
{
    struct redact_forms *forms = mem_alloc(sizeof *forms);
    forms->escapes['%'] = READ_PERCENT | READ_FORM;
    forms->escapes['\\'] = READ_JSON;
    forms->escapes['&'] = READ_HTML;
    forms->escapes['\n'] = forms->escapes['\r'] = FORMS_GAP;
    forms->escapes[' '] = forms->escapes['\t'] = FORMS_GAP;
    return forms;
}

static void secret_free(struct forms_secret *secret)
{
    sodium_memzero(secret->data, secret->len);
    mem_free(secret->data);
}

void redact_forms_free(struct redact_forms *forms)
{
    forget_machines(forms);
    for (size_t i = 0; i < forms->count; i++)
        secret_free(&forms->secrets[i]);
    mem_free(forms->secrets);
    mem_free(forms);
}

uint32_t redact_forms_sum(const char *secret, size_t len)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < len; i++)
        sum = sum * 31 + (unsigned char)secret[i];
    return sum;
}

void redact_forms_add(struct redact_forms *forms, const char *secret, size_t len)
{
    forget_machines(forms);
    forms->secrets = mem_realloc(forms->secrets, (forms->count + 1) * sizeof *forms->secrets);
    forms->secrets[forms->count] = (struct forms_secret){
        .data = mem_strndup(secret, len), .len = len, .sum = redact_forms_sum(secret, len)};
    add_grams(forms, &forms->secrets[forms->count++]);
}

/* What depends on the secrets, before those that stay are added again. */
static void forget_begins(struct redact_forms *forms)
{
    memset(forms->grams, 0, sizeof forms->grams);
    memset(forms->begins, 0, sizeof forms->begins);
    forms->nibbles = 0;
    forms->escapes['+'] = forms->escapes['"'] = forms->escapes['\''] = 0;
}

void redact_forms_move(struct redact_forms *forms, struct redact_forms *to)
{
    for (size_t i = 0; i < forms->count; i++) {
        redact_forms_add(to, forms->secrets[i].data, forms->secrets[i].len);
        secret_free(&forms->secrets[i]);
    }
    forget_machines(forms);
    forms->count = 0;
    forget_begins(forms);
}

void redact_forms_remove(struct redact_forms *forms, size_t index, size_t count)
{
    forget_machines(forms);
    for (size_t i = index; i < index + count; i++)
        secret_free(&forms->secrets[i]);
    forms->count -= count;
    memmove(&forms->secrets[index], &forms->secrets[index + count],
            (forms->count - index) * sizeof *forms->secrets);
    forget_begins(forms);
    for (size_t i = 0; i < forms->count; i++)
        add_grams(forms, &forms->secrets[i]);
}

static void build_text(struct redact_forms *forms)
{
    struct redact_word *words = mem_alloc((forms->count + 1) * sizeof *words);
    for (size_t i = 0; i < forms->count; i++)
        words[i] = (struct redact_word){
            .data = forms->secrets[i].data, .len = forms->secrets[i].len, .secret = (uint32_t)i};
    redact_machine_create(&forms->machines[FORMS_TEXT], words, forms->count);
    forms->words[FORMS_TEXT] = words;
}

static void build_base64(struct redact_forms *forms)
{
    struct redact_word *words = mem_alloc((OFFSETS * forms->count + 1) * sizeof *words);
    size_t size = 0, used = 0;
    for (size_t i = 0; i < forms->count; i++)
        size += OFFSETS * (forms->secrets[i].len * 8 / 6 + 1);
    char *digits = mem_alloc(size + 1);
    for (size_t i = 0; i < OFFSETS * forms->count; i++) {
        const struct forms_secret *secret = &forms->secrets[i / OFFSETS];
        size_t len = base64(secret->data, secret->len, i % OFFSETS, digits + used);
        words[i] = (struct redact_word){
            .data = digits + used, .len = len, .secret = (uint32_t)(i / OFFSETS)};
        used += len;
    }
    redact_machine_create(&forms->machines[FORMS_BASE64], words, OFFSETS * forms->count);
    forms->words[FORMS_BASE64] = words;
    sodium_memzero(digits, size);
    mem_free(digits);
}

const struct redact_machine *redact_forms_machine(struct redact_forms *forms, enum forms_kind kind)
{
    if (forms->words[kind] == NULL)
        (kind == FORMS_TEXT ? build_text : build_base64)(forms);
    return &forms->machines[kind];
}

#include "redact_skip.h"

#include "redact_limits.h"

#include <string.h>

#define TEXT_ESCAPES (READ_PERCENT | READ_FORM | READ_JSON | READ_HTML | READ_QUOTES | READ_APOS)

char redact_skip_digit(const struct redact_unit *unit)
{
    return unit->size == 1 ? redact_forms_digit(unit->bytes[0]) : '\0';
}

bool redact_skip_is_gap(const struct redact_unit *unit)
{
    return unit->size == 1 && memchr(" \t\r\n", unit->bytes[0], 4) != NULL;
}

/* What comes before `pos` and may be of the first bytes of a form. */
static size_t gram_before(size_t from, size_t pos)
{
    return pos - from < FORMS_GRAM_BYTES - 1 ? from : pos - (FORMS_GRAM_BYTES - 1);
}

/* A text that is not at its end ends in bytes of which too little is known: the first of them that
 * may begin something. */
static size_t begin_of_end(const struct redact_forms *forms, enum forms_kind kind,
                           const struct redact_view *view, size_t from)
{
    size_t pos = gram_before(from, view->len);
    while (pos < view->len && !forms->begins[kind][(unsigned char)view->text[pos]] &&
           forms->escapes[(unsigned char)view->text[pos]] == 0)
        pos++;
    return pos;
}

/*
 * Something may begin at text: is there an escape among its first bytes? Then the same escape may
 * be among the first bytes of something that began before.
 */
static bool escape_follows(const struct redact_forms *forms, const char *text, unsigned leads)
{
    for (size_t i = 1; i < FORMS_GRAM_BYTES; i++) {
        if ((forms->escapes[(unsigned char)text[i]] & leads) != 0)
            return true;
    }
    return false;
}

/*
 * Nothing has begun at `from`: the next place at which a form may begin, or the beginning of one
 * with an escape in its first bytes. Most of a text is passed here.
 */
size_t redact_skip_text(const struct redact_forms *forms, const struct redact_view *view,
                        size_t from)
{
    struct redact_unit unit;
    for (size_t pos = from; pos < view->len; pos++) {
        const char *text = view->text + pos;
        unsigned ways = forms->escapes[(unsigned char)*text] & TEXT_ESCAPES;
        if (ways == 0 && !forms->begins[FORMS_TEXT][(unsigned char)*text])
            continue;
        if (ways != 0 && redact_escapes_read(text, view->len - pos, ways, &unit) != MATCH_NO)
            return gram_before(from, pos);
        if (pos + FORMS_GRAM_BYTES <= view->len && redact_forms_may_begin(forms, FORMS_TEXT, text))
            return escape_follows(forms, text, TEXT_ESCAPES) ? gram_before(from, pos) : pos;
    }
    return view->final ? view->len : begin_of_end(forms, FORMS_TEXT, view, from);
}

/* May a form begin with the digits from `begin` on, of which a gap is among the first? */
static bool may_begin_apart(const struct redact_forms *forms, const struct redact_view *view,
                            size_t begin)
{
    char gram[FORMS_GRAM_BYTES];
    size_t count = 0, last = begin;
    for (size_t pos = begin; pos - last <= REDACT_GAP_MAX + 1; pos++) {
        if (pos == view->len)
            return !view->final;
        char c = view->text[pos];
        unsigned lead = forms->escapes[(unsigned char)c];
        if ((lead & SKIP_BASE64) != 0)
            return true;
        if (lead == FORMS_GAP)
            continue;
        if (redact_forms_digit(c) == '\0')
            return false;
        last = pos;
        gram[count++] = c;
        if (count == FORMS_GRAM_BYTES)
            return redact_forms_may_begin(forms, FORMS_BASE64, gram);
    }
    return false;
}

/* A blank or an end of line at pos: may a form have begun shortly before, and go on behind it? */
static bool parts_digits(const struct redact_forms *forms, const struct redact_view *view,
                         size_t from, size_t pos)
{
    for (size_t begin = pos; begin > gram_before(from, pos);) {
        if (redact_forms_digit(view->text[--begin]) == '\0')
            return false;
        if (forms->begins[FORMS_BASE64][(unsigned char)view->text[begin]] &&
            may_begin_apart(forms, view, begin))
            return true;
    }
    return false;
}

/* The same for base64. An escape that is no digit ends what was before. */
size_t redact_skip_base64(const struct redact_forms *forms, const struct redact_view *view,
                          size_t from)
{
    const unsigned ways = SKIP_BASE64;
    struct redact_unit unit;
    for (size_t pos = from; pos < view->len; pos++) {
        const char *text = view->text + pos;
        unsigned lead = forms->escapes[(unsigned char)*text] & (ways | FORMS_GAP);
        if (lead == 0 && !forms->begins[FORMS_BASE64][(unsigned char)*text])
            continue;
        if (lead == FORMS_GAP && parts_digits(forms, view, from, pos))
            return gram_before(from, pos);
        if ((lead & ways) != 0) {
            enum redact_match match = redact_escapes_read(text, view->len - pos, ways, &unit);
            if (match == MATCH_PARTIAL ||
                (match == MATCH_FULL && redact_skip_digit(&unit) != '\0') ||
                (match == MATCH_FULL && redact_skip_is_gap(&unit) && pos > from))
                return gram_before(from, pos);
            if (match == MATCH_FULL) {
                from = pos + unit.used;
                pos = from - 1;
                continue;
            }
        }
        if (pos + FORMS_GRAM_BYTES <= view->len &&
            redact_forms_may_begin(forms, FORMS_BASE64, text))
            return escape_follows(forms, text, ways | FORMS_GAP) ? gram_before(from, pos) : pos;
    }
    return view->final ? view->len : begin_of_end(forms, FORMS_BASE64, view, from);
}

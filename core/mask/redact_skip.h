/* Private to the redaction: what of a text can be passed, since no secret begins there. */
#ifndef JETON_REDACT_SKIP_H
#define JETON_REDACT_SKIP_H

#include "redact_escapes.h"
#include "redact_forms.h"

/* The escapes that stand for digits of base64. */
#define SKIP_BASE64 (READ_PERCENT | READ_JSON | READ_HTML)

/* Places are counted from the beginning of the first text; `origin` is where this one begins. */
struct redact_view {
    const char *text;
    size_t len;
    size_t origin;
    size_t mark; /* of these, the last ones are no text: the mark of a cut */
    bool final;  /* nothing follows */
};

/*
 * Nothing has begun before `from` (here counted from the beginning of the view): the next place at
 * which a secret may begin, as it is or with escapes among its first bytes.
 */
size_t redact_skip_text(const struct redact_forms *forms, const struct redact_view *view,
                        size_t from);
size_t redact_skip_base64(const struct redact_forms *forms, const struct redact_view *view,
                          size_t from);
/* The digit of base64 as the standard alphabet has it, or 0. */
char redact_skip_digit(const struct redact_unit *unit);
/* A blank or an end of line: between digits of base64, it means nothing. */
bool redact_skip_is_gap(const struct redact_unit *unit);

#endif

/* Private to the redaction: what an escape in a text stands for. */
#ifndef JETON_REDACT_ESCAPES_H
#define JETON_REDACT_ESCAPES_H

#include "utf8.h"

/* What is taken for an escape. */
#define READ_PERCENT 1u   /* %2F */
#define READ_FORM    2u   /* '+' for a space */
#define READ_JSON    4u   /* \n, \/, \x2f, \u002f, also two of them for one character */
#define READ_HTML    8u   /* &amp;, &#38;, &#x26; and the other characters that are escaped there */
#define READ_HEX     16u  /* 2f: two digits for each byte */
#define READ_QUOTES  64u  /* "" for one, as in CSV */
#define READ_APOS    128u /* '' for one, as in SQL and YAML */

enum redact_match {
    MATCH_NO,
    MATCH_PARTIAL, /* the text ends before this is decided */
    MATCH_FULL,
};

struct redact_unit {
    char bytes[UTF8_BYTES_MAX];
    size_t size;
    size_t used; /* bytes of the text */
};

/* The most that one escape takes of a text, of which a part must not be decided on. */
#define READ_BYTES_MAX 18

/* The escape at the beginning of text (not empty). NO: the byte stands for itself. */
enum redact_match redact_escapes_read(const char *text, size_t len, unsigned ways,
                                      struct redact_unit *unit);

#endif

/* Private to redact.c: one pattern against one place of a text, in all the ways to write it. */
#ifndef JETON_REDACT_MATCH_H
#define JETON_REDACT_MATCH_H

#include <stdbool.h>
#include <stddef.h>

enum redact_match {
    MATCH_NO,
    MATCH_PARTIAL, /* the text ends before this is decided */
    MATCH_FULL,
};

/* The most bytes of text that one byte of a pattern takes: \u00XX. */
#define REDACT_EXPANSION_MAX 6

/*
 * Is the pattern at the beginning of text: as it is, percent-encoded (any of its bytes, hex of any
 * case, '+' for a space), JSON-escaped (any escape), or both? FULL: *used is the longest such
 * match.
 */
enum redact_match redact_match(const char *pattern, size_t pattern_len, const char *text,
                               size_t len, bool final, size_t *used);
/*
 * The first byte that an escape ('%', '\' or '+') at the beginning of text stands for. NO: it is
 * not an escape.
 */
enum redact_match redact_match_first(const char *text, size_t len, bool final, unsigned char *byte);

#endif

/*
 * What others wrote, made safe to show to people. Characters that would do something on a terminal
 * or in a log become escapes: controls (`\n`, `\x1b`, `\x9b`), what ends a line or turns the
 * direction of text (`\u2028`, `\u202e`), and bytes that are not UTF-8 (`\xe9`). A backslash stays
 * as it is, so that text that was made visible twice is the same as once.
 */
#ifndef JETON_VISIBLE_H
#define JETON_VISIBLE_H

#include "buf.h"

/* Made visible, a text is at most so many times as long. */
#define VISIBLE_GROWTH   4
#define VISIBLE_PART_MAX 8 /* bytes of visible_part, with a NUL */

enum visible_shape {
    VISIBLE_LINE,   /* one line; tabs are escaped too */
    VISIBLE_QUOTED, /* the same, with `\` before quotation marks and backslashes */
    VISIBLE_LINES,  /* ends of lines ("\n", "\r\n") and tabs stay */
};

/* The first character of text (not empty), which moves behind it. Returns the bytes in out. */
size_t visible_part(const char **text, size_t *len, enum visible_shape shape,
                    char out[static VISIBLE_PART_MAX]);
/* What does not fit into out is left out. */
void visible_append(struct buf *out, const char *text, size_t len, enum visible_shape shape);

#endif

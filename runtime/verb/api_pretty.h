/* JSON for a person at a terminal. */
#ifndef JETON_API_PRETTY_H
#define JETON_API_PRETTY_H

#include "buf.h"

#include <stdbool.h>

/*
 * Writes the text into out, which is empty, with a line for each value, its numbers as they were
 * written, and what could steer a terminal as escapes (visible.h); `color` adds colours of ours.
 * False where it is no JSON, or does not fit: then out is empty again.
 */
bool api_pretty(const char *text, size_t len, bool color, struct buf *out);

#endif

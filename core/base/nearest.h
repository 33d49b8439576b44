/* "Did you mean …?" */
#ifndef JETON_NEAREST_H
#define JETON_NEAREST_H

#include <stddef.h>

/* The candidate nearest to `name` (edit distance at most 2, or a third of its length, or 1 where
 * that is under five letters; one that is a first or last word of the candidate counts as 1), or
 * NULL. */
const char *nearest_name(const char *name, const char *const *candidates, size_t count);

#endif

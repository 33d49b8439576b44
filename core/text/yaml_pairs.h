/* Characters beyond U+FFFF as JSON writes them, which may be pasted into YAML: "\uD83D\uDE00". */
#ifndef JETON_YAML_PAIRS_H
#define JETON_YAML_PAIRS_H

#include "buf.h"

/*
 * libyaml refuses every half of such a pair. Appends the text to `out`, which wipes, with the pairs
 * in double quotes as one escape, "\U0001F600", and everything else as it is. False, and nothing is
 * appended, where there are none. The text is valid UTF-8. What is nested deeper than depth_max,
 * which will be refused, is left as it is.
 */
bool yaml_pairs_join(const char *text, size_t len, int depth_max, struct buf *out);

#endif

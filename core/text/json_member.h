/* Members of a JSON object that is being written, each with a comma before it: `,"name":…`. */
#ifndef JETON_JSON_MEMBER_H
#define JETON_JSON_MEMBER_H

#include "buf.h"

#include <stdint.h>

/* null for NULL; what is not UTF-8 becomes U+FFFD. */
void json_member_text(struct buf *out, const char *name, const char *text);
/* RFC 3339 with offset, local time. */
void json_member_time(struct buf *out, const char *name, int64_t wall_ms);

#endif

/* The user's crontab: read and replaced through the `crontab` command; and our block in its text.
 */
#ifndef JETON_CRONTAB_H
#define JETON_CRONTAB_H

#include "buf.h"
#include "err.h"

#include <stdbool.h>
#include <stddef.h>

#define CRONTAB_MAX ((size_t)4 * 1024 * 1024)

/* Lines that a block starts and ends with, before the path of the configuration whose it is. */
#define CRONTAB_BEGIN "# >>> jeton "
#define CRONTAB_END   "# <<< jeton "
/* Its second line, where the one before it had no newline at its end. */
#define CRONTAB_UNENDED "# The line before this block had no end.\n"

/* Both block. ERR_CONFIG: there is no such command, or it failed, and what it said. */
int crontab_read(struct buf *text, struct err *err); /* none at all is an empty one */
int crontab_write(const struct buf *text, struct err *err);

/* Where a block is in a text, with what was added before it. */
struct crontab_place {
    bool found;
    size_t start, end; /* [start, end) in the text */
};
/* ERR_CONFIG when the markers of this configuration are damaged: says where and what to do. */
int crontab_find(const char *text, const char *real, struct crontab_place *place, struct err *err);
/* The text with the block in place of the one it had, or at its end; block empty: without one. */
void crontab_replace(const char *text, const struct crontab_place *place, const struct buf *block,
                     struct buf *out);

#endif

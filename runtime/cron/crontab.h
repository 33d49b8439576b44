/* The user's crontab: read and replaced through the `crontab` command; and our block in its text.
 */
#ifndef JETON_CRONTAB_H
#define JETON_CRONTAB_H

#include "buf.h"
#include "err.h"
#include "lock.h"
#include "log.h"

#include <stdbool.h>
#include <stddef.h>

#define CRONTAB_MAX ((size_t)4 * 1024 * 1024)

/* First and last line of a block, each followed by its marker: "name NAME" of its
 * configuration, or the path. */
#define CRONTAB_BEGIN "# >>> jeton "
#define CRONTAB_END   "# <<< jeton "
/* Its second line, where the line before the block had no newline at its end. */
#define CRONTAB_UNENDED "# The line before this block had no end.\n"
/* Or where there was a crontab, an empty one, which is not the same as none. */
#define CRONTAB_EMPTIED "# The crontab was empty before this block.\n"
/* For so long another jeton may change it. */
#define CRONTAB_LOCK_MS 30000

/*
 * Keeps other jeton processes of this user from reading and changing the crontab, whatever their
 * configuration and state. Blocks until it has the lock (lock_release), and logs that it waits. The
 * lock is on the user's home, which exists. ERR_CONFIG after CRONTAB_LOCK_MS.
 */
int crontab_lock(struct lock *lock, struct log *log, struct err *err);
/* Both block. ERR_CONFIG: there is no such command, or it failed, and what it said. */
int crontab_read(struct buf *text, bool *exists, struct err *err);
/* exists: an empty text is an empty crontab, not none. */
int crontab_write(const struct buf *text, bool exists, struct err *err);

/* What the crontab sets the variable to in its first `above` bytes, as cron reads its lines. False:
 * nothing. */
bool crontab_variable(const char *text, size_t above, const char *name, struct buf *value);

/* Where a block is in a text, with what was added before it. */
struct crontab_place {
    bool found;
    size_t start, end; /* [start, end) in the text */
    bool emptied;      /* it is in a crontab that was empty; found: as the block says */
};
/* ERR_CONFIG when the markers of this configuration are damaged: says where and what to do. */
int crontab_find(const char *text, const char *marker, struct crontab_place *place,
                 struct err *err);
/* The configuration that the commands of a block name (mem_free); NULL: it has none. */
char *crontab_path(const char *text, const struct crontab_place *place);
/* The first block with another marker than `except` that belongs to the same configuration: its
 * marker is the real path, or its commands name the path. Returns its marker (mem_free); NULL:
 * there is none. */
char *crontab_find_former(const char *text, const char *except, const char *real, const char *path,
                          struct crontab_place *place);
/* The text with the block in place of the one it had, or at its end; block empty: without one. */
void crontab_replace(const char *text, const struct crontab_place *place, const struct buf *block,
                     struct buf *out);

#endif

/* Which files may be trusted, by owner and mode, and durable writes. */
#ifndef JETON_SAFEFILE_H
#define JETON_SAFEFILE_H

#include "buf.h"
#include "err.h"

#include <stdint.h>
#include <sys/stat.h>

#define SAFEFILE_PIPE_MS 30000 /* for a pipe to end */

enum safefile_rule {
    SAFEFILE_NOT_WRITABLE, /* by group or others; owner is the user or root */
    SAFEFILE_PRIVATE,      /* and not readable by them either */
    SAFEFILE_OR_PIPE,      /* the first, or a pipe without a name: <(…) of a shell */
    SAFEFILE_PRIVATE_OR_PIPE,
};

/*
 * Opens for reading and checks the open file (no race). ERR_CONFIG names the path (as
 * its subject) and, for modes, the chmod to type. Returns the descriptor (O_CLOEXEC), or -1.
 */
int safefile_open(const char *path, enum safefile_rule rule, struct err *err);
/* Reads what it opened, to the end. -1 with errno; ETIMEDOUT: a pipe that did not end within
 * SAFEFILE_PIPE_MS. */
int safefile_read_fd(int fd, struct buf *out);
#define SAFEFILE_PIPE_LATE "the pipe did not end within 30 s" /* a message for that */
/* Reads a whole file so checked. */
int safefile_read(const char *path, enum safefile_rule rule, struct buf *out, struct err *err);
/* Creates the folder (and its parents) 0700 if absent; one that group or others may enter, read or
 * write is refused. Access of a group that is the process's own is accepted here and above; and
 * with it, in root's folder, that others may enter and read it, but not write. */
int safefile_private_dir(const char *path, struct err *err);
/* Checks a mode and an owner; the error says what is wrong and which chmod fixes it. Used by
 * safefile_open and `check`. */
int safefile_check_mode(const char *path, const struct stat *st, enum safefile_rule rule,
                        struct err *err);
/* For warnings. */
#define SAFEFILE_GROUP                                                                             \
    "its group has access to it; that is accepted, as only this user is in that group"
/* Whether only group_is_own makes the rule accept it. */
bool safefile_needs_group(const struct stat *st, enum safefile_rule rule);
/* Replaces path as a whole, durably, with this mode, by the rules of newfile.h and place.h. */
int safefile_write(const char *path, mode_t mode, const char *data, size_t len, struct err *err);

#endif

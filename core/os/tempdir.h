/* A private folder for one child process. */
#ifndef JETON_TEMPDIR_H
#define JETON_TEMPDIR_H

#include "err.h"

#include <stddef.h>

struct tempdir {
    char *path; /* absolute; NULL: there is none */
    int lock;   /* held as long as its process lives: others remove what the dead have left */
};

/* Makes a folder 0700 below $TMPDIR, or /tmp, and removes those that killed processes of this user
 * have left there. ERR_CONFIG: path is NULL then. */
int tempdir_open(struct tempdir *dir, struct err *err);
/* Removes it with all that is in it, whatever the modes; follows no link and stays on its file
 * system. Idempotent. ERR_CONFIG: something is left. */
int tempdir_close(struct tempdir *dir, struct err *err);
/*
 * Makes a file 0600 in it, and the folders (0700) that its name needs. ERR_CONFIG: the name is not
 * a relative path without "." and "..", the file exists, or it cannot be written.
 */
int tempdir_write(const struct tempdir *dir, const char *name, const char *data, size_t len,
                  struct err *err);
int tempdir_make_dir(const struct tempdir *dir, const char *name, struct err *err); /* 0700 */

#endif

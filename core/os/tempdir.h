/* A private folder for one child process. */
#ifndef JETON_TEMPDIR_H
#define JETON_TEMPDIR_H

#include "err.h"

#include <stddef.h>

/* Makes a folder 0700 below $TMPDIR, or /tmp. Its absolute path is the caller's (mem_free). NULL
 * with ERR_CONFIG. */
char *tempdir_new(struct err *err);
/*
 * Makes a file 0600 in it, and the folders (0700) that its name needs. ERR_CONFIG: the name is not
 * a relative path without "." and "..", the file exists, or it cannot be written.
 */
int tempdir_write(const char *dir, const char *name, const char *data, size_t len, struct err *err);
int tempdir_make_dir(const char *dir, const char *name, struct err *err); /* 0700 */
/* Removes it with all that is in it, whatever the modes; follows no link and stays on its file
 * system. */
int tempdir_remove(const char *dir, struct err *err);

#endif

/* Paths: in messages, by which files are known, and of files that a script names. */
#ifndef JETON_PATH_H
#define JETON_PATH_H

#include "err.h"

#include <stdint.h>

/* As the user would type it, and valid for opening: relative to the working directory where it is
 * below it, else as given (mem_free). */
char *path_show(const char *path);
/* The real path (mem_free), as it is from one run to the next; NULL with errno. In a volume of
 * Kubernetes a file is a link, by way of `..data`, into a folder that is another one in each pod
 * and after each change: that folder is left out. */
char *path_real(const char *path);
/* As one word of a shell that no program takes for an option: for commands that messages suggest
 * (mem_free). */
char *path_word(const char *path);
#define PATH_UNSIZED_MAX                                                                           \
    ((int64_t)64 * 1024 * 1024) /* bytes of a file that does not tell its size */

/*
 * Opens a regular file for reading. Anything else is refused: reading it might never end. Returns
 * the descriptor (O_CLOEXEC), or -1 with ERR_INVALID. With size (else NULL) that many bytes can be
 * read: a file whose size means nothing, as in /proc, /sys and some FUSE, is read to its end into
 * memory first, which may block.
 */
int path_open(const char *path, int64_t *size, struct err *err);

#endif

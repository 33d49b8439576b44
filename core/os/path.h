/* Paths: in messages, and of files that a script names. */
#ifndef JETON_PATH_H
#define JETON_PATH_H

#include "err.h"

#include <stdint.h>

/* As the user would type it, and valid for opening: relative to the working directory where it is
 * below it, else as given (mem_free). */
char *path_show(const char *path);
/*
 * Opens a regular file for reading. Anything else is refused: reading it might never end. size may
 * be NULL. Returns the descriptor (O_CLOEXEC), or -1 with ERR_INVALID.
 */
int path_open(const char *path, int64_t *size, struct err *err);

#endif

/* File descriptors. */
#ifndef JETON_FD_H
#define JETON_FD_H

#include <stddef.h>

/* Writes all of it. -1: errno is set, and a part may have been written. May block. */
int fd_write(int fd, const void *data, size_t len);

#endif

/* File descriptors. */
#ifndef JETON_FD_H
#define JETON_FD_H

#include <stdbool.h>
#include <stddef.h>

/* Writes all of it. -1: errno is set, and a part may have been written. May block. */
int fd_write(int fd, const void *data, size_t len);

/* Whether hardly any more can be opened, by this process or on this machine. For messages of what
 * failed in a library that does not say why. */
bool fd_few_left(void);

/* How many are open, of the first 4096. */
size_t fd_count(void);

#endif

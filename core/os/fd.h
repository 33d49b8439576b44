/* File descriptors. */
#ifndef JETON_FD_H
#define JETON_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes all of it. -1: errno is set, and a part may have been written. May block. */
int fd_write(int fd, const void *data, size_t len);

/* O_NONBLOCK belongs to what is open, which others may have, too: so a pipe or a terminal is opened
 * once more, with it. -1: it is something else, or may not be. */
int fd_try_open(int fd);

/* As write(2) where fd is writable (poll), and without a wait then. All is one write where that
 * cannot wait, so that the lines of several processes do not mix; elsewhere PIPE_BUF at most. -1
 * and EAGAIN: another was quicker, or a terminal has not enough room. */
ssize_t fd_try_write(int fd, const void *data, size_t len);

/* Whether hardly any more can be opened, by this process or on this machine. For messages of what
 * failed in a library that does not say why. */
bool fd_few_left(void);

/* How many are open, of the first 4096. */
size_t fd_count(void);

#endif

/*
 * Where a file is to be written. The one rule for links: they are followed only where nobody but
 * the user and root can have laid them, so that nobody can choose which file is replaced.
 */
#ifndef JETON_PLACE_H
#define JETON_PLACE_H

#include "err.h"

#include <stdbool.h>
#include <sys/types.h>

#define PLACE_LINKS_MAX 40 /* as the kernel has it */

struct place {
    int folder;  /* opened with O_PATH: what was looked at is what is written to */
    char *name;  /* in that folder */
    char *path;  /* absolute and without links; for libraries that take no descriptor */
    bool exists; /* a regular file; else there was nothing */
};

/*
 * Follows links to their end, also to where there is no file yet. ERR_CONFIG, without the path,
 * where the folder does not exist; for a folder, device, pipe or socket; below /dev (but for
 * /dev/shm), /proc and /sys; and where there is a link on the way and not every folder and link
 * on it belongs to the user or root, or a folder can be written by all and is not sticky.
 */
int place_find(struct place *place, const char *path, struct err *err);
void place_destroy(struct place *place); /* a failed one too */

#define PLACE_USER_SIZE 64
/* A user's name for messages, or the number of one who has none. */
void place_user(uid_t uid, char name[static PLACE_USER_SIZE]);

#endif

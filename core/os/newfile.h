/*
 * A file that appears under its name when it is complete. Until then it has no name at all
 * (O_TMPFILE), so that a process that is killed leaves nothing. Where the file system cannot do
 * that, or /proc is missing, it is .NAME.jeton, which the next writer of that file takes over.
 */
#ifndef JETON_NEWFILE_H
#define JETON_NEWFILE_H

#include "place.h"

#include <sys/types.h>

enum newfile_flag {
    NEWFILE_DURABLE = 1,   /* it survives a power failure when newfile_publish has returned */
    NEWFILE_EXCLUSIVE = 2, /* an existing file is not replaced, but ERR_CONFIG */
};

struct newfile { /* zeroed is none */
    struct place place;
    bool open;
    int fd;          /* to write to, 0600 */
    char *temporary; /* in the folder */
    bool named;      /* the temporary name is there */
};

/* By the rule of place_find; errors do not name the path. */
int newfile_open(struct newfile *file, const char *path, struct err *err);
/* The same, as where a file cannot be without a name. */
int newfile_open_named(struct newfile *file, const char *path, struct err *err);
/* Gives it its mode, then its name. It is closed then. Not after a failure: newfile_close. */
int newfile_publish(struct newfile *file, mode_t mode, unsigned flags, struct err *err);
/* Without newfile_publish, what was written is gone. None, or a closed one, is fine. */
void newfile_close(struct newfile *file);

#endif

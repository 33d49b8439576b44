/*
 * The output of an attempt while it runs, for `jeton logs -f`: its last STORE_OUTPUT_MAX bytes,
 * masked, in a file of the state's folder that goes with the attempt. What a killed run leaves is
 * cleared by the next one. A convenience: where there is no room for it, there is none.
 */
#ifndef JETON_HISTORY_LIVE_H
#define JETON_HISTORY_LIVE_H

#include "store_runs.h"

#include <stdbool.h>

/* The writer, in the supervisor. */
struct history_live {
    char *path; /* NULL: there is none */
    int fd;
    int64_t total;
};
void history_live_create(struct history_live *live, const char *folder, const char *run,
                         int64_t attempt);
void history_live_write(struct history_live *live, const char *data, size_t len);
void history_live_destroy(struct history_live *live); /* idempotent; NULL path is fine */

/* The reader, in any process of this host that may read the state. */
struct history_tail {
    int fd; /* -1: not open */
    int64_t seen;
};
/* False where there is no such attempt here, now. */
bool history_tail_open(struct history_tail *tail, const char *folder, const char *run,
                       int64_t attempt);
/* Appends what is new; *skipped: bytes that were overwritten before they could be read. Still works
 * when the attempt has ended. */
void history_tail_read(struct history_tail *tail, struct buf *out, int64_t *skipped);
void history_tail_close(struct history_tail *tail); /* idempotent */

#endif

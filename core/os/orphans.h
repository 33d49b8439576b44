/*
 * Processes that a script leaves behind. The process that supervises it, or runs it, is the reaper
 * of all its descendants (PR_SET_CHILD_SUBREAPER): one that loses its parent becomes the reaper's
 * child and is found, even in a session of its own.
 */
#ifndef JETON_ORPHANS_H
#define JETON_ORPHANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ORPHANS_TERM_MS 2000 /* from SIGTERM to SIGKILL */
#define ORPHANS_KILL_MS 5000 /* and then until nobody waits any more */
#define ORPHANS_TICK_MS 10   /* between two steps */

struct orphans {
    int64_t begun_ms; /* 0: not yet */
    pid_t *told;      /* who got SIGTERM */
    size_t ntold;
};

/* Makes this process the reaper. */
void orphans_adopt(void);
/* One step of ending every child of this process, after the attempt's own was reaped. True when
 * there is none left, or one cannot be ended. */
bool orphans_step(struct orphans *orphans);
/* Ends all children of this process, without reaping them: their statuses are left to others.
 * Blocks until they have ended, 7 s at most. ntold counts them. */
void orphans_end(struct orphans *orphans);
void orphans_destroy(struct orphans *orphans);

#endif

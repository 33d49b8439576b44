/*
 * Processes that a script leaves behind. The supervisor is the reaper of all its descendants
 * (PR_SET_CHILD_SUBREAPER): one that loses its parent becomes the supervisor's child and is found,
 * even in a session of its own.
 */
#ifndef JETON_JOB_ORPHANS_H
#define JETON_JOB_ORPHANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define JOB_ORPHANS_TERM_MS 2000 /* from SIGTERM to SIGKILL */
#define JOB_ORPHANS_KILL_MS 5000 /* and then until nobody waits any more */
#define JOB_ORPHANS_TICK_MS 10   /* between two steps */

struct job_orphans {
    int64_t begun_ms; /* 0: not yet */
    pid_t *told;      /* who got SIGTERM */
    size_t ntold;
};

/* Makes this process the reaper. */
void job_orphans_adopt(void);
/* One step of ending every child of this process, after the attempt's own was reaped. True when
 * there is none left, or one cannot be ended. */
bool job_orphans_step(struct job_orphans *orphans);
void job_orphans_destroy(struct job_orphans *orphans);

#endif

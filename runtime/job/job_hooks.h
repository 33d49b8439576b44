/*
 * What happens when a run starts and when it has ended: the only place that tells others. Both are
 * called in the supervisor and block it, between forks: no attempt is under way, no database open,
 * and SIGINT, SIGTERM and SIGHUP are blocked. What needs Lua or libcurl runs in a process of its
 * own, so that the supervisor can still fork safely.
 */
#ifndef JETON_JOB_HOOKS_H
#define JETON_JOB_HOOKS_H

#include "job_outcome.h"

/* Before the first attempt; the lock is held. Not called for a run that never gets so far. */
void job_hooks_started(const struct job_outcome *outcome);
/* Whether job_hooks_ended has something to report about such an end: a failure, or a recovery. */
bool job_hooks_wanted(const struct job_outcome *outcome);
/*
 * Once for every run, after its last attempt: it failed where run->cause is not NULL. For an
 * interrupted run (STORE_CAUSE_INTERRUPTED) the job's next run calls it, before its own start; if
 * that one is killed at this very moment, the run after it calls it again. The same holds for a run
 * that was killed before its hooks were done.
 */
void job_hooks_ended(const struct job_outcome *outcome);

#endif

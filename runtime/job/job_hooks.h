/*
 * What happens when a run starts and when it has ended: the one place where others hear of it. Both
 * are called in the supervisor, which blocks meanwhile, between forks: with no attempt under way,
 * no open database, and SIGINT, SIGTERM and SIGHUP blocked. What needs Lua or libcurl runs in a
 * process of its own, so that the supervisor stays fit to fork.
 */
#ifndef JETON_JOB_HOOKS_H
#define JETON_JOB_HOOKS_H

#include "job_outcome.h"

/* Before the first attempt; the lock is held. Not called for a run that never gets so far. */
void job_hooks_started(const struct job_outcome *outcome);
/* Whether job_hooks_ended has to tell somebody of such an end: a failure, or a recovery. */
bool job_hooks_wanted(const struct job_outcome *outcome);
/*
 * Once for every run, after its last attempt: it failed where run->cause is not NULL. For an
 * interrupted one (STORE_CAUSE_INTERRUPTED) the job's next run calls it, before its own start;
 * where that one is killed at this very moment, the one after it calls it again. So does the next
 * run for one that was killed while it was to tell of its end.
 */
void job_hooks_ended(const struct job_outcome *outcome);

#endif

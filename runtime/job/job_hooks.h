/*
 * What happens when a run starts and when it has ended: the one place where others hear of it. Both
 * are called in the supervisor, which blocks meanwhile, between forks: with no attempt under way,
 * no open database, and SIGINT, SIGTERM and SIGHUP blocked. What needs Lua or libcurl runs in a
 * process of its own, so that the supervisor stays fit to fork.
 */
#ifndef JETON_JOB_HOOKS_H
#define JETON_JOB_HOOKS_H

#include "app.h"
#include "store_runs.h"

struct job_outcome {
    struct app *app;
    const struct config *config;
    const struct job *job;
    const char *scope;
    /*
     * The row of the attempt: as it starts, or the last one as it ended, in the store already;
     * where its `row` is 0 the store could not be written, and the run did not begin. Not run at
     * all are those with the cause STORE_CAUSE_LOCKED; ended while they waited for their turn
     * (deadline, signal), those whose peak_kib is 0.
     */
    const struct store_run *run;
    /* How the last run before it ended that was not skipped; NULL: there is none, or it is not
     * known. It failed where its cause is not NULL. */
    const struct store_run *previous;
};

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

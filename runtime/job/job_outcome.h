/* A run as hooks see it. */
#ifndef JETON_JOB_OUTCOME_H
#define JETON_JOB_OUTCOME_H

#include "app.h"
#include "store_runs.h"

struct job_outcome {
    struct app *app;
    const struct config *config;
    const struct job *job;
    struct store *store; /* before a fork: store_before_fork */
    const char *scope;
    /*
     * The row of the attempt: as it starts, or the last one as it ended, in the store already;
     * where its `row` is 0 the store could not be written, and the run did not begin. Not run at
     * all are those with the causes STORE_CAUSE_LOCKED and STORE_CAUSE_LATE; ended while they
     * waited for their turn (deadline, signal), those whose peak_kib is 0.
     */
    const struct store_run *run;
    /* How the last run before it ended that was not skipped; NULL: there is none, or it is not
     * known. It failed where its cause is not NULL. */
    const struct store_run *previous;
};

#endif

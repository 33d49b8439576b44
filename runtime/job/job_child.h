/* What a job's script runs in. */
#ifndef JETON_JOB_CHILD_H
#define JETON_JOB_CHILD_H

#include "app.h"
#include "vm.h"

struct job_script {
    struct app *app;
    const struct config *config;
    const struct job *job;
    const struct vm_attempt *attempt;
    const struct store_lease *under; /* keys are written while it is held; NULL: whatever is */
    int64_t deadline_ms;             /* monotonic */
    bool dry_run;
    const struct vm_arg *named;
    size_t nnamed;
    int report_fd; /* job_report.h; -1: nobody listens */
    int kept_fd;   /* for what is only kept; -1: there is no record */
    bool brief;    /* of an error, only the record gets more than what the supervisor says */
};

/*
 * Runs the script in this process, which takes the job's environment and directory for good.
 * Returns the exit status, or -1 with err, whose message names the job.
 */
int job_child_run(const struct job_script *script, struct err *err);

#endif

/* One attempt of a run: a child process, watched until it and all that it started have ended. */
#ifndef JETON_JOB_ATTEMPT_H
#define JETON_JOB_ATTEMPT_H

#include "job_child.h"
#include "job_signal_watch.h"

#define JOB_ATTEMPT_FLUSH_MS 2000 /* for whoever reads standard output, after the end */

struct job_attempt_end {
    int exit;
    const char *cause;          /* as in store_runs.h; NULL: it ended well */
    char message[ERR_LINE_MAX]; /* masked; "": none */
    char at[ERR_LINE_MAX / 4];  /* where in the script; "": not known */
    bool told;                  /* the child itself has written the message on standard error */
    int64_t requests, exchanges, peak_kib;
    size_t orphans; /* processes that it left behind, ended now */
    char *output;   /* mem_free */
    size_t output_len;
    int64_t output_bytes;
};

enum job_attempt_side { JOB_SUPERVISOR, JOB_CHILD };

/*
 * Forks. In the supervisor: 0 with *end filled in when all of the attempt's processes are gone, or
 * -1. In the child, whose *side says so: what job_child_run returned, when the script is over.
 */
int job_attempt_run(const struct job_script *script, struct job_signal_watch *signals,
                    enum job_attempt_side *side, struct job_attempt_end *end, struct err *err);

#endif

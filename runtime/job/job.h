/*
 * `run --job NAME`. The supervisor (job_run.c) claims the slot, waits for its turn, keeps the
 * record and tells the hooks; each attempt is a child process by fork (job_attempt.c, job_child.c),
 * so that nothing that a script does can keep the supervisor from its work. At a fork the
 * supervisor has one thread, no Lua state, no open database and no libcurl.
 */
#ifndef JETON_JOB_H
#define JETON_JOB_H

#include "app.h"

struct vm_arg;

struct job_request {
    const char *name;
    bool scheduled;             /* only if a slot is due, which is claimed */
    bool brief;                 /* says what went wrong in a line an attempt, for cron's mail */
    bool sandbox;               /* in this process, once, with job_sandbox_enter */
    bool dry_run;               /* in this process, once; nothing is claimed or recorded */
    const struct vm_arg *named; /* in place of single ones of its args */
    size_t nnamed;
};

/* Returns the exit status, or -1 with err: in the supervisor, and in the child too, which then
 * leaves by main as any run does. */
int job_run(struct app *app, const struct job_request *request, struct err *err);
/* The same for a job of a configuration that is loaded, recorded. Of the request, the name and
 * dry_run are not looked at. */
int job_run_loaded(struct app *app, const struct config *config, const struct job *job,
                   const struct job_request *request, struct err *err);

#endif

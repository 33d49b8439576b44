/*
 * `run --job NAME --sandbox`: the job's script, as its job has it, against a local Kaizala. The
 * program starts itself anew below a sandbox, and there takes its connectors and its state.
 */
#ifndef JETON_JOB_SANDBOX_H
#define JETON_JOB_SANDBOX_H

#include "app.h"

/* Whether this process was started below a sandbox for that, by job_sandbox_mark. To be asked once:
 * no program of the script's is to think the same. */
bool job_sandbox_is_below(void);
void job_sandbox_mark(void);
/* ERR_USAGE where the job's connector is of no service that a sandbox stands in for. */
int job_sandbox_check(const struct config *config, const struct job *job, struct err *err);
/*
 * Below the sandbox: Kaizala's connectors become connectors of it, under their names (or one is
 * there that is called "sandbox"), those of other services are left out, and the state is the
 * sandbox's.
 */
int job_sandbox_enter(struct app *app, struct config *config, struct err *err);

#endif

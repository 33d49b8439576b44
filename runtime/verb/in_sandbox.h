/* `jeton VERB --sandbox …`, for the verbs that have it. */
#ifndef JETON_IN_SANDBOX_H
#define JETON_IN_SANDBOX_H

#include "app.h"

/*
 * `VERB --sandbox X` is `sandbox --exec jeton VERB -C sandbox X`. Global options are kept but the
 * configuration: the sandbox gives its own. argv[0] is the verb; the last `operands` of argv are
 * passed on as they are. Returns only with err.
 */
int in_sandbox_exec(struct app *app, int argc, char **argv, int operands, struct err *err);
/* The same for `run --job NAME --sandbox`, which keeps its configuration (job_sandbox.h). */
int in_sandbox_exec_job(struct app *app, const char *job, int argc, char **argv, struct err *err);

#endif

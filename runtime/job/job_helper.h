/*
 * A process of its own for what the supervisor must not do itself (Lua, libcurl) or not wait for
 * without limit (another program). It ends with the supervisor.
 */
#ifndef JETON_JOB_HELPER_H
#define JETON_JOB_HELPER_H

#include "err.h"

#include <stdint.h>

/* In the new process, which ends when it returns the exit status; it may exec. SIGINT, SIGTERM and
 * SIGHUP do what they do by default. */
typedef int job_helper_fn(void *arg);

/*
 * Forks, and blocks until fn's process has ended: its exit status (128 + n for signal n). -1 with
 * err: it could not be started (ERR_CONFIG), or did not end within limit_ms (ERR_DEADLINE), and was
 * killed with all of its process group. What it leaves running when it ends in time is not touched.
 */
int job_helper_run(job_helper_fn *fn, void *arg, int64_t limit_ms, struct err *err);

#endif

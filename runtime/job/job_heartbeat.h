/* The heartbeat of a job: its URL is requested when a run starts, succeeds and fails, as
 * healthchecks.io and its like expect it. */
#ifndef JETON_JOB_HEARTBEAT_H
#define JETON_JOB_HEARTBEAT_H

#include "job_outcome.h"

#define JOB_HEARTBEAT_TRY_MS     5000
#define JOB_HEARTBEAT_TRIES      2
#define JOB_HEARTBEAT_PAUSE_MS   500                /* between them */
#define JOB_HEARTBEAT_MS         12000              /* of all; then it is given up */
#define JOB_HEARTBEAT_OUTPUT_MAX ((size_t)8 * 1024) /* bytes of the output in what /fail brings */

/* Whoever knows the URL can call it: it is registered as a secret, which may be sent only to its
 * own host. */
void job_heartbeat_hide(const struct job_outcome *outcome);
/* Failures are only logged. Nothing is called for a skipped run. */
void job_heartbeat_started(const struct job_outcome *outcome);
void job_heartbeat_ended(const struct job_outcome *outcome);

#endif

#include "job_hooks.h"

#include "job_heartbeat.h"
#include "job_metrics.h"
#include "job_notice.h"

void job_hooks_started(const struct job_outcome *outcome)
{
    log_msg(outcome->app->log, LOG_DEBUG, "job '%s': run %s starts", outcome->job->name,
            outcome->run->run);
    job_heartbeat_hide(outcome);
    job_heartbeat_started(outcome);
}

void job_hooks_ended(const struct job_outcome *outcome)
{
    const struct store_run *run = outcome->run;
    log_msg(outcome->app->log, LOG_DEBUG, "job '%s': run %s has ended: %s", outcome->job->name,
            run->run, run->cause != NULL ? run->cause : "well");
    job_heartbeat_hide(outcome);
    job_heartbeat_ended(outcome);
    job_notice_ended(outcome);
    job_metrics_ended(outcome);
}

#include "job_hooks.h"

#include "job_heartbeat.h"
#include "job_metrics.h"
#include "job_notice.h"

#include <string.h>

void job_hooks_started(const struct job_outcome *outcome)
{
    log_msg(outcome->app->log, LOG_DEBUG, "job '%s': run %s starts", outcome->job->name,
            outcome->run->run);
    job_heartbeat_hide(outcome);
    job_heartbeat_started(outcome);
}

static bool is_set(const struct config_notice *notice)
{
    return notice->command != NULL || notice->group != NULL;
}

bool job_hooks_wanted(const struct job_outcome *outcome)
{
    const struct job *job = outcome->job;
    const char *cause = outcome->run->cause;
    if (cause == NULL)
        return outcome->previous != NULL && outcome->previous->cause != NULL &&
               is_set(&job->on_recovery);
    return strcmp(cause, STORE_CAUSE_LOCKED) != 0 &&
           (is_set(&job->on_failure) || job->heartbeat != NULL || job->metrics != NULL);
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

#include "connector_users.h"

#include "config_job.h"
#include "connector.h"
#include "hook.h"

#include <string.h>

static bool is(const char *named, const char *connector)
{
    return named != NULL && strcmp(named, connector) == 0;
}

void connector_users(const struct config *config, const char *connector, connector_user_fn *fn,
                     void *arg)
{
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        if (is(job->connector, connector) || is(job->on_failure.connector, connector) ||
            is(job->on_recovery.connector, connector))
            fn(arg, CONNECTOR_USER_JOB, job->name);
    }
    for (size_t i = 0; i < config->nhooks; i++) {
        if (is(config->hooks[i]->connector, connector))
            fn(arg, CONNECTOR_USER_HOOK, config->hooks[i]->name);
    }
    for (size_t i = 0; i < config->nconnectors; i++) {
        if (is(config->connectors[i]->token_of, connector))
            fn(arg, CONNECTOR_USER_LENT, config->connectors[i]->name);
    }
}

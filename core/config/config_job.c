#include "config_job.h"

#include <string.h>

bool config_job_is_local(const struct job *job)
{
    return job->schedule != NULL && job->timezone == NULL && !job->cron.reboot;
}

const char *config_variable(char *const *environment, const char *name)
{
    size_t len = strlen(name);
    for (char *const *entry = environment; entry != NULL && *entry != NULL; entry++) {
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=')
            return *entry + len + 1;
    }
    return NULL;
}

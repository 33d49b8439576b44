/* The spaces of jeton.state that jobs and webhooks share. */
#include "config_file.h"
#include "hook.h"

#include <string.h>

static size_t count_name(char *const *names, const char *name)
{
    for (; names != NULL && *names != NULL; names++) {
        if (strcmp(*names, name) == 0)
            return 1;
    }
    return 0;
}

size_t config_shared_by(const struct config *config, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < config->njobs; i++)
        count += count_name(config->jobs[i].shared, name);
    for (size_t i = 0; i < config->nhooks; i++)
        count += count_name(config->hooks[i]->shared, name);
    return count;
}

/* What a misspelt name leads to: keys that nobody else sees. */
static void warn_alone(const struct config_reader *reader, char *const *names, const char *kind,
                       const char *who, const char *shown, int line, int col)
{
    for (; names != NULL && *names != NULL; names++) {
        if (config_shared_by(reader->config, *names) == 1)
            problems_warn(reader->problems, shown, line, col,
                          "%s '%s' shares '%s', which no other job or webhook names", kind, who,
                          *names);
    }
}

void config_shared_check(const struct config_reader *reader)
{
    const struct config *config = reader->config;
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        warn_alone(reader, job->shared, "job", job->name, job->shown, job->line, job->col);
    }
    for (size_t i = 0; i < config->nhooks; i++) {
        const struct hook *hook = config->hooks[i];
        warn_alone(reader, hook->shared, "webhook", hook->name, hook->shown, hook->line, hook->col);
    }
}

/* Jobs, webhooks and notices that name no connector, where there is no only one. */
#include "check_private.h"

#include "config_load.h"
#include "hook.h"
#include "mem.h"
#include "provider_list.h"
#include "safefile.h"

#include <string.h>

#define SCRIPT_MAX ((size_t)1024 * 1024)

/* Who names none. */
struct asker {
    const char *kind, *name, *shown;
    int line, col;
};

/* By the words of the script: a guess, which is why it is a warning. */
static void check_script(struct check *check, const char *path, const struct asker *asker)
{
    struct err err;
    struct buf text;
    const char *provider = provider_default->config.name;
    buf_create(&text, SCRIPT_MAX);
    if (safefile_read(path, SAFEFILE_NOT_WRITABLE, &text, &err) == 0 && text.len > 0 &&
        strstr(text.data, provider) != NULL && strstr(text.data, ".connect()") != NULL) {
        char *key = mem_printf("`connector` of %s '%s'", asker->kind, asker->name);
        if (config_only_connector(check->config, provider, key, &err) == NULL)
            problems_warn(&check->problems, asker->shown, asker->line, asker->col,
                          "%s '%s': its script calls connect() without a name, and %s", asker->kind,
                          asker->name, err.msg);
        mem_free(key);
    }
    buf_destroy(&text);
}

/* --online reports these as errors, for it looks up the group. */
static void check_notice(struct check *check, const struct job *job, bool failure)
{
    const struct config_notice *notice = failure ? &job->on_failure : &job->on_recovery;
    const char *key = failure ? "`connector` of on_failure" : "`connector` of on_recovery";
    struct err err;
    if (notice->group != NULL && notice->connector == NULL && job->connector == NULL &&
        config_only_connector(check->config, provider_default->config.name, key, &err) == NULL)
        problems_warn(&check->problems, job->shown, job->line, job->col,
                      "job '%s' could not send its notice: %s", job->name, err.msg);
}

void check_defaults(struct check *check)
{
    const struct config *config = check->config;
    if (config->nconnectors < 2)
        return;
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        const struct asker asker = {"job", job->name, job->shown, job->line, job->col};
        if (job->connector == NULL && job->script != NULL)
            check_script(check, job->script, &asker);
        for (int failure = 0; failure < 2 && !check->online; failure++)
            check_notice(check, job, failure == 1);
    }
    for (size_t i = 0; i < config->nhooks; i++) {
        const struct hook *hook = config->hooks[i];
        const struct asker asker = {"webhook", hook->name, hook->shown, hook->line, hook->col};
        if (hook->connector == NULL && hook->script != NULL)
            check_script(check, hook->script, &asker);
    }
}

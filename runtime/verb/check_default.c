/* Jobs, webhooks and notices that name no connector, where there is no only one, or a wrong one. */
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

/* The one of this name, or the only one: of the provider that has groups. NULL with err. */
static const struct connector *with_groups(const struct config *config, const char *name,
                                           const char *key, struct err *err)
{
    const char *provider = provider_default->config.name;
    const struct connector *connector = name != NULL
                                            ? config_connector(config, name, err)
                                            : config_only_connector(config, provider, key, err);
    if (connector == NULL || strcmp(connector->provider->name, provider) == 0)
        return connector;
    err_set(err, ERR_CONFIG, "connector '%s' is not of provider '%s', whose groups they are",
            connector->name, provider);
    return NULL;
}

/* --online reports these as errors, for it looks up the group. */
static void check_notice(struct check *check, const struct job *job, bool failure)
{
    const struct config_notice *notice = failure ? &job->on_failure : &job->on_recovery;
    const char *key = failure ? "`connector` of on_failure" : "`connector` of on_recovery";
    const char *name = notice->connector != NULL ? notice->connector : job->connector;
    struct err err;
    if (notice->group != NULL && with_groups(check->config, name, key, &err) == NULL)
        problems_warn(&check->problems, job->shown, job->line, job->col,
                      "job '%s' could not send its notice: %s", job->name, err.msg);
}

/* Without one, `jeton listen` ends at once. */
static void check_objects(struct check *check, const struct hook *hook)
{
    struct err err;
    char *key = mem_printf("`connector` of webhook '%s'", hook->name);
    if (hook->nobjects > 0 && with_groups(check->config, hook->connector, key, &err) == NULL)
        problems_add(&check->problems, hook->shown, hook->line, hook->col,
                     "webhook '%s' has 'objects', which it subscribes to: %s", hook->name, err.msg);
    mem_free(key);
}

void check_defaults(struct check *check)
{
    const struct config *config = check->config;
    bool several = config->nconnectors > 1; /* with fewer the guess says little */
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        const struct asker asker = {"job", job->name, job->shown, job->line, job->col};
        if (several && job->connector == NULL && job->script != NULL)
            check_script(check, job->script, &asker);
        for (int failure = 0; failure < 2 && !check->online; failure++)
            check_notice(check, job, failure == 1);
    }
    for (size_t i = 0; i < config->nhooks; i++) {
        const struct hook *hook = config->hooks[i];
        const struct asker asker = {"webhook", hook->name, hook->shown, hook->line, hook->col};
        check_objects(check, hook);
        if (several && hook->connector == NULL && hook->script != NULL)
            check_script(check, hook->script, &asker);
    }
}

#include "job_sandbox.h"

#include "config_hide.h"
#include "config_load.h"
#include "connector.h"
#include "json.h"
#include "mem.h"
#include "provider_list.h"

#include <stdlib.h>
#include <string.h>

#define MARK     "JETON_SANDBOX_JOB"
#define TEXT_MAX ((size_t)16 * 1024)
#define ALONE    "sandbox" /* the connector, where the configuration has none */

void job_sandbox_mark(void)
{
    setenv(MARK, "1", 1);
}

bool job_sandbox_is_below(void)
{
    bool below = getenv(MARK) != NULL && getenv("JETON_SANDBOX_URL") != NULL;
    unsetenv(MARK);
    return below;
}

static bool is_kaizala(const struct connector *connector)
{
    return connector_owner(connector)->provider == &provider_default->config;
}

int job_sandbox_check(const struct config *config, const struct job *job, struct err *err)
{
    if (job->connector == NULL)
        return 0;
    const struct connector *connector = config_connector(config, job->connector, err);
    if (connector == NULL)
        return -1;
    if (is_kaizala(connector))
        return 0;
    return err_set(err, ERR_USAGE,
                   "--sandbox is a local Kaizala, and connector '%s' of job '%s' is of another "
                   "service; --dry-run sends nothing that would change something there",
                   connector->name, job->name);
}

/* "  key: value", quoted as JSON, which YAML is, too. */
static void put(struct buf *out, const char *key, const char *variable, const char *more)
{
    const char *value = getenv(variable);
    char *text = mem_printf("%s%s", value != NULL ? value : "", more);
    buf_printf(out, ", %s: ", key);
    json_write_string(out, text, strlen(text));
    mem_free(text);
}

/* What `sandbox --exec` tells its command, as a connector of this name. */
static struct connector *make(struct app *app, const char *name, struct err *err)
{
    struct problems problems;
    struct buf text;
    problems_create(&problems);
    buf_create_secret(&text, TEXT_MAX);
    buf_printf(&text, "connectors:\n  %s: { provider: kaizala", name);
    put(&text, "token_service", "JETON_SANDBOX_URL", "/v1");
    put(&text, "application_id", "JETON_SANDBOX_APPLICATION_ID", "");
    put(&text, "application_secret", "JETON_SANDBOX_APPLICATION_SECRET", "");
    put(&text, "refresh_token", "JETON_SANDBOX_REFRESH_TOKEN", "");
    buf_puts(&text, " }\n");
    struct connector *connector =
        config_connector_parse(text.data, text.len, provider_list, app->presets, &problems);
    if (problems_errors(&problems) > 0) {
        err_set(err, ERR_CONFIG, "the sandbox's connector: %s", problems.items[0].message);
        connector_free(connector);
        connector = NULL;
    }
    buf_destroy(&text);
    problems_destroy(&problems);
    return connector;
}

/* In place of one, or of none. */
static int place(struct app *app, struct config *config, const struct connector *old,
                 struct connector **slot, struct err *err)
{
    struct connector *made = make(app, old != NULL ? old->name : ALONE, err);
    if (made == NULL)
        return -1;
    made->file = old != NULL ? old->file : config->files[0];
    made->home = config->home != NULL ? config->home : made->file;
    made->shown = old != NULL ? old->shown : config->path;
    *slot = made;
    return 0;
}

/* All are made before one is freed: some have another one's token. */
static int replace(struct app *app, struct config *config, struct err *err)
{
    struct connector **made = mem_alloc((config->nconnectors + 1) * sizeof(struct connector *));
    size_t count = 0;
    int result = 0;
    for (size_t i = 0; i < config->nconnectors && result == 0; i++) {
        if (!is_kaizala(config->connectors[i]))
            continue;
        result = place(app, config, config->connectors[i], &made[count], err);
        count += result == 0;
    }
    if (result == 0 && count == 0) {
        result = place(app, config, NULL, &made[0], err);
        count += result == 0;
    }
    for (size_t i = 0; i < config->nconnectors; i++)
        connector_free(config->connectors[i]);
    mem_free(config->connectors);
    config->connectors = made;
    config->nconnectors = count;
    return result;
}

int job_sandbox_enter(struct app *app, struct config *config, struct err *err)
{
    struct problems problems;
    problems_create(&problems);
    struct config *given =
        config_load(getenv("JETON_CONFIG"), provider_list, app->presets, &problems);
    problems_destroy(&problems);
    if (given == NULL)
        return err_set(err, ERR_CONFIG, "the sandbox's configuration cannot be read");
    struct state_place *state = config->state;
    config->state = given->state;
    given->state = state;
    config_free(given);
    int result = replace(app, config, err);
    config_hide(config, app->redact);
    return result;
}

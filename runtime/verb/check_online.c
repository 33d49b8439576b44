/* jeton check --online: what only the services can tell. */
#include "check_private.h"
#include "config_hide.h"
#include "verb_lua.h"

#include "clock.h"
#include "engine.h"
#include "json.h"
#include "mem.h"
#include "provider_list.h"

#include <string.h>

#define NOTICE_KEY "`connector` of the job or of the notice"
#define ORDER_MAX  ((size_t)64 * 1024)

struct exchange_wait {
    struct check *check;
    const struct connector *connector;
    char *endpoint; /* of its API; NULL: not known */
    bool exchanged; /* the token service was asked, or could not be */
    bool failed;
};

/* Where its calls go: as configured, or as the reply said. */
static char *endpoint_of(const struct connector *connector, const struct token *token)
{
    const struct provider *provider = provider_of(connector);
    const char *named = token != NULL && connector->lender == NULL ? token->endpoint_url : NULL;
    if (named == NULL && provider->endpoint != NULL)
        named = provider->endpoint(connector);
    return mem_strdup(named);
}

bool check_secret_problem(struct check *check, const struct secret *secret, const char *message)
{
    if (secret->file == NULL || secret->line <= 0)
        return false;
    char *place = mem_printf("%s:%d:%d: ", secret->file, secret->line, secret->col);
    size_t len = strlen(place);
    bool here = strncmp(message, place, len) == 0;
    mem_free(place);
    if (!here)
        return false;
    problems_drop_warning(&check->problems, secret->file, secret->line, secret->col);
    problems_add(&check->problems, secret->file, secret->line, secret->col, "%s", message + len);
    return true;
}

void check_token_problem(struct check *check, const struct connector *connector,
                         const struct err *err)
{
    char line[ERR_LINE_MAX];
    err_line(err, line);
    const struct secret *secret;
    size_t n = 0;
    while ((secret = connector_secret_at(connector, n)) != NULL &&
           !check_secret_problem(check, secret, line))
        n++;
    if (secret == NULL)
        /* The message names the connector. */
        problems_add(&check->problems, connector->shown, connector->line, connector->col, "%s",
                     line);
    if (check->status == 0)
        check->status = err_exit_code(err->kind);
}

static void exchanged(void *arg, const struct token *token, const struct err *err)
{
    struct exchange_wait *wait = arg;
    struct check *check = wait->check;
    wait->endpoint = endpoint_of(wait->connector, token);
    wait->exchanged = true;
    if (err != NULL) {
        wait->failed = true;
        /* Nothing was sent, because of what was refused before. */
        wait->exchanged = err->kind != ERR_AUTH || err->status != 0;
        check_token_problem(check, wait->connector, err);
    } else {
        char time[CLOCK_RFC3339_SIZE] = "it is refused";
        wait->exchanged = token->source != TOKEN_CACHE;
        if (!wait->exchanged)
            buf_printf(&check->kept, "%s\"%s\"", check->kept.len > 0 ? "," : "",
                       wait->connector->name);
        if (token->expires_at_ms > 0)
            clock_format_rfc3339(token->expires_at_ms, time, sizeof time);
        buf_printf(&check->report, "connector '%s': %s, good until %s\n", wait->connector->name,
                   wait->exchanged ? "token exchanged"
                                   : "token of the state (--refresh exchanges it)",
                   time);
    }
    check->done = --check->waiting == 0;
}

/* An exchange that spends no refresh token costs nothing, so it is always tried. */
static bool is_forced(const struct check *check, const struct connector *connector)
{
    const struct connector *owner = connector_owner(connector);
    const char *tokens[PROVIDER_GRANTS_MAX];
    const struct provider_known any = {.connector = owner, .current = "any", .configured = "any"};
    return check->refresh || (provider_of(owner)->grants(&any, tokens) > 0 && tokens[0] == NULL);
}

/* A group that a notice names, and what was found. */
struct lookup {
    const struct connector *connector;
    const char *group;
    char *problem; /* NULL: it is there */
};

static void find_group(struct check *check, struct lookup *lookup)
{
    struct buf order;
    struct err err;
    char line[ERR_LINE_MAX];
    const struct connector *connector = lookup->connector;
    err_clear(&err);
    buf_create(&order, ORDER_MAX);
    buf_puts(&order, "{\"connector\":");
    json_write_string(&order, connector->name, strlen(connector->name));
    buf_puts(&order, ",\"group\":");
    json_write_string(&order, lookup->group, strlen(lookup->group));
    buf_puts(&order, "}");
    if (verb_lua(check->app, check->config, "job.notice", "check", order.data, NULL, &err) != 0) {
        /* Not there: the configuration is wrong. Else what kept us from looking. */
        bool absent = err.kind == ERR_INVALID || (err.kind == ERR_HTTP && err.status == 404);
        lookup->problem = mem_strdup(err_line(&err, line));
        if (check->status == 0)
            check->status = err_exit_code(absent ? ERR_CONFIG : err.kind);
    }
    buf_destroy(&order);
}

static bool has_token(const struct exchange_wait *waits, size_t count,
                      const struct connector *connector)
{
    const struct connector *owner = connector_owner(connector);
    for (size_t i = 0; i < count; i++) {
        if (waits[i].failed && (waits[i].connector == connector || waits[i].connector == owner))
            return false;
    }
    return true;
}

/* Looked up only once. NULL: it is there. */
static const char *lookup_problem(struct check *check, const struct connector *connector,
                                  const char *group, struct lookup *lookups, size_t *count)
{
    size_t i = 0;
    while (i < *count &&
           (lookups[i].connector != connector || strcmp(lookups[i].group, group) != 0))
        i++;
    if (i == *count) {
        lookups[(*count)++] = (struct lookup){.connector = connector, .group = group};
        find_group(check, &lookups[i]);
        if (lookups[i].problem == NULL)
            buf_printf(&check->report, "connector '%s': group '%s' found\n", connector->name,
                       group);
    }
    return lookups[i].problem;
}

static void check_notice(struct check *check, const struct exchange_wait *waits,
                         const struct job *job, bool failure, struct lookup *lookups, size_t *count)
{
    const struct config_notice *notice = failure ? &job->on_failure : &job->on_recovery;
    const char *name = notice->connector != NULL ? notice->connector : job->connector;
    struct err err;
    if (notice->group == NULL)
        return;
    const struct connector *connector =
        name != NULL
            ? config_connector(check->config, name, &err)
            : config_only_connector(check->config, provider_default->config.name, NOTICE_KEY, &err);
    if (connector != NULL && !has_token(waits, check->config->nconnectors, connector))
        return; /* reported already */
    const char *problem = connector == NULL
                              ? err.msg
                              : lookup_problem(check, connector, notice->group, lookups, count);
    if (problem != NULL)
        problems_add(&check->problems, job->shown, job->line, job->col,
                     "group '%s' in %s of job '%s': %s", notice->group,
                     failure ? "on_failure" : "on_recovery", job->name, problem);
}

static void check_notices(struct check *check, const struct exchange_wait *waits)
{
    const struct config *config = check->config;
    struct lookup *lookups = mem_alloc((2 * config->njobs + 1) * sizeof *lookups);
    size_t count = 0;
    for (size_t i = 0; i < config->njobs; i++) {
        check_notice(check, waits, &config->jobs[i], true, lookups, &count);
        check_notice(check, waits, &config->jobs[i], false, lookups, &count);
    }
    for (size_t i = 0; i < count; i++)
        mem_free(lookups[i].problem);
    mem_free(lookups);
}

static int reach_all(struct check *check, struct engine *engine, const struct exchange_wait *waits,
                     struct err *err)
{
    size_t count = check->config->nconnectors;
    struct check_reach *items = mem_alloc((count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++)
        items[i] = (struct check_reach){waits[i].connector, waits[i].endpoint, waits[i].exchanged};
    int result = check_reach(check, engine, items, count, err);
    mem_free(items);
    return result;
}

int check_online(struct check *check, struct err *err)
{
    const struct config *config = check->config;
    struct exchange_wait *waits = mem_alloc((config->nconnectors + 1) * sizeof *waits);
    struct engine engine;
    config_hide(config, check->app->redact); /* it was not read by app_config */
    engine_create(&engine, config, check->app->log, check->app->redact);
    int result = engine_need_store(&engine, err);
    for (size_t i = 0; result == 0 && i < config->nconnectors; i++) {
        const struct connector *connector = config->connectors[i];
        const struct token_query query = {.force = is_forced(check, connector)};
        waits[i] = (struct exchange_wait){.check = check, .connector = connector};
        if (connector->lender != NULL && !connector->slot) {
            waits[i].exchanged = true; /* its lender's token is */
            waits[i].endpoint = endpoint_of(connector, NULL);
            continue;
        }
        check->waiting++;
        token_get(engine.tokens, connector, &query, exchanged, &waits[i]);
    }
    if (result == 0 && check->waiting > 0)
        result = app_wait(&engine, &check->done, err);
    if (result == 0)
        result = reach_all(check, &engine, waits, err);
    engine_destroy(&engine);
    if (result == 0)
        check_notices(check, waits);
    for (size_t i = 0; i < config->nconnectors; i++)
        mem_free(waits[i].endpoint);
    mem_free(waits);
    return result;
}

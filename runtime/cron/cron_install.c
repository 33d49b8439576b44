/* jeton cron install, remove: our block in the user's crontab. */
#include "cron_plan.h"

#include "clock.h"
#include "config_rows.h"
#include "connector.h"
#include "crontab.h"
#include "mem.h"
#include "safefile.h"
#include "store_runs.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define BACKUP      "crontab.bak" /* in the state folder */
#define BACKUP_MODE 0600
#define WHOLE_MAX   ((size_t)1024 * 1024 * 1024) /* of what is looked at; CRONTAB_MAX is written */

struct change {
    struct cron_plan plan;
    struct buf former, block, changed;
    struct buf base; /* former, with one block of this configuration at most */
    struct crontab_place place;
    bool had_block;
};

static void change_create(struct change *change)
{
    *change = (struct change){.had_block = false};
    buf_create(&change->former, CRONTAB_MAX);
    buf_create(&change->base, CRONTAB_MAX);
    buf_create(&change->block, WHOLE_MAX);
    buf_create(&change->changed, WHOLE_MAX);
}

static void change_destroy(struct change *change)
{
    buf_destroy(&change->former);
    buf_destroy(&change->base);
    buf_destroy(&change->block);
    buf_destroy(&change->changed);
    cron_plan_destroy(&change->plan);
}

static int back_up(const struct change *change, struct err *err)
{
    const struct config *config = change->plan.config;
    if (safefile_private_dir(config->state->folder, err) != 0)
        return -1;
    char *path = mem_printf("%s/%s", config->state->folder, BACKUP);
    int result = safefile_write(path, BACKUP_MODE, change->former.data, change->former.len, err);
    if (result == 0)
        log_msg(change->plan.app->log, LOG_INFO, "the previous crontab is kept in %s", path);
    mem_free(path);
    return result;
}

/* Not every crontab command reports failure: we read back what it installed. */
static int check_written(const struct change *change, struct err *err)
{
    struct buf now;
    struct crontab_place place;
    bool exists;
    size_t after = change->base.len - change->place.end;
    char *written = mem_strndup(change->changed.data + change->place.start,
                                change->changed.len - after - change->place.start);
    buf_create(&now, CRONTAB_MAX);
    int result = crontab_read(&now, &exists, err);
    if (result == 0)
        result = crontab_find(now.data, change->plan.marker, &place, err);
    if (result == 0 &&
        (place.found != (change->block.len > 0) || strstr(now.data, written) == NULL))
        result = err_set(err, ERR_CONFIG,
                         "`crontab -` succeeded, but `crontab -l` does not show the new crontab; "
                         "the previous one is kept in %s/%s",
                         change->plan.config->state->folder, BACKUP);
    mem_free(written);
    buf_destroy(&now);
    return result;
}

/* A configuration that has got a name, or another one, may have a block of its path or its former
 * name: the new one comes in its place, and others go. */
static int find_block(struct change *change, struct err *err)
{
    const struct cron_plan *plan = &change->plan;
    const struct buf none = {.len = 0};
    struct crontab_place by_path, other;
    struct buf rest;
    char *marker = NULL, *former;
    if (crontab_find(change->former.data, plan->marker, &change->place, err) != 0 ||
        crontab_find(change->former.data, plan->real, &by_path, err) != 0)
        return -1;
    if (!change->place.found)
        marker = crontab_find_former(change->former.data, plan->marker, plan->real, plan->path,
                                     &change->place);
    const char *ours = marker != NULL ? marker : plan->marker;
    buf_append(&change->base, change->former.data, change->former.len);
    buf_create(&rest, CRONTAB_MAX);
    while ((former = crontab_find_former(change->base.data, ours, plan->real, plan->path,
                                         &other)) != NULL) {
        mem_free(former);
        buf_clear(&rest);
        crontab_replace(change->base.data, &other, &none, &rest);
        buf_clear(&change->base);
        buf_append(&change->base, rest.data, rest.len);
    }
    buf_destroy(&rest);
    int result = crontab_find(change->base.data, ours, &change->place, err);
    mem_free(marker);
    return result;
}

/* Inserts or replaces the block, or removes it where it is empty. 1: changed; 0: it was so already.
 */
static int read_and_write(struct change *change, struct err *err)
{
    bool exists;
    if (crontab_read(&change->former, &exists, err) != 0 || find_block(change, err) != 0)
        return -1;
    change->had_block = change->place.found;
    if (!change->had_block)
        change->place.emptied = exists && change->former.len == 0;
    crontab_replace(change->base.data, &change->place, &change->block, &change->changed);
    if (change->changed.len == change->former.len &&
        memcmp(change->changed.data, change->former.data, change->former.len) == 0)
        return 0;
    if (change->changed.len > CRONTAB_MAX)
        return err_set(err, ERR_CONFIG,
                       "the crontab would have %zu bytes, and may have %zu; `jeton cron show "
                       "--format systemd` writes timers instead",
                       change->changed.len, CRONTAB_MAX);
    if (back_up(change, err) != 0 ||
        crontab_write(&change->changed, change->place.emptied, err) != 0 ||
        check_written(change, err) != 0)
        return -1;
    return 1;
}

static int apply(struct change *change, struct err *err)
{
    struct lock lock;
    lock_create(&lock, NULL);
    int result = crontab_lock(&lock, change->plan.app->log, err);
    if (result == 0)
        result = read_and_write(change, err);
    lock_release(&lock);
    return result;
}

/* Whether the block had the job's line. Looks from *from on first, as jobs mostly keep their order.
 */
static bool had_job(const char *block, const char **from, const struct job *job)
{
    char *line = mem_printf(" run --job %s --scheduled\n", job->name);
    const char *found = strstr(*from, line);
    if (found == NULL)
        found = strstr(block, line);
    if (found != NULL)
        *from = found;
    mem_free(line);
    return found != NULL;
}

/* In few commits: each waits for the disk. What a failure leaves is noted by the next command. */
static int note_jobs(const struct change *change, bool installed, struct store *store,
                     struct err *err)
{
    const struct cron_plan *plan = &change->plan;
    char(*scopes)[STORE_SCOPE_SIZE] = mem_alloc(plan->count * sizeof *scopes);
    const char **kept = mem_alloc(plan->count * sizeof *kept);
    const char **set = mem_alloc(plan->count * sizeof *set);
    int64_t *since_ms = mem_alloc(plan->count * sizeof *since_ms);
    int64_t now_ms = clock_wall_ms();
    size_t nkept = 0, nset = 0;
    char *old = mem_strndup(change->base.data + change->place.start,
                            change->place.end - change->place.start);
    const char *from = old;
    for (size_t i = 0; i < plan->count; i++) {
        const struct job *job = plan->jobs[i];
        store_scope(scopes[i], job->name, job->home);
        if (installed && change->had_block && had_job(old, &from, job))
            kept[nkept++] = scopes[i];
        else
            set[nset++] = scopes[i];
    }
    int result = 0;
    if (nkept > 0)
        result = store_jobs_installed(store, kept, nkept, now_ms, since_ms, err);
    if (result == 0 && nset > 0)
        result = store_jobs_set_installed(store, set, nset, installed ? now_ms : STORE_NONE, err);
    mem_free(old);
    mem_free(since_ms);
    mem_free(set);
    mem_free(kept);
    mem_free(scopes);
    return result;
}

/* From when on missed times of the jobs count: from their installation. */
static int note_installed(struct change *change, bool installed, struct err *err)
{
    struct cron_plan *plan = &change->plan;
    struct buf times;
    buf_create(&times, CRONTAB_MAX);
    int result = installed ? crontab_times(plan, &times, err) : 0;
    struct store *store = store_new(plan->config->state, NULL);
    if (result == 0)
        result = config_rows_settle(plan->config, store, plan->app->log, err);
    if (result == 0)
        result = crontab_note(plan, store, &times, err);
    if (result == 0 && plan->count > 0)
        result = note_jobs(change, installed, store, err);
    store_free(store);
    buf_destroy(&times);
    return result;
}

/* --- what cron will not have -------------------------------------------------------------------
 */

static bool is_set_above(const struct change *change, const char *name)
{
    struct buf value;
    buf_create(&value, CRONTAB_MAX);
    bool found = crontab_variable(change->base.data, change->place.start, name, &value);
    buf_destroy(&value);
    return found;
}

static bool is_set_by_a_job(const struct change *change, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < change->plan.count && !found; i++)
        found = config_variable(change->plan.jobs[i]->environment, name) != NULL;
    return found;
}

/* The state is opened before a job's environment is set. */
static void warn_secret(const struct change *change, const struct secret *secret, bool of_state)
{
    if (secret->kind == SECRET_ENV && !is_set_above(change, secret->text) &&
        (of_state || !is_set_by_a_job(change, secret->text)))
        log_msg(change->plan.app->log, LOG_WARN,
                "%s:%d:%d: %s comes from the variable %s, which cron's jobs do not have; put it in "
                "a file ({file: …}), or set the variable at the top of the crontab",
                secret->file, secret->line, secret->col, secret->name, secret->text);
    else if (secret->kind == SECRET_CREDENTIAL)
        log_msg(change->plan.app->log, LOG_WARN,
                "%s:%d:%d: %s is a credential of systemd, which cron's jobs do not have; put it in "
                "a file ({file: …}), or have systemd run the jobs: jeton cron show --format "
                "systemd",
                secret->file, secret->line, secret->col, secret->name);
}

static void say_doubt(void *arg, const char *text)
{
    log_msg(((struct cron_plan *)arg)->app->log, LOG_WARN, "%s", text);
}

/* Of jobs without a zone of their own. */
static void warn_zone(struct cron_plan *plan)
{
    const struct job *job = cron_plan_local_job(plan);
    const char *tz = getenv("TZ");
    struct err err;
    if (job == NULL)
        return;
    if (zone_check_system(&err) != 0)
        log_msg(plan->app->log, LOG_WARN, "job '%s' has no timezone, and %s", job->name, err.msg);
    if (tz != NULL && zone_check_local(&err) != 0)
        log_msg(plan->app->log, LOG_WARN, "job '%s' has no timezone, and %s", job->name, err.msg);
    else if (tz != NULL && cron_plan_differ(plan, plan->local, plan->system))
        log_msg(plan->app->log, LOG_WARN,
                "job '%s' has no timezone: cron uses the system's (%s), not this shell's (TZ=%s); "
                "set one",
                job->name, zone_name(plan->system) != NULL ? zone_name(plan->system) : ZONE_SYSTEM,
                tz);
}

static void warn(struct change *change)
{
    struct cron_plan *plan = &change->plan;
    for (size_t i = 0; i < plan->config->nconnectors; i++) {
        const struct connector *connector = plan->config->connectors[i];
        const struct secret *secret;
        for (size_t n = 0; (secret = connector_secret_at(connector, n)) != NULL; n++)
            warn_secret(change, secret, false);
    }
    warn_secret(change, &plan->config->state_password, true);
    warn_secret(change, &plan->config->state_key, true);
    crontab_doubts(plan, change->base.data, change->place.start, say_doubt, plan);
    warn_zone(plan);
}

/* --- the verbs ---------------------------------------------------------------------------------
 */

/* Every run would end with this error: `require` looks beside the script by package.path, where the
 * two have a meaning. A script that is not there yet may come. */
static int check_scripts(const struct cron_plan *plan, struct err *err)
{
    int result = 0;
    for (size_t i = 0; i < plan->count && result == 0; i++) {
        const struct job *job = plan->jobs[i];
        char resolved[PATH_MAX];
        const char *path = realpath(job->script, resolved) != NULL ? resolved : job->script;
        if (strcspn(path, ";?") < (size_t)(strrchr(path, '/') - path))
            result = err_set(err, ERR_CONFIG,
                             "job '%s': %s: the path of a script's folder must not contain ';' or "
                             "'?'; move or rename it",
                             job->name, path);
    }
    return result;
}

static int install(struct app *app, struct err *err)
{
    struct change change;
    change_create(&change);
    struct cron_plan *plan = &change.plan;
    int status = cron_plan_create(plan, app, err);
    if (status == 0)
        status = check_scripts(plan, err);
    if (status == 0 && plan->count > 0)
        status = crontab_block(plan, &change.block, err);
    if (status == 0)
        status = apply(&change, err);
    int changed = status;
    if (status >= 0)
        status = note_installed(&change, true, err);
    if (status == 0 && plan->count == 0)
        log_msg(app->log, LOG_WARN, "no job of %s has a schedule: %s", plan->path,
                changed ? "its block was removed from the crontab" : "there is nothing to install");
    if (status == 0 && plan->count > 0) {
        log_msg(app->log, LOG_INFO, "crontab: %zu job%s of %s %s", plan->count,
                plan->count == 1 ? "" : "s", plan->path,
                changed ? "installed" : "already installed and up to date");
        warn(&change);
    }
    change_destroy(&change);
    return status;
}

static int remove_block(struct app *app, struct err *err)
{
    struct change change;
    change_create(&change);
    struct cron_plan *plan = &change.plan;
    int status = cron_plan_create(plan, app, err);
    if (status == 0)
        status = apply(&change, err);
    int changed = status;
    if (status >= 0)
        status = note_installed(&change, false, err);
    if (status == 0)
        log_msg(app->log, LOG_INFO, "crontab: %s",
                changed ? "block removed" : "it has no block of this configuration");
    change_destroy(&change);
    return status;
}

static const struct opt no_options[] = {{0, NULL, OPT_FLAG, NULL, NULL, NULL}};

int cron_install(struct app *app, int argc, char **argv, struct err *err)
{
    static const struct opt_spec spec = {
        .usage = "jeton cron install",
        .description = "Adds a block with all scheduled jobs to your crontab, or updates it. "
                       "Nothing outside the block's markers is changed; the previous crontab "
                       "is kept in the state folder as " BACKUP ".",
        .opts = no_options,
        .max_operands = 0,
    };
    int parsed = app_options_alone(app, &spec, argc, argv, err);
    if (parsed <= 0)
        return parsed;
    return install(app, err);
}

int cron_remove(struct app *app, int argc, char **argv, struct err *err)
{
    static const struct opt_spec spec = {
        .usage = "jeton cron remove",
        .description = "Removes the block of this configuration's jobs from your crontab. The rest "
                       "stays unchanged, byte for byte.",
        .opts = no_options,
        .max_operands = 0,
    };
    int parsed = app_options_alone(app, &spec, argc, argv, err);
    if (parsed <= 0)
        return parsed;
    return remove_block(app, err);
}

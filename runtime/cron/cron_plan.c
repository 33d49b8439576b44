#include "cron_plan.h"

#include "clock.h"
#include "config_load.h"
#include "mem.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define YEAR_S ((int64_t)366 * 86400)

/* The folder's real path, and the last component unresolved. */
static char *absolute(const char *path, struct err *err)
{
    char resolved[PATH_MAX];
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    char *folder = slash != NULL ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    char *found = realpath(folder, resolved);
    if (found == NULL)
        err_set(err, ERR_CONFIG, "%s: %s", folder, strerror(errno));
    mem_free(folder);
    if (found == NULL)
        return NULL;
    return mem_printf("%s/%s", strcmp(resolved, "/") == 0 ? "" : resolved, name);
}

static char *real_path(const char *path, struct err *err)
{
    char resolved[PATH_MAX];
    if (realpath(path, resolved) != NULL)
        return mem_strdup(resolved);
    err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
    return NULL;
}

/* Where the state's place depends on variables, daemons are told it: they have other ones, and a
 * line of a crontab may set them. */
static char *needed_state_home(const struct config *config)
{
    char *usual = config_default_state(), *needed = NULL;
    const char *slash = strrchr(usual, '/');
    if (strcmp(usual, config->state->folder) == 0 && slash != NULL && strcmp(slash, "/jeton") == 0)
        needed = mem_strndup(usual, (size_t)(slash - usual));
    mem_free(usual);
    return needed;
}

int cron_plan_create(struct cron_plan *plan, struct app *app, struct err *err)
{
    struct config *config = app_config(app, true, err);
    if (config != NULL)
        return cron_plan_adopt(plan, app, config, err);
    *plan = (struct cron_plan){.app = app};
    return -1;
}

int cron_plan_adopt(struct cron_plan *plan, struct app *app, struct config *config, struct err *err)
{
    *plan = (struct cron_plan){.app = app, .config = config, .now = clock_wall_ms() / 1000};
    struct stat st;
    if (stat(config->path, &st) == 0 && S_ISFIFO(st.st_mode))
        return err_set(err, ERR_CONFIG,
                       "%s is a pipe, which nobody can read again; jobs with a schedule need a "
                       "configuration in a file",
                       config->path);
    plan->self = real_path(app->self, err);
    plan->path = absolute(config->path, err);
    plan->real = real_path(config->path, err);
    if (plan->self == NULL || plan->path == NULL || plan->real == NULL)
        return -1;
    plan->marker =
        config->name != NULL ? mem_printf("name %s", config->name) : mem_strdup(plan->real);
    plan->state_home = needed_state_home(config);
    plan->jobs = mem_alloc((config->njobs + 1) * sizeof *plan->jobs);
    for (size_t i = 0; i < config->njobs; i++) {
        if (config->jobs[i].schedule != NULL)
            plan->jobs[plan->count++] = &config->jobs[i];
    }
    plan->local = zone_new(NULL, err);
    plan->system = zone_new_system();
    plan->utc = zone_new("UTC", err);
    return 0;
}

void cron_plan_destroy(struct cron_plan *plan)
{
    for (size_t i = 0; i < plan->npairs; i++)
        cron_cover_zones_free(plan->pairs[i].zones);
    mem_free(plan->pairs);
    zones_destroy(&plan->zones);
    zone_free(plan->utc);
    zone_free(plan->local);
    zone_free(plan->system);
    mem_free(plan->jobs);
    mem_free(plan->self);
    mem_free(plan->path);
    mem_free(plan->real);
    mem_free(plan->marker);
    mem_free(plan->state_home);
    config_free(plan->config);
    *plan = (struct cron_plan){.app = NULL};
}

int cron_plan_check_path(const struct cron_plan *plan, struct err *err)
{
    if (strncmp(plan->path, "/proc/", strlen("/proc/")) != 0 &&
        strcmp(plan->path, "/dev/stdin") != 0)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s is the name of a file that this process has open, by which no other finds "
                   "it; name its path in --config",
                   plan->config->path);
}

struct zone *cron_plan_zone(struct cron_plan *plan, const struct job *job, struct zone *otherwise,
                            struct err *err)
{
    if (job->timezone == NULL)
        return otherwise;
    struct zone *zone = zones_get(&plan->zones, job->timezone, err);
    if (zone == NULL)
        err_wrap(err, "%s:%d:%d: job '%s'", job->shown, job->line, job->col, job->name);
    return zone;
}

const struct cron_cover_zones *cron_plan_compare(struct cron_plan *plan, struct zone *job,
                                                 struct zone *where)
{
    for (size_t i = 0; i < plan->npairs; i++) {
        if (plan->pairs[i].job == job && plan->pairs[i].where == where)
            return plan->pairs[i].zones;
    }
    struct cron_cover_zones *zones = cron_cover_zones_new(job, where, plan->now);
    plan->pairs = mem_realloc(plan->pairs, (plan->npairs + 1) * sizeof *plan->pairs);
    plan->pairs[plan->npairs++] = (struct cron_plan_pair){job, where, zones};
    return zones;
}

bool cron_plan_differ(const struct cron_plan *plan, struct zone *one, struct zone *other)
{
    for (int64_t at = plan->now; at < plan->now + YEAR_S;) {
        struct zone_span first = zone_at(one, at), second = zone_at(other, at);
        if (first.offset != second.offset)
            return true;
        at = first.until < second.until ? first.until : second.until;
    }
    return false;
}

const struct job *cron_plan_local_job(const struct cron_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        if (config_job_is_local(plan->jobs[i]))
            return plan->jobs[i];
    }
    return NULL;
}

/* jeton jobs: all jobs of the configuration: when each is due, and how its last run ended. */
#include "clock.h"
#include "config_load.h"
#include "cron_due.h"
#include "history.h"
#include "json_member.h"
#include "mem.h"
#include "verb.h"
#include "verb_lua.h"
#include "zones.h"

#include <string.h>
#include <unistd.h>

#define SECOND_MS 1000

struct jobs {
    const struct config *config;
    struct store *store; /* NULL: there is none, so nothing ran */
    struct zone *local;
    struct zones *zones;
    bool json; /* as `--json` prints it, else as job.list reads it */
    struct buf *out;
};

/* In local time, as the table has it; null where no time comes. */
static int put_next(const struct jobs *jobs, const struct job *job, struct err *err)
{
    char next[ZONE_RFC3339_SIZE];
    int64_t at = clock_wall_ms() / SECOND_MS;
    bool due = false;
    if (job->schedule != NULL && !job->cron.reboot) {
        struct zone *zone = zones_get(jobs->zones, job->timezone, err);
        if (zone == NULL)
            return err_wrap(err, "%s:%d:%d: job '%s'", job->shown, job->line, job->col, job->name);
        due = cron_due_next(&job->cron, zone, at, &at);
    }
    if (due)
        zone_format(jobs->local, at, next);
    json_member_text(jobs->out, "next_at", due ? next : NULL);
    return 0;
}

static void put_last(const struct jobs *jobs, const struct store_run *run)
{
    struct buf *out = jobs->out;
    if (!jobs->json && run != NULL) {
        buf_puts(out, ",\"last\":");
        history_view_run(run, out);
    }
    if (!jobs->json)
        return;
    json_member_text(out, "last_run", run != NULL ? run->run : NULL);
    if (run != NULL && run->exit >= 0)
        buf_printf(out, ",\"last_exit\":%d", run->exit);
    else
        json_member_text(out, "last_exit", NULL);
    json_member_text(out, "last_cause", run != NULL ? history_cause(run) : NULL);
    if (run != NULL)
        json_member_time(out, "last_at", run->started_ms);
    else
        json_member_text(out, "last_at", NULL);
}

static int put_job(const struct jobs *jobs, const struct job *job, struct err *err)
{
    struct store_runs runs = {0};
    const struct store_run_filter last = {
        .homes = jobs->config->homes, .job = job->name, .ran = true, .limit = 1};
    if (jobs->store != NULL && store_run_list(jobs->store, &last, &runs, err) != 0)
        return -1;
    buf_printf(jobs->out, "{\"job\":\"%s\"", job->name);
    json_member_text(jobs->out, "schedule", job->schedule);
    json_member_text(jobs->out, "timezone", job->timezone);
    int result = put_next(jobs, job, err);
    put_last(jobs, runs.count > 0 ? &runs.items[0] : NULL);
    buf_putc(jobs->out, '}');
    store_runs_destroy(&runs);
    return result;
}

static int put_jobs(const struct jobs *jobs, struct err *err)
{
    buf_putc(jobs->out, '[');
    for (size_t i = 0; i < jobs->config->njobs; i++) {
        buf_puts(jobs->out, i == 0 ? "" : ",\n ");
        if (put_job(jobs, &jobs->config->jobs[i], err) != 0)
            return -1;
    }
    buf_putc(jobs->out, ']');
    return 0;
}

/* As a table. Its exit status, or -1. */
static int print_table(struct app *app, const struct config *config, const struct buf *list,
                       struct err *err)
{
    struct buf view, table;
    buf_create(&view, HISTORY_TEXT_MAX);
    buf_create(&table, HISTORY_TEXT_MAX);
    buf_printf(&view, "{\"color\":%s,\"jobs\":",
               app->color && isatty(STDOUT_FILENO) == 1 ? "true" : "false");
    buf_append(&view, list->data, list->len);
    buf_putc(&view, '}');
    int status = verb_lua(app, config, "job.list", "render", view.data, &table, err);
    if (status == 0)
        status = app_print_colored(app, table.data, table.len, err);
    buf_destroy(&view);
    buf_destroy(&table);
    return status;
}

static int print_list(struct app *app, const struct config *config, bool json, struct buf *list,
                      struct err *err)
{
    if (json) {
        buf_putc(list, '\n');
        return app_print(app, list->data, list->len, err);
    }
    if (config->njobs > 0)
        return print_table(app, config, list, err);
    log_msg(app->log, LOG_INFO, "no jobs in %s; `man jeton.yaml` says what one is", config->path);
    return 0;
}

static int list_jobs(struct app *app, bool json, struct err *err)
{
    struct config *config = app_config(app, true, err);
    if (config == NULL)
        return -1;
    struct buf list;
    buf_create(&list, HISTORY_TEXT_MAX);
    struct store *store = store_new(config->state, NULL);
    store_reads(store);
    struct zones zones = {0};
    struct jobs jobs = {.config = config,
                        .store = store_exists(store) ? store : NULL,
                        .local = zones_get(&zones, NULL, err),
                        .zones = &zones,
                        .json = json,
                        .out = &list};
    int status = jobs.local != NULL ? put_jobs(&jobs, err) : -1;
    zones_destroy(&zones);
    store_free(store);
    if (status == 0)
        status = print_list(app, config, json, &list, err);
    buf_destroy(&list);
    config_free(config);
    return status;
}

int verb_jobs(struct app *app, int argc, char **argv, struct err *err)
{
    bool json = false;
    const struct opt opts[] = {
        {0, "json", OPT_FLAG, &json, NULL, "print one JSON document"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton jobs [--json]",
        .description = "Lists all jobs of the configuration: the schedule, when it is due next "
                       "(local time), and how the last run ended: ✓ it succeeded, ✗ it failed, ● "
                       "it is running. `jeton history JOB` lists a job's runs; `jeton run --job "
                       "JOB` runs it now.",
        .opts = opts,
        .instead = "a job's runs are listed by: jeton history JOB",
    };
    int status = app_options_alone(app, &spec, argc, argv, err);
    return status > 0 ? list_jobs(app, json, err) : status;
}

/* jeton cron next: the times that come next. */
#include "cron_plan.h"

#include "cron_due.h"
#include "json.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TIMES_MAX   100000  /* of one job: -n */
#define ROWS_MAX    1000000 /* of all */
#define OUTPUT_MAX  ((size_t)256 * 1024 * 1024)
#define TIMES_ALONE 5                     /* of a job that is named, without -n */
#define LAST        INT64_C(253402214400) /* within the year 9999, anywhere: no time has five digits */

struct next_options {
    const char *job;
    int64_t count;
    bool json;
};

struct row {
    int64_t at;
    const struct job *job;
    struct zone *zone;
};

struct rows {
    struct row *items;
    size_t count;
};

static int by_time(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    if (left->at != right->at)
        return left->at < right->at ? -1 : 1;
    return (left->job > right->job) - (left->job < right->job); /* the configuration's order */
}

static int add_rows(struct cron_plan *plan, const struct job *job, int64_t count, struct rows *rows,
                    struct err *err)
{
    struct zone *zone = cron_plan_zone(plan, job, plan->local, err);
    if (zone == NULL)
        return -1;
    int64_t at = plan->now;
    for (int64_t i = 0; i < count && cron_due_next(&job->cron, zone, at, &at); i++) {
        if (at > LAST)
            break;
        if (rows->count == ROWS_MAX)
            return err_set(err, ERR_USAGE,
                           "--count %lld: more than %d times for all jobs together; ask for fewer, "
                           "or name a job",
                           (long long)count, ROWS_MAX);
        if ((rows->count & (rows->count - 1)) == 0)
            rows->items = mem_realloc(rows->items, (rows->count * 2 + 1) * sizeof *rows->items);
        rows->items[rows->count++] = (struct row){at, job, zone};
    }
    return 0;
}

static int find_rows(struct cron_plan *plan, const struct next_options *options, struct rows *rows,
                     struct err *err)
{
    if (options->job == NULL) {
        for (size_t i = 0; i < plan->count; i++) {
            if (add_rows(plan, plan->jobs[i], options->count > 0 ? options->count : 1, rows, err) !=
                0)
                return -1;
        }
        if (rows->count > 1)
            qsort(rows->items, rows->count, sizeof *rows->items, by_time);
        return 0;
    }
    const struct job *job = config_job(plan->config, options->job, err);
    if (job == NULL)
        return -1;
    if (job->schedule == NULL)
        return err_set(
            err, ERR_CONFIG,
            "%s:%d:%d: job '%s' has no schedule: it runs only with `jeton run --job %s`; "
            "give it one such as \"0 8 * * 1-5\"",
            job->shown, job->line, job->col, job->name, job->name);
    return add_rows(plan, job, options->count > 0 ? options->count : TIMES_ALONE, rows, err);
}

static void put_json(const struct rows *rows, struct buf *out)
{
    char at[ZONE_RFC3339_SIZE];
    buf_puts(out, "[");
    for (size_t i = 0; i < rows->count; i++) {
        zone_format(rows->items[i].zone, rows->items[i].at, at);
        buf_puts(out, i > 0 ? ",\n {\"job\": " : "{\"job\": ");
        json_write_string(out, rows->items[i].job->name, strlen(rows->items[i].job->name));
        buf_printf(out, ", \"at\": \"%s\"}", at);
    }
    buf_puts(out, "]\n");
}

static void put_digits(struct buf *out, int count, int number)
{
    char digits[8];
    for (int i = count; i-- > 0; number /= 10)
        digits[i] = (char)('0' + number % 10);
    buf_append(out, digits, (size_t)count);
}

/* "Wed 2026-11-25 08:00 +0530". By hand: for hundreds of jobs it was a fifth of all, by strftime.
 */
static void put_time(struct buf *out, struct zone *zone, int64_t at)
{
    static const char days[] = "Sun Mon Tue Wed Thu Fri Sat ";
    int32_t offset = zone_at(zone, at).offset;
    int minutes = abs(offset) / 60;
    time_t local = (time_t)(at + offset);
    struct tm tm;
    gmtime_r(&local, &tm);
    buf_append(out, days + 4 * (size_t)tm.tm_wday, 4);
    put_digits(out, 4, tm.tm_year + 1900);
    buf_putc(out, '-');
    put_digits(out, 2, tm.tm_mon + 1);
    buf_putc(out, '-');
    put_digits(out, 2, tm.tm_mday);
    buf_putc(out, ' ');
    put_digits(out, 2, tm.tm_hour);
    buf_putc(out, ':');
    put_digits(out, 2, tm.tm_min);
    buf_puts(out, offset < 0 ? " -" : " +");
    put_digits(out, 4, minutes / 60 * 100 + minutes % 60);
}

static void put_name(struct buf *out, const char *name, size_t width)
{
    buf_puts(out, name);
    for (size_t len = strlen(name); len < width; len++)
        buf_putc(out, ' ');
    buf_puts(out, "  ");
}

static void put_text(struct cron_plan *plan, const struct next_options *options,
                     const struct rows *rows, struct buf *out)
{
    size_t width = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const char *name = plan->jobs[i]->name;
        if ((options->job == NULL || strcmp(options->job, name) == 0) && width < strlen(name))
            width = strlen(name);
    }
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        put_name(out, row->job->name, width);
        put_time(out, plan->local, row->at);
        if (row->job->timezone != NULL) {
            buf_puts(out, "  ");
            put_time(out, row->zone, row->at);
            buf_putc(out, ' ');
            buf_puts(out, row->job->timezone);
        }
        buf_putc(out, '\n');
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct job *job = plan->jobs[i];
        if (job->cron.reboot && (options->job == NULL || strcmp(options->job, job->name) == 0)) {
            put_name(out, job->name, width);
            buf_puts(out, "at the next boot\n");
        }
    }
}

static int list(struct app *app, const struct next_options *options, struct err *err)
{
    struct cron_plan plan;
    struct rows rows = {.count = 0};
    struct buf out;
    buf_create(&out, OUTPUT_MAX);
    int result = cron_plan_create(&plan, app, err);
    if (result == 0)
        result = find_rows(&plan, options, &rows, err);
    if (result != 0)
        goto cleanup;
    if (options->json)
        put_json(&rows, &out);
    else
        put_text(&plan, options, &rows, &out);
    if (plan.count == 0)
        log_msg(app->log, LOG_INFO, "no job of %s has a schedule", plan.config->path);
    result = app_print(app, out.data, out.len, err);
cleanup:
    mem_free(rows.items);
    buf_destroy(&out);
    if (mem_is_watched()) /* the process ends, and hundreds of jobs take a while */
        cron_plan_destroy(&plan);
    return result;
}

int cron_next(struct app *app, int argc, char **argv, struct err *err)
{
    struct next_options options = {.count = -1};
    const struct opt opts[] = {
        {'n', "count", OPT_INTEGER, &options.count, "N",
         "how many times of each job (default 1; with JOB, 5)"},
        {0, "json", OPT_FLAG, &options.json, NULL, "print one JSON list of {job, at}"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton cron next [JOB] [-n N] [--json]",
        .description = "Lists the times at which jobs are due, the next one first: in local time, "
                       "and in the job's own time zone.",
        .opts = opts,
        .min_operands = 0,
        .max_operands = 1,
        .operands = "JOB",
    };
    struct opt_result result = {0};
    int parsed = app_options(app, &spec, argc, argv, &result, err);
    if (parsed <= 0)
        return parsed;
    options.job = result.count > 0 ? result.operands[0] : NULL;
    int status;
    if (options.count == 0 || options.count > TIMES_MAX)
        status = err_set(err, ERR_USAGE, "--count %lld: expected a number from 1 to %d",
                         (long long)options.count, TIMES_MAX);
    else
        status = list(app, &options, err);
    mem_free(result.operands);
    return status;
}

/* The crontab's block of all scheduled jobs. */
#include "cron_plan.h"

#include "crontab.h"

#include <string.h>

#define COMMAND_MAX 990 /* characters of a command: cron takes 998 */

/* A word of a command, for cron and then for sh. */
static void put_word(const char *word, struct buf *out)
{
    buf_puts(out, "'");
    for (const char *c = word; *c != '\0'; c++) {
        if (*c == '\'')
            buf_puts(out, "'\\''");
        else if (*c == '%')
            buf_puts(out, "\\%");
        else
            buf_putc(out, *c);
    }
    buf_puts(out, "'");
}

/* Cron implementations read backslashes differently, and a line cannot be continued. */
static int check_path(const char *what, const char *path, struct err *err)
{
    if (path == NULL || path[strcspn(path, "\\\n\r")] == '\0')
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s is '%s': a path with a backslash or a line break cannot be written into a "
                   "crontab; rename it",
                   what, path);
}

/* What must not depend on the lines above: when the job is due, and what time it is in its script.
 * By env, which every shell can start. */
static void put_environment(const char *state_home, struct buf *out)
{
    buf_puts(out, "/usr/bin/env TZ=:" ZONE_SYSTEM " ");
    if (state_home != NULL) {
        buf_puts(out, "XDG_STATE_HOME=");
        put_word(state_home, out);
        buf_puts(out, " ");
    }
}

/* What the commands of all jobs have in common. */
static void put_start(const struct cron_plan *plan, struct buf *out)
{
    put_word(plan->self, out);
    buf_puts(out, " --config ");
    put_word(plan->path, out);
    buf_puts(out, " run --job ");
}

static int put_command(const struct buf *start, const char *state_home, const struct job *job,
                       struct buf *out, struct err *err)
{
    size_t before = out->len;
    put_environment(state_home, out);
    buf_append(out, start->data, start->len);
    buf_puts(out, job->name);
    buf_puts(out, " --scheduled");
    if (out->len - before > COMMAND_MAX)
        return err_set(err, ERR_CONFIG,
                       "job '%s': its command would be %zu characters long, and cron takes %d; "
                       "shorten the paths of jeton, the configuration or the state",
                       job->name, out->len - before, COMMAND_MAX);
    buf_puts(out, "\n");
    return 0;
}

/* "# report: 0 8 * * 1-5, Europe/Paris". Not by buf_printf, which for hundreds of jobs was a
 * twelfth of all. */
static void put_title(const struct job *job, struct buf *out)
{
    buf_puts(out, "# ");
    buf_puts(out, job->name);
    buf_puts(out, ": ");
    buf_puts(out, job->schedule);
    if (job->timezone != NULL) {
        buf_puts(out, ", ");
        buf_puts(out, job->timezone);
    }
    buf_putc(out, '\n');
}

static int put_job(struct cron_plan *plan, const struct job *job, const struct buf *start,
                   struct buf *out, struct err *err)
{
    /* The times alone have no paths. */
    const char *state_home = start->len > 0 ? plan->state_home : NULL;
    struct zone *zone = cron_plan_zone(plan, job, plan->system, err);
    if (zone == NULL)
        return -1;
    put_title(job, out);
    struct cron_cover cover;
    int result = 0;
    cron_cover_create(&cover, &job->cron, cron_plan_compare(plan, zone, plan->system));
    for (size_t i = 0; i < cover.count && result == 0; i++) {
        cron_cover_text(&cover.lines[i], out);
        buf_puts(out, " ");
        result = put_command(start, state_home, job, out, err);
    }
    cron_cover_destroy(&cover);
    if (result == 0 && (job->cron.reboot || job->catch_up)) {
        buf_puts(out, "@reboot ");
        result = put_command(start, state_home, job, out, err);
    }
    return result;
}

int crontab_times(struct cron_plan *plan, struct buf *out, struct err *err)
{
    struct buf start;
    int result = 0;
    buf_create(&start, out->limit);
    for (size_t i = 0; i < plan->count && result == 0; i++)
        result = put_job(plan, plan->jobs[i], &start, out, err);
    buf_destroy(&start);
    return result;
}

int crontab_block(struct cron_plan *plan, struct buf *out, struct err *err)
{
    if (cron_plan_check_path(plan, err) != 0 || check_path("jeton", plan->self, err) != 0 ||
        check_path("the configuration", plan->path, err) != 0 ||
        check_path("the configuration", plan->real, err) != 0 ||
        check_path("the state's home", plan->state_home, err) != 0)
        return -1;
    buf_printf(out,
               CRONTAB_BEGIN "%s\n"
                             "# Written by `jeton cron install`, which writes it anew.\n",
               plan->marker);
    struct buf start;
    int result = 0;
    buf_create(&start, out->limit);
    put_start(plan, &start);
    for (size_t i = 0; i < plan->count && result == 0; i++)
        result = put_job(plan, plan->jobs[i], &start, out, err);
    buf_destroy(&start);
    buf_printf(out, CRONTAB_END "%s\n", plan->marker);
    return result;
}

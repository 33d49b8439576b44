/*
 * What stands above the block in a crontab, and so holds for its lines. They need little of it:
 * jeton is called by its full path, the local zone and the state's place are set by the line itself
 * (crontab_block.c). The rest is told, and blocks of configurations that are gone.
 */
#include "crontab.h"

#include "cron_plan.h"
#include "mem.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DELAY_MIN 5 /* minutes: of a run that is later than that is too late (job_slot.h) */
#define BLANKS    " \t"
#define DOUBT_MAX ((size_t)4096)

/* A name or a value: in quotes, or up to one of `end`. Returns what follows it; NULL: no such. */
static const char *take_word(const char *at, const char *line_end, const char *end,
                             const char **word, size_t *len)
{
    const char quote = *at;
    bool quoted = quote == '"' || quote == '\'';
    *word = at + (quoted ? 1 : 0);
    *len = 0;
    while (*word + *len < line_end &&
           (quoted ? (*word)[*len] != quote : strchr(end, (*word)[*len]) == NULL))
        (*len)++;
    if (quoted && *word + *len == line_end)
        return NULL;
    return *word + *len + (quoted ? 1 : 0);
}

/* The value of a line NAME=value; false: it is none. */
static bool read_line(const char *line, const char *line_end, const char *name, struct buf *value)
{
    const char *word;
    size_t len;
    const char *at = line + strspn(line, BLANKS);
    at = at < line_end ? take_word(at, line_end, BLANKS "=", &word, &len) : NULL;
    if (at == NULL || len != strlen(name) || memcmp(word, name, len) != 0)
        return false;
    at += strspn(at, BLANKS);
    if (at >= line_end || *at != '=')
        return false;
    at++;
    at += strspn(at, BLANKS);
    if (at > line_end || take_word(at, line_end, "", &word, &len) == NULL)
        return false;
    while (len > 0 && strchr(BLANKS, word[len - 1]) != NULL)
        len--;
    buf_clear(value);
    buf_append(value, word, len);
    return true;
}

bool crontab_variable(const char *text, size_t above, const char *name, struct buf *value)
{
    bool found = false;
    for (const char *line = text; line < text + above;) {
        const char *line_end = line + strcspn(line, "\n");
        found = read_line(line, line_end, name, value) || found;
        line = line_end + (*line_end == '\n');
    }
    return found;
}

/* --- doubts ----------------------------------------------------------------------------------- */

struct above {
    struct cron_plan *plan;
    const char *text;
    size_t len;
    struct buf value;
    crontab_say_fn *say;
    void *arg;
};

static bool has(struct above *above, const char *name)
{
    return crontab_variable(above->text, above->len, name, &above->value);
}

static void say(struct above *above, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct above *above, const char *fmt, ...)
{
    struct buf text;
    va_list args;
    buf_create(&text, DOUBT_MAX);
    va_start(args, fmt);
    buf_vprintf(&text, fmt, args);
    va_end(args);
    above->say(above->arg, text.data);
    buf_destroy(&text);
}

/* cronie starts the lines at this zone's times, and others ignore it. */
static void look_at_zone(struct above *above)
{
    struct zone *zone;
    struct err err;
    if (!has(above, "CRON_TZ") || above->value.len == 0)
        return;
    zone = zone_new(above->value.data, &err);
    if (zone == NULL || cron_plan_differ(above->plan, zone, above->plan->system))
        say(above,
            "CRON_TZ=%s stands above the block in the crontab: some crons start its lines at that "
            "zone's times, but they are the system's; move CRON_TZ below the block",
            above->value.data);
    zone_free(zone);
}

static void look_at_delay(struct above *above)
{
    if (!has(above, "RANDOM_DELAY") || atoi(above->value.data) < DELAY_MIN)
        return;
    for (size_t i = 0; i < above->plan->count; i++) {
        const struct job *job = above->plan->jobs[i];
        if (job->catch_up || job->cron.reboot)
            continue;
        say(above,
            "RANDOM_DELAY=%s stands above the block in the crontab: job '%s' may start so many "
            "minutes late, and does not run if that is more than five; move RANDOM_DELAY below the "
            "block, and use jitter",
            above->value.data, job->name);
        return;
    }
}

static void look_at_shell(struct above *above)
{
    static const char *const shells[] = {"sh",   "bash", "dash", "ash", "ksh",  "mksh",   "zsh",
                                         "yash", "posh", "fish", "csh", "tcsh", "busybox"};
    if (!has(above, "SHELL"))
        return;
    const char *slash = strrchr(above->value.data, '/');
    const char *name = slash != NULL ? slash + 1 : above->value.data;
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(name, shells[i]) == 0 && access(above->value.data, X_OK) == 0)
            return;
    }
    say(above,
        "SHELL=%s stands above the block in the crontab: it is not known to run the block's lines, "
        "which are written for sh; move SHELL below the block",
        above->value.data);
}

static void look_at_home(struct above *above)
{
    const struct passwd *user = getpwuid(geteuid());
    if (!has(above, "HOME") || user == NULL || strcmp(above->value.data, user->pw_dir) == 0)
        return;
    say(above,
        "HOME=%s stands above the block in the crontab: jobs without `directory` run in that "
        "folder, and their programs take it for the home",
        above->value.data);
}

/* Without mail, output and errors of a job reach nobody. */
static void look_at_mail(struct above *above)
{
    if (!has(above, "MAILTO") || above->value.len > 0)
        return;
    for (size_t i = 0; i < above->plan->count; i++) {
        const struct job *job = above->plan->jobs[i];
        if (job->heartbeat != NULL || job->metrics != NULL || job->on_failure.command != NULL ||
            job->on_failure.group != NULL)
            continue;
        say(above,
            "an empty MAILTO stands above the block in the crontab: nobody is told when job '%s' "
            "fails; give it on_failure or heartbeat",
            job->name);
        return;
    }
}

/* Other blocks, of configurations that were moved or deleted. */
static void look_at_other(struct above *above, const char *marker)
{
    struct crontab_place place;
    struct err ignored;
    if (crontab_find(above->text, marker, &place, &ignored) != 0 || !place.found)
        return;
    char *named = crontab_path(above->text, &place);
    const char *path = marker[0] == '/' || named == NULL ? marker : named;
    if (path[0] == '/' && access(path, F_OK) != 0 && errno == ENOENT)
        say(above,
            "the crontab has a block of %s, a configuration that does not exist any more; its jobs "
            "fail whenever they are due: remove the block with crontab -e",
            path);
    mem_free(named);
}

static void look_at_others(struct above *above)
{
    for (const char *line = above->text; *line != '\0'; line += line[0] == '\n') {
        size_t len = strcspn(line, "\n"), start = sizeof CRONTAB_BEGIN - 1;
        if (len > start && strncmp(line, CRONTAB_BEGIN, start) == 0) {
            char *marker = mem_strndup(line + start, len - start);
            if (strcmp(marker, above->plan->marker) != 0)
                look_at_other(above, marker);
            mem_free(marker);
        }
        line += len;
    }
}

/* Of a block that `install` would write otherwise, or take away. */
static void look_at_own(struct above *above, const struct crontab_place *place)
{
    const struct cron_plan *plan = above->plan;
    struct crontab_place other;
    char *path = crontab_path(above->text, place), real[PATH_MAX];
    if (path != NULL && (realpath(path, real) == NULL || strcmp(real, plan->real) != 0))
        say(above,
            "the block in the crontab runs the jobs of %s; run `jeton cron install` again, if "
            "those of %s are to run",
            path, plan->path);
    mem_free(path);
    char *former = crontab_find_former(above->text, plan->marker, plan->real, plan->path, &other);
    if (former != NULL)
        say(above,
            "the crontab has a second block of this configuration, '%s', which runs its jobs too; "
            "run `jeton cron install` again, which removes it",
            former);
    mem_free(former);
}

void crontab_doubts(struct cron_plan *plan, const char *text, size_t above, crontab_say_fn *say_it,
                    void *arg)
{
    struct above lines = {.plan = plan, .text = text, .len = above, .say = say_it, .arg = arg};
    buf_create(&lines.value, CRONTAB_MAX);
    look_at_zone(&lines);
    look_at_delay(&lines);
    look_at_shell(&lines);
    look_at_home(&lines);
    look_at_mail(&lines);
    look_at_others(&lines);
    buf_destroy(&lines.value);
}

static void check_text(struct cron_plan *plan, const char *text, crontab_say_fn *say_it, void *arg)
{
    struct above lines = {.plan = plan, .text = text, .say = say_it, .arg = arg};
    struct crontab_place place;
    struct err err;
    if (crontab_find(text, plan->marker, &place, &err) != 0) {
        say_it(arg, err.msg);
        return;
    }
    bool is_own = place.found;
    if (is_own)
        look_at_own(&lines, &place);
    if (is_own || (crontab_find(text, plan->real, &place, &err) == 0 && place.found))
        crontab_doubts(plan, text, place.start, say_it, arg);
    else
        say_it(arg, "the crontab has lost the block of this configuration's jobs; run `jeton "
                    "cron install` again, or `jeton cron remove`");
}

void crontab_check(struct cron_plan *plan, crontab_say_fn *say_it, void *arg)
{
    struct buf text;
    struct err err;
    bool exists;
    buf_create(&text, CRONTAB_MAX);
    if (crontab_is_installed(plan) && crontab_read(&text, &exists, &err) == 0)
        check_text(plan, text.data, say_it, arg);
    buf_destroy(&text);
}

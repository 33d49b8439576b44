/* jeton cron: a table of its sub-verbs. */
#include "verb.h"

#include "cron_plan.h"
#include "mem.h"
#include "nearest.h"

#include <string.h>

static const struct {
    const char *name;
    app_fn *run;
} verbs[] = {
    {"show", verb_cron_show}, {"install", cron_install}, {"remove", cron_remove},
    {"next", cron_next},      {"run", cron_run},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static int unknown(const char *name, struct err *err)
{
    const char *names[VERBS];
    for (size_t i = 0; i < VERBS; i++)
        names[i] = verbs[i].name;
    const char *nearest = nearest_name(name, names, VERBS);
    if (nearest != NULL)
        return err_set(err, ERR_USAGE, "jeton cron: unknown sub-verb '%s'; did you mean '%s'?",
                       name, nearest);
    return err_set(err, ERR_USAGE,
                   "jeton cron: unknown sub-verb '%s'; `jeton cron --help` lists "
                   "them",
                   name);
}

int verb_cron(struct app *app, int argc, char **argv, struct err *err)
{
    static const struct opt opts[] = {{0, NULL, OPT_FLAG, NULL, NULL, NULL}};
    const struct opt_spec spec = {
        .usage = "jeton cron show [--format crontab|systemd|kubernetes]\n"
                 "jeton cron install\n"
                 "jeton cron remove\n"
                 "jeton cron next [JOB] [-n N] [--json]\n"
                 "jeton cron run [--grace D] [--at-once N]",
        .description = "Makes cron, or another scheduler, run the scheduled jobs of the "
                       "configuration. `jeton cron show --help` and the like have the details.",
        .opts = opts,
        .stop_at_operand = true,
        .min_operands = 0,
        .max_operands = -1,
    };
    struct opt_result result = {0};
    int parsed = app_options(&spec, argc, argv, &result, err);
    if (parsed <= 0)
        return parsed;
    char **rest = argv + argc - result.count;
    mem_free(result.operands);
    if (result.count == 0)
        return err_set(err, ERR_USAGE,
                       "jeton cron: expected show, install, remove, next or run; `jeton cron "
                       "--help` says how");
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, rest[0]) == 0)
            return verbs[i].run(app, result.count, rest, err);
    }
    return unknown(rest[0], err);
}

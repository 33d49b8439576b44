/* jeton cron: a table of its verbs. */
#include "verb.h"

#include "cron_plan.h"

static const struct app_verb verbs[] = {
    {"show", verb_cron_show}, {"install", cron_install}, {"remove", cron_remove},
    {"next", cron_next},      {"run", cron_run},         {NULL, NULL},
};

int verb_cron(struct app *app, int argc, char **argv, struct err *err)
{
    static const struct app_verbs table = {
        .title = "jeton cron",
        .usage = "jeton cron show [--format crontab|systemd|kubernetes] [--image IMAGE]\n"
                 "jeton cron install\n"
                 "jeton cron remove\n"
                 "jeton cron next [JOB] [-n N] [--json]\n"
                 "jeton cron run [--grace D] [--at-once N]",
        .description = "Makes cron, or another scheduler, run the scheduled jobs of the "
                       "configuration. `jeton cron show --help` and the like have the details.",
        .verbs = verbs,
    };
    return app_verbs(&table, app, argc, argv, err);
}

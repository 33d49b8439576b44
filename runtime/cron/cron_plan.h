/* What the verbs of `jeton cron` share: the configuration's scheduled jobs, their zones, and
 * the paths that other programs are told. */
#ifndef JETON_CRON_PLAN_H
#define JETON_CRON_PLAN_H

#include "app.h"
#include "cron_cover.h"
#include "store.h"
#include "zones.h"

struct cron_plan {
    struct app *app;
    struct config *config;
    const struct job **jobs; /* those with a schedule, in the configuration's order */
    size_t count;
    int64_t now;  /* epoch seconds */
    char *self;   /* real path of the executable */
    char *path;   /* of the configuration: absolute, its last component unresolved: conf.d is beside
                     that, not beside what it links to */
    char *real;   /* real path of the configuration */
    char *marker; /* whose a block is: "name NAME", or the real path */
    char *state_home; /* $XDG_STATE_HOME for daemons; NULL: the configuration says where it is */
    struct zone *local;
    struct zone *system;
    struct zone *utc;
    struct zones zones; /* of jobs that name one */
    struct cron_plan_pair {
        struct zone *job, *where;
        struct cron_cover_zones *zones;
    } * pairs; /* that were compared */
    size_t npairs;
};

/* The verbs: argv[0] is the verb. */
app_fn cron_install, cron_remove, cron_next, cron_run;

/* Loads the chosen configuration. Destroy it after errors too. */
int cron_plan_create(struct cron_plan *plan, struct app *app, struct err *err);
/* The same of one that is loaded, which becomes the plan's. */
int cron_plan_adopt(struct cron_plan *plan, struct app *app, struct config *config,
                    struct err *err);
void cron_plan_destroy(struct cron_plan *plan);
/* Whether other programs can open the configuration by its path. ERR_CONFIG. */
int cron_plan_check_path(const struct cron_plan *plan, struct err *err);
/* The job's zone, or `otherwise` for one that names none. ERR_CONFIG. */
struct zone *cron_plan_zone(struct cron_plan *plan, const struct job *job, struct zone *otherwise,
                            struct err *err);

/* Whether their local times differ in the year that comes. */
bool cron_plan_differ(const struct cron_plan *plan, struct zone *one, struct zone *other);
/* The first job whose times are in the local zone; NULL: none. */
const struct job *cron_plan_local_job(const struct cron_plan *plan);

/* How the two zones compare, from now on; the plan's. */
const struct cron_cover_zones *cron_plan_compare(struct cron_plan *plan, struct zone *job,
                                                 struct zone *where);

/* What other programs read, appended to out. */
int crontab_block(struct cron_plan *plan, struct buf *out, struct err *err);
/* The jobs and times of it alone, without paths. */
int crontab_times(struct cron_plan *plan, struct buf *out, struct err *err);
/* The plan as JSON, with the times as systemd or Kubernetes is told them (cron_view.c). image: the
 * container's; NULL: not said. */
int cron_view(struct cron_plan *plan, bool kubernetes, const char *image, struct buf *out,
              struct err *err);

/* Each thing above the block in the crontab that changes what the block means is told to `say`. */
typedef void crontab_say_fn(void *arg, const char *text);
void crontab_doubts(struct cron_plan *plan, const char *text, size_t above, crontab_say_fn *say,
                    void *arg);
/* The same of the user's crontab, where the state says that the jobs are installed; and if the
 * block is gone or damaged. Runs crontab(1) then, and only then. */
void crontab_check(struct cron_plan *plan, crontab_say_fn *say, void *arg);
/* Whether times are installed, by what the state says. Creates no state. */
bool crontab_is_installed(const struct cron_plan *plan);

/* The state knows which times were installed. `times` empty: none. Errors as in store.h. */
int crontab_note(const struct cron_plan *plan, struct store *store, const struct buf *times,
                 struct err *err);
/* Whether cron should have other times today: the configuration or a zone's rules have changed
 * since. False where none are installed, or it is not known. Creates no state. */
bool crontab_is_stale(struct cron_plan *plan);

#endif

/*
 * jeton cron run: a scheduler in the foreground. It looks at the clock, forks a supervisor
 * (job_run.c) for each job that is due, and waits. The supervisor decides whether a slot is really
 * due and takes it once: a supervisor too many does nothing. Runs use the configuration as it was
 * loaded last; editing the file does not disturb them.
 */
#include "app_children.h"
#include "app_keep.h"
#include "app_signals.h"
#include "app_spool.h"
#include "clock.h"
#include "cron_table.h"
#include "job.h"
#include "mem.h"
#include "orphans.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS          60000    /* at least so often, to notice changes of the clock */
#define WAITS_S          60       /* then it is said that jobs wait for a place */
#define RETRY_MS         5000     /* after a process that could not be started */
#define KEEP_MS          86400000 /* between looks at refresh tokens that die unused */
#define SPOOL_LOOK_MS    10000    /* likewise, for what other processes could not store */
#define SPOOL_AGAIN_MS   60000    /* after a process that could not store it either */
#define AT_ONCE_DEFAULT  64
#define AT_ONCE_MAX      1000
#define PER_JOB_MAX      8 /* of one job: those that wait for its lock (overlap: wait) */
#define GRACE_DEFAULT_MS 25000
#define GRACE_MAX_MS     86400000
/* From SIGTERM to SIGKILL: what the supervisors give a script (JOB_DEADLINE_SIGNAL_MS), and time to
 * record the end and to tell of it. */
#define KILL_MS 30000

#define SPOOL "spool" /* the children's group that stores what is kept */

struct scheduler {
    struct app *app;
    int64_t grace_ms;
    struct cron_table table;
    struct app_children children;
    struct app_signals signals;
    const struct job *job;              /* in a child: what it runs */
    bool keeps;                         /* in a child: it keeps refresh tokens alive */
    bool pushes;                        /* in a child: it stores what this host keeps */
    bool crowded;                       /* it has been said that jobs wait */
    int64_t next_keep_ms, next_push_ms; /* boot clock */
    int signo;                          /* the first one that says to end; 0: none */
    int64_t signalled_ms;               /* monotonic: when it came */
    int64_t next_step_ms; /* monotonic: when the next signal is sent to what still runs */
    int killing;          /* the last signal that the children got; 0: none */
};

/* Starting what is due */

static bool has_place(void *arg, const struct cron_entry *entry)
{
    const struct app_children *children = arg;
    return app_children_of(children, entry->scope) < PER_JOB_MAX;
}

/* False where no process can be made now. In the child scheduler->job is set. */
static bool start(struct scheduler *scheduler, struct cron_entry *entry)
{
    struct log *log = scheduler->app->log;
    char at[ZONE_RFC3339_SIZE];
    pid_t pid = fork();
    if (pid < 0) {
        log_msg(log, LOG_ERROR, "job '%s': cannot start a process: %s; trying again in %d s",
                entry->job->name, strerror(errno), RETRY_MS / 1000);
        cron_table_give_back(entry);
        return false;
    }
    if (pid == 0) {
        scheduler->job = entry->job;
        return true;
    }
    char *name = mem_printf("job '%s'", entry->job->name);
    app_children_add(&scheduler->children, pid, name, entry->scope);
    mem_free(name);
    zone_format(scheduler->table.plan.local, entry->slot, at);
    log_msg(log, LOG_DEBUG, "job '%s': due at %s: process %d", entry->job->name, at, (int)pid);
    return true;
}

/* Refresh tokens that die unused are used in time, whatever the jobs do. In the child
 * scheduler->keeps is set. */
static void start_keeping(struct scheduler *scheduler)
{
    static const char name[] = "token --keep-alive";
    int64_t now_ms = clock_boot_ms();
    if (now_ms < scheduler->next_keep_ms || !app_keep_may(scheduler->table.plan.config))
        return;
    pid_t pid = fork();
    scheduler->next_keep_ms = now_ms + (pid < 0 ? RETRY_MS : KEEP_MS);
    scheduler->keeps = pid == 0;
    if (pid > 0)
        app_children_add(&scheduler->children, pid, name, name);
}

/* The sooner it is stored, the less another host sends the refresh token before it. In the child
 * scheduler->pushes is set. */
static void start_pushing(struct scheduler *scheduler)
{
    int64_t now_ms = clock_boot_ms();
    if (app_children_of(&scheduler->children, SPOOL) > 0 || now_ms < scheduler->next_push_ms ||
        !app_spool_waits(scheduler->table.plan.config))
        return;
    pid_t pid = fork();
    scheduler->next_push_ms = now_ms + SPOOL_AGAIN_MS;
    scheduler->pushes = pid == 0;
    if (pid > 0)
        app_children_add(&scheduler->children, pid, "what is kept for the state", SPOOL);
}

static bool is_child(const struct scheduler *scheduler)
{
    return scheduler->job != NULL || scheduler->keeps || scheduler->pushes;
}

/* How long nothing need be looked at. */
static int64_t rest_ms(const struct scheduler *scheduler)
{
    bool elsewhere = scheduler->table.plan.config->state->url != NULL;
    return elsewhere ? SPOOL_LOOK_MS : LOOK_MS;
}

/* Once, until none has waited so long. A daily job may wait for a day: until its next time. */
static void say_crowded(struct scheduler *scheduler, int64_t now)
{
    const struct app_children *children = &scheduler->children;
    const struct cron_entry *longest = cron_table_longest(&scheduler->table);
    bool crowded = longest != NULL && now - longest->since >= WAITS_S;
    if (crowded && !scheduler->crowded)
        log_msg(scheduler->app->log, LOG_WARN,
                "job '%s' has waited for over a minute to start, others that wait: %zu; processes "
                "under way: %zu, of at most %zu (--at-once), and %d of one job",
                longest->job->name, cron_table_waiting(&scheduler->table) - 1, children->count,
                children->max, PER_JOB_MAX);
    scheduler->crowded = crowded;
}

/* Returns in how many ms there is something to do again. */
static int64_t start_due(struct scheduler *scheduler)
{
    struct app_children *children = &scheduler->children;
    struct cron_entry *entry;
    if (cron_table_refresh(&scheduler->table)) {
        log_msg(scheduler->app->log, LOG_INFO, "the data of time zones have changed");
        cron_table_log(&scheduler->table);
    }
    int64_t now_ms = clock_wall_ms(), now = now_ms / 1000;
    cron_table_look(&scheduler->table, now);
    while (children->count < children->max &&
           (entry = cron_table_take(&scheduler->table, has_place, children)) != NULL) {
        if (!start(scheduler, entry))
            return RETRY_MS;
        if (scheduler->job != NULL)
            return 0;
    }
    say_crowded(scheduler, now);
    if (children->count < children->max)
        start_keeping(scheduler);
    if (children->count < children->max && !is_child(scheduler))
        start_pushing(scheduler);
    int64_t next = cron_table_next(&scheduler->table), rest = rest_ms(scheduler);
    now_ms = clock_wall_ms();
    return next <= (now_ms + rest) / 1000 ? next * 1000 - now_ms : rest;
}

/* Reading the configuration anew */

static void say_table(const struct scheduler *scheduler, const char *what)
{
    const struct cron_table *table = &scheduler->table;
    log_msg(scheduler->app->log, table->count > 0 ? LOG_INFO : LOG_WARN, "%s: %zu scheduled job%s",
            what, table->count, table->count == 1 ? "" : "s");
    const struct job *job = cron_plan_local_job(&table->plan);
    struct err err;
    if (job != NULL && zone_check_local(&err) != 0)
        log_msg(scheduler->app->log, LOG_WARN, "job '%s' has no timezone, and %s", job->name,
                err.msg);
    cron_table_log(table);
}

static void reload(struct scheduler *scheduler)
{
    struct cron_table fresh;
    struct err err;
    char line[ERR_LINE_MAX];
    /* What the former one had until now is its own. */
    cron_table_look(&scheduler->table, clock_wall_ms() / 1000);
    if (cron_table_load(&fresh, scheduler->app, &scheduler->table, &err) != 0) {
        log_msg(scheduler->app->log, LOG_ERROR, "%s; jobs continue with the previous configuration",
                err_line(&err, line));
        cron_table_destroy(&fresh);
        return;
    }
    cron_table_destroy(&scheduler->table);
    scheduler->table = fresh;
    say_table(scheduler, "configuration reloaded");
}

/* Ending */

static void kill_all(struct scheduler *scheduler, int signo)
{
    scheduler->killing = signo;
    scheduler->next_step_ms = clock_mono_ms() + KILL_MS;
    log_msg(scheduler->app->log, LOG_WARN, "ending %zu job process%s with %s",
            scheduler->children.count, scheduler->children.count == 1 ? "" : "es",
            signo == SIGTERM ? "SIGTERM" : "SIGKILL");
    app_children_kill(&scheduler->children, signo);
}

static void stop(struct scheduler *scheduler, int signo)
{
    size_t running = scheduler->children.count;
    if (scheduler->signo != 0) { /* timeout(1) and others send the same one twice */
        if (scheduler->killing != SIGKILL &&
            clock_mono_ms() - scheduler->signalled_ms >= REPLY_GUARD_SAME_MS)
            kill_all(scheduler, SIGKILL);
        return;
    }
    size_t waiting = cron_table_waiting(&scheduler->table);
    app_children_signal(&scheduler->children, SPOOL, SIGTERM); /* nothing is lost by it */
    scheduler->signo = signo;
    scheduler->signalled_ms = clock_mono_ms();
    scheduler->next_step_ms = clock_mono_ms() + scheduler->grace_ms;
    if (running > 0)
        log_msg(scheduler->app->log, LOG_INFO,
                "%s: waiting up to %g s for %zu job process%s; a second signal kills all at once",
                strsignal(signo), (double)scheduler->grace_ms / 1000, running,
                running == 1 ? "" : "es");
    if (waiting > 0)
        log_msg(scheduler->app->log, LOG_WARN, "%zu job%s waiting to start: dropped", waiting,
                waiting == 1 ? "" : "s");
}

/* Returns how long to wait, in ms. */
static int64_t wait_for_ends(struct scheduler *scheduler)
{
    int64_t left = scheduler->next_step_ms - clock_mono_ms();
    if (left > 0)
        return left < LOOK_MS ? left : LOOK_MS;
    kill_all(scheduler, scheduler->killing == 0 ? SIGTERM : SIGKILL);
    return LOOK_MS;
}

/* Children of killed supervisors are ours now (orphans_adopt). */
static void end_orphans(void)
{
    struct orphans orphans = {0};
    while (!orphans_step(&orphans))
        usleep(ORPHANS_TICK_MS * 1000);
    orphans_destroy(&orphans);
}

/* The loop */

static void take_signals(struct scheduler *scheduler)
{
    int signo;
    bool hangup = false;
    while ((signo = app_signals_take(&scheduler->signals)) != 0) {
        if (signo == SIGHUP)
            hangup = true;
        else if (signo != SIGCHLD)
            stop(scheduler, signo);
    }
    app_children_reap(&scheduler->children);
    if (hangup && scheduler->signo == 0)
        reload(scheduler);
}

/* Returns when all has ended; in a child, at once. */
static void schedule(struct scheduler *scheduler)
{
    while (scheduler->signo == 0 || scheduler->children.count > 0) {
        int64_t ms = scheduler->signo == 0 ? start_due(scheduler) : wait_for_ends(scheduler);
        if (is_child(scheduler))
            return;
        app_signals_wait(&scheduler->signals, ms);
        take_signals(scheduler);
    }
    end_orphans();
}

/* In a group of its own, so that a terminal's Ctrl-C is ours alone. */
static int run_child(struct scheduler *scheduler, struct err *err)
{
    setpgid(0, 0);
    app_signals_stop(&scheduler->signals);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    if (scheduler->keeps)
        return app_keep_alive(scheduler->app, scheduler->table.plan.config, NULL, err);
    if (scheduler->pushes)
        return app_spool_push(scheduler->app, scheduler->table.plan.config, err);
    const struct job_request request = {.name = scheduler->job->name, .scheduled = true};
    return job_run_loaded(scheduler->app, scheduler->table.plan.config, scheduler->job, &request,
                          err);
}

static int run(struct scheduler *scheduler, struct err *err)
{
    int status = -1;
    if (app_signals_start(&scheduler->signals, err) != 0)
        return -1;
    if (cron_table_load(&scheduler->table, scheduler->app, NULL, err) != 0)
        goto cleanup;
    orphans_adopt();
    say_table(scheduler, scheduler->table.plan.config->path);
    schedule(scheduler);
    if (is_child(scheduler))
        status = run_child(scheduler, err);
    else
        status = scheduler->killing != 0 ? 128 + scheduler->signo : 0;
cleanup:
    cron_table_destroy(&scheduler->table);
    app_signals_stop(&scheduler->signals);
    return status;
}

static int check(int64_t grace_ms, int64_t at_once, struct err *err)
{
    if (grace_ms > GRACE_MAX_MS)
        return err_set(err, ERR_USAGE, "--grace: expected at most %d h", GRACE_MAX_MS / 3600000);
    if (at_once < 1 || at_once > AT_ONCE_MAX)
        return err_set(err, ERR_USAGE, "--at-once %lld: expected a number from 1 to %d",
                       (long long)at_once, AT_ONCE_MAX);
    return 0;
}

int cron_run(struct app *app, int argc, char **argv, struct err *err)
{
    struct scheduler scheduler = {.app = app, .grace_ms = GRACE_DEFAULT_MS};
    int64_t at_once = AT_ONCE_DEFAULT;
    const struct opt opts[] = {
        {0, "grace", OPT_DURATION, &scheduler.grace_ms, "D",
         "how long running jobs may go on after SIGTERM (default 25s)"},
        {0, "at-once", OPT_INTEGER, &at_once, "N",
         "most runs at the same time (default 64); others wait"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton cron run [--grace D] [--at-once N]",
        .description =
            "Runs the scheduled jobs itself, in the foreground, where there is no cron, as in a "
            "container. SIGHUP reloads the configuration. SIGTERM and SIGINT let running jobs "
            "finish, and stop those that do not within --grace; a second signal stops all at once.",
        .opts = opts,
        .min_operands = 0,
        .max_operands = 0,
        .instead = "a single job is run by: jeton run --job NAME",
    };
    int parsed = app_options_alone(app, &spec, argc, argv, err);
    if (parsed <= 0)
        return parsed;
    if (check(scheduler.grace_ms, at_once, err) != 0)
        return -1;
    app_children_create(&scheduler.children, (size_t)at_once, app->log);
    log_hurry(app->log, true); /* jobs are due all the same */
    int status = run(&scheduler, err);
    app_children_destroy(&scheduler.children);
    return status;
}

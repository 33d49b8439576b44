#include "job.h"

#include "clock.h"
#include "config_load.h"
#include "fault.h"
#include "job_args.h"
#include "job_attempt.h"
#include "job_hooks.h"
#include "job_record.h"
#include "job_sandbox.h"
#include "job_turn.h"
#include "mem.h"
#include "utf8.h"
#include "zone.h"

#include <sodium.h>
#include <string.h>

/* Disk space reserved while the script runs, so that the end can be recorded even when the disk is
 * full by then: the row with its output, as the state writes it: twice, and an index. */
#define RECORD_BYTES ((size_t)4 * STORE_OUTPUT_MAX)

/* A shorter wait for the state's clock is not worth a line in the log. */
#define EARLY_TOLD_MS 1000

struct run {
    struct app *app;
    const struct config *config;
    const struct job *job;
    const struct job_request *request;
    bool brief;
    struct job_signal_watch signals;
    struct store *store;
    struct store_lease lease; /* of the job */
    struct job_record record;
    struct job_attempt_end end; /* of the last attempt, or of a run without one */
    int64_t deadline_ms;        /* monotonic */
    bool child;                 /* this process runs an attempt */
};

/* Ends */

/* What standard error says about a failed attempt: in brief all, else in addition. */
static void describe_end(const struct run *run, struct buf *out)
{
    const struct job_attempt_end *end = &run->end;
    buf_printf(out, "status %d (%s)", end->exit, end->cause);
    if ((run->brief || !end->told) && end->message[0] != '\0')
        buf_printf(out, "%s%s", run->brief ? ": " : ", ", end->message);
    if (run->brief && end->at[0] != '\0')
        buf_printf(out, " (at %s)", end->at);
}

/* "; all of it: jeton -c FILE logs RUN" */
static void describe_logs(const struct run *run, struct buf *out)
{
    char *jeton = app_command(run->app);
    if (!run->brief)
        buf_printf(out, "; run %s", run->record.row.run);
    else
        buf_printf(out, "; all of it: %s logs %s", jeton, run->record.row.run);
    mem_free(jeton);
}

/* By how it ended, and the number of attempts. */
static bool may_repeat(const struct run *run)
{
    int exit = run->end.exit;
    return run->record.row.attempt < run->job->attempts && run->signals.signo == 0 &&
           (exit == err_exit_code(ERR_SCRIPT) || exit == err_exit_code(ERR_NETWORK) ||
            exit == err_exit_code(ERR_HTTP));
}

static bool has_time(const struct run *run)
{
    return clock_mono_ms() + run->job->retry_delay_ms < run->deadline_ms;
}

static void say_failed(const struct run *run)
{
    struct buf text;
    long long attempt = run->record.row.attempt;
    buf_create(&text, BUF_LIMIT_LINE);
    if (attempt > 1)
        buf_printf(&text, " after %lld attempts", attempt);
    buf_puts(&text, ": ");
    describe_end(run, &text);
    describe_logs(run, &text);
    if (may_repeat(run) && !has_time(run))
        buf_printf(&text, "; its timeout leaves no time for attempt %lld of %lld", attempt + 1,
                   (long long)run->job->attempts);
    log_msg(run->app->log, LOG_ERROR, "job '%s' failed%s", run->job->name, text.data);
    buf_destroy(&text);
}

/* A run that had no attempt, or an attempt that had no process. Returns -1. */
static int end_by_error(struct run *run, const char *cause, const struct err *err)
{
    mem_free(run->end.output);
    memset(&run->end, 0, sizeof run->end);
    run->end.exit = err_exit_code(err->kind);
    run->end.cause = cause != NULL ? cause : err_kind_name(err->kind);
    run->end.told = true; /* say_error */
    err_line(err, run->end.message);
    utf8_repair(run->end.message); /* paths need not be UTF-8, and it goes into JSON */
    job_record_end(&run->record, &run->end);
    return -1;
}

/* A signal came while the run waited. Returns the exit status. */
static int end_by_signal(struct run *run)
{
    int signo = run->signals.signo;
    mem_free(run->end.output);
    memset(&run->end, 0, sizeof run->end);
    run->end.exit = 128 + signo;
    run->end.cause = STORE_CAUSE_SIGNAL;
    err_text(run->end.message, sizeof run->end.message, "ended by signal %d (%s) before it started",
             signo, strsignal(signo));
    job_record_end(&run->record, &run->end);
    say_failed(run);
    return run->end.exit;
}

/* The lock was lost between two attempts. Returns the exit status. */
static int end_by_loss(struct run *run)
{
    mem_free(run->end.output);
    memset(&run->end, 0, sizeof run->end);
    run->end.exit = err_exit_code(ERR_LOST);
    run->end.cause = STORE_CAUSE_LOST;
    err_text(run->end.message, sizeof run->end.message,
             "it has lost its lock between two attempts");
    job_record_end(&run->record, &run->end);
    say_failed(run);
    return run->end.exit;
}

static void tell_hooks(struct run *run)
{
    const struct job_outcome outcome = job_record_outcome(&run->record);
    fault_point(FAULT_JOB_ENDED);
    job_hooks_ended(&outcome);
    job_record_told(&run->record);
}

static void say_again(const struct run *run)
{
    struct buf text;
    buf_create(&text, BUF_LIMIT_LINE);
    describe_end(run, &text);
    log_msg(run->app->log, LOG_WARN,
            "job '%s': attempt %lld of %lld ended with %s; the next one begins in %g s",
            run->job->name, (long long)run->record.row.attempt, (long long)run->job->attempts,
            text.data, (double)run->job->retry_delay_ms / 1000);
    buf_destroy(&text);
}

/* Attempts */

static void say_orphans(const struct run *run)
{
    if (run->end.orphans > 0)
        log_msg(run->app->log, LOG_WARN,
                "job '%s': ended %zu process%s that the script left running", run->job->name,
                run->end.orphans, run->end.orphans == 1 ? "" : "es");
}

/* Its end is in run->end, and not recorded yet. */
static int attempt_once(struct run *run, struct err *err)
{
    const struct store_run *row = &run->record.row;
    const struct vm_attempt attempt = {
        .run = row->run,
        .slot = row->slot_ms != STORE_NONE ? row->slot_ms / 1000 : 0,
        .has_slot = row->slot_ms != STORE_NONE,
        .attempt = row->attempt,
        .attempts = run->job->attempts,
    };
    const struct job_script script = {.app = run->app,
                                      .config = run->config,
                                      .job = run->job,
                                      .attempt = &attempt,
                                      .under = run->job->lost == LOST_STOP ? &run->lease : NULL,
                                      .deadline_ms = run->deadline_ms,
                                      .named = run->request->named,
                                      .nnamed = run->request->nnamed,
                                      .report_fd = -1,
                                      .kept_fd = -1,
                                      .brief = run->brief};
    enum job_attempt_side side;
    if (store_lease_reserve(&run->lease, RECORD_BYTES, err) != 0)
        return end_by_error(run, NULL, err);
    mem_free(run->end.output);
    int result = job_attempt_run(&script, &run->signals, &side, &run->end, err);
    run->child = side == JOB_CHILD;
    if (run->child)
        return result;
    store_lease_unreserve(&run->lease);
    if (result != 0)
        return end_by_error(run, NULL, err);
    say_orphans(run);
    return 0;
}

/* Records the end of an attempt and the open row of the next one, which is there while that one
 * waits, so that a kill during the wait is noticed. False where it cannot be written. */
static bool record_next(struct run *run)
{
    struct err err;
    char line[ERR_LINE_MAX];
    if (job_record_next(&run->record, &run->end, &err) == 0)
        return true;
    log_msg(run->app->log, LOG_ERROR,
            "job '%s': another attempt cannot be recorded, so none follows: %s", run->job->name,
            err_line(&err, line));
    return false;
}

/* Returns the exit status, or -1; in the child too. */
static int attempts(struct run *run, struct err *err)
{
    for (;;) {
        int result = attempt_once(run, err);
        if (run->child || result != 0)
            return result;
        if (!may_repeat(run) || !has_time(run))
            break;
        say_again(run);
        if (!record_next(run))
            break;
        if (!job_signal_watch_sleep(&run->signals, run->job->retry_delay_ms))
            return run->signals.lost ? end_by_loss(run) : end_by_signal(run);
        if (job_record_again(&run->record, err) != 0)
            return end_by_error(run, NULL, err);
    }
    int unrecorded = job_record_end(&run->record, &run->end);
    if (run->end.cause == NULL)
        return unrecorded;
    say_failed(run);
    return run->signals.signo != 0 ? 128 + run->signals.signo : run->end.exit;
}

/* From the claim on */

static void wait_jitter(struct run *run)
{
    if (!run->request->scheduled || run->job->jitter_ms == 0)
        return;
    int64_t ms = randombytes_uniform((uint32_t)run->job->jitter_ms + 1);
    log_msg(run->app->log, LOG_DEBUG, "job '%s': waits %lld ms (jitter)", run->job->name,
            (long long)ms);
    job_signal_watch_sleep(&run->signals, ms);
}

/* Time spent in hooks does not count against the deadline. */
static int start(struct run *run, struct err *err)
{
    int64_t begun_ms = clock_mono_ms();
    if (job_record_start(&run->record, err) != 0)
        return -1;
    const struct job_outcome outcome = job_record_outcome(&run->record);
    job_hooks_started(&outcome);
    run->deadline_ms += clock_mono_ms() - begun_ms;
    return 0;
}

static int hold_and_run(struct run *run, struct err *err)
{
    enum job_turn turn =
        job_turn_take(&run->lease, &run->record, &run->signals, run->deadline_ms, err);
    if (turn == JOB_TURN_SIGNAL)
        return end_by_signal(run);
    if (turn != JOB_TURN_TAKEN)
        return end_by_error(run, turn == JOB_TURN_SKIP ? STORE_CAUSE_LOCKED : NULL, err);
    if (start(run, err) != 0)
        return end_by_error(run, NULL, err);
    return attempts(run, err);
}

/* Logs failures that came before the script's process could log them. A skipped run did not fail.
 */
static int say_error(const struct run *run, struct err *err)
{
    err_wrap(err, "job '%s'", run->job->name);
    if (err->kind == ERR_BUSY)
        return -1;
    bool recorded = run->record.row.row != 0;
    int status =
        run->brief && recorded ? err_exit_code(err->kind) : app_report(run->app, err, NULL);
    if (recorded)
        say_failed(run);
    return status;
}

/* The slot is done without a run, which only those hear of who asked to. */
static int say_late(struct run *run)
{
    log_msg(run->app->log, LOG_WARN, "job '%s' did not run: %s; run %s", run->job->name,
            run->record.row.message, run->record.row.run);
    tell_hooks(run);
    return 0;
}

/* Without a record no run begins; the hooks are told of that failure. */
static int not_begun(struct run *run, struct err *err)
{
    if (!job_record_was_due(&run->record, run->request->scheduled))
        return err_wrap(err, "job '%s'", run->job->name);
    err_wrap(err, "it did not start, because it cannot be recorded");
    store_hurry(run->store); /* its patience has been had already */
    end_by_error(run, NULL, err);
    int status = say_error(run, err);
    tell_hooks(run);
    return status;
}

/* A scheduler that goes by this host's clock may be early by that of the state. */
static enum job_record_begun begin(struct run *run, struct err *err)
{
    for (;;) {
        enum job_record_begun begun = job_record_begin(&run->record, run->request->scheduled, err);
        if (begun != JOB_RECORD_EARLY)
            return begun;
        int64_t ms = run->record.early_ms;
        log_msg(
            run->app->log, ms >= EARLY_TOLD_MS ? LOG_INFO : LOG_DEBUG,
            "job '%s': waits %lld ms until it is due by the state's clock, which is behind this "
            "host's",
            run->job->name, (long long)ms);
        if (!job_signal_watch_sleep(&run->signals, ms))
            return JOB_RECORD_EARLY;
    }
}

static int run_recorded(struct run *run, struct err *err)
{
    switch (begin(run, err)) {
    case JOB_RECORD_FAILED:
        return not_begun(run, err);
    case JOB_RECORD_NONE:
        return 0;
    case JOB_RECORD_EARLY:
        return 128 + run->signals.signo;
    case JOB_RECORD_LATE:
        return say_late(run);
    case JOB_RECORD_OPEN:
        break;
    }
    wait_jitter(run);
    run->deadline_ms = clock_mono_ms() + run->job->timeout_ms;
    int status = run->signals.signo != 0 ? end_by_signal(run) : hold_and_run(run, err);
    if (run->child)
        return status;
    if (status < 0)
        status = say_error(run, err);
    tell_hooks(run);
    return status;
}

/* Without a record */

static int run_once(struct app *app, const struct config *config, const struct job *job,
                    const struct job_request *request, struct err *err)
{
    const struct vm_attempt attempt = {.attempt = 1, .attempts = 1};
    const struct job_script script = {.app = app,
                                      .config = config,
                                      .job = job,
                                      .attempt = &attempt,
                                      .deadline_ms = clock_mono_ms() + job->timeout_ms,
                                      .dry_run = request->dry_run,
                                      .named = request->named,
                                      .nnamed = request->nnamed,
                                      .report_fd = -1,
                                      .kept_fd = -1};
    return job_child_run(&script, err);
}

/* What goes on while the run waits: its leases are renewed. */
static int64_t tend(void *arg)
{
    struct run *run = arg;
    bool held = run->lease.held;
    int64_t next_ms = store_tend(run->store);
    if (!held || run->lease.held)
        return next_ms;
    run->signals.lost = run->job->lost == LOST_STOP;
    log_msg(run->app->log, LOG_ERROR,
            "job '%s': it has lost its lock, since the state did not answer in time or another "
            "host has taken it; %s",
            run->job->name, run->signals.lost ? "it is stopped" : "it goes on (lost: go_on)");
    return next_ms;
}

int job_run_loaded(struct app *app, const struct config *config, const struct job *job,
                   const struct job_request *request, struct err *err)
{
    struct run run = {.app = app,
                      .config = config,
                      .job = job,
                      .request = request,
                      .brief = request->brief && app->verbosity <= 0};
    if (job_signal_watch_start(&run.signals, err) != 0)
        return -1;
    /* Of the processes that tell of its end, too. */
    int level = job->log_level != CONFIG_JOB_LOG_USUAL ? job->log_level
                : run.brief                            ? LOG_WARN
                                                       : LOG_INFO;
    if (level < LOG_INFO && app->verbosity == 0)
        log_configure(app->log, (enum log_level)level, app->log_format, app->color);
    if (request->scheduled) /* its deadline holds, whoever reads the log */
        log_hurry(app->log, true);
    run.store = store_new(config->state, NULL);
    store_queue(run.store);
    run.signals.tend = tend;
    run.signals.arg = &run;
    job_record_create(&run.record, app, config, job, run.store);
    int status = run_recorded(&run, err);
    job_record_destroy(&run.record);
    mem_free(run.end.output);
    store_lease_release(&run.lease);
    store_free(run.store);
    job_signal_watch_stop(&run.signals);
    return status;
}

static void warn_zone(const struct app *app, const struct job *job)
{
    struct err err;
    if (config_job_is_local(job) && zone_check_local(&err) != 0)
        log_msg(app->log, LOG_WARN, "job '%s' has no timezone, and %s", job->name, err.msg);
}

int job_run(struct app *app, const struct job_request *request, struct err *err)
{
    struct config *config = app_config(app, true, err);
    if (config == NULL)
        return -1;
    int status = -1;
    const struct job *job = config_job(config, request->name, err);
    if (job != NULL && request->scheduled)
        warn_zone(app, job);
    if (job != NULL && job_args_check(job, request->named, request->nnamed, app->log, err) != 0)
        job = NULL;
    if (job != NULL && request->sandbox &&
        (job_sandbox_check(config, job, err) != 0 || job_sandbox_enter(app, config, err) != 0))
        job = NULL;
    if (job != NULL && (request->dry_run || request->sandbox))
        status = run_once(app, config, job, request, err);
    else if (job != NULL)
        status = job_run_loaded(app, config, job, request, err);
    config_free(config);
    return status;
}

#include "job_record.h"

#include "clock.h"
#include "config_rows.h"
#include "fault.h"
#include "history.h"
#include "job_hooks.h"
#include "job_slot.h"

#include <string.h>
#include <unistd.h>

#define DAY_MS   (86400LL * 1000)
#define ANEW_MAX ((size_t)4 * PATH_MAX)

void job_record_create(struct job_record *record, struct app *app, const struct config *config,
                       const struct job *job, struct store *store)
{
    memset(record, 0, sizeof *record);
    record->app = app;
    record->config = config;
    record->job = job;
    record->store = store;
    record->here_ms = clock_wall_ms();
    store_scope(record->scope, job->name, job->home);
    gethostname(record->host, sizeof record->host - 1);
    record->row = (struct store_run){.scope = record->scope,
                                     .host = record->host,
                                     .job = job->name,
                                     .slot_ms = STORE_NONE,
                                     .attempt = 1,
                                     .ended_ms = STORE_NONE,
                                     .exit = -1};
    store_run_id(record->row.run);
    process_identity_own(&record->row.supervisor);
}

void job_record_destroy(struct job_record *record)
{
    store_runs_destroy(&record->previous);
    store_runs_destroy(&record->untold);
    store_runs_destroy(&record->interrupted);
    store_lease_release(&record->life);
}

struct job_outcome job_record_outcome(const struct job_record *record)
{
    return (struct job_outcome){
        .app = record->app,
        .config = record->config,
        .job = record->job,
        .store = record->store,
        .scope = record->scope,
        .run = &record->row,
        .previous = record->previous.count > 0 ? &record->previous.items[0] : NULL,
    };
}

/* Begin */

/* The row of a run that does not take place. */
static void be_late(struct job_record *record)
{
    struct store_run *row = &record->row;
    char slot[HISTORY_TIME_SIZE], passed[HISTORY_DURATION_SIZE], most[HISTORY_DURATION_SIZE];
    history_time(row->slot_ms, slot);
    history_duration(row->started_ms - row->slot_ms, passed);
    history_duration(JOB_SLOT_LATE_MS, most);
    err_text(record->late, sizeof record->late,
             "it was due at %s and started %s later; without catch_up, more than %s is too late",
             slot, passed, most);
    row->ended_ms = row->started_ms;
    row->cause = STORE_CAUSE_LATE;
    row->message = record->late;
    const struct job_outcome outcome = job_record_outcome(record);
    row->untold = job_hooks_wanted(&outcome);
}

/* Where several slots are due here and not there yet, whoever waits for one lets others pass, as
 * systemd starts no second run beside the first: the one that is due there comes first. */
static enum job_record_begun claim(struct job_record *record, const struct job_slot_known *known,
                                   int64_t begun_ms, struct err *err)
{
    struct job_slot slot;
    record->row.started_ms = store_now_ms(record->store); /* by its clock, which is known by now */
    /* until that was read, and one for both being cut to whole ones */
    int64_t took_ms = clock_mono_ms() - begun_ms + 1;
    int64_t behind_ms = clock_wall_ms() - record->row.started_ms;
    bool several;
    record->early_ms =
        job_slot_early_ms(record->job, record->row.started_ms, record->here_ms, &several);
    bool waits = record->early_ms > 0 && behind_ms <= JOB_SLOT_LATE_MS;
    if (waits && !several)
        return JOB_RECORD_EARLY;
    int due = job_slot_due(known, record->job, record->row.started_ms, took_ms, &slot, err);
    if (waits && due == 1 && slot.late)
        return JOB_RECORD_EARLY;
    record->row.slot_ms = due == 1 ? slot.slot_ms : STORE_NONE;
    if (due == 1 && slot.late)
        be_late(record);
    if (due == 1)
        due = store_run_claim(record->store, &record->row,
                              slot.boot_id[0] != '\0' ? slot.boot_id : NULL, err);
    if (due < 0)
        return JOB_RECORD_FAILED;
    if (due == 1)
        return slot.late ? JOB_RECORD_LATE : JOB_RECORD_OPEN;
    record->row.slot_ms = STORE_NONE;
    if (waits)
        return JOB_RECORD_EARLY;
    if (record->early_ms > 0)
        log_msg(
            record->app->log, LOG_WARN,
            "job '%s': no slot is due by the state's clock, which is %lld s behind this host's; "
            "set the clocks right",
            record->job->name, (long long)behind_ms / 1000);
    else
        log_msg(record->app->log, LOG_DEBUG, "job '%s': no slot is due", record->job->name);
    return JOB_RECORD_NONE;
}

static void say_anew(const struct job_record *record)
{
    struct buf anew;
    struct err ignored;
    buf_create(&anew, ANEW_MAX);
    if (config_rows_begin_anew(record->config, record->job, record->store, record->row.row, &anew,
                               &ignored) == 1)
        log_msg(record->app->log, LOG_WARN, "%s", anew.data);
    buf_destroy(&anew);
}

/* Where its rows cannot move to the name yet, this run's failure is one of them: nothing would move
 * after it once the name had a row. */
static int settle(struct job_record *record, struct err *err)
{
    const struct job *job = record->job;
    int result = config_rows_settle(record->config, record->store, record->app->log, err);
    if (result != 0 && err->kind == ERR_BUSY)
        store_scope(record->scope, job->name, job->file);
    return result;
}

/* The sign of life, and with it what tells whether there was a run before, and a slot is due; or
 * the row. */
static enum job_record_begun begin_run(struct job_record *record, bool scheduled, struct err *err)
{
    const struct store_run_filter newest = {.scope = record->scope, .limit = 1};
    struct job_slot_known known;
    struct store_runs before = {0};
    struct store_call list = {.op = STORE_RUN_LIST, .list = {.filter = &newest, .runs = &before}};
    struct store_call add = {.op = STORE_RUN_ADD, .run = {.added = &record->row}};
    struct store_call *calls[1 + JOB_SLOT_CALLS] = {&list, &add};
    int64_t begun_ms = clock_mono_ms();
    int count = scheduled ? job_slot_ask(&known, record->job, record->scope, calls + 1, err) : 1;
    if (count < 0)
        return JOB_RECORD_FAILED;
    record->row.started_ms = STORE_NONE; /* by the state's clock, which may not be known yet */
    int held = store_lease_try_with(&record->life, record->store, STORE_LEASE_RUN, record->row.run,
                                    calls, 1 + (size_t)count, err);
    record->row.started_ms = store_now_ms(record->store);
    enum job_record_begun result = held == 1 ? JOB_RECORD_OPEN : JOB_RECORD_FAILED;
    for (int i = 1; i <= count && result == JOB_RECORD_OPEN; i++) {
        if (calls[i]->result < 0) {
            *err = calls[i]->err;
            result = JOB_RECORD_FAILED;
        }
    }
    if (result == JOB_RECORD_OPEN && scheduled)
        result = claim(record, &known, begun_ms, err);
    if (list.result == 0 && before.count == 0 &&
        (result == JOB_RECORD_OPEN || result == JOB_RECORD_LATE))
        say_anew(record);
    store_runs_destroy(&before);
    if (result != JOB_RECORD_OPEN && result != JOB_RECORD_LATE && (scheduled || add.result != 0))
        record->row.row = 0; /* what was written was taken back */
    return result;
}

/* The state is opened first: what is wrong with it is said before anything is made in it. */
static enum job_record_begun begin(struct job_record *record, bool scheduled, struct err *err)
{
    if (store_ready(record->store, err) != 0 || settle(record, err) != 0)
        return JOB_RECORD_FAILED;
    return begin_run(record, scheduled, err);
}

enum job_record_begun job_record_begin(struct job_record *record, bool scheduled, struct err *err)
{
    record->row.started_ms = store_now_ms(record->store);
    enum job_record_begun result = begin(record, scheduled, err);
    if (result == JOB_RECORD_EARLY)
        store_lease_release(&record->life);
    store_before_fork(record->store);
    return result;
}

bool job_record_was_due(struct job_record *record, bool scheduled)
{
    struct err err;
    struct store_run *row = &record->row;
    row->started_ms = store_now_ms(record->store);
    return !scheduled || row->slot_ms != STORE_NONE ||
           job_slot_recent(record->job, row->started_ms, &row->slot_ms, &err) == 1;
}

/* Start */

/* Of an earlier run, to whom it may concern. */
static void tell(const struct job_record *record, const struct store_run *run,
                 const struct store_run *previous, const char *what)
{
    char started[CLOCK_RFC3339_SIZE];
    struct job_outcome outcome = job_record_outcome(record);
    clock_format_rfc3339(run->started_ms, started, sizeof started);
    log_msg(record->app->log, LOG_ERROR, "job '%s': run %s of %s %s", record->job->name, run->run,
            started, what);
    outcome.run = run;
    outcome.previous = previous;
    store_before_fork(record->store);
    job_hooks_ended(&outcome);
}

static int find_previous(struct store *store, const struct store_run *run, struct store_runs *runs,
                         struct err *err)
{
    const struct store_run_filter before = {
        .scope = run->scope, .before_row = run->row, .ran = true, .ended = true, .limit = 1};
    return store_run_list(store, &before, runs, err);
}

static int tell_untold(struct job_record *record, struct store_run *run, struct err *err)
{
    struct store_runs previous = {0};
    int result = find_previous(record->store, run, &previous, err);
    if (result == 0) {
        tell(record, run, previous.count > 0 ? &previous.items[0] : NULL,
             "had ended, and was killed before its hooks were done");
        result = store_run_told(record->store, run, err);
    }
    store_runs_destroy(&previous);
    return result;
}

/* Reports runs that ended unreported before, oldest first. Each is marked as soon as it is told: a
 * kill between the two means that it is told twice, never that it is lost. */
static int settle_former(struct job_record *record, struct err *err)
{
    const struct store_runs *untold = &record->untold, *interrupted = &record->interrupted;
    int result = 0;
    for (size_t i = untold->count; i > 0 && result == 0; i--)
        result = tell_untold(record, &untold->items[i - 1], err);
    for (size_t i = interrupted->count; i > 0 && result == 0; i--) {
        tell(record, &interrupted->items[i - 1], NULL,
             "was interrupted: it was killed, the machine went down, or its end could not be "
             "recorded");
        result = store_run_end(record->store, &interrupted->items[i - 1], err);
    }
    return result;
}

int job_record_lock(struct job_record *record, struct store_lease *lease, struct err *err)
{
    const struct store_run_filter ended = {.scope = record->scope, .ended = true, .untold = true};
    const struct store_run_filter open = {.scope = record->scope, .open = true};
    struct store_call calls[] = {
        {.op = STORE_RUN_LIST, .list = {.filter = &ended, .runs = &record->untold}},
        {.op = STORE_RUN_LIST, .list = {.filter = &open, .runs = &record->interrupted}}};
    struct store_call *const both[] = {&calls[0], &calls[1]};
    store_runs_destroy(&record->untold);
    store_runs_destroy(&record->interrupted);
    /* Whoever waits for it on this host does not trouble a database with each try. */
    int held = store_lease_try_with(lease, record->store, STORE_LEASE_JOB, record->scope, both,
                                    record->tried ? 0 : 2, err);
    if (record->tried && held == 1)
        store_wait_all(record->store, both, 2, err);
    record->tried = true;
    for (size_t i = 0; i < 2 && held == 1; i++) {
        if (calls[i].result == 0)
            continue;
        *err = calls[i].err;
        store_lease_release(lease);
        held = -1;
    }
    store_runs_dead(&record->untold);
    store_runs_dead(&record->interrupted);
    for (size_t i = 0; i < record->interrupted.count; i++)
        record->interrupted.items[i].cause = STORE_CAUSE_INTERRUPTED;
    return held;
}

/* The run before is the newest that has ended. */
int job_record_start(struct job_record *record, struct err *err)
{
    struct store_run *row = &record->row;
    const struct store_run_filter before = {
        .scope = row->scope, .ran = true, .ended = true, .limit = 1};
    struct store_call begin = {.op = STORE_RUN_START, .run = {.added = row}};
    struct store_call find = {.op = STORE_RUN_LIST,
                              .list = {.filter = &before, .runs = &record->previous}};
    struct store_call *const both[] = {&begin, &find};
    int result = settle_former(record, err);
    row->started_ms = STORE_NONE;
    if (result == 0)
        result = store_wait_all(record->store, both, 2, err);
    if (result != 0)
        row->started_ms = store_now_ms(record->store);
    store_before_fork(record->store);
    record->started = result == 0;
    return result;
}

static void take_end(struct job_record *record, const struct job_attempt_end *end)
{
    struct store_run *row = &record->row;
    row->ended_ms = store_now_ms(record->store);
    row->exit = end->exit;
    row->cause = end->cause;
    row->message = end->message[0] != '\0' ? end->message : NULL;
    row->requests = end->requests;
    row->exchanges = end->exchanges;
    row->peak_kib = end->peak_kib;
    row->output = end->output;
    row->output_len = end->output_len;
    row->output_bytes = end->output_bytes;
}

int job_record_next(struct job_record *record, const struct job_attempt_end *end, struct err *err)
{
    struct store_run *row = &record->row;
    take_end(record, end);
    struct store_run next = {.scope = row->scope,
                             .host = row->host,
                             .job = row->job,
                             .slot_ms = row->slot_ms,
                             .attempt = row->attempt + 1,
                             .started_ms = store_now_ms(record->store),
                             .ended_ms = STORE_NONE,
                             .exit = -1,
                             .supervisor = row->supervisor};
    memcpy(next.run, row->run, sizeof next.run);
    int result = store_run_end_and_add(record->store, row, &next, err);
    store_before_fork(record->store);
    fault_point(FAULT_JOB_AGAIN);
    if (result == 0)
        *row = next;
    return result;
}

int job_record_again(struct job_record *record, struct err *err)
{
    record->row.started_ms = STORE_NONE;
    int result = store_run_start(record->store, &record->row, err);
    if (result != 0)
        record->row.started_ms = store_now_ms(record->store);
    store_before_fork(record->store);
    return result;
}

/* End */

static int write_end(struct job_record *record, struct err *err)
{
    const struct config *config = record->config;
    struct store *store = record->store;
    int result;
    if (record->row.row == 0)
        result = store_run_add(store, &record->row, err);
    else if (record->started)
        result = store_run_end_and_prune(
            store, &record->row, config->history_keep,
            store_now_ms(record->store) - config->history_days * DAY_MS, err);
    else
        result = store_run_end(store, &record->row, err);
    store_before_fork(store);
    return result;
}

int job_record_end(struct job_record *record, const struct job_attempt_end *end)
{
    struct store_run *row = &record->row;
    struct err err;
    char line[ERR_LINE_MAX];
    bool begun = row->row != 0;
    take_end(record, end);
    const struct job_outcome outcome = job_record_outcome(record);
    row->untold = job_hooks_wanted(&outcome);
    if (write_end(record, &err) == 0)
        return 0;
    if (begun) /* else it has just been said why */
        log_msg(record->app->log, LOG_ERROR,
                "job '%s': the end of run %s could not be recorded: %s", record->job->name,
                row->run, err_line(&err, line));
    return err_exit_code(err.kind);
}

void job_record_told(struct job_record *record)
{
    struct err err;
    char line[ERR_LINE_MAX];
    fault_point(FAULT_JOB_TOLD);
    if (!record->row.untold || record->row.row == 0)
        return;
    if (store_run_told(record->store, &record->row, &err) != 0)
        log_msg(record->app->log, LOG_WARN,
                "job '%s': the next run will report run %s again, since it could not be "
                "recorded that its hooks are done: %s",
                record->job->name, record->row.run, err_line(&err, line));
    store_before_fork(record->store);
}

#include "job_metrics.h"

#include "mem.h"
#include "safefile.h"
#include "store_counters.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SECOND_MS    1000
#define KIB          1024
#define NUMBER_SIZE  32
#define NOT_A_NUMBER "NaN"

/* A run with all of its attempts. */
struct whole {
    const struct store_run *last;
    int64_t started_ms;
    int64_t requests;
    int64_t exchanges;
    int64_t peak_kib;
};

static void add_up(const struct store_runs *attempts, struct whole *whole)
{
    for (size_t i = 0; i < attempts->count; i++) { /* the newest first */
        const struct store_run *run = &attempts->items[i];
        whole->started_ms = run->started_ms;
        whole->requests += run->requests;
        whole->exchanges += run->exchanges;
        if (run->peak_kib > whole->peak_kib)
            whole->peak_kib = run->peak_kib;
    }
}

/* The text */

/* Of the job and its configuration; name NULL: by its path. `job` itself is a label of Prometheus,
 * which would rename ours. Names hold nothing to escape; a path may. */
static void write_labels(struct buf *out, const struct job_outcome *outcome, const char *name)
{
    struct buf path;
    buf_create(&path, JOB_METRICS_MAX);
    if (name == NULL && utf8_mend(outcome->job->file, strlen(outcome->job->file), &path) < 0)
        name = "";
    buf_printf(out, "jeton_job=\"%s\",jeton_config=\"%s", outcome->job->name,
               name != NULL ? name : "");
    for (size_t i = 0; name == NULL && i < path.len; i++) {
        char c = path.data[i];
        if (c == '\n')
            buf_printf(out, "\\n");
        else
            buf_printf(out, "%s%c", c == '"' || c == '\\' ? "\\" : "", c);
    }
    buf_printf(out, "\"");
    buf_destroy(&path);
}

static void tell(struct buf *out, const char *labels, const char *name, const char *type,
                 const char *help, const char *value)
{
    buf_printf(out, "# HELP jeton_job_%s %s\n# TYPE jeton_job_%s %s\njeton_job_%s{%s} %s\n", name,
               help, name, type, name, labels, value);
}

static void tell_count(struct buf *out, const char *labels, const char *name, const char *help,
                       int64_t value)
{
    char number[NUMBER_SIZE];
    snprintf(number, sizeof number, "%" PRId64, value);
    tell(out, labels, name, "counter", help, number);
}

static const char *seconds(int64_t ms, char number[static NUMBER_SIZE])
{
    snprintf(number, NUMBER_SIZE, "%.3f", (double)ms / SECOND_MS);
    return number;
}

static bool is_late(const struct store_run *run)
{
    return run->cause != NULL && strcmp(run->cause, STORE_CAUSE_LATE) == 0;
}

static void tell_run(struct buf *out, const char *labels, const struct whole *whole)
{
    const struct store_run *last = whole->last;
    char number[NUMBER_SIZE];
    tell(out, labels, "last_run_timestamp_seconds", "gauge", "When the last run began.",
         seconds(whole->started_ms, number));
    const char *took = NOT_A_NUMBER;
    if (last->ended_ms != STORE_NONE && !is_late(last)) { /* the clock may have been set */
        int64_t ms = last->ended_ms - whole->started_ms;
        took = seconds(ms > 0 ? ms : 0, number);
    }
    tell(out, labels, "last_run_duration_seconds", "gauge",
         "Duration of the last run with all attempts; NaN if it was interrupted or late.", took);
    snprintf(number, sizeof number, "%d", last->exit);
    tell(out, labels, "last_run_exit_status", "gauge",
         "Exit status of the last run; NaN if it was interrupted or late.",
         last->exit >= 0 ? number : NOT_A_NUMBER);
    snprintf(number, sizeof number, "%" PRId64, last->attempt);
    tell(out, labels, "last_run_attempts", "gauge", "Attempts of the last run.", number);
    snprintf(number, sizeof number, "%" PRId64, whole->peak_kib * KIB);
    tell(out, labels, "last_run_peak_memory_bytes", "gauge", "Peak memory of the last run.",
         number);
}

static void tell_sums(struct buf *out, const char *labels, const struct store_counters *sums)
{
    char number[NUMBER_SIZE];
    if (sums->success_ms != STORE_NONE)
        tell(out, labels, "last_success_timestamp_seconds", "gauge",
             "When the last successful run ended.", seconds(sums->success_ms, number));
    tell_count(out, labels, "runs_total", "Runs that have ended.", sums->runs);
    tell_count(out, labels, "failures_total", "Runs that failed.", sums->failures);
    tell_count(out, labels, "skipped_total", "Runs skipped because another was under way.",
               sums->skipped);
    tell_count(out, labels, "requests_total", "Requests to the service.", sums->requests);
    tell_count(out, labels, "exchanges_total", "Exchanges of tokens.", sums->exchanges);
}

/* Counts */

static bool is_skipped(const struct store_run *run)
{
    return run->cause != NULL && strcmp(run->cause, STORE_CAUSE_LOCKED) == 0;
}

static int count(const struct job_outcome *outcome, struct whole *whole,
                 struct store_counters *sums, struct err *err)
{
    const struct store_run *run = outcome->run;
    struct store_runs attempts;
    const struct store_run_filter filter = {.scope = outcome->scope, .run = run->run};
    if (store_run_list(outcome->store, &filter, &attempts, err) != 0)
        return -1;
    add_up(&attempts, whole);
    store_runs_destroy(&attempts);
    bool skipped = is_skipped(run);
    const struct store_counters more = {
        .runs = skipped ? 0 : 1,
        .failures = !skipped && run->cause != NULL ? 1 : 0,
        .skipped = skipped ? 1 : 0,
        .requests = whole->requests,
        .exchanges = whole->exchanges,
        .success_ms = run->cause == NULL ? run->ended_ms : STORE_NONE,
    };
    return store_counters_add(outcome->store, outcome->scope, &more, sums, err);
}

static void warn(const struct job_outcome *outcome, const struct err *err)
{
    char line[ERR_LINE_MAX];
    log_msg(outcome->app->log, LOG_WARN, "job '%s': metrics: %s", outcome->job->name,
            err_line(err, line));
}

/* Whether the configuration, without a name, was at a path that is gone: it may be this one. Or at
 * this one's, which has a name since. */
static bool has_moved(const char *labels, const struct job_outcome *outcome)
{
    struct buf own;
    buf_create(&own, JOB_METRICS_MAX);
    write_labels(&own, outcome, NULL);
    const char *path = strstr(labels, ",jeton_config=\"/");
    char *copy = path != NULL ? mem_strdup(strchr(path, '/')) : NULL;
    bool gone = strcmp(labels, own.data) == 0;
    buf_destroy(&own);
    if (copy != NULL) {
        copy[strcspn(copy, "\"")] = '\0';
        gone = gone || access(copy, F_OK) != 0;
    }
    mem_free(copy);
    return gone;
}

/* `check` sees the jobs of one configuration only. */
static void warn_of_another(const struct job_outcome *outcome, const char *labels)
{
    const char *path = outcome->job->metrics;
    struct buf text;
    struct err err;
    buf_create(&text, JOB_METRICS_MAX);
    if (safefile_read(path, SAFEFILE_NOT_WRITABLE, &text, &err) == 0) {
        char *before = strchr(text.data, '{');
        char *end = before != NULL ? strstr(before, "\"} ") : NULL;
        if (end != NULL) {
            *++end = '\0';
            if (strcmp(++before, labels) != 0 && !has_moved(before, outcome)) {
                err_set(&err, ERR_CONFIG,
                        "%s was the file of another job: %s; each run replaces it as a whole, so "
                        "each job needs its own",
                        path, before);
                warn(outcome, &err);
            }
        }
    }
    buf_destroy(&text);
}

/* sums NULL: they are not known. */
static int write_file(const struct job_outcome *outcome, const struct whole *whole,
                      const struct store_counters *sums, struct err *err)
{
    struct buf labels;
    struct buf text;
    buf_create(&labels, JOB_METRICS_MAX);
    buf_create(&text, JOB_METRICS_MAX);
    write_labels(&labels, outcome, outcome->config->name);
    warn_of_another(outcome, labels.data);
    tell_run(&text, labels.data, whole);
    if (sums != NULL)
        tell_sums(&text, labels.data, sums);
    int result = safefile_write(outcome->job->metrics, JOB_METRICS_MODE, text.data, text.len, err);
    buf_destroy(&text);
    buf_destroy(&labels);
    return result;
}

void job_metrics_ended(const struct job_outcome *outcome)
{
    if (outcome->job->metrics == NULL)
        return;
    struct whole whole = {.last = outcome->run,
                          .started_ms = outcome->run->started_ms,
                          .peak_kib = outcome->run->peak_kib};
    struct store_counters sums;
    struct err err;
    bool counted = count(outcome, &whole, &sums, &err) == 0;
    store_before_fork(outcome->store);
    if (!counted)
        warn(outcome, &err);
    if (!is_skipped(outcome->run) && write_file(outcome, &whole, counted ? &sums : NULL, &err) != 0)
        warn(outcome, &err);
}

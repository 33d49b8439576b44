/* jeton logs: what a past run printed. */
#include "config_load.h"
#include "history.h"
#include "history_live.h"
#include "verb.h"

#include "mem.h"
#include "utf8.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_MS       100 /* at what a running attempt has written */
#define LOOKS         5   /* until the state is asked again */
#define LIVE_MAX      (2 * STORE_OUTPUT_MAX)
#define CHARACTER_MAX 4 /* bytes */

/* "attempt 2 of run … (job …) at …: exit 6, http: message" */
static void say_attempt(struct app *app, const struct store_run *run)
{
    char started[HISTORY_TIME_SIZE], took[HISTORY_DURATION_SIZE], end[128];
    const char *cause = history_cause(run);
    enum history_state state = history_state(run);
    history_time(run->started_ms, started);
    history_duration(history_took_ms(run), took);
    if (state == HISTORY_RUNNING)
        snprintf(end, sizeof end,
                 "running for %s; its output is stored when it ends, and shown now by -f", took);
    else if (run->exit >= 0)
        snprintf(end, sizeof end, "exit %d after %s", run->exit, took);
    else
        snprintf(end, sizeof end, "no exit status");
    log_msg(app->log, LOG_INFO, "run %s of job '%s', attempt %" PRId64 ", %s: %s%s%s%s%s", run->run,
            run->job, run->attempt, started, end, cause != NULL ? ", " : "",
            cause != NULL ? cause : "", run->message != NULL ? ": " : "",
            run->message != NULL ? run->message : "");
    if (run->output_bytes > (int64_t)run->output_len)
        log_msg(app->log, LOG_INFO,
                "it printed %" PRId64 " bytes; the last %zu were kept, with secrets masked",
                run->output_bytes, run->output_len);
}

static int print_attempt(struct app *app, const struct store_run *run, struct err *err)
{
    say_attempt(app, run);
    if (run->output_len == 0)
        return 0;
    int result = app_print(app, run->output, run->output_len, err);
    if (result == 0 && run->output[run->output_len - 1] != '\n')
        result = app_print(app, "\n", 1, err); /* the next attempt, or the prompt */
    return result;
}

/* All attempts of the run of that id; else of the newest run of the job of that name. */
static int find(struct store *store, const char *name, const char *const *homes,
                struct store_runs *runs, struct err *err)
{
    struct store_run_filter filter = {.homes = homes, .run = name, .output = true};
    if (store_run_list(store, &filter, runs, err) != 0)
        return -1;
    if (runs->count > 0)
        return 0;
    struct store_runs newest = {0};
    const struct store_run_filter of_job = {.homes = homes, .job = name, .ran = true, .limit = 1};
    int result = store_run_list(store, &of_job, &newest, err);
    if (result == 0 && newest.count == 0) {
        result = err_set(err, ERR_CONFIG,
                         "there is no run '%s', and no run of a job of that name; `jeton history` "
                         "lists the runs",
                         name);
    } else if (result == 0) {
        filter.run = newest.items[0].run;
        store_runs_destroy(runs);
        result = store_run_list(store, &filter, runs, err);
    }
    store_runs_destroy(&newest);
    return result;
}

/* -f */

struct follow {
    struct app *app;
    const struct config *config;
    struct history_tail tail; /* of the attempt that runs */
    struct buf held;          /* of it: an incomplete character */
    bool line_open;
    bool told_host;
    int64_t done; /* attempts that are shown */
};

static void say_following(struct follow *follow, const struct store_run *run)
{
    char started[HISTORY_TIME_SIZE];
    history_time(run->started_ms, started);
    log_msg(follow->app->log, LOG_INFO, "run %s of job '%s', attempt %" PRId64 ", %s: running",
            run->run, run->job, run->attempt, started);
}

/* Prints whole characters; at the end of the attempt all. */
static int print_new(struct follow *follow, bool ended, struct err *err)
{
    int64_t skipped;
    struct buf *held = &follow->held;
    history_tail_read(&follow->tail, held, &skipped);
    if (skipped > 0)
        log_msg(follow->app->log, LOG_INFO,
                "%" PRId64 " bytes before this are gone: the last 64 KiB are kept", skipped);
    size_t whole = utf8_valid_prefix(held->data, held->len);
    size_t len = !ended && held->len - whole < CHARACTER_MAX ? whole : held->len;
    if (len == 0)
        return 0;
    follow->line_open = held->data[len - 1] != '\n';
    int result = app_print(follow->app, held->data, len, err);
    buf_drop(held, len);
    return result;
}

/* An attempt that has ended, and whose beginning was shown while it ran. */
static int end_tail(struct follow *follow, const struct store_run *run, struct err *err)
{
    int result = print_new(follow, true, err);
    if (result == 0 && follow->line_open)
        result = app_print(follow->app, "\n", 1, err);
    history_tail_close(&follow->tail);
    follow->line_open = false;
    say_attempt(follow->app, run);
    return result;
}

static void begin_tail(struct follow *follow, const struct store_run *run)
{
    char host[STORE_HOST_SIZE] = "";
    if (history_tail_open(&follow->tail, follow->config->state->folder, run->run, run->attempt)) {
        say_following(follow, run);
        return;
    }
    gethostname(host, sizeof host - 1);
    if (!follow->told_host && run->host != NULL && strcmp(run->host, host) != 0)
        log_msg(follow->app->log, LOG_INFO, "it runs on %s: its output is here when it has ended",
                run->host);
    follow->told_host = true;
}

/* 1: an attempt runs, or waits to; 0: the run has ended. */
static int show_attempts(struct follow *follow, const struct store_runs *runs, struct err *err)
{
    int result = 0;
    for (size_t i = runs->count; result == 0 && i-- > 0;) {
        const struct store_run *run = &runs->items[i];
        if (run->attempt <= follow->done)
            continue;
        if (history_state(run) == HISTORY_RUNNING) {
            if (follow->tail.fd < 0)
                begin_tail(follow, run);
            return 1;
        }
        result = follow->tail.fd >= 0 ? end_tail(follow, run, err)
                                      : print_attempt(follow->app, run, err);
        follow->done = run->attempt;
    }
    return result;
}

static int watch(struct follow *follow, struct err *err)
{
    int result = 0;
    for (int i = 0; i < LOOKS && result == 0; i++) {
        if (follow->tail.fd >= 0)
            result = print_new(follow, false, err);
        poll(NULL, 0, LOOK_MS);
    }
    return result;
}

static int follow_run(struct app *app, const struct config *config, struct store *store,
                      struct store_runs *runs, struct err *err)
{
    struct follow follow = {.app = app, .config = config, .tail = {.fd = -1}};
    char id[STORE_RUN_ID_SIZE];
    memcpy(id, runs->items[0].run, sizeof id);
    const struct store_run_filter filter = {.homes = NULL, .run = id, .output = true};
    buf_create(&follow.held, LIVE_MAX);
    int result;
    while ((result = show_attempts(&follow, runs, err)) == 1) {
        store_runs_destroy(runs);
        if (watch(&follow, err) != 0 || store_run_list(store, &filter, runs, err) != 0) {
            result = -1;
            break;
        }
    }
    history_tail_close(&follow.tail);
    buf_destroy(&follow.held);
    return result;
}

static int print_logs(struct app *app, const char *name, bool all, bool follow, struct err *err)
{
    struct config *config = app_config(app, false, err);
    if (config == NULL)
        return -1;
    struct store_runs runs = {0};
    struct store *store = store_new(config->state, NULL);
    if (!follow)
        store_reads(store);
    int result = find(store, name, all ? NULL : config->homes, &runs, err);
    if (result == 0 && follow)
        result = follow_run(app, config, store, &runs, err);
    for (size_t i = runs.count; !follow && result == 0 && i-- > 0;)
        result = print_attempt(app, &runs.items[i], err);
    store_free(store);
    store_runs_destroy(&runs);
    config_free(config);
    return result;
}

int verb_logs(struct app *app, int argc, char **argv, struct err *err)
{
    bool all = false, follow = false;
    const struct opt opts[] = {
        {'f', "follow", OPT_FLAG, &follow, NULL,
         "while the run is under way, show what it prints, until it has ended"},
        {0, "all", OPT_FLAG, &all, NULL, "also runs of other configurations that share the state"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton logs RUN [-f] [--all]",
        .description = "Prints the output of a run's attempts, the last 64 KiB of each, secrets "
                       "masked; how each ended goes to standard error. `jeton history` lists the "
                       "runs. A job's name stands for its newest run.",
        .opts = opts,
        .min_operands = 1,
        .max_operands = 1,
        .operands = "RUN",
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0)
        status = print_logs(app, result.operands[0], all, follow, err);
    mem_free(result.operands);
    return status;
}

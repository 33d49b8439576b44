/* jeton logs: what a past run printed. */
#include "config_load.h"
#include "history.h"
#include "verb.h"

#include "mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "attempt 2 of run … (job …) at …: exit 6, http: message" */
static void say_attempt(struct app *app, const struct store_run *run)
{
    char started[HISTORY_TIME_SIZE], took[HISTORY_DURATION_SIZE], end[96];
    const char *cause = history_cause(run);
    enum history_state state = history_state(run);
    history_time(run->started_ms, started);
    history_duration(history_took_ms(run), took);
    if (state == HISTORY_RUNNING)
        snprintf(end, sizeof end, "running for %s; its output is stored when it ends", took);
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

static int print_logs(struct app *app, const char *name, bool all, struct err *err)
{
    struct config *config = app_config(app, false, err);
    if (config == NULL)
        return -1;
    struct store_runs runs = {0};
    struct store *store = store_new(config->state, NULL);
    int result = find(store, name, all ? NULL : config->homes, &runs, err);
    store_free(store);
    for (size_t i = runs.count; result == 0 && i-- > 0;)
        result = print_attempt(app, &runs.items[i], err);
    store_runs_destroy(&runs);
    config_free(config);
    return result;
}

int verb_logs(struct app *app, int argc, char **argv, struct err *err)
{
    bool all = false;
    const struct opt opts[] = {
        {0, "all", OPT_FLAG, &all, NULL, "also runs of other configurations that share the state"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton logs RUN [--all]",
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
        status = print_logs(app, result.operands[0], all, err);
    mem_free(result.operands);
    return status;
}

/* jeton history: past runs of jobs. */
#include "clock.h"
#include "config_load.h"
#include "history.h"
#include "history_pick.h"
#include "history_serve.h"
#include "history_source.h"
#include "verb.h"
#include "verb_lua.h"

#include "mem.h"
#include "safefile.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define LIMIT_DEFAULT 20
#define LIMIT_MAX     100000
#define LIMIT_PAGE    20000 /* of a page without --limit */
#define ATTEMPTS_MAX  LIMIT_MAX
#define PAGE_MODE     0600
#define JSON_PIECE    ((size_t)1024 * 1024) /* of --json, that is printed at once */
#define NOT_GIVEN     (-1)

struct history_options {
    const char *job;
    const char *html; /* a file */
    const char *since;
    const char *serve; /* HOST:PORT, or "" */
    struct history_pick pick;
    bool defaults; /* no --limit was given */
    bool json;
    bool all;
};

/* Without a configuration there is none whose runs could be meant. */
static bool is_all(const struct config *config, const struct history_options *options)
{
    return options->all || config->homes == NULL;
}

/* What pages and tables call the configuration; NULL: all of them. */
static const char *whose(const struct config *config, const struct history_options *options)
{
    if (is_all(config, options))
        return NULL;
    return config->name != NULL ? config->name : config->files[0];
}

/* A job that is configured, or was when it ran. */
static int check_job(const struct config *config, struct store *store,
                     const struct store_run_filter *wanted, struct err *err)
{
    struct err unknown = {0};
    struct store_runs runs = {0};
    struct store_run_filter filter = *wanted;
    filter.limit = 1;
    if (config_job(config, wanted->job, &unknown) != NULL)
        return 0;
    int result = store_run_list(store, &filter, &runs, err);
    if (result == 0 && runs.count == 0) {
        *err = unknown;
        result = -1;
    }
    store_runs_destroy(&runs);
    return result;
}

/* Piece by piece, however many they are. */
static int print_json(struct app *app, const struct store_runs *runs, struct err *err)
{
    struct buf out;
    int result = 0;
    buf_create(&out, HISTORY_TEXT_MAX);
    buf_putc(&out, '[');
    for (size_t i = 0; i < runs->count && result == 0; i++) {
        buf_puts(&out, i > 0 ? ",\n " : "");
        history_json(&runs->items[i], &out);
        if (out.len < JSON_PIECE)
            continue;
        result = app_print(app, out.data, out.len, err);
        buf_clear(&out);
    }
    buf_puts(&out, "]\n");
    if (result == 0)
        result = app_print(app, out.data, out.len, err);
    buf_destroy(&out);
    return result;
}

/* Calls `render` of scripts/history/….lua for the text. Its exit status, or -1. */
static int render(struct app *app, const struct config *config, const struct store_runs *runs,
                  const struct history_options *options, struct buf *text, struct err *err)
{
    struct buf json;
    const char *module = options->html != NULL ? "history.page" : "history.text";
    struct history_view view = {.color = app->color && isatty(STDOUT_FILENO) == 1,
                                .failed = options->pick.failed,
                                .configuration = whose(config, options)};
    buf_create(&json, HISTORY_TEXT_MAX);
    history_view(runs, &view, &json);
    struct luaL_Reg *modules = history_source_modules(app->modules);
    struct app with_source = *app;
    with_source.modules = modules;
    int status = verb_lua(&with_source, config, module, "render", json.data, text, err);
    mem_free(modules);
    buf_destroy(&json);
    return status;
}

static int write_page(struct app *app, const struct buf *page, const char *path, struct err *err)
{
    struct buf masked;
    buf_create(&masked, HISTORY_TEXT_MAX);
    redact_text(app->redact, page->data, page->len, &masked);
    int result = safefile_write(path, PAGE_MODE, masked.data, masked.len, err);
    buf_destroy(&masked);
    return result;
}

static int say_none(struct app *app, const struct config *config,
                    const struct history_options *options, struct err *err)
{
    struct store *store = store_new(config->state, NULL);
    struct store_runs others = {0};
    const struct store_run_filter any = {.job = options->job, .limit = 1};
    store_reads(store);
    int result = store_run_list(store, &any, &others, err);
    const char *only = options->pick.failed ? "no run failed" : "no runs";
    if (result == 0 && options->since != NULL)
        log_msg(app->log, LOG_INFO, "%s since %s", only, options->since);
    else if (result == 0 && options->pick.failed)
        log_msg(app->log, LOG_INFO, "%s", only);
    else if (result == 0)
        log_msg(app->log, LOG_INFO, "%s",
                others.count == 0 ? "no runs yet"
                                  : "no runs of this configuration yet; the state has some of "
                                    "others: jeton history --all");
    store_runs_destroy(&others);
    store_free(store);
    return result;
}

static int show(struct app *app, const struct config *config, const struct store_runs *runs,
                const struct history_options *options, struct err *err)
{
    if (runs->count == 0 && options->html == NULL && !options->json) {
        return say_none(app, config, options, err);
    }
    if (options->json)
        return print_json(app, runs, err);
    struct buf out;
    buf_create(&out, HISTORY_TEXT_MAX);
    int status = render(app, config, runs, options, &out, err);
    if (status == 0 && options->html != NULL)
        status = write_page(app, &out, options->html, err);
    else if (status == 0)
        status = app_print_colored(app, out.data, out.len, err);
    buf_destroy(&out);
    return status;
}

static int list(struct app *app, const struct history_options *options, struct err *err)
{
    struct config *config = app_config(app, false, err);
    if (config == NULL)
        return -1;
    struct store_runs runs = {0};
    bool picks = options->pick.failed || options->pick.since_ms != STORE_NONE;
    const struct store_run_filter filter = {.homes = is_all(config, options) ? NULL : config->homes,
                                            .job = options->job,
                                            .runs = picks ? 0 : options->pick.limit + 1,
                                            .limit = ATTEMPTS_MAX};
    int result = -1;
    struct store *store = store_new(config->state, NULL);
    store_reads(store);
    if (options->job == NULL || check_job(config, store, &filter, err) == 0)
        result = store_run_list(store, &filter, &runs, err);
    store_free(store);
    bool more = result == 0 && history_pick(&options->pick, &runs);
    if (result == 0)
        result = show(app, config, &runs, options, err);
    if (result == 0 && more && options->defaults && !options->json && options->html == NULL)
        log_msg(app->log, LOG_INFO, "the newest %" PRId64 "; --limit N shows more",
                options->pick.limit);
    store_runs_destroy(&runs);
    config_free(config);
    return result;
}

static int serve(struct app *app, const struct history_options *options, struct err *err)
{
    struct config *config = app_config(app, false, err);
    if (config == NULL)
        return -1;
    int status = history_serve(app, config, options->serve, whose(config, options), err);
    config_free(config);
    return status;
}

/* Which runs a page shows is chosen there. */
static int check_serve(const struct history_options *options, struct err *err)
{
    if (options->serve[0] == '\0' && options->job != NULL)
        return err_set(err, ERR_USAGE,
                       "--serve expects HOST:PORT, such as 127.0.0.1:8080, or nothing, not '%s'; a "
                       "job is chosen on the page",
                       options->job);
    if (options->job == NULL && !options->pick.failed && options->since == NULL && !options->json &&
        options->html == NULL && options->pick.limit == NOT_GIVEN)
        return 0;
    return err_set(err, ERR_USAGE, "--serve takes only --all beside it: the page has filters");
}

int verb_history(struct app *app, int argc, char **argv, struct err *err)
{
    struct history_options options = {.pick = {.limit = NOT_GIVEN, .since_ms = STORE_NONE}};
    const struct opt opts[] = {
        {0, "failed", OPT_FLAG, &options.pick.failed, NULL, "only runs that failed in the end"},
        {0, "since", OPT_STRING, &options.since, "D|TIME",
         "only runs that ended since: 12h, 7d, 08:00, 2026-01-31"},
        {0, "limit", OPT_INTEGER, &options.pick.limit, "N",
         "show only the N newest runs (default 20; with --since all)"},
        {0, "all", OPT_FLAG, &options.all, NULL,
         "runs of all configurations that share the state, with a column that names each"},
        {0, "json", OPT_FLAG, &options.json, NULL, "print one JSON document"},
        {0, "html", OPT_STRING, &options.html, "FILE",
         "write a page with a calendar and a timeline of all kept runs instead"},
        {0, "serve", OPT_OPTIONAL, &options.serve, "HOST:PORT",
         "show such pages, with what each run printed, to a browser of this machine; without a "
         "value on a free port"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton history [JOB] [--failed] [--since D|TIME] [--all] [--limit N]\n"
                 "              [--json | --html FILE]\n"
                 "jeton history --serve[=HOST:PORT] [--all]",
        .description =
            "Lists past runs of this configuration's jobs, the newest first: ✓ it succeeded, ✗ it "
            "failed, – it was skipped because another run of the job was under way, ● it is "
            "running. Below a run of several attempts, each of them. At the end, each job's runs: "
            "how long they took, from the oldest to the newest, with all their attempts; and how "
            "many succeeded in the end. `jeton logs RUN` prints what a run printed.",
        .opts = opts,
        .max_operands = 1,
        .operands = "JOB",
    };
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status <= 0)
        goto cleanup;
    if (result.count > 0)
        options.job = result.operands[0];
    if (options.serve != NULL) {
        status = check_serve(&options, err) == 0 ? serve(app, &options, err) : -1;
        goto cleanup;
    }
    options.defaults = options.pick.limit == NOT_GIVEN;
    if (options.defaults)
        options.pick.limit = options.html != NULL    ? LIMIT_PAGE
                             : options.since != NULL ? LIMIT_MAX
                                                     : LIMIT_DEFAULT;
    if (options.pick.limit < 1 || options.pick.limit > LIMIT_MAX)
        status = err_set(err, ERR_USAGE, "--limit: expected 1 to %d", LIMIT_MAX);
    else if (options.json && options.html != NULL)
        status = err_set(err, ERR_USAGE, "--json and --html exclude each other");
    else if (options.since == NULL ||
             history_pick_since(options.since, clock_wall_ms(), &options.pick.since_ms, err) == 0)
        status = list(app, &options, err);
    else
        status = -1;
cleanup:
    mem_free(result.operands);
    return status;
}

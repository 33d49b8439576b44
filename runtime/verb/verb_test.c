/* jeton test: runs tests of scripts. All but the options is in scripts/test. */
#include "config_load.h"
#include "json.h"
#include "json_member.h"
#include "mem.h"
#include "test_child.h"
#include "verb.h"
#include "verb_lua.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define REQUEST_MAX     ((size_t)16 * 1024 * 1024)
#define TIMEOUT_DEFAULT 60000 /* ms, of a file */
#define JOBS_MAX        256
#define JOBS_DEFAULT    (-1) /* one for each processor */

struct test_options {
    const char *filter, *fail_fast, *shuffle, *record; /* NULL: not given */
    struct opt_strings reports;
    int64_t jobs, timeout_ms, stale_ms;
    bool failed, watch, update, list;
};

static void put_list(struct buf *out, const char *name, const char *const *items, size_t count)
{
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        buf_puts(out, i > 0 ? "," : "");
        if (json_write_string(out, items[i], strlen(items[i])) != 0)
            buf_puts(out, "null"); /* not UTF-8 */
    }
    buf_puts(out, "]");
}

static void put_flag(struct buf *out, const char *name, bool flag)
{
    buf_printf(out, ",\"%s\":%s", name, flag ? "true" : "false");
}

/* What scripts/test/run.lua is asked for. */
static void put_request(const struct app *app, const struct test_options *options,
                        const struct opt_result *result, struct buf *out)
{
    char *state = config_default_state();
    const char *ci = getenv("CI");
    char *chosen = options->record != NULL ? config_choose(app->config_path) : NULL;
    char *real = chosen != NULL ? realpath(chosen, NULL) : NULL;
    buf_printf(out, "{\"jobs\":%" PRId64 ",\"timeout_ms\":%" PRId64 ",\"stale_ms\":%" PRId64,
               options->jobs, options->timeout_ms, options->stale_ms);
    put_list(out, "paths", result->operands, (size_t)result->count);
    put_list(out, "reports", options->reports.items, options->reports.count);
    json_member_text(out, "filter", options->filter);
    json_member_text(out, "fail_fast", options->fail_fast);
    json_member_text(out, "shuffle", options->shuffle);
    json_member_text(out, "record", options->record);
    json_member_text(out, "config", real != NULL ? real : chosen);
    json_member_text(out, "self", app->self);
    json_member_text(out, "state", state);
    put_flag(out, "failed", options->failed);
    put_flag(out, "watch", options->watch);
    put_flag(out, "update", options->update);
    put_flag(out, "list", options->list);
    put_flag(out, "ci", ci != NULL && ci[0] != '\0');
    put_flag(out, "color", app->color && isatty(STDOUT_FILENO) == 1);
    put_flag(out, "verbose", app->verbosity > 0);
    put_flag(out, "quiet", app->verbosity < 0);
    buf_puts(out, "}");
    free(real); /* NOLINT: of the C library */
    mem_free(chosen);
    mem_free(state);
}

static int run(struct app *app, const struct test_options *options, const struct opt_result *result,
               struct err *err)
{
    struct buf request;
    struct config *config = app_empty_config(app, err);
    if (config == NULL)
        return -1;
    buf_create(&request, REQUEST_MAX);
    put_request(app, options, result, &request);
    int status = verb_lua(app, config, "test.run", "run", request.data, NULL, err);
    buf_destroy(&request);
    config_free(config);
    return status;
}

/* The process of one file ends with the one that started it. */
static int run_child(struct app *app, const char *json, struct err *err)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    return test_child(app, json, err);
}

static int check(const struct test_options *options, struct err *err)
{
    if (options->jobs != JOBS_DEFAULT && (options->jobs < 1 || options->jobs > JOBS_MAX))
        return err_set(err, ERR_USAGE, "--jobs: expected 1 to %d", JOBS_MAX);
    if (options->timeout_ms == 0)
        return err_set(err, ERR_USAGE, "--timeout: 0 is no time to run; the default is 60s");
    if (options->watch && (options->list || options->record != NULL || options->reports.count > 0))
        return err_set(err, ERR_USAGE,
                       "--watch excludes --list, --record and --report: it goes on until `q`");
    return 0;
}

int verb_test(struct app *app, int argc, char **argv, struct err *err)
{
    struct test_options options = {
        .jobs = JOBS_DEFAULT, .timeout_ms = TIMEOUT_DEFAULT, .stale_ms = -1};
    const struct opt opts[] = {
        {'k', "filter", OPT_STRING, &options.filter, "TEXT", "only tests whose name has this text"},
        {'j', "jobs", OPT_INTEGER, &options.jobs, "N",
         "files that run at once (default: one for each processor)"},
        {0, "failed", OPT_FLAG, &options.failed, NULL, "only tests that failed the last time"},
        {0, "fail-fast", OPT_OPTIONAL, &options.fail_fast, "N", "end after N failures (default 1)"},
        {0, "watch", OPT_FLAG, &options.watch, NULL,
         "run tests again when a file that they loaded changes"},
        {0, "shuffle", OPT_OPTIONAL, &options.shuffle, "SEED",
         "in another order: that of SEED, or of one that is drawn and printed"},
        {0, "update", OPT_FLAG, &options.update, NULL, "write snapshots as they are now"},
        {0, "record", OPT_OPTIONAL, &options.record, "all",
         "record missing cassettes, or all, from the real services"},
        {0, "stale", OPT_DURATION, &options.stale_ms, "D",
         "list cassettes that were recorded longer ago, run nothing"},
        {0, "report", OPT_STRINGS, &options.reports, "KIND[=FILE]",
         "tap, junit or json: into the file, else to standard output"},
        {0, "timeout", OPT_DURATION, &options.timeout_ms, "D",
         "end a file's tests after this time (default 60s)"},
        {0, "list", OPT_FLAG, &options.list, NULL, "list the tests, run none"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton test [OPTIONS] [PATH…]",
        .description = "Runs the tests in files named *_test.lua, below each PATH (default: the "
                       "current folder); a PATH that is a file is taken whatever its name is. Each "
                       "file has a process, an empty state and a home of its own, and no "
                       "configuration. The exit status is 0 if all passed, 1 if not, 3 if there "
                       "is no test.",
        .opts = opts,
        .max_operands = -1,
        .operands = "FILE",
    };
    if (argc == 3 && strcmp(argv[1], "--child") == 0 && app->completing == NULL)
        return run_child(app, argv[2], err);
    struct opt_result result = {0};
    int status = app_options(app, &spec, argc, argv, &result, err);
    if (status > 0)
        status = check(&options, err) == 0 ? run(app, &options, &result, err) : -1;
    mem_free(result.operands);
    mem_free(options.reports.items);
    return status;
}

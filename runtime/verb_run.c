#include "verb.h"

#include "engine.h"
#include "mem.h"
#include "vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOT_GIVEN (-1)

struct run_options {
    const char *connector;
    int64_t timeout_ms;
    int64_t memory_bytes;
    bool dry_run;
    bool sandbox;
};

static int parse(struct run_options *options, int argc, char **argv, struct opt_result *result,
                 struct err *err)
{
    const struct opt opts[] = {
        {'C', "connector", OPT_STRING, &options->connector, "NAME",
         "the connector that the script uses by default"},
        {0, "timeout", OPT_DURATION, &options->timeout_ms, "D",
         "end the run after this time, with status 8: 30s, 5m, 1h"},
        {0, "memory", OPT_SIZE, &options->memory_bytes, "N",
         "memory that Lua may use (default 512MiB)"},
        {0, "dry-run", OPT_FLAG, &options->dry_run, NULL,
         "send GET requests only; print the others instead of sending them"},
        {0, "sandbox", OPT_FLAG, &options->sandbox, NULL,
         "run against a local Kaizala that lives as long as the script"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton run [-C CONNECTOR] [--timeout D] [--memory N] [--dry-run] SCRIPT [ARG…]\n"
                 "jeton run --sandbox [OPTIONS] SCRIPT [ARG…]",
        .description =
            "Runs a Lua script; \"-\" reads it from standard input. The script finds its arguments "
            "in `...` and in jeton.args. The exit status says how it ended; see jeton(1).",
        .opts = opts,
        .stop_at_operand = true,
        .min_operands = 1,
        .max_operands = -1,
    };
    options->timeout_ms = options->memory_bytes = NOT_GIVEN;
    int status = app_options(&spec, argc, argv, result, err);
    if (status == 0 && options->timeout_ms == 0)
        status = err_set(err, ERR_USAGE, "--timeout: a run of no time; leave it out for no limit");
    if (status == 0 && options->memory_bytes == 0)
        status = err_set(err, ERR_USAGE, "--memory: a run without memory; the default is 512MiB");
    if (options->timeout_ms == NOT_GIVEN)
        options->timeout_ms = 0;
    if (options->memory_bytes == NOT_GIVEN)
        options->memory_bytes = 0;
    return status;
}

/* The whole error, its traceback below it. In JSON both are fields of one line. */
static int report(struct app *app, const struct err *err, const char *traceback)
{
    char status[16];
    if (app->log_format == LOG_TEXT) {
        char line[ERR_LINE_MAX];
        log_msg(app->log, LOG_ERROR, "%s\n%s", err_line(err, line), traceback);
        return err_exit_code(err->kind);
    }
    snprintf(status, sizeof status, "%d", err->status);
    const struct log_field fields[] = {
        {"kind", err_kind_name(err->kind), false},
        {"status", err->status != 0 ? status : NULL, true},
        {"code", err->code[0] != '\0' ? err->code : NULL, false},
        {"request", err->request[0] != '\0' ? err->request : NULL, false},
        {"traceback", traceback, false},
    };
    log_event(app->log, LOG_ERROR, err->msg, fields, sizeof fields / sizeof fields[0]);
    return err_exit_code(err->kind);
}

static int run_script(struct app *app, const struct run_options *options, const char **operands,
                      struct err *err)
{
    struct config *config = app_config(app, false, err);
    if (config == NULL)
        return -1;
    int status = -1;
    struct engine engine;
    struct vm *vm = NULL;
    engine_create(&engine, config, app->log, app->redact);
    if (options->connector != NULL && config_connector(config, options->connector, err) == NULL)
        goto cleanup;

    const struct vm_options vm_options = {.engine = &engine,
                                          .connector = options->connector,
                                          .dry_run = options->dry_run,
                                          .memory_bytes = options->memory_bytes,
                                          .timeout_ms = options->timeout_ms,
                                          .args = operands + 1,
                                          .log_json = app->log_format == LOG_JSON};
    vm = vm_new(&vm_options);
    if (vm_run_file(vm, operands[0], &status, err) != 0) {
        status = -1;
        if (vm_traceback(vm) != NULL)
            status = report(app, err, vm_traceback(vm));
    }
cleanup:
    vm_free(vm);
    engine_destroy(&engine);
    config_free(config);
    return status;
}

/*
 * `run --sandbox X` is `sandbox --exec jeton run -C sandbox X`. Global options are kept but the
 * configuration: the sandbox gives its own.
 */
static int exec_sandbox(struct app *app, int argc, char **argv, int operands, struct err *err)
{
    const size_t fixed = 16;
    size_t verbose = app->verbosity > 0 ? (size_t)app->verbosity : 0;
    const char **args = mem_alloc((fixed + 2 * verbose + (size_t)argc) * sizeof *args);
    size_t n = 0;
    args[n++] = app->self;
    for (int pass = 0; pass < 2; pass++) { /* for the sandbox, then for the run in it */
        for (size_t i = 0; i < verbose; i++)
            args[n++] = "-v";
        if (app->verbosity < 0)
            args[n++] = "-q";
        if (app->log_format == LOG_JSON)
            args[n++] = "--log-format=json";
        if (!app->color)
            args[n++] = "--no-color";
        if (pass == 0) {
            args[n++] = "sandbox";
            args[n++] = "--exec";
            args[n++] = app->self;
        }
    }
    args[n++] = "run";
    args[n++] = "-C";
    args[n++] = "sandbox";
    for (int i = 1; i < argc; i++) {
        if (i >= argc - operands || strcmp(argv[i], "--sandbox") != 0)
            args[n++] = argv[i];
    }
    execv(app->self, (char *const *)(void *)args);
    mem_free(args);
    return err_set(err, ERR_CONFIG, "cannot start %s: %s", app->self, strerror(errno));
}

int verb_run(struct app *app, int argc, char **argv, struct err *err)
{
    struct run_options options = {0};
    struct opt_result result = {0};
    int status = parse(&options, argc, argv, &result, err);
    if (status != 0) {
        status = status > 0 ? 0 : -1;
        goto cleanup;
    }
    if (options.sandbox && options.connector != NULL)
        status = err_set(err, ERR_USAGE, "--sandbox brings its own connector: drop --connector");
    else if (options.sandbox)
        status = exec_sandbox(app, argc, argv, result.count, err);
    else
        status = run_script(app, &options, result.operands, err);
cleanup:
    mem_free(result.operands);
    return status;
}

#include "verb.h"

#include "config_load.h"
#include "engine.h"
#include "fault.h"
#include "in_sandbox.h"
#include "job.h"
#include "job_args.h"
#include "job_sandbox.h"
#include "mem.h"
#include "orphans.h"
#include "path.h"
#include "safefile.h"
#include "vm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOT_GIVEN  (-1)
#define CODE_MAX   ((size_t)4 * 1024 * 1024) /* of all -e; the kernel allows less */
#define SCRIPT_MAX CODE_MAX                  /* of what is looked into for names of options */

struct run_options {
    const char *connector;
    int64_t timeout_ms;
    int64_t memory_bytes;
    bool dry_run;
    bool sandbox;
    struct opt_strings code; /* -e */
    const char *job;
    bool scheduled;
    struct job_args args;
};

/* A job defines all that the other options and operands say. */
static int check_job(const struct run_options *options, const struct opt_result *result,
                     struct err *err)
{
    if (options->connector != NULL)
        return err_set(err, ERR_USAGE, "--job and --connector: the job names its connector itself");
    if (options->timeout_ms != NOT_GIVEN || options->memory_bytes != NOT_GIVEN)
        return err_set(err, ERR_USAGE, "--job and --%s: a job has its own; change '%s' of the job",
                       options->timeout_ms != NOT_GIVEN ? "timeout" : "memory",
                       options->timeout_ms != NOT_GIVEN ? "timeout" : "memory");
    if (options->code.count > 0)
        return err_set(err, ERR_USAGE, "--job and -e: a job has its own script; drop one of them");
    if (result->count > 0)
        return err_set(err, ERR_USAGE,
                       "--job and '%s': a job has its own script and args; drop the operand",
                       result->operands[0]);
    if (options->sandbox && options->scheduled)
        return err_set(err, ERR_USAGE,
                       "--scheduled and --sandbox: a try claims nothing; drop one of them");
    if (options->dry_run && options->scheduled)
        return err_set(err, ERR_USAGE,
                       "--scheduled and --dry-run: a dry run claims nothing; drop one of them");
    if (options->args.count > 0 && options->scheduled)
        return err_set(err, ERR_USAGE,
                       "--scheduled and --arg: cron's runs take the job's own args");
    return 0;
}

static int check_combination(const struct run_options *options, const struct opt_result *result,
                             struct err *err)
{
    if (options->job != NULL)
        return check_job(options, result, err);
    if (options->scheduled)
        return err_set(err, ERR_USAGE, "--scheduled needs --job NAME");
    if (result->count == 0 && options->code.count == 0)
        return err_set(
            err, ERR_USAGE,
            "jeton run needs a script, -e CODE or --job NAME; usage: jeton run [OPTIONS] SCRIPT "
            "[ARG…]");
    if (options->sandbox && options->connector != NULL)
        return err_set(err, ERR_USAGE, "--sandbox brings its own connector: drop --connector");
    return 0;
}

static int parse(struct app *app, struct run_options *options, int argc, char **argv,
                 struct opt_result *result, struct err *err)
{
    const struct opt opts[] = {
        {'C', "connector", OPT_STRING, &options->connector, "CONNECTOR",
         "the connector that the script uses by default"},
        {'e', "execute", OPT_STRINGS, &options->code, "CODE",
         "run this in place of a script; several are lines of one. Everybody on this machine can "
         "read it, and the ARGs: no secrets here"},
        {0, "timeout", OPT_DURATION, &options->timeout_ms, "D",
         "end the run after this time, with status 8: 30s, 5m, 1h"},
        {0, "memory", OPT_SIZE, &options->memory_bytes, "N",
         "memory that Lua may use (default 512MiB)"},
        {0, "dry-run", OPT_FLAG, &options->dry_run, NULL,
         "send only GET and HEAD requests; print the others"},
        {0, "sandbox", OPT_FLAG, &options->sandbox, NULL,
         "run against a local Kaizala that ends with the script"},
        {0, "arg", OPT_STRINGS, &options->args.texts, "KEY=VALUE",
         "set a text of jeton.args, in place of the job's; may be repeated"},
        {0, "arg-json", OPT_STRINGS, &options->args.values, "KEY=JSON",
         "the same of a number, true, a list or another JSON value"},
        {0, "job", OPT_STRING, &options->job, "JOB",
         "run this job of the configuration, with its settings"},
        {0, "scheduled", OPT_FLAG, &options->scheduled, NULL,
         "for cron: run only if the job is due, and once for each time"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage =
            "jeton run [-C CONNECTOR] [--timeout D] [--memory N] [--dry-run] [--arg KEY=VALUE]…\n"
            "          SCRIPT [ARG…]\n"
            "jeton run [OPTIONS] -e CODE [ARG…]\n"
            "jeton run --sandbox [OPTIONS] SCRIPT [ARG…]\n"
            "jeton run --job JOB [--scheduled | [--sandbox] [--dry-run] [--arg KEY=VALUE]…]",
        .description =
            "Runs a Lua script; \"-\" reads it from standard input. The script finds its arguments "
            "in `...` and in jeton.args. With -e, an expression prints its value: a text as it is, "
            "what an iterator gives one a line, all else as JSON, secrets masked; kz, http, json, "
            "task, token and jeton are there without require. The exit status says how it ended; "
            "see jeton(1).",
        .opts = opts,
        .stop_at_operand = true,
        .min_operands = 0, /* check_combination knows */
        .max_operands = -1,
        .operands = "FILE",
    };
    options->timeout_ms = options->memory_bytes = NOT_GIVEN;
    int status = app_options(app, &spec, argc, argv, result, err);
    if (status > 0 && job_args_read(&options->args, err) != 0)
        status = -1;
    if (status > 0)
        status = check_combination(options, result, err) == 0 ? 1 : -1;
    if (status > 0 && options->timeout_ms == 0)
        status = err_set(err, ERR_USAGE,
                         "--timeout: 0 is no time to run; leave the option out for no limit");
    if (status > 0 && options->memory_bytes != NOT_GIVEN &&
        vm_check_memory(options->memory_bytes, err) != 0)
        status = -1;
    if (options->timeout_ms == NOT_GIVEN)
        options->timeout_ms = 0;
    if (options->memory_bytes == NOT_GIVEN)
        options->memory_bytes = 0;
    return status;
}

/* What is meant, if the script is not there but a job of this name is, or if it is no script. */
static int check_script(const struct config *config, const char *script, struct err *err)
{
    struct err ignored;
    const char *dot = strrchr(script, '.');
    if (dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0)) {
        char *word = path_word(script);
        err_set(err, ERR_USAGE,
                "%s is a configuration, not a script; name it before the verb: jeton -c %s "
                "run SCRIPT",
                script, word);
        mem_free(word);
        return -1;
    }
    struct stat st;
    if ((stat(script, &st) != 0 || S_ISDIR(st.st_mode)) &&
        config_job(config, script, &ignored) != NULL)
        return err_set(err, ERR_USAGE,
                       "there is no script '%s', but a job, which is run by: jeton run --job %s",
                       script, script);
    return 0;
}

/* All -e as lines of one chunk: the last one, which may be an expression, and those before it. */
static int run_code(struct vm *vm, const struct opt_strings *code, int *status, struct err *err)
{
    struct buf text;
    buf_create(&text, CODE_MAX);
    const char *last = code->items[code->count - 1];
    for (size_t i = 0; i + 1 < code->count; i++)
        buf_printf(&text, "%s\n", code->items[i]);
    const struct vm_text given[] = {{last, strlen(last)}, {text.data, text.len}};
    int result = vm_run_texts(vm, "repl.line", "run", given, 2, status, err);
    buf_destroy(&text);
    return result;
}

/* Of --arg KEY=VALUE and --arg-json, which hardly any script has itself. */
static bool is_late_arg(const char *const *words, size_t len)
{
    bool long_one = len == strlen("--arg-json") && strncmp(*words, "--arg-json", len) == 0;
    if (!long_one && (len != strlen("--arg") || strncmp(*words, "--arg", len) != 0))
        return false;
    return (*words)[len] != '\0' || (words[1] != NULL && strchr(words[1], '=') != NULL);
}

/* Of options that a script may have, too: then its text names them, or takes any. */
static bool is_late_option(const char *word, size_t len, const char *text)
{
    static const char *const names[] = {"dry-run", "sandbox", "timeout", "memory", "connector"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (len == 2 + strlen(names[i]) && strncmp(word, "--", 2) == 0 &&
            strncmp(word + 2, names[i], len - 2) == 0)
            return text != NULL && strstr(text, names[i]) == NULL && strstr(text, "%-%-") == NULL;
    return false;
}

/* What should have been a dry run would be one in earnest, without a word. code: of -e. */
static void warn_of_late_options(struct log *log, const char *const *operands,
                                 const struct opt_strings *code)
{
    struct buf text;
    struct err ignored;
    struct stat st;
    buf_create(&text, SCRIPT_MAX);
    for (size_t i = 0; i < code->count; i++)
        buf_printf(&text, "%s\n", code->items[i]);
    bool known = code->count > 0;
    if (operands[0] == NULL)
        goto cleanup;
    if (!known)
        known = operands[1] != NULL && stat(operands[0], &st) == 0 && S_ISREG(st.st_mode) &&
                safefile_read(operands[0], SAFEFILE_NOT_WRITABLE, &text, &ignored) == 0;
    const char *script = known ? text.data : NULL;
    for (size_t i = 1; operands[i] != NULL && strcmp(operands[i], "--") != 0; i++) {
        size_t len = strcspn(operands[i], "=");
        if (!is_late_arg(operands + i, len) && !is_late_option(operands[i], len, script))
            continue;
        log_msg(log, LOG_WARN,
                "%.*s after %s is an argument of the script; options of run stand before it",
                (int)len, operands[i], operands[0]);
        break;
    }
cleanup:
    buf_destroy(&text);
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
    bool typed = options->code.count > 0;
    if ((!typed && check_script(config, operands[0], err) != 0) ||
        (options->connector != NULL && config_connector(config, options->connector, err) == NULL))
        goto cleanup;

    const struct vm_options vm_options = {.engine = &engine,
                                          .modules = app->modules,
                                          .connector = options->connector,
                                          .dry_run = options->dry_run,
                                          .memory_bytes = options->memory_bytes,
                                          .timeout_ms = options->timeout_ms,
                                          .named = options->args.items,
                                          .nnamed = options->args.count,
                                          .args = typed ? operands : operands + 1,
                                          .ends_programs = true,
                                          .ends_process = true,
                                          .watchdog_ms = fault_number(FAULT_RUN_WATCHDOG),
                                          .log_json = app->log_format == LOG_JSON};
    warn_of_late_options(app->log, operands, &options->code);
    orphans_adopt();
    vm = vm_new(&vm_options);
    int result = typed ? run_code(vm, &options->code, &status, err)
                       : vm_run_file(vm, operands[0], &status, err);
    if (result != 0) {
        status = -1;
        if (vm_traceback(vm) != NULL)
            status = app_report(app, err, vm_traceback(vm));
    }
cleanup:
    vm_free(vm);
    app_settle(&engine, status);
    engine_destroy(&engine);
    config_free(config);
    return status;
}

int verb_run(struct app *app, int argc, char **argv, struct err *err)
{
    struct run_options options = {0};
    struct opt_result result = {0};
    int status = parse(app, &options, argc, argv, &result, err);
    if (status <= 0)
        goto cleanup;
    const struct job_request request = {
        .name = options.job,
        .scheduled = options.scheduled,
        .brief = options.scheduled,
        .dry_run = options.dry_run,
        .sandbox = options.sandbox,
        .named = options.args.items,
        .nnamed = options.args.count,
    };
    if (options.job != NULL && options.sandbox && !job_sandbox_is_below())
        status = in_sandbox_exec_job(app, options.job, argc, argv, err);
    else if (options.job != NULL)
        status = job_run(app, &request, err);
    else if (options.sandbox)
        status = in_sandbox_exec(app, argc, argv, result.count, err);
    else
        status = run_script(app, &options, result.operands, err);
cleanup:
    job_args_destroy(&options.args);
    mem_free(options.code.items);
    mem_free(result.operands);
    return status;
}

/* jeton repl: a prompt. */
#include "verb.h"

#include "config_load.h"
#include "in_sandbox.h"
#include "mem.h"
#include "orphans.h"
#include "repl.h"
#include "vm.h"

#define NOT_GIVEN (-1)

struct options {
    const char *connector;
    const char *file;
    int64_t memory_bytes;
    bool dry_run;
    bool sandbox;
};

static int run(struct app *app, const struct options *options, struct err *err)
{
    struct config *config = app_config(app, false, err);
    if (config == NULL)
        return -1;
    struct engine engine;
    const struct repl_options how = {.modules = app->modules,
                                     .connector = options->connector,
                                     .file = options->file,
                                     .memory_bytes = options->memory_bytes,
                                     .dry_run = options->dry_run,
                                     .log_json = app->log_format == LOG_JSON};
    char *traceback = NULL;
    int status = -1;
    engine_create(&engine, config, app->log, app->redact);
    if (options->connector == NULL || config_connector(config, options->connector, err) != NULL) {
        orphans_adopt();
        if (repl_run(&engine, &how, &status, &traceback, err) != 0)
            status = traceback != NULL ? app_report(app, err, traceback) : -1;
    }
    mem_free(traceback);
    app_settle(&engine, status);
    engine_destroy(&engine);
    config_free(config);
    return status;
}

int verb_repl(struct app *app, int argc, char **argv, struct err *err)
{
    struct options options = {.memory_bytes = NOT_GIVEN};
    const struct opt opts[] = {
        {'C', "connector", OPT_STRING, &options.connector, "CONNECTOR",
         "the connector of kz, and of what names none"},
        {'i', "include", OPT_STRING, &options.file, "FILE",
         "run this script first; its globals stay"},
        {0, "memory", OPT_SIZE, &options.memory_bytes, "N",
         "memory that Lua may use (default 512MiB)"},
        {0, "dry-run", OPT_FLAG, &options.dry_run, NULL,
         "send only GET and HEAD requests; print the others"},
        {0, "sandbox", OPT_FLAG, &options.sandbox, NULL,
         "with a local Kaizala that ends with the prompt"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    const struct opt_spec spec = {
        .usage = "jeton repl [OPTIONS]",
        .description =
            "A prompt for Lua: prints what an expression gives. kz, http, json, task, token and "
            "jeton are there without require, calls that wait work, secrets are masked. The Tab "
            "key completes names; :help tells more. Where standard input is no terminal, it is a "
            "script.",
        .opts = opts,
        .instead = "a script is run by: jeton run SCRIPT; before the prompt: jeton repl -i SCRIPT",
    };
    int status = app_options_alone(app, &spec, argc, argv, err);
    if (status <= 0)
        return status;
    if (options.memory_bytes == NOT_GIVEN)
        options.memory_bytes = 0;
    else if (vm_check_memory(options.memory_bytes, err) != 0)
        return -1;
    if (options.sandbox && options.connector != NULL)
        return err_set(err, ERR_USAGE, "--sandbox brings its own connector: drop --connector");
    return options.sandbox ? in_sandbox_exec(app, argc, argv, 0, err) : run(app, &options, err);
}

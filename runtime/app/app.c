/* What the verbs share: the configuration, their options, standard output. */
#include "app.h"

#include "config_hide.h"
#include "config_load.h"
#include "fd.h"
#include "mem.h"
#include "path.h"
#include "provider_list.h"
#include "visible.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HELP_MAX ((size_t)64 * 1024)

static void describe(const struct problem *problem, struct err *err)
{
    err_set(err, ERR_CONFIG, "%s", problem->message);
    if (problem->file != NULL && problem->line > 0)
        err_wrap(err, "%s:%d:%d", problem->file, problem->line, problem->col);
    else if (problem->file != NULL)
        err_wrap(err, "%s", problem->file);
}

/* Logs each error on a line of its own; err then says how many there are. A single error becomes
 * err itself. */
static void report_all(const struct app *app, const char *path, const struct problems *problems,
                       struct err *err)
{
    size_t errors = problems_errors(problems);
    for (size_t i = 0; i < problems->count; i++) {
        if (problems->items[i].warning)
            continue;
        describe(&problems->items[i], err);
        if (errors == 1)
            return;
        log_msg(app->log, LOG_ERROR, "%s", err->msg);
    }
    if (problems->omitted_errors > 0)
        log_msg(app->log, LOG_ERROR, "… and %zu more", problems->omitted_errors);
    err_set(err, ERR_CONFIG, "configuration %s: %zu errors", path != NULL ? path : "(none)",
            errors);
}

char *app_command(const struct app *app)
{
    char *word = app->config_path != NULL ? path_word(app->config_path) : NULL;
    char *command = word != NULL ? mem_printf("jeton -c %s", word) : mem_strdup("jeton");
    mem_free(word);
    return command;
}

struct config *app_config(struct app *app, bool required, struct err *err)
{
    char *path = config_choose(app->config_path != NULL ? app->config_path : app->found);
    if (path == NULL && required) {
        err_set(err, ERR_CONFIG,
                "no configuration: looked for --config, $JETON_CONFIG, ./jeton.yaml, "
                "$XDG_CONFIG_HOME/jeton/jeton.yaml, /etc/jeton/jeton.yaml; `jeton init` and `jeton "
                "connector add` write one, and jeton run --sandbox SCRIPT needs none");
        return NULL;
    }
    if (path != NULL)
        log_msg(app->log, LOG_DEBUG, "configuration: %s", path);
    else
        log_msg(app->log, LOG_DEBUG, "configuration: none");

    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(path, provider_list, app->presets, &problems);
    if (config == NULL) {
        problems_sort(&problems);
        report_all(app, path, &problems, err);
    } else {
        config->redact = app->redact;
        config_hide(config, app->redact);
        redact_settle(app->redact);
        if (app->found == NULL && path != NULL)
            app->found = mem_strdup(path);
    }
    problems_destroy(&problems);
    mem_free(path);
    return config;
}

struct config *app_empty_config(struct app *app, struct err *err)
{
    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(NULL, provider_list, app->presets, &problems);
    problems_destroy(&problems);
    if (config == NULL)
        err_set(err, ERR_CONFIG, "the empty configuration was refused");
    return config;
}

int app_print_secret(const char *text, size_t len, struct err *err)
{
    if (fd_write(STDOUT_FILENO, text, len) != 0)
        return err_set(err, errno == EPIPE ? ERR_PIPE : ERR_SCRIPT,
                       "cannot write to standard output: %s", strerror(errno));
    return 0;
}

static void mask(struct app *app, const char *text, size_t len, bool visible, struct buf *out)
{
    struct buf masked;
    /* A mask may be longer than what it hides. */
    buf_create(&masked, len * sizeof REDACT_MASK + sizeof REDACT_MASK);
    redact_text(app->redact, text, len, &masked);
    if (!visible) {
        *out = masked;
        return;
    }
    buf_create(out, masked.len * VISIBLE_GROWTH);
    visible_append(out, masked.data, masked.len, VISIBLE_LINES);
    buf_destroy(&masked);
}

void app_printable(struct app *app, const char *text, size_t len, struct buf *out)
{
    mask(app, text, len, isatty(STDOUT_FILENO) == 1, out);
}

static int print_masked(struct app *app, const char *text, size_t len, bool visible,
                        struct err *err)
{
    struct buf out;
    mask(app, text, len, visible, &out);
    int result = app_print_secret(out.data, out.len, err);
    buf_destroy(&out);
    return result;
}

int app_print(struct app *app, const char *text, size_t len, struct err *err)
{
    return print_masked(app, text, len, isatty(STDOUT_FILENO) == 1, err);
}

int app_print_colored(struct app *app, const char *text, size_t len, struct err *err)
{
    return print_masked(app, text, len, false, err);
}

void app_complete(struct app *app, const struct opt_spec *spec, int argc, char **argv,
                  struct opt_question *question)
{
    struct opt_result result;
    struct err ignored;
    if (opt_parse(spec, argc - 1, argv, &result, &ignored) == 0) /* for --config */
        mem_free(result.operands);
    app->completing->config_path = app->globals.config;
    opt_complete(spec, argc, argv, question);
}

int app_options(struct app *app, const struct opt_spec *spec, int argc, char **argv,
                struct opt_result *result, struct err *err)
{
    struct opt global[APP_GLOBALS];
    app_globals(&app->globals, global);
    global[APP_GLOBALS - 2] = global[APP_GLOBALS - 1]; /* --version stands after no verb */
    struct opt_spec verb = *spec;
    verb.global = global;
    *result = (struct opt_result){0};
    if (app->completing != NULL) {
        struct opt_question question;
        app_complete(app, &verb, argc, argv, &question);
        complete_answer(app->completing, &verb, &question);
        return 0;
    }
    if (opt_parse(&verb, argc, argv, result, err) != 0) {
        struct err ignored; /* the error is shown as far as they say how */
        app_use_globals(app, &ignored);
        return -1;
    }
    if (!result->help && app_use_globals(app, err) == 0)
        return 1;
    int printed = -1;
    if (result->help) {
        struct buf help;
        buf_create(&help, HELP_MAX);
        opt_help(spec, &help);
        printed = app_print(app, help.data, help.len, err);
        buf_destroy(&help);
    }
    mem_free(result->operands);
    result->operands = NULL;
    return printed;
}

int app_options_alone(struct app *app, const struct opt_spec *spec, int argc, char **argv,
                      struct err *err)
{
    struct opt_result result = {0};
    int parsed = app_options(app, spec, argc, argv, &result, err);
    mem_free(result.operands);
    return parsed;
}

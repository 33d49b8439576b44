/* What the verbs share: the configuration, their options, standard output. */
#include "verb.h"

#include "mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define HELP_MAX ((size_t)64 * 1024)

static void report(const struct app *app, const struct problem *problem)
{
    if (problem->file == NULL)
        log_msg(app->log, LOG_ERROR, "%s", problem->message);
    else if (problem->line == 0)
        log_msg(app->log, LOG_ERROR, "%s: %s", problem->file, problem->message);
    else
        log_msg(app->log, LOG_ERROR, "%s:%d:%d: %s", problem->file, problem->line, problem->col,
                problem->message);
}

/* All that is wrong, line by line; an err would hold the first of it only. */
static void report_all(const struct app *app, const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        if (!problems->items[i].warning)
            report(app, &problems->items[i]);
    }
    if (problems->omitted > 0)
        log_msg(app->log, LOG_ERROR, "… and %zu more", problems->omitted);
}

struct config *app_config(struct app *app, bool required, struct err *err)
{
    char *path = config_choose(app->config_path);
    if (path == NULL && required) {
        err_set(err, ERR_CONFIG,
                "no configuration: looked for --config, $JETON_CONFIG, ./jeton.yaml, "
                "$XDG_CONFIG_HOME/jeton/jeton.yaml, /etc/jeton/jeton.yaml; "
                "to try a script without one: jeton run --sandbox SCRIPT");
        return NULL;
    }
    if (path != NULL)
        log_msg(app->log, LOG_DEBUG, "configuration: %s", path);
    else
        log_msg(app->log, LOG_DEBUG, "configuration: none");

    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(path, &problems);
    if (config == NULL) {
        size_t errors = problems_errors(&problems);
        problems_sort(&problems);
        report_all(app, &problems);
        err_set(err, ERR_CONFIG, "configuration %s: %zu error%s", path != NULL ? path : "(none)",
                errors, errors == 1 ? "" : "s");
    }
    problems_destroy(&problems);
    mem_free(path);
    return config;
}

int app_print_secret(const char *text, size_t len, struct err *err)
{
    while (len > 0) {
        ssize_t n = write(STDOUT_FILENO, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_set(err, ERR_SCRIPT, "cannot write to standard output: %s", strerror(errno));
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

int app_print(struct app *app, const char *text, size_t len, struct err *err)
{
    struct buf masked;
    /* A mask may be longer than what it hides. */
    buf_create(&masked, len * sizeof REDACT_MASK + sizeof REDACT_MASK);
    redact_text(app->redact, text, len, &masked);
    int result = app_print_secret(masked.data, masked.len, err);
    buf_destroy(&masked);
    return result;
}

int app_options(const struct opt_spec *spec, int argc, char **argv, struct opt_result *result,
                struct err *err)
{
    if (opt_parse(spec, argc, argv, result, err) != 0)
        return -1;
    if (!result->help)
        return 0;
    struct buf help;
    buf_create(&help, HELP_MAX);
    opt_help(spec, &help);
    int failed = app_print_secret(help.data, help.len, err); /* holds no secret, and no app here */
    buf_destroy(&help);
    mem_free(result->operands);
    result->operands = NULL;
    return failed != 0 ? -1 : 1;
}

/* The options of all verbs, before the verb or after it, and what they do to the log. */
#include "app.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void app_globals(struct app_globals *globals, struct opt opts[APP_GLOBALS])
{
    const struct opt all[APP_GLOBALS] = {
        {'c', "config", OPT_STRING, &globals->config, "FILE", "use this configuration"},
        {'v', "verbose", OPT_COUNT, &globals->verbose, NULL,
         "log more: configuration, requests; twice: headers and bodies too (secrets masked)"},
        {'q', "quiet", OPT_FLAG, &globals->quiet, NULL, "log only errors"},
        {0, "log-format", OPT_STRING, &globals->log_format, "text|json",
         "format of the log on standard error: text or json"},
        {0, "progress", OPT_STRING, &globals->progress, "auto|always|never",
         "a bar for long work, on standard error: auto (on a terminal), always or never"},
        {0, "no-color", OPT_FLAG, &globals->no_color, NULL, "no colours on a terminal"},
        {0, "version", OPT_FLAG, &globals->version, NULL, "print the version"},
        {0, NULL, OPT_FLAG, NULL, NULL, NULL},
    };
    memcpy(opts, all, sizeof all);
}

/* --log-format, else $JETON_LOG_FORMAT, else text. */
static int choose_log_format(const char *option, enum log_format *format, struct err *err)
{
    const char *variable = getenv("JETON_LOG_FORMAT");
    const char *text = option;
    if (text == NULL && variable != NULL && variable[0] != '\0')
        text = variable;
    if (text == NULL || strcmp(text, "text") == 0)
        *format = LOG_TEXT;
    else if (strcmp(text, "json") == 0)
        *format = LOG_JSON;
    else
        return err_set(err, ERR_USAGE, "%s: '%s' is not a log format; expected text or json",
                       option != NULL ? "--log-format" : "$JETON_LOG_FORMAT", text);
    return 0;
}

static bool choose_color(const struct app_globals *globals)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
    return !globals->no_color && (no_color == NULL || no_color[0] == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0) && isatty(STDERR_FILENO) == 1;
}

/* --progress. A terminal that cannot move its cursor, and one that only keeps what is written, get
 * lines in place of a bar. */
static int choose_progress(const struct app_globals *globals, enum log_format format,
                           enum log_status *mode, struct err *err)
{
    const char *when = globals->progress, *term = getenv("TERM"), *ci = getenv("CI");
    bool always = when != NULL && strcmp(when, "always") == 0;
    *mode = LOG_STATUS_NONE;
    if (when != NULL && !always && strcmp(when, "auto") != 0 && strcmp(when, "never") != 0)
        return err_set(err, ERR_USAGE, "--progress: '%s' is not one of auto, always and never",
                       when);
    if (globals->quiet || (when != NULL && strcmp(when, "never") == 0))
        return 0;
    bool draws = isatty(STDERR_FILENO) == 1 && term != NULL && strcmp(term, "dumb") != 0 &&
                 (ci == NULL || ci[0] == '\0');
    *mode = (always || draws) && format == LOG_TEXT ? LOG_STATUS_BAR : LOG_STATUS_LINES;
    return 0;
}

static enum log_level choose_level(int verbosity)
{
    if (verbosity < 0)
        return LOG_ERROR;
    if (verbosity == 0)
        return LOG_INFO;
    return verbosity == 1 ? LOG_DEBUG : LOG_TRACE;
}

int app_use_globals(struct app *app, struct err *err)
{
    const struct app_globals *globals = &app->globals;
    enum log_status progress = LOG_STATUS_NONE;
    int result = choose_log_format(globals->log_format, &app->log_format, err);
    if (result == 0)
        result = choose_progress(globals, app->log_format, &progress, err);
    app->config_path = globals->config;
    app->verbosity = globals->quiet ? -1 : globals->verbose;
    app->color = choose_color(globals);
    log_configure(app->log, choose_level(app->verbosity), app->log_format, app->color);
    log_set_status_mode(app->log, progress);
    return result;
}

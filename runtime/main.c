/* The command line: global options, the verb table, and the one place that prints errors and exits.
 */
#include "verb.h"

#include "mem.h"
#include "modules.h"
#include "nearest.h"
#include "presets.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define HELP_MAX ((size_t)64 * 1024)

static const struct verb {
    const char *name;
    const char *summary; /* one line for `jeton --help` */
    app_fn *run;
} verbs[] = {
    {"run", "runs a Lua script", verb_run},
    {"token", "shows or refreshes a connector's access token", verb_token},
    {"connector", "adds a connector to the configuration", verb_connector},
    {"presets", "lists the services and senders that are known by name", verb_presets},
    {"login", "signs in to get a connector's first refresh token", verb_login},
    {"logout", "revokes and forgets a connector's tokens", verb_logout},
    {"api", "makes one authenticated call", verb_api},
    {"check", "validates configuration, file modes, schedules and scripts", verb_check},
    {"cron", "makes cron run the scheduled jobs, and shows when", verb_cron},
    {"events", "lists what webhooks brought, and tries it again", verb_events},
    {"history", "lists past runs of jobs", verb_history},
    {"logs", "prints what a past run printed", verb_logs},
    {"state", "checks the state and its keys, and moves what belongs elsewhere here", verb_state},
    {"listen", "receives webhooks", verb_listen},
    {"sandbox", "starts a local Kaizala", verb_sandbox},
    {"test", "runs tests of scripts", verb_test},
    {"init", "writes a configuration and a first script to start from", verb_init},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static int parse_globals(struct app_globals *globals, int argc, char **argv,
                         struct opt_result *result, struct buf *help, struct err *err)
{
    struct opt opts[APP_GLOBALS];
    app_globals(globals, opts);
    const struct opt_spec spec = {
        .usage = "jeton [GLOBAL OPTIONS] VERB [OPTIONS] [ARGS]",
        .description =
            "Runs Lua scripts against REST APIs, unattended, and looks after their tokens.",
        .opts = opts,
        .stop_at_operand = true,
        .min_operands = 0,
        .max_operands = -1,
    };
    if (opt_parse(&spec, argc, argv, result, err) != 0)
        return -1;
    if (!result->help)
        return 0;
    opt_help(&spec, help);
    buf_puts(help, "\nVerbs:\n");
    for (size_t i = 0; i < VERBS; i++)
        buf_printf(help, "  %-10s %s\n", verbs[i].name, verbs[i].summary);
    buf_puts(help, "\n`jeton VERB --help` describes a verb, `man jeton-VERB` all of it.\n");
    return 0;
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
    const char *no_color = getenv("NO_COLOR");
    return !globals->no_color && (no_color == NULL || no_color[0] == '\0') &&
           isatty(STDERR_FILENO) == 1;
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

static const struct verb *find_verb(const char *name, struct err *err)
{
    const char *names[VERBS];
    for (size_t i = 0; i < VERBS; i++) {
        if (strcmp(verbs[i].name, name) == 0)
            return &verbs[i];
        names[i] = verbs[i].name;
    }
    const char *nearest = nearest_name(name, names, VERBS), *dot = strrchr(name, '.');
    if (dot != NULL && strcmp(dot, ".lua") == 0)
        err_set(err, ERR_USAGE, "unknown verb '%s'; a script is run by: jeton run %s", name, name);
    else if (nearest != NULL)
        err_set(err, ERR_USAGE, "unknown verb '%s'; did you mean '%s'?", name, nearest);
    else
        err_set(err, ERR_USAGE, "unknown verb '%s'; `jeton --help` lists them", name);
    return NULL;
}

/* The executable's own path, for the processes that `run --sandbox` starts. */
static char *own_path(const char *argv0)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    return n > 0 ? mem_strndup(path, (size_t)n) : mem_strdup(argv0);
}

/* If a standard stream is closed, the next file that is opened (the state's) would get its number,
 * and output would be written into it. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) != fd)
            abort();
    }
}

/* Tokens and other secrets are in memory, which a core dump would write to a file. Programs that
 * are executed are not affected. */
static void forbid_core_dumps(void)
{
    const char *allowed = getenv("JETON_CORE"); /* for developers */
    if (allowed == NULL || strcmp(allowed, "1") != 0)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static int dispatch(struct app *app, const struct app_globals *globals,
                    const struct opt_result *result, char **verb_argv, const struct buf *help,
                    struct err *err)
{
    if (result->help)
        return app_print(app, help->data, help->len, err);
    if (globals->version) {
        static const char version[] = "jeton " JETON_VERSION "\n";
        return app_print(app, version, sizeof version - 1, err);
    }
    if (result->count == 0)
        return err_set(err, ERR_USAGE, "no verb given; `jeton --help` lists them");
    const struct verb *verb = find_verb(verb_argv[0], err);
    return verb != NULL ? verb->run(app, result->count, verb_argv, err) : -1;
}

int main(int argc, char **argv)
{
    forbid_core_dumps();
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);

    struct app app = {.redact = redact_new(), .modules = modules, .presets = &presets_embedded};
    struct app_globals globals = {0};
    struct opt_result result = {0};
    struct buf help;
    struct err err;
    err_clear(&err);
    buf_create(&help, HELP_MAX);
    char *self = own_path(argc > 0 ? argv[0] : "jeton");
    app.self = self;

    int status = parse_globals(&globals, argc, argv, &result, &help, &err);
    struct err format_err;
    if (choose_log_format(globals.log_format, &app.log_format, &format_err) != 0 && status == 0) {
        err = format_err;
        status = -1;
    }
    enum log_status progress;
    if (choose_progress(&globals, app.log_format, &progress, &format_err) != 0 && status == 0) {
        err = format_err;
        status = -1;
    }
    app.config_path = globals.config;
    app.verbosity = globals.quiet ? -1 : globals.verbose;
    app.color = choose_color(&globals);
    app.log =
        log_new(STDERR_FILENO, choose_level(app.verbosity), app.log_format, app.color, app.redact);
    log_set_status_mode(app.log, progress);
    if (status == 0) /* options end at the first operand: from the verb on, argv is the verb's */
        status = dispatch(&app, &globals, &result, argv + argc - result.count, &help, &err);
    if (status < 0 && err.kind == ERR_PIPE) /* as a program that SIGPIPE ends */
        status = err_exit_code(ERR_PIPE);
    else if (status < 0)
        status = app_report(&app, &err, NULL);

    mem_free(result.operands);
    buf_destroy(&help);
    log_free(app.log);
    redact_free(app.redact);
    mem_free(self);
    if (mem_is_watched())
        return status;
    /* Libraries would free what they have, one by one. */
    fflush(NULL);
    _exit(status);
}

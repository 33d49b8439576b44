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
#include <sys/time.h>
#include <unistd.h>

#define HELP_MAX       ((size_t)64 * 1024)
#define COMPLETE       "__complete"
#define COMPLETE_MAX_S 1 /* on a machine with much else to do; else a few milliseconds */

static const struct verb {
    const char *name;
    const char *summary; /* one line for `jeton --help` */
    app_fn *run;
} verbs[] = {
    {"run", "runs a Lua script", verb_run},
    {"repl", "a prompt for Lua", verb_repl},
    {"token", "shows or refreshes a connector's access token", verb_token},
    {"connector", "adds, lists and removes connectors", verb_connector},
    {"presets", "lists the services and senders that are known by name", verb_presets},
    {"login", "signs in to get a connector's first refresh token", verb_login},
    {"logout", "revokes and forgets a connector's tokens", verb_logout},
    {"api", "makes one authenticated call", verb_api},
    {"check", "validates configuration, file modes, schedules and scripts", verb_check},
    {"cron", "makes cron run the scheduled jobs, and shows when", verb_cron},
    {"events", "lists the events that webhooks received, and runs them again", verb_events},
    {"jobs", "lists the jobs, when each is due, and how it last ended", verb_jobs},
    {"history", "lists past runs of jobs", verb_history},
    {"logs", "prints what a past run printed", verb_logs},
    {"state", "checks the state and its keys, and moves what belongs elsewhere here", verb_state},
    {"listen", "receives webhooks", verb_listen},
    {"sandbox", "starts a local Kaizala", verb_sandbox},
    {"test", "runs tests of scripts", verb_test},
    {"completion", "prints what makes a shell complete command lines", verb_completion},
    {"init", "writes a configuration and a first script to start from", verb_init},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

static struct opt_spec global_spec(struct app_globals *globals, struct opt opts[APP_GLOBALS])
{
    app_globals(globals, opts);
    return (struct opt_spec){
        .usage = "jeton [GLOBAL OPTIONS] VERB [OPTIONS] [ARGS]",
        .description =
            "Runs Lua scripts against REST APIs, unattended, and looks after their tokens. The "
            "options below may also stand after the verb.",
        .opts = opts,
        .stop_at_operand = true,
        .min_operands = 0,
        .max_operands = -1,
        .operands = "VERB",
    };
}

static int parse_globals(struct app_globals *globals, int argc, char **argv,
                         struct opt_result *result, struct buf *help, struct err *err)
{
    struct opt opts[APP_GLOBALS];
    const struct opt_spec spec = global_spec(globals, opts);
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
 * and output would be written into it. Writing to standard output then fails, as without this. */
static void open_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        int mode = fd == STDOUT_FILENO ? O_RDONLY : O_RDWR;
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", mode) != fd)
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

/* Answers what may stand for the last word. */
static void complete_line(struct app *app, int argc, char **argv)
{
    struct opt opts[APP_GLOBALS];
    const struct opt_spec spec = global_spec(&app->globals, opts);
    struct opt_question question;
    struct err err;
    app_complete(app, &spec, argc, argv, &question);
    const struct verb *verb = question.operand > 0 ? find_verb(argv[question.operand], &err) : NULL;
    if (verb != NULL)
        verb->run(app, argc - question.operand, argv + question.operand, &err);
    if (question.operand > 0)
        return;
    complete_answer(app->completing, &spec, &question);
    for (size_t i = 0; i < VERBS && complete_asks(&question, "VERB"); i++)
        complete_offer(app->completing, &question, verbs[i].name, verbs[i].summary);
}

/* "--config", "=", "x.yaml", as bash cuts words, become one; the last word stays. */
static int join_words(int argc, char **argv)
{
    int count = 0;
    for (int i = 0; i < argc; i++) {
        bool cut = i + 3 < argc && strncmp(argv[i], "--", 2) == 0 && strcmp(argv[i + 1], "=") == 0;
        argv[count++] = cut ? mem_printf("%s=%s", argv[i], argv[i + 2]) : argv[i];
        i += cut ? 2 : 0;
    }
    return count;
}

/* `jeton __complete -- WORD…`, for shells: silent, whatever happens, and never for long. */
static int complete(struct app *app, int argc, char **argv, struct err *err)
{
    const struct itimerval limit = {.it_value = {.tv_sec = COMPLETE_MAX_S}};
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    struct complete complete;
    if (argc < 3 || strcmp(argv[1], "--") != 0)
        return err_set(err, ERR_USAGE, "usage: jeton " COMPLETE " -- WORD…");
    dup2(null, STDERR_FILENO);
    setitimer(ITIMER_REAL, &limit, NULL); /* SIGALRM ends the process */
    complete_create(&complete, app->presets, app->redact);
    app->completing = &complete;
    complete_line(app, join_words(argc - 1, argv + 1), argv + 1);
    app->completing = NULL;
    buf_printf(&complete.out, "%s\n", complete.end);
    int result = app_print(app, complete.out.data, complete.out.len, err);
    complete_destroy(&complete);
    return result;
}

/* `jeton help [VERB …]` is `jeton [VERB …] --help`, as elsewhere. */
static int dispatch_help(struct app *app, int argc, char **argv, struct buf *help, struct err *err)
{
    static char option[] = "--help";
    if (argc == 1) {
        char *alone[] = {argv[0], option, NULL};
        struct opt_result result = {0};
        int parsed = parse_globals(&app->globals, 2, alone, &result, help, err);
        mem_free(result.operands);
        return parsed != 0 ? parsed : app_print(app, help->data, help->len, err);
    }
    const struct verb *verb = find_verb(argv[1], err);
    for (int i = 1; i < argc; i++)
        argv[i - 1] = argv[i];
    argv[argc - 1] = option;
    return verb != NULL ? verb->run(app, argc, argv, err) : -1;
}

static int dispatch(struct app *app, const struct opt_result *result, char **verb_argv,
                    struct buf *help, struct err *err)
{
    if (result->help)
        return app_print(app, help->data, help->len, err);
    if (app->globals.version) {
        static const char version[] = "jeton " JETON_VERSION "\n";
        return app_print(app, version, sizeof version - 1, err);
    }
    if (result->count == 0)
        return err_set(err, ERR_USAGE, "no verb given; `jeton --help` lists them");
    if (strcmp(verb_argv[0], COMPLETE) == 0)
        return complete(app, result->count, verb_argv, err);
    if (strcmp(verb_argv[0], "help") == 0)
        return dispatch_help(app, result->count, verb_argv, help, err);
    const struct verb *verb = find_verb(verb_argv[0], err);
    return verb != NULL ? verb->run(app, result->count, verb_argv, err) : -1;
}

int main(int argc, char **argv)
{
    forbid_core_dumps();
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_DFL); /* where our parent ignores it, no program's status can be had */
    signal(SIGXFSZ, SIG_IGN); /* a file at its limit (ulimit -f) is like a full disk */

    struct app app = {.redact = redact_new(), .modules = modules, .presets = &presets_embedded};
    struct opt_result result = {0};
    struct buf help;
    struct err err;
    err_clear(&err);
    buf_create(&help, HELP_MAX);
    char *self = own_path(argc > 0 ? argv[0] : "jeton");
    app.self = self;

    app.log = log_new(STDERR_FILENO, LOG_INFO, LOG_TEXT, false, app.redact);
    int status = parse_globals(&app.globals, argc, argv, &result, &help, &err);
    struct err unusable;
    if (app_use_globals(&app, &unusable) != 0 && status == 0) {
        err = unusable;
        status = -1;
    }
    if (status == 0) /* options end at the first operand: from the verb on, argv is the verb's */
        status = dispatch(&app, &result, argv + argc - result.count, &help, &err);
    if (status < 0 && err.kind == ERR_PIPE) /* as a program that SIGPIPE ends */
        status = err_exit_code(ERR_PIPE);
    else if (status < 0)
        status = app_report(&app, &err, NULL);

    mem_free(result.operands);
    buf_destroy(&help);
    log_free(app.log);
    redact_free(app.redact);
    mem_free(self);
    mem_free(app.found);
    if (mem_is_watched())
        return status;
    /* Libraries would free what they have, one by one. */
    fflush(NULL);
    _exit(status);
}

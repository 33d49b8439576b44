/* jeton check: what is wrong with a configuration and with what it names, without running it. */
#include "check_private.h"
#include "verb.h"

#include "clock.h"
#include "config_load.h"
#include "config_rows.h"
#include "cron_plan.h"
#include "engine.h"
#include "hook.h"
#include "json.h"
#include "listen_plan.h"
#include "mem.h"
#include "path.h"
#include "place.h"
#include "provider_list.h"
#include "safefile.h"
#include "token_status.h"
#include "vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)4 * 1024 * 1024)

/* Who names a file: job 'a', at its place. */
struct who {
    const char *kind, *name, *shown;
    int line, col;
};

static struct who job_of(const struct job *job)
{
    return (struct who){"job", job->name, job->shown, job->line, job->col};
}

static void check_path(struct check *check, struct who who, const char *what, const char *path,
                       bool folder)
{
    struct stat st;
    if (path == NULL)
        return;
    char *shown = path_show(path);
    if (stat(path, &st) != 0)
        problems_add(&check->problems, who.shown, who.line, who.col, "%s of %s '%s': %s: %s", what,
                     who.kind, who.name, shown, strerror(errno));
    else if (folder != S_ISDIR(st.st_mode))
        problems_add(&check->problems, who.shown, who.line, who.col,
                     "%s of %s '%s': %s: expected a %s", what, who.kind, who.name, shown,
                     folder ? "folder" : "file");
    mem_free(shown);
}

/* It is missed only when it is needed. A relative path is looked for where the run is. */
static void check_program(struct check *check, struct who who, const char *what,
                          char *const *command, char *const *environment)
{
    if (command == NULL || (command[0][0] != '/' && strchr(command[0], '/') != NULL))
        return;
    const char *path = config_variable(environment, "PATH");
    char *shown = path_show(command[0]);
    if (command[0][0] == '\0')
        problems_add(&check->problems, who.shown, who.line, who.col,
                     "%s of %s '%s' starts with an empty string; expected a program", what,
                     who.kind, who.name);
    else if (command[0][0] == '/' && access(command[0], X_OK) != 0)
        problems_warn(&check->problems, who.shown, who.line, who.col, "%s of %s '%s': %s: %s", what,
                      who.kind, who.name, shown, strerror(errno));
    else if (command[0][0] != '/' &&
             !secret_finds_program(path != NULL ? path : getenv("PATH"), command[0]))
        problems_warn(&check->problems, who.shown, who.line, who.col,
                      "%s of %s '%s': '%s' is not found in $PATH", what, who.kind, who.name, shown);
    mem_free(shown);
}

/* "path:LINE: message" is shown at its own place. */
static void add_syntax_problem(struct check *check, const char *path, const char *message)
{
    size_t len = strlen(path);
    char *end = NULL;
    long line = 0;
    if (strncmp(message, path, len) == 0 && message[len] == ':')
        line = strtol(message + len + 1, &end, 10);
    if (line > 0 && line < INT32_MAX && strncmp(end, ": ", 2) == 0)
        problems_add(&check->problems, path, (int)line, 1, "%s", end + 2);
    else
        problems_add(&check->problems, path, 0, 0, "%s", message);
}

/* who NULL: the script was named on the command line. */
static void check_script(struct check *check, const char *script, const struct who *who)
{
    struct err err;
    err_clear(&err);
    char *shown = path_show(script);
    int fd = safefile_open(shown, SAFEFILE_NOT_WRITABLE, &err);
    if (fd < 0 && who != NULL)
        problems_add(&check->problems, who->shown, who->line, who->col, "script of %s '%s': %s",
                     who->kind, who->name, err.msg);
    else if (fd < 0)
        problems_add(&check->problems, shown, 0, 0, "%s", err.msg + err.subject);
    else if (vm_check_syntax(shown, &err) != 0)
        add_syntax_problem(check, shown, err.msg);
    else if (who == NULL)
        buf_printf(&check->report, "%s: good\n", shown);
    if (fd >= 0)
        close(fd);
    mem_free(shown);
}

/* The file that links of a job's metrics lead to. */
struct metrics_file {
    char *path; /* NULL: the job has none */
    bool exists;
    dev_t device;
    ino_t number;
};

/* By hard links, of which each run leaves one behind as it is. */
static void warn_of_links(struct check *check, const struct metrics_file *files, size_t i)
{
    const struct job *job = &check->config->jobs[i];
    const struct metrics_file *file = &files[i];
    for (size_t other = 0; other < i && file->exists; other++) {
        if (!files[other].exists || files[other].number != file->number ||
            files[other].device != file->device || strcmp(files[other].path, file->path) == 0)
            continue;
        problems_warn(&check->problems, job->shown, job->line, job->col,
                      "metrics of job '%s': its file is that of job '%s' by a hard link, which the "
                      "next run breaks; remove it",
                      job->name, check->config->jobs[other].name);
        return;
    }
}

static void find_metrics(struct check *check, const struct job *job, struct metrics_file *file)
{
    struct place place;
    struct stat st;
    struct err err;
    err_clear(&err);
    bool found = place_find(&place, job->metrics, &err) == 0;
    if (!found && access(job->metrics, F_OK) == 0)
        problems_warn(&check->problems, job->shown, job->line, job->col, "metrics of job '%s': %s",
                      job->name, err.msg);
    const char *dot = strrchr(job->metrics, '.');
    if (found && (dot == NULL || strcmp(dot, ".prom") != 0))
        problems_warn(&check->problems, job->shown, job->line, job->col,
                      "metrics of job '%s': Prometheus' node exporter reads files '*.prom' only",
                      job->name);
    file->path = mem_strdup(found ? place.path : job->metrics);
    place_destroy(&place);
    file->exists = stat(file->path, &st) == 0;
    if (file->exists) {
        file->device = st.st_dev;
        file->number = st.st_ino;
    }
}

/* Each would replace what the other wrote. */
static void check_metrics(struct check *check)
{
    const struct config *config = check->config;
    struct metrics_file *files = mem_alloc((config->njobs + 1) * sizeof *files);
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        if (job->metrics == NULL)
            continue;
        find_metrics(check, job, &files[i]);
        warn_of_links(check, files, i);
        size_t other = 0;
        while (other < i &&
               (files[other].path == NULL || strcmp(files[other].path, files[i].path) != 0))
            other++;
        if (other == i)
            continue;
        char *shown = path_show(job->metrics);
        problems_add(&check->problems, job->shown, job->line, job->col,
                     "metrics of job '%s': %s is the file of job '%s', too; each job needs its own",
                     job->name, shown, config->jobs[other].name);
        mem_free(shown);
    }
    for (size_t i = 0; i < config->njobs; i++)
        mem_free(files[i].path);
    mem_free(files);
}

static void check_jobs(struct check *check)
{
    const struct config *config = check->config;
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        const struct who who = job_of(job);
        bool seen = job->script == NULL; /* reported already */
        for (size_t j = 0; j < i && !seen; j++)
            seen =
                config->jobs[j].script != NULL && strcmp(config->jobs[j].script, job->script) == 0;
        if (!seen)
            check_script(check, job->script, &who);
        check_path(check, who, "directory", job->directory, true);
        if (job->attempts > 1 && job->retry_delay_ms >= job->timeout_ms)
            problems_warn(&check->problems, job->shown, job->line, job->col,
                          "job '%s' is never retried: the delay of its retries is not below its "
                          "timeout, which is for all attempts together",
                          job->name);
        check_program(check, who, "on_failure", job->on_failure.command, job->environment);
        check_program(check, who, "on_recovery", job->on_recovery.command, job->environment);
        if (job->metrics != NULL) {
            char *folder =
                mem_strndup(job->metrics, (size_t)(strrchr(job->metrics, '/') - job->metrics));
            check_path(check, who, "folder of metrics", folder[0] != '\0' ? folder : "/", true);
            mem_free(folder);
        }
    }
}

/* A variable that is missing here may be one that a job or webhook sets. */
static bool is_set_by_a_run(const struct config *config, const struct secret *secret)
{
    bool found = false;
    for (size_t i = 0; i < config->njobs && secret->kind == SECRET_ENV && !found; i++)
        found = config_variable(config->jobs[i].environment, secret->text) != NULL;
    for (size_t i = 0; i < config->nhooks && secret->kind == SECRET_ENV && !found; i++)
        found = config_variable(config->hooks[i]->environment, secret->text) != NULL;
    return found;
}

static void check_ca_file(struct check *check, const struct connector *connector)
{
    struct err err;
    err_clear(&err);
    if (connector->ca_file == NULL)
        return;
    char *shown = path_show(connector->ca_file);
    int fd = safefile_open(shown, SAFEFILE_NOT_WRITABLE, &err);
    if (fd >= 0)
        close(fd);
    else
        problems_add(&check->problems, connector->shown, connector->line, connector->col,
                     "ca_file of connector '%s': %s", connector->name, err.msg);
    mem_free(shown);
}

static bool same_words(char *const *a, char *const *b)
{
    for (; a != NULL && b != NULL && *a != NULL && *b != NULL && strcmp(*a, *b) == 0; a++, b++)
        ;
    return (a == NULL && b == NULL) || (a != NULL && b != NULL && *a == NULL && *b == NULL);
}

/* Each of two rows rotates one refresh token, and the other row's is dead. `tokens`: those of the
 * connectors before, and then its own. */
static void check_shared(struct check *check, size_t index, const struct secret **tokens)
{
    const struct connector *connector = check->config->connectors[index];
    const struct secret *own = connector_secret(connector, PROVIDER_REFRESH_TOKEN);
    tokens[index] = own;
    for (size_t i = 0; own != NULL && i < index; i++) {
        const struct connector *other = check->config->connectors[i];
        const struct secret *secret = tokens[i];
        if (!provider_of(connector)->single_use || secret == NULL || secret->kind != own->kind ||
            !same_words(secret->command, own->command) ||
            (own->text != NULL && strcmp(secret->text, own->text) != 0))
            continue;
        problems_warn(&check->problems, connector->shown, connector->line, connector->col,
                      "connectors '%s' and '%s' have the same refresh token; one of them will "
                      "invalidate the other's: use token_of: %s",
                      other->name, connector->name, other->name);
        return;
    }
}

/* Not of a command, which is not run. */
static void check_text(struct check *check, const struct connector *connector,
                       const struct secret *secret)
{
    const struct provider *provider = provider_of(connector);
    struct buf text;
    struct err err;
    if (provider->reads == NULL || !secret->is_key || secret->kind == SECRET_COMMAND)
        return;
    buf_create_secret(&text, SECRET_BYTES_MAX);
    if (secret_read(secret, NULL, 0, &text, &err) == 0 &&
        provider->reads(secret, text.data, text.len, &err) != 0)
        problems_add(&check->problems, secret->file, secret->line, secret->col, "%s: %s",
                     secret->name, err.msg);
    buf_destroy(&text);
}

static void check_connectors(struct check *check)
{
    const struct secret **tokens = mem_alloc((check->config->nconnectors + 1) * sizeof *tokens);
    for (size_t i = 0; i < check->config->nconnectors; i++) {
        const struct connector *connector = check->config->connectors[i];
        const struct secret *secret;
        for (size_t n = 0; (secret = connector_secret_at(connector, n)) != NULL; n++) {
            if (is_set_by_a_run(check->config, secret))
                continue;
            secret_check(secret, &check->problems);
            check_text(check, connector, secret);
        }
        check_ca_file(check, connector);
        check_shared(check, i, tokens);
    }
    mem_free(tokens);
}

/* It must be written as its sender writes it: whsec_…, a public key. */
static void check_key(struct check *check, const struct hook *hook, const struct secret *secret,
                      const char *name)
{
    struct hook_secrets *keys = hook_secrets_new();
    struct buf value;
    struct err err;
    buf_create_secret(&value, SECRET_BYTES_MAX);
    bool is_forward = secret == &hook->forward_secret;
    if (secret->kind != SECRET_COMMAND && secret_read(secret, NULL, 0, &value, &err) == 0 &&
        (is_forward ? hook_check_forward(value.data, &err)
                    : hook_secrets_add(keys, &hook->rules, name, value.data, value.len, &err)) != 0)
        problems_add(&check->problems, secret->file, secret->line, secret->col, "%s: %s",
                     secret->name, err.msg);
    buf_destroy(&value);
    hook_secrets_free(keys);
}

static void check_hooks(struct check *check)
{
    for (size_t i = 0; i < check->config->nhooks; i++) {
        const struct secret *secret;
        const struct hook *hook = check->config->hooks[i];
        const struct who who = {"webhook", hook->name, hook->shown, hook->line, hook->col};
        for (size_t n = 0; (secret = hook_secret_at(hook, n)) != NULL; n++) {
            secret_check(secret, &check->problems);
            check_key(check, hook, secret, n < hook->nsecrets ? NULL : secret->key);
        }
        if (hook->script != NULL)
            check_script(check, hook->script, &who);
        check_path(check, who, "directory", hook->directory, true);
        check_program(check, who, "command", hook->command, hook->environment);
    }
}

/* A database is asked only by --online. */
static bool asks_state(const struct check *check)
{
    return check->config->state->url == NULL || check->online;
}

static void check_listen(struct check *check)
{
    const struct hook_listen *listen = check->config->listen;
    char *certificate = NULL, *key = NULL;
    struct err err;
    if (check->config->nhooks > 0 && listen->certificate != NULL && listen->key != NULL &&
        listen_plan_read_certificate(listen, &certificate, &key, &err) != 0)
        problems_add(&check->problems, check->config->path, 0, 0, "listen: %s", err.msg);
    mem_free(certificate);
    mem_free_secret(key);
}

static void say_doubt(void *arg, const char *text)
{
    problems_warn(&((struct check *)arg)->problems, NULL, 0, 0, "%s", text);
}

/* The state records what was installed. Only then the crontab is read. */
static void check_crontab(struct check *check)
{
    struct cron_plan plan;
    struct err err;
    if (cron_plan_adopt(&plan, check->app, check->config, &err) == 0) {
        const struct job *job = cron_plan_local_job(&plan);
        if (crontab_is_stale(&plan))
            problems_warn(&check->problems, NULL, 0, 0,
                          "the crontab is out of date: jobs, or the rules of a time zone, have "
                          "changed since `jeton cron install`, or it is of an older jeton; run it "
                          "again");
        crontab_check(&plan, say_doubt, check);
        if (job != NULL && zone_check_local(&err) != 0)
            problems_warn(&check->problems, job->shown, job->line, job->col,
                          "job '%s' has no timezone, and %s", job->name, err.msg);
    }
    plan.config = NULL; /* it stays ours */
    cron_plan_destroy(&plan);
}

static void put_number(struct buf *out, const char *name, int value)
{
    if (value > 0)
        buf_printf(out, ",\"%s\":%d", name, value);
    else
        buf_printf(out, ",\"%s\":null", name);
}

/* A path need not be UTF-8, JSON must be: then all beyond ASCII is replaced. */
static void put_text(struct buf *out, const char *text)
{
    if (text == NULL) {
        buf_puts(out, "null");
    } else if (json_write_string(out, text, strlen(text)) != 0) {
        char *copy = mem_strdup(text);
        for (char *c = copy; *c != '\0'; c++)
            *c = (unsigned char)*c >= 0x80 ? '?' : *c;
        json_write_string(out, copy, strlen(copy));
        mem_free(copy);
    }
}

static void write_json(const struct check *check, struct buf *out)
{
    const struct problems *problems = &check->problems;
    buf_printf(out, "{\"ok\":%s,\"problems\":[", problems_errors(problems) == 0 ? "true" : "false");
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *problem = &problems->items[i];
        buf_printf(out, "%s{\"file\":", i > 0 ? "," : "");
        put_text(out, problem->file);
        put_number(out, "line", problem->line);
        put_number(out, "column", problem->col);
        buf_printf(out,
                   ",\"severity\":\"%s\",\"message\":", problem->warning ? "warning" : "error");
        put_text(out, problem->message);
        buf_puts(out, "}");
    }
    buf_printf(out, "],\"omitted\":%zu", problems->omitted);
    if (check->online)
        buf_printf(out, ",\"not_exchanged\":[%s]", check->kept.len > 0 ? check->kept.data : "");
    buf_puts(out, "}\n");
}

static void write_good(const struct config *config, const char *path, struct buf *out)
{
    buf_printf(out, "%s: good (%zu connector%s, %zu job%s", path, config->nconnectors,
               config->nconnectors == 1 ? "" : "s", config->njobs, config->njobs == 1 ? "" : "s");
    if (config->nhooks > 0)
        buf_printf(out, ", %zu webhook%s", config->nhooks, config->nhooks == 1 ? "" : "s");
    buf_puts(out, ")\n");
}

static void write_text(const struct check *check, const char *path, struct buf *out)
{
    const struct config *config = check->config;
    problems_format(&check->problems, out);
    buf_puts(out, check->report.data);
    if (config == NULL || problems_errors(&check->problems) > 0)
        return;
    write_good(config, path, out);
    if (!asks_state(check))
        buf_puts(out, "the state's database was not asked, nor whether state.key is the one it was "
                      "made with: jeton state check\n");
}

static int report(struct check *check, const char *path, struct err *err)
{
    struct buf out;
    buf_create(&out, REPORT_MAX);
    problems_sort(&check->problems);
    if (check->json)
        write_json(check, &out);
    else
        write_text(check, path, &out);
    int result = app_print(check->app, out.data, out.len, err);
    buf_destroy(&out);
    return result;
}

static int run_check(struct check *check, const char *path, struct err *err)
{
    log_msg(check->app->log, LOG_DEBUG, "configuration: %s", path);
    problems_create(&check->problems);
    buf_create(&check->report, REPORT_MAX);
    buf_create(&check->kept, REPORT_MAX);
    check->config = config_read(path, provider_list, check->app->presets, &check->problems);
    check_connectors(check);
    check_hooks(check);
    check_listen(check);
    check_jobs(check);
    check_metrics(check);
    check_state_folder(check);
    if (problems_errors(&check->problems) == 0) {
        check_defaults(check);
        bool opens = check_state_opens(check);
        if (opens && asks_state(check))
            check_crontab(check);
        if (opens)
            check_state(check);
    }
    if (problems_errors(&check->problems) > 0) {
        check->status = err_exit_code(ERR_CONFIG);
    } else if (check->online && check_online(check, err) != 0) {
        char line[ERR_LINE_MAX];
        problems_add(&check->problems, NULL, 0, 0, "%s", err_line(err, line));
        check->status = err_exit_code(err->kind);
    } else if (check->status == 0 && problems_errors(&check->problems) > 0) {
        check->status = err_exit_code(ERR_CONFIG);
    }
    int result = report(check, path, err);
    problems_destroy(&check->problems);
    buf_destroy(&check->report);
    buf_destroy(&check->kept);
    config_free(check->config);
    return result == 0 ? check->status : -1;
}

static int run_scripts(struct check *check, const char *const *scripts, struct err *err)
{
    problems_create(&check->problems);
    buf_create(&check->report, REPORT_MAX);
    for (; *scripts != NULL; scripts++)
        check_script(check, *scripts, NULL);
    int status = problems_errors(&check->problems) > 0 ? err_exit_code(ERR_CONFIG) : 0;
    int result = report(check, NULL, err);
    problems_destroy(&check->problems);
    buf_destroy(&check->report);
    return result == 0 ? status : -1;
}

static int check_operands(const struct check *check, const char *const *scripts, struct err *err)
{
    if (check->refresh && !check->online)
        return err_set(err, ERR_USAGE, "jeton check: --refresh needs --online");
    if (check->online && scripts[0] != NULL)
        return err_set(err, ERR_USAGE,
                       "jeton check: --online is for a configuration; drop it, or '%s'",
                       scripts[0]);
    for (; *scripts != NULL; scripts++) {
        const char *dot = strrchr(*scripts, '.');
        if (dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0)) {
            char *word = path_word(*scripts);
            err_set(err, ERR_USAGE,
                    "jeton check: expected scripts; a configuration is named before the "
                    "verb: jeton -c %s check",
                    word);
            mem_free(word);
            return -1;
        }
    }
    return 0;
}

/* Says where it looked; in JSON too, for a document is what its reader waits for. */
static int no_configuration(struct check *check, struct err *err)
{
    config_free(app_config(check->app, true, err));
    if (!check->json)
        return -1;
    problems_create(&check->problems);
    problems_add(&check->problems, NULL, 0, 0, "%s", err->msg);
    int status = err_exit_code(err->kind);
    int result = report(check, NULL, err);
    problems_destroy(&check->problems);
    return result == 0 ? status : -1;
}

int verb_check(struct app *app, int argc, char **argv, struct err *err)
{
    struct check check = {.app = app};
    const struct opt opts[] = {
        {.long_name = "online",
         .type = OPT_FLAG,
         .value = &check.online,
         .help = "also read the secrets, get a token for each connector (a refresh token is not "
                 "spent where the token is fresh), and look up the groups of notices"},
        {.long_name = "refresh",
         .type = OPT_FLAG,
         .value = &check.refresh,
         .help = "with --online: exchange every connector's token, fresh or not"},
        {.long_name = "json",
         .type = OPT_FLAG,
         .value = &check.json,
         .help = "one JSON document: {ok, problems: [{file, line, column, message}]}; with "
                 "--online also not_exchanged: [CONNECTOR]"},
        {0},
    };
    const struct opt_spec spec = {
        .usage = "jeton check [--online [--refresh]] [--json]\n"
                 "jeton check [--json] SCRIPT…",
        .description =
            "Validates the configuration, the modes of its files, schedules and the syntax "
            "of every script, without running anything, not even the commands of secrets. All "
            "problems "
            "are listed with file, line and column; the status is 3 then. With SCRIPT, only "
            "modes and syntax of these scripts are checked.",
        .opts = opts,
        .max_operands = -1,
        .operands = "FILE",
    };
    struct opt_result result;
    int options = app_options(app, &spec, argc, argv, &result, err);
    if (options <= 0)
        return options;
    int status = check_operands(&check, result.operands, err);
    bool scripts = result.count > 0;
    if (status == 0 && scripts)
        status = run_scripts(&check, result.operands, err);
    mem_free(result.operands);
    if (status != 0 || scripts)
        return status;

    char *path = config_choose(app->config_path);
    if (path == NULL)
        return no_configuration(&check, err);
    char *shown = path_show(path);
    status = run_check(&check, shown, err);
    mem_free(shown);
    mem_free(path);
    return status;
}

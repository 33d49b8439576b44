/* jeton check: what is wrong with a configuration and with what it names, without running it. */
#include "verb.h"

#include "clock.h"
#include "config_load.h"
#include "cron_plan.h"
#include "engine.h"
#include "home.h"
#include "json.h"
#include "mem.h"
#include "path.h"
#include "place.h"
#include "provider_list.h"
#include "safefile.h"
#include "vm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define REPORT_MAX ((size_t)4 * 1024 * 1024)

struct check {
    struct app *app;
    struct config *config;
    struct problems problems;
    bool online;
    bool refresh; /* exchange fresh tokens too */
    bool json;
    struct buf report; /* text: what went well */
    int status;        /* of the first exchange that failed */
    size_t waiting;    /* exchanges under way */
    bool done;
};

static void check_path(struct check *check, const struct job *job, const char *what,
                       const char *path, bool folder)
{
    struct stat st;
    if (path == NULL)
        return;
    char *shown = path_show(path);
    if (stat(path, &st) != 0)
        problems_add(&check->problems, job->shown, job->line, job->col, "%s of job '%s': %s: %s",
                     what, job->name, shown, strerror(errno));
    else if (folder != S_ISDIR(st.st_mode))
        problems_add(&check->problems, job->shown, job->line, job->col,
                     "%s of job '%s': %s: expected a %s", what, job->name, shown,
                     folder ? "folder" : "file");
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

static void check_script(struct check *check, const struct job *job)
{
    struct err err;
    err_clear(&err);
    char *shown = path_show(job->script);
    int fd = safefile_open(shown, SAFEFILE_NOT_WRITABLE, &err);
    if (fd < 0)
        problems_add(&check->problems, job->shown, job->line, job->col, "script of job '%s': %s",
                     job->name, err.msg);
    else if (vm_check_syntax(shown, &err) != 0)
        add_syntax_problem(check, shown, err.msg);
    if (fd >= 0)
        close(fd);
    mem_free(shown);
}

/* Each would replace what the other wrote. Compared are the files that links lead to. */
static void check_metrics(struct check *check)
{
    const struct config *config = check->config;
    char **paths = mem_alloc((config->njobs + 1) * sizeof *paths);
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        struct place place;
        struct err err;
        if (job->metrics == NULL)
            continue;
        err_clear(&err);
        bool found = place_find(&place, job->metrics, &err) == 0;
        paths[i] = mem_strdup(found ? place.path : job->metrics);
        place_destroy(&place);
        size_t other = 0;
        while (other < i && (paths[other] == NULL || strcmp(paths[other], paths[i]) != 0))
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
        mem_free(paths[i]);
    mem_free(paths);
}

static void check_jobs(struct check *check)
{
    const struct config *config = check->config;
    for (size_t i = 0; i < config->njobs; i++) {
        const struct job *job = &config->jobs[i];
        bool seen = job->script == NULL; /* reported already */
        for (size_t j = 0; j < i && !seen; j++)
            seen =
                config->jobs[j].script != NULL && strcmp(config->jobs[j].script, job->script) == 0;
        if (!seen)
            check_script(check, job);
        check_path(check, job, "directory", job->directory, true);
        if (job->metrics != NULL) {
            char *folder =
                mem_strndup(job->metrics, (size_t)(strrchr(job->metrics, '/') - job->metrics));
            check_path(check, job, "folder of metrics", folder[0] != '\0' ? folder : "/", true);
            mem_free(folder);
        }
    }
}

/* A variable that is missing here may be one that a job sets. */
static bool is_set_by_a_job(const struct config *config, const struct secret *secret)
{
    for (size_t i = 0; i < config->njobs && secret->kind == SECRET_ENV; i++) {
        if (config_job_variable(&config->jobs[i], secret->text) != NULL)
            return true;
    }
    return false;
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

/* Each of two rows rotates one refresh token, and the other row's is dead. */
static void check_shared(struct check *check, size_t index)
{
    const struct connector *connector = check->config->connectors[index];
    const struct secret *own = connector_secret(connector, PROVIDER_REFRESH_TOKEN);
    for (size_t i = 0; own != NULL && i < index; i++) {
        const struct connector *other = check->config->connectors[i];
        const struct secret *secret = connector_secret(other, PROVIDER_REFRESH_TOKEN);
        if (!provider_of(connector)->single_use || secret == NULL || secret->kind != own->kind ||
            !same_words(secret->command, own->command) ||
            (own->text != NULL && strcmp(secret->text, own->text) != 0))
            continue;
        problems_warn(&check->problems, connector->shown, connector->line, connector->col,
                      "connectors '%s' and '%s' have the same refresh token; one of them will end "
                      "the other's: use token_of: %s",
                      other->name, connector->name, other->name);
        return;
    }
}

static void check_connectors(struct check *check)
{
    for (size_t i = 0; i < check->config->nconnectors; i++) {
        const struct connector *connector = check->config->connectors[i];
        const struct secret *secret;
        for (size_t n = 0; (secret = connector_secret_at(connector, n)) != NULL; n++) {
            if (!is_set_by_a_job(check->config, secret))
                secret_check(secret, &check->problems);
        }
        check_ca_file(check, connector);
        check_shared(check, i);
    }
}

/* Folders are made when first needed: only existing ones can be wrong. */
static void check_state(struct check *check)
{
    struct stat st;
    struct err err;
    err_clear(&err);
    char *shown = path_show(check->config->state);
    bool exists = stat(shown, &st) == 0;
    if (exists && safefile_private_dir(shown, &err) != 0)
        problems_add(&check->problems, NULL, 0, 0, "state folder %s", err.msg);
    else if (exists && safefile_needs_group(&st, SAFEFILE_PRIVATE))
        problems_warn(&check->problems, NULL, 0, 0, "state folder %s: " SAFEFILE_GROUP, shown);
    mem_free(shown);
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

/* Rows of the path are not used once the name has some. Makes no state. */
static void check_home(struct check *check)
{
    const struct config *config = check->config;
    struct store *store = store_new(config->state, NULL);
    struct err err;
    if (config->name != NULL && store_exists(store) && home_is_split(config, store, &err) == 1)
        problems_warn(&check->problems, NULL, 0, 0,
                      "the state has rows of name '%s' and others of %s, so nothing was moved and "
                      "the latter are not used; `jeton state adopt %s --replace` joins them, and "
                      "where both have a token, a key or a count, that of the path stays",
                      config->name, config->files[0], config->files[0]);
    store_free(store);
}

struct exchange_wait {
    struct check *check;
    const struct connector *connector;
    bool cached; /* nothing was exchanged, and no secret read */
};

/* "FILE:LINE:COLUMN: message" of one of the connector's secrets: it is shown there, and takes the
 * place of a warning about the same. */
static bool add_secret_problem(struct check *check, const struct secret *secret,
                               const char *message)
{
    if (secret->file == NULL || secret->line <= 0)
        return false;
    char *place = mem_printf("%s:%d:%d: ", secret->file, secret->line, secret->col);
    size_t len = strlen(place);
    bool here = strncmp(message, place, len) == 0;
    mem_free(place);
    if (!here)
        return false;
    problems_drop_warning(&check->problems, secret->file, secret->line, secret->col);
    problems_add(&check->problems, secret->file, secret->line, secret->col, "%s", message + len);
    return true;
}

static void add_token_problem(struct check *check, const struct connector *connector,
                              const struct err *err)
{
    char line[ERR_LINE_MAX];
    err_line(err, line);
    const struct secret *secret;
    size_t n = 0;
    while ((secret = connector_secret_at(connector, n)) != NULL &&
           !add_secret_problem(check, secret, line))
        n++;
    if (secret == NULL)
        /* The message names the connector. */
        problems_add(&check->problems, connector->shown, connector->line, connector->col, "%s",
                     line);
    if (check->status == 0)
        check->status = err_exit_code(err->kind);
}

static void exchanged(void *arg, const struct token *token, const struct err *err)
{
    struct exchange_wait *wait = arg;
    struct check *check = wait->check;
    if (err != NULL) {
        add_token_problem(check, wait->connector, err);
    } else {
        char time[CLOCK_RFC3339_SIZE] = "it is refused";
        wait->cached = token->source == TOKEN_CACHE;
        if (token->expires_at_ms > 0)
            clock_format_rfc3339(token->expires_at_ms, time, sizeof time);
        buf_printf(&check->report, "connector '%s': %s, good until %s\n", wait->connector->name,
                   wait->cached ? "token of the state (--refresh exchanges it)" : "token exchanged",
                   time);
    }
    check->done = --check->waiting == 0;
}

/* An exchange that spends no refresh token costs nothing, so it is always tried. */
static bool is_forced(const struct check *check, const struct connector *connector)
{
    const struct connector *owner = connector_owner(connector);
    const char *tokens[PROVIDER_GRANTS_MAX];
    const struct provider_known any = {.connector = owner, .current = "any", .configured = "any"};
    return check->refresh || (provider_of(owner)->grants(&any, tokens) > 0 && tokens[0] == NULL);
}

/* The next exchange needs them. */
static void check_unread_secrets(const struct exchange_wait *wait)
{
    const struct connector *owner = connector_owner(wait->connector);
    struct connector_secrets secrets = {0};
    struct err err;
    err_clear(&err);
    if (connector_secrets_read(owner, wait->check->app->redact, 0, &secrets, &err) != 0)
        add_token_problem(wait->check, owner, &err);
    connector_secrets_destroy(&secrets);
}

static int check_online(struct check *check, struct err *err)
{
    const struct config *config = check->config;
    struct exchange_wait *waits = mem_alloc((config->nconnectors + 1) * sizeof *waits);
    struct engine engine;
    config_hide(config, check->app->redact); /* it was not read by app_config */
    engine_create(&engine, config, check->app->log, check->app->redact);
    int result = engine_need_store(&engine, err);
    for (size_t i = 0; result == 0 && i < config->nconnectors; i++) {
        const struct connector *connector = config->connectors[i];
        const struct token_query query = {.force = is_forced(check, connector)};
        if (connector->lender != NULL && !connector->slot)
            continue; /* its lender's token is exchanged */
        check->waiting++;
        waits[i] = (struct exchange_wait){.check = check, .connector = connector};
        token_get(engine.tokens, connector, &query, exchanged, &waits[i]);
    }
    if (result == 0 && check->waiting > 0)
        result = app_wait(&engine, &check->done, err);
    for (size_t i = 0; result == 0 && i < config->nconnectors; i++) {
        if (waits[i].cached)
            check_unread_secrets(&waits[i]);
    }
    engine_destroy(&engine);
    mem_free(waits);
    return result;
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
    buf_printf(out, "],\"omitted\":%zu}\n", problems->omitted);
}

static void write_text(const struct check *check, const char *path, struct buf *out)
{
    const struct config *config = check->config;
    problems_format(&check->problems, out);
    buf_puts(out, check->report.data);
    if (problems_errors(&check->problems) == 0)
        buf_printf(out, "%s: good (%zu connector%s, %zu job%s)\n", path, config->nconnectors,
                   config->nconnectors == 1 ? "" : "s", config->njobs,
                   config->njobs == 1 ? "" : "s");
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
    check->config = config_read(path, provider_list, check->app->presets, &check->problems);
    check_connectors(check);
    check_jobs(check);
    check_metrics(check);
    check_state(check);
    if (problems_errors(&check->problems) == 0) {
        check_crontab(check);
        check_home(check);
    }
    if (problems_errors(&check->problems) > 0) {
        check->status = err_exit_code(ERR_CONFIG);
    } else if (check->online && check_online(check, err) != 0) {
        char line[ERR_LINE_MAX];
        problems_add(&check->problems, NULL, 0, 0, "%s", err_line(err, line));
        check->status = err_exit_code(err->kind);
    }
    int result = report(check, path, err);
    problems_destroy(&check->problems);
    buf_destroy(&check->report);
    config_free(check->config);
    return result == 0 ? check->status : -1;
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
         .help = "also read the secrets, and exchange the tokens that are not fresh"},
        {.long_name = "refresh",
         .type = OPT_FLAG,
         .value = &check.refresh,
         .help = "with --online: exchange every connector's token, fresh or not"},
        {.long_name = "json",
         .type = OPT_FLAG,
         .value = &check.json,
         .help = "one JSON document: {ok, problems: [{file, line, column, message}]}"},
        {0},
    };
    const struct opt_spec spec = {
        .usage = "jeton check [--online [--refresh]] [--json]",
        .description =
            "Validates the configuration, the modes of its files, schedules and the syntax "
            "of every script, without running anything, not even the commands of secrets. All "
            "problems "
            "are listed with file, line and column; the status is 3 then.",
        .opts = opts,
    };
    struct opt_result result;
    int options = app_options(&spec, argc, argv, &result, err);
    if (options <= 0)
        return options;
    mem_free(result.operands);
    if (check.refresh && !check.online)
        return err_set(err, ERR_USAGE, "jeton check: --refresh needs --online");

    char *path = config_choose(app->config_path);
    if (path == NULL)
        return no_configuration(&check, err);
    char *shown = path_show(path);
    int status = run_check(&check, shown, err);
    mem_free(shown);
    mem_free(path);
    return status;
}

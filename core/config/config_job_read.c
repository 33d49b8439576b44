#include "config_field.h"
#include "config_file.h"
#include "log.h"
#include "mem.h"
#include "zone.h"

#include <string.h>
#include <sys/stat.h>

#define NAME_HEAD "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

static void read_schedule(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    struct job *job = target;
    const char *text = config_text(walk, field, node);
    struct err err;
    err_clear(&err);
    if (text == NULL)
        return;
    if (cron_parse(text, &job->cron, &err) != 0) {
        schema_problem(walk, node, "'%s' of %s: %s", field->name, walk->what, err.msg);
        return;
    }
    job->schedule = mem_strdup(text);
}

static bool was_found(const struct config_zones *zones, const char *name)
{
    for (size_t i = 0; i < zones->count; i++) {
        if (strcmp(zones->names[i], name) == 0)
            return true;
    }
    return false;
}

/* Those of "right/" count leap seconds, which the clock does not: they are 27 s off. */
static const char *usual_zone(const struct schema_walk *walk, const struct yaml_node *node,
                              const char *text)
{
    static const char right[] = "right/";
    const char *usual = text + strlen(right);
    if (strncmp(text, right, strlen(right)) != 0 || !zone_known(usual))
        return text;
    problems_warn(
        walk->problems, walk->file, node->line, node->col,
        "'timezone' of %s: '%s' counts leap seconds, which the clock does not; %s is used",
        walk->what, text, usual);
    return usual;
}

static void read_timezone(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    struct config_zones *zones = walk->context;
    const char *text = config_text(walk, field, node);
    char shown[YAML_SHOWN_SIZE], *name;
    struct stat st;
    if (text == NULL)
        return;
    text = usual_zone(walk, node, text);
    if (was_found(zones, text)) {
        *(char **)target = mem_strdup(text);
        return;
    }
    if (stat(ZONE_FOLDER, &st) != 0) {
        problems_warn(walk->problems, walk->file, node->line, node->col,
                      "'timezone' of %s cannot be checked: there is no " ZONE_FOLDER
                      "; install the package tzdata",
                      walk->what);
        *(char **)target = mem_strdup(text);
    } else if (!zone_known(text)) {
        schema_problem(walk, node,
                       "'timezone' of %s must be a zone of " ZONE_FOLDER
                       " such as Asia/Kolkata, not '%s'",
                       walk->what, yaml_show(node, shown));
    } else {
        *(char **)target = name = mem_strdup(text);
        zones->names = mem_realloc(zones->names, (zones->count + 1) * sizeof *zones->names);
        zones->names[zones->count++] = name;
    }
}

static void read_args(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    if (node->kind == YAML_SCALAR)
        schema_wrong_type(walk, field, node);
    else
        *(const struct yaml_node **)target = node;
}

static void check_zone(const struct schema_walk *walk, const struct yaml_node *value)
{
    struct err err;
    if (zone_check_variable(value->text, &err) != 0)
        problems_warn(walk->problems, walk->file, value->line, value->col, "environment of %s: %s",
                      walk->what, err.msg);
}

/* PATH: "$PATH:/opt/bin" as in a shell, where it would be another value. */
static void check_expansion(const struct schema_walk *walk, const struct yaml_pair *pair)
{
    const char *name = pair->key->text, *text = pair->value->text;
    for (const char *at = text; (at = strchr(at, '$')) != NULL;) {
        at += at[1] == '{' ? 2 : 1;
        size_t len = strspn(at, NAME_HEAD "0123456789");
        if (len != strlen(name) || strncmp(at, name, len) != 0)
            continue;
        problems_warn(walk->problems, walk->file, pair->value->line, pair->value->col,
                      "'%s' in environment of %s: variables are not expanded here; write its whole "
                      "value",
                      name, walk->what);
        return;
    }
}

/* "NAME=value" of one pair (mem_free); NULL with a problem added. */
static char *environment_entry(const struct schema_walk *walk, const struct yaml_pair *pair)
{
    const struct yaml_node *key = pair->key, *value = pair->value;
    char shown[YAML_SHOWN_SIZE];
    if (key->len == 0 || strchr(NAME_HEAD, key->text[0]) == NULL ||
        strspn(key->text, NAME_HEAD "0123456789") != key->len)
        schema_problem(
            walk, key,
            "'%s' in environment of %s cannot be the name of a variable: letters, digits and '_', "
            "no digit first",
            yaml_show_key(key, shown), walk->what);
    else if (value->kind != YAML_SCALAR)
        schema_problem(walk, value, "'%s' in environment of %s must be a string, not %s",
                       yaml_show_key(key, shown), walk->what, yaml_describe(value));
    else if (strlen(value->text) != value->len)
        schema_problem(walk, value, "'%s' in environment of %s holds a NUL character",
                       yaml_show_key(key, shown), walk->what);
    else
        return mem_printf("%s=%s", key->text, value->text);
    return NULL;
}

void config_environment_parse(const struct schema_walk *walk, const struct schema_field *field,
                              const struct yaml_node *node, void *target)
{
    if (node->kind != YAML_MAPPING) {
        schema_wrong_type(walk, field, node);
        return;
    }
    char **entries = mem_alloc((node->count + 1) * sizeof *entries);
    size_t count = 0;
    for (size_t i = 0; i < node->count; i++) {
        char *entry = environment_entry(walk, &node->pairs[i]);
        if (entry == NULL)
            continue;
        entries[count++] = entry;
        check_expansion(walk, &node->pairs[i]);
        if (strcmp(node->pairs[i].key->text, "TZ") == 0)
            check_zone(walk, node->pairs[i].value);
    }
    *(char ***)target = entries;
}

static void read_heartbeat(const struct schema_walk *walk, const struct schema_field *field,
                           const struct yaml_node *node, void *target)
{
    const char *text = config_text(walk, field, node);
    if (text == NULL)
        return;
    if (text[strcspn(text, " \t\r\n#")] != '\0') {
        schema_problem(walk, node, "'%s' of %s: a URL holds no white space and no '#'", field->name,
                       walk->what);
        return;
    }
    /* As a token service's, but it may have a query. */
    char *base = mem_strndup(text, strcspn(text, "?"));
    if (config_url_check(walk, field, node, base))
        *(char **)target = mem_strdup(text);
    mem_free(base);
}

static const struct schema_field message_fields[] = {
    {.name = "connector",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct config_notice, connector)},
    {.name = "group",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct config_notice, group),
     .required = true,
     .expected = "a group's id or name"},
    {0},
};

static const struct schema_field notice_fields[] = {
    {.name = "command",
     .type = SCHEMA_STRINGS,
     .offset = offsetof(struct config_notice, command),
     .expected = "a list of strings: the program and its arguments"},
    {.name = "message", .type = SCHEMA_STRUCT, .fields = message_fields},
    {0},
};

static void read_notice(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    struct config_notice *notice = target;
    if (node->kind == YAML_MAPPING && node->count != 1) {
        schema_problem(walk, node, "'%s' of %s must hold exactly one of command and message",
                       field->name, walk->what);
        return;
    }
    char *what = mem_join(field->name, " of ", walk->what, NULL);
    schema_read(walk, notice_fields, what, node, notice);
    mem_free(what);
}

static const struct schema_field retry_fields[] = {
    {.name = "attempts",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct job, attempts),
     .min = 1,
     .max = CONFIG_JOB_ATTEMPTS_MAX},
    {.name = "delay",
     .type = SCHEMA_DURATION,
     .offset = offsetof(struct job, retry_delay_ms),
     .max = CONFIG_JOB_DELAY_MAX_MS},
    {0},
};

static const char *const lost_words[] = {[LOST_STOP] = "stop", [LOST_GO_ON] = "go_on", NULL};
static const char *const overlap_words[] = {[OVERLAP_SKIP] = "skip", [OVERLAP_WAIT] = "wait", NULL};

#define LOG_AS_IN_LUA (LOG_DEBUG + 1)
static const char *const log_words[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warning",   [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug", [LOG_AS_IN_LUA] = "warn", NULL};

#define NOTICE_EXPECTED "{command: [PROGRAM, …]} or {message: {group: …}}"

static const struct schema_field job_fields[] = {
    {.name = "script",
     .type = SCHEMA_PATH,
     .offset = offsetof(struct job, script),
     .required = true,
     .expected = "the path of a Lua script"},
    {.name = "connector", .type = SCHEMA_STRING, .offset = offsetof(struct job, connector)},
    {.name = "schedule",
     .type = SCHEMA_CUSTOM,
     .parse = read_schedule,
     .expected = "five fields such as \"0 8 * * 1-5\", or a nickname such as \"@daily\""},
    {.name = "timezone",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct job, timezone),
     .parse = read_timezone,
     .expected = "a zone such as Asia/Kolkata"},
    {.name = "timeout",
     .type = SCHEMA_DURATION,
     .offset = offsetof(struct job, timeout_ms),
     .min = CONFIG_JOB_TIMEOUT_MIN_MS,
     .max = CONFIG_JOB_TIMEOUT_MAX_MS},
    {.name = "overlap",
     .type = SCHEMA_CHOICE,
     .offset = offsetof(struct job, overlap),
     .choices = overlap_words},
    {.name = "lost",
     .type = SCHEMA_CHOICE,
     .offset = offsetof(struct job, lost),
     .choices = lost_words},
    {.name = "retries", .type = SCHEMA_STRUCT, .fields = retry_fields},
    {.name = "jitter",
     .type = SCHEMA_DURATION,
     .offset = offsetof(struct job, jitter_ms),
     .max = CONFIG_JOB_JITTER_MAX_MS},
    {.name = "catch_up", .type = SCHEMA_BOOL, .offset = offsetof(struct job, catch_up)},
    {.name = "args",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct job, args),
     .parse = read_args,
     .expected = "a mapping or a list"},
    {.name = "environment",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct job, environment),
     .parse = config_environment_parse,
     .expected = "a mapping of variables"},
    {.name = "directory", .type = SCHEMA_PATH, .offset = offsetof(struct job, directory)},
    {.name = "shared",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct job, shared),
     .parse = config_names_parse,
     .expected = "a list of names"},
    {.name = "memory",
     .type = SCHEMA_SIZE,
     .offset = offsetof(struct job, memory_bytes),
     .min = CONFIG_JOB_MEMORY_MIN,
     .max = CONFIG_JOB_MEMORY_MAX},
    {.name = "log_level",
     .type = SCHEMA_CHOICE,
     .offset = offsetof(struct job, log_level),
     .choices = log_words},
    {.name = "metrics", .type = SCHEMA_PATH, .offset = offsetof(struct job, metrics)},
    {.name = "heartbeat",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct job, heartbeat),
     .parse = read_heartbeat,
     .expected = "a URL such as https://hc.example.org/ping/1"},
    {.name = "on_failure",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct job, on_failure),
     .parse = read_notice,
     .expected = NOTICE_EXPECTED},
    {.name = "on_recovery",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct job, on_recovery),
     .parse = read_notice,
     .expected = NOTICE_EXPECTED},
    {0},
};

void config_job_read(const struct schema_walk *walk, const struct yaml_node *node, struct job *job)
{
    job->timeout_ms = CONFIG_JOB_TIMEOUT_DEFAULT_MS;
    job->overlap = OVERLAP_SKIP;
    job->attempts = 1;
    job->retry_delay_ms = CONFIG_JOB_DELAY_DEFAULT_MS;
    job->memory_bytes = CONFIG_JOB_MEMORY_DEFAULT;
    job->log_level = CONFIG_JOB_LOG_USUAL;
    char *what = mem_join("job '", job->name, "'", NULL);
    schema_read(walk, job_fields, what, node, job);
    if (job->log_level == LOG_AS_IN_LUA)
        job->log_level = LOG_WARN;
    mem_free(what);
}

void config_job_destroy(struct job *job)
{
    schema_free(job_fields, job);
    schema_free(notice_fields, &job->on_failure);
    schema_free(notice_fields, &job->on_recovery);
    mem_freev(job->environment);
    mem_freev(job->shared);
    mem_free(job->schedule);
    mem_free(job->timezone);
    mem_free(job->heartbeat);
    mem_free(job->name);
}

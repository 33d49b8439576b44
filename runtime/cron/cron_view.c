/* What scripts/cron/ makes units of systemd and manifests of Kubernetes of. */
#include "cron_plan.h"

#include "connector.h"
#include "json.h"
#include "json_member.h"
#include "mem.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"

/* Left out where it is NULL. */
static void put_text(struct buf *out, const char *name, const char *text)
{
    if (text != NULL)
        json_member_text(out, name, text);
}

static void put_flag(struct buf *out, const char *name, bool value)
{
    buf_printf(out, ",\"%s\":%s", name, value ? "true" : "false");
}

/* Times in a zone; NULL: the local one. The fields are bits, as struct cron has them. */
static void put_lines(struct buf *out, const struct cron *lines, size_t count, const char *zone)
{
    put_text(out, "zone", zone);
    buf_puts(out, ",\"lines\":[");
    for (size_t i = 0; i < count; i++) {
        const struct cron *line = &lines[i];
        buf_printf(out,
                   "%s{\"minutes\":%" PRIu64 ",\"hours\":%" PRIu32 ",\"days\":%" PRIu32
                   ",\"months\":%d,\"weekdays\":%d",
                   i > 0 ? "," : "", line->minutes, line->hours, line->days, line->months,
                   line->weekdays);
        put_flag(out, "either", !line->any_day && !line->any_weekday); /* day or weekday */
        buf_putc(out, '}');
    }
    buf_putc(out, ']');
}

static int put_systemd(struct cron_plan *plan, const struct job *job, struct buf *out,
                       struct err *err)
{
    struct zone *zone = cron_plan_zone(plan, job, plan->system, err);
    if (zone == NULL)
        return -1;
    if (job->cron.reboot || cron_cover_is_plain(&job->cron, zone, plan->now)) {
        put_lines(out, &job->cron, job->cron.reboot ? 0 : 1, job->timezone);
    } else { /* in UTC no time is skipped or repeated */
        struct cron_cover cover;
        cron_cover_create(&cover, &job->cron, cron_plan_compare(plan, zone, plan->utc));
        put_lines(out, cover.lines, cover.count, "UTC");
        cron_cover_destroy(&cover);
    }
    return 0;
}

static int put_kubernetes(struct cron_plan *plan, const struct job *job, struct buf *out,
                          struct err *err)
{
    struct zone *zone = cron_plan_zone(plan, job, plan->local, err);
    if (zone == NULL)
        return -1;
    const char *name = zone_name(zone);
    if (name == NULL)
        return err_set(err, ERR_CONFIG,
                       "%s:%d:%d: job '%s' uses the local time zone, which has no name here; set "
                       "one, as in timezone: Europe/Paris",
                       job->shown, job->line, job->col, job->name);
    struct cron_cover cover;
    bool plain = cron_cover_is_plain(&job->cron, zone, plan->now);
    cron_cover_create(&cover, &job->cron, cron_plan_compare(plan, zone, plain ? zone : plan->utc));
    cron_cover_merge(&cover);
    put_text(out, "zone", name);
    put_flag(out, "plain", plain);
    buf_puts(out, ",\"fields\":\"");
    cron_cover_text(&cover.lines[0], out);
    buf_putc(out, '"');
    cron_cover_destroy(&cover);
    return 0;
}

static const char *base_name(const char *path)
{
    return strrchr(path, '/') + 1;
}

/* Whether the configuration's volume, which hides the image's folder, must have it. */
static bool is_below(const struct cron_plan *plan, const char *path)
{
    size_t folder = (size_t)(base_name(plan->path) - plan->path);
    return path != NULL && strncmp(path, plan->path, folder) == 0;
}

static bool is_in(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static int put_job(struct cron_plan *plan, const struct job *job, bool kubernetes, struct buf *out,
                   struct err *err)
{
    buf_printf(out, "{\"deadline_ms\":%" PRId64, job->timeout_ms + job->jitter_ms);
    put_text(out, "name", job->name);
    put_text(out, "script", kubernetes && is_below(plan, job->script) ? job->script : NULL);
    put_text(out, "schedule", job->schedule);
    put_text(out, "timezone", job->timezone);
    put_text(out, "directory", job->directory);
    put_text(out, "metrics", job->metrics);
    put_flag(out, "reboot", job->cron.reboot);
    put_flag(out, "catch_up", job->catch_up);
    put_flag(out, "wait", job->overlap == OVERLAP_WAIT);
    if ((kubernetes ? put_kubernetes : put_systemd)(plan, job, out, err) != 0)
        return -1;
    buf_putc(out, '}');
    return 0;
}

/* Those of the state, then of all connectors; NULL behind the last one. */
static const struct secret *secret_at(const struct config *config, size_t index)
{
    const struct secret *const own[] = {&config->state_password, &config->state_key};
    if (index < 2)
        return own[index];
    size_t n = index - 2;
    for (size_t i = 0; i < config->nconnectors; i++) {
        const struct secret *secret;
        size_t of_it = 0;
        for (; (secret = connector_secret_at(config->connectors[i], of_it)) != NULL; of_it++) {
            if (of_it == n)
                return secret;
        }
        n -= of_it;
    }
    return NULL;
}

/* The ca_file of the state, then of each connector; NULL: it has none. */
static const char *authorities_at(const struct config *config, size_t index)
{
    return index == 0 ? config->state->ca_file : config->connectors[index - 1]->ca_file;
}

/* Where secrets come from, never a value. Those of files that are pipes cannot be had elsewhere. */
static int put_secrets(const struct config *config, const char *name, enum secret_kind kind,
                       struct buf *out, struct err *err)
{
    const struct secret *secret;
    const char *comma = "";
    buf_printf(out, ",\"%s\":[", name);
    for (size_t i = 0; (secret = secret_at(config, i)) != NULL; i++) {
        if (secret->kind != kind || secret->value != NULL)
            continue;
        if (!json_utf8_valid(secret->text, strlen(secret->text)))
            return err_set(err, ERR_CONFIG, "%s: where it comes from is not valid UTF-8",
                           secret->name);
        buf_puts(out, comma);
        json_write_string(out, secret->text, strlen(secret->text));
        comma = ",";
    }
    buf_putc(out, ']');
    return 0;
}

/* A unit does not have what a shell's environment has. */
static void warn_variables(const struct cron_plan *plan)
{
    const struct secret *secret;
    for (size_t i = 0; (secret = secret_at(plan->config, i)) != NULL; i++) {
        if (secret->kind == SECRET_ENV)
            log_msg(plan->app->log, LOG_WARN,
                    "%s:%d:%d: %s comes from the variable %s, which the services do not have; make "
                    "it a credential ({credential: NAME}) or put it in a file ({file: …}), or name "
                    "a file of variables in a drop-in of each service (EnvironmentFile=)",
                    secret->file, secret->line, secret->col, secret->name, secret->text);
    }
}

/* systemd ignores lines that are not UTF-8; YAML must be. */
static int check_paths(const struct cron_plan *plan, struct err *err)
{
    const char *const paths[] = {plan->self, plan->path, plan->config->state->folder,
                                 plan->state_home};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (paths[i] != NULL && !json_utf8_valid(paths[i], strlen(paths[i])))
            return err_set(err, ERR_CONFIG, "%s: the path is not valid UTF-8", paths[i]);
    }
    return 0;
}

/* In a pod the folder above that of the state is an empty volume: see scripts/cron/kubernetes.lua.
 */
static int check_volume(const struct cron_plan *plan, struct err *err)
{
    const char *folder = plan->config->state->folder;
    size_t above = (size_t)(strrchr(folder, '/') - folder);
    bool hides = strncmp(plan->path, folder, above + 1) == 0;
    for (size_t i = 0; i < plan->count && !hides; i++)
        hides = strncmp(plan->jobs[i]->script, folder, above + 1) == 0;
    if (above > 0 && !hides)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s: state.folder is '%s', and in a pod the folder above that is an empty "
                   "volume: it must have nothing else in it; set `folder: /var/lib/jeton/host`",
                   plan->config->path, folder);
}

/* ---- keys of a Secret: the configuration, and files that it names, by their names ---- */

struct key {
    const char *whose, *path;
    size_t index; /* in the order of what they are */
};

struct keys {
    struct key *items;
    size_t count;
};

static int check_key(const char *whose, const char *name, const char *what, struct err *err)
{
    if (name[strspn(name, KEY_CHARS)] == '\0')
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s: '%s' can be no key of a Secret of Kubernetes; rename the %s", whose, name,
                   what);
}

static bool is_file(const struct secret *secret)
{
    return secret->kind == SECRET_FILE && secret->value == NULL;
}

/* The files of conf.d, NULL-terminated. */
static char *const *parts_of(const struct config *config)
{
    char *const *at = config->files + 1;
    return *at != NULL ? at + 1 : at; /* the folder is before them */
}

static void add_key(struct keys *keys, const char *whose, const char *path)
{
    keys->items = mem_realloc(keys->items, (keys->count + 1) * sizeof *keys->items);
    keys->items[keys->count] = (struct key){whose, path, keys->count};
    keys->count++;
}

static void collect_keys(const struct cron_plan *plan, struct keys *keys)
{
    const struct config *config = plan->config;
    const struct secret *secret;
    for (size_t i = 0; (secret = secret_at(config, i)) != NULL; i++) {
        if (is_file(secret))
            add_key(keys, secret->name, secret->text);
    }
    for (size_t i = 0; i <= config->nconnectors; i++) {
        const char *path = authorities_at(config, i);
        if (is_below(plan, path))
            add_key(keys, path, path);
    }
    for (size_t i = 0; i < plan->count; i++) {
        const struct job *job = plan->jobs[i];
        if (is_below(plan, job->script) && !job->cron.reboot)
            add_key(keys, job->script, job->script);
    }
    add_key(keys, plan->path, plan->path);
    for (char *const *part = parts_of(config); *part != NULL; part++)
        add_key(keys, *part, *part);
}

static int compare_keys(const void *one, const void *other)
{
    const struct key *a = one, *b = other;
    int order = strcmp(base_name(a->path), base_name(b->path));
    return order != 0 ? order : (a->index > b->index) - (a->index < b->index);
}

/* Of a path, what follows slashes and segments of one point. */
static const char *next_segment(const char *path)
{
    while (path[0] == '/' || (path[0] == '.' && (path[1] == '/' || path[1] == '\0')))
        path++;
    return path;
}

/* Absolute paths: /a/./b is /a//b. */
static bool is_same_path(const char *one, const char *other)
{
    size_t len = 0;
    do {
        one = next_segment(one + len);
        other = next_segment(other + len);
        len = strcspn(one, "/");
    } while (len > 0 && len == strcspn(other, "/") && strncmp(one, other, len) == 0);
    return *one == '\0' && *other == '\0';
}

/* Whether a pod has the folder, though volumes hide those of the image there: the configuration's
 * has its files alone, and others are empty. */
static bool is_in_volume(const struct cron_plan *plan, const char *folder)
{
    struct keys keys = {0};
    bool kept = plan->config->state->url == NULL && is_in(folder, plan->config->state->folder);
    bool found =
        kept || is_same_path(folder, "/tmp") || is_same_path(folder, plan->config->state->folder);
    collect_keys(plan, &keys);
    for (size_t i = 0; i < keys.count && !found; i++) {
        char *own = mem_strndup(keys.items[i].path,
                                (size_t)(base_name(keys.items[i].path) - keys.items[i].path));
        found = is_below(plan, own) && (is_in(own, folder) || is_same_path(own, folder));
        mem_free(own);
    }
    mem_free(keys.items);
    return found;
}

/* Folders that the pods do not have, or may not write to. */
static void warn_of_folders(const struct cron_plan *plan, const struct job *job)
{
    const char *state = plan->config->state->folder, *folder = job->directory;
    struct log *log = plan->app->log;
    if (job->metrics != NULL && !is_in(job->metrics, state) && !is_in(job->metrics, "/tmp"))
        log_msg(log, LOG_WARN,
                "job '%s': its pod cannot write the metrics %s, as its root is read-only; mount a "
                "volume there",
                job->name, job->metrics);
    if (folder == NULL || is_in_volume(plan, folder))
        return;
    if (is_in(folder, state) || is_in(folder, "/tmp") || is_below(plan, folder))
        log_msg(
            log, LOG_WARN,
            "job '%s': its pod does not have the directory %s, as a volume without it hides the "
            "image's; name another one, or mount a volume there",
            job->name, folder);
    else
        log_msg(log, LOG_WARN,
                "job '%s': its directory %s must be in the image, where it is read-only, or be a "
                "volume that you mount",
                job->name, folder);
}

static int check_names(const struct cron_plan *plan, struct keys *keys, struct err *err)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct key *key = &keys->items[i];
        if (check_key(key->whose, base_name(key->path), "file", err) != 0)
            return -1;
        if (!json_utf8_valid(key->path, strlen(key->path)))
            return err_set(err, ERR_CONFIG, "%s: the path is not valid UTF-8", key->whose);
        if (is_below(plan, key->path) && strstr(key->path, "/../") != NULL)
            return err_set(err, ERR_CONFIG,
                           "%s: no path in a volume of Kubernetes may have '..', as %s has; write "
                           "it without",
                           key->whose, key->path);
    }
    qsort(keys->items, keys->count, sizeof *keys->items, compare_keys);
    for (size_t i = 1; i < keys->count; i++) {
        const struct key *one = &keys->items[i - 1], *other = &keys->items[i];
        if (strcmp(base_name(one->path), base_name(other->path)) == 0 &&
            !is_same_path(one->path, other->path))
            return err_set(err, ERR_CONFIG,
                           "%s and %s are files of the same name, which would be one key of a "
                           "Secret of Kubernetes; rename one",
                           one->whose, other->whose);
    }
    return 0;
}

static int check_keys(const struct cron_plan *plan, struct err *err)
{
    struct keys keys = {.count = 0};
    const struct secret *secret;
    for (size_t i = 0; (secret = secret_at(plan->config, i)) != NULL; i++) {
        if (secret->kind == SECRET_CREDENTIAL &&
            check_key(secret->name, secret->text, "credential", err) != 0)
            return -1;
    }
    collect_keys(plan, &keys);
    int result = check_names(plan, &keys, err);
    mem_free(keys.items);
    return result;
}

static void put_parts(const struct config *config, struct buf *out)
{
    const char *comma = "";
    buf_puts(out, ",\"parts\":[");
    for (char *const *part = parts_of(config); *part != NULL; part++) {
        const char *name = base_name(*part);
        buf_puts(out, comma);
        json_write_string(out, name, strlen(name));
        comma = ",";
    }
    buf_putc(out, ']');
}

static void put_authorities(const struct cron_plan *plan, struct buf *out)
{
    const char *comma = "";
    buf_puts(out, ",\"authorities\":[");
    for (size_t i = 0; i <= plan->config->nconnectors; i++) {
        const char *path = authorities_at(plan->config, i);
        if (!is_below(plan, path))
            continue;
        buf_puts(out, comma);
        json_write_string(out, path, strlen(path));
        comma = ",";
    }
    buf_putc(out, ']');
}

int cron_view(struct cron_plan *plan, bool kubernetes, const char *image, struct buf *out,
              struct err *err)
{
    bool database = plan->config->state->url != NULL;
    if (cron_plan_check_path(plan, err) != 0 || check_paths(plan, err) != 0 ||
        (kubernetes && database && check_volume(plan, err) != 0) ||
        (kubernetes && check_keys(plan, err) != 0))
        return -1;
    if (!kubernetes)
        warn_variables(plan);
    const struct passwd *user = geteuid() != 0 ? getpwuid(geteuid()) : NULL;
    const char *comma = "";
    buf_puts(out, "{\"version\":\"" JETON_VERSION "\"");
    put_text(out, "self", plan->self);
    put_text(out, "path", plan->path);
    put_text(out, "configuration", plan->config->name);
    put_text(out, "state", plan->config->state->folder);
    put_text(out, "state_home", plan->state_home);
    put_text(out, "user", user != NULL ? user->pw_name : NULL);
    put_text(out, "local", zone_name(plan->local));
    put_text(out, "image", image);
    put_flag(out, "database", database);
    if (put_secrets(plan->config, "credentials", SECRET_CREDENTIAL, out, err) != 0 ||
        put_secrets(plan->config, "variables", SECRET_ENV, out, err) != 0 ||
        put_secrets(plan->config, "files", SECRET_FILE, out, err) != 0)
        return -1;
    if (kubernetes) {
        put_parts(plan->config, out);
        put_authorities(plan, out);
    }
    buf_puts(out, ",\"jobs\":[");
    for (size_t i = 0; i < plan->count; i++) {
        const struct job *job = plan->jobs[i];
        if (kubernetes && job->cron.reboot) {
            log_msg(plan->app->log, LOG_WARN,
                    "job '%s' is omitted: Kubernetes has no equivalent of @reboot", job->name);
            continue;
        }
        if (kubernetes)
            warn_of_folders(plan, job);
        buf_puts(out, comma);
        if (put_job(plan, job, kubernetes, out, err) != 0)
            return -1;
        comma = ",";
    }
    buf_puts(out, "]}");
    return 0;
}

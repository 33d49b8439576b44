#include "config_load.h"

#include "config_file.h"
#include "config_state.h"
#include "hook.h"
#include "mem.h"
#include "path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define FOLDER "conf.d"
#define SUFFIX ".yaml"

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Whether a file of conf.d has this name; a warning if somebody could think so. */
static bool is_read(const char *folder, const char *name, struct problems *problems)
{
    const char *suffix = strrchr(name, '.');
    if (suffix == NULL || name[0] == '.')
        return false;
    if (strcmp(suffix, SUFFIX) == 0)
        return true;
    if (strcasecmp(suffix, SUFFIX) == 0 || strcasecmp(suffix, ".yml") == 0) {
        char *path = mem_printf("%s/%s", folder, name), *shown = path_show(path);
        problems_warn(problems, shown, 0, 0, "not read, as its name does not end in " SUFFIX);
        mem_free(shown);
        mem_free(path);
    }
    return false;
}

/* Names of the *.yaml files in folder, in byte order. Hidden files are left out. */
static char **list_files(const char *folder, struct problems *problems, size_t *count)
{
    char **names = NULL;
    *count = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        char *shown = path_show(folder);
        if (errno != ENOENT)
            problems_add(problems, shown, 0, 0, "%s", strerror(errno));
        mem_free(shown);
        return NULL;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        if (!is_read(folder, entry->d_name, problems))
            continue;
        if (*count == CONFIG_FILES_MAX) {
            problems_add(problems, folder, 0, 0, "more than %d files", CONFIG_FILES_MAX);
            break;
        }
        names = mem_realloc(names, (*count + 1) * sizeof *names);
        names[(*count)++] = mem_strdup(entry->d_name);
    }
    closedir(dir);
    if (*count > 1)
        qsort(names, *count, sizeof *names, by_bytes);
    return names;
}

static void read_folder(struct config_reader *reader, const char *folder)
{
    size_t count;
    char **names = list_files(folder, reader->problems, &count);
    for (size_t i = 0; i < count; i++) {
        char *path = mem_printf("%s/%s", folder, names[i]);
        struct stat st;
        /* A link that leads nowhere is a mistake, which reading it reports. */
        if (stat(path, &st) != 0 || S_ISREG(st.st_mode))
            config_file_read(reader, path, false);
        mem_free(path);
        mem_free(names[i]);
    }
    mem_free(names);
}

static int by_name(const void *a, const void *b)
{
    const struct config_place *left = a, *right = b;
    int order = strcmp(left->kind, right->kind);
    if (order == 0)
        order = strcmp(left->name, right->name);
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

/* Within one file YAML has refused a name that is given twice. */
static void check_twice(struct config_reader *reader)
{
    if (reader->config->sources->count < 2)
        return;
    if (reader->nplaces > 1)
        qsort(reader->places, reader->nplaces, sizeof *reader->places, by_name);
    const struct config_place *first = reader->places;
    for (size_t i = 1; i < reader->nplaces; i++) {
        const struct config_place *place = &reader->places[i];
        if (strcmp(first->kind, place->kind) != 0 || strcmp(first->name, place->name) != 0) {
            first = place;
            continue;
        }
        problems_add(reader->problems, place->file, place->key->line, place->key->col,
                     "%s '%s' is defined twice; it is at %s:%d:%d already", place->kind,
                     place->name, first->file, first->key->line, first->key->col);
    }
}

/* A connector that a job or webhook names at `node` must be one of the configuration's. */
static void check_reference(struct config_reader *reader, const struct config_place *place,
                            const struct yaml_node *node, const char *where)
{
    if (node == NULL || node->kind != YAML_SCALAR || node->len == 0 ||
        config_find_connector(reader->config, node->text) != NULL)
        return;
    char shown[YAML_SHOWN_SIZE];
    const char *nearest = config_nearest_connector(reader->config, node->text);
    problems_add(reader->problems, place->file, node->line, node->col,
                 "unknown connector '%s' in %s%s '%s'%s%s%s", yaml_show(node, shown), where,
                 place->kind, place->name, nearest != NULL ? "; did you mean '" : "",
                 nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
}

static void check_jobs(struct config_reader *reader)
{
    static const char *const notices[][2] = {{"on_failure", "on_failure of "},
                                             {"on_recovery", "on_recovery of "}};
    for (size_t i = 0; i < reader->nplaces; i++) {
        const struct config_place *place = &reader->places[i];
        if (strcmp(place->kind, "job") != 0 && strcmp(place->kind, "webhook") != 0)
            continue;
        check_reference(reader, place, yaml_get(place->value, "connector"), "");
        for (size_t n = 0; n < 2; n++) {
            const struct yaml_node *notice = yaml_get(place->value, notices[n][0]);
            const struct yaml_node *message = notice ? yaml_get(notice, "message") : NULL;
            if (message != NULL)
                check_reference(reader, place, yaml_get(message, "connector"), notices[n][1]);
        }
    }
}

/* A connector's token is another's, which has one itself. */
static void settle_lent(struct config_reader *reader)
{
    for (size_t i = 0; i < reader->config->nconnectors; i++) {
        struct connector *connector = reader->config->connectors[i];
        const char *name = connector->token_of;
        if (name == NULL)
            continue;
        const struct connector *lender = config_find_connector(reader->config, name);
        const char *nearest =
            lender == NULL ? config_nearest_connector(reader->config, name) : NULL;
        if (lender == NULL)
            problems_add(reader->problems, connector->shown, connector->line, connector->col,
                         "'token_of' of connector '%s': unknown connector '%s'%s%s%s",
                         connector->name, name, nearest != NULL ? "; did you mean '" : "",
                         nearest != NULL ? nearest : "", nearest != NULL ? "'?" : "");
        else if (lender->token_of != NULL)
            problems_add(reader->problems, connector->shown, connector->line, connector->col,
                         "'token_of' of connector '%s': connector '%s' has no token itself: it has "
                         "that of '%s'",
                         connector->name, name, lender->token_of);
        else if (connector->slot && !lender->provider->slots)
            problems_add(
                reader->problems, connector->shown, connector->line, connector->col,
                "connector '%s' asks for a scope, an audience or a resource, which '%s' of "
                "provider '%s' cannot",
                connector->name, name, lender->provider->name);
        else
            connector->lender = lender;
    }
}

/* The folder that path lies in, as a prefix: "", or with its slash. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return mem_strndup(path, slash == NULL ? 0 : (size_t)(slash - path) + 1);
}

/* For files that were in it once. */
static void add_folder(struct config *config, const char *folder)
{
    char *real = path_real(folder);
    if (real == NULL)
        return;
    char *prefix = mem_printf("%s/", real);
    config_file_add(config, prefix);
    mem_free(prefix);
    mem_free(real);
}

static void settle_homes(struct config *config)
{
    size_t count = 0, at = 0;
    while (config->files[count] != NULL)
        count++;
    config->homes = mem_alloc((count + 2) * sizeof *config->homes);
    if (config->home != NULL)
        config->homes[at++] = config->home;
    for (size_t i = 0; i < count; i++)
        config->homes[at++] = config->files[i];
    for (size_t i = 0; i < config->nconnectors; i++) {
        struct connector *connector = config->connectors[i];
        connector->home = config->home != NULL ? config->home : connector->file;
    }
    for (size_t i = 0; i < config->njobs; i++) {
        struct job *job = &config->jobs[i];
        job->home = config->home != NULL ? config->home : job->file;
    }
    for (size_t i = 0; i < config->nhooks; i++) {
        struct hook *hook = config->hooks[i];
        hook->home = config->home != NULL ? config->home : hook->file;
    }
}

static void read_all(struct config_reader *reader, const char *path)
{
    char *folder = folder_of(path), *extra = mem_printf("%s" FOLDER, folder);
    char *secrets = mem_printf("%ssecrets", folder), resolved[PATH_MAX];
    if (realpath(secrets, resolved) != NULL)
        reader->secrets = mem_strdup(resolved);
    config_file_read(reader, path, true);
    add_folder(reader->config, extra);
    read_folder(reader, extra);
    settle_homes(reader->config);
    check_twice(reader);
    check_jobs(reader);
    settle_lent(reader);
    config_hook_check(reader);
    config_shared_check(reader);
    mem_free(folder);
    mem_free(extra);
    mem_free(secrets);
}

struct config *config_read(const char *path, const struct config_provider *const *providers,
                           const struct config_presets *presets, struct problems *problems)
{
    struct config *config = mem_alloc(sizeof *config);
    config->path = mem_strdup(path);
    config->presets = presets;
    config->history_keep = CONFIG_HISTORY_KEEP_DEFAULT;
    config->history_days = CONFIG_HISTORY_DAYS_DEFAULT;
    config->listen = hook_listen_new();
    config->sources = mem_alloc(sizeof *config->sources);
    struct config_reader reader = {
        .config = config, .providers = providers, .presets = presets, .problems = problems};
    if (path != NULL)
        read_all(&reader, path);
    mem_free(reader.places);
    mem_free(reader.zones.names);
    preset_docs_destroy(&reader.docs);
    mem_free(reader.secrets);
    config_state_settle(config, problems);
    problems_sort(problems);
    return config;
}

struct config *config_load(const char *path, const struct config_provider *const *providers,
                           const struct config_presets *presets, struct problems *problems)
{
    struct config *config = config_read(path, providers, presets, problems);
    if (problems_errors(problems) == 0)
        return config;
    config_free(config);
    return NULL;
}

void config_free(struct config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->nconnectors; i++)
        connector_free(config->connectors[i]);
    for (size_t i = 0; i < config->njobs; i++)
        config_job_destroy(&config->jobs[i]);
    for (size_t i = 0; i < config->nhooks; i++)
        hook_free(config->hooks[i]);
    mem_free(config->hooks);
    hook_listen_free(config->listen);
    for (size_t i = 0; i < config->sources->count; i++) {
        mem_free(config->sources->items[i].shown);
        yaml_doc_free(config->sources->items[i].doc);
    }
    mem_free(config->sources->items);
    mem_free(config->sources);
    mem_free(config->connectors);
    mem_free(config->jobs);
    config_state_destroy(config);
    mem_free(config->homes);
    mem_freev(config->files);
    mem_free(config->home);
    mem_free(config->name);
    mem_free(config->path);
    mem_free(config);
}

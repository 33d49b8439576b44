/* One file of the configuration: what may stand in it, and what its mode must be. */
#include "config_file.h"
#include "config_field.h"
#include "config_state.h"
#include "connector.h"
#include "hook.h"
#include "mem.h"
#include "path.h"
#include "safefile.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One file while it is read; the target of the top-level fields. */
struct file {
    struct config_reader *reader;
    char *path;        /* to open */
    const char *shown; /* in messages; of the sources */
    const char *real;  /* resolved; one of config.files */
    char *folder;      /* absolute; relative paths count from it */
    struct stat st;
    char *name;
    struct {
        int64_t keep, days;
    } history;
};

static void add_place(struct file *file, const char *kind, const char *name,
                      const struct yaml_node *key, const struct yaml_node *value)
{
    struct config_reader *reader = file->reader;
    reader->places = mem_realloc(reader->places, (reader->nplaces + 1) * sizeof *reader->places);
    reader->places[reader->nplaces] = (struct config_place){
        .kind = kind,
        .name = name,
        .file = file->shown,
        .key = key,
        .value = value,
        .order = reader->nplaces,
    };
    reader->nplaces++;
}

/* The name of a connector, a job, or the configuration; NULL with a problem added. */
static const char *read_name(const struct schema_walk *walk, const char *kind,
                             const struct yaml_node *key)
{
    char shown[YAML_SHOWN_SIZE];
    if (config_is_name(key))
        return key->text;
    schema_problem(walk, key, "'%s' cannot be the name of a %s; expected " CONFIG_NAME_EXPECTED,
                   yaml_show_key(key, shown), kind, CONFIG_NAME_MAX);
    return NULL;
}

/* The list with room for what the mapping of that field holds; NULL: a problem was added. */
static void *make_room(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, void *list, size_t count, size_t size,
                       size_t max)
{
    if (node->kind != YAML_MAPPING)
        schema_wrong_type(walk, field, node);
    else if (node->count > max - count)
        schema_problem(walk, node, "more than %zu %s", max, field->name);
    else
        return mem_realloc(list, (count + node->count + 1) * size);
    return NULL;
}

static void read_connector(const struct schema_walk *walk, struct file *file, const char *name,
                           const struct yaml_pair *pair)
{
    struct config *config = file->reader->config;
    struct connector *connector = config_connector_make(walk, file->reader, name, pair);
    config->connectors[config->nconnectors++] = connector;
    connector->file = file->real;
    connector->shown = file->shown;
    connector->line = pair->key->line;
    connector->col = pair->key->col;
    add_place(file, "connector", name, pair->key, pair->value);
}

static void read_connectors(const struct schema_walk *walk, const struct schema_field *field,
                            const struct yaml_node *node, void *target)
{
    struct file *file = target;
    struct config *config = file->reader->config;
    struct connector **list = make_room(walk, field, node, config->connectors, config->nconnectors,
                                        sizeof *list, CONFIG_CONNECTORS_MAX);
    if (list == NULL)
        return;
    config->connectors = list;
    for (size_t i = 0; i < node->count; i++) {
        const char *name = read_name(walk, "connector", node->pairs[i].key);
        if (name != NULL)
            read_connector(walk, file, name, &node->pairs[i]);
    }
}

static void read_jobs(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    struct file *file = target;
    struct config *config = file->reader->config;
    struct job *list =
        make_room(walk, field, node, config->jobs, config->njobs, sizeof *list, CONFIG_JOBS_MAX);
    if (list == NULL)
        return;
    config->jobs = list;
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *key = node->pairs[i].key;
        const char *name = read_name(walk, "job", key);
        if (name == NULL)
            continue;
        struct job *job = &config->jobs[config->njobs++];
        *job = (struct job){
            .name = mem_strdup(name),
            .file = file->real,
            .shown = file->shown,
            .line = key->line,
            .col = key->col,
        };
        add_place(file, "job", name, key, node->pairs[i].value);
        struct schema_walk inner = *walk;
        inner.at = key;
        inner.context = &file->reader->zones;
        config_job_read(&inner, node->pairs[i].value, job);
    }
}

static void read_hooks(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, void *target)
{
    struct file *file = target;
    struct config *config = file->reader->config;
    struct hook **list =
        make_room(walk, field, node, config->hooks, config->nhooks, sizeof *list, CONFIG_HOOKS_MAX);
    if (list == NULL)
        return;
    config->hooks = list;
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_pair *pair = &node->pairs[i];
        const char *name = read_name(walk, "webhook", pair->key);
        if (name == NULL)
            continue;
        struct hook *hook = config_hook_make(walk, file->reader, name, pair);
        config->hooks[config->nhooks++] = hook;
        hook->file = mem_strdup(file->real);
        hook->shown = mem_strdup(file->shown);
        add_place(file, "webhook", name, pair->key, pair->value);
    }
}

static void read_listen(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    const struct file *file = target;
    config_listen_parse(walk, field, node, file->reader->config->listen);
}

static void read_version(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    (void)field, (void)target;
    char shown[YAML_SHOWN_SIZE];
    struct yaml_scalar scalar = yaml_resolve(node);
    if (node->kind != YAML_SCALAR)
        schema_wrong_type(walk, field, node);
    else if (scalar.type != YAML_INT || scalar.integer != CONFIG_VERSION)
        schema_problem(walk, node, "'version' must be %d, not '%s'", CONFIG_VERSION,
                       yaml_show(node, shown));
}

static void read_own_name(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    char **own = target;
    if (node->kind != YAML_SCALAR) {
        schema_wrong_type(walk, field, node);
        return;
    }
    const char *name = read_name(walk, "configuration", node);
    if (name != NULL && *own == NULL)
        *own = mem_strdup(name);
}

static void read_state(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, void *target)
{
    config_state_read(walk, field, node, ((struct file *)target)->reader->config);
}

static const struct schema_field history_fields[] = {
    {.name = "keep",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct file, history.keep),
     .max = CONFIG_HISTORY_KEEP_MAX},
    {.name = "days",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct file, history.days),
     .max = CONFIG_HISTORY_DAYS_MAX},
    {0},
};

static const struct schema_field file_fields[] = {
    {.name = "version", .type = SCHEMA_CUSTOM, .parse = read_version, .expected = "1"},
    {.name = "name",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct file, name),
     .parse = read_own_name,
     .expected = "a name"},
    {.name = "state",
     .type = SCHEMA_CUSTOM,
     .parse = read_state,
     .expected = "a path, or a mapping with url and key"},
    {.name = "history", .type = SCHEMA_STRUCT, .fields = history_fields},
    {.name = "connectors",
     .may_be_empty = true,
     .type = SCHEMA_CUSTOM,
     .parse = read_connectors,
     .expected = "a mapping of names to connectors"},
    {.name = "jobs",
     .may_be_empty = true,
     .type = SCHEMA_CUSTOM,
     .parse = read_jobs,
     .expected = "a mapping of names to jobs"},
    {.name = "webhooks",
     .may_be_empty = true,
     .type = SCHEMA_CUSTOM,
     .parse = read_hooks,
     .expected = "a mapping of names to webhooks"},
    {.name = "listen", .type = SCHEMA_CUSTOM, .parse = read_listen, .expected = "a mapping"},
    {0},
};

/* A newer version is the only problem reported: nothing else is looked at. */
static bool is_newer(const struct yaml_node *root, const struct file *file)
{
    const struct yaml_node *node = yaml_get(root, "version");
    struct yaml_scalar scalar = {.type = YAML_NULL};
    if (node != NULL)
        scalar = yaml_resolve(node);
    if (scalar.type != YAML_INT || scalar.integer <= CONFIG_VERSION)
        return false;
    problems_add(file->reader->problems, file->shown, node->line, node->col,
                 "this configuration has version %lld, this jeton reads version %d; use a newer "
                 "jeton",
                 (long long)scalar.integer, CONFIG_VERSION);
    return true;
}

/* state, history and listen may come once; the places tell where they came twice. */
static void take_global(struct file *file, const struct yaml_node *root, const char *key)
{
    for (size_t i = 0; i < root->count; i++) {
        if (strcmp(root->pairs[i].key->text, key) == 0) {
            add_place(file, "key", key, root->pairs[i].key, root->pairs[i].value);
            return;
        }
    }
}

/* Of the main file only: the files of conf.d belong to what it names. */
static void take_name(struct file *file, const struct yaml_node *root, bool main_file)
{
    struct config *config = file->reader->config;
    const struct yaml_node *node = yaml_get(root, "name");
    if (node != NULL && !main_file)
        problems_add(
            file->reader->problems, file->shown, node->line, node->col,
            "'name' belongs in the main file, %s, because it is for the whole configuration",
            config->path);
    if (file->name == NULL || !main_file)
        return;
    config->name = mem_strdup(file->name);
    config->home = mem_printf("name:%s", file->name);
}

static void read_tree(struct file *file, const struct yaml_node *root, bool main_file)
{
    struct config *config = file->reader->config;
    struct schema_walk walk = {
        .file = file->shown, .base_dir = file->folder, .problems = file->reader->problems};
    if (root->kind == YAML_MAPPING && is_newer(root, file))
        return;
    file->history.keep = config->history_keep;
    file->history.days = config->history_days;
    schema_read(&walk, file_fields, "the configuration", root, file);
    if (root->kind != YAML_MAPPING)
        return;
    if (main_file && yaml_get(root, "version") == NULL)
        problems_add(walk.problems, file->shown, root->line, root->col,
                     "the configuration lacks 'version'; expected version: %d", CONFIG_VERSION);
    take_global(file, root, "state");
    take_global(file, root, "history");
    take_global(file, root, "listen");
    take_name(file, root, main_file);
    config->history_keep = file->history.keep;
    config->history_days = file->history.days;
}

/* How many connectors and webhooks there were before this file. */
struct before {
    size_t connectors, hooks;
};

static bool is_plain(const struct secret *secret)
{
    return secret->kind == SECRET_PLAIN && !secret->is_id;
}

/* Who of this file has a secret in plain text ("connector 'a'", mem_free); NULL: nobody. */
static char *find_plain(const struct file *file, struct before from)
{
    const struct config *config = file->reader->config;
    const struct secret *secret;
    for (size_t i = from.connectors; i < config->nconnectors; i++) {
        for (size_t n = 0; (secret = connector_secret_at(config->connectors[i], n)) != NULL; n++) {
            if (is_plain(secret))
                return mem_printf("connector '%s'", config->connectors[i]->name);
        }
    }
    for (size_t i = from.hooks; i < config->nhooks; i++) {
        for (size_t n = 0; (secret = hook_secret_at(config->hooks[i], n)) != NULL; n++) {
            if (is_plain(secret))
                return mem_printf("webhook '%s'", config->hooks[i]->name);
        }
    }
    const struct secret *const of_state[] = {&config->state_password, &config->state_key};
    for (size_t i = 0; i < sizeof of_state / sizeof of_state[0]; i++) {
        if (is_plain(of_state[i]) && strcmp(of_state[i]->file, file->shown) == 0)
            return mem_strdup(i == 0 ? "password of the state" : "key of the state");
    }
    return NULL;
}

/* A file with a secret in plain text must be private. */
static void check_plain_secrets(struct file *file, struct before from)
{
    struct err err;
    err_clear(&err);
    bool accepted = S_ISFIFO(file->st.st_mode) ||
                    safefile_check_mode(file->shown, &file->st, SAFEFILE_PRIVATE, &err) == 0;
    if (accepted && !safefile_needs_group(&file->st, SAFEFILE_PRIVATE))
        return;
    char *who = find_plain(file, from);
    if (who != NULL)
        (accepted ? problems_warn : problems_add)(
            file->reader->problems, file->shown, 0, 0, "it holds a secret in plain text (%s), %s%s",
            who, accepted ? "and " : "but ", accepted ? SAFEFILE_GROUP : err.msg + err.subject);
    mem_free(who);
}

/* Secrets that jeton itself wrote lie in `secrets/` beside the configuration. */
static void mark_private(const struct config_reader *reader, struct secret *secret)
{
    char folder[PATH_MAX];
    if (secret->kind != SECRET_FILE)
        return;
    char *parent = mem_strndup(secret->text, (size_t)(strrchr(secret->text, '/') - secret->text));
    secret->private_file = realpath(parent[0] != '\0' ? parent : "/", folder) != NULL &&
                           strcmp(folder, reader->secrets) == 0;
    mem_free(parent);
}

static void mark_all(const struct config_reader *reader, struct before from)
{
    struct config *config = reader->config;
    struct secret *secret;
    for (size_t i = from.hooks; i < config->nhooks; i++) {
        for (size_t n = 0; (secret = hook_secret_at(config->hooks[i], n)) != NULL; n++)
            mark_private(reader, secret);
    }
    for (size_t i = from.connectors; i < config->nconnectors; i++) {
        for (size_t n = 0; (secret = connector_secret_at(config->connectors[i], n)) != NULL; n++)
            mark_private(reader, secret);
    }
    mark_private(reader, &config->state_password);
    mark_private(reader, &config->state_key);
}

/* Opens, checks and reads; the tree, or NULL with problems added. */
static struct yaml_doc *read_doc(struct file *file)
{
    struct yaml_doc *doc = NULL;
    struct buf text;
    struct err err;
    err_clear(&err);
    buf_create_secret(&text, YAML_BYTES_MAX);
    int fd = safefile_open(file->shown, SAFEFILE_OR_PIPE, &err);
    if (fd < 0) {
        problems_add(file->reader->problems, file->shown, 0, 0, "%s", err.msg + err.subject);
        goto cleanup;
    }
    if (fstat(fd, &file->st) != 0)
        memset(&file->st, 0, sizeof file->st);
    if (safefile_read_fd(fd, &text) == 0)
        doc = yaml_load(file->shown, text.data, text.len, file->reader->problems);
    else if (errno == EFBIG)
        problems_add(file->reader->problems, file->shown, 0, 0,
                     "larger than %zu MiB, the most that is read", YAML_BYTES_MAX >> 20);
    else
        problems_add(file->reader->problems, file->shown, 0, 0, "%s",
                     errno == ETIMEDOUT ? SAFEFILE_PIPE_LATE : strerror(errno));
cleanup:
    if (fd >= 0)
        close(fd);
    buf_destroy(&text);
    return doc;
}

/* Whether it is a name for an open file: /dev/fd/7. */
static bool is_descriptor(const char *path)
{
    return strncmp(path, "/dev/fd/", strlen("/dev/fd/")) == 0 ||
           strncmp(path, "/proc/self/fd/", strlen("/proc/self/fd/")) == 0 ||
           strcmp(path, "/dev/stdin") == 0;
}

/* Sets its folder; its real path, by which it is known (mem_free). A pipe, as <(…) of a shell gives
 * it, or a file without a name lies nowhere: the working directory stands for it, so that the next
 * one from here has the same tokens and jobs. */
static char *locate(struct file *file, const char *path)
{
    struct stat st;
    if (is_descriptor(path)) {
        char *named = path_real(path);
        if (named != NULL && stat(named, &st) == 0 && S_ISREG(st.st_mode)) {
            char *located = locate(file, named);
            mem_free(named);
            return located;
        }
        mem_free(named);
    }
    bool pipe = is_descriptor(path) || (stat(path, &st) == 0 && S_ISFIFO(st.st_mode));
    /* Not of the resolved path: a mounted file is often a link into a hidden folder. */
    const char *slash = pipe ? NULL : strrchr(path, '/');
    char *parent = slash == NULL ? mem_strdup(".") : mem_strndup(path, (size_t)(slash - path));
    char *folder = path_real(parent[0] != '\0' ? parent : "/");
    file->folder = mem_strdup(folder != NULL ? folder : parent);
    mem_free(folder);
    mem_free(parent);
    if (pipe)
        return mem_printf("%s/(pipe)", file->folder);
    char *real = path_real(path);
    return real != NULL ? real : mem_strdup(path);
}

const char *config_file_add(struct config *config, const char *real)
{
    size_t count = 0;
    while (config->files != NULL && config->files[count] != NULL)
        count++;
    config->files = mem_realloc(config->files, (count + 2) * sizeof *config->files);
    config->files[count] = mem_strdup(real);
    config->files[count + 1] = NULL;
    return config->files[count];
}

static void add_source(struct config_sources *sources, struct config_source source)
{
    sources->items = mem_realloc(sources->items, (sources->count + 1) * sizeof *sources->items);
    sources->items[sources->count++] = source;
}

void config_file_read(struct config_reader *reader, const char *path, bool main_file)
{
    struct config *config = reader->config;
    char *shown = path_show(path);
    struct file file = {.reader = reader, .shown = shown};
    char *real = locate(&file, path);
    file.real = config_file_add(config, real);
    mem_free(real);

    struct before from = {config->nconnectors, config->nhooks};
    struct yaml_doc *doc = read_doc(&file);
    add_source(config->sources, (struct config_source){shown, doc});
    if (doc != NULL) {
        config_cut_warn(reader->problems, file.shown, yaml_root(doc));
        if (yaml_root(doc) != NULL)
            read_tree(&file, yaml_root(doc), main_file);
        else if (main_file)
            problems_add(reader->problems, file.shown, 0, 0,
                         "the file is empty; expected at least version: %d", CONFIG_VERSION);
    }
    check_plain_secrets(&file, from);
    if (reader->secrets != NULL)
        mark_all(reader, from);
    schema_free(file_fields, &file);
    mem_free(file.name);
    mem_free(file.folder);
}

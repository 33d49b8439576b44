/* Writing the files of a connector: all of them, or none. */
#include "connector_files.h"

#include "config_load.h"
#include "connector_text.h"
#include "fault.h"
#include "mem.h"
#include "provider_list.h"
#include "safefile.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDERS      3
#define FILES        (2 + PROVIDER_GIVEN)
#define PRIVATE_MODE 0600
#define MAIN_TEXT                                                                                  \
    "# The configuration of jeton, see jeton.yaml(5). The files of conf.d/ are read with it.\n"    \
    "version: 1\n"

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

static char *beside(const char *folder, const char *name)
{
    return strcmp(folder, ".") == 0 ? mem_strdup(name) : mem_printf("%s/%s", folder, name);
}

/* As realpath, of what need not exist yet. */
static char *real_of(const char *path)
{
    char resolved[PATH_MAX];
    if (realpath(path, resolved) != NULL)
        return mem_strdup(resolved);
    const char *slash = strrchr(path, '/');
    if (slash == path || (slash == NULL && strcmp(path, ".") == 0))
        return mem_strdup(path);
    char *parent = parent_of(path), *real = real_of(parent);
    char *joined =
        mem_printf("%s/%s", strcmp(real, "/") == 0 ? "" : real, slash != NULL ? slash + 1 : path);
    mem_free(parent);
    mem_free(real);
    return joined;
}

/* ../secrets/NAME.secret; absolute where conf.d is a link to elsewhere. */
static char *from_yaml(const struct connector_files *files, const char *path)
{
    char *conf = real_of(files->folders[1]), *secrets = real_of(files->folders[2]);
    char *conf_parent = parent_of(conf), *secrets_parent = parent_of(secrets);
    bool siblings = strcmp(conf_parent, secrets_parent) == 0;
    char *reference = siblings
                          ? mem_printf("../%s%s", strrchr(secrets, '/') + 1, strrchr(path, '/'))
                          : mem_printf("%s%s", secrets, strrchr(path, '/'));
    mem_free(conf);
    mem_free(secrets);
    mem_free(conf_parent);
    mem_free(secrets_parent);
    return reference;
}

void connector_files_create(struct connector_files *files, const struct provider *provider,
                            const char *main, bool main_exists, const char *name)
{
    char *folder = parent_of(main);
    *files = (struct connector_files){
        .main = mem_strdup(main),
        .main_exists = main_exists,
        .folders = {folder, beside(folder, "conf.d"), beside(folder, "secrets")},
    };
    files->yaml = mem_printf("%s/%s.yaml", files->folders[1], name);
    files->real = real_of(files->yaml);
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        const char *suffix = provider->given[i].file;
        if (suffix == NULL)
            continue;
        for (int slot = 0; slot < CONNECTOR_SLOTS; slot++) {
            char *path = mem_printf("%s/%s.%s%s", files->folders[2], name, suffix,
                                    slot == 0 ? "" : ".2"); /* no connector's name has a dot */
            files->secrets[i].paths[slot] = path;
            files->secrets[i].from_yaml[slot] = from_yaml(files, path);
        }
    }
}

void connector_files_destroy(struct connector_files *files)
{
    mem_free(files->main);
    for (size_t i = 0; i < FOLDERS; i++)
        mem_free(files->folders[i]);
    mem_free(files->yaml);
    mem_free(files->real);
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        for (int slot = 0; slot < CONNECTOR_SLOTS; slot++) {
            mem_free(files->secrets[i].paths[slot]);
            mem_free(files->secrets[i].from_yaml[slot]);
        }
    }
}

/* Of a folder, or of the nearest above it that exists. */
static int folder_writable(const char *folder, struct err *err)
{
    struct stat st;
    if (stat(folder, &st) != 0) {
        if (errno != ENOENT)
            return err_set(err, ERR_CONFIG, "%s: %s", folder, strerror(errno));
        char *parent = parent_of(folder);
        int result = folder_writable(parent, err);
        mem_free(parent);
        return result;
    }
    if (!S_ISDIR(st.st_mode))
        return err_set(err, ERR_CONFIG, "%s: expected a folder", folder);
    if (safefile_check_mode(folder, &st, SAFEFILE_NOT_WRITABLE, err) != 0)
        return -1;
    if (access(folder, W_OK | X_OK) != 0)
        return err_set(err, ERR_CONFIG, "the folder %s cannot be written: %s", folder,
                       strerror(errno));
    return 0;
}

int connector_files_writable(const struct connector_files *files, struct err *err)
{
    /* The configuration's own folder matters only for what has to be made in it. */
    struct stat st;
    for (size_t i = files->main_exists ? 1 : 0; i < FOLDERS; i++) {
        const char *folder = files->folders[i];
        if (i > 0 && stat(folder, &st) != 0 && errno == ENOENT)
            folder = files->folders[0];
        if (folder_writable(folder, err) != 0)
            return -1;
    }
    return 0;
}

/* A file that is being replaced, and what was there before. */
struct change {
    const char *path;
    bool existed;
    mode_t mode;
    struct buf before; /* secret */
};

struct commit {
    const struct connector_files *files;
    bool made[FOLDERS];
    struct change changes[FILES];
    size_t count;
};

static int make_folders(struct commit *commit, struct err *err)
{
    for (size_t i = 0; i < FOLDERS; i++) {
        struct stat st;
        const char *folder = commit->files->folders[i];
        if (stat(folder, &st) == 0)
            continue;
        if (safefile_private_dir(folder, err) != 0)
            return -1;
        commit->made[i] = true;
    }
    return 0;
}

static int put(struct commit *commit, const char *path, const char *data, size_t len,
               struct err *err)
{
    struct stat st;
    struct change *change = &commit->changes[commit->count];
    *change = (struct change){.path = path, .existed = stat(path, &st) == 0};
    buf_create_secret(&change->before, YAML_BYTES_MAX);
    if (change->existed) {
        change->mode = st.st_mode & 07777;
        if (safefile_read(path, SAFEFILE_NOT_WRITABLE, &change->before, err) != 0) {
            buf_destroy(&change->before);
            return -1;
        }
    }
    commit->count++; /* from here on it must be undone: a write may fail after the rename */
    return safefile_write(path, PRIVATE_MODE, data, len, err);
}

static int put_line(struct commit *commit, const char *path, const char *value, struct err *err)
{
    struct buf line;
    buf_create_secret(&line, SECRET_BYTES_MAX + 1);
    int result = buf_printf(&line, "%s\n", value);
    if (result != 0)
        err_set(err, ERR_USAGE, "longer than %zu bytes", SECRET_BYTES_MAX);
    else
        result = put(commit, path, line.data, line.len, err);
    buf_destroy(&line);
    return result;
}

/* Backwards, so that at no time a file names one that is gone. */
static void undo(struct commit *commit)
{
    struct err err;
    for (size_t i = commit->count; i-- > 0;) {
        const struct change *change = &commit->changes[i];
        if (!change->existed)
            unlink(change->path);
        else
            safefile_write(change->path, change->mode, change->before.data, change->before.len,
                           &err);
    }
    for (size_t i = FOLDERS; i-- > 0;) {
        if (commit->made[i])
            rmdir(commit->files->folders[i]);
    }
}

static bool reads_as(const struct secret *secret, const char *value)
{
    struct buf read;
    struct err err;
    buf_create_secret(&read, SECRET_BYTES_MAX);
    bool same = secret != NULL && secret_read(secret, NULL, 0, &read, &err) == 0 &&
                strcmp(read.data, value) == 0;
    buf_destroy(&read);
    return same;
}

static bool reads_as_given(const struct connector *connector, const struct connector_values *values)
{
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        const struct secret *secret = connector_secret(connector, values->provider->given[i].key);
        bool none = values->given[i][0] == '\0';
        if (none ? secret != NULL : !reads_as(secret, values->given[i]))
            return false;
    }
    return true;
}

/* Checks that the files, read back as a configuration, mean what was asked for. */
static int verify(const struct connector_files *files, const struct connector_values *values,
                  struct err *err)
{
    struct problems problems;
    problems_create(&problems);
    struct config *config = config_load(files->main, provider_list, values->presets, &problems);
    int result = -1;
    const struct connector *found = NULL;
    if (config == NULL)
        err_set(err, ERR_CONFIG, "what was written to %s is refused: %s", files->yaml,
                problems.count > 0 ? problems.items[0].message : "unknown problem");
    else
        found = config_connector(config, values->name, err);
    if (found != NULL && reads_as_given(found, values))
        result = 0;
    else if (found != NULL)
        err_set(err, ERR_CONFIG,
                "what was written to %s reads differently; did another process "
                "write it at the same time?",
                files->yaml);
    config_free(config);
    problems_destroy(&problems);
    return result;
}

static int put_all(struct commit *commit, const struct connector_values *values, struct err *err)
{
    static const char *const faults[PROVIDER_GIVEN] = {FAULT_CONNECTOR_MAIN, FAULT_CONNECTOR_SECRET,
                                                       FAULT_CONNECTOR_REFRESH};
    const struct connector_files *files = commit->files;
    struct buf yaml;
    buf_create(&yaml, YAML_BYTES_MAX);
    int result = connector_text_write(files, values, &yaml, err);
    if (result == 0)
        result = make_folders(commit, err);
    if (result == 0 && !files->main_exists)
        result = put(commit, files->main, MAIN_TEXT, sizeof MAIN_TEXT - 1, err);
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        const char *path = connector_files_secret(files, i);
        if (result == 0 && path != NULL && values->given[i][0] != '\0')
            result = put_line(commit, path, values->given[i], err);
        fault_point(faults[i]);
    }
    if (result == 0)
        result = put(commit, files->yaml, yaml.data, yaml.len, err);
    fault_point(FAULT_CONNECTOR_YAML);
    if (result == 0)
        result = verify(files, values, err);
    buf_destroy(&yaml);
    return result;
}

const char *connector_files_secret(const struct connector_files *files, size_t given)
{
    return files->secrets[given].paths[files->secrets[given].slot];
}

int connector_files_write(const struct connector_files *files,
                          const struct connector_values *values, struct err *err)
{
    static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    struct commit commit = {.files = files};
    sigset_t mask, before;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof ending / sizeof ending[0]; i++)
        sigaddset(&mask, ending[i]);
    sigprocmask(SIG_BLOCK, &mask, &before);
    int result = put_all(&commit, values, err);
    if (result != 0)
        undo(&commit);
    for (size_t i = 0; i < commit.count; i++)
        buf_destroy(&commit.changes[i].before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return result;
}

/*
 * Refresh tokens that came and that the state could not take: it was locked, or could not be
 * written. Each is a file kept/OWNER.GENERATION: a database of the state's own tables with the one
 * row. It counts as stored, as loading looks here first. Whoever opens the state brings it in.
 * The folder's spool/ is that of a state in a database, whose host may keep its own here, too.
 */
#include "buf.h"
#include "mem.h"
#include "safefile.h"
#include "store_sqlite.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER    "kept"
#define BYTES_MAX ((size_t)4 * 1024 * 1024)

struct kept {
    char name[STORE_OWNER_SIZE + 24];
    char owner[STORE_OWNER_SIZE];
    int64_t generation;
};

/* 0: go on. */
typedef int each_fn(struct store_sqlite *sqlite, const struct kept *kept, void *arg,
                    struct err *err);

static char *path_of(const struct store_sqlite *sqlite, const char *name)
{
    return mem_printf("%s/" FOLDER "/%s", sqlite->folder, name);
}

/* Files that are being written, or were set aside, have other names. */
static bool parse_name(const char *name, struct kept *kept)
{
    const char *dot = strchr(name, '.');
    size_t len = dot != NULL ? (size_t)(dot - name) : 0;
    char *end = NULL;
    if (len == 0 || len >= sizeof kept->owner || strlen(name) >= sizeof kept->name)
        return false;
    snprintf(kept->name, sizeof kept->name, "%s", name);
    snprintf(kept->owner, sizeof kept->owner, "%.*s", (int)len, name);
    errno = 0;
    kept->generation = strtoll(dot + 1, &end, 10);
    return errno == 0 && kept->generation > 0 && *end == '\0';
}

static int each(struct store_sqlite *sqlite, each_fn *fn, void *arg, struct err *err)
{
    char *folder = path_of(sqlite, "");
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    struct kept kept;
    int result = 0;
    if (dir == NULL && errno != ENOENT && errno != ENOTDIR) /* it may keep the only good one */
        result = err_set(err, ERR_CONFIG, "'%s': %s", folder, strerror(errno));
    mem_free(folder);
    while (dir != NULL && result == 0 && (entry = readdir(dir)) != NULL) {
        if (parse_name(entry->d_name, &kept))
            result = fn(sqlite, &kept, arg, err);
    }
    if (dir != NULL)
        closedir(dir);
    return result;
}

/* A file of the spool as a state. */
static struct store_sqlite image_at(const struct store_sqlite *sqlite, char *path)
{
    return (struct store_sqlite){
        .loop = sqlite->loop, .folder = sqlite->folder, .path = path, .patience_ms = STORE_BUSY_MS};
}

/* ---- writing ---- */

static int write_image(const struct store_sqlite *sqlite, const char *path, struct err *err)
{
    sqlite3_int64 len = 0;
    unsigned char *image = sqlite3_serialize(sqlite->db, "main", &len, 0);
    if (image == NULL)
        return err_set(err, ERR_CONFIG, "'%s': out of memory", path);
    int result = safefile_write(path, 0600, (const char *)image, (size_t)len, err);
    sodium_memzero(image, (size_t)len);
    sqlite3_free(image);
    return result;
}

int store_sqlite_spool_write(struct store_sqlite *sqlite, const struct store_token *row,
                             struct err *err)
{
    char name[sizeof((struct kept *)0)->name];
    snprintf(name, sizeof name, "%s.%lld", row->owner, (long long)row->generation);
    char *folder = mem_printf("%s/" FOLDER, sqlite->folder), *path = path_of(sqlite, name);
    struct store_sqlite image = image_at(sqlite, path);
    int result = safefile_private_dir(folder, err);
    if (result == 0)
        result = store_sqlite_open_image(&image, NULL, 0, err);
    if (result == 0) {
        result = store_sqlite_token_put(&image, row, err);
        if (result == 0)
            result = write_image(&image, path, err);
        store_sqlite_close(&image);
    }
    mem_free(folder);
    mem_free(path);
    return result;
}

/* ---- reading ---- */

/* 1; 0: somebody has just brought it in; -1. home: mem_free. */
static int read_kept(const struct store_sqlite *sqlite, const struct kept *kept,
                     struct store_token *row, char **home, struct err *err)
{
    struct stat st = {0};
    struct buf bytes;
    char *path = path_of(sqlite, kept->name);
    struct store_sqlite image = image_at(sqlite, path);
    buf_create_secret(&bytes, BYTES_MAX);
    int found = stat(path, &st) == 0 ? 1 : 0;
    image.inode = st.st_ino;
    if (found == 1 && safefile_read(path, SAFEFILE_PRIVATE, &bytes, err) != 0)
        found = access(path, F_OK) == 0 ? -1 : 0;
    if (found == 1 && store_sqlite_open_image(&image, bytes.data, bytes.len, err) != 0)
        found = -1;
    if (found == 1) {
        found = store_sqlite_token_get(&image, kept->owner, row, home, err);
        store_sqlite_close(&image);
    }
    buf_destroy(&bytes);
    mem_free(path);
    return found;
}

struct latest {
    const char *owner;
    struct kept kept; /* generation 0: there is none */
};

static int look(struct store_sqlite *sqlite, const struct kept *kept, void *arg, struct err *err)
{
    struct latest *latest = arg;
    (void)sqlite;
    (void)err;
    if (strcmp(kept->owner, latest->owner) == 0 && kept->generation > latest->kept.generation)
        latest->kept = *kept;
    return 0;
}

int store_sqlite_spool_load(struct store_sqlite *sqlite, const char *owner, struct store_token *row,
                            struct err *err)
{
    struct latest latest = {.owner = owner};
    if (each(sqlite, look, &latest, err) != 0)
        return -1;
    return latest.kept.generation > 0 ? read_kept(sqlite, &latest.kept, row, NULL, err) : 0;
}

/* ---- bringing in, and forgetting ---- */

static void forget(const struct store_sqlite *sqlite, const char *name)
{
    char *path = path_of(sqlite, name), *folder = mem_printf("%s/" FOLDER, sqlite->folder);
    unlink(path);
    rmdir(folder); /* the last one */
    mem_free(path);
    mem_free(folder);
}

/* What has been forgotten since it was read, as its row was deleted or moved, stays so. */
static int put(struct store_sqlite *sqlite, const struct kept *kept, const struct store_token *row,
               struct err *err)
{
    char *path = path_of(sqlite, kept->name);
    int result = store_sqlite_begin(sqlite, err);
    if (result == 0) {
        if (access(path, F_OK) == 0 || errno != ENOENT)
            result = store_sqlite_token_put_later(sqlite, row, err);
        result = store_sqlite_end(sqlite, result, err);
    }
    mem_free(path);
    return result;
}

static int bring_in(struct store_sqlite *sqlite, const struct kept *kept, void *arg,
                    struct err *err)
{
    struct store_token row = {0};
    char *home = NULL;
    const bool *waits = arg;
    int result = read_kept(sqlite, kept, &row, &home, err);
    if (result == 1) {
        row.home = home;
        result = put(sqlite, kept, &row, err);
        if (result == 0)
            forget(sqlite, kept->name);
        else if (!*waits && store_sqlite_is_there(sqlite))
            result = 0;
    }
    store_token_destroy(&row);
    mem_free(home);
    return result;
}

int store_sqlite_spool_push(struct store_sqlite *sqlite, bool waits, struct err *err)
{
    sqlite->patience_ms = waits ? STORE_BUSY_MS : 0;
    int result = each(sqlite, bring_in, &waits, err);
    sqlite->patience_ms = STORE_BUSY_MS;
    return result;
}

bool store_sqlite_spool_keeps(const struct store_sqlite *sqlite)
{
    char *folder = mem_printf("%s/" FOLDER, sqlite->folder);
    bool keeps = access(folder, F_OK) == 0;
    mem_free(folder);
    return keeps;
}

static int forget_old(struct store_sqlite *sqlite, const struct kept *kept, void *arg,
                      struct err *err)
{
    const struct latest *latest = arg;
    (void)err;
    if (strcmp(kept->owner, latest->owner) == 0 && kept->generation <= latest->kept.generation)
        forget(sqlite, kept->name);
    return 0;
}

void store_sqlite_spool_forget(struct store_sqlite *sqlite, const char *owner, int64_t generation)
{
    struct err err;
    struct latest latest = {.owner = owner, .kept.generation = generation};
    each(sqlite, forget_old, &latest, &err);
}

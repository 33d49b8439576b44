#include "clock.h"
#include "lock.h"
#include "mem.h"
#include "safefile.h"
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION_ID 0x6a65746f /* "jeto": tells file(1) and us whose database it is */

struct store {
    sqlite3 *db;
    char *folder;
    char *path;
    ino_t inode; /* of the file that was opened */
};

/* What each version adds; index 0 makes version 1. */
static const char *const migrations[STORE_VERSION] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE token ("
    "  owner TEXT PRIMARY KEY, generation INTEGER NOT NULL, access_token TEXT, endpoint_url TEXT,"
    "  scope TEXT, lifetime_ms INTEGER NOT NULL, received_wall_ms INTEGER NOT NULL,"
    "  received_boot_ms INTEGER NOT NULL, received_boot_id TEXT NOT NULL, refresh_token TEXT,"
    "  refresh_previous TEXT, refresh_since_ms INTEGER NOT NULL, configured_fingerprint TEXT,"
    "  application_fingerprint TEXT, service_override TEXT) WITHOUT ROWID;"
    "CREATE TABLE kv (scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
    "  PRIMARY KEY (scope, key)) WITHOUT ROWID;"
    "INSERT INTO meta (key, value) VALUES ('salt', randomblob(32));",
};

/* Keeps a damaged file (and its journal) under a name of its own, so that nothing overwrites it. */
static int set_aside(struct store *store, struct err *err)
{
    struct stat st;
    if (stat(store->path, &st) != 0 || st.st_ino != store->inode)
        return err_set(
            err, ERR_CONFIG,
            "state file '%s' was damaged and another process has set it aside; run again",
            store->path);
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    char *kept = mem_printf("%s.corrupt-%s-%d", store->path, stamp, (int)getpid());
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    int result = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *from = mem_printf("%s%s", store->path, suffixes[i]);
        char *to = mem_printf("%s%s", kept, suffixes[i]);
        result = rename(from, to);
        mem_free(from);
        mem_free(to);
    }
    if (result == 0)
        err_set(
            err, ERR_CONFIG,
            "state file '%s' is damaged; it is kept as '%s', and the next run starts with a new "
            "one (a rotated refresh token in it is lost to jeton: if the next exchange is "
            "refused, configure a new refresh token)",
            store->path, kept);
    else
        err_set(err, ERR_CONFIG, "state file '%s' is damaged and could not be set aside: %s",
                store->path, strerror(errno));
    mem_free(kept);
    return -1;
}

static int failed(struct store *store, const char *doing, struct err *err)
{
    int code = sqlite3_errcode(store->db) & 0xff;
    int system = sqlite3_system_errno(store->db);
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return set_aside(store, err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        err_set(err, ERR_NETWORK, "state file '%s' stayed locked by another process for over %d s",
                store->path, STORE_BUSY_MS / 1000);
        err->retryable = true;
        return -1;
    case SQLITE_FULL:
        system = ENOSPC;
        break;
    case SQLITE_READONLY:
        system = system != 0 ? system : EROFS;
        break;
    case SQLITE_CANTOPEN: /* its journal, mostly: SQLite does not say why */
        if (access(store->folder, W_OK) != 0)
            system = errno;
        break;
    }
    if (system == ENOSPC || system == EDQUOT) {
        err_set(err, ERR_NETWORK, "cannot write state file '%s': the disk is full", store->path);
        err->retryable = true;
        return -1;
    }
    if (system == EROFS || system == EACCES || system == EPERM)
        return err_set(
            err, ERR_CONFIG,
            "cannot write state file '%s': it is read-only (%s); make folder '%s' writable "
            "for this user, or set `state:` to another folder",
            store->path, strerror(system), store->folder);
    return err_set(err, ERR_CONFIG, "state file '%s': %s: %s", store->path, doing,
                   sqlite3_errmsg(store->db));
}

static int execute(struct store *store, const char *sql, struct err *err)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return failed(store, "cannot be used", err);
}

static int read_version(struct store *store, int *version, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    int result = -1;
    if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        *version = sqlite3_column_int(stmt, 0);
        result = 0;
    }
    if (result != 0)
        failed(store, "cannot be read", err);
    sqlite3_finalize(stmt);
    if (result == 0 && *version > STORE_VERSION)
        return err_set(err, ERR_CONFIG,
                       "state file '%s' is of version %d and this jeton knows up to %d; "
                       "use a newer jeton, or set `state:` to another folder",
                       store->path, *version, STORE_VERSION);
    return result;
}

/* From whatever version to ours. One process at a time: switching to WAL cannot wait for others by
 * itself. */
static int migrate(struct store *store, struct err *err)
{
    struct lock lock;
    lock_create(&lock, NULL);
    int version = 0;
    int result = lock_block(&lock, store->folder, "store", STORE_BUSY_MS, err);
    if (result == 0)
        result = read_version(store, &version, err);
    if (result == 0 && version < STORE_VERSION) {
        result = execute(store, "PRAGMA journal_mode = WAL", err);
        if (result == 0)
            result = execute(store, "BEGIN IMMEDIATE", err);
        for (int next = version; result == 0 && next < STORE_VERSION; next++)
            result = execute(store, migrations[next], err);
        char *seal = mem_printf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                                APPLICATION_ID, STORE_VERSION);
        if (result == 0)
            result = execute(store, seal, err);
        mem_free(seal);
        if (result != 0)
            sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    }
    lock_release(&lock);
    return result;
}

/* The file exists before SQLite opens it, so that it never has another mode than 0600. */
static int prepare_file(struct store *store, struct err *err)
{
    int fd = open(store->path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && (errno == ENOSPC || errno == EDQUOT)) {
        err_set(err, ERR_NETWORK, "cannot create state file '%s': the disk is full", store->path);
        err->retryable = true;
        return -1;
    }
    if (fd < 0)
        return err_set(
            err, ERR_CONFIG,
            "cannot open state file '%s': %s; make folder '%s' writable for this user, or "
            "set `state:` to another folder",
            store->path, strerror(errno), store->folder);
    struct stat st;
    int result = fstat(fd, &st);
    close(fd);
    if (result != 0)
        return err_set(err, ERR_CONFIG, "state file '%s': %s", store->path, strerror(errno));
    store->inode = st.st_ino;
    return safefile_check_mode(store->path, st.st_mode, st.st_uid, SAFEFILE_PRIVATE, err);
}

struct store *store_open(const char *folder, struct err *err)
{
    if (safefile_private_dir(folder, err) != 0)
        return NULL;
    struct store *store = mem_alloc(sizeof *store);
    store->folder = mem_strdup(folder);
    store->path = mem_printf("%s/jeton.db", folder);
    int version = 0;
    if (prepare_file(store, err) != 0)
        goto fail;
    if (sqlite3_open_v2(store->path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                        NULL) != SQLITE_OK) {
        failed(store, "cannot be opened", err);
        goto fail;
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* FULL: a commit survives a power failure. secure_delete: a replaced token is overwritten. */
    if (execute(store, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON", err) != 0 ||
        read_version(store, &version, err) != 0)
        goto fail;
    if (version < STORE_VERSION && migrate(store, err) != 0)
        goto fail;
    return store;

fail:
    store_close(store);
    return NULL;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    sqlite3_close(store->db);
    mem_free(store->folder);
    mem_free(store->path);
    mem_free(store);
}

const char *store_folder(const struct store *store)
{
    return store->folder;
}

static sqlite3_stmt *prepare(struct store *store, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        failed(store, "cannot be read", err);
    return stmt;
}

/* Steps a statement that returns no rows, and ends it. */
static int finish(struct store *store, sqlite3_stmt *stmt, struct err *err)
{
    int result = sqlite3_step(stmt) == SQLITE_DONE ? 0 : failed(store, "cannot be written", err);
    sqlite3_finalize(stmt);
    return result;
}

static void bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
    sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

static char *column_text(sqlite3_stmt *stmt, int column)
{
    return mem_strdup((const char *)sqlite3_column_text(stmt, column));
}

void store_token_destroy(struct store_token *row)
{
    mem_free_secret(row->access_token);
    mem_free(row->endpoint_url);
    mem_free(row->scope);
    mem_free_secret(row->refresh_token);
    mem_free_secret(row->refresh_previous);
    mem_free(row->configured_fingerprint);
    mem_free(row->application_fingerprint);
    mem_free(row->service_override);
    sodium_memzero(row, sizeof *row);
}

int store_token_load(struct store *store, const char *owner, struct store_token *row,
                     struct err *err)
{
    memset(row, 0, sizeof *row);
    snprintf(row->owner, sizeof row->owner, "%s", owner);
    sqlite3_stmt *stmt =
        prepare(store,
                "SELECT generation, access_token, endpoint_url, scope, lifetime_ms,"
                " received_wall_ms, received_boot_ms, received_boot_id,"
                " refresh_token, refresh_previous, refresh_since_ms,"
                " configured_fingerprint, application_fingerprint,"
                " service_override FROM token WHERE owner = ?",
                err);
    if (stmt == NULL)
        return -1;
    bind_text(stmt, 1, owner);
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
    if (found == 1) {
        row->generation = sqlite3_column_int64(stmt, 0);
        row->access_token = column_text(stmt, 1);
        row->endpoint_url = column_text(stmt, 2);
        row->scope = column_text(stmt, 3);
        row->lifetime_ms = sqlite3_column_int64(stmt, 4);
        row->received_wall_ms = sqlite3_column_int64(stmt, 5);
        row->received_boot_ms = sqlite3_column_int64(stmt, 6);
        const char *boot_id = (const char *)sqlite3_column_text(stmt, 7);
        snprintf(row->received_boot_id, sizeof row->received_boot_id, "%s", boot_id);
        row->refresh_token = column_text(stmt, 8);
        row->refresh_previous = column_text(stmt, 9);
        row->refresh_since_ms = sqlite3_column_int64(stmt, 10);
        row->configured_fingerprint = column_text(stmt, 11);
        row->application_fingerprint = column_text(stmt, 12);
        row->service_override = column_text(stmt, 13);
    } else if (found < 0) {
        failed(store, "cannot be read", err);
    }
    sqlite3_finalize(stmt);
    return found;
}

int store_token_save(struct store *store, const struct store_token *row, struct err *err)
{
    sqlite3_stmt *stmt = prepare(store,
                                 "INSERT OR REPLACE INTO token (owner, generation, access_token,"
                                 " endpoint_url, scope, lifetime_ms, received_wall_ms,"
                                 " received_boot_ms, received_boot_id, refresh_token,"
                                 " refresh_previous, refresh_since_ms, configured_fingerprint,"
                                 " application_fingerprint, service_override)"
                                 " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                                 err);
    if (stmt == NULL)
        return -1;
    bind_text(stmt, 1, row->owner);
    sqlite3_bind_int64(stmt, 2, row->generation);
    bind_text(stmt, 3, row->access_token);
    bind_text(stmt, 4, row->endpoint_url);
    bind_text(stmt, 5, row->scope);
    sqlite3_bind_int64(stmt, 6, row->lifetime_ms);
    sqlite3_bind_int64(stmt, 7, row->received_wall_ms);
    sqlite3_bind_int64(stmt, 8, row->received_boot_ms);
    bind_text(stmt, 9, row->received_boot_id);
    bind_text(stmt, 10, row->refresh_token);
    bind_text(stmt, 11, row->refresh_previous);
    sqlite3_bind_int64(stmt, 12, row->refresh_since_ms);
    bind_text(stmt, 13, row->configured_fingerprint);
    bind_text(stmt, 14, row->application_fingerprint);
    bind_text(stmt, 15, row->service_override);
    return finish(store, stmt, err);
}

int store_token_set_endpoint(struct store *store, const char *owner, const char *endpoint_url,
                             struct err *err)
{
    sqlite3_stmt *stmt = prepare(store, "UPDATE token SET endpoint_url = ? WHERE owner = ?", err);
    if (stmt == NULL)
        return -1;
    bind_text(stmt, 1, endpoint_url);
    bind_text(stmt, 2, owner);
    return finish(store, stmt, err);
}

int store_token_delete(struct store *store, const char *owner, struct err *err)
{
    sqlite3_stmt *stmt = prepare(store, "DELETE FROM token WHERE owner = ?", err);
    if (stmt == NULL)
        return -1;
    bind_text(stmt, 1, owner);
    return finish(store, stmt, err);
}

int store_salt(struct store *store, unsigned char salt[32], struct err *err)
{
    sqlite3_stmt *stmt = prepare(store, "SELECT value FROM meta WHERE key = 'salt'", err);
    if (stmt == NULL)
        return -1;
    int result = 0;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == 32)
        memcpy(salt, sqlite3_column_blob(stmt, 0), 32);
    else
        result = err_set(err, ERR_CONFIG, "state file '%s' has lost its salt; move it away",
                         store->path);
    sqlite3_finalize(stmt);
    return result;
}

int store_kv_get(struct store *store, const char *scope, const char *key, struct buf *value,
                 struct err *err)
{
    sqlite3_stmt *stmt = prepare(store, "SELECT value FROM kv WHERE scope = ? AND key = ?", err);
    if (stmt == NULL)
        return -1;
    bind_text(stmt, 1, scope);
    bind_text(stmt, 2, key);
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
    if (found == 1 &&
        buf_append(value, sqlite3_column_text(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0)) != 0)
        found = err_set(err, ERR_INVALID, "state key '%s' holds over %zu bytes", key, value->limit);
    else if (found < 0)
        failed(store, "cannot be read", err);
    sqlite3_finalize(stmt);
    return found;
}

static int kv_write_one(struct store *store, const char *scope, const struct store_kv *item,
                        struct err *err)
{
    sqlite3_stmt *stmt =
        prepare(store,
                item->value != NULL ? "INSERT OR REPLACE INTO kv (scope, key, value) VALUES (?,?,?)"
                                    : "DELETE FROM kv WHERE scope = ? AND key = ?",
                err);
    if (stmt == NULL)
        return -1;
    bind_text(stmt, 1, scope);
    bind_text(stmt, 2, item->key);
    if (item->value != NULL)
        sqlite3_bind_text(stmt, 3, item->value, (int)item->len, SQLITE_STATIC);
    return finish(store, stmt, err);
}

static int kv_check_count(struct store *store, const char *scope, struct err *err)
{
    sqlite3_stmt *stmt = prepare(store, "SELECT count(*) FROM kv WHERE scope = ?", err);
    if (stmt == NULL)
        return -1;
    bind_text(stmt, 1, scope);
    int result = 0;
    if (sqlite3_step(stmt) != SQLITE_ROW)
        result = failed(store, "cannot be read", err);
    else if (sqlite3_column_int64(stmt, 0) > STORE_KEYS_MAX)
        result = err_set(err, ERR_INVALID, "over %d state keys for '%s': delete some first",
                         STORE_KEYS_MAX, scope);
    sqlite3_finalize(stmt);
    return result;
}

int store_kv_write(struct store *store, const char *scope, const struct store_kv *items,
                   size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(items[i].key) > STORE_KEY_MAX)
            return err_set(err, ERR_INVALID, "state key of over %d bytes", STORE_KEY_MAX);
        if (items[i].value != NULL && items[i].len > STORE_VALUE_MAX)
            return err_set(err, ERR_INVALID, "state key '%s': a value of over %zu bytes",
                           items[i].key, STORE_VALUE_MAX);
    }
    if (execute(store, "BEGIN IMMEDIATE", err) != 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = kv_write_one(store, scope, &items[i], err);
    if (result == 0)
        result = kv_check_count(store, scope, err);
    if (result == 0)
        result = execute(store, "COMMIT", err);
    if (result != 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

int store_kv_each(struct store *store, const char *scope,
                  bool (*fn)(void *arg, const struct store_kv *item), void *arg, struct err *err)
{
    sqlite3_stmt *stmt =
        prepare(store, "SELECT key, value FROM kv WHERE scope = ? ORDER BY key", err);
    if (stmt == NULL)
        return -1;
    bind_text(stmt, 1, scope);
    int step;
    bool more = true;
    while (more && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct store_kv item = {
            .key = (const char *)sqlite3_column_text(stmt, 0),
            .value = (const char *)sqlite3_column_text(stmt, 1),
            .len = (size_t)sqlite3_column_bytes(stmt, 1),
        };
        more = fn(arg, &item);
    }
    int result = !more || step == SQLITE_DONE ? 0 : failed(store, "cannot be read", err);
    sqlite3_finalize(stmt);
    return result;
}

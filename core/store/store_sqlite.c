#include "store_sqlite.h"
#include "clock.h"
#include "lock.h"
#include "mem.h"
#include "safefile.h"

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
    /* Lists are read without the output: it stands last. */
    "CREATE TABLE run ("
    "  row INTEGER PRIMARY KEY, run TEXT NOT NULL, scope TEXT NOT NULL, job TEXT NOT NULL,"
    "  slot_ms INTEGER, attempt INTEGER NOT NULL, started_ms INTEGER NOT NULL, ended_ms INTEGER,"
    "  exit INTEGER, cause TEXT, message TEXT, requests INTEGER NOT NULL,"
    "  exchanges INTEGER NOT NULL, peak_kib INTEGER NOT NULL, pid INTEGER NOT NULL,"
    "  pid_start INTEGER NOT NULL, boot_id TEXT NOT NULL, output_bytes INTEGER NOT NULL,"
    "  output BLOB);"
    "CREATE UNIQUE INDEX run_by_id ON run (run, attempt);"
    "CREATE INDEX run_by_scope ON run (scope);"
    "CREATE TABLE slot (scope TEXT NOT NULL, slot_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (scope, slot_ms)) WITHOUT ROWID;"
    "CREATE TABLE job (scope TEXT PRIMARY KEY, installed_ms INTEGER, boot_id TEXT) WITHOUT ROWID;",
    "CREATE TABLE job_counter ("
    "  scope TEXT PRIMARY KEY, runs INTEGER NOT NULL, failures INTEGER NOT NULL,"
    "  skipped INTEGER NOT NULL, requests INTEGER NOT NULL, exchanges INTEGER NOT NULL,"
    "  success_ms INTEGER) WITHOUT ROWID;",
    "ALTER TABLE run ADD COLUMN untold INTEGER;"
    "CREATE INDEX run_untold ON run (scope) WHERE untold IS NOT NULL;",
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

static int stayed_locked(const struct store *store, struct err *err)
{
    err_set(err, ERR_NETWORK, "state file '%s' stayed locked by another process for over %d s",
            store->path, STORE_BUSY_MS / 1000);
    err->retryable = true;
    return -1;
}

int store_failed(struct store *store, const char *doing, struct err *err)
{
    int code = sqlite3_errcode(store->db) & 0xff;
    int system = sqlite3_system_errno(store->db);
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return set_aside(store, err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return stayed_locked(store, err);
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

int store_execute(struct store *store, const char *sql, struct err *err)
{
    if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return store_failed(store, "cannot be used", err);
}

int store_begin(struct store *store, struct err *err)
{
    return store_execute(store, "BEGIN IMMEDIATE", err);
}

int store_end(struct store *store, int result, struct err *err)
{
    if (result == 0)
        result = store_execute(store, "COMMIT", err);
    if (result != 0)
        sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
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
        store_failed(store, "cannot be read", err);
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
    if (result != 0 && err->kind == ERR_BUSY)
        stayed_locked(store, err);
    if (result == 0)
        result = read_version(store, &version, err);
    if (result == 0 && version < STORE_VERSION) {
        result = store_execute(store, "PRAGMA journal_mode = WAL", err);
        if (result == 0)
            result = store_begin(store, err);
        for (int next = version; result == 0 && next < STORE_VERSION; next++)
            result = store_execute(store, migrations[next], err);
        char *seal = mem_printf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                                APPLICATION_ID, STORE_VERSION);
        if (result == 0)
            result = store_execute(store, seal, err);
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
    if (safefile_private_dir(folder, err) != 0) {
        err_wrap(err, "state folder (`state:` chooses it)");
        return NULL;
    }
    struct store *store = mem_alloc(sizeof *store);
    store->folder = mem_strdup(folder);
    store->path = mem_printf("%s/jeton.db", folder);
    int version = 0;
    if (prepare_file(store, err) != 0)
        goto fail;
    if (sqlite3_open_v2(store->path, &store->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                        NULL) != SQLITE_OK) {
        store_failed(store, "cannot be opened", err);
        goto fail;
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* FULL: a commit survives a power failure. secure_delete: a replaced token is overwritten. */
    if (store_execute(store, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON", err) != 0 ||
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

sqlite3_stmt *store_prepare(struct store *store, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        store_failed(store, "cannot be read", err);
    return stmt;
}

/* Steps a statement that returns no rows, and ends it. */
int store_finish(struct store *store, sqlite3_stmt *stmt, struct err *err)
{
    int result =
        sqlite3_step(stmt) == SQLITE_DONE ? 0 : store_failed(store, "cannot be written", err);
    sqlite3_finalize(stmt);
    return result;
}

void store_bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
    sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

char *store_column_text(sqlite3_stmt *stmt, int column)
{
    return mem_strdup((const char *)sqlite3_column_text(stmt, column));
}

int store_salt(struct store *store, unsigned char salt[32], struct err *err)
{
    sqlite3_stmt *stmt = store_prepare(store, "SELECT value FROM meta WHERE key = 'salt'", err);
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

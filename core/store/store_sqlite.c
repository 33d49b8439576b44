#include "store_sqlite.h"
#include "clock.h"
#include "fd.h"
#include "lock.h"
#include "mem.h"
#include "safefile.h"
#include "store_runs.h"
#include "store_sqlite_why.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define APPLICATION_ID 0x6a65746f /* "jeto": tells file(1) and us whose database it is */
#define NUMBER_MAX     INT64_C(253402300799999) /* the last millisecond of the year 9999 */

/* Of pages, in a process. Little: the system keeps them, too, for all of them at once. */
#define CACHE_KIB "256"

#define IMAGE_PAGE "512" /* bytes; the least that SQLite has */

/* Between two looks whether others have written. */
#define TURN_US      250 /* the first; each later one is … */
#define TURN_MORE_US 10  /* … so much longer … */
#define TURN_MAX_US  10000

bool store_sqlite_is_there(const struct store_sqlite *sqlite)
{
    struct stat st;
    return sqlite->db != NULL && stat(sqlite->path, &st) == 0 && st.st_ino == sqlite->inode;
}

/* Keeps a damaged file (and its journal) under a name of its own, so that nothing overwrites it. */
static int set_aside(struct store_sqlite *sqlite, struct err *err)
{
    if (!store_sqlite_is_there(sqlite))
        return err_set(
            err, ERR_CONFIG,
            "state file '%s' was damaged and another process has set it aside; run again",
            sqlite->path);
    char stamp[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%SZ", gmtime_r(&now, &utc));
    char *kept = mem_printf("%s.corrupt-%s-%d", sqlite->path, stamp, (int)getpid());
    static const char *const suffixes[] = {"-wal", "-shm", ""};
    int result = 0;
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *from = mem_printf("%s%s", sqlite->path, suffixes[i]);
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
            sqlite->path, kept);
    else
        err_set(err, ERR_CONFIG, "state file '%s' is damaged and could not be set aside: %s",
                sqlite->path, strerror(errno));
    mem_free(kept);
    return -1;
}

static int stayed_locked(const struct store_sqlite *sqlite, struct err *err)
{
    err_set(err, ERR_NETWORK, "state file '%s' stayed locked by another process for over %g s",
            sqlite->path, sqlite->patience_ms / 1000.0);
    err->retryable = true;
    return -1;
}

/* 1, 0: no row, -1. */
static int read_integer(struct store_sqlite *sqlite, const char *sql, int *value)
{
    sqlite3_stmt *stmt = NULL;
    int step = sqlite3_prepare_v2(sqlite->db, sql, -1, &stmt, NULL);
    if (step == SQLITE_OK)
        step = sqlite3_step(stmt);
    if (step == SQLITE_ROW)
        *value = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    return step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
}

bool store_sqlite_has_changed(struct store_sqlite *sqlite)
{
    int version = 0;
    if (store_sqlite_is_there(sqlite) &&
        read_integer(sqlite, "PRAGMA data_version", &version) == 1 &&
        version == sqlite->seen_version)
        return false;
    sqlite->seen_version = version;
    return true;
}

static int is_newer(const struct store_sqlite *sqlite, int version, struct err *err)
{
    return err_set(err, ERR_CONFIG,
                   "state file '%s' is of version %d and this jeton knows up to %d; "
                   "use a newer jeton, or set `state:` to another folder",
                   sqlite->path, version, STORE_VERSION);
}

/* What was there when this process opened the state may have been taken away by a newer one. */
static int unusable(struct store_sqlite *sqlite, const char *doing, struct err *err)
{
    int oldest = 0;
    bool cannot_open = (sqlite3_errcode(sqlite->db) & 0xff) == SQLITE_CANTOPEN;
    err_set(err, ERR_CONFIG, "state file '%s': %s: %s", sqlite->path, doing,
            cannot_open && fd_few_left() ? strerror(EMFILE) : sqlite3_errmsg(sqlite->db));
    if (read_integer(sqlite, "PRAGMA user_version", &oldest) == 1 && oldest > STORE_VERSION)
        is_newer(sqlite, oldest, err);
    return -1;
}

int store_sqlite_failed(struct store_sqlite *sqlite, const char *doing, struct err *err)
{
    int code = sqlite3_errcode(sqlite->db) & 0xff;
    int system = sqlite3_system_errno(sqlite->db);
    switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        system = store_sqlite_why_reading(sqlite->db);
        if (system == 0)
            return set_aside(sqlite, err);
        return err_set(err, ERR_CONFIG, "state file '%s' cannot be read: %s", sqlite->path,
                       strerror(system));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return stayed_locked(sqlite, err);
    case SQLITE_FULL:
        system = ENOSPC;
        break;
    case SQLITE_READONLY:
        if (system == 0 && store_sqlite_why_version(sqlite->db) > STORE_SQLITE_VERSION_MAX)
            return err_set(
                err, ERR_CONFIG,
                "state file '%s' is of version %d of SQLite's format, and %d is the last "
                "that can be written here; use a newer SQLite, or set `state:` to "
                "another folder",
                sqlite->path, store_sqlite_why_version(sqlite->db), STORE_SQLITE_VERSION_MAX);
        if (sqlite3_extended_errcode(sqlite->db) == SQLITE_READONLY && system == 0 &&
            access(sqlite->path, W_OK) == 0)
            return err_set(err, ERR_CONFIG,
                           "state file '%s' could be opened only for reading, though it may be "
                           "written: the disk, or a server of files, has failed; try again",
                           sqlite->path);
        system = system != 0 ? system : EROFS;
        break;
    case SQLITE_CANTOPEN: /* its journal, mostly: SQLite does not say why */
        if (access(sqlite->folder, W_OK) != 0)
            system = errno;
        break;
    }
    if (system == ENOSPC || system == EDQUOT) {
        err_set(err, ERR_NETWORK, "cannot write state file '%s': the disk is full", sqlite->path);
        err->retryable = true;
        return -1;
    }
    if (code == SQLITE_IOERR && store_sqlite_why_limited(sqlite->path, system))
        return err_set(err, ERR_CONFIG,
                       "cannot write state file '%s': files may be no larger here (ulimit -f)",
                       sqlite->path);
    if (system == EROFS || system == EACCES || system == EPERM)
        return err_set(
            err, ERR_CONFIG,
            "cannot write state file '%s': it is read-only (%s); make folder '%s' writable "
            "for this user, or set `state:` to another folder",
            sqlite->path, strerror(system), sqlite->folder);
    return unusable(sqlite, doing, err);
}

static int execute(struct store_sqlite *sqlite, const char *sql, struct err *err)
{
    if (sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return 0;
    return store_sqlite_failed(sqlite, "cannot be used", err);
}

void store_sqlite_hasten(struct store_sqlite *sqlite, bool yes)
{
    sqlite3_exec(sqlite->db, yes ? "PRAGMA synchronous = NORMAL" : "PRAGMA synchronous = FULL",
                 NULL, NULL, NULL);
}

/* Commits are in the log until it is copied into the database, which syncs by itself. */
int store_sqlite_sync(struct store_sqlite *sqlite, struct err *err)
{
    if (!sqlite->unsynced)
        return 0;
    char *path = mem_printf("%s-wal", sqlite->path);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int result = fd >= 0 ? fdatasync(fd) : -1;
    if (result != 0)
        err_set(err, ERR_CONFIG, "state file '%s' cannot be written to the disk: %s", path,
                strerror(errno));
    sqlite->unsynced = result != 0;
    if (fd >= 0)
        close(fd);
    mem_free(path);
    return result;
}

int store_sqlite_begin(struct store_sqlite *sqlite, struct err *err)
{
    return execute(sqlite, "BEGIN IMMEDIATE", err);
}

int store_sqlite_end(struct store_sqlite *sqlite, int result, struct err *err)
{
    if (result == 0)
        result = execute(sqlite, "COMMIT", err);
    if (result != 0)
        sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    return result;
}

/* What the state's version is, once it is known that this program can use it. 0: it is new. */
static int read_version(struct store_sqlite *sqlite, int *version, struct err *err)
{
    int oldest = 0;
    if (read_integer(sqlite, "PRAGMA user_version", &oldest) < 0)
        return store_sqlite_failed(sqlite, "cannot be read", err);
    if (oldest > STORE_VERSION)
        return is_newer(sqlite, oldest, err);
    *version = oldest;
    if (oldest > 0 &&
        read_integer(sqlite, "SELECT value FROM meta WHERE key = 'version'", version) < 0)
        return store_sqlite_failed(sqlite, "cannot be read", err);
    return 0;
}

/* From whatever version to ours. One process at a time: switching to WAL cannot wait for others by
 * itself. */
static int migrate(struct store_sqlite *sqlite, struct err *err)
{
    struct lock lock;
    lock_create(&lock, NULL);
    int version = 0;
    int result = lock_block(&lock, sqlite->folder, "store", STORE_BUSY_MS, err);
    if (result != 0 && err->kind == ERR_BUSY)
        stayed_locked(sqlite, err);
    if (result == 0)
        result = read_version(sqlite, &version, err);
    if (result == 0 && version < STORE_VERSION) {
        result = execute(sqlite, "PRAGMA journal_mode = WAL", err);
        if (result == 0)
            result = store_sqlite_begin(sqlite, err);
        if (result == 0 && version == 0)
            result = execute(sqlite, store_sqlite_schema, err);
        for (int next = version; result == 0 && version > 0 && next < STORE_VERSION; next++)
            result = execute(sqlite, store_sqlite_migrations[next], err);
        char *seal = mem_printf("PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
                                APPLICATION_ID, STORE_OLDEST);
        if (result == 0)
            result = execute(sqlite, seal, err);
        mem_free(seal);
        if (result != 0)
            sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    }
    lock_release(&lock);
    return result;
}

/* A descriptor that can be closed: closing a usual one would take away the locks that another
 * handle of this process has on the file, and whoever then closes the file elsewhere, as the last
 * one as he believes, would delete the log that this process writes to. */
static int touch_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat st;
    if (fd >= 0 || errno != EEXIST)
        return fd;
    fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || (fstat(fd, &st) == 0 && !S_ISLNK(st.st_mode) && access(path, R_OK) == 0))
        return fd;
    int code = S_ISLNK(st.st_mode) ? ELOOP : errno;
    close(fd);
    errno = code;
    return -1;
}

/* The file exists before SQLite opens it, so that it never has another mode than 0600. */
static int prepare_file(struct store_sqlite *sqlite, struct err *err)
{
    int fd = touch_file(sqlite->path);
    if (fd < 0 && (errno == ENOSPC || errno == EDQUOT)) {
        err_set(err, ERR_NETWORK, "cannot create state file '%s': the disk is full", sqlite->path);
        err->retryable = true;
        return -1;
    }
    if (fd < 0 && (errno == EIO || errno == ENXIO))
        return err_set(err, ERR_CONFIG, "cannot open state file '%s': %s", sqlite->path,
                       strerror(errno));
    if (fd < 0)
        return err_set(
            err, ERR_CONFIG,
            "cannot open state file '%s': %s; make folder '%s' writable for this user, or "
            "set `state:` to another folder",
            sqlite->path, strerror(errno), sqlite->folder);
    struct stat st;
    int result = fstat(fd, &st);
    close(fd);
    if (result != 0)
        return err_set(err, ERR_CONFIG, "state file '%s': %s", sqlite->path, strerror(errno));
    sqlite->inode = st.st_ino;
    return safefile_check_mode(sqlite->path, &st, SAFEFILE_PRIVATE, err);
}

/* Whether others have committed since it was asked last. */
static bool has_turned(struct store_sqlite *sqlite)
{
    unsigned before = sqlite->turn;
    sqlite3_file_control(sqlite->db, "main", SQLITE_FCNTL_DATA_VERSION, &sqlite->turn);
    return sqlite->turn != before;
}

/*
 * SQLite's own waiting soon sleeps for a tenth of a second at a time. A process that writes again
 * and again, such as the worker of a webhook, leaves only moments between two commits: whoever
 * sleeps so long hardly ever meets one.
 */
static int wait_for_turn(void *arg, int tries)
{
    struct store_sqlite *sqlite = arg;
    int64_t now_ms = clock_mono_ms(), sleep_us = TURN_US + tries * TURN_MORE_US;
    if (tries == 0)
        sqlite->busy_since_ms = now_ms;
    if (has_turned(sqlite) || tries == 0)
        sqlite->turn_ms = now_ms;
    bool turns =
        sqlite->patience_ms == STORE_BUSY_MS && now_ms - sqlite->busy_since_ms < sqlite->turns_ms;
    if (now_ms - (turns ? sqlite->turn_ms : sqlite->busy_since_ms) >= sqlite->patience_ms)
        return 0;
    usleep((useconds_t)(sleep_us < TURN_MAX_US ? sleep_us : TURN_MAX_US));
    return 1;
}

static int open_database(struct store_sqlite *sqlite, const char *path, struct err *err)
{
    if (sqlite3_open_v2(path, &sqlite->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                        NULL) != SQLITE_OK)
        return store_sqlite_failed(sqlite, "cannot be opened", err);
    return 0;
}

/* alone: nobody else can open it, and SQLite needs no file beside it that it shares with them. */
static int prepare_database(struct store_sqlite *sqlite, bool alone, struct err *err)
{
    int version = 0;
    sqlite3_extended_result_codes(sqlite->db, 1);
    sqlite3_busy_handler(sqlite->db, wait_for_turn, sqlite);
    sqlite3_db_config(sqlite->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    /* FULL: a commit survives a power failure. secure_delete: a replaced token is overwritten.
     * MEMORY: nothing is written outside of the folder, and nothing else need be writable. */
    if ((alone && execute(sqlite, "PRAGMA locking_mode = EXCLUSIVE", err) != 0) ||
        execute(sqlite,
                "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; "
                "PRAGMA cache_size = -" CACHE_KIB,
                err) != 0 ||
        read_version(sqlite, &version, err) != 0)
        return -1;
    return version < STORE_VERSION ? migrate(sqlite, err) : 0;
}

void store_sqlite_close(struct store_sqlite *sqlite)
{
    for (size_t i = 0; i < STORE_SQLITE_KEPT; i++) {
        sqlite3_finalize(sqlite->kept[i]);
        sqlite->kept[i] = NULL;
    }
    sqlite3_close(sqlite->db);
    sqlite->db = NULL;
}

int store_sqlite_open(struct store_sqlite *sqlite, struct err *err)
{
    if (safefile_private_dir(sqlite->folder, err) != 0)
        return err_wrap(err, "state folder (`state:` chooses it)");
    if (prepare_file(sqlite, err) != 0)
        return -1;
    for (int alone = 0; alone <= (sqlite->reads ? 1 : 0); alone++) {
        if (open_database(sqlite, sqlite->path, err) == 0 &&
            prepare_database(sqlite, alone != 0, err) == 0)
            return 0;
        int system = sqlite3_system_errno(sqlite->db);
        store_sqlite_close(sqlite);
        if (system != ENOSPC && system != EDQUOT)
            return -1;
    }
    return -1;
}

int store_sqlite_open_image(struct store_sqlite *sqlite, const char *bytes, size_t len,
                            struct err *err)
{
    int result = open_database(sqlite, ":memory:", err);
    /* Each table has a page at least, and a full disk has room for what is reserved only. */
    if (result == 0 && len == 0)
        result = execute(sqlite, "PRAGMA page_size = " IMAGE_PAGE, err);
    if (result == 0 && len > 0) {
        unsigned char *image = sqlite3_malloc64(len); /* SQLite frees it, also where this fails */
        if (image != NULL)
            memcpy(image, bytes, len);
        if (image == NULL ||
            sqlite3_deserialize(sqlite->db, "main", image, (sqlite3_int64)len, (sqlite3_int64)len,
                                SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE) !=
                SQLITE_OK)
            result = store_sqlite_failed(sqlite, "cannot be read", err);
    }
    if (result == 0 && prepare_database(sqlite, false, err) == 0)
        return 0;
    store_sqlite_close(sqlite);
    return -1;
}

sqlite3_stmt *store_sqlite_prepare(struct store_sqlite *sqlite, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(sqlite->db, sql, -1, &stmt, NULL) != SQLITE_OK)
        store_sqlite_failed(sqlite, "cannot be read", err);
    return stmt;
}

sqlite3_stmt *store_sqlite_keep(struct store_sqlite *sqlite, enum store_sqlite_kept which,
                                const char *sql, struct err *err)
{
    if (sqlite->kept[which] == NULL)
        sqlite->kept[which] = store_sqlite_prepare(sqlite, sql, err);
    return sqlite->kept[which];
}

void store_sqlite_rest(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
    sqlite3_clear_bindings(stmt);
}

int store_sqlite_step_row(struct store_sqlite *sqlite, sqlite3_stmt *stmt, struct err *err)
{
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW || step == SQLITE_DONE)
        return step == SQLITE_ROW;
    store_sqlite_failed(sqlite, "cannot be read", err);
    store_sqlite_rest(stmt);
    return -1;
}

/* Steps a statement that returns no rows, and ends it. */
int store_sqlite_finish(struct store_sqlite *sqlite, sqlite3_stmt *stmt, struct err *err)
{
    int result = sqlite3_step(stmt) == SQLITE_DONE
                     ? 0
                     : store_sqlite_failed(sqlite, "cannot be written", err);
    sqlite3_finalize(stmt);
    return result;
}

static bool is_possible(sqlite3_stmt *stmt, int column, char kind)
{
    int type = sqlite3_column_type(stmt, column);
    if (kind == 'b' || (type == SQLITE_NULL && kind >= 'A' && kind <= 'Z'))
        return true;
    switch (kind | ('a' - 'A')) {
    case 'i':
    case 's': {
        int64_t max = (kind | ('a' - 'A')) == 's' ? INT_MAX : NUMBER_MAX;
        int64_t number = type == SQLITE_INTEGER ? sqlite3_column_int64(stmt, column) : -1;
        return number >= 0 && number <= max;
    }
    case 'n': {
        int64_t number = type == SQLITE_INTEGER ? sqlite3_column_int64(stmt, column) : INT64_MIN;
        return number >= -NUMBER_MAX && number <= NUMBER_MAX;
    }
    case 't':
        return type == SQLITE_TEXT && strlen((const char *)sqlite3_column_text(stmt, column)) ==
                                          (size_t)sqlite3_column_bytes(stmt, column);
    default:
        return type == SQLITE_TEXT;
    }
}

int store_sqlite_check(struct store_sqlite *sqlite, sqlite3_stmt *stmt, const char *kinds,
                       struct err *err)
{
    for (int i = 0; kinds[i] != '\0' && i < sqlite3_column_count(stmt); i++) {
        if (!is_possible(stmt, i, kinds[i]))
            return err_set(err, ERR_CONFIG,
                           "state file '%s': '%s' holds a value that cannot be there; repair it "
                           "with sqlite3, or restore the file",
                           sqlite->path, sqlite3_column_name(stmt, i));
    }
    return 0;
}

void store_sqlite_bind_text(sqlite3_stmt *stmt, int index, const char *text)
{
    sqlite3_bind_text(stmt, index, text, -1, SQLITE_STATIC);
}

char *store_sqlite_column_text(sqlite3_stmt *stmt, int column)
{
    return mem_strdup((const char *)sqlite3_column_text(stmt, column));
}

void store_sqlite_bind_time(sqlite3_stmt *stmt, int index, int64_t ms)
{
    if (ms == STORE_NONE)
        sqlite3_bind_null(stmt, index);
    else
        sqlite3_bind_int64(stmt, index, ms);
}

int64_t store_sqlite_or_now(const struct store_sqlite *sqlite, int64_t ms)
{
    return ms != STORE_NONE ? ms : clock_now_ms(loop_clock(sqlite->loop), CLOCK_WALL);
}

int64_t store_sqlite_column_time(sqlite3_stmt *stmt, int column)
{
    return sqlite3_column_type(stmt, column) == SQLITE_NULL ? STORE_NONE
                                                            : sqlite3_column_int64(stmt, column);
}

int store_sqlite_salt(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT value FROM meta WHERE key = 'salt'", err);
    if (stmt == NULL)
        return -1;
    int result = 0;
    if (sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_bytes(stmt, 0) == STORE_SALT_SIZE)
        memcpy(call->salt.bytes, sqlite3_column_blob(stmt, 0), STORE_SALT_SIZE);
    else
        result = err_set(err, ERR_CONFIG, "state file '%s' has lost its salt; move it away",
                         sqlite->path);
    sqlite3_finalize(stmt);
    return result;
}

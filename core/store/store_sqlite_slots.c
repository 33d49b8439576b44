/* Claimed slots, and when jobs were installed. */
#include "store_runs.h"
#include "store_sqlite.h"

/* Runs a query for one integer. 1, 0: no row or NULL, -1. Ends the statement. */
static int take_integer(struct store_sqlite *sqlite, sqlite3_stmt *stmt, int64_t *value,
                        struct err *err)
{
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
    if (found < 0)
        store_sqlite_failed(sqlite, "cannot be read", err);
    else if (found == 1 && sqlite3_column_type(stmt, 0) == SQLITE_NULL)
        found = 0;
    else if (found == 1 && store_sqlite_check(sqlite, stmt, "i", err) != 0)
        found = -1;
    else if (found == 1)
        *value = sqlite3_column_int64(stmt, 0);
    /* Of what writes, too: its end is the commit. */
    if (found == 1 && sqlite3_step(stmt) != SQLITE_DONE)
        found = store_sqlite_failed(sqlite, "cannot be written", err);
    sqlite3_finalize(stmt);
    return found;
}

/*
 * Claims are a set and not a maximum: a clock that jumped ahead and back must not silence a job.
 * Old ones go by the age of their slot, but never all: a job of once a year is known to have run.
 */
static int forget_old(struct store_sqlite *sqlite, const char *scope, int64_t newest_ms,
                      struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "DELETE FROM slot WHERE scope = ?1 AND slot_ms < ?2 AND slot_ms < (SELECT"
        " slot_ms FROM slot WHERE scope = ?1 ORDER BY slot_ms DESC LIMIT 1 OFFSET ?3)",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    sqlite3_bind_int64(stmt, 2, newest_ms - STORE_SLOTS_KEPT_MS);
    sqlite3_bind_int64(stmt, 3, STORE_SLOTS_KEPT - 1);
    return store_sqlite_finish(sqlite, stmt, err);
}

int store_sqlite_slot_insert(struct store_sqlite *sqlite, const char *scope, int64_t slot_ms,
                             bool *claimed, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite, "INSERT OR IGNORE INTO slot (scope, slot_ms) VALUES (?, ?)", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    sqlite3_bind_int64(stmt, 2, slot_ms);
    if (store_sqlite_finish(sqlite, stmt, err) != 0)
        return -1;
    *claimed = sqlite3_changes(sqlite->db) == 1;
    return *claimed ? forget_old(sqlite, scope, slot_ms, err) : 0;
}

int store_sqlite_slot_latest(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite, "SELECT max(slot_ms) FROM slot WHERE scope = ? AND slot_ms <= ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->job.scopes[0]);
    sqlite3_bind_int64(stmt, 2, store_sqlite_or_now(sqlite, call->job.at_ms));
    return take_integer(sqlite, stmt, call->job.found_ms, err);
}

int store_sqlite_boot_insert(struct store_sqlite *sqlite, const char *scope, const char *boot_id,
                             bool *claimed, struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "INSERT INTO job (scope, boot_id) VALUES (?, ?)"
                             " ON CONFLICT (scope) DO UPDATE SET boot_id = "
                             "excluded.boot_id WHERE boot_id IS NOT excluded.boot_id",
                             err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    store_sqlite_bind_text(stmt, 2, boot_id);
    if (store_sqlite_finish(sqlite, stmt, err) != 0)
        return -1;
    *claimed = sqlite3_changes(sqlite->db) == 1;
    return 0;
}

/* 1, 0: not known, -1. */
static int find_installed(struct store_sqlite *sqlite, const char *scope, int64_t *installed_ms,
                          struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT installed_ms FROM job WHERE scope = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    return take_integer(sqlite, stmt, installed_ms, err);
}

static int job_installed(struct store_sqlite *sqlite, const char *scope, int64_t now_ms,
                         int64_t *installed_ms, struct err *err)
{
    int known = find_installed(sqlite, scope, installed_ms, err); /* mostly it is: no write */
    if (known != 0)
        return known < 0 ? -1 : 0;
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite,
                                              "INSERT INTO job (scope, installed_ms) VALUES (?, ?)"
                                              " ON CONFLICT (scope) DO UPDATE SET installed_ms ="
                                              " coalesce(installed_ms, excluded.installed_ms)"
                                              " RETURNING installed_ms",
                                              err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    sqlite3_bind_int64(stmt, 2, store_sqlite_or_now(sqlite, now_ms));
    return take_integer(sqlite, stmt, installed_ms, err) < 0 ? -1 : 0;
}

/* One alone takes no write lock where it is known. */
int store_sqlite_job_installed(struct store_sqlite *sqlite, struct store_call *call,
                               struct err *err)
{
    bool many = call->job.count > 1;
    int result = 0;
    if (many && store_sqlite_begin(sqlite, err) != 0)
        return -1;
    for (size_t i = 0; i < call->job.count && result == 0; i++)
        result = job_installed(sqlite, call->job.scopes[i], call->job.at_ms, &call->job.found_ms[i],
                               err);
    return many ? store_sqlite_end(sqlite, result, err) : result;
}

static int job_set_installed(struct store_sqlite *sqlite, const char *scope, int64_t at_ms,
                             struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "INSERT INTO job (scope, installed_ms) VALUES (?, ?)"
        " ON CONFLICT (scope) DO UPDATE SET installed_ms = excluded.installed_ms",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    store_sqlite_bind_time(stmt, 2, at_ms);
    return store_sqlite_finish(sqlite, stmt, err);
}

int store_sqlite_job_set_installed(struct store_sqlite *sqlite, struct store_call *call,
                                   struct err *err)
{
    int result = 0;
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    for (size_t i = 0; i < call->job.count && result == 0; i++)
        result = job_set_installed(sqlite, call->job.scopes[i], call->job.at_ms, err);
    return store_sqlite_end(sqlite, result, err);
}

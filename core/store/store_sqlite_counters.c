/* Counters of jobs. */
#include "store_counters.h"
#include "store_sqlite.h"

static void take_sums(sqlite3_stmt *stmt, struct store_counters *sums)
{
    sums->runs = sqlite3_column_int64(stmt, 0);
    sums->failures = sqlite3_column_int64(stmt, 1);
    sums->skipped = sqlite3_column_int64(stmt, 2);
    sums->requests = sqlite3_column_int64(stmt, 3);
    sums->exchanges = sqlite3_column_int64(stmt, 4);
    sums->success_ms = store_sqlite_column_time(stmt, 5);
}

int store_sqlite_counters_add(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_counters *more = call->counters.more;
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "INSERT INTO job_counter (scope, runs, failures, skipped, requests, exchanges, success_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (scope) DO UPDATE SET"
        " runs = runs + excluded.runs, failures = failures + excluded.failures,"
        " skipped = skipped + excluded.skipped, requests = requests + excluded.requests,"
        " exchanges = exchanges + excluded.exchanges,"
        " success_ms = coalesce(excluded.success_ms, success_ms)"
        " RETURNING runs, failures, skipped, requests, exchanges, success_ms",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->counters.scope);
    sqlite3_bind_int64(stmt, 2, more->runs);
    sqlite3_bind_int64(stmt, 3, more->failures);
    sqlite3_bind_int64(stmt, 4, more->skipped);
    sqlite3_bind_int64(stmt, 5, more->requests);
    sqlite3_bind_int64(stmt, 6, more->exchanges);
    store_sqlite_bind_time(stmt, 7, more->success_ms);
    int result = 0;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        take_sums(stmt, call->counters.sums);
    else
        result = store_sqlite_failed(sqlite, "cannot be written", err);
    /* The row is returned before the statement is done: its end is the commit. */
    if (result == 0 && sqlite3_step(stmt) != SQLITE_DONE)
        result = store_sqlite_failed(sqlite, "cannot be written", err);
    sqlite3_finalize(stmt);
    return result;
}

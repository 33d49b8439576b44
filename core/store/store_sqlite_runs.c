/* Rows of runs. */
#include "mem.h"
#include "store_runs.h"
#include "store_sqlite.h"

#include <stdio.h>
#include <string.h>

#define ENDED "(exit IS NOT NULL OR cause IS NOT NULL)"
/* As take_row reads them. */
#define COLUMNS                                                                                    \
    "row, run, scope, job, slot_ms, attempt, started_ms, ended_ms, exit, cause, message,"          \
    " requests, exchanges, peak_kib, pid, pid_start, boot_id, output_bytes, host"
/* For store_sqlite_check; the output stands last. */
#define KINDS "itttIiiISTTiiisitiTb"

/* By its number too: one of an older version holds nothing. */
static bool is_alive(const struct store_sqlite *sqlite, const struct store_run *run)
{
    return store_flock_run_is_held(sqlite->folder, run->run) ||
           process_identity_alive(&run->supervisor);
}

/* Writing */

/* Parameters 1 to 10: what an end brings. */
static void bind_end(sqlite3_stmt *stmt, const struct store_run *run)
{
    size_t len = run->output_len < STORE_OUTPUT_MAX ? run->output_len : STORE_OUTPUT_MAX;
    store_sqlite_bind_time(stmt, 1, run->ended_ms);
    if (run->exit >= 0)
        sqlite3_bind_int(stmt, 2, run->exit);
    store_sqlite_bind_text(stmt, 3, run->cause);
    store_sqlite_bind_text(stmt, 4, run->message);
    sqlite3_bind_int64(stmt, 5, run->requests);
    sqlite3_bind_int64(stmt, 6, run->exchanges);
    sqlite3_bind_int64(stmt, 7, run->peak_kib);
    sqlite3_bind_int64(stmt, 8, run->output_bytes);
    if (run->output != NULL)
        sqlite3_bind_blob(stmt, 9, run->output + run->output_len - len, (int)len, SQLITE_STATIC);
    if (run->untold)
        sqlite3_bind_int(stmt, 10, 1);
}

static int add(struct store_sqlite *sqlite, struct store_run *run, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "INSERT INTO run (ended_ms, exit, cause, message, requests, exchanges,"
        " peak_kib, output_bytes, output, untold, run, scope, job, slot_ms, attempt,"
        " started_ms, pid, pid_start, boot_id, host)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
        err);
    if (stmt == NULL)
        return -1;
    bind_end(stmt, run);
    store_sqlite_bind_text(stmt, 11, run->run);
    store_sqlite_bind_text(stmt, 12, run->scope);
    store_sqlite_bind_text(stmt, 13, run->job);
    store_sqlite_bind_time(stmt, 14, run->slot_ms);
    sqlite3_bind_int64(stmt, 15, run->attempt);
    sqlite3_bind_int64(stmt, 16, store_sqlite_or_now(sqlite, run->started_ms));
    sqlite3_bind_int64(stmt, 17, run->supervisor.pid);
    sqlite3_bind_int64(stmt, 18, run->supervisor.start);
    store_sqlite_bind_text(stmt, 19, run->supervisor.boot_id);
    store_sqlite_bind_text(stmt, 20, run->host);
    if (store_sqlite_finish(sqlite, stmt, err) != 0)
        return -1;
    run->row = sqlite3_last_insert_rowid(sqlite->db);
    return 0;
}

int store_sqlite_run_add(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    return add(sqlite, call->run.added, err);
}

int store_sqlite_run_claim(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_run *run = call->run.added;
    const char *boot_id = call->run.boot_id;
    bool claimed = false;
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = boot_id != NULL
                     ? store_sqlite_boot_insert(sqlite, run->scope, boot_id, &claimed, err)
                     : store_sqlite_slot_insert(sqlite, run->scope, run->slot_ms, &claimed, err);
    if (result == 0 && claimed)
        result = add(sqlite, run, err);
    if (store_sqlite_end(sqlite, result, err) != 0)
        return -1;
    return claimed ? 1 : 0;
}

int store_sqlite_run_start(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_run *run = call->run.added;
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "UPDATE run SET started_ms = ?1, row = (SELECT max(row) + 1 FROM run)"
                             " WHERE row = ?2 AND run = ?3 RETURNING row",
                             err);
    if (stmt == NULL)
        return -1;
    run->started_ms = store_sqlite_or_now(sqlite, run->started_ms);
    sqlite3_bind_int64(stmt, 1, run->started_ms);
    sqlite3_bind_int64(stmt, 2, run->row);
    store_sqlite_bind_text(stmt, 3, run->run);
    int64_t row = 0;
    bool found = sqlite3_step(stmt) == SQLITE_ROW;
    if (found)
        row = sqlite3_column_int64(stmt, 0);
    int result = 0;
    /* The row is returned before the statement is done: its end is the commit. */
    if (!found || sqlite3_step(stmt) != SQLITE_DONE)
        result = store_sqlite_failed(sqlite, "cannot be written", err);
    else
        run->row = row;
    sqlite3_finalize(stmt);
    return result;
}

/* A state that was removed meanwhile does not know the run, and its row may be another's; another
 * attempt is added all the same. */
static int end(struct store_sqlite *sqlite, const struct store_call *call, struct err *err)
{
    const struct store_run *run = call->run.ended;
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "UPDATE run SET ended_ms = ?, exit = ?, cause = ?,"
                             " message = ?, requests = ?, exchanges = ?, peak_kib = ?,"
                             " output_bytes = ?, output = ?, untold = ? WHERE row = ? AND run = ?",
                             err);
    if (stmt == NULL)
        return -1;
    bind_end(stmt, run);
    sqlite3_bind_int64(stmt, 11, run->row);
    store_sqlite_bind_text(stmt, 12, run->run);
    if (store_sqlite_finish(sqlite, stmt, err) != 0)
        return -1;
    bool known = sqlite3_changes(sqlite->db) > 0 || run->row == 0; /* 0: nothing but retention */
    if (!known && call->run.added == NULL)
        return err_set(err, ERR_CONFIG,
                       "its record is not in the state: that was removed or replaced meanwhile");
    return 0;
}

int store_sqlite_run_told(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "UPDATE run SET untold = NULL WHERE row = ? AND run = ?", err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, call->run.ended->row);
    store_sqlite_bind_text(stmt, 2, call->run.ended->run);
    return store_sqlite_finish(sqlite, stmt, err);
}

/* Reading */

/* A copy that lives as long as the list; NULL is NULL. */
static const char *take_text(sqlite3_stmt *stmt, int column, struct arena *texts)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text != NULL ? arena_text(texts, text, strlen(text)) : NULL;
}

static void take_row(sqlite3_stmt *stmt, bool output, struct arena *texts, struct store_run *run)
{
    run->row = sqlite3_column_int64(stmt, 0);
    store_run_read_id(run->run, (const char *)sqlite3_column_text(stmt, 1));
    run->scope = take_text(stmt, 2, texts);
    run->job = take_text(stmt, 3, texts);
    run->slot_ms = store_sqlite_column_time(stmt, 4);
    run->attempt = sqlite3_column_int64(stmt, 5);
    run->started_ms = sqlite3_column_int64(stmt, 6);
    run->ended_ms = store_sqlite_column_time(stmt, 7);
    run->exit = sqlite3_column_type(stmt, 8) == SQLITE_NULL ? -1 : sqlite3_column_int(stmt, 8);
    run->cause = take_text(stmt, 9, texts);
    run->message = take_text(stmt, 10, texts);
    run->requests = sqlite3_column_int64(stmt, 11);
    run->exchanges = sqlite3_column_int64(stmt, 12);
    run->peak_kib = sqlite3_column_int64(stmt, 13);
    run->supervisor.pid = (pid_t)sqlite3_column_int64(stmt, 14);
    run->supervisor.start = sqlite3_column_int64(stmt, 15);
    snprintf(run->supervisor.boot_id, sizeof run->supervisor.boot_id, "%s",
             (const char *)sqlite3_column_text(stmt, 16));
    run->output_bytes = sqlite3_column_int64(stmt, 17);
    run->host = take_text(stmt, 18, texts);
    if (!output || sqlite3_column_type(stmt, 19) == SQLITE_NULL)
        return;
    run->output_len = (size_t)sqlite3_column_bytes(stmt, 19);
    run->output = arena_text(texts, run->output_len > 0 ? sqlite3_column_blob(stmt, 19) : "",
                             run->output_len);
}

/* Runs the query to its end, and ends it. alive: that is wanted of all rows, not only of open
 * ones. */
static int take_rows(struct store_sqlite *sqlite, sqlite3_stmt *stmt, bool output, bool alive,
                     struct store_runs *runs, struct err *err)
{
    size_t room = 0;
    int step;
    memset(runs, 0, sizeof *runs);
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (runs->count == room) {
            room = room * 2 + 8;
            runs->items = mem_realloc(runs->items, room * sizeof *runs->items);
        }
        if (store_sqlite_check(sqlite, stmt, KINDS, err) != 0)
            break;
        struct store_run *run = &runs->items[runs->count++];
        memset(run, 0, sizeof *run);
        take_row(stmt, output, &runs->texts, run);
        if (alive || (run->exit < 0 && run->cause == NULL))
            run->alive = is_alive(sqlite, run);
    }
    int result = step == SQLITE_DONE ? 0 : -1;
    if (result != 0 && step != SQLITE_ROW) /* else it was checked */
        store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    if (result != 0)
        store_runs_destroy(runs);
    return result;
}

#define OF_HOMES(which)                                                                            \
    " AND scope IN (SELECT scope FROM (SELECT DISTINCT scope FROM run" which                       \
    ") WHERE is_among(scope))"
/* A job's scopes lie side by side in the index; `jeton jobs` asks this of each of many jobs. */
#define OF_JOB " WHERE scope >= 'job:' || ?2 || ':' AND scope < 'job:' || ?2 || ';'"

int store_sqlite_run_list(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_run_filter *filter = call->list.filter;
    char *where = mem_printf(
        "true%s%s%s%s%s%s%s%s%s", filter->scope != NULL ? " AND scope = ?1" : "",
        filter->homes == NULL ? ""
        : filter->job != NULL ? OF_HOMES(OF_JOB)
                              : OF_HOMES(""),
        filter->job != NULL ? " AND job = ?2" : "", filter->run != NULL ? " AND run = ?3" : "",
        filter->open ? " AND NOT " ENDED : "", filter->ended ? " AND " ENDED : "",
        filter->untold ? " AND untold IS NOT NULL" : "",
        filter->ran ? " AND cause IS NOT '" STORE_CAUSE_LOCKED "'" : "",
        filter->before_row > 0 ? " AND row < ?5" : "");
    char *newest = filter->runs == 0
                       ? mem_strdup("")
                       : mem_printf(" AND run IN (SELECT run FROM run WHERE %s GROUP BY run"
                                    " ORDER BY max(row) DESC LIMIT ?6)",
                                    where);
    char *sql = mem_printf("SELECT " COLUMNS "%s FROM run WHERE %s%s ORDER BY row DESC LIMIT ?4",
                           filter->output ? ", output" : "", where, newest);
    mem_free(newest);
    mem_free(where);
    sqlite3_stmt *stmt = NULL;
    if (filter->homes == NULL || store_sqlite_scopes_know(sqlite, filter->homes, err) == 0)
        stmt = store_sqlite_prepare(sqlite, sql, err);
    mem_free(sql);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, filter->scope);
    store_sqlite_bind_text(stmt, 2, filter->job);
    store_sqlite_bind_text(stmt, 3, filter->run);
    sqlite3_bind_int64(stmt, 4, filter->limit > 0 ? filter->limit : -1);
    sqlite3_bind_int64(stmt, 5, filter->before_row);
    sqlite3_bind_int64(stmt, 6, filter->runs);
    return take_rows(sqlite, stmt, filter->output, filter->untold, call->list.runs, err);
}

/* Ends */

/* Of the skipped runs as many as of the others: they may come by the hundred while one runs, whose
 * row is older than theirs. */
static int prune(struct store_sqlite *sqlite, const struct store_call *call, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "WITH ended AS (SELECT run, min(started_ms) AS started, max(cause IS '" STORE_CAUSE_LOCKED
        "') AS skipped, max(row) AS last FROM run WHERE scope = ?1 GROUP BY run HAVING min" ENDED
        "), placed AS (SELECT run, started, skipped,"
        "  row_number() OVER (PARTITION BY skipped ORDER BY last DESC) AS place FROM ended)"
        " DELETE FROM run WHERE scope = ?1 AND run IN (SELECT run FROM placed"
        "  WHERE (skipped OR place > 1) AND (started < ?2 OR place > ?3))",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->run.ended->scope);
    sqlite3_bind_int64(stmt, 2, call->run.since_ms);
    sqlite3_bind_int64(stmt, 3, call->run.keep);
    return store_sqlite_finish(sqlite, stmt, err);
}

int store_sqlite_run_end(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    if (call->run.added == NULL && !call->run.prune)
        return end(sqlite, call, err);
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = end(sqlite, call, err);
    if (result == 0 && call->run.added != NULL)
        result = add(sqlite, call->run.added, err);
    if (result == 0 && call->run.prune)
        result = prune(sqlite, call, err);
    return store_sqlite_end(sqlite, result, err);
}

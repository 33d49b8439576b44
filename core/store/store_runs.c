#include "store_runs.h"

#include "lock.h"
#include "mem.h"
#include "store_sqlite.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define HOLD_NAME "runs" /* of the lock file */
#define ENDED     "(exit IS NOT NULL OR cause IS NOT NULL)"
/* As take_row reads them. */
#define COLUMNS                                                                                    \
    "row, run, scope, job, slot_ms, attempt, started_ms, ended_ms, exit, cause, message,"          \
    " requests, exchanges, peak_kib, pid, pid_start, boot_id, output_bytes"

void store_scope(char scope[static STORE_SCOPE_SIZE], const char *job, const char *file)
{
    snprintf(scope, STORE_SCOPE_SIZE, "job:%s:%s", job, file); /* no ":" in names */
}

void store_run_id(char id[static STORE_RUN_ID_SIZE])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i + 1 < STORE_RUN_ID_SIZE; i++)
        id[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
    id[STORE_RUN_ID_SIZE - 1] = '\0';
}

bool store_run_is_running(const struct store_run *run)
{
    return run->exit < 0 && run->cause == NULL && run->alive;
}

/* Signs of life. Ids are numbers of base 36: each has a byte of its own. */

static int64_t byte_of(const char *run)
{
    int64_t at = 0;
    for (size_t i = 0; i + 1 < STORE_RUN_ID_SIZE && run[i] != '\0'; i++)
        at = at * 36 + (run[i] >= 'a' ? run[i] - 'a' : run[i] - '0' + 26);
    return at;
}

int store_run_hold(const char *folder, const char *run, struct err *err)
{
    return lock_byte(folder, HOLD_NAME, byte_of(run), err);
}

/* By its number too: one of an older version holds nothing. */
static bool is_alive(const struct store *store, const struct store_run *run)
{
    return lock_byte_is_held(store->folder, HOLD_NAME, byte_of(run->run)) ||
           process_identity_alive(&run->supervisor);
}

static void run_destroy(struct store_run *run)
{
    mem_free(run->scope);
    mem_free(run->job);
    mem_free(run->cause);
    mem_free(run->message);
    mem_free(run->output);
}

void store_runs_destroy(struct store_runs *runs)
{
    for (size_t i = 0; i < runs->count; i++)
        run_destroy(&runs->items[i]);
    mem_free(runs->items);
    memset(runs, 0, sizeof *runs);
}

/* Writing */

static void bind_time(sqlite3_stmt *stmt, int index, int64_t ms)
{
    if (ms == STORE_NONE)
        sqlite3_bind_null(stmt, index);
    else
        sqlite3_bind_int64(stmt, index, ms);
}

/* Parameters 1 to 10: what an end brings. */
static void bind_end(sqlite3_stmt *stmt, const struct store_run *run)
{
    size_t len = run->output_len < STORE_OUTPUT_MAX ? run->output_len : STORE_OUTPUT_MAX;
    bind_time(stmt, 1, run->ended_ms);
    if (run->exit >= 0)
        sqlite3_bind_int(stmt, 2, run->exit);
    store_bind_text(stmt, 3, run->cause);
    store_bind_text(stmt, 4, run->message);
    sqlite3_bind_int64(stmt, 5, run->requests);
    sqlite3_bind_int64(stmt, 6, run->exchanges);
    sqlite3_bind_int64(stmt, 7, run->peak_kib);
    sqlite3_bind_int64(stmt, 8, run->output_bytes);
    if (run->output != NULL)
        sqlite3_bind_blob(stmt, 9, run->output + run->output_len - len, (int)len, SQLITE_STATIC);
    if (run->untold)
        sqlite3_bind_int(stmt, 10, 1);
}

int store_run_add(struct store *store, struct store_run *run, struct err *err)
{
    sqlite3_stmt *stmt =
        store_prepare(store,
                      "INSERT INTO run (ended_ms, exit, cause, message, requests, exchanges,"
                      " peak_kib, output_bytes, output, untold, run, scope, job, slot_ms, attempt,"
                      " started_ms, pid, pid_start, boot_id)"
                      " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                      err);
    if (stmt == NULL)
        return -1;
    bind_end(stmt, run);
    store_bind_text(stmt, 11, run->run);
    store_bind_text(stmt, 12, run->scope);
    store_bind_text(stmt, 13, run->job);
    bind_time(stmt, 14, run->slot_ms);
    sqlite3_bind_int64(stmt, 15, run->attempt);
    sqlite3_bind_int64(stmt, 16, run->started_ms);
    sqlite3_bind_int64(stmt, 17, run->supervisor.pid);
    sqlite3_bind_int64(stmt, 18, run->supervisor.start);
    store_bind_text(stmt, 19, run->supervisor.boot_id);
    if (store_finish(store, stmt, err) != 0)
        return -1;
    run->row = sqlite3_last_insert_rowid(store->db);
    return 0;
}

int store_run_claim(struct store *store, struct store_run *run, const char *boot_id,
                    struct err *err)
{
    bool claimed = false;
    if (store_begin(store, err) != 0)
        return -1;
    int result;
    if (boot_id != NULL) {
        result = store_boot_claim(store, run->scope, boot_id, err);
        claimed = result == 1;
        result = result < 0 ? -1 : 0;
    } else {
        result = store_slot_insert(store, run->scope, run->slot_ms, &claimed, err);
    }
    if (result == 0 && claimed)
        result = store_run_add(store, run, err);
    if (store_end(store, result, err) != 0)
        return -1;
    return claimed ? 1 : 0;
}

int store_run_start(struct store *store, struct store_run *run, struct err *err)
{
    sqlite3_stmt *stmt =
        store_prepare(store,
                      "UPDATE run SET started_ms = ?1, row = (SELECT max(row) + 1 FROM run)"
                      " WHERE row = ?2 RETURNING row",
                      err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, run->started_ms);
    sqlite3_bind_int64(stmt, 2, run->row);
    int result = 0;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        run->row = sqlite3_column_int64(stmt, 0);
    else
        result = store_failed(store, "cannot be written", err);
    sqlite3_finalize(stmt);
    return result;
}

int store_run_end(struct store *store, const struct store_run *run, struct err *err)
{
    sqlite3_stmt *stmt = store_prepare(store,
                                       "UPDATE run SET ended_ms = ?, exit = ?, cause = ?,"
                                       " message = ?, requests = ?, exchanges = ?, peak_kib = ?,"
                                       " output_bytes = ?, output = ?, untold = ? WHERE row = ?",
                                       err);
    if (stmt == NULL)
        return -1;
    bind_end(stmt, run);
    sqlite3_bind_int64(stmt, 11, run->row);
    return store_finish(store, stmt, err);
}

int store_run_told(struct store *store, const struct store_run *run, struct err *err)
{
    sqlite3_stmt *stmt = store_prepare(store, "UPDATE run SET untold = NULL WHERE row = ?", err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, run->row);
    return store_finish(store, stmt, err);
}

/* Reading */

static int64_t column_time(sqlite3_stmt *stmt, int column)
{
    return sqlite3_column_type(stmt, column) == SQLITE_NULL ? STORE_NONE
                                                            : sqlite3_column_int64(stmt, column);
}

static void take_row(sqlite3_stmt *stmt, bool output, struct store_run *run)
{
    run->row = sqlite3_column_int64(stmt, 0);
    snprintf(run->run, sizeof run->run, "%s", (const char *)sqlite3_column_text(stmt, 1));
    run->scope = store_column_text(stmt, 2);
    run->job = store_column_text(stmt, 3);
    run->slot_ms = column_time(stmt, 4);
    run->attempt = sqlite3_column_int64(stmt, 5);
    run->started_ms = sqlite3_column_int64(stmt, 6);
    run->ended_ms = column_time(stmt, 7);
    run->exit = sqlite3_column_type(stmt, 8) == SQLITE_NULL ? -1 : sqlite3_column_int(stmt, 8);
    run->cause = store_column_text(stmt, 9);
    run->message = store_column_text(stmt, 10);
    run->requests = sqlite3_column_int64(stmt, 11);
    run->exchanges = sqlite3_column_int64(stmt, 12);
    run->peak_kib = sqlite3_column_int64(stmt, 13);
    run->supervisor.pid = (pid_t)sqlite3_column_int64(stmt, 14);
    run->supervisor.start = sqlite3_column_int64(stmt, 15);
    snprintf(run->supervisor.boot_id, sizeof run->supervisor.boot_id, "%s",
             (const char *)sqlite3_column_text(stmt, 16));
    run->output_bytes = sqlite3_column_int64(stmt, 17);
    if (!output || sqlite3_column_type(stmt, 18) == SQLITE_NULL)
        return;
    run->output_len = (size_t)sqlite3_column_bytes(stmt, 18);
    run->output =
        mem_strndup(run->output_len > 0 ? sqlite3_column_blob(stmt, 18) : "", run->output_len);
}

/* Runs the query to its end, and ends it. alive: that is wanted of all rows, not of open ones
 * alone. */
static int take_rows(struct store *store, sqlite3_stmt *stmt, bool output, bool alive,
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
        struct store_run *run = &runs->items[runs->count++];
        memset(run, 0, sizeof *run);
        take_row(stmt, output, run);
        if (alive || (run->exit < 0 && run->cause == NULL))
            run->alive = is_alive(store, run);
    }
    int result = step == SQLITE_DONE ? 0 : store_failed(store, "cannot be read", err);
    sqlite3_finalize(stmt);
    if (result != 0)
        store_runs_destroy(runs);
    return result;
}

int store_run_list(struct store *store, const struct store_run_filter *filter,
                   struct store_runs *runs, struct err *err)
{
    memset(runs, 0, sizeof *runs);
    char *sql = mem_printf(
        "SELECT " COLUMNS
        "%s FROM run WHERE started_ms >= ?4%s%s%s%s%s%s%s%s ORDER BY row DESC LIMIT ?5",
        filter->output ? ", output" : "", filter->scope != NULL ? " AND scope = ?1" : "",
        filter->job != NULL ? " AND job = ?2" : "", filter->run != NULL ? " AND run = ?3" : "",
        filter->open ? " AND NOT " ENDED : "", filter->ended ? " AND " ENDED : "",
        filter->untold ? " AND untold IS NOT NULL" : "",
        filter->ran ? " AND cause IS NOT '" STORE_CAUSE_LOCKED "'" : "",
        filter->before_row > 0 ? " AND row < ?6" : "");
    sqlite3_stmt *stmt = store_prepare(store, sql, err);
    mem_free(sql);
    if (stmt == NULL)
        return -1;
    store_bind_text(stmt, 1, filter->scope);
    store_bind_text(stmt, 2, filter->job);
    store_bind_text(stmt, 3, filter->run);
    sqlite3_bind_int64(stmt, 4, filter->since_ms > 0 ? filter->since_ms : INT64_MIN);
    sqlite3_bind_int64(stmt, 5, filter->limit > 0 ? filter->limit : -1);
    sqlite3_bind_int64(stmt, 6, filter->before_row);
    return take_rows(store, stmt, filter->output, filter->untold, runs, err);
}

/* Ends */

/* Of those that match, the ones whose supervisor is dead. */
static int list_dead(struct store *store, const struct store_run_filter *filter,
                     struct store_runs *runs, struct err *err)
{
    if (store_run_list(store, filter, runs, err) != 0)
        return -1;
    size_t dead = 0;
    for (size_t i = 0; i < runs->count; i++) {
        struct store_run *run = &runs->items[i];
        if (run->alive)
            run_destroy(run);
        else
            runs->items[dead++] = *run;
    }
    runs->count = dead;
    return 0;
}

int store_run_interrupted(struct store *store, const char *scope, struct store_runs *runs,
                          struct err *err)
{
    const struct store_run_filter open = {.scope = scope, .open = true};
    if (list_dead(store, &open, runs, err) != 0)
        return -1;
    for (size_t i = 0; i < runs->count; i++)
        runs->items[i].cause = mem_strdup(STORE_CAUSE_INTERRUPTED);
    return 0;
}

int store_run_untold(struct store *store, const char *scope, struct store_runs *runs,
                     struct err *err)
{
    const struct store_run_filter untold = {.scope = scope, .ended = true, .untold = true};
    return list_dead(store, &untold, runs, err);
}

int store_run_prune(struct store *store, const char *scope, int64_t keep, int64_t since_ms,
                    struct err *err)
{
    sqlite3_stmt *stmt = store_prepare(
        store,
        "WITH ended AS (SELECT run, max(row) AS last, min(started_ms) AS started FROM run"
        "  WHERE scope = ?1 GROUP BY run HAVING min" ENDED ")"
        " DELETE FROM run WHERE scope = ?1 AND run IN (SELECT run FROM ended"
        "  WHERE last < (SELECT max(last) FROM ended) AND (started < ?2 OR last NOT IN"
        "   (SELECT last FROM ended ORDER BY last DESC LIMIT ?3)))",
        err);
    if (stmt == NULL)
        return -1;
    store_bind_text(stmt, 1, scope);
    sqlite3_bind_int64(stmt, 2, since_ms);
    sqlite3_bind_int64(stmt, 3, keep);
    return store_finish(store, stmt, err);
}

int store_run_end_and_prune(struct store *store, const struct store_run *run, int64_t keep,
                            int64_t since_ms, struct err *err)
{
    if (store_begin(store, err) != 0)
        return -1;
    int result = store_run_end(store, run, err);
    if (result == 0)
        result = store_run_prune(store, run->scope, keep, since_ms, err);
    return store_end(store, result, err);
}

int store_run_end_and_add(struct store *store, const struct store_run *run, struct store_run *next,
                          struct err *err)
{
    if (store_begin(store, err) != 0)
        return -1;
    int result = store_run_end(store, run, err);
    if (result == 0)
        result = store_run_add(store, next, err);
    return store_end(store, result, err);
}

/* Rows that change their home: store_home.h. */
#include "fault.h"
#include "mem.h"
#include "store_home.h"
#include "store_sqlite.h"

#include <stdio.h>
#include <string.h>

#define SCOPES                                                                                     \
    "(SELECT DISTINCT scope FROM run UNION SELECT DISTINCT scope FROM slot UNION"                  \
    " SELECT scope FROM job UNION SELECT scope FROM job_counter UNION"                             \
    " SELECT DISTINCT scope FROM kv UNION SELECT DISTINCT scope FROM event)"

#define MOVED     "moved " /* in meta, before a home */
#define PART_ROWS "256"    /* of one statement that changes many */

/* A statement of up to three texts. */
static int write_texts(struct store_sqlite *sqlite, const char *sql, const char *const texts[3],
                       struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql, err);
    if (stmt == NULL)
        return -1;
    for (int i = 0; i < 3 && i < sqlite3_bind_parameter_count(stmt); i++)
        store_sqlite_bind_text(stmt, i + 1, texts[i]);
    return store_sqlite_finish(sqlite, stmt, err);
}

/* Looking */

/* Whether the query, of one text, has a row. 1, 0, -1. */
static int has_row(struct store_sqlite *sqlite, const char *sql, const char *text, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql, err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, text);
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
    if (found < 0)
        store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    return found;
}

static int look_for_token(struct store_sqlite *sqlite, const char *owner, bool *found,
                          struct err *err)
{
    int row = has_row(sqlite, "SELECT 1 FROM token WHERE owner = ?", owner, err);
    *found = *found || row == 1;
    return row < 0 ? -1 : 0;
}

static int look_for_scopes(struct store_sqlite *sqlite, const char *const *homes, bool *found,
                           struct err *err)
{
    if (store_sqlite_scopes_know(sqlite, homes, err) != 0)
        return -1;
    int row =
        has_row(sqlite, "SELECT 1 FROM " SCOPES " WHERE is_among(scope) AND ?1 IS NULL", NULL, err);
    *found = *found || row == 1;
    return row < 0 ? -1 : 0;
}

static int look_for_runs(struct store_sqlite *sqlite, struct store_home *home, struct err *err)
{
    const struct store_run_filter open = {.homes = home->former, .open = true};
    struct store_runs runs = {0};
    struct store_call call = {.op = STORE_RUN_LIST, .list = {.filter = &open, .runs = &runs}};
    if (store_sqlite_run_list(sqlite, &call, err) != 0)
        return -1;
    for (size_t i = 0; i < runs.count; i++) {
        if (runs.items[i].alive)
            snprintf(home->running, sizeof home->running, "%s", runs.items[i].scope);
    }
    store_runs_destroy(&runs);
    return 0;
}

int store_sqlite_moved(struct store_sqlite *sqlite, const char *home,
                       char url[static STORE_URL_MAX], struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT value FROM meta WHERE key = '" MOVED "' || ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, home);
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
    if (found == 1)
        snprintf(url, STORE_URL_MAX, "%s", (const char *)sqlite3_column_text(stmt, 0));
    else if (found < 0)
        store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    return found;
}

int store_sqlite_mark_moved(struct store_sqlite *sqlite, const char *home, const char *url,
                            struct err *err)
{
    const char *const texts[] = {home, url, NULL};
    return write_texts(sqlite,
                       url == NULL ? "DELETE FROM meta WHERE key = '" MOVED "' || ?1"
                                   : "INSERT OR REPLACE INTO meta (key, value) VALUES ('" MOVED
                                     "' || ?1, ?2)",
                       texts, err);
}

int store_sqlite_check_moved(struct store_sqlite *sqlite, const char *home, struct err *err)
{
    char url[STORE_URL_MAX];
    int found = home != NULL ? store_sqlite_moved(sqlite, home, url, err) : 0;
    if (found == 1)
        return err_set(err, ERR_CONFIG,
                       "what the state %s had of %s was moved to %s: set `state` to that, or let "
                       "`jeton state unmove --yes` take it back",
                       sqlite->folder, home, url);
    return found;
}

/* The name is known to have rows: meta says so. */
static int look_for_mark(struct store_sqlite *sqlite, struct store_home *home, struct err *err)
{
    int row = has_row(sqlite, "SELECT 1 FROM meta WHERE key = ?", home->home, err);
    home->settled = row == 1 && home->quick;
    return row < 0 ? -1 : 0;
}

/* Where there is nothing else on either side: keys of scripts, which the name has none of yet. They
 * stay where they are when they are copied, and so do not count beside other rows. */
static int look_for_scripts(struct store_sqlite *sqlite, struct store_home *home, struct err *err)
{
    static const char sql[] = "SELECT 1 FROM kv WHERE substr(scope, 1, length(?1)) = ?1";
    if (home->before || home->after || home->scripts == NULL)
        return 0;
    char *own = mem_printf("script:%s:", home->home);
    int found = has_row(sqlite, sql, own, err);
    mem_free(own);
    if (found == 0)
        found = has_row(sqlite, sql, home->scripts, err);
    else if (found == 1)
        found = 0;
    home->before = found == 1;
    return found < 0 ? -1 : 0;
}

static int look(struct store_sqlite *sqlite, struct store_home *home, struct err *err)
{
    const char *const now[] = {home->home, NULL};
    home->before = home->after = false;
    home->running[0] = '\0';
    if (look_for_mark(sqlite, home, err) != 0)
        return -1;
    if (home->settled)
        return 0;
    for (size_t i = 0; i < home->nowners; i++) {
        struct store_home_owner *owner = &home->owners[i];
        owner->found = false;
        if (look_for_token(sqlite, owner->to, &home->after, err) != 0 ||
            look_for_token(sqlite, owner->from, &owner->found, err) != 0)
            return -1;
        home->before = home->before || owner->found;
    }
    if (look_for_scopes(sqlite, now, &home->after, err) != 0 ||
        look_for_scopes(sqlite, home->former, &home->before, err) != 0 ||
        look_for_scripts(sqlite, home, err) != 0)
        return -1;
    return home->before ? look_for_runs(sqlite, home, err) : 0;
}

/* Moving */

/*
 * Two of the former homes may have a row of one job, which was moved from one file to another: that
 * of the file that ran last is taken.
 */
static int move_table(struct store_sqlite *sqlite, const struct store_home *home, const char *table,
                      const char *columns, struct err *err)
{
    const char *const texts[] = {home->home, NULL, NULL};
    char *sql = mem_printf("INSERT OR %s INTO %s (scope%s) SELECT moved_to(scope, ?)%s FROM %s AS"
                           " its WHERE is_among(scope) ORDER BY"
                           " (SELECT max(row) FROM run WHERE scope = its.scope) %s",
                           home->replace ? "REPLACE" : "IGNORE", table, columns, columns, table,
                           home->replace ? "ASC" : "DESC");
    int result = write_texts(sqlite, sql, texts, err);
    mem_free(sql);
    sql = mem_printf("DELETE FROM %s WHERE is_among(scope)", table);
    if (result == 0)
        result = write_texts(sqlite, sql, texts, err);
    mem_free(sql);
    return result;
}

static int move_tokens(struct store_sqlite *sqlite, const struct store_home *home, struct err *err)
{
    for (size_t i = 0; i < home->nowners; i++) {
        const struct store_home_owner *owner = &home->owners[i];
        const char *const texts[] = {owner->to, home->home, owner->from};
        const char *const intent[] = {owner->to, owner->from, NULL};
        if (owner->found &&
            (write_texts(sqlite, "UPDATE OR REPLACE token SET owner = ?, home = ? WHERE owner = ?",
                         texts, err) != 0 ||
             write_texts(sqlite, "UPDATE OR REPLACE token_intent SET owner = ? WHERE owner = ?",
                         intent, err) != 0))
            return -1;
    }
    return 0;
}

static int copy_keys(struct store_sqlite *sqlite, const struct store_home *home, struct err *err)
{
    const char *const texts[] = {home->scripts, home->home, NULL};
    char *sql =
        mem_printf("INSERT OR %s INTO kv (scope, key, value) SELECT 'script:' || ?2 || ':' ||"
                   " substr(scope, length(?1) + 1), key, value FROM kv"
                   " WHERE substr(scope, 1, length(?1)) = ?1",
                   home->replace ? "REPLACE" : "IGNORE");
    int result = write_texts(sqlite, sql, texts, err);
    mem_free(sql);
    return result;
}

/* The last row of a part that begins behind `from`. 1, 0: there is none, -1. */
static int part_end(struct store_sqlite *sqlite, const char *table, int64_t from, int64_t *end,
                    struct err *err)
{
    char *sql = mem_printf("SELECT max(rowid) FROM (SELECT rowid FROM %s WHERE rowid > ?"
                           " ORDER BY rowid LIMIT " PART_ROWS ")",
                           table);
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql, err);
    mem_free(sql);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, from);
    bool some = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL;
    *end = some ? sqlite3_column_int64(stmt, 0) : from;
    return store_sqlite_finish(sqlite, stmt, err) != 0 ? -1 : some;
}

/* Rows that may be large and many, in parts: what SQLite keeps of a statement, to undo it, is in
 * memory. They keep their numbers, by which people name events. */
static int move_rows(struct store_sqlite *sqlite, const struct store_home *home, const char *table,
                     const char *otherwise, struct err *err)
{
    int64_t from = INT64_MIN, end;
    int result;
    char *sql = mem_printf("UPDATE OR %s %s SET scope = moved_to(scope, ?1)"
                           " WHERE rowid > ?2 AND rowid <= ?3 AND is_among(scope)",
                           otherwise, table);
    while ((result = part_end(sqlite, table, from, &end, err)) == 1) {
        sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql, err);
        if (stmt != NULL) {
            store_sqlite_bind_text(stmt, 1, home->home);
            sqlite3_bind_int64(stmt, 2, from);
            sqlite3_bind_int64(stmt, 3, end);
        }
        if (stmt == NULL || store_sqlite_finish(sqlite, stmt, err) != 0) {
            result = -1;
            break;
        }
        from = end;
    }
    mem_free(sql);
    return result;
}

static int move_all(struct store_sqlite *sqlite, const struct store_home *home, struct err *err)
{
    static const char *const tables[][2] = {
        {"slot", ", slot_ms"},
        {"job", ", installed_ms, boot_id"},
        {"job_counter", ", runs, failures, skipped, requests, exchanges, success_ms"},
        {"kv", ", key, value"},
    };
    const char *const texts[] = {home->home, NULL, NULL};
    if (store_sqlite_scopes_know(sqlite, home->former, err) != 0 ||
        move_tokens(sqlite, home, err) != 0 || copy_keys(sqlite, home, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (move_table(sqlite, home, tables[i][0], tables[i][1], err) != 0)
            return -1;
    }
    if (move_rows(sqlite, home, "event", home->replace ? "REPLACE" : "IGNORE", err) != 0 ||
        write_texts(sqlite, "DELETE FROM event WHERE is_among(scope)", texts, err) != 0)
        return -1;
    return move_rows(sqlite, home, "run", "ABORT", err);
}

static int move(struct store_sqlite *sqlite, struct store_home *home, struct err *err)
{
    const char *const texts[] = {home->home, NULL, NULL};
    if (look(sqlite, home, err) != 0)
        return -1;
    bool may = home->before && (home->replace || !home->after) && home->running[0] == '\0';
    if (may && move_all(sqlite, home, err) != 0)
        return -1;
    home->moved = may;
    if (may || home->after)
        return write_texts(sqlite, "INSERT OR IGNORE INTO meta (key, value) VALUES (?, 1)", texts,
                           err);
    return 0;
}

int store_sqlite_home_move(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_home *home = call->home;
    home->moved = false;
    if (store_sqlite_check_moved(sqlite, home->home, err) != 0 || look(sqlite, home, err) != 0)
        return -1;
    if (home->look || home->settled || (!home->before && !home->after))
        return 0;
    if (store_sqlite_spool_push(sqlite, true, err) != 0 || store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = move(sqlite, home, err);
    if (home->moved)
        fault_point(FAULT_HOME_MOVED);
    return store_sqlite_end(sqlite, result, err);
}

/* Finding */

int store_sqlite_home_find(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_home_find *find = call->find;
    char owner[STORE_OWNER_SIZE];
    int64_t newest = -1;
    find->found[0] = '\0';
    if (store_sqlite_scopes_know(sqlite, NULL, err) != 0)
        return -1;
    sqlite3_stmt *homes = store_sqlite_prepare(sqlite,
                                               "SELECT home_of(scope) AS home FROM " SCOPES
                                               " WHERE home IS NOT NULL UNION SELECT home"
                                               " FROM token WHERE home IS NOT NULL",
                                               err);
    sqlite3_stmt *token =
        homes != NULL ? store_sqlite_prepare(
                            sqlite, "SELECT received_wall_ms FROM token WHERE owner = ?", err)
                      : NULL;
    if (token == NULL) {
        sqlite3_finalize(homes);
        return -1;
    }
    int step;
    while ((step = sqlite3_step(homes)) == SQLITE_ROW) {
        const char *home = (const char *)sqlite3_column_text(homes, 0);
        find->owner(find->arg, home, owner);
        sqlite3_reset(token);
        store_sqlite_bind_text(token, 1, owner);
        if (strcmp(home, find->but) == 0 || sqlite3_step(token) != SQLITE_ROW ||
            sqlite3_column_int64(token, 0) <= newest)
            continue;
        newest = sqlite3_column_int64(token, 0);
        snprintf(find->found, sizeof find->found, "%s", home);
    }
    int result = step == SQLITE_DONE ? 0 : store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(token);
    sqlite3_finalize(homes);
    return result;
}

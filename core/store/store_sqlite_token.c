/* The rows of tokens, and their intents. */
#include "mem.h"
#include "store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAME_BUSY_MS 300 /* how long a refresh token that came waits: a run may be about to end */

static int load_intent(struct store_sqlite *sqlite, const char *owner, struct store_intent *intent,
                       struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_keep(
        sqlite, STORE_SQLITE_INTENT,
        "SELECT id, generation, started_ms, host FROM token_intent WHERE owner = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, owner);
    int found = store_sqlite_step_row(sqlite, stmt, err);
    if (found < 0)
        return -1;
    int result = found == 1 ? store_sqlite_check(sqlite, stmt, "tiit", err) : 0;
    if (found == 1 && result == 0) {
        snprintf(intent->id, sizeof intent->id, "%s", (const char *)sqlite3_column_text(stmt, 0));
        intent->generation = sqlite3_column_int64(stmt, 1);
        intent->started_ms = sqlite3_column_int64(stmt, 2);
        snprintf(intent->host, sizeof intent->host, "%s",
                 (const char *)sqlite3_column_text(stmt, 3));
    }
    store_sqlite_rest(stmt);
    return result;
}

/* The row, or what is kept of it where that is later. */
static int load_latest(struct store_sqlite *sqlite, const char *owner, struct store_token *row,
                       struct err *err)
{
    struct store_token kept = {0};
    int keeps = store_sqlite_spool_load(sqlite, owner, &kept, err);
    int found = keeps < 0 ? -1 : store_sqlite_token_get(sqlite, owner, row, NULL, err);
    if (found >= 0 && keeps == 1 && kept.generation > row->generation) {
        store_token_destroy(row);
        *row = kept;
        return 1;
    }
    store_token_destroy(&kept);
    return found;
}

int store_sqlite_token_load(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_token *row = call->token.row;
    memset(row, 0, sizeof *row);
    snprintf(row->owner, sizeof row->owner, "%s", call->token.owner);
    if (store_sqlite_check_moved(sqlite, call->token.home, err) != 0)
        return -1;
    int found = load_latest(sqlite, call->token.owner, row, err);
    if (found < 0 || load_intent(sqlite, call->token.owner, &row->intent, err) != 0) {
        store_token_destroy(row);
        return -1;
    }
    /* Another's was answered: by a program that does not know of intents. */
    if (row->intent.generation != row->generation)
        row->intent = (struct store_intent){0};
    return found;
}

/* What a list shows of a row: of tokens, whether there is one. */
#define LISTED                                                                                     \
    "owner, generation, access_token IS NOT NULL, endpoint_url, scope, lifetime_ms,"               \
    " received_wall_ms, received_boot_ms, received_boot_id, refresh_token IS NOT NULL,"            \
    " refresh_since_ms, refresh_expires_ms, login_since_ms, asked, stop_kind, stop_since_ms,"      \
    " stop_reason"
#define LISTED_KINDS "tiiTTiintiiiiTsiT"

static void take_listed(sqlite3_stmt *stmt, struct store_token *row)
{
    row->generation = sqlite3_column_int64(stmt, 1);
    row->access_token = sqlite3_column_int(stmt, 2) != 0 ? mem_strdup("") : NULL;
    row->endpoint_url = store_sqlite_column_text(stmt, 3);
    row->scope = store_sqlite_column_text(stmt, 4);
    row->lifetime_ms = sqlite3_column_int64(stmt, 5);
    row->received_wall_ms = sqlite3_column_int64(stmt, 6);
    row->received_boot_ms = sqlite3_column_int64(stmt, 7);
    const char *boot_id = (const char *)sqlite3_column_text(stmt, 8);
    snprintf(row->received_boot_id, sizeof row->received_boot_id, "%s", boot_id);
    row->refresh_token = sqlite3_column_int(stmt, 9) != 0 ? mem_strdup("") : NULL;
    row->refresh_since_ms = sqlite3_column_int64(stmt, 10);
    row->refresh_expires_ms = sqlite3_column_int64(stmt, 11);
    row->login_since_ms = sqlite3_column_int64(stmt, 12);
    row->asked = store_sqlite_column_text(stmt, 13);
    row->pause.kind = (enum store_pause_kind)sqlite3_column_int(stmt, 14);
    row->pause.since_ms = sqlite3_column_int64(stmt, 15);
    row->pause.reason = store_sqlite_column_text(stmt, 16);
}

static int by_owner(const void *a, const void *b)
{
    return strcmp((*(struct store_token *const *)a)->owner,
                  (*(struct store_token *const *)b)->owner);
}

/* The first of the sorted rows that is not before this owner. */
static size_t find_owner(struct store_token *const *sorted, size_t count, const char *owner)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(sorted[middle]->owner, owner) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The file is mapped while the table is read: most of its pages hold the tokens, which are not
 * looked at, and each would be a call of the system. */
#define MAP     "PRAGMA mmap_size = 268435456"
#define MAP_NOT "PRAGMA mmap_size = 0"

/* One statement for all, which reads the table once and no token. */
int store_sqlite_token_list(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    size_t count = call->token.count;
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, "SELECT " LISTED " FROM token", err);
    if (stmt == NULL)
        return -1;
    sqlite3_exec(sqlite->db, MAP, NULL, NULL, NULL);
    struct store_token **sorted = mem_alloc((count + 1) * sizeof(struct store_token *));
    for (size_t i = 0; i < count; i++)
        sorted[i] = &call->token.row[i];
    qsort(sorted, count, sizeof(struct store_token *), by_owner);
    int step, result = 0;
    while (result == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *owner = (const char *)sqlite3_column_text(stmt, 0);
        size_t at = owner != NULL ? find_owner(sorted, count, owner) : count;
        for (; result == 0 && at < count && strcmp(sorted[at]->owner, owner) == 0; at++) {
            result = store_sqlite_check(sqlite, stmt, LISTED_KINDS, err);
            if (result == 0)
                take_listed(stmt, sorted[at]);
        }
    }
    if (result == 0 && step != SQLITE_DONE)
        result = store_sqlite_failed(sqlite, "cannot be read", err);
    mem_free(sorted);
    sqlite3_finalize(stmt);
    sqlite3_exec(sqlite->db, MAP_NOT, NULL, NULL, NULL);
    return result;
}

int store_sqlite_token_given(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    unsigned char salt[STORE_SALT_SIZE];
    struct store_call of_salt = {.op = STORE_SALT, .salt = {.bytes = salt}};
    if (store_sqlite_salt(sqlite, &of_salt, err) != 0 ||
        store_sqlite_spool_push(sqlite, true, err) != 0)
        return -1;
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "SELECT owner, home, CASE WHEN refresh_token IS NOT NULL THEN configured_fingerprint END,"
        " spent FROM token WHERE refresh_token IS NOT NULL OR spent IS NOT NULL ORDER BY "
        "received_wall_ms DESC LIMIT ?",
        err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, STORE_GIVEN_MAX);
    int step, found = 0;
    while (found == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        const struct store_given given = {
            .owner = (const char *)sqlite3_column_text(stmt, 0),
            .home = (const char *)sqlite3_column_text(stmt, 1),
            .configured_fingerprint = (const char *)sqlite3_column_text(stmt, 2),
            .spent = (const char *)sqlite3_column_text(stmt, 3),
            .salt = salt,
        };
        found = given.owner != NULL && call->given.fn(call->given.arg, &given);
    }
    if (found == 0 && step != SQLITE_DONE)
        found = store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    return found;
}

static int delete_from(struct store_sqlite *sqlite, const char *sql, const char *owner,
                       struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql, err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, owner);
    return store_sqlite_finish(sqlite, stmt, err);
}

static int delete_intent(struct store_sqlite *sqlite, const char *owner, struct err *err)
{
    return delete_from(sqlite, "DELETE FROM token_intent WHERE owner = ?", owner, err);
}

static int save_intent(struct store_sqlite *sqlite, const char *owner,
                       const struct store_intent *intent, struct err *err)
{
    if (intent->started_ms == 0)
        return delete_intent(sqlite, owner, err);
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "INSERT OR REPLACE INTO token_intent (owner, id, generation,"
                             " started_ms, host) VALUES (?,?,?,?,?)",
                             err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, owner);
    store_sqlite_bind_text(stmt, 2, intent->id);
    sqlite3_bind_int64(stmt, 3, intent->generation);
    sqlite3_bind_int64(stmt, 4, intent->started_ms);
    store_sqlite_bind_text(stmt, 5, intent->host);
    return store_sqlite_finish(sqlite, stmt, err);
}

static int save(struct store_sqlite *sqlite, const struct store_call *call, struct err *err)
{
    const struct store_token *row = call->token.row;
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = store_sqlite_check_moved(sqlite, row->home, err);
    if (result == 0)
        result = store_sqlite_token_put(sqlite, row, err);
    if (result == 0)
        result = save_intent(sqlite, row->owner, &row->intent, err);
    if (result == 0 && call->token.slot != NULL)
        result = store_sqlite_token_put(sqlite, call->token.slot, err);
    return store_sqlite_end(sqlite, result, err);
}

/* A refresh token that has come may be the only good one. It does not wait in memory. */
int store_sqlite_token_save(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_token *row = call->token.row;
    bool came = call->under != NULL && row->refresh_token != NULL && !call->token.known;
    struct err of_spool;
    sqlite->patience_ms = came ? CAME_BUSY_MS : STORE_BUSY_MS;
    int result = save(sqlite, call, err);
    sqlite->patience_ms = STORE_BUSY_MS;
    if (result == 0)
        store_sqlite_spool_forget(sqlite, row->owner, row->generation);
    else if (came && store_sqlite_spool_write(sqlite, row, &of_spool) == 0)
        result = 0;
    return result;
}

int store_sqlite_token_intent(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_token *row = call->token.row;
    if (row->intent.started_ms != 0 && store_sqlite_check_moved(sqlite, row->home, err) != 0)
        return -1;
    return save_intent(sqlite, call->token.owner, &row->intent, err);
}

int store_sqlite_token_endpoint(struct store_sqlite *sqlite, struct store_call *call,
                                struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "UPDATE token SET endpoint_url = ? WHERE owner = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->token.endpoint_url);
    store_sqlite_bind_text(stmt, 2, call->token.owner);
    return store_sqlite_finish(sqlite, stmt, err);
}

int store_sqlite_token_bar(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite, "UPDATE token SET barred = ?2 WHERE owner = ?1 AND generation = ?2", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->token.owner);
    sqlite3_bind_int64(stmt, 2, call->token.generation);
    return store_sqlite_finish(sqlite, stmt, err);
}

int store_sqlite_token_delete(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = delete_from(sqlite, "DELETE FROM token WHERE owner = ?", call->token.owner, err);
    if (result == 0)
        result = delete_intent(sqlite, call->token.owner, err);
    if (result == 0)
        store_sqlite_spool_forget(sqlite, call->token.owner, INT64_MAX);
    return store_sqlite_end(sqlite, result, err);
}

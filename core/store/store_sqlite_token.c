/* The rows of tokens, and their intents. */
#include "mem.h"
#include "store_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In this order they are read and written. */
#define COLUMNS                                                                                    \
    "generation, access_token, endpoint_url, scope, lifetime_ms, received_wall_ms,"                \
    " received_boot_ms, received_boot_id, refresh_token, refresh_previous, refresh_since_ms,"      \
    " configured_fingerprint, application_fingerprint, service_override, token_type,"              \
    " refresh_expires_ms, login_since_ms, asked, secret_fingerprint, barred, metadata,"            \
    " metadata_ms, stop_kind, stop_since_ms, stop_times, stop_reason, subject_fingerprint,"        \
    " service_host, spent"

/* For store_sqlite_check. */
#define KINDS "iTTTiintTTiTTTTiiTTiTisiiTTTT"

static int take_row(struct store_sqlite *sqlite, sqlite3_stmt *stmt, struct store_token *row,
                    struct err *err)
{
    if (store_sqlite_check(sqlite, stmt, KINDS, err) != 0)
        return -1;
    row->generation = sqlite3_column_int64(stmt, 0);
    row->access_token = store_sqlite_column_text(stmt, 1);
    row->endpoint_url = store_sqlite_column_text(stmt, 2);
    row->scope = store_sqlite_column_text(stmt, 3);
    row->lifetime_ms = sqlite3_column_int64(stmt, 4);
    row->received_wall_ms = sqlite3_column_int64(stmt, 5);
    row->received_boot_ms = sqlite3_column_int64(stmt, 6);
    const char *boot_id = (const char *)sqlite3_column_text(stmt, 7);
    snprintf(row->received_boot_id, sizeof row->received_boot_id, "%s", boot_id);
    row->refresh_token = store_sqlite_column_text(stmt, 8);
    row->refresh_previous = store_sqlite_column_text(stmt, 9);
    row->refresh_since_ms = sqlite3_column_int64(stmt, 10);
    row->configured_fingerprint = store_sqlite_column_text(stmt, 11);
    row->application_fingerprint = store_sqlite_column_text(stmt, 12);
    row->service_override = store_sqlite_column_text(stmt, 13);
    row->token_type = store_sqlite_column_text(stmt, 14);
    row->refresh_expires_ms = sqlite3_column_int64(stmt, 15);
    row->login_since_ms = sqlite3_column_int64(stmt, 16);
    row->asked = store_sqlite_column_text(stmt, 17);
    row->secret_fingerprint = store_sqlite_column_text(stmt, 18);
    row->barred = sqlite3_column_int64(stmt, 19);
    row->metadata = store_sqlite_column_text(stmt, 20);
    row->metadata_ms = sqlite3_column_int64(stmt, 21);
    row->pause.kind = (enum store_pause_kind)sqlite3_column_int(stmt, 22);
    row->pause.since_ms = sqlite3_column_int64(stmt, 23);
    row->pause.times = sqlite3_column_int64(stmt, 24);
    row->pause.reason = store_sqlite_column_text(stmt, 25);
    row->subject_fingerprint = store_sqlite_column_text(stmt, 26);
    row->service_host = store_sqlite_column_text(stmt, 27);
    row->spent = store_sqlite_column_text(stmt, 28);
    return 0;
}

/* Runs the query for one row, and leaves it at that. 1, 0: none, -1: it rests. */
static int step_row(struct store_sqlite *sqlite, sqlite3_stmt *stmt, struct err *err)
{
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW || step == SQLITE_DONE)
        return step == SQLITE_ROW;
    store_sqlite_failed(sqlite, "cannot be read", err);
    store_sqlite_rest(stmt);
    return -1;
}

static int load_intent(struct store_sqlite *sqlite, const char *owner, struct store_intent *intent,
                       struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_keep(
        sqlite, STORE_SQLITE_INTENT,
        "SELECT id, generation, started_ms, host FROM token_intent WHERE owner = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, owner);
    int found = step_row(sqlite, stmt, err);
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

/* An intent of another generation was answered: by a program that does not know of intents. */
static int load(struct store_sqlite *sqlite, const char *owner, struct store_token *row,
                struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_keep(sqlite, STORE_SQLITE_TOKEN,
                                           "SELECT " COLUMNS " FROM token WHERE owner = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, owner);
    int found = step_row(sqlite, stmt, err);
    if (found < 0)
        return -1;
    int result = found == 1 ? take_row(sqlite, stmt, row, err) : 0;
    store_sqlite_rest(stmt);
    if (result != 0 || load_intent(sqlite, owner, &row->intent, err) != 0)
        return -1;
    if (row->intent.generation != row->generation)
        row->intent = (struct store_intent){0};
    return found;
}

int store_sqlite_token_load(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_token *row = call->token.row;
    memset(row, 0, sizeof *row);
    snprintf(row->owner, sizeof row->owner, "%s", call->token.owner);
    if (store_sqlite_check_moved(sqlite, call->token.home, err) != 0)
        return -1;
    int found = load(sqlite, call->token.owner, row, err);
    if (found < 0)
        store_token_destroy(row);
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
    if (store_sqlite_salt(sqlite, &of_salt, err) != 0)
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

static int save_row(struct store_sqlite *sqlite, const struct store_token *row, struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "INSERT OR REPLACE INTO token (owner, home, " COLUMNS
                             ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,"
                             "?,?)",
                             err);
    if (stmt == NULL)
        return -1;
    int at = 1;
    store_sqlite_bind_text(stmt, at++, row->owner);
    store_sqlite_bind_text(stmt, at++, row->home);
    sqlite3_bind_int64(stmt, at++, row->generation);
    store_sqlite_bind_text(stmt, at++, row->access_token);
    store_sqlite_bind_text(stmt, at++, row->endpoint_url);
    store_sqlite_bind_text(stmt, at++, row->scope);
    sqlite3_bind_int64(stmt, at++, row->lifetime_ms);
    sqlite3_bind_int64(stmt, at++, row->received_wall_ms);
    sqlite3_bind_int64(stmt, at++, row->received_boot_ms);
    store_sqlite_bind_text(stmt, at++, row->received_boot_id);
    store_sqlite_bind_text(stmt, at++, row->refresh_token);
    store_sqlite_bind_text(stmt, at++, row->refresh_previous);
    sqlite3_bind_int64(stmt, at++, row->refresh_since_ms);
    store_sqlite_bind_text(stmt, at++, row->configured_fingerprint);
    store_sqlite_bind_text(stmt, at++, row->application_fingerprint);
    store_sqlite_bind_text(stmt, at++, row->service_override);
    store_sqlite_bind_text(stmt, at++, row->token_type);
    sqlite3_bind_int64(stmt, at++, row->refresh_expires_ms);
    sqlite3_bind_int64(stmt, at++, row->login_since_ms);
    store_sqlite_bind_text(stmt, at++, row->asked);
    store_sqlite_bind_text(stmt, at++, row->secret_fingerprint);
    sqlite3_bind_int64(stmt, at++, row->barred);
    store_sqlite_bind_text(stmt, at++, row->metadata);
    sqlite3_bind_int64(stmt, at++, row->metadata_ms);
    sqlite3_bind_int(stmt, at++, (int)row->pause.kind);
    sqlite3_bind_int64(stmt, at++, row->pause.since_ms);
    sqlite3_bind_int64(stmt, at++, row->pause.times);
    store_sqlite_bind_text(stmt, at++, row->pause.reason);
    store_sqlite_bind_text(stmt, at++, row->subject_fingerprint);
    store_sqlite_bind_text(stmt, at++, row->service_host);
    store_sqlite_bind_text(stmt, at, row->spent);
    return store_sqlite_finish(sqlite, stmt, err);
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

int store_sqlite_token_save(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_token *row = call->token.row;
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = store_sqlite_check_moved(sqlite, row->home, err);
    if (result == 0)
        result = save_row(sqlite, row, err);
    if (result == 0)
        result = save_intent(sqlite, row->owner, &row->intent, err);
    if (result == 0 && call->token.slot != NULL)
        result = save_row(sqlite, call->token.slot, err);
    return store_sqlite_end(sqlite, result, err);
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
    return store_sqlite_end(sqlite, result, err);
}

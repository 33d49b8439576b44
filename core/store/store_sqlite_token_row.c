/* Rows of the table of tokens, as they are read and written. */
#include "mem.h"
#include "store_sqlite.h"

#include <stdio.h>
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

static char *home_of(struct store_sqlite *sqlite, const char *owner, struct err *err)
{
    char *home = NULL;
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT home FROM token WHERE owner = ?", err);
    if (stmt == NULL)
        return NULL;
    store_sqlite_bind_text(stmt, 1, owner);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        home = store_sqlite_column_text(stmt, 0);
    sqlite3_finalize(stmt);
    return home;
}

int store_sqlite_token_get(struct store_sqlite *sqlite, const char *owner, struct store_token *row,
                           char **home, struct err *err)
{
    memset(row, 0, sizeof *row);
    snprintf(row->owner, sizeof row->owner, "%s", owner);
    sqlite3_stmt *stmt = store_sqlite_keep(sqlite, STORE_SQLITE_TOKEN,
                                           "SELECT " COLUMNS " FROM token WHERE owner = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, owner);
    int found = store_sqlite_step_row(sqlite, stmt, err);
    if (found < 0)
        return -1;
    if (found == 1 && take_row(sqlite, stmt, row, err) != 0)
        found = -1;
    store_sqlite_rest(stmt);
    if (found == 1 && home != NULL)
        *home = home_of(sqlite, owner, err);
    return found;
}

int store_sqlite_token_put(struct store_sqlite *sqlite, const struct store_token *row,
                           struct err *err)
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

int store_sqlite_token_put_later(struct store_sqlite *sqlite, const struct store_token *row,
                                 struct err *err)
{
    struct store_token there;
    int found = store_sqlite_token_get(sqlite, row->owner, &there, NULL, err);
    int result = found < 0 ? -1 : 0;
    if (result == 0 && there.generation < row->generation)
        result = store_sqlite_token_put(sqlite, row, err);
    store_token_destroy(&there);
    return result;
}

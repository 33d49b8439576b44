/* The rows of tokens. */
#include "store_sqlite.h"

#include <stdio.h>
#include <string.h>

int store_sqlite_token_load(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_token *row = call->token.row;
    const char *owner = call->token.owner;
    memset(row, 0, sizeof *row);
    snprintf(row->owner, sizeof row->owner, "%s", owner);
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "SELECT generation, access_token, endpoint_url, scope, lifetime_ms,"
                             " received_wall_ms, received_boot_ms, received_boot_id,"
                             " refresh_token, refresh_previous, refresh_since_ms,"
                             " configured_fingerprint, application_fingerprint,"
                             " service_override FROM token WHERE owner = ?",
                             err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, owner);
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
    if (found == 1) {
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
    } else if (found < 0) {
        store_sqlite_failed(sqlite, "cannot be read", err);
    }
    sqlite3_finalize(stmt);
    return found;
}

int store_sqlite_token_save(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_token *row = call->token.row;
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "INSERT OR REPLACE INTO token (owner, generation, access_token,"
                             " endpoint_url, scope, lifetime_ms, received_wall_ms,"
                             " received_boot_ms, received_boot_id, refresh_token,"
                             " refresh_previous, refresh_since_ms, configured_fingerprint,"
                             " application_fingerprint, service_override)"
                             " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                             err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, row->owner);
    sqlite3_bind_int64(stmt, 2, row->generation);
    store_sqlite_bind_text(stmt, 3, row->access_token);
    store_sqlite_bind_text(stmt, 4, row->endpoint_url);
    store_sqlite_bind_text(stmt, 5, row->scope);
    sqlite3_bind_int64(stmt, 6, row->lifetime_ms);
    sqlite3_bind_int64(stmt, 7, row->received_wall_ms);
    sqlite3_bind_int64(stmt, 8, row->received_boot_ms);
    store_sqlite_bind_text(stmt, 9, row->received_boot_id);
    store_sqlite_bind_text(stmt, 10, row->refresh_token);
    store_sqlite_bind_text(stmt, 11, row->refresh_previous);
    sqlite3_bind_int64(stmt, 12, row->refresh_since_ms);
    store_sqlite_bind_text(stmt, 13, row->configured_fingerprint);
    store_sqlite_bind_text(stmt, 14, row->application_fingerprint);
    store_sqlite_bind_text(stmt, 15, row->service_override);
    return store_sqlite_finish(sqlite, stmt, err);
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

int store_sqlite_token_delete(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, "DELETE FROM token WHERE owner = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->token.owner);
    return store_sqlite_finish(sqlite, stmt, err);
}

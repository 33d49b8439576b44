/* Durable keys and values of jobs and scripts. */
#include "store_sqlite.h"

#include <string.h>

int store_sqlite_kv_get(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct buf *value = call->kv.value;
    const char *key = call->kv.key;
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT value FROM kv WHERE scope = ? AND key = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->kv.scope);
    store_sqlite_bind_text(stmt, 2, key);
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
    if (found == 1 && store_sqlite_check(sqlite, stmt, "j", err) != 0)
        found = -2;
    if (found == 1 &&
        buf_append(value, sqlite3_column_text(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0)) != 0)
        found = err_set(err, ERR_INVALID, "state key '%s' holds over %zu bytes", key, value->limit);
    else if (found == -1)
        store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : found;
}

static int kv_write_one(struct store_sqlite *sqlite, const char *scope, const struct store_kv *item,
                        struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        item->value != NULL ? "INSERT OR REPLACE INTO kv (scope, key, value) VALUES (?,?,?)"
                            : "DELETE FROM kv WHERE scope = ? AND key = ?",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    store_sqlite_bind_text(stmt, 2, item->key);
    if (item->value != NULL)
        sqlite3_bind_text(stmt, 3, item->value, (int)item->len, SQLITE_STATIC);
    return store_sqlite_finish(sqlite, stmt, err);
}

static int kv_check_count(struct store_sqlite *sqlite, const char *scope, struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT count(*) FROM kv WHERE scope = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    int result = 0;
    if (sqlite3_step(stmt) != SQLITE_ROW)
        result = store_sqlite_failed(sqlite, "cannot be read", err);
    else if (sqlite3_column_int64(stmt, 0) > STORE_KEYS_MAX)
        result = err_set(err, ERR_INVALID, "over %d state keys for '%s': delete some first",
                         STORE_KEYS_MAX, scope);
    sqlite3_finalize(stmt);
    return result;
}

int store_sqlite_kv_write(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_kv *items = call->kv.items;
    size_t count = call->kv.count;
    for (size_t i = 0; i < count; i++) {
        if (strlen(items[i].key) > STORE_KEY_MAX)
            return err_set(err, ERR_INVALID, "state key of over %d bytes", STORE_KEY_MAX);
        if (items[i].value != NULL && items[i].len > STORE_VALUE_MAX)
            return err_set(err, ERR_INVALID, "state key '%s': a value of over %zu bytes",
                           items[i].key, STORE_VALUE_MAX);
    }
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++)
        result = kv_write_one(sqlite, call->kv.scope, &items[i], err);
    if (result == 0)
        result = kv_check_count(sqlite, call->kv.scope, err);
    return store_sqlite_end(sqlite, result, err);
}

int store_sqlite_kv_each(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT key, value FROM kv WHERE scope = ? ORDER BY key", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->kv.scope);
    int step;
    bool more = true;
    while (more && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (store_sqlite_check(sqlite, stmt, "tj", err) != 0)
            break;
        struct store_kv item = {
            .key = (const char *)sqlite3_column_text(stmt, 0),
            .value = (const char *)sqlite3_column_text(stmt, 1),
            .len = (size_t)sqlite3_column_bytes(stmt, 1),
        };
        more = call->kv.fn(call->kv.arg, &item);
    }
    int result = !more || step == SQLITE_DONE ? 0 : -1;
    if (result != 0 && step != SQLITE_ROW) /* else it was checked */
        store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    return result;
}

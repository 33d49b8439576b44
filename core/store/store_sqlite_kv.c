/* Durable keys and values of jobs and scripts. */
#include "mem.h"
#include "store_sqlite.h"

#include <sodium.h>
#include <string.h>

int store_sqlite_kv_get(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct buf *value = call->kv.value;
    const char *key = call->kv.key;
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite, "SELECT value, version FROM kv WHERE scope = ? AND key = ?", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->kv.scope);
    store_sqlite_bind_text(stmt, 2, key);
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : step == SQLITE_DONE ? 0 : -1;
    if (found == 1 && store_sqlite_check(sqlite, stmt, "ji", err) != 0)
        found = -2;
    if (call->kv.version != NULL)
        *call->kv.version = found == 1 ? sqlite3_column_int64(stmt, 1) : 0;
    if (found == 1 &&
        buf_append(value, sqlite3_column_text(stmt, 0), (size_t)sqlite3_column_bytes(stmt, 0)) != 0)
        found = err_set(err, ERR_INVALID, "state key '%s' holds over %zu bytes", key, value->limit);
    else if (found == -1)
        store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    return found < 0 ? -1 : found;
}

static int kv_write_one(struct store_sqlite *sqlite, const char *scope, const struct store_kv *item,
                        int64_t version, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        item->value != NULL
            ? "INSERT OR REPLACE INTO kv (scope, key, value, version) VALUES (?,?,?,?)"
            : "DELETE FROM kv WHERE scope = ? AND key = ?",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, item->scope != NULL ? item->scope : scope);
    store_sqlite_bind_text(stmt, 2, item->key);
    if (item->value != NULL) {
        sqlite3_bind_text(stmt, 3, item->value, (int)item->len, SQLITE_STATIC);
        sqlite3_bind_int64(stmt, 4, version);
    }
    return store_sqlite_finish(sqlite, stmt, err);
}

/* 0: all have the version that they had; 1: one has not. */
static int kv_look(struct store_sqlite *sqlite, const char *scope, const struct store_kv_seen *seen,
                   size_t count, struct err *err)
{
    int result = 0;
    sqlite3_stmt *stmt =
        count == 0 ? NULL
                   : store_sqlite_prepare(
                         sqlite, "SELECT version FROM kv WHERE scope = ? AND key = ?", err);
    if (count > 0 && stmt == NULL)
        return -1;
    for (size_t i = 0; i < count && result == 0; i++) {
        sqlite3_reset(stmt);
        store_sqlite_bind_text(stmt, 1, seen[i].scope != NULL ? seen[i].scope : scope);
        store_sqlite_bind_text(stmt, 2, seen[i].key);
        int step = sqlite3_step(stmt);
        if (step != SQLITE_ROW && step != SQLITE_DONE)
            result = store_sqlite_failed(sqlite, "cannot be read", err);
        else if ((step == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : 0) != seen[i].version)
            result = 1;
    }
    sqlite3_finalize(stmt);
    return result;
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

static int kv_check_counts(struct store_sqlite *sqlite, const char *scope,
                           const struct store_kv *items, size_t count, struct err *err)
{
    size_t nscopes;
    const char **scopes = store_kv_scopes(scope, items, count, NULL, 0, &nscopes);
    int result = 0;
    for (size_t i = 0; i < nscopes && result == 0; i++)
        result = kv_check_count(sqlite, scopes[i], err);
    mem_free(scopes);
    return result;
}

static int kv_check_sizes(const struct store_kv *items, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(items[i].key) > STORE_KEY_MAX)
            return err_set(err, ERR_INVALID, "state key of over %d bytes", STORE_KEY_MAX);
        if (items[i].value != NULL && items[i].len > STORE_VALUE_MAX)
            return err_set(err, ERR_INVALID, "state key '%s': a value of over %zu bytes",
                           items[i].key, STORE_VALUE_MAX);
    }
    return 0;
}

/* One that no key ever had: of a program that knows no versions, they come from the database. */
static int64_t kv_new_version(void)
{
    uint64_t random;
    randombytes_buf(&random, sizeof random);
    return (int64_t)(random >> 17) + 1;
}

int store_sqlite_kv_put(struct store_sqlite *sqlite, const char *scope,
                        const struct store_kv *items, size_t count,
                        const struct store_kv_seen *seen, size_t nseen, int64_t *version,
                        struct err *err)
{
    int64_t new_version = kv_new_version();
    int result = kv_check_sizes(items, count, err);
    if (result == 0)
        result = kv_look(sqlite, scope, seen, nseen, err);
    for (size_t i = 0; i < count && result == 0; i++)
        result = kv_write_one(sqlite, scope, &items[i], new_version, err);
    if (result == 0 && count > 0)
        result = kv_check_counts(sqlite, scope, items, count, err);
    if (version != NULL)
        *version = new_version;
    return result;
}

int store_sqlite_kv_write(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    if (kv_check_sizes(call->kv.items, call->kv.count, err) != 0 ||
        store_sqlite_begin(sqlite, err) != 0)
        return -1;
    return store_sqlite_end(sqlite,
                            store_sqlite_kv_put(sqlite, call->kv.scope, call->kv.items,
                                                call->kv.count, call->kv.seen, call->kv.nseen,
                                                call->kv.version, err),
                            err);
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

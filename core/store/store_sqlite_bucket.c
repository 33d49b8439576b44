/* Limits of calls that processes share. */
#include "clock.h"
#include "mem.h"
#include "store_bucket.h"
#include "store_sqlite.h"

static int bucket_read(struct store_sqlite *sqlite, sqlite3_stmt *stmt, const char *key,
                       char **kept, struct err *err)
{
    store_sqlite_bind_text(stmt, 1, key);
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW)
        *kept = store_sqlite_column_text(stmt, 0);
    int result = step == SQLITE_ROW || step == SQLITE_DONE
                     ? 0
                     : store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_reset(stmt);
    return result;
}

static int buckets_read(struct store_sqlite *sqlite, const struct store_bucket_take *take,
                        char *kept[], struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT slots FROM bucket WHERE key = ?", err);
    int result = stmt != NULL ? 0 : -1;
    for (size_t i = 0; i < take->count && result == 0; i++)
        result = bucket_read(sqlite, stmt, take->buckets[i].key, &kept[i], err);
    sqlite3_finalize(stmt);
    return result;
}

static int buckets_write(struct store_sqlite *sqlite, const struct store_bucket_take *take,
                         char *kept[], struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite, "INSERT OR REPLACE INTO bucket (key, slots) VALUES (?, ?)", err);
    int result = stmt != NULL ? 0 : -1;
    for (size_t i = 0; i < take->count && result == 0; i++) {
        store_sqlite_bind_text(stmt, 1, take->buckets[i].key);
        store_sqlite_bind_text(stmt, 2, kept[i]);
        if (sqlite3_step(stmt) != SQLITE_DONE)
            result = store_sqlite_failed(sqlite, "cannot be written", err);
        sqlite3_reset(stmt);
    }
    sqlite3_finalize(stmt);
    return result;
}

int store_sqlite_bucket_take(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_bucket_take *take = call->bucket;
    char *kept[STORE_BUCKETS_MAX] = {NULL};
    /* Nobody waits for the disk: after a loss of power these rows may be old. */
    sqlite3_exec(sqlite->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    int result = store_sqlite_begin(sqlite, err);
    if (result == 0) {
        take->now_ms = clock_now_ms(loop_clock(sqlite->loop), CLOCK_WALL);
        result = buckets_read(sqlite, take, kept, err);
        if (result == 0) {
            store_bucket_plan(take, kept);
            result = buckets_write(sqlite, take, kept, err);
        }
        result = store_sqlite_end(sqlite, result, err);
    }
    sqlite3_exec(sqlite->db, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
    for (size_t i = 0; i < take->count; i++)
        mem_free(kept[i]);
    return result;
}

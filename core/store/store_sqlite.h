/* What the store's parts share: store_sqlite.c (file, migrations, errors), store_token.c,
 * store_kv.c, store_runs.c, store_slots.c, store_counters.c. Nobody else includes it. */
#ifndef JETON_STORE_SQLITE_H
#define JETON_STORE_SQLITE_H

#include "store.h"

#include <sqlite3.h>
#include <sys/types.h>

struct store {
    sqlite3 *db;
    char *folder;
    char *path;
    ino_t inode; /* of the file that was opened */
};

/* Sets err from what SQLite has just refused; a damaged file is set aside. Returns -1. */
int store_failed(struct store *store, const char *doing, struct err *err);
/* Statements without parameters or rows. */
int store_execute(struct store *store, const char *sql, struct err *err);
/* A write transaction. store_end commits where result is 0 and rolls back else; returns 0, or -1
 * with err. */
int store_begin(struct store *store, struct err *err);
int store_end(struct store *store, int result, struct err *err);

/* In a transaction of the caller. */
int store_slot_insert(struct store *store, const char *scope, int64_t slot_ms, bool *claimed,
                      struct err *err);

/* NULL with err. To be finalized, or ended by store_finish. */
sqlite3_stmt *store_prepare(struct store *store, const char *sql, struct err *err);
/* Steps a statement that returns no rows, and ends it. */
int store_finish(struct store *store, sqlite3_stmt *stmt, struct err *err);
/* NULL is NULL; the text is borrowed until the statement ends. */
void store_bind_text(sqlite3_stmt *stmt, int index, const char *text);
char *store_column_text(sqlite3_stmt *stmt, int column); /* mem_free */

#endif

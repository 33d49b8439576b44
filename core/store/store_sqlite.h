/* What the parts of the SQLite engine share: store_sqlite.c (file, errors), store_sqlite_schema.c
 * (tables), a file for each kind of row, and store_sqlite_engine.c (the table). Nobody else
 * includes it. */
#ifndef JETON_STORE_SQLITE_H
#define JETON_STORE_SQLITE_H

#include "store_engine.h"
#include "store_events.h"
#include "store_home.h"

#include <sqlite3.h>
#include <sys/types.h>

/* Statements that each call of an API needs: prepared once while the state is open. */
enum store_sqlite_kept { STORE_SQLITE_TOKEN, STORE_SQLITE_INTENT, STORE_SQLITE_KEPT };

struct store_sqlite {
    sqlite3 *db;             /* NULL: not open */
    const struct loop *loop; /* whose clock the state goes by */
    char *folder;
    char *path;
    ino_t inode;                           /* of the file that was opened */
    int64_t busy_since_ms;                 /* monotonic: somebody else writes */
    int64_t turn_ms;                       /* likewise: somebody has ended that since */
    unsigned turn;                         /* of the data then */
    int patience_ms;                       /* how long one of them is waited for … */
    int turns_ms;                          /* … and several; 0: no longer than one */
    int seen_version;                      /* of the data, by the last store_sqlite_has_changed */
    int64_t claimed_ms;                    /* when events were claimed last; 0: never */
    bool reads;                            /* as store_reads says */
    bool unsynced;                         /* since a commit of store_sqlite_hasten */
    sqlite3_stmt *kept[STORE_SQLITE_KEPT]; /* NULL: not prepared yet */
};

/* The tables of a new state, and what each version added to those of the one before: the first one
 * makes version 1. The version of a state is in its meta, from 5 on; SQLite's user_version is the
 * oldest one that can use it, which is all that programs before 5 look at. */
extern const char store_sqlite_schema[];
extern const char *const store_sqlite_migrations[];

/* Makes folder and file where there are none, and brings them up to STORE_VERSION. */
int store_sqlite_open(struct store_sqlite *sqlite, struct err *err);
/* One in memory: from these bytes of a file, or new (len 0). `path` is what errors name, `inode`
 * that file's; the folder is there. */
int store_sqlite_open_image(struct store_sqlite *sqlite, const char *bytes, size_t len,
                            struct err *err);
void store_sqlite_close(struct store_sqlite *sqlite); /* idempotent */

/* Whether the file that was opened still is the state: a damaged one was set aside, and somebody
 * may have put back a backup. False where none is open. */
bool store_sqlite_is_there(const struct store_sqlite *sqlite);
/* Sets err from what SQLite has just refused; a damaged file is set aside. Returns -1. */
int store_sqlite_failed(struct store_sqlite *sqlite, const char *doing, struct err *err);
/* A write transaction. store_sqlite_end commits where result is 0 and rolls back else; returns 0,
 * or -1 with err. */
int store_sqlite_begin(struct store_sqlite *sqlite, struct err *err);
/* Whether a commit may be undone by a power failure. Between transactions. */
void store_sqlite_hasten(struct store_sqlite *sqlite, bool yes);
bool store_sqlite_has_changed(struct store_sqlite *sqlite); /* as store_has_changed */
int store_sqlite_sync(struct store_sqlite *sqlite, struct err *err);
int store_sqlite_end(struct store_sqlite *sqlite, int result, struct err *err);

/* The time, or now where it is STORE_NONE. */
int64_t store_sqlite_or_now(const struct store_sqlite *sqlite, int64_t ms);

/* The operations. They return what store_finish takes. */
typedef int store_sqlite_op(struct store_sqlite *sqlite, struct store_call *call, struct err *err);
store_sqlite_op store_sqlite_salt;
store_sqlite_op store_sqlite_token_load;
store_sqlite_op store_sqlite_token_list;
store_sqlite_op store_sqlite_token_save;
store_sqlite_op store_sqlite_token_intent;
store_sqlite_op store_sqlite_token_endpoint;
store_sqlite_op store_sqlite_token_bar;
store_sqlite_op store_sqlite_token_delete;
store_sqlite_op store_sqlite_kv_get;
store_sqlite_op store_sqlite_kv_write;
store_sqlite_op store_sqlite_kv_each;
store_sqlite_op store_sqlite_run_add;
store_sqlite_op store_sqlite_run_claim;
store_sqlite_op store_sqlite_run_start;
store_sqlite_op store_sqlite_run_end;
store_sqlite_op store_sqlite_run_told;
store_sqlite_op store_sqlite_run_list;
store_sqlite_op store_sqlite_slot_latest;
store_sqlite_op store_sqlite_job_installed;
store_sqlite_op store_sqlite_job_set_installed;
store_sqlite_op store_sqlite_counters_add;
store_sqlite_op store_sqlite_home_move;
store_sqlite_op store_sqlite_home_find;
store_sqlite_op store_sqlite_token_given;
store_sqlite_op store_sqlite_bucket_take;
store_sqlite_op store_sqlite_event_add;
store_sqlite_op store_sqlite_event_claim;
store_sqlite_op store_sqlite_event_release;
store_sqlite_op store_sqlite_event_end;
store_sqlite_op store_sqlite_step_get;
store_sqlite_op store_sqlite_step_put;
store_sqlite_op store_sqlite_event_list;
store_sqlite_op store_sqlite_event_count;
store_sqlite_op store_sqlite_event_retry;
store_sqlite_op store_sqlite_event_drop;
store_sqlite_op store_sqlite_event_prune;

/* The row of an owner in the table (store_sqlite_token_row.c). 1, 0: none, -1: the row is for
 * store_token_destroy. home: what it belongs to, mem_free; NULL: not asked for. */
int store_sqlite_token_get(struct store_sqlite *sqlite, const char *owner, struct store_token *row,
                           char **home, struct err *err);
int store_sqlite_token_put(struct store_sqlite *sqlite, const struct store_token *row,
                           struct err *err);
/* Unless there is one of its generation, or a later one; in a transaction of the caller. */
int store_sqlite_token_put_later(struct store_sqlite *sqlite, const struct store_token *row,
                                 struct err *err);

/* What came and could not be stored (store_sqlite_spool.c). It is to be looked for before the table
 * is: whoever brings it in writes there first. Durable. */
int store_sqlite_spool_write(struct store_sqlite *sqlite, const struct store_token *row,
                             struct err *err);
/* The owner's latest. 1, 0: none, -1; as store_sqlite_token_get. */
int store_sqlite_spool_load(struct store_sqlite *sqlite, const char *owner, struct store_token *row,
                            struct err *err);
/* All of it into the table, and no file is left. waits false: what cannot be written now stays. */
int store_sqlite_spool_push(struct store_sqlite *sqlite, bool waits, struct err *err);
bool store_sqlite_spool_keeps(const struct store_sqlite *sqlite);
/* The owner's up to this generation. */
void store_sqlite_spool_forget(struct store_sqlite *sqlite, const char *owner, int64_t generation);

/* In a transaction of the caller. store_sqlite_kv_put: 1: one of `seen` has changed. */
int store_sqlite_kv_put(struct store_sqlite *sqlite, const char *scope,
                        const struct store_kv *items, size_t count,
                        const struct store_kv_seen *seen, size_t nseen, int64_t *version,
                        struct err *err);
int store_sqlite_slot_insert(struct store_sqlite *sqlite, const char *scope, int64_t slot_ms,
                             bool *claimed, struct err *err);
int store_sqlite_boot_insert(struct store_sqlite *sqlite, const char *scope, const char *boot_id,
                             bool *claimed, struct err *err);

/* Reads events to the end of the query, and ends it. Columns: STORE_SQLITE_EVENT, and if content,
 * headers and body. orphaned: only those whose owner is dead. */
#define STORE_SQLITE_EVENT                                                                         \
    "seq, scope, id, part, type, order_key, state, received_ms, next_ms, ended_ms, attempt,"       \
    " conflicts, duplicates, alone, owner, error"
int store_sqlite_event_rows(struct store_sqlite *sqlite, sqlite3_stmt *stmt, bool content,
                            bool orphaned, struct store_events *events, struct err *err);
/* Whoever is first of an order key, and has no time to run at, can run at this one. */
int store_sqlite_event_next(struct store_sqlite *sqlite, const char *scope, const char *order_key,
                            int64_t now_ms, struct err *err);

/* Makes is_among(scope) known to SQL, by this list of homes (store_home_among), which is borrowed
 * as long as statements use it; and home_of(scope), moved_to(scope, home). */
int store_sqlite_scopes_know(struct store_sqlite *sqlite, const char *const *homes,
                             struct err *err);

/* A home that was copied elsewhere is marked in meta: whoever would go on with what is here is
 * refused. store_sqlite_moved: 1: it was, to this URL; 0; -1. */
int store_sqlite_moved(struct store_sqlite *sqlite, const char *home,
                       char url[static STORE_URL_MAX], struct err *err);
int store_sqlite_mark_moved(struct store_sqlite *sqlite, const char *home, const char *url,
                            struct err *err);
/* ERR_CONFIG where it was. home NULL: it was not. */
int store_sqlite_check_moved(struct store_sqlite *sqlite, const char *home, struct err *err);

/* NULL with err. To be finalized, or ended by store_sqlite_finish. */
sqlite3_stmt *store_sqlite_prepare(struct store_sqlite *sqlite, const char *sql, struct err *err);
/* The same, to be ended by store_sqlite_rest. sql is always the same for one of these. */
sqlite3_stmt *store_sqlite_keep(struct store_sqlite *sqlite, enum store_sqlite_kept which,
                                const char *sql, struct err *err);
void store_sqlite_rest(sqlite3_stmt *stmt);
/* Runs a kept query for one row, and leaves it at that. 1, 0: none, -1: it rests. */
int store_sqlite_step_row(struct store_sqlite *sqlite, sqlite3_stmt *stmt, struct err *err);
/* Steps a statement that returns no rows, and ends it. */
int store_sqlite_finish(struct store_sqlite *sqlite, sqlite3_stmt *stmt, struct err *err);
/*
 * Whether the row's columns hold what this program writes there; somebody else may have written to
 * the file. kinds has a letter a column: i, an integer from 0; s, one that fits an int; n, one
 * that may be below 0 (of a clock that counts from anywhere); t, a text
 * without NUL bytes; j, any text; b, anything. A capital letter: or NULL. ERR_CONFIG names the
 * column; the row stays as it is.
 */
int store_sqlite_check(struct store_sqlite *sqlite, sqlite3_stmt *stmt, const char *kinds,
                       struct err *err);
/* NULL is NULL; the text is borrowed until the statement ends. */
void store_sqlite_bind_text(sqlite3_stmt *stmt, int index, const char *text);
char *store_sqlite_column_text(sqlite3_stmt *stmt, int column); /* mem_free */
/* STORE_NONE is NULL. */
void store_sqlite_bind_time(sqlite3_stmt *stmt, int index, int64_t ms);
int64_t store_sqlite_column_time(sqlite3_stmt *stmt, int column);

#endif

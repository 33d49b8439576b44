/* The execution of an SQL statement, and the cache of prepared statements. Only for jeton.sqlite.
 */
#ifndef JETON_LSQLITE_CURSOR_H
#define JETON_LSQLITE_CURSOR_H

#include <lua.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LSQLITE_DB        "jeton.sqlite"
#define LSQLITE_CURSOR    "jeton.sqlite.cursor"
#define LSQLITE_CACHE_MAX 64 /* statements kept prepared per connection */

struct lsqlite_cached {
    sqlite3_stmt *stmt;
    char *sql; /* as the script wrote it */
    size_t len;
    uint64_t used; /* the connection's count when it was last used */
    bool busy;
};

struct lsqlite_cursor;
struct lsqlite_db {  /* the userdata of a connection */
    sqlite3 *handle; /* NULL: closed */
    struct lsqlite_cached cache[LSQLITE_CACHE_MAX];
    uint64_t count;
    struct lsqlite_cursor *cursors; /* open ones */
    int depth;                      /* of transactions */
    int64_t heap_max; /* bytes that all of SQLite may have while a statement of a script runs */
};

struct lsqlite_cursor {    /* a userdata; its user value is the connection */
    struct lsqlite_db *db; /* NULL: not open */
    struct lsqlite_cursor *prev, *next;
    sqlite3_stmt *stmt;            /* NULL: the SQL holds only white space and comments */
    struct lsqlite_cached *cached; /* the place of stmt in the cache; NULL: the cursor owns it */
};

/*
 * Code of the script that runs meanwhile, such as a finalizer, may close the connection; that
 * closes its cursors. What is called for a cursor then raises.
 */

/* Pushes a cursor for the first statement of sql; *rest points to what follows it. db_index: the
 * connection on the stack. Raises on an SQL error. */
struct lsqlite_cursor *lsqlite_cursor_push(lua_State *L, int db_index, const char *sql, size_t len,
                                           const char **rest);
/*
 * Binds the parameters at `first` to `last` on the stack: nil, json.null, booleans, numbers,
 * strings (TEXT if UTF-8, else BLOB). borrow: they stay on the stack until the cursor is closed, so
 * strings need not be copied. Raises on another type, or a wrong number of parameters.
 */
void lsqlite_cursor_bind(lua_State *L, struct lsqlite_cursor *cursor, int first, int last,
                         bool borrow);
bool lsqlite_cursor_step(lua_State *L, struct lsqlite_cursor *cursor); /* true: there is a row */
void lsqlite_cursor_push_row(lua_State *L, const struct lsqlite_cursor *cursor);
/* Steps what changes rows and returns some (RETURNING) to its end, where it is written, which may
 * fail. Nothing for what only reads, has not begun, or has ended. */
void lsqlite_cursor_finish(lua_State *L, struct lsqlite_cursor *cursor);
void lsqlite_cursor_close(struct lsqlite_cursor *cursor); /* idempotent */
/* Raises if `rest` holds more than white space and comments. */
void lsqlite_cursor_check_rest(lua_State *L, struct lsqlite_db *db, const char *rest);
/* Closes all cursors and statements; to be called before the connection is closed. */
void lsqlite_cursor_close_all(struct lsqlite_db *db);
/* Raises a string: position, SQLite's message and code, and the beginning of the SQL. handle and
 * sql are read before anything that could close the connection. */
int lsqlite_raise(lua_State *L, sqlite3 *handle, const char *sql);
void lsqlite_cursor_setup(lua_State *L); /* the metatable */

#endif

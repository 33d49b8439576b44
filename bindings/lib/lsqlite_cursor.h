/*
 * One execution of one SQL statement, and the cache that prepared statements come from. Private to
 * jeton.sqlite.
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
    uint64_t used; /* the db's count when it was last taken */
    bool busy;
};

struct lsqlite_cursor;
struct lsqlite_db {  /* the userdata of a connection */
    sqlite3 *handle; /* NULL: closed */
    struct lsqlite_cached cache[LSQLITE_CACHE_MAX];
    uint64_t count;
    struct lsqlite_cursor *cursors; /* open ones */
    int depth;                      /* of transactions */
};

struct lsqlite_cursor {    /* a userdata, whose user value is the connection's */
    struct lsqlite_db *db; /* NULL: not open */
    struct lsqlite_cursor *prev, *next;
    sqlite3_stmt *stmt;            /* NULL: nothing but white space and comments */
    struct lsqlite_cached *cached; /* where stmt belongs; NULL: to the cursor alone */
};

/*
 * Pushes a cursor on the first statement of sql; *rest is what follows it. db_index: the connection
 * on the stack. Raises on an SQL error.
 */
struct lsqlite_cursor *lsqlite_cursor_push(lua_State *L, int db_index, const char *sql, size_t len,
                                           const char **rest);
/*
 * Parameters from `first` to `last` on the stack: nil, json.null, boolean, integer, float, string
 * (TEXT when it is UTF-8, else BLOB). borrow: the strings stay on the stack until the cursor is
 * closed. Raises on another type or a wrong number of them.
 */
void lsqlite_cursor_bind(lua_State *L, struct lsqlite_cursor *cursor, int first, int last,
                         bool borrow);
bool lsqlite_cursor_step(lua_State *L, struct lsqlite_cursor *cursor); /* true: a row is there */
void lsqlite_cursor_push_row(lua_State *L, const struct lsqlite_cursor *cursor);
void lsqlite_cursor_close(struct lsqlite_cursor *cursor); /* idempotent */
/* Raises when anything but white space and comments follows a statement. */
void lsqlite_cursor_check_rest(lua_State *L, struct lsqlite_db *db, const char *rest);
/* Closes every cursor and statement; before the connection is closed. */
void lsqlite_cursor_close_all(struct lsqlite_db *db);
/* Raises a string: where, what SQLite says, its code, and the SQL (cut). */
int lsqlite_raise(lua_State *L, sqlite3 *handle, const char *sql);
void lsqlite_cursor_setup(lua_State *L); /* the metatable */

#endif

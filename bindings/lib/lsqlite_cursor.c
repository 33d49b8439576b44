#include "lsqlite_cursor.h"

#include "err.h"
#include "fd.h"
#include "json.h"
#include "ljson_value.h"
#include "mem.h"
#include "utf8.h"
#include "vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#define SQL_SHOWN 160 /* bytes of SQL in a message */

static const char *code_name(int code)
{
    static const struct {
        int code;
        const char *name;
    } names[] = {
        {SQLITE_ERROR, "SQLITE_ERROR"},       {SQLITE_BUSY, "SQLITE_BUSY"},
        {SQLITE_LOCKED, "SQLITE_LOCKED"},     {SQLITE_NOMEM, "SQLITE_NOMEM"},
        {SQLITE_READONLY, "SQLITE_READONLY"}, {SQLITE_IOERR, "SQLITE_IOERR"},
        {SQLITE_CORRUPT, "SQLITE_CORRUPT"},   {SQLITE_FULL, "SQLITE_FULL"},
        {SQLITE_TOOBIG, "SQLITE_TOOBIG"},     {SQLITE_CONSTRAINT, "SQLITE_CONSTRAINT"},
        {SQLITE_MISMATCH, "SQLITE_MISMATCH"}, {SQLITE_NOTADB, "SQLITE_NOTADB"},
        {SQLITE_RANGE, "SQLITE_RANGE"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (names[i].code == code)
            return names[i].name;
    }
    return NULL;
}

/* Copies the beginning of an SQL text, which SQLite may own. */
static const char *cut_sql(const char *sql, char shown[SQL_SHOWN + sizeof ERR_CUT])
{
    size_t len = utf8_cut(sql, strlen(sql), SQL_SHOWN);
    memcpy(shown, sql, len);
    strcpy(shown + len, sql[len] != '\0' ? ERR_CUT : "");
    return shown;
}

int lsqlite_raise(lua_State *L, sqlite3 *handle, const char *sql)
{
    char shown[SQL_SHOWN + sizeof ERR_CUT];
    int code = sqlite3_errcode(handle) & 0xff;
    const char *name = code_name(code);
    cut_sql(sql, shown);
    if (code == SQLITE_NOMEM)
        vm_lacked_memory(vm_of(L));
    bool no_descriptor = code == SQLITE_CANTOPEN && fd_few_left(); /* SQLite does not say so */
    const char *message =
        lua_pushstring(L, no_descriptor ? strerror(EMFILE)
                                        : sqlite3_errmsg(handle)); /* may close the connection */
    if (name == NULL)
        name = lua_pushfstring(L, "SQLite error %d", code);
    return luaL_error(L, "%s (%s) in: %s", message, name, shown);
}

/* To be called before a cursor is used again after code of the script may have run: any call that
 * allocates may run finalizers, and one of them may have closed the connection. */
static void check_open(lua_State *L, const struct lsqlite_cursor *cursor)
{
    if (cursor->db == NULL)
        luaL_error(L, "the database was closed while a statement was using it");
}

/* ---- memory ---- */

/*
 * SQLite's memory is none of Lua's, so the run's limit must be set here. SQLite has one limit for
 * the whole process. It is on only while a script's statement runs: the store must be able to
 * write.
 */
static int prepare_limited(const struct lsqlite_db *db, const char *sql, sqlite3_stmt **stmt,
                           const char **rest)
{
    sqlite3_hard_heap_limit64(db->heap_max);
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, rest);
    sqlite3_hard_heap_limit64(0);
    return code;
}

static int step_limited(const struct lsqlite_cursor *cursor)
{
    sqlite3_hard_heap_limit64(cursor->db->heap_max);
    int code = sqlite3_step(cursor->stmt);
    sqlite3_hard_heap_limit64(0);
    return code;
}

/* ---- the cache ---- */

static struct lsqlite_cached *cache_find(struct lsqlite_db *db, const char *sql, size_t len)
{
    for (size_t i = 0; i < LSQLITE_CACHE_MAX; i++) {
        struct lsqlite_cached *entry = &db->cache[i];
        if (entry->stmt != NULL && !entry->busy && entry->len == len &&
            memcmp(entry->sql, sql, len) == 0)
            return entry;
    }
    return NULL;
}

static void cache_clear(struct lsqlite_cached *entry)
{
    sqlite3_finalize(entry->stmt);
    mem_free(entry->sql);
    *entry = (struct lsqlite_cached){0};
}

/* A free entry, or that of the statement unused for longest. NULL: all are in use. */
static struct lsqlite_cached *cache_place(struct lsqlite_db *db)
{
    struct lsqlite_cached *oldest = NULL;
    for (size_t i = 0; i < LSQLITE_CACHE_MAX; i++) {
        struct lsqlite_cached *entry = &db->cache[i];
        if (entry->stmt == NULL)
            return entry;
        if (!entry->busy && (oldest == NULL || entry->used < oldest->used))
            oldest = entry;
    }
    if (oldest != NULL)
        cache_clear(oldest);
    return oldest;
}

static const char *skip_space(const char *text)
{
    return text + strspn(text, " \t\r\n\f;");
}

/* ---- cursors ---- */

static struct lsqlite_cursor *new_cursor(lua_State *L, int db_index)
{
    db_index = lua_absindex(L, db_index);
    struct lsqlite_cursor *cursor = lua_newuserdatauv(L, sizeof *cursor, 1);
    *cursor = (struct lsqlite_cursor){0};
    luaL_setmetatable(L, LSQLITE_CURSOR);
    lua_pushvalue(L, db_index);
    lua_setiuservalue(L, -2, 1); /* the connection outlives its cursors */
    return cursor;
}

static void link_cursor(struct lsqlite_cursor *cursor, struct lsqlite_db *db)
{
    cursor->db = db;
    cursor->prev = NULL;
    cursor->next = db->cursors;
    if (cursor->next != NULL)
        cursor->next->prev = cursor;
    db->cursors = cursor;
}

struct lsqlite_cursor *lsqlite_cursor_push(lua_State *L, int db_index, const char *sql, size_t len,
                                           const char **rest)
{
    struct lsqlite_db *db = lua_touserdata(L, db_index);
    struct lsqlite_cursor *cursor = new_cursor(L, db_index);
    if (db->handle == NULL) /* closed by a finalizer */
        luaL_error(L, "the database is closed");
    struct lsqlite_cached *entry = cache_find(db, sql, len);
    if (entry == NULL) {
        sqlite3_stmt *stmt = NULL;
        if (prepare_limited(db, sql, &stmt, rest) != SQLITE_OK)
            lsqlite_raise(L, db->handle, sql);
        link_cursor(cursor, db);
        cursor->stmt = stmt;
        /* A text of several statements is not cached: it is a schema, and runs once. */
        bool alone = *skip_space(*rest) == '\0';
        entry = stmt != NULL && alone ? cache_place(db) : NULL;
        if (entry == NULL)
            return cursor;
        entry->stmt = stmt;
        entry->sql = mem_strndup(sql, len);
        entry->len = len;
    } else {
        link_cursor(cursor, db);
        cursor->stmt = entry->stmt;
        *rest = sql + len;
    }
    entry->used = ++db->count;
    entry->busy = true;
    cursor->cached = entry;
    return cursor;
}

static int bind_value(lua_State *L, struct lsqlite_cursor *cursor, int place, int index,
                      bool borrow)
{
    sqlite3_destructor_type keep = borrow ? SQLITE_STATIC : SQLITE_TRANSIENT;
    sqlite3_stmt *stmt = cursor->stmt;
    size_t len;
    const char *text;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return sqlite3_bind_null(stmt, place);
    case LUA_TLIGHTUSERDATA:
        if (ljson_value_is_null(L, index))
            return sqlite3_bind_null(stmt, place);
        break;
    case LUA_TBOOLEAN:
        return sqlite3_bind_int(stmt, place, lua_toboolean(L, index));
    case LUA_TNUMBER:
        if (isnan(lua_tonumber(L, index)))
            return luaL_argerror(L, index, "NaN, in whose place SQLite would store NULL");
        return lua_isinteger(L, index) ? sqlite3_bind_int64(stmt, place, lua_tointeger(L, index))
                                       : sqlite3_bind_double(stmt, place, lua_tonumber(L, index));
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        return json_utf8_valid(text, len)
                   ? sqlite3_bind_text64(stmt, place, text, len, keep, SQLITE_UTF8)
                   : sqlite3_bind_blob64(stmt, place, text, len, keep);
    default:
        break;
    }
    return luaL_typeerror(L, index, "nil, boolean, number, string or json.null");
}

void lsqlite_cursor_bind(lua_State *L, struct lsqlite_cursor *cursor, int first, int last,
                         bool borrow)
{
    int given = last - first + 1;
    int wanted = sqlite3_bind_parameter_count(cursor->stmt);
    if (given != wanted) {
        char shown[SQL_SHOWN + sizeof ERR_CUT];
        luaL_error(L, "%d parameters given, %d in: %s", given, wanted,
                   cut_sql(sqlite3_sql(cursor->stmt), shown));
    }
    for (int i = 0; i < given; i++) {
        if (bind_value(L, cursor, i + 1, first + i, borrow) != SQLITE_OK)
            lsqlite_raise(L, cursor->db->handle, sqlite3_sql(cursor->stmt));
    }
}

bool lsqlite_cursor_step(lua_State *L, struct lsqlite_cursor *cursor)
{
    check_open(L, cursor);
    int code = step_limited(cursor);
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        lsqlite_raise(L, cursor->db->handle, sqlite3_sql(cursor->stmt));
    return code == SQLITE_ROW;
}

void lsqlite_cursor_finish(lua_State *L, struct lsqlite_cursor *cursor)
{
    if (!sqlite3_stmt_busy(cursor->stmt) || sqlite3_stmt_readonly(cursor->stmt))
        return;
    while (lsqlite_cursor_step(L, cursor))
        continue;
}

void lsqlite_cursor_push_row(lua_State *L, const struct lsqlite_cursor *cursor)
{
    sqlite3_stmt *stmt = cursor->stmt;
    int columns = sqlite3_data_count(stmt);
    lua_createtable(L, 0, columns);
    for (int i = 0; i < columns; i++) {
        check_open(L, cursor);
        switch (sqlite3_column_type(stmt, i)) {
        case SQLITE_INTEGER:
            lua_pushinteger(L, sqlite3_column_int64(stmt, i));
            break;
        case SQLITE_FLOAT:
            lua_pushnumber(L, sqlite3_column_double(stmt, i));
            break;
        case SQLITE_NULL:
            continue;
        case SQLITE_TEXT: { /* in UTF-8, whatever the database has */
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            if (text == NULL)
                luaL_error(L, "not enough memory");
            lua_pushlstring(L, text, (size_t)sqlite3_column_bytes(stmt, i));
            break;
        }
        default: {
            const char *data = sqlite3_column_blob(stmt, i); /* NULL for an empty one */
            lua_pushlstring(L, data != NULL ? data : "", (size_t)sqlite3_column_bytes(stmt, i));
        }
        }
        check_open(L, cursor);
        lua_setfield(L, -2, sqlite3_column_name(stmt, i));
    }
}

void lsqlite_cursor_close(struct lsqlite_cursor *cursor)
{
    struct lsqlite_db *db = cursor->db;
    if (db == NULL)
        return;
    if (cursor->prev != NULL)
        cursor->prev->next = cursor->next;
    else
        db->cursors = cursor->next;
    if (cursor->next != NULL)
        cursor->next->prev = cursor->prev;
    if (cursor->cached != NULL) {
        sqlite3_reset(
            cursor->stmt); /* returns the error of sqlite3_step again, which was raised already */
        sqlite3_clear_bindings(cursor->stmt);
        cursor->cached->busy = false;
    } else {
        sqlite3_finalize(cursor->stmt);
    }
    *cursor = (struct lsqlite_cursor){0};
}

void lsqlite_cursor_check_rest(lua_State *L, struct lsqlite_db *db, const char *rest)
{
    rest = skip_space(rest);
    if (*rest == '\0')
        return;
    sqlite3_stmt *stmt = NULL; /* SQLite knows what is only a comment */
    int code = sqlite3_prepare_v2(db->handle, rest, -1, &stmt, NULL);
    bool comment = code == SQLITE_OK && stmt == NULL;
    sqlite3_finalize(stmt);
    if (!comment)
        luaL_error(L, "one statement expected; only db:exec without parameters takes several: %s",
                   rest);
}

void lsqlite_cursor_close_all(struct lsqlite_db *db)
{
    while (db->cursors != NULL)
        lsqlite_cursor_close(db->cursors);
    for (size_t i = 0; i < LSQLITE_CACHE_MAX; i++)
        cache_clear(&db->cache[i]);
}

static int cursor_gc(lua_State *L)
{
    lsqlite_cursor_close(luaL_checkudata(L, 1, LSQLITE_CURSOR));
    return 0;
}

/* Left by a loop; index 2: the error that does. */
static int cursor_left(lua_State *L)
{
    struct lsqlite_cursor *cursor = luaL_checkudata(L, 1, LSQLITE_CURSOR);
    if (lua_isnoneornil(L, 2))
        lsqlite_cursor_finish(L, cursor);
    lsqlite_cursor_close(cursor);
    return 0;
}

void lsqlite_cursor_setup(lua_State *L)
{
    static const luaL_Reg meta[] = {{"__gc", cursor_gc}, {"__close", cursor_left}, {NULL, NULL}};
    if (luaL_newmetatable(L, LSQLITE_CURSOR))
        luaL_setfuncs(L, meta, 0);
    lua_pop(L, 1);
}

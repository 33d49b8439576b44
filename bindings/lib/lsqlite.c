/* jeton.sqlite: databases for scripts. A connection is a userdata. SQL errors raise. */
#include "lerr.h"
#include "lsqlite_cursor.h"
#include "ltest_world.h"
#include "luaopen.h"
#include "mem.h"
#include "place.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS   10000 /* waits this long for another process's lock */
#define DEPTH_MAX 64    /* nested transactions */
#define FILE_MODE 0600
/* What SQLite may have beside a script's share: the store, and the caches of databases in files. */
#define HEAP_SHARE ((int64_t)16 * 1024 * 1024)

static struct lsqlite_db *check_db(lua_State *L)
{
    struct lsqlite_db *db = luaL_checkudata(L, 1, LSQLITE_DB);
    if (db->handle == NULL)
        luaL_error(L, "the database is closed");
    return db;
}

static const char *check_sql(lua_State *L, size_t *len)
{
    const char *sql = luaL_checklstring(L, 2, len);
    luaL_argcheck(L, strlen(sql) == *len, 2, "the SQL holds a NUL byte");
    return sql;
}

/* Pushes a cursor for the statement at index 2, with the arguments after it as parameters. */
static struct lsqlite_cursor *start(lua_State *L, bool borrow)
{
    struct lsqlite_db *db = check_db(L);
    size_t len;
    const char *sql = check_sql(L, &len), *rest;
    int last = lua_gettop(L);
    struct lsqlite_cursor *cursor = lsqlite_cursor_push(L, 1, sql, len, &rest);
    lua_toclose(L, -1);
    luaL_argcheck(L, cursor->stmt != NULL, 2, "no SQL statement in it");
    lsqlite_cursor_check_rest(L, db, rest);
    lsqlite_cursor_bind(L, cursor, 3, last, borrow);
    return cursor;
}

static int64_t run_to_end(lua_State *L, struct lsqlite_cursor *cursor)
{
    /* If this statement changes nothing, sqlite3_changes still has an earlier one's number. */
    int64_t before = sqlite3_total_changes64(cursor->db->handle);
    while (lsqlite_cursor_step(L, cursor))
        continue;
    sqlite3 *handle = cursor->db->handle;
    return sqlite3_total_changes64(handle) != before ? sqlite3_changes64(handle) : 0;
}

/* db:exec(sql, …) */
static int db_exec(lua_State *L)
{
    check_db(L);
    size_t len;
    const char *sql = check_sql(L, &len), *rest;
    const char *end = sql + len;
    int last = lua_gettop(L);
    int64_t changes = 0;
    do {
        struct lsqlite_cursor *cursor =
            lsqlite_cursor_push(L, 1, sql, (size_t)(end - sql), &rest); /* … cursor */
        lua_toclose(L, -1);
        if (cursor->stmt != NULL) {
            if (last > 2) /* which of the statements would get the parameters? */
                lsqlite_cursor_check_rest(L, cursor->db, rest);
            lsqlite_cursor_bind(L, cursor, 3, last, true);
            changes += run_to_end(L, cursor);
        }
        /* Not by lua_settop: in Lua 5.4.4 that loses its place when the stack moves meanwhile. */
        lua_closeslot(L, last + 1);
        lua_settop(L, last);
        sql = rest;
    } while (sql < end);
    lua_pushinteger(L, changes);
    return 1;
}

static int db_rows(lua_State *L)
{
    struct lsqlite_cursor *cursor = start(L, true);
    lua_newtable(L); /* … cursor rows */
    for (lua_Integer n = 1; lsqlite_cursor_step(L, cursor); n++) {
        lsqlite_cursor_push_row(L, cursor);
        lua_rawseti(L, -2, n);
    }
    return 1;
}

static int db_row(lua_State *L)
{
    struct lsqlite_cursor *cursor = start(L, true);
    if (!lsqlite_cursor_step(L, cursor))
        return 0;
    lsqlite_cursor_push_row(L, cursor);
    lsqlite_cursor_finish(L, cursor);
    return 1;
}

static int iterate_next(lua_State *L)
{
    struct lsqlite_cursor *cursor = lua_touserdata(L, lua_upvalueindex(1));
    if (cursor->db == NULL)
        return lua_toboolean(L, lua_upvalueindex(2))
                   ? 0
                   : luaL_error(L, "the database was closed during db:iterate");
    if (lsqlite_cursor_step(L, cursor)) {
        lsqlite_cursor_push_row(L, cursor);
        return 1;
    }
    lsqlite_cursor_close(cursor);
    lua_pushboolean(L, 1);
    lua_replace(L, lua_upvalueindex(2)); /* the last row was read */
    return 0;
}

/* for row in db:iterate(sql, …): the cursor is the loop's closing value. */
static int db_iterate(lua_State *L)
{
    struct lsqlite_db *db = check_db(L);
    size_t len;
    const char *sql = check_sql(L, &len), *rest;
    int last = lua_gettop(L);
    struct lsqlite_cursor *cursor = lsqlite_cursor_push(L, 1, sql, len, &rest); /* … cursor */
    luaL_argcheck(L, cursor->stmt != NULL, 2, "no SQL statement in it");
    lsqlite_cursor_check_rest(L, db, rest);
    lsqlite_cursor_bind(L, cursor, 3, last, false);
    lua_pushvalue(L, -1);
    lua_pushboolean(L, 0);
    lua_pushcclosure(L, iterate_next, 2); /* … cursor next */
    lua_insert(L, -2);
    lua_pushnil(L);
    lua_pushnil(L);
    lua_rotate(L, -3, -1); /* … next nil nil cursor */
    return 4;
}

static void run_simple(lua_State *L, struct lsqlite_db *db, const char *sql)
{
    if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
        lsqlite_raise(L, db->handle, sql);
}

/* Some errors, such as a full disk, roll back by themselves. */
static void roll_back(struct lsqlite_db *db, const char *name)
{
    if (db->handle == NULL || sqlite3_get_autocommit(db->handle))
        return;
    char *sql = db->depth == 0 ? mem_strdup("ROLLBACK")
                               : mem_printf("ROLLBACK TO %s; RELEASE %s", name, name);
    sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    mem_free(sql);
}

/*
 * db:transaction(fn) → fn's results. fn cannot yield under lua_pcall, so a call that waits raises.
 * Otherwise other tasks could run inside the open transaction.
 */
static int db_transaction(lua_State *L)
{
    struct lsqlite_db *db = check_db(L);
    luaL_checktype(L, 2, LUA_TFUNCTION);
    lua_settop(L, 2);
    if (db->depth >= DEPTH_MAX)
        return luaL_error(L, "transactions nested deeper than %d", DEPTH_MAX);
    if (db->depth > 0 && sqlite3_get_autocommit(db->handle))
        return luaL_error(L, "the transaction around this one has ended");
    const char *name = lua_pushfstring(L, "jeton_%d", db->depth); /* db fn name */
    bool outer = db->depth == 0;
    /* Immediate: otherwise two transactions that read first and then write would block each other.
     */
    const char *begin = outer ? "BEGIN IMMEDIATE" : lua_pushfstring(L, "SAVEPOINT %s", name);
    run_simple(L, check_db(L), begin); /* a finalizer may have closed it */
    db->depth++;                       /* so that it stays open */
    lua_settop(L, 3);
    lua_pushvalue(L, 2);
    int status = lua_pcall(L, 0, LUA_MULTRET, 0); /* db fn name results… | error */
    db->depth--;
    if (status != LUA_OK) {
        roll_back(db, name);
        return lua_error(L);
    }
    check_db(L); /* a <close> variable may have closed it */
    if (sqlite3_get_autocommit(db->handle))
        return luaL_error(L, "the transaction was ended inside of db:transaction; leave BEGIN, "
                             "COMMIT and ROLLBACK to it (raise an error to roll back)");
    int results = lua_gettop(L) - 3;
    const char *commit = outer ? "COMMIT" : lua_pushfstring(L, "RELEASE %s", name);
    if (sqlite3_exec(db->handle, commit, NULL, NULL, NULL) != SQLITE_OK) {
        const char *message = lua_pushstring(L, sqlite3_errmsg(db->handle));
        roll_back(db, name);
        return luaL_error(L, "%s in: %s", message, commit);
    }
    lua_settop(L, 3 + results);
    return results;
}

static int db_last_id(lua_State *L)
{
    lua_pushinteger(L, sqlite3_last_insert_rowid(check_db(L)->handle));
    return 1;
}

static void close_db(struct lsqlite_db *db)
{
    if (db->handle == NULL)
        return;
    lsqlite_cursor_close_all(db);
    sqlite3_close(db->handle);
    db->handle = NULL;
}

static int db_close(lua_State *L)
{
    struct lsqlite_db *db = luaL_checkudata(L, 1, LSQLITE_DB);
    if (db->depth > 0)
        return luaL_error(L, "db:close inside db:transaction");
    close_db(db);
    return 0;
}

static int db_gc(lua_State *L)
{
    close_db(luaL_checkudata(L, 1, LSQLITE_DB));
    return 0;
}

static int db_tostring(lua_State *L)
{
    struct lsqlite_db *db = luaL_checkudata(L, 1, LSQLITE_DB);
    const char *path = db->handle != NULL ? sqlite3_db_filename(db->handle, "main") : NULL;
    lua_pushfstring(L, "%s: %s", LSQLITE_DB,
                    db->handle == NULL              ? "closed"
                    : path != NULL && *path != '\0' ? path
                                                    : ":memory:");
    return 1;
}

/* ---- opening ---- */

/* Creates the file with our mode, since SQLite would use 0644. An existing file is not opened:
 * closing a descriptor would drop the locks that SQLite has on it in this process. */
static int create_private(const struct place *place, struct err *err)
{
    if (place->exists)
        return 0;
    int fd = openat(place->folder, place->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    if (fd >= 0)
        close(fd);
    else if (errno != EEXIST)
        return err_set(err, ERR_CONFIG, "%s", strerror(errno));
    return 0;
}

/* Attached databases of tests. */
static void guard_database(lua_State *L, sqlite3 *handle)
{
    const struct vm_test *test = vm_options_of(vm_of(L))->test;
    if (test != NULL)
        sqlite3_set_authorizer(handle, ltest_guard_database, test->world);
}

static int open_failed(const struct lsqlite_db *db, const char *path, struct err *err)
{
    return err_set(err, ERR_CONFIG, "cannot open database '%s': %s", path,
                   db->handle != NULL ? sqlite3_errmsg(db->handle) : "out of memory");
}

static int has_no_pages(void *answer, int columns, char **values, char **names)
{
    (void)names;
    *(bool *)answer = columns == 1 && values[0] != NULL && strcmp(values[0], "0") == 0;
    return 0;
}

static int configure(struct lsqlite_db *db, const char *path, bool file, struct err *err)
{
    sqlite3_busy_timeout(db->handle, BUSY_MS);
    sqlite3_extended_result_codes(db->handle, 1);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    /* "x" is always a column, never a string, so that a misspelt column is an error. */
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    if (sqlite3_exec(db->handle, "PRAGMA foreign_keys=ON", NULL, NULL, NULL) != SQLITE_OK)
        return open_failed(db, path, err);
    /* This also reads the file: one that is no database fails here. */
    bool is_new = false;
    if (sqlite3_exec(db->handle, "PRAGMA page_count", has_no_pages, &is_new, NULL) != SQLITE_OK)
        return open_failed(db, path, err);
    /* Another program's database stays as that keeps it. */
    if (file && is_new && !sqlite3_db_readonly(db->handle, "main") &&
        sqlite3_exec(db->handle, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) != SQLITE_OK)
        return open_failed(db, path, err);
    return 0;
}

/* What SQLite is to open (mem_free): a path without links, by the rule of place.h. */
static char *place_database(const char *path, struct err *err)
{
    struct place place;
    char *name = NULL;
    if (place_find(&place, path, err) == 0 && create_private(&place, err) == 0)
        name = mem_strdup(place.path);
    else
        err_wrap(err, "cannot open database '%s'", path);
    place_destroy(&place);
    return name;
}

/* sqlite.open(path) */
static int sqlite_open(lua_State *L)
{
    size_t len;
    const char *path = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, len > 0 && strlen(path) == len, 1, "a path without NUL bytes expected");
    bool file = strcmp(path, ":memory:") != 0;
    struct lsqlite_db *db = lua_newuserdatauv(L, sizeof *db, 0);
    *db = (struct lsqlite_db){.heap_max = (int64_t)vm_memory_limit(vm_of(L)) + HEAP_SHARE};
    luaL_setmetatable(L, LSQLITE_DB);

    struct err err;
    err_clear(&err);
    char *name = file ? place_database(path, &err) : mem_strdup(path);
    if (name == NULL)
        return lerr_return(L, &err);
    /* Not SQLITE_OPEN_MEMORY, which ":memory:" does not need: ATTACH and VACUUM INTO would have it
     * too, and write to memory in place of their file. */
    int code = sqlite3_open_v2(name, &db->handle,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX |
                                   SQLITE_OPEN_EXRESCODE,
                               NULL);
    mem_free(name);
    if (code != SQLITE_OK)
        open_failed(db, path, &err);
    else if (configure(db, path, file, &err) == 0) {
        guard_database(L, db->handle);
        return 1;
    }
    close_db(db);
    return lerr_return(L, &err);
}

int luaopen_jeton_sqlite(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"exec", db_exec},       {"rows", db_rows},
        {"row", db_row},         {"iterate", db_iterate},
        {"last_id", db_last_id}, {"transaction", db_transaction},
        {"close", db_close},     {NULL, NULL},
    };
    static const luaL_Reg meta[] = {
        {"__gc", db_gc}, {"__close", db_gc}, {"__tostring", db_tostring}, {NULL, NULL}};
    static const luaL_Reg module[] = {{"open", sqlite_open}, {NULL, NULL}};
    lsqlite_cursor_setup(L);
    if (luaL_newmetatable(L, LSQLITE_DB)) {
        luaL_setfuncs(L, meta, 0);
        luaL_newlib(L, methods);
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
    luaL_newlib(L, module);
    return 1;
}

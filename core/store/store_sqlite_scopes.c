/* Functions that SQL may use on scopes. */
#include "mem.h"
#include "store_home.h"
#include "store_sqlite.h"

#include <string.h>

#define CRONTAB "crontab:"

static const char *home_of(const char *scope)
{
    bool crontab = strncmp(scope, CRONTAB, sizeof CRONTAB - 1) == 0;
    return crontab ? scope + sizeof CRONTAB - 1 : store_home_of(scope);
}

static const char *argument_home(sqlite3_value **arguments)
{
    const char *scope = (const char *)sqlite3_value_text(arguments[0]);
    return scope != NULL ? home_of(scope) : NULL;
}

/* is_among(scope): its home is one of the list. */
static void is_among(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    const char *home = argument_home(arguments);
    sqlite3_result_int(context, home != NULL && store_home_among(home, sqlite3_user_data(context)));
}

/* home_of(scope); NULL where it has none. */
static void its_home(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    const char *home = argument_home(arguments);
    if (home != NULL)
        sqlite3_result_text(context, home, -1, SQLITE_TRANSIENT);
}

/* moved_to(scope, home): the scope with this home. */
static void moved_to(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    const char *scope = (const char *)sqlite3_value_text(arguments[0]);
    char *moved = mem_printf("%.*s%s", (int)(home_of(scope) - scope), scope,
                             (const char *)sqlite3_value_text(arguments[1]));
    sqlite3_result_text(context, moved, -1, SQLITE_TRANSIENT);
    mem_free(moved);
}

int store_sqlite_scopes_know(struct store_sqlite *sqlite, const char *const *homes, struct err *err)
{
    static const int flags = SQLITE_UTF8 | SQLITE_DIRECTONLY;
    void *list = (void *)(uintptr_t)homes;
    if (sqlite3_create_function(sqlite->db, "is_among", 1, flags, list, is_among, NULL, NULL) ==
            SQLITE_OK &&
        sqlite3_create_function(sqlite->db, "home_of", 1, flags, NULL, its_home, NULL, NULL) ==
            SQLITE_OK &&
        sqlite3_create_function(sqlite->db, "moved_to", 2, flags, NULL, moved_to, NULL, NULL) ==
            SQLITE_OK)
        return 0;
    return store_sqlite_failed(sqlite, "cannot be read", err);
}

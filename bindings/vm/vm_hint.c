/*
 * Suggestions for some errors. "module 'lib.csv' not found:" and all places: the two that matter,
 * on one line. "attempt to call a nil value (method 'send_mesage')": the nearest
 * name. "attempt to index a nil value (global 'kaizala')": the script has not required the module.
 * "attempt to index a userdata value": what that is.
 */
#include "vm_private.h"

#include "nearest.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <string.h>

#define HINT_NAMES_MAX 1024
#define HINT_NAME_SIZE 64

/* Names of functions. The strings belong to the script's tables: while they are used, nothing may
 * allocate, since a finalizer could change the tables. */
struct names {
    const char *items[HINT_NAMES_MAX];
    size_t count;
    int name_key; /* where "__name" is on the stack */
};

/* The functions of the table on top. */
static void add_functions(lua_State *L, struct names *names)
{
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) { /* table name value */
        if (lua_type(L, -2) == LUA_TSTRING && lua_isfunction(L, -1) &&
            strncmp(lua_tostring(L, -2), "__", 2) != 0 && names->count < HINT_NAMES_MAX)
            names->items[names->count++] = lua_tostring(L, -2);
        lua_pop(L, 1);
    }
}

/* The methods of the classes (tables with __name) in the module on top. */
static void add_methods(lua_State *L, struct names *names)
{
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) { /* module name class */
        if (lua_istable(L, -1)) {
            lua_pushvalue(L, names->name_key);
            bool is_class = lua_rawget(L, -2) == LUA_TSTRING;
            lua_pop(L, 1);
            if (is_class)
                add_functions(L, names);
        }
        lua_pop(L, 1);
    }
}

/* Adds names from the loaded modules that are ours, not from the script's own. */
static void add_loaded(lua_State *L, bool methods, struct names *names)
{
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* loaded */
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) { /* loaded name module */
        const char *name = lua_type(L, -2) == LUA_TSTRING ? lua_tostring(L, -2) : "";
        if (lua_istable(L, -1)) {
            if (methods && strncmp(name, "kaizala.", 8) == 0)
                add_methods(L, names);
            else if (methods && strcmp(name, LUA_STRLIBNAME) == 0)
                add_functions(L, names);
            else if (!methods && (strncmp(name, "jeton", 5) == 0 || strcmp(name, "kaizala") == 0))
                add_functions(L, names);
        }
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
}

static void append(struct err *err, const char *before, const char *name, const char *after)
{
    err_advise(err, "%s%s%s", before, name, after);
}

/* Suggests `require` if the global has the name of a module of ours, with or without "jeton.". */
static void hint_module(lua_State *L, const char *name, struct err *err)
{
    char long_name[sizeof "jeton." + HINT_NAME_SIZE], line[3 * HINT_NAME_SIZE];
    snprintf(long_name, sizeof long_name, "jeton.%s", name);
    lua_getfield(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE); /* preload */
    const char *module = NULL;
    if (strcmp(name, "kaizala") == 0 || lua_getfield(L, -1, name) != LUA_TNIL)
        module = name;
    else if (lua_getfield(L, -2, long_name) != LUA_TNIL)
        module = long_name;
    if (module == NULL)
        return;
    snprintf(line, sizeof line, "local %s = require \"%s\"", name, module);
    append(err, "the script needs `", line, "`");
}

/* Takes kind and name out of "MESSAGE (KIND 'NAME')"; false: the text is another one. */
static bool find_name(const char *text, const char *message, char kind[8],
                      char name[HINT_NAME_SIZE])
{
    const char *at = strstr(text, message);
    return at != NULL &&
           sscanf(at + strlen(message), " (%7[a-z] '%63[A-Za-z0-9_]')", kind, name) == 2;
}

/* The line at text, without the tab that it starts with. */
static int length(const char *text)
{
    return (int)strcspn(text, "\n");
}

size_t vm_hint_missing(const char *text, struct err *err)
{
    static const char first[] = "\n\tno field package.preload[";
    static const char place[] = "\n\tno file '", found[] = " not found:";
    const char *list = strstr(text, first);
    if (list == NULL || list - text < (ptrdiff_t)sizeof found - 1 ||
        strncmp(list - (sizeof found - 1), found, sizeof found - 1) != 0)
        return 0;
    const char *ours = strstr(list, place); /* what search_embedded says */
    const char *beside = ours != NULL ? strstr(ours + 1, place) : NULL;
    if (ours == NULL || beside == NULL)
        return 0;
    ours += 2;
    beside += 2 + strlen("no file ");
    const char *end = list + 1;
    while (strncmp(end, "\tno f", 5) == 0)
        end += length(end) + (end[length(end)] == '\n');
    bool suggested = memmem(ours, (size_t)length(ours), "did you mean", 12) != NULL;
    if (suggested)
        err_set(err, ERR_SCRIPT, "%.*s %.*s", (int)(list - text), text, length(ours), ours);
    else
        err_set(err, ERR_SCRIPT,
                "%.*s %.*s, and no %.*s; a script that was copied needs its modules there too",
                (int)(list - text), text, length(ours), ours, length(beside), beside);
    return (size_t)(end - text);
}

void vm_add_hint(lua_State *L, const char *text, struct err *err)
{
    if (vm_hint_missing(text, err) > 0)
        return;
    err_set(err, ERR_SCRIPT, "%s", text);
    vm_hint(L, err);
}

/* All userdata of ours have names, but for this one, which replies put where a text may be. */
static bool is_null(const char *text)
{
    static const char *const said[] = {"a userdata value", "got light userdata",
                                       "compare userdata with", "with userdata"};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (strstr(text, said[i]) != NULL)
            return true;
    }
    return false;
}

void vm_hint(lua_State *L, struct err *err)
{
    char kind[8], name[HINT_NAME_SIZE];
    int top = lua_gettop(L);
    if (!lua_checkstack(L, 10))
        return;
    if (is_null(err->msg)) {
        err_advise(err, "such a userdata is JSON's null (json.null), not nil");
        return;
    }
    if (strstr(err->msg, "attempt to call a nil value (for iterator") != NULL) {
        err_advise(err, "what stands behind `in` gave nil; why is in its second result, which "
                        "assert(…) raises");
        return;
    }
    if (strstr(err->msg, "attempt to call a table value (for iterator") != NULL) {
        err_advise(err,
                   "the items of a list are given by ipairs(list), those of a mapping by pairs");
        return;
    }
    if (find_name(err->msg, "attempt to index a nil value", kind, name)) {
        if (strcmp(kind, "global") == 0 && strcmp(name, "arg") == 0)
            err_advise(err, "the script's arguments are `...`, and in require \"jeton\".args");
        else if (strcmp(kind, "global") == 0)
            hint_module(L, name, err);
        lua_settop(L, top);
        return;
    }
    if (!find_name(err->msg, "attempt to call a nil value", kind, name))
        return;
    lua_pushliteral(L, "__name");
    struct names names = {.name_key = lua_gettop(L)};
    if (strcmp(kind, "method") == 0) {
        add_loaded(L, true, &names);
    } else if (strcmp(kind, "field") == 0) {
        add_loaded(L, false, &names);
    } else if (strcmp(kind, "global") == 0) {
        lua_pushglobaltable(L);
        add_functions(L, &names);
        lua_pop(L, 1);
    }
    lua_settop(L, top);
    const char *nearest = nearest_name(name, names.items, names.count);
    if (nearest != NULL && strcmp(nearest, name) != 0)
        append(err, "did you mean '", nearest, "'?");
}

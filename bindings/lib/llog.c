/* jeton.log: lines of a script in jeton's own log. */
#include "engine.h"
#include "larg.h"
#include "luaopen.h"
#include "vm.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define LLOG_FIELDS_MAX 32

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct log_field *)a)->name, ((const struct log_field *)b)->name);
}

/* Collects the fields of the table at 2. Their names and values stay in a table on the stack. */
static size_t read_fields(lua_State *L, struct log_field *fields)
{
    size_t count = 0;
    larg_copy(L, 2); /* a value's __tostring may change the script's table */
    lua_newtable(L);
    int texts = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, 2)) { /* texts key value */
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "log: fields must have names as keys, not a %s", luaL_typename(L, -2));
        if (count == LLOG_FIELDS_MAX)
            luaL_error(L, "log: at most %d fields", LLOG_FIELDS_MAX);
        fields[count].number = lua_type(L, -1) == LUA_TNUMBER;
        lua_pushvalue(L, -2);
        fields[count].name = larg_shown(L, -1);
        lua_rawsetp(L, texts, &fields[count].name);
        /* texts key value text; NaN and infinity have their names in Lua */
        lua_pushvalue(L, -1);
        if (larg_text(L, -1, NULL) == NULL) {
            lua_pop(L, 1);
            luaL_tolstring(L, -1, NULL);
        }
        fields[count].value = larg_shown(L, -1);
        lua_rawsetp(L, texts, &fields[count].value);
        lua_pop(L, 1);
        count++;
    }
    qsort(fields, count, sizeof *fields, by_name); /* the order of a table is arbitrary */
    return count;
}

static int write_line(lua_State *L)
{
    enum log_level level = (enum log_level)lua_tointeger(L, lua_upvalueindex(1));
    struct log_field fields[LLOG_FIELDS_MAX];
    size_t count = 0;

    if (larg_text(L, 1, NULL) == NULL)
        luaL_checkstring(L, 1);
    const char *message = larg_shown(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        lua_settop(L, 2);
        count = read_fields(L, fields);
    }
    engine_know_secrets(vm_engine(vm_of(L)));
    log_event(vm_engine(vm_of(L))->log, level, message, fields, count);
    return 0;
}

int luaopen_jeton_log(lua_State *L)
{
    static const struct {
        const char *name;
        enum log_level level;
    } functions[] = {
        {"error", LOG_ERROR}, {"warn", LOG_WARN}, {"info", LOG_INFO}, {"debug", LOG_DEBUG}};

    lua_createtable(L, 0, 4);
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        lua_pushinteger(L, functions[i].level);
        lua_pushcclosure(L, write_line, 1);
        lua_setfield(L, -2, functions[i].name);
    }
    return 1;
}

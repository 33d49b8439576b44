#include "history_source.h"

#include "engine.h"
#include "history.h"
#include "lerr.h"
#include "mem.h"
#include "vm.h"

#include <string.h>

#define NAME     "history.source"
#define BUF_NAME "history.source.buf"
#define RUNS_MAX 20000 /* that a page looks at */

static int buf_gc(lua_State *L)
{
    buf_destroy(lua_touserdata(L, 1));
    return 0;
}

/* Freed by Lua, as pushing its text may raise. */
static struct buf *push_buf(lua_State *L)
{
    struct buf *buf = lua_newuserdatauv(L, sizeof *buf, 0);
    buf_create(buf, HISTORY_TEXT_MAX);
    if (luaL_newmetatable(L, BUF_NAME)) {
        lua_pushcfunction(L, buf_gc);
        lua_setfield(L, -2, "__gc");
    }
    lua_setmetatable(L, -2);
    return buf;
}

/*
 * source(all, run): the runs as JSON text, as history_view writes them. `all`: of all
 * configurations. `run`: only that one, with its output; nil: the newest ones, without.
 * nil, err: the state cannot be read.
 */
static int source(lua_State *L)
{
    struct engine *engine = vm_engine(vm_of(L));
    bool all = lua_toboolean(L, 1) != 0;
    const char *run = luaL_optstring(L, 2, NULL);
    struct buf *text = push_buf(L);
    struct store_runs runs = {0};
    struct err err = {0};
    const struct store_run_filter filter = {.homes = all ? NULL : engine->config->homes,
                                            .run = run,
                                            .output = run != NULL,
                                            .runs = run != NULL ? 0 : RUNS_MAX};
    const struct history_view view = {.output = run != NULL};
    if (engine_need_store(engine, &err) != 0 ||
        store_run_list(engine->store, &filter, &runs, &err) != 0)
        return lerr_return(L, &err);
    history_view(&runs, &view, text);
    store_runs_destroy(&runs);
    lua_pushlstring(L, text->data, text->len);
    return 1;
}

static int open_source(lua_State *L)
{
    lua_pushcfunction(L, source);
    return 1;
}

struct luaL_Reg *history_source_modules(const struct luaL_Reg *modules)
{
    size_t count = 0;
    while (modules[count].name != NULL)
        count++;
    struct luaL_Reg *list = mem_alloc((count + 2) * sizeof *list);
    memcpy(list, modules, count * sizeof *list);
    list[count] = (struct luaL_Reg){NAME, open_source};
    return list;
}

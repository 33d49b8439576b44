/* The clock of tests: it stands still, and jumps where everybody waits for it; while calls of a
 * real service are recorded it runs as the system's does. */
#include "ltest_world_private.h"

#include <lauxlib.h>

#define BEGINS_MS INT64_C(1767603600000) /* 2026-01-05T09:00:00Z, a Monday */
#define MONO_MS   INT64_C(1000000)       /* of the clocks that are not the wall's, at first */

static const char on_pass; /* a registry key: its address */

static int64_t passed(const struct ltest_world *world)
{
    return world->real_ms != 0 ? clock_mono_ms() - world->real_ms : world->passed_ms;
}

static int64_t world_clock(void *arg, enum clock_kind kind)
{
    const struct ltest_world *world = arg;
    return passed(world) + (kind == CLOCK_WALL ? world->wall_ms : MONO_MS);
}

int64_t ltest_world_now_ms(const struct ltest_world *world)
{
    return passed(world) + world->wall_ms;
}

static void world_pass(void *arg, int64_t ms)
{
    struct ltest_world *world = arg;
    if (world->passing_ms != 0)
        return;
    if (ms < 0) {
        ltest_guard_stuck(world);
        return;
    }
    if (!world->tells || world->L == NULL) {
        world->passed_ms += ms;
        return;
    }
    world->passing_ms = ms;
    lua_pushinteger(world->L, world_clock(world, CLOCK_WALL) + ms);
    ltest_world_start(world, &on_pass);
}

void ltest_world_clock_start(struct ltest_world *world)
{
    world->wall_ms = BEGINS_MS;
    world->clock = (struct clock){world_clock, world};
    loop_set_clock(world->engine->loop, &world->clock);
    loop_set_pass(world->engine->loop, world_pass, world);
}

/* native.now() → the wall clock, and how much time has passed since the beginning, ms */
static int world_now(lua_State *L)
{
    const struct ltest_world *world = ltest_world_of(L);
    lua_pushinteger(L, ltest_world_now_ms(world));
    lua_pushinteger(L, passed(world));
    return 2;
}

/* native.real_now() → ms */
static int world_real_now(lua_State *L)
{
    lua_pushinteger(L, clock_wall_ms());
    lua_pushinteger(L, clock_mono_ms());
    return 2;
}

/* native.real_time(yes): whether time runs by itself from now on. */
static int world_real_time(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    bool yes = lua_toboolean(L, 1);
    if (yes && world->real_ms == 0)
        world->real_ms = clock_mono_ms() - world->passed_ms;
    world->passed_ms = passed(world);
    if (!yes)
        world->real_ms = 0;
    loop_set_pass(world->engine->loop, yes ? NULL : world_pass, world);
    return 0;
}

/* native.set_clock(ms|nil): the wall clock; nil: as at the beginning */
static int world_set_clock(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    world->wall_ms = luaL_optinteger(L, 1, BEGINS_MS) - passed(world);
    return 0;
}

/* native.tell(fn|nil): fn(ms) is called before time passes, and calls passed() */
static int world_tell(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    lua_settop(L, 1);
    world->tells = !lua_isnil(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &on_pass);
    return 0;
}

static int world_passed(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    world->passed_ms += world->passing_ms;
    world->passing_ms = 0;
    return 0;
}

const luaL_Reg ltest_world_clock_functions[] = {{"now", world_now},
                                                {"real_now", world_real_now},
                                                {"real_time", world_real_time},
                                                {"set_clock", world_set_clock},
                                                {"tell", world_tell},
                                                {"passed", world_passed},
                                                {NULL, NULL}};

void ltest_world_open_script(lua_State *L, struct ltest_world *world)
{
    static const luaL_Reg functions[] = {{"now", world_now}, {NULL, NULL}};
    lua_pushlightuserdata(L, world);
    luaL_setfuncs(L, functions, 1);
    lua_pushlightuserdata(L, world);
    luaL_setfuncs(L, ltest_guard_functions, 1);
}

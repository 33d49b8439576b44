/* What all files of a world need. */
#include "ltest_world_private.h"

#include "task.h"

void ltest_world_start(struct ltest_world *world, const void *key)
{
    lua_State *L = world->L;
    lua_rawgetp(L, LUA_REGISTRYINDEX, key);
    lua_insert(L, -2);
    task_start(L, 1);
}

struct ltest_world *ltest_world_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

#include "run.h"

void run_create(struct run *run, lua_State *L, void (*look)(lua_State *L))
{
    *run = (struct run){.look = look, .base = {.L = L}};
    run->running = &run->base;
    *(struct run **)lua_getextraspace(L) = run;
}

struct run *run_of(lua_State *L)
{
    return *(struct run **)lua_getextraspace(L); /* a coroutine's is a copy of the main state's */
}

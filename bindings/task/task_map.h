/* task.map: a function over a list, by several tasks at once. */
#ifndef JETON_TASK_MAP_H
#define JETON_TASK_MAP_H

#include <lua.h>

#define TASK_MAP_LIMIT     20   /* items under way at once, unless a limit is given */
#define TASK_MAP_LIMIT_MAX 1000 /* each has a coroutine of its own */

/* list fn {limit=}? → results in order. Raises the first error, after the others have ended. */
int task_map(lua_State *L);

#endif

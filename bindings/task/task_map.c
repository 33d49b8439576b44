#include "task_map.h"

#include "larg.h"
#include "task_private.h"

#include <lauxlib.h>

/*
 * Workers take one item after the other. If one fails, the others are cancelled; when all have
 * ended, task.map returns or raises. If the calling task is cancelled, so are the workers, and it
 * still waits for them: no worker runs on after task.map has ended.
 */
struct map {
    struct task_wait wait;
    lua_Integer next, count; /* the next item, from 1 */
    struct map_worker *workers;
    int nworkers;
    int running;
    struct task *failed; /* the first */
    bool stopped;
    bool ends_progress; /* it was made for this call */
};

struct map_worker {
    struct task_watch watch;
    struct map *map;
    struct task *task; /* kept alive by the map's table of tasks */
};

/* The stack of task_map. */
enum { ARG_LIST = 1, ARG_FN = 2, ARG_OPTIONS = 3, PROGRESS = 3, MAP = 4, RESULTS = 5, TASKS = 6 };
/* Upvalues of a worker. */
enum { UP_MAP = 1, UP_LIST = 2, UP_FN = 3, UP_RESULTS = 4, UP_PROGRESS = 5 };

static int item_done(lua_State *L, int status, lua_KContext index);

/* Calls a method of the jeton.Progress at `index`, if there is one. */
static void tell(lua_State *L, int index, const char *method)
{
    if (lua_isnil(L, index))
        return;
    lua_getfield(L, index, method);
    lua_pushvalue(L, index);
    lua_call(L, 1, 0);
}

static int work(lua_State *L)
{
    struct map *map = lua_touserdata(L, lua_upvalueindex(UP_MAP));
    while (!map->stopped && map->next <= map->count) {
        lua_Integer index = map->next++;
        lua_settop(L, 0);
        lua_pushvalue(L, lua_upvalueindex(UP_FN));
        lua_geti(L, lua_upvalueindex(UP_LIST), index);
        lua_callk(L, 1, 1, (lua_KContext)index, item_done);
        lua_seti(L, lua_upvalueindex(UP_RESULTS), index);
        tell(L, lua_upvalueindex(UP_PROGRESS), "add");
    }
    return 0;
}

static int item_done(lua_State *L, int status, lua_KContext index)
{
    (void)status;
    lua_seti(L, lua_upvalueindex(UP_RESULTS), (lua_Integer)index);
    tell(L, lua_upvalueindex(UP_PROGRESS), "add");
    return work(L);
}

static void stop_workers(struct map *map, const struct err *err)
{
    map->stopped = true;
    for (int i = 0; i < map->nworkers; i++)
        task_cancel(map->workers[i].task, err);
}

static void worker_ended(void *arg)
{
    struct map_worker *worker = arg;
    struct map *map = worker->map;
    if (worker->task->state == TASK_FAILED && map->failed == NULL && !map->stopped) {
        struct err err;
        err_set(&err, ERR_CANCELLED, "another task of the same task.map failed");
        map->failed = worker->task;
        stop_workers(map, &err);
    } else if (worker->task->state == TASK_CANCELLED) {
        map->stopped = true; /* cancelled by map_cancel, or with the run */
        if (map->failed == NULL)
            map->failed = worker->task;
    }
    if (--map->running == 0)
        task_wake(&map->wait);
}

static void map_cancel(void *arg)
{
    struct map *map = arg;
    struct err err;
    err_set(&err, ERR_CANCELLED, "the task that called task.map was cancelled");
    stop_workers(map, &err);
}

static int map_finish(lua_State *L, void *arg)
{
    struct map *map = arg;
    if (map->ends_progress)
        tell(L, PROGRESS, "done");
    if (map->failed == NULL) {
        lua_pushvalue(L, RESULTS);
        return 1;
    }
    for (int i = 0; i < map->nworkers; i++) {
        if (map->workers[i].task == map->failed)
            lua_geti(L, TASKS, i + 1);
    }
    return task_outcome(L, map->failed, -1);
}

static lua_Integer check_limit(lua_State *L)
{
    static const char *const keys[] = {"limit", "progress", NULL};
    lua_Integer limit = TASK_MAP_LIMIT;
    if (!lua_isnoneornil(L, ARG_OPTIONS)) {
        luaL_checktype(L, ARG_OPTIONS, LUA_TTABLE);
        larg_options(L, ARG_OPTIONS, "task.map", keys);
        limit = larg_integer(L, ARG_OPTIONS, "limit", limit);
        if (limit < 1 || limit > TASK_MAP_LIMIT_MAX)
            luaL_error(L, "task.map: limit: an integer from 1 to %d expected", TASK_MAP_LIMIT_MAX);
    }
    return limit;
}

/* Puts what shows the progress, or nil, in the place of the options. True: it is this call's own.
 */
static bool take_progress(lua_State *L, lua_Integer count)
{
    if (lua_isnoneornil(L, ARG_OPTIONS) || lua_getfield(L, ARG_OPTIONS, "progress") == LUA_TNIL ||
        !lua_toboolean(L, -1)) {
        lua_settop(L, ARG_FN);
        lua_pushnil(L);
        return false;
    }
    lua_replace(L, ARG_OPTIONS);
    lua_settop(L, ARG_OPTIONS);
    lua_getglobal(L, "require");
    lua_pushstring(L, "jeton.progress");
    lua_call(L, 1, 1);
    lua_getfield(L, -1, "of");
    lua_pushvalue(L, ARG_OPTIONS);
    lua_pushinteger(L, count);
    lua_call(L, 2, 2); /* list fn value module progress own */
    bool own = lua_toboolean(L, -1);
    lua_pop(L, 1);
    lua_replace(L, PROGRESS);
    lua_settop(L, PROGRESS);
    return own;
}

static void start_worker(lua_State *L, struct map *map)
{
    struct map_worker *worker = &map->workers[map->nworkers];
    lua_pushvalue(L, MAP);
    lua_pushvalue(L, ARG_LIST);
    lua_pushvalue(L, ARG_FN);
    lua_pushvalue(L, RESULTS);
    lua_pushvalue(L, PROGRESS);
    lua_pushcclosure(L, work, 5);
    struct task *task = task_new(L, 0); /* … task */
    if (task == NULL) /* finalizers started tasks, or ended the run, since there was room */
        luaL_error(L, "task.map: the run is ending, or %d tasks are alive already", TASK_MAX);
    *worker = (struct map_worker){
        .watch = {.ended = worker_ended, .arg = worker}, .map = map, .task = task};
    lua_pushvalue(
        L,
        MAP); /* it contains the watch: the task keeps it alive even if task_map fails half way */
    task_hold(L, -2);
    map->nworkers++;
    map->running++;
    task_mark_joined(task);
    task_watch_add(task, &worker->watch);
    lua_seti(L, TASKS, map->nworkers);
}

/* How many items there are. A table by other keys has none, and would be done at once, unseen; but
 * for the `n` of table.pack. */
static lua_Integer count_items(lua_State *L)
{
    lua_Integer count = luaL_len(L, ARG_LIST);
    if (luaL_getmetafield(L, ARG_LIST, "__len") != LUA_TNIL) { /* it says so itself */
        lua_pop(L, 1);
        return count;
    }
    if (count > 0) {
        larg_check_list(L, ARG_LIST, count, "task.map");
        return count;
    }
    for (lua_pushnil(L); lua_next(L, ARG_LIST); lua_pop(L, 1)) {
        lua_pushliteral(L, "n");
        if (!lua_rawequal(L, -1, -3))
            luaL_error(L, "task.map: a list expected, without the key '%s'",
                       luaL_tolstring(L, -3, NULL));
        lua_pop(L, 1);
    }
    return 0;
}

int task_map(lua_State *L)
{
    luaL_checktype(L, ARG_LIST, LUA_TTABLE);
    luaL_checktype(L, ARG_FN, LUA_TFUNCTION);
    lua_Integer limit = check_limit(L);
    lua_Integer count = count_items(L);
    task_check(L, "task.map");
    bool own = take_progress(L, count);
    if (limit > count)
        limit = count;
    if (!task_room(L, limit > 0 ? (size_t)limit : 0))
        return luaL_error(L, "task.map: the run is ending, or %d tasks are alive already",
                          TASK_MAX);

    struct map *map = lua_newuserdatauv(
        L, sizeof *map + (size_t)(limit > 0 ? limit : 0) * sizeof *map->workers, 0);
    *map = (struct map){.next = 1, .count = count, .workers = (struct map_worker *)(map + 1)};
    map->stopped =
        true; /* until all workers have started: if memory runs out before, none takes an item */
    map->wait.drains = true;
    map->ends_progress = own;
    lua_createtable(L, count < TASK_MAX ? (int)count : 0, 0);
    lua_createtable(L, (int)limit, 0); /* list fn progress map results tasks */
    if (count <= 0) {
        lua_pushvalue(L, RESULTS);
        return 1;
    }
    for (lua_Integer i = 0; i < limit; i++)
        start_worker(L, map);
    map->stopped = false;
    return task_wait(L, &map->wait, MAP, map_cancel, map_finish, map);
}

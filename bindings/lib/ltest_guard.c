/* What tests, and scripts that they run, must not do: test.guard asks here, and tells here. */
#include "ltest_world_private.h"

#include "run.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STUCK_MS 100 /* between two looks, when nobody can do anything about it */

static const char on_stuck; /* a registry key: its address */

/* The real path of a file that may not be there yet, whose folder is. A link that leads nowhere has
 * none. */
static bool resolve(const char *path, char real[static PATH_MAX])
{
    struct stat st;
    if (realpath(path, real) != NULL)
        return true;
    if (errno != ENOENT || lstat(path, &st) == 0 || strlen(path) >= PATH_MAX)
        return false;
    char folder[PATH_MAX];
    strcpy(folder, path);
    char *slash = strrchr(folder, '/');
    if (slash == folder)
        slash[1] = '\0';
    else if (slash != NULL)
        *slash = '\0';
    return realpath(slash != NULL ? folder : ".", real) != NULL;
}

/* Whether it may be written to: it is below the folder of the tests, or a device. */
static bool is_inside(const char *path)
{
    char real[PATH_MAX], own[PATH_MAX];
    struct stat st;
    const char *folder = getenv("JETON_TEST_FOLDER");
    bool inside = stat(path, &st) == 0 && S_ISCHR(st.st_mode);
    if (!inside && folder != NULL && realpath(folder, own) != NULL && resolve(path, real)) {
        size_t len = strlen(own);
        inside = strncmp(real, own, len) == 0 && (real[len] == '/' || real[len] == '\0');
    }
    return inside;
}

/* native.inside(path) */
static int guard_inside(lua_State *L)
{
    lua_pushboolean(L, is_inside(luaL_checkstring(L, 1)));
    return 1;
}

static void spill(struct ltest_world *world, const char *text)
{
    if (buf_puts(&world->spilled, text) == 0)
        buf_putc(&world->spilled, '\n');
}

/* native.spill(text): for the test that runs now. */
static int guard_spill(lua_State *L)
{
    spill(ltest_world_of(L), luaL_checkstring(L, 1));
    return 0;
}

int ltest_guard_database(void *world, int action, const char *path, const char *unused,
                         const char *database, const char *trigger)
{
    char text[PATH_MAX + 128];
    (void)unused, (void)database, (void)trigger;
    if (action != SQLITE_ATTACH ||
        (path != NULL && (*path == '\0' || strcmp(path, ":memory:") == 0 || is_inside(path))))
        return SQLITE_OK;
    snprintf(text, sizeof text, "SQL attaches %s%s%s, which is outside of the test's folder",
             path != NULL ? "'" : "a database", path != NULL ? path : " whose path is no literal",
             path != NULL ? "'" : "");
    spill(world, text);
    return SQLITE_DENY;
}

void ltest_guard_loads(struct ltest_world *world, const char *path)
{
    char real[PATH_MAX];
    if (realpath(path, real) != NULL && buf_puts(&world->loaded, real) == 0)
        buf_putc(&world->loaded, '\n');
}

/* native.loads(path): a file of the user's that is part of what is tested */
static int guard_loads(lua_State *L)
{
    ltest_guard_loads(ltest_world_of(L), luaL_checkstring(L, 1));
    return 0;
}

/* native.unshares(yes|nil) → whether programs can be cut off from the network; nil: not known */
static int guard_unshares(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    if (!lua_isnoneornil(L, 1))
        world->unshares = lua_toboolean(L, 1) ? 1 : -1;
    if (world->unshares == 0)
        return 0;
    lua_pushboolean(L, world->unshares > 0);
    return 1;
}

/* native.owns(source) → whether code of this source is jeton's own */
static int guard_owns(lua_State *L)
{
    lua_pushboolean(L, run_of(L)->owns(luaL_checkstring(L, 1)));
    return 1;
}

/* The process's descriptor `fd` is that of the stream, or (NULL) what it was. */
static void divert(FILE *stream, FILE *own, int fd, int *kept)
{
    fflush(own);
    if (stream != NULL && *kept < 0) {
        fflush(stream);
        *kept = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        dup2(fileno(stream), fd);
    } else if (stream == NULL && *kept >= 0) {
        dup2(*kept, fd);
        close(*kept);
        *kept = -1;
    }
}

/* native.divert(yes): whether programs that are started now write to the streams of the script. */
static int guard_divert(lua_State *L)
{
    struct ltest_world *world = ltest_world_of(L);
    const struct vm_test *test = vm_options_of(vm_of(L))->test;
    bool yes = lua_toboolean(L, 1) && test->report_fd < 0;
    divert(yes ? test->out : NULL, stdout, STDOUT_FILENO, &world->kept[0]);
    divert(yes ? test->err : NULL, stderr, STDERR_FILENO, &world->kept[1]);
    return 0;
}

const luaL_Reg ltest_guard_functions[] = {{"owns", guard_owns},
                                          {"loads", guard_loads},
                                          {"divert", guard_divert},
                                          {"inside", guard_inside},
                                          {"spill", guard_spill},
                                          {"unshares", guard_unshares},
                                          {NULL, NULL}};

/* native.spilled() → the lines that were spilled, "": none; and forgets them */
static int guard_spilled(lua_State *L)
{
    struct buf *spilled = &ltest_world_of(L)->spilled;
    lua_pushlstring(L, spilled->data, spilled->len);
    buf_clear(spilled);
    return 1;
}

/* native.loaded() → all of them, a line each; some more than once */
static int guard_loaded(lua_State *L)
{
    const struct buf *loaded = &ltest_world_of(L)->loaded;
    lua_pushlstring(L, loaded->data, loaded->len);
    return 1;
}

/* native.servers() → how many are open */
static int guard_servers(lua_State *L)
{
    lua_pushinteger(L, loop_awaited(ltest_world_of(L)->engine->loop, LOOP_SERVER));
    return 1;
}

/* native.on_stuck(fn|nil): called once, when all tasks wait for what cannot come. */
static int guard_on_stuck(lua_State *L)
{
    lua_settop(L, 1);
    ltest_world_of(L)->stuck = lua_isnil(L, 1);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &on_stuck);
    return 0;
}

void ltest_guard_stuck(struct ltest_world *world)
{
    if (world->stuck || world->L == NULL) {
        poll(NULL, 0, STUCK_MS); /* a signal may come, or whoever started the tests ends them */
        return;
    }
    world->stuck = true;
    lua_pushnil(world->L);
    ltest_world_start(world, &on_stuck);
}

const luaL_Reg ltest_guard_test_functions[] = {{"spilled", guard_spilled},
                                               {"loaded", guard_loaded},
                                               {"servers", guard_servers},
                                               {"on_stuck", guard_on_stuck},
                                               {NULL, NULL}};

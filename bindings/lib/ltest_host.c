/* jeton.test_host, internal, for `jeton test`: what scripts/test/run.lua needs of the system. */
#include "ltest_host.h"

#include "ascii.h"
#include "engine.h"
#include "lerr.h"
#include "luaopen.h"
#include "mem.h"
#include "safefile.h"
#include "visible.h"
#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <lauxlib.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX  10000
#define DEPTH_MAX  64
#define WRITE_MODE 0644 /* of what is kept in a repository, and of reports */
#define STATE_MODE 0600

static bool ends_with(const char *text, size_t len, const char *end)
{
    size_t end_len = strlen(end);
    return len >= end_len && memcmp(text + len - end_len, end, end_len) == 0;
}

/* Pushes { path=, real= }, or nothing where it is not there any more. */
static bool push_file(lua_State *L, const char *path)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return false;
    lua_createtable(L, 0, 2);
    lua_pushstring(L, strncmp(path, "./", 2) == 0 ? path + 2 : path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, real);
    lua_setfield(L, -2, "real");
    free(real); /* NOLINT: of the C library */
    return true;
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

static bool is_passed_over(const FTSENT *entry)
{
    return entry->fts_level >= DEPTH_MAX ||
           (entry->fts_level > 0 &&
            (entry->fts_name[0] == '.' || strcmp(entry->fts_name, "node_modules") == 0));
}

/* One that would steer a terminal, or begin a line of a report. */
static bool has_control(const char *path)
{
    for (const char *c = path; *c != '\0'; c++) {
        unsigned char next = (unsigned char)c[1];
        if (ascii_is_control(*c) || ((unsigned char)*c == 0xC2 && next >= 0x80 && next <= 0x9F))
            return true;
    }
    return false;
}

/* The list is on top. */
static int add_found(lua_State *L, FTS *tree, const char *end, struct err *err)
{
    FTSENT *entry;
    lua_Integer count = 0;
    while ((entry = fts_read(tree)) != NULL) {
        bool named = entry->fts_level == 0; /* by the user */
        if (named && (entry->fts_info == FTS_NS || entry->fts_info == FTS_DNR))
            return err_set(err, ERR_CONFIG, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
        if (entry->fts_info == FTS_D && is_passed_over(entry))
            fts_set(tree, entry, FTS_SKIP);
        if (entry->fts_info != FTS_F ||
            (!named &&
             (entry->fts_name[0] == '.' || !ends_with(entry->fts_name, entry->fts_namelen, end))))
            continue;
        if (has_control(entry->fts_path))
            return err_set(err, ERR_CONFIG, "%s: its path holds a control character; rename it",
                           entry->fts_path);
        if (count == FILES_MAX)
            return err_set(err, ERR_CONFIG, "more than %d files", FILES_MAX);
        if (push_file(L, entry->fts_path))
            lua_seti(L, -2, ++count);
    }
    return 0;
}

/* find(path, end): a list of { path=, real= }, sorted: the file, or those below the folder whose
 * names end so. Links below it are not followed, nor is what is hidden looked at. nil, err: it is
 * not there. */
static int find(lua_State *L)
{
    char *path = mem_strdup(luaL_checkstring(L, 1));
    char *const paths[] = {path, NULL};
    struct err err;
    err_clear(&err);
    FTS *tree = fts_open(paths, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
    int result = -1;
    lua_newtable(L);
    if (tree == NULL)
        err_set(&err, ERR_CONFIG, "%s: %s", path, strerror(errno));
    else
        result = add_found(L, tree, lua_tostring(L, 2), &err);
    if (tree != NULL)
        fts_close(tree);
    mem_free(path);
    return result == 0 ? 1 : lerr_return(L, &err);
}

/* stamp(path): a text that changes when the file does; nil: there is none. */
static int stamp(lua_State *L)
{
    struct stat st;
    if (stat(luaL_checkstring(L, 1), &st) != 0)
        return 0;
    lua_pushfstring(L, "%I.%I/%I/%I", (lua_Integer)st.st_mtim.tv_sec,
                    (lua_Integer)st.st_mtim.tv_nsec, (lua_Integer)st.st_size,
                    (lua_Integer)st.st_ino);
    return 1;
}

/* How many processes run at once here. */
static int cpus(lua_State *L)
{
    cpu_set_t set;
    lua_pushinteger(L, sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1);
    return 1;
}

static int write_with(lua_State *L, mode_t mode)
{
    size_t len;
    struct err err;
    err_clear(&err);
    const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &len);
    if (safefile_write(path, mode, text, len, &err) != 0)
        return lerr_return(L, &err);
    lua_pushboolean(L, 1);
    return 1;
}

/* write(path, text): replaces the file as a whole. True, or nil, err. */
static int write_file(lua_State *L)
{
    return write_with(L, WRITE_MODE);
}

/* keep(path, text): the same for the user alone, in a folder that is made. */
static int keep(lua_State *L)
{
    struct err err;
    err_clear(&err);
    char *folder = mem_strdup(luaL_checkstring(L, 1)), *slash = strrchr(folder, '/');
    int result = 0;
    if (slash != NULL && slash > folder) {
        *slash = '\0';
        result = safefile_private_dir(folder, &err);
    }
    mem_free(folder);
    return result == 0 ? write_with(L, STATE_MODE) : lerr_return(L, &err);
}

/* lock(path): until this process ends. False: another process has it. */
static int lock_file(lua_State *L)
{
    int fd = open(luaL_checkstring(L, 1), O_RDONLY | O_CLOEXEC);
    bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; /* or has no locks */
    if (!locked)
        close(fd);
    lua_pushboolean(L, locked);
    return 1;
}

/* remove(path): true, or nil and why. */
static int remove_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    if (unlink(path) == 0)
        return lua_pushboolean(L, 1), 1;
    lua_pushnil(L);
    lua_pushfstring(L, "%s: %s", path, strerror(errno));
    return 2;
}

/* visible(text): as one line that does nothing on a terminal. */
static int visible(lua_State *L)
{
    size_t len;
    char part[VISIBLE_PART_MAX];
    const char *text = luaL_checklstring(L, 1, &len);
    luaL_Buffer shown;
    luaL_buffinit(L, &shown);
    while (len > 0)
        luaL_addlstring(&shown, part, visible_part(&text, &len, VISIBLE_LINE, part));
    luaL_pushresult(&shown);
    return 1;
}

int luaopen_jeton_test_host(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"find", find},        {"stamp", stamp},     {"cpus", cpus},
        {"write", write_file}, {"keep", keep},       {"remove", remove_file},
        {"run", ltest_run},    {"key", ltest_key},   {"raw", ltest_raw},
        {"lock", lock_file},   {"visible", visible}, {"replace", ltest_replace},
        {NULL, NULL}};
    ltest_run_setup(L);
    ltest_key_setup(L);
    luaL_newlib(L, functions);
    return 1;
}

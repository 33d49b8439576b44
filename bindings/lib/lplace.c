/* jeton.place, internal, for modules in Lua that write files: the rule of place.h. */
#include "place.h"

#include "lerr.h"
#include "luaopen.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FD_MAX 100000000 /* beyond any; ten times it fits an int */

/* What the process has open already, wherever that leads. -1: the path names no such file. */
static int fd_of(const char *path)
{
    static const char fds[] = "/dev/fd/";
    const char *digits = path + sizeof fds - 1;
    if (strcmp(path, "/dev/stdout") == 0)
        return STDOUT_FILENO;
    if (strcmp(path, "/dev/stderr") == 0)
        return STDERR_FILENO;
    if (strncmp(path, fds, sizeof fds - 1) != 0 || *digits == '\0')
        return -1;
    int fd = 0;
    for (; *digits >= '0' && *digits <= '9' && fd < FD_MAX; digits++)
        fd = fd * 10 + (*digits - '0');
    return *digits == '\0' ? fd : -1;
}

static int close_stream(lua_State *L)
{
    luaL_Stream *stream = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    return luaL_fileresult(L, fclose(stream->f) == 0, NULL);
}

/* stream(path): a file for what is open already: it goes on where that is, while opening the path
 * would empty a file that standard output is redirected to. Nothing: any other path. */
static int stream(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    int fd = fd_of(path);
    if (fd < 0)
        return 0;
    luaL_Stream *made = lua_newuserdatauv(L, sizeof *made, 0);
    made->closef = NULL; /* until there is a file, it is closed */
    luaL_setmetatable(L, LUA_FILEHANDLE);
    fflush(stdout); /* what was printed before comes first */
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    made->f = copy >= 0 ? fdopen(copy, "wb") : NULL;
    if (made->f == NULL) {
        int error = errno;
        if (copy >= 0)
            close(copy);
        errno = error;
        return luaL_fileresult(L, 0, path);
    }
    made->closef = close_stream;
    return 1;
}

/* What is written to, and not replaced: a device, a pipe. */
static bool is_stream(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

/* find(path): where to write: the path without links, or as it is. Or nil, err. */
static int find(lua_State *L)
{
    size_t len;
    const char *path = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, strlen(path) == len, 1, "a path without NUL bytes expected");
    struct err err;
    struct place place;
    if (is_stream(path)) {
        lua_pushvalue(L, 1);
        return 1;
    }
    err_clear(&err);
    char where[PATH_MAX] = "";
    if (place_find(&place, path, &err) == 0)
        snprintf(where, sizeof where, "%s", place.path);
    place_destroy(&place);
    if (where[0] == '\0')
        return lerr_return(L, &err);
    lua_pushstring(L, where);
    return 1;
}

int luaopen_jeton_place(lua_State *L)
{
    static const luaL_Reg functions[] = {{"find", find}, {"stream", stream}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

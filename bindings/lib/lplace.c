/* jeton.place, internal, for modules in Lua that write files: the rule of place.h. */
#include "place.h"

#include "lerr.h"
#include "luaopen.h"

#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* What the process has open already, wherever that leads. */
static bool is_open_already(const char *path)
{
    static const char fds[] = "/dev/fd/";
    size_t len = sizeof fds - 1;
    return strcmp(path, "/dev/stdout") == 0 || strcmp(path, "/dev/stderr") == 0 ||
           (strncmp(path, fds, len) == 0 && strspn(path + len, "0123456789") == strlen(path + len));
}

/* What is written to, and not replaced: a device, a pipe, standard output. */
static bool is_stream(const char *path)
{
    struct stat st;
    return is_open_already(path) ||
           (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode));
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
    static const luaL_Reg functions[] = {{"find", find}, {NULL, NULL}};
    luaL_newlib(L, functions);
    return 1;
}

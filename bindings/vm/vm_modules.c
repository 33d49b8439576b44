/* What `require` finds: modules in C, Lua files in the executable, the script's folder. */
#include "vm_private.h"

#include "embed.h"
#include "mem.h"
#include "nearest.h"
#include "safefile.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODULE_NAME_MAX 100
#define MODULES_MAX     64 /* whose names are compared with a misspelt one */

const struct embedded_file *embed_find(const char *path)
{
    for (const struct embedded_file *file = embedded_lua; file->path != NULL; file++) {
        if (strcmp(file->path, path) == 0)
            return file;
    }
    return NULL;
}

bool vm_modules_own(const char *source)
{
    return strcmp(source, "jeton") == 0 || embed_find(source) != NULL; /* "=jeton": vm_run_module */
}

/* $JETON_SCRIPTS/path. Pushes the function and returns 1; 0: no such file. */
static int load_from_folder(lua_State *L, const char *name, const char *folder, const char *path)
{
    lua_pushfstring(L, "%s/%s", folder, path);
    if (access(lua_tostring(L, -1), R_OK) != 0) {
        lua_pop(L, 1);
        return 0;
    }
    vm_load_module(L, name, lua_tostring(L, -1));
    lua_remove(L, -2);
    return 1;
}

static int load_embedded(lua_State *L, const char *path)
{
    const struct embedded_file *file = embed_find(path);
    if (file == NULL)
        return 0;
    if (luaL_loadbufferx(L, (const char *)file->data, file->size, path, "b") != LUA_OK)
        return lua_error(L);
    return 1;
}

/* `require` gives the text of style sheets, page scripts, pictures and presets. */
static const char *const text_patterns[] = {"%s.css", "%s.js", "%s.svg", "%s.yaml"};

/* The loader of such a file. Its text is the upvalue. */
static int return_text(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    return 1;
}

static int read_text(lua_State *L, const char *path)
{
    luaL_Buffer text;
    size_t count;
    struct err err = {0};
    if (access(path, R_OK) != 0)
        return 0;
    int fd = safefile_open(path, SAFEFILE_NOT_WRITABLE, &err);
    if (fd < 0)
        return luaL_error(L, "%s", err.msg);
    FILE *file = fdopen(fd, "r");
    if (file == NULL)
        abort(); /* out of memory */
    luaL_buffinit(L, &text);
    do {
        char *chunk = luaL_prepbuffer(&text);
        count = fread(chunk, 1, LUAL_BUFFERSIZE, file);
        luaL_addsize(&text, count);
    } while (count > 0);
    (void)fclose(file);
    luaL_pushresult(&text);
    return 1;
}

/* Pushes the loader of such a file and returns 1; 0: no such file. */
static int load_text(lua_State *L, const char *folder, const char *path)
{
    if (folder != NULL) {
        lua_pushfstring(L, "%s/%s", folder, path); /* full */
        if (!read_text(L, lua_tostring(L, -1))) {
            lua_pop(L, 1);
            return 0;
        }
        lua_remove(L, -2); /* text */
    } else {
        const struct embedded_file *file = embed_find(path);
        if (file == NULL)
            return 0;
        lua_pushlstring(L, (const char *)file->data, file->size);
    }
    lua_pushcclosure(L, return_text, 1);
    return 1;
}

/* Those that are written in Lua. */
static const char *const lua_modules[] = {"jeton.csv", "jeton.progress", "jeton.test", "kaizala"};
#define LUA_MODULES (sizeof lua_modules / sizeof lua_modules[0])

/* The module that `name` may be a misspelling of, or NULL: jeton.json for json. */
static const char *nearest_module(const struct vm *vm, const char *name)
{
    const char *names[MODULES_MAX + LUA_MODULES];
    size_t count = 0;
    for (; count < LUA_MODULES; count++)
        names[count] = lua_modules[count];
    for (const luaL_Reg *module = vm->options.modules; module->name != NULL; module++)
        if (count < MODULES_MAX + LUA_MODULES)
            names[count++] = module->name;
    for (size_t i = 0; i < count; i++) {
        const char *dot = strrchr(names[i], '.');
        if (dot != NULL && strcmp(dot + 1, name) == 0)
            return names[i];
    }
    return nearest_name(name, names, count);
}

/* A searcher for package.searchers: `kaizala.group` is kaizala/group.lua, `kaizala` is
 * kaizala/init.lua; if there is neither, a text file. */
static int search_embedded(lua_State *L)
{
    static const char *const patterns[] = {"%s.lua", "%s/init.lua"};
    const char *name = luaL_checkstring(L, 1);
    const char *folder = getenv("JETON_SCRIPTS");
    if (folder != NULL && folder[0] == '\0')
        folder = NULL;
    if (strlen(name) > MODULE_NAME_MAX || strchr(name, '/') != NULL || strstr(name, "..") != NULL)
        return 0;
    const char *base = luaL_gsub(L, name, ".", "/"); /* name base */
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        const char *path = lua_pushfstring(L, patterns[i], base); /* … path */
        bool found =
            folder != NULL ? load_from_folder(L, name, folder, path) : load_embedded(L, path);
        if (found) {
            lua_pushvalue(L, -2); /* … path fn path */
            return 2;
        }
        lua_pop(L, 1);
    }
    for (size_t i = 0; i < sizeof text_patterns / sizeof text_patterns[0]; i++) {
        const char *path = lua_pushfstring(L, text_patterns[i], base); /* … path */
        if (load_text(L, folder, path)) {
            lua_pushvalue(L, -2); /* … path fn path */
            return 2;
        }
        lua_pop(L, 1);
    }
    const char *nearest = nearest_module(vm_of(L), name);
    if (nearest != NULL)
        lua_pushfstring(L, "no file '%s.lua' in the executable; did you mean '%s'?", base, nearest);
    else
        lua_pushfstring(L, "no file '%s.lua' in %s", base,
                        folder != NULL ? "$JETON_SCRIPTS" : "the executable");
    return 1;
}

/* Removes the relative entries of package[field]. The library is on top. */
static void keep_absolute(lua_State *L, const char *field)
{
    luaL_Buffer kept;
    lua_getfield(L, -1, field); /* package path */
    const char *at = lua_tostring(L, -1);
    const char *separator = "";
    luaL_buffinit(L, &kept);
    while (at != NULL && *at != '\0') {
        size_t len = strcspn(at, LUA_PATH_SEP);
        if (*at == '/') {
            luaL_addstring(&kept, separator);
            luaL_addlstring(&kept, at, len);
            separator = LUA_PATH_SEP;
        }
        at += len + (at[len] != '\0' ? 1 : 0);
    }
    luaL_pushresult(&kept); /* package path kept */
    lua_setfield(L, -3, field);
    lua_pop(L, 1);
}

/* package.searchpath as Lua has it, but that it does not wait for whoever writes to a FIFO. */
static int search_file(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1), *path = luaL_checkstring(L, 2);
    const char *dot = luaL_optstring(L, 3, "."), *slash = luaL_optstring(L, 4, LUA_DIRSEP);
    if (*dot != '\0')
        name = luaL_gsub(L, name, dot, slash);
    path = luaL_gsub(L, path, LUA_PATH_MARK, name);
    for (const char *at = path; *at != '\0';) {
        size_t len = strcspn(at, LUA_PATH_SEP);
        int fd = open(lua_pushlstring(L, at, len), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd >= 0) {
            close(fd);
            return 1;
        }
        lua_pop(L, 1);
        at += len + (at[len] != '\0');
    }
    const char *places = luaL_gsub(L, path, LUA_PATH_SEP, "'\n\tno file '");
    lua_pushnil(L);
    lua_pushfstring(L, "no file '%s'", places);
    return 2;
}

/* Pushes the path of the module's file by package[field], or nil and where it was looked for. The
 * package is upvalue 1. */
static bool search_path(lua_State *L, const char *name, const char *field)
{
    lua_getfield(L, lua_upvalueindex(1), "searchpath");
    lua_pushstring(L, name);
    lua_getfield(L, lua_upvalueindex(1), field);
    lua_call(L, 2, 2); /* path nil | nil places */
    bool found = lua_isstring(L, -2);
    lua_pop(L, found ? 1 : 0);
    return found;
}

/* The searcher of Lua files. Code obeys the modes of scripts, and is never precompiled. */
static int search_lua(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    if (!search_path(L, name, "path"))
        return 1;
    vm_load_module(L, name, lua_tostring(L, -1)); /* path fn */
    lua_insert(L, -2);
    return 2;
}

/* Lua's searchers of C libraries (upvalue 2), which look for the module, or for its root (upvalue
 * 3). */
static int search_c(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *dot = lua_toboolean(L, lua_upvalueindex(3)) ? strchr(name, '.') : NULL;
    struct err err = {0};
    lua_settop(L, 1);
    const char *looked_for = dot != NULL ? lua_pushlstring(L, name, (size_t)(dot - name)) : name;
    if (search_path(L, looked_for, "cpath")) {
        int fd = safefile_open(lua_tostring(L, -1), SAFEFILE_NOT_WRITABLE, &err);
        if (fd < 0)
            return luaL_error(L, "error loading module '%s': %s", name, err.msg);
        close(fd);
    }
    lua_settop(L, 1);
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_insert(L, 1);
    lua_call(L, 1, LUA_MULTRET);
    return lua_gettop(L);
}

/* Lua has: preload, Lua files, C libraries, C libraries of the root. We add the executable's after
 * the first, and put ours in place of the others. */
static void set_searchers(lua_State *L)
{
    lua_getfield(L, -1, "searchers"); /* package searchers */
    for (int i = 4; i >= 3; i--) {
        lua_pushvalue(L, -2);
        lua_geti(L, -2, i);
        lua_pushboolean(L, i == 4);
        lua_pushcclosure(L, search_c, 3);
        lua_seti(L, -2, i + 1);
    }
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, search_lua, 1);
    lua_seti(L, -2, 3);
    lua_pushcfunction(L, search_embedded);
    lua_seti(L, -2, 2);
    lua_pop(L, 1);
}

/* Leaves the loader of the module `name` (at 1) and what belongs to it on the stack; raises where
 * no searcher of the package (upvalue 1) has one. */
static void find_loader(lua_State *L, const char *name)
{
    if (lua_getfield(L, lua_upvalueindex(1), "searchers") != LUA_TTABLE)
        luaL_error(L, "'package.searchers' must be a table");
    lua_pushliteral(L, ""); /* … searchers looked */
    for (lua_Integer i = 1; lua_geti(L, -2, i) != LUA_TNIL; i++) {
        lua_pushvalue(L, 1);
        lua_call(L, 1, 2); /* … searchers looked result data */
        if (lua_isfunction(L, -2))
            return;
        lua_pop(L, 1);
        if (lua_isstring(L, -1)) {
            lua_pushliteral(L, "\n\t");
            lua_insert(L, -2);
            lua_concat(L, 3);
        } else {
            lua_pop(L, 1);
        }
    }
    luaL_error(L, "module '%s' not found:%s", name, lua_tostring(L, -2));
}

/* Lua's own takes the name as one of C, which ends at a NUL byte: it would be another module's. One
 * in Lua or C that calls it would stand in its messages, in place of the script's line. */
static int require_module(lua_State *L)
{
    size_t len;
    const char *name = luaL_checklstring(L, 1, &len);
    if (strlen(name) != len)
        return luaL_argerror(L, 1, "the name of a module must not hold a NUL byte");
    lua_settop(L, 1);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE); /* name loaded */
    lua_getfield(L, 2, name);
    if (lua_toboolean(L, -1))
        return 1;
    lua_settop(L, 2);
    find_loader(L, name); /* … fn data */
    lua_rotate(L, -2, 1); /* … data fn */
    lua_pushvalue(L, 1);  /* … data fn name */
    lua_pushvalue(L, -3); /* … data fn name data */
    lua_call(L, 2, 1);    /* … data value */
    if (!lua_isnil(L, -1))
        lua_setfield(L, 2, name);
    else
        lua_pop(L, 1); /* … data */
    if (lua_getfield(L, 2, name) == LUA_TNIL) {
        lua_pop(L, 1);
        lua_pushboolean(L, 1);
        lua_pushvalue(L, -1);
        lua_setfield(L, 2, name);
    } /* … data value */
    lua_rotate(L, -2, 1);
    return 2;
}

void vm_modules_setup(struct vm *vm)
{
    lua_State *L = vm->L;
    /* $LUA_PATH and the like are meant for lua(1). Ignored, so that a run finds the same files
     * everywhere. */
    lua_pushboolean(L, 1);
    lua_setfield(L, LUA_REGISTRYINDEX, "LUA_NOENV");
    luaL_openlibs(L);
    luaL_getsubtable(L, LUA_REGISTRYINDEX, LUA_PRELOAD_TABLE);
    luaL_setfuncs(L, vm->options.modules, 0);
    lua_pop(L, 1);
    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_pushcfunction(L, search_file);
    lua_setfield(L, -2, "searchpath");
    keep_absolute(L, "path");
    keep_absolute(L, "cpath");
    set_searchers(L);
    lua_pushcclosure(L, require_module, 1); /* the package */
    lua_setglobal(L, "require");
}

int vm_modules_path(lua_State *L, const char *folder, struct err *err)
{
    if (vm_load_check_folder(folder, err) != 0)
        return -1;
    if (strcmp(folder, "/") == 0)
        folder = ""; /* the root */
    lua_getglobal(L, LUA_LOADLIBNAME);
    lua_getfield(L, -1, "path"); /* package path */
    lua_pushfstring(L, "%s/?.lua;%s/?/init.lua;%s", folder, folder, lua_tostring(L, -1));
    lua_setfield(L, -3, "path");
    lua_pop(L, 2);
    return 0;
}

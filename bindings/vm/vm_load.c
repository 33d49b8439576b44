#include "vm_private.h"

#include "mem.h"
#include "safefile.h"
#include "utf8.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STDIN_CHUNK  ((size_t)16 * 1024)
#define SOURCE_PIECE ((size_t)4 * 1024)
#define LOAD_FAILED  "error loading module '%s' from file '%s':\n\t" /* as Lua says it */

/* Standard input may be a terminal, or never reach EOF: a signal or the deadline ends the wait. */
static int read_stdin(struct vm *vm, struct buf *text, struct err *err)
{
    char chunk[STDIN_CHUNK];
    ssize_t got;
    do {
        if (vm_wait_stdin(vm, err) != 0)
            return -1;
        got = read(STDIN_FILENO, chunk, sizeof chunk);
        if (got > 0 && buf_append(text, chunk, (size_t)got) != 0)
            return err_set(err, ERR_CONFIG, "standard input: a script has at most %zu MiB",
                           VM_SCRIPT_MAX >> 20);
    } while (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN)));
    if (got < 0)
        return err_set(err, ERR_CONFIG, "standard input: cannot read the script: %s",
                       strerror(errno));
    return 0;
}

/* Skips a byte order mark and the text of a first line `#!…`, but not its newline, so that line
 * numbers stay right. */
static const char *skip_first_line(const char *text, size_t *len)
{
    const char *start = text;
    const char *end = text + *len;
    start += utf8_mark(start, *len);
    if (start < end && *start == '#') {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        start = newline != NULL ? newline : end;
    }
    *len = (size_t)(end - start);
    return start;
}

/* Of a byte that Lua shows by its number: what it may be, as an editor shows it as something else.
 * "": there is none. */
static const char *alike(const char *message)
{
    const char *at = strstr(message, "near '<\\");
    long byte = at != NULL ? strtol(at + strlen("near '<\\"), NULL, 10) : 0;
    if (byte >= 0xFE)
        return "; this is UTF-16; save the file as UTF-8";
    if (byte >= 0x80)
        return "; code has no such character: a no-break space, or a quote or dash of a web page? "
               "Type it anew";
    return "";
}

/* Pushes the function, or nothing. */
static int compile(lua_State *L, const char *path, bool from_stdin, const struct buf *text,
                   struct err *err)
{
    size_t len = text->len;
    const char *start = skip_first_line(text->data, &len);
    /* Bytecode could break out of every limit. It may follow a skipped first line. */
    const char *code = len > 0 && *start == '\n' ? start + 1 : start;
    if (code < text->data + text->len && *code == LUA_SIGNATURE[0])
        return err_set(err, ERR_CONFIG, "%s: precompiled Lua is refused; give the source",
                       from_stdin ? "standard input" : path);

    if (from_stdin)
        lua_pushliteral(L, "=stdin");
    else
        lua_pushfstring(L, "@%s", path);
    int status = luaL_loadbufferx(L, start, len, lua_tostring(L, -1), "t"); /* name fn|message */
    lua_remove(L, -2);
    if (status == LUA_OK)
        return 0;
    err_set(err, ERR_SCRIPT, "%s%s", lua_tostring(L, -1), alike(lua_tostring(L, -1)));
    lua_pop(L, 1);
    return -1;
}

int vm_load(lua_State *L, struct vm *vm, const char *path, char **real, struct err *err)
{
    struct buf text;
    bool from_stdin = vm != NULL && strcmp(path, "-") == 0;
    *real = NULL;
    buf_create(&text, VM_SCRIPT_MAX);
    int result =
        from_stdin ? read_stdin(vm, &text, err) : safefile_read(path, SAFEFILE_OR_PIPE, &text, err);
    struct stat st;
    bool piped = from_stdin || (stat(path, &st) == 0 && S_ISFIFO(st.st_mode)); /* lies nowhere */
    if (result == 0)
        result = compile(L, path, from_stdin, &text, err);
    if (result == 0 && !piped) {
        char *resolved = realpath(path, NULL);
        *real = mem_strdup(resolved != NULL ? resolved : path);
        free(resolved);
    }
    buf_destroy(&text);
    return result;
}

/* A module, read piece by piece: an error that Lua raises must leave nothing behind. */
struct source {
    int fd;
    size_t len; /* read until now */
    bool in_first_line;
    int code; /* errno, where reading failed */
    char piece[SOURCE_PIECE];
};

static const char *read_source(lua_State *L, void *arg, size_t *len)
{
    struct source *source = arg;
    const char *start = source->piece;
    (void)L;
    do {
        ssize_t got = read(source->fd, source->piece, sizeof source->piece);
        if (got < 0 && errno == EINTR)
            continue;
        if (got > 0 && source->len + (size_t)got > VM_SCRIPT_MAX) {
            errno = EFBIG;
            got = -1;
        }
        source->code = got < 0 ? errno : 0;
        *len = got > 0 ? (size_t)got : 0;
        if (*len == 0)
            return NULL;
        if (source->len == 0) {
            start = skip_first_line(source->piece, len);
            source->in_first_line = *len == 0;
        } else if (source->in_first_line) {
            start = memchr(source->piece, '\n', *len);
            source->in_first_line = start == NULL;
            *len = start != NULL ? (size_t)(source->piece + *len - start) : 0;
        }
        source->len += (size_t)got;
    } while (*len == 0); /* an empty piece would be the end */
    return start;
}

/* Pushes the function, or the message and returns false. */
static bool load_source(lua_State *L, const char *path)
{
    struct source source = {0};
    struct err err = {0};
    source.fd = safefile_open(path, SAFEFILE_NOT_WRITABLE, &err);
    if (source.fd < 0) {
        lua_pushstring(L, err.msg);
        return false;
    }
    lua_pushfstring(L, "@%s", path);
    int status = lua_load(L, read_source, &source, lua_tostring(L, -1), "t"); /* name fn|message */
    close(source.fd);
    lua_remove(L, -2);
    if (source.code != 0)
        lua_pushfstring(L, "%s: %s", path, strerror(source.code));
    else if (status != LUA_OK)
        lua_pushfstring(L, "%s%s", lua_tostring(L, -1), alike(lua_tostring(L, -1)));
    return status == LUA_OK && source.code == 0;
}

void vm_load_module(lua_State *L, const char *name, const char *path)
{
    if (!load_source(L, path))
        luaL_error(L, LOAD_FAILED "%s", name, path, lua_tostring(L, -1));
}

/* loadfile(path, mode, env): by the rules of modules. Without a path: Lua's own, upvalue 1. */
static int load_file(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        lua_pushvalue(L, lua_upvalueindex(1));
        lua_insert(L, 1);
        lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
        return lua_gettop(L);
    }
    bool has_env = !lua_isnone(L, 3);
    if (!load_source(L, luaL_checkstring(L, 1))) {
        luaL_pushfail(L);
        lua_insert(L, -2);
        return 2;
    }
    if (has_env) {
        lua_pushvalue(L, 3);
        if (lua_setupvalue(L, -2, 1) == NULL) /* it has no global */
            lua_pop(L, 1);
    }
    return 1;
}

static int do_file_ended(lua_State *L, int status, lua_KContext below)
{
    (void)status;
    return lua_gettop(L) - (int)below;
}

/* dofile(path): the same. */
static int do_file(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1))
        lua_pushvalue(L, lua_upvalueindex(1));
    else if (!load_source(L, luaL_checkstring(L, 1)))
        return lua_error(L);
    lua_callk(L, 0, LUA_MULTRET, 1, do_file_ended); /* path results… */
    return do_file_ended(L, LUA_OK, 1);
}

void vm_load_setup(lua_State *L)
{
    static const luaL_Reg loaders[] = {{"loadfile", load_file}, {"dofile", do_file}};
    for (size_t i = 0; i < sizeof loaders / sizeof loaders[0]; i++) {
        lua_getglobal(L, loaders[i].name);
        lua_pushcclosure(L, loaders[i].func, 1);
        lua_setglobal(L, loaders[i].name);
    }
}

int vm_load_check_folder(const char *folder, struct err *err)
{
    if (strpbrk(folder, LUA_PATH_SEP LUA_PATH_MARK) != NULL)
        return err_set(
            err, ERR_CONFIG,
            "%s: the path of a script's folder must not contain ';' or '?'; move or rename it",
            folder);
    return 0;
}

int vm_check_syntax(const char *path, struct err *err)
{
    lua_State *L = luaL_newstate();
    char *real = NULL;
    if (L == NULL)
        return err_set(err, ERR_SCRIPT, "%s: no memory left to check it", path);
    int result = vm_load(L, NULL, path, &real, err);
    if (result == 0) {
        *strrchr(real, '/') = '\0';
        result = vm_load_check_folder(real, err);
    }
    mem_free(real);
    lua_close(L);
    return result;
}

int vm_push_file(lua_State *L, const char *path, struct err *err)
{
    char *real = NULL;
    int result = vm_load(L, NULL, path, &real, err);
    mem_free(real);
    return result;
}

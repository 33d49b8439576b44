#include "vm_private.h"

#include "mem.h"
#include "safefile.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STDIN_CHUNK ((size_t)16 * 1024)

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
    if (*len >= 3 && memcmp(start, "\xEF\xBB\xBF", 3) == 0)
        start += 3;
    if (start < end && *start == '#') {
        const char *newline = memchr(start, '\n', (size_t)(end - start));
        start = newline != NULL ? newline : end;
    }
    *len = (size_t)(end - start);
    return start;
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
    err_set(err, ERR_SCRIPT, "%s", lua_tostring(L, -1));
    lua_pop(L, 1);
    return -1;
}

int vm_load(lua_State *L, struct vm *vm, const char *path, char **real, struct err *err)
{
    struct buf text;
    bool from_stdin = vm != NULL && strcmp(path, "-") == 0;
    *real = NULL;
    buf_create(&text, VM_SCRIPT_MAX);
    int result = from_stdin ? read_stdin(vm, &text, err)
                            : safefile_read(path, SAFEFILE_NOT_WRITABLE, &text, err);
    if (result == 0)
        result = compile(L, path, from_stdin, &text, err);
    if (result == 0 && !from_stdin) {
        char *resolved = realpath(path, NULL);
        *real = mem_strdup(resolved != NULL ? resolved : path);
        free(resolved);
    }
    buf_destroy(&text);
    return result;
}

int vm_check_syntax(const char *path, struct err *err)
{
    lua_State *L = luaL_newstate();
    char *real = NULL;
    if (L == NULL)
        return err_set(err, ERR_SCRIPT, "%s: no memory left to check it", path);
    int result = vm_load(L, NULL, path, &real, err);
    mem_free(real);
    lua_close(L);
    return result;
}

/*
 * Standard output of a run. A run succeeds only if all that it printed was written. If nobody reads
 * its output any more (`jeton run x.lua | head -n 1`), it ends as if by SIGPIPE. The signal itself
 * is ignored, so that no other broken pipe or socket can end a run.
 */
#include "vm_private.h"

#include "visible.h"

#include <errno.h>
#include <lauxlib.h>
#include <lualib.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

FILE *vm_output(const struct vm *vm)
{
    const struct vm_test *test = vm->options.test;
    return test != NULL && test->out != NULL ? test->out : stdout;
}

void vm_output_look(struct vm *vm)
{
    if (vm->options.prints != NULL)
        vm->options.prints(vm->options.host, false);
    if (vm->output_errno != 0 || !ferror(vm_output(vm)))
        return;
    vm->output_errno = errno != 0 ? errno : EIO;
    /* Printing is not what a module is for, nor a handler of events: `jeton sandbox | head -n 1`
     * goes on serving. */
    if (vm_is_worker(vm))
        log_msg(vm->options.engine->log, LOG_WARN,
                "cannot write to standard output (%s): what handlers print is lost",
                strerror(vm->output_errno));
    else if (vm->output_errno == EPIPE && vm->is_script)
        vm_interrupt(vm, SIGPIPE);
}

void vm_output_begins(struct vm *vm)
{
    const struct vm_attempt *attempt = vm->options.attempt;
    if (vm->options.prints != NULL)
        vm->options.prints(vm->options.host, true);
    log_status_hide(vm->options.engine->log);
    if (vm->options.typed || (attempt != NULL && attempt->run != NULL))
        engine_know_secrets(vm->options.engine);
}

int vm_output_arrived(struct vm *vm, int *status, struct err *err)
{
    errno = 0;
    fflush(vm_output(vm));
    vm_output_look(vm);
    if (vm->output_errno == 0 || vm_is_worker(vm))
        return 0;
    if (vm->signo == SIGPIPE) {
        *status = 128 + SIGPIPE;
        return 0;
    }
    return err_set(err, ERR_SCRIPT, "cannot write to standard output: %s",
                   strerror(vm->output_errno));
}

/* --- typed: all through the redaction point --- */

static void write_masked(void *arg, const char *data, size_t len)
{
    (void)arg;
    fwrite(data, 1, len, stdout);
}

static void settle(struct vm *vm)
{
    if (vm->masked == NULL)
        return;
    vm_output_stop(vm);
    vm->masked = redact_stream_new(vm->options.engine->redact, write_masked, NULL);
}

void vm_output_end_line(struct vm *vm)
{
    settle(vm);
    if (vm->in_line)
        fputc('\n', stdout);
    vm->in_line = false;
    fflush(stdout);
}

void vm_output_stop(struct vm *vm)
{
    if (vm->masked == NULL)
        return;
    redact_stream_free(vm->masked);
    vm->masked = NULL;
    fflush(stdout);
}

/* One piece of what a script prints to standard output. */
static void put(struct vm *vm, const char *text, size_t len)
{
    if (len > 0)
        vm->in_line = text[len - 1] != '\n';
    if (vm->masked != NULL)
        redact_stream_write(vm->masked, text, len);
    else
        fwrite(text, 1, len, vm_output(vm));
}

/* Standard error has no stream: a text comes there in one call, if in several arguments. */
static void put_error(const struct vm *vm, const char *text, size_t len)
{
    struct buf masked;
    buf_create_secret(&masked, len * sizeof REDACT_MASK + sizeof REDACT_MASK);
    redact_text(vm->options.engine->redact, text, len, &masked);
    fwrite(masked.data, 1, masked.len, stderr);
    buf_destroy(&masked);
}

void vm_output_write(struct vm *vm, const char *text, size_t len)
{
    struct buf masked, shown;
    engine_know_secrets(vm->options.engine);
    buf_create_secret(&masked, len * sizeof REDACT_MASK + sizeof REDACT_MASK);
    redact_text(vm->options.engine->redact, text, len, &masked);
    buf_create_secret(&shown, masked.len * VISIBLE_GROWTH);
    FILE *file = vm_output(vm);
    bool terminal = file == stdout && isatty(STDOUT_FILENO) == 1;
    if (terminal)
        visible_append(&shown, masked.data, masked.len, VISIBLE_LINES);
    const struct buf *out = terminal ? &shown : &masked;
    vm_output_begins(vm);
    settle(vm);
    errno = 0;
    fwrite(out->data, 1, out->len, file);
    vm->in_line = len > 0 && text[len - 1] != '\n';
    fflush(file);
    vm_output_look(vm);
    buf_destroy(&masked);
    buf_destroy(&shown);
}

/* print, as Lua has it. */
static int print(lua_State *L)
{
    int n = lua_gettop(L);
    FILE *file = vm_output(vm_of(L));
    vm_output_begins(vm_of(L));
    errno = 0;
    for (int i = 1; i <= n; i++) {
        size_t len;
        const char *text = luaL_tolstring(L, i, &len); /* arg… text */
        if (i > 1)
            put(vm_of(L), "\t", 1);
        put(vm_of(L), text, len);
        lua_pop(L, 1);
    }
    put(vm_of(L), "\n", 1);
    fflush(file);
    vm_output_look(vm_of(L));
    return 0;
}

/* stdout or stderr, where that is written to: the file at index 1, or else the default one. */
static FILE *standard_file(lua_State *L, int first)
{
    if (first == 2)
        lua_pushvalue(L, 1);
    else
        lua_getfield(L, LUA_REGISTRYINDEX, "_IO_output"); /* where Lua keeps it */
    const luaL_Stream *file = luaL_testudata(L, -1, LUA_FILEHANDLE);
    FILE *found = file != NULL && file->closef != NULL ? file->f : NULL;
    lua_pop(L, 1);
    return found == stdout || found == stderr ? found : NULL;
}

/* The arguments from `first` on, as Lua writes them. Returns the file. */
static int write_typed(lua_State *L, int first, FILE *file)
{
    struct buf error;
    buf_create_secret(&error, SIZE_MAX / 2 / sizeof REDACT_MASK);
    for (int i = first; i <= lua_gettop(L); i++) {
        char number[64];
        size_t len;
        const char *text = number;
        if (lua_isinteger(L, i))
            len = (size_t)snprintf(number, sizeof number, LUA_INTEGER_FMT, lua_tointeger(L, i));
        else if (lua_type(L, i) == LUA_TNUMBER)
            len = (size_t)snprintf(number, sizeof number, LUA_NUMBER_FMT, lua_tonumber(L, i));
        else
            text = lua_tolstring(L, i, &len);
        if (file == stdout)
            put(vm_of(L), text, len);
        else
            buf_append(&error, text, len);
    }
    if (error.len > 0)
        put_error(vm_of(L), error.data, error.len);
    buf_destroy(&error);
    vm_output_look(vm_of(L));
    if (first == 2)
        lua_settop(L, 1);
    else
        lua_getfield(L, LUA_REGISTRYINDEX, "_IO_output");
    return 1;
}

/* Calls the original, the upvalue. Checks the arguments from `first` on before: errors raised here
 * have the function's name and the caller's line. */
static int call_write(lua_State *L, int first)
{
    for (int i = first; i <= lua_gettop(L); i++) {
        if (lua_type(L, i) != LUA_TNUMBER) /* not converted: io.write writes 2.0 as 2 */
            luaL_checkstring(L, i);
    }
    vm_output_begins(vm_of(L));
    FILE *standard = vm_of(L)->masked != NULL ? standard_file(L, first) : NULL;
    if (standard != NULL)
        return write_typed(L, first, standard);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    errno = 0;
    lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
    vm_output_look(vm_of(L));
    return lua_gettop(L);
}

static int io_write(lua_State *L)
{
    return call_write(L, 1);
}

static int file_write(lua_State *L)
{
    const luaL_Stream *file = luaL_checkudata(L, 1, LUA_FILEHANDLE);
    if (file->closef == NULL)
        return luaL_error(L, "attempt to use a closed file");
    return call_write(L, 2);
}

/* Sets `write` of the table on top to fn, with the original as upvalue. Pops the table. */
static void replace_write(lua_State *L, lua_CFunction fn)
{
    lua_getfield(L, -1, "write");
    lua_pushcclosure(L, fn, 1);
    lua_setfield(L, -2, "write");
    lua_pop(L, 1);
}

/* Of a table with io's functions, on top. */
static void set_stream(lua_State *L, const char *name, FILE *file)
{
    if (file == NULL)
        return;
    lua_getfield(L, -1, name);
    luaL_Stream *stream = luaL_checkudata(L, -1, LUA_FILEHANDLE);
    stream->f = file;
    lua_pop(L, 1);
}

static void set_streams(lua_State *L, const struct vm_test *test)
{
    if (test == NULL)
        return;
    lua_getglobal(L, LUA_IOLIBNAME);
    set_stream(L, "stdin", test->in);
    set_stream(L, "stdout", test->out);
    set_stream(L, "stderr", test->err);
    lua_pop(L, 1);
}

void vm_output_setup(lua_State *L)
{
    struct vm *vm = vm_of(L);
    set_streams(L, vm->options.test);
    if (vm->options.typed)
        vm->masked = redact_stream_new(vm->options.engine->redact, write_masked, NULL);
    lua_pushcfunction(L, print);
    lua_setglobal(L, "print");
    lua_getglobal(L, LUA_IOLIBNAME);
    replace_write(L, io_write);
    luaL_getmetatable(L, LUA_FILEHANDLE);
    lua_getfield(L, -1, "__index"); /* FILE* methods */
    replace_write(L, file_write);
    lua_pop(L, 1);
}

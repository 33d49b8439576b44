/* jeton: what a script knows about its run. */
#include "lerr.h"
#include "ljson.h"
#include "ljson_value.h"
#include "luaopen.h"
#include "lyaml.h"
#include "vm.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

/* The job's, or the list of operands. */
static void push_given(lua_State *L, const struct job *job, const char *const *args)
{
    if (job != NULL && job->args != NULL) {
        lyaml_push(L, job->args, yaml_resolve_args);
        return;
    }
    lua_newtable(L);
    for (lua_Integer i = 0; args != NULL && args[i] != NULL; i++) {
        lua_pushstring(L, args[i]);
        lua_seti(L, -2, i + 1);
    }
}

static void push_args(lua_State *L, const struct vm_options *options)
{
    push_given(L, options->job, options->args); /* args */
    bool list = ljson_value_is_array(L, -1);
    for (size_t i = 0; i < options->nnamed; i++) {
        const struct vm_arg *arg = &options->named[i];
        struct err err;
        if (list)
            lua_pushinteger(L, (lua_Integer)strtoll(arg->name, NULL, 10));
        else
            lua_pushstring(L, arg->name); /* args name */
        if (!arg->json)
            lua_pushstring(L, arg->value); /* args name value */
        else if (ljson_decode(L, arg->value, strlen(arg->value), NULL, &err) != 0)
            luaL_error(L, "%s", err.msg);
        lua_settable(L, -3); /* args */
    }
}

/* nil for a script from standard input. */
static void push_folder(lua_State *L, const char *script)
{
    const char *slash = script != NULL ? strrchr(script, '/') : NULL;
    if (slash == NULL)
        lua_pushnil(L);
    else
        lua_pushlstring(L, script, slash > script ? (size_t)(slash - script) : 1);
}

/* The module is on top, with args and deadline. */
static void push_job(lua_State *L, const struct vm_options *options)
{
    const struct vm_attempt *attempt = options->attempt;
    lua_createtable(L, 0, 7); /* module job */
    lua_pushstring(L, options->job->name);
    lua_setfield(L, -2, "name");
    lua_getfield(L, -2, "args");
    lua_setfield(L, -2, "args");
    lua_getfield(L, -2, "deadline");
    lua_setfield(L, -2, "deadline");
    if (attempt == NULL)
        return;
    lua_pushstring(L, attempt->run); /* nil where it is not recorded */
    lua_setfield(L, -2, "run");
    lua_pushinteger(L, attempt->attempt);
    lua_setfield(L, -2, "attempt");
    lua_pushinteger(L, attempt->attempts);
    lua_setfield(L, -2, "attempts");
    if (attempt->has_slot) {
        lua_pushinteger(L, attempt->slot);
        lua_setfield(L, -2, "slot");
    }
}

int luaopen_jeton(lua_State *L)
{
    struct vm *vm = vm_of(L);
    const struct vm_options *options = vm_options_of(vm);
    lua_createtable(L, 0, 7);
    push_args(L, options);
    lua_setfield(L, -2, "args");
    push_folder(L, vm_script(vm));
    lua_setfield(L, -2, "folder");
    if (vm_deadline(vm) != 0) {
        lua_pushinteger(L, vm_deadline(vm));
        lua_setfield(L, -2, "deadline");
    }
    if (options->job != NULL) {
        push_job(L, options);
        lua_setfield(L, -2, "job");
    }
    lua_pushstring(L, options->connector); /* nil without one */
    lua_setfield(L, -2, "connector");
    lua_pushliteral(L, JETON_VERSION);
    lua_setfield(L, -2, "version");
    lua_pushboolean(L, options->dry_run);
    lua_setfield(L, -2, "dry_run");
    return 1;
}

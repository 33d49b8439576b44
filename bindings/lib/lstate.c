/* jeton.state: durable keys and values of a job or script, and those that it shares with others.
 * Changes wait in the Lua state and are written together. */
#include "lstate.h"
#include "config_rows.h"
#include "larg.h"
#include "lerr.h"
#include "ljson.h"
#include "ljson_encode.h"
#include "luaopen.h"
#include "mem.h"
#include "store_runs.h"
#include "task.h"
#include "vm.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define RECORD   "jeton.state.record" /* registry: that of the run */
#define BUF_TYPE "jeton.state.buf"

#define SOUGHT_MAX 100 /* keys that are looked at, to name one that made a conflict */

/* The job and its home, since configurations may share a state folder; or the script. */
const char *lstate_scope(lua_State *L, struct err *err)
{
    struct vm *vm = vm_of(L);
    const struct job *job = vm_options_of(vm)->job;
    if (vm_options_of(vm)->events != NULL)
        return lua_pushstring(L, vm_options_of(vm)->events->scope);
    if (job != NULL) {
        char scope[STORE_SCOPE_SIZE];
        store_scope(scope, job->name, job->home);
        return lua_pushstring(L, scope);
    }
    const char *script = vm_script(vm);
    if (script != NULL) {
        char scope[STORE_SCOPE_SIZE];
        config_rows_script(vm_engine(vm)->config, script, scope);
        return lua_pushstring(L, scope);
    }
    err_set(err, ERR_CONFIG,
            "jeton.state needs a job or a script file: a script from standard input has no state");
    return NULL;
}

/* Pushes a table of the record: `changes` {name = JSON text, or false: deleted}, `seen` {name =
 * version}; `steps` {thread = name of the event:step in which it is} is made when it is needed. The
 * name of a key that is shared is its scope, NUL, and the key; of others the key. */
static void push_part(lua_State *L, const char *part)
{
    lstate_push_record(L);
    lua_getfield(L, -1, part);
    lua_remove(L, -2);
}

void lstate_push_record(lua_State *L)
{
    if (task_push_context(L)) {
        lua_getiuservalue(L, -1, LSTATE_RECORD);
        lua_remove(L, -2);
        return;
    }
    lua_getfield(L, LUA_REGISTRYINDEX, RECORD);
}

void lstate_new_record(lua_State *L)
{
    lua_createtable(L, 0, 2);
    lua_newtable(L);
    lua_setfield(L, -2, "changes");
    lua_newtable(L);
    lua_setfield(L, -2, "seen");
}

/* Steps are kept beyond a failed attempt, and its changes are not. */
void lstate_step(lua_State *L)
{
    lua_settop(L, 1);
    lstate_push_record(L);
    if (!lua_istable(L, 2)) { /* nobody has loaded jeton.state */
        lua_pushnil(L);
        return;
    }
    luaL_getsubtable(L, 2, "steps"); /* name record steps */
    lua_pushthread(L);
    lua_rawget(L, 3); /* … former */
    lua_pushthread(L);
    lua_pushvalue(L, 1);
    lua_rawset(L, 3);
}

static void refuse_in_step(lua_State *L)
{
    lstate_push_record(L);
    if (lua_getfield(L, -1, "steps") == LUA_TTABLE) {
        lua_pushthread(L);
        if (lua_rawget(L, -2) != LUA_TNIL)
            luaL_error(
                L,
                "state.set inside event:step '%s': a later attempt does not run it again, and "
                "would not have the change; return the value, and set it behind the step",
                larg_shown(L, -1));
        lua_pop(L, 1);
    }
    lua_pop(L, 2);
}

static int buf_gc(lua_State *L)
{
    buf_destroy(luaL_checkudata(L, 1, BUF_TYPE));
    return 0;
}

/* A buffer that a longjmp does not leak: a userdata on the stack owns it. Lua does not know its
 * size, and calls no finalizer of what a finalizer makes as the run ends: who is done with it frees
 * it. */
static struct buf *push_buf(lua_State *L, size_t limit)
{
    struct buf *buf = lua_newuserdatauv(L, sizeof *buf, 0);
    buf_create(buf, limit);
    luaL_setmetatable(L, BUF_TYPE);
    return buf;
}

/* Whether the functions are those of a shared space: the upvalue is its scope. */
static bool is_shared(lua_State *L)
{
    return !lua_isnil(L, lua_upvalueindex(1));
}

/* Pushes its name. */
static const char *check_key(lua_State *L)
{
    size_t len;
    const char *key = larg_check_text(L, 1, &len);
    luaL_argcheck(L, len > 0 && len <= STORE_KEY_MAX, 1, "a key has 1 to 512 bytes");
    luaL_argcheck(L, strlen(key) == len, 1, "a key holds no NUL byte");
    if (!is_shared(L)) {
        lua_pushvalue(L, 1);
        return key;
    }
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushlstring(L, "", 1);
    lua_pushvalue(L, 1);
    lua_concat(L, 3);
    return key;
}

/* The key of a name, and its scope; NULL: the run's own. Both point into the name. */
static const char *split_name(const char *name, size_t len, const char **scope)
{
    size_t head = strlen(name);
    *scope = head < len ? name : NULL;
    return head < len ? name + head + 1 : name;
}

/* Opens the store and pushes the scope. Raises err. */
static struct store *ready_store(lua_State *L, const char **scope)
{
    struct err err = {0};
    struct engine *engine = vm_engine(vm_of(L));
    lua_pushvalue(L, lua_upvalueindex(1));
    *scope = lua_tostring(L, -1);
    if (*scope == NULL)
        *scope = lstate_scope(L, &err);
    struct store *store = *scope != NULL ? engine_keys(engine, &err) : NULL;
    if (store == NULL)
        lerr_raise(L, &err);
    return store;
}

/* Of the name at this index. What was read first counts. */
static void note_seen(lua_State *L, int name, int64_t version)
{
    push_part(L, "seen");
    lua_pushvalue(L, name);
    if (lua_rawget(L, -2) == LUA_TNIL) {
        lua_pushvalue(L, name);
        lua_pushinteger(L, version);
        lua_rawset(L, -4);
    }
    lua_pop(L, 2);
}

static int state_get(lua_State *L)
{
    const char *key = check_key(L);
    int name = lua_gettop(L);
    struct err err = {0};
    struct buf *stored = push_buf(L, STORE_VALUE_MAX);
    const char *json;
    size_t len;
    push_part(L, "changes");
    lua_pushvalue(L, name);
    switch (lua_rawget(L, -2)) {
    case LUA_TBOOLEAN: /* deleted */
        lua_pushnil(L);
        return 1;
    case LUA_TSTRING:
        json = lua_tolstring(L, -1, &len);
        break;
    default: {
        const char *scope;
        struct store *store = ready_store(L, &scope);
        int64_t version = 0;
        int found = store_kv_read(store, scope, key, stored, &version, &err);
        if (found < 0)
            return lerr_raise(L, &err);
        note_seen(L, name, version);
        if (found == 0) {
            lua_pushnil(L);
            return 1;
        }
        json = stored->data;
        len = stored->len;
    }
    }
    struct json_options options = {0};
    if (ljson_decode(L, json, len, &options, &err) != 0) {
        err_wrap(&err, "state '%s'", key);
        return lerr_raise(L, &err);
    }
    buf_destroy(stored);
    return 1;
}

static int state_set(lua_State *L)
{
    luaL_checkany(L, 2);
    lua_settop(L, 2);
    const char *key = check_key(L); /* key value name */
    struct err err = {0};
    if (!is_shared(L) && lstate_scope(L, &err) == NULL)
        return lerr_raise(L, &err);
    refuse_in_step(L);
    push_part(L, "changes");
    lua_pushvalue(L, 3);
    if (lua_isnil(L, 2)) {
        lua_pushboolean(L, false);
    } else {
        struct buf *json = push_buf(L, STORE_VALUE_MAX);
        if (ljson_encode(L, 2, json, &err) != 0) {
            err_wrap(&err, "state '%s'", key);
            return lerr_raise(L, &err);
        }
        lua_pushlstring(L, json->data, json->len);
        buf_destroy(json);
        lua_remove(L, -2);
    }
    lua_rawset(L, -3);
    return 0;
}

struct listing {
    struct buf *names; /* each with its NUL */
    bool full;
};

static bool add_name(void *arg, const struct store_kv *item)
{
    struct listing *listing = arg;
    listing->full = buf_append(listing->names, item->key, strlen(item->key) + 1) != 0;
    return !listing->full;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Replaces the table on top of the stack by a sorted list of its keys. */
static void sort_keys(lua_State *L)
{
    int set = lua_gettop(L);
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, set) != 0; lua_pop(L, 1))
        count++;
    const char **names = lua_newuserdatauv(L, (count + 1) * sizeof *names, 0); /* set names */
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, set) != 0; lua_pop(L, 1))
        names[i++] = lua_tostring(L, -2);
    qsort(names, count, sizeof *names, compare_names);
    lua_createtable(L, (int)count, 0); /* set names list */
    for (i = 0; i < count; i++) {
        lua_pushstring(L, names[i]);
        lua_seti(L, -2, (lua_Integer)i + 1);
    }
    lua_replace(L, set);
    lua_settop(L, set);
}

/* Whether the name on top of the stack is of these functions' keys: *key. */
static bool is_ours(lua_State *L, const char *ours, const char **key)
{
    size_t len;
    const char *name = lua_tolstring(L, -1, &len), *scope;
    *key = split_name(name, len, &scope);
    return scope == NULL ? ours == NULL : ours != NULL && strcmp(scope, ours) == 0;
}

static int state_keys(lua_State *L)
{
    struct err err = {0};
    const char *scope, *key;
    struct listing listing = {.names = push_buf(L, (size_t)STORE_KEYS_MAX * (STORE_KEY_MAX + 1))};
    struct store *store = ready_store(L, &scope);
    struct store_call call = {.op = STORE_KV_EACH,
                              .kv = {.scope = scope, .fn = add_name, .arg = &listing}};
    if (store_wait(store, &call, &err) != 0)
        return lerr_raise(L, &err);

    lua_newtable(L); /* set: key = true */
    const char *end = listing.names->data + listing.names->len;
    for (const char *name = listing.names->data; name < end; name += strlen(name) + 1) {
        lua_pushboolean(L, true);
        lua_setfield(L, -2, name);
    }
    buf_destroy(listing.names);
    push_part(L, "changes");                      /* set changes */
    for (lua_pushnil(L); lua_next(L, -2) != 0;) { /* set changes name json|false */
        bool there = lua_toboolean(L, -1);
        lua_pop(L, 1);
        if (!is_ours(L, lua_tostring(L, lua_upvalueindex(1)), &key))
            continue;
        if (there)
            lua_pushboolean(L, true);
        else
            lua_pushnil(L);
        lua_setfield(L, -4, key);
    }
    lua_pop(L, 1);
    sort_keys(L);
    return 1;
}

/* Stack: changes copy … Removes from the changes what was written, but not what has been set since.
 * What was read before has the version that the writing gave it. */
static void forget_written(lua_State *L, int64_t version)
{
    push_part(L, "seen");
    int seen = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, 2) != 0; lua_pop(L, 1)) { /* … key written */
        lua_pushvalue(L, -2);
        if (lua_rawget(L, seen) != LUA_TNIL) {
            lua_pushvalue(L, -3);
            lua_pushinteger(L, lua_toboolean(L, -3) ? version : 0);
            lua_rawset(L, seen);
        }
        lua_pop(L, 1);
        lua_pushvalue(L, -2);
        lua_rawget(L, 1);
        bool same = lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
        if (same) {
            lua_pushvalue(L, -2);
            lua_pushnil(L);
            lua_rawset(L, 1);
        }
    }
}

static size_t count_entries(lua_State *L, int index)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1))
        count++;
    return count;
}

void lstate_gather(lua_State *L, struct lstate_changes *changes)
{
    lua_getfield(L, -1, "changes");
    larg_copy(L, lua_gettop(L)); /* record copy; a finalizer may call state.set below */
    int copy = lua_gettop(L);
    changes->count = count_entries(L, copy);
    struct store_kv *items =
        lua_newuserdatauv(L, (changes->count + 1) * sizeof *items, 0); /* record copy items */
    changes->items = items;
    size_t len;
    for (lua_pushnil(L); lua_next(L, copy) != 0; lua_pop(L, 1)) {
        const char *name = lua_tolstring(L, -2, &len);
        *items = (struct store_kv){0};
        items->key = split_name(name, len, &items->scope);
        if (lua_isstring(L, -1))
            items->value = lua_tolstring(L, -1, &items->len);
        items++;
    }
    lua_getfield(L, copy - 1, "seen");
    larg_copy(L, lua_gettop(L));
    int read = lua_gettop(L);
    changes->nseen = count_entries(L, read);
    struct store_kv_seen *seen = lua_newuserdatauv(L, (changes->nseen + 1) * sizeof *seen, 0);
    changes->seen = seen;
    for (lua_pushnil(L); lua_next(L, read) != 0; lua_pop(L, 1), seen++) {
        const char *name = lua_tolstring(L, -2, &len);
        *seen = (struct store_kv_seen){.version = lua_tointeger(L, -1)};
        seen->key = split_name(name, len, &seen->scope);
    }
}

/* One of those that were read that has another version now. NULL: it cannot be told. */
static const struct store_kv_seen *find_changed(struct store *store, const char *scope,
                                                const struct lstate_changes *changes)
{
    struct buf value;
    struct err err;
    for (size_t i = 0; i < changes->nseen && i < SOUGHT_MAX; i++) {
        const struct store_kv_seen *seen = &changes->seen[i];
        int64_t version = 0;
        buf_create(&value, STORE_VALUE_MAX);
        int found = store_kv_read(store, seen->scope != NULL ? seen->scope : scope, seen->key,
                                  &value, &version, &err);
        buf_destroy(&value);
        if (found < 0)
            return NULL;
        if (version != seen->version)
            return seen;
    }
    return NULL;
}

/* changed: NULL where it cannot be told. */
static int raise_conflict(lua_State *L, const struct store_kv_seen *changed)
{
    struct err err;
    char what[ERR_MSG_MAX] = "a key of jeton.state";
    size_t len;
    if (changed != NULL && changed->scope == NULL) {
        err_text(what, sizeof what, "key '%s' of jeton.state", changed->key);
    } else if (changed != NULL) {
        const char *space = store_scope_shared_name(changed->scope, &len);
        err_text(what, sizeof what, "key '%s' of state.shared '%.*s'", changed->key, (int)len,
                 space);
    }
    err_set(&err, ERR_CONFLICT,
            "%s was read here, and has been changed by another run since: nothing was written",
            what);
    err.retryable = true;
    return lerr_raise(L, &err);
}

/* Writes all changes in one transaction, then forgets them. Raises err. */
static int state_commit(lua_State *L)
{
    struct lstate_changes changes;
    lua_settop(L, 0);
    if (task_push_context(L))
        return luaL_error(L, "state.commit: the changes of an event are written with its end");
    push_part(L, "changes");
    lstate_push_record(L);
    lstate_gather(L, &changes); /* changes record copy items read seen */
    lua_remove(L, 2);
    if (changes.count == 0 || vm_options_of(vm_of(L))->dry_run)
        return 0;
    struct err err = {0};
    int64_t version = 0;
    const char *scope = lstate_scope(L, &err);
    struct store *store = scope != NULL ? engine_keys(vm_engine(vm_of(L)), &err) : NULL;
    if (store == NULL)
        return lerr_raise(L, &err);
    struct store_call call = {.op = STORE_KV_WRITE,
                              .under = vm_options_of(vm_of(L))->under,
                              .kv = {.scope = scope,
                                     .version = &version,
                                     .items = changes.items,
                                     .count = changes.count,
                                     .seen = changes.seen,
                                     .nseen = changes.nseen}};
    int result = store_wait(store, &call, &err);
    if (result < 0)
        return lerr_raise(L, &err);
    if (result == 1) { /* from the beginning, if the script goes on */
        const struct store_kv_seen *changed = find_changed(store, scope, &changes);
        lstate_push_record(L);
        lua_newtable(L);
        lua_setfield(L, -2, "changes");
        lua_newtable(L);
        lua_setfield(L, -2, "seen");
        return raise_conflict(L, changed);
    }
    forget_written(L, version);
    return 0;
}

/* For vm_on_success. Not of what handles events: each has its own record, and what a task beside
 * them has set long ago and not committed would undo what they have written since. */
static int commit_at_end(lua_State *L, struct err *err)
{
    const struct vm_events *events = vm_options_of(vm_of(L))->events;
    int top = lua_gettop(L);
    if (events != NULL && events->once == NULL)
        return 0;
    if (!lua_checkstack(L, 2))
        return err_set(err, ERR_SCRIPT, "no memory left to write the state");
    lua_pushcfunction(L, state_commit);
    int result = 0;
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        result = -1;
        if (!lerr_get(L, -1, err)) {
            const char *message = larg_shown(L, -1);
            err_set(err, ERR_SCRIPT, "the state could not be written: %s",
                    message != NULL ? message : "an error without a message");
        }
    }
    lua_settop(L, top);
    return result;
}

static const luaL_Reg functions[] = {{"get", state_get},
                                     {"set", state_set},
                                     {"keys", state_keys},
                                     {"commit", state_commit},
                                     {NULL, NULL}};

static int refuse_shared(lua_State *L, const char *name)
{
    const struct vm_options *options = vm_options_of(vm_of(L));
    struct err err;
    if (options->job == NULL && options->events == NULL)
        err_set(&err, ERR_CONFIG,
                "state.shared '%s': only jobs and webhooks share keys; `jeton run --job NAME` runs "
                "a job",
                name);
    else
        err_set(&err, ERR_CONFIG,
                "this %s does not share '%s'; its configuration needs shared: [%s]",
                options->events != NULL ? "webhook" : "job", name, name);
    return lerr_raise(L, &err);
}

/* state.count = 1: it would be there in this run only, without a word. A script may add functions.
 */
static int new_field(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE); /* getmetatable(state).__newindex(1, …) */
    lua_settop(L, 3);
    if (lua_isfunction(L, 3)) {
        lua_rawset(L, 1);
        return 0;
    }
    return luaL_error(
        L, "jeton.state has no fields of its own; a key is set by state.set(%s, value)",
        lua_type(L, 2) == LUA_TSTRING ? lua_pushfstring(L, "\"%s\"", larg_shown(L, 2)) : "key");
}

/* Leaves the table of functions on the stack; `scope` is above it, and taken. */
static void finish(lua_State *L)
{
    luaL_setfuncs(L, functions, 1);
    lua_createtable(L, 0, 1);
    lua_pushcfunction(L, new_field);
    lua_setfield(L, -2, "__newindex");
    lua_setmetatable(L, -2);
}

/* state.shared(name) → a table with the same functions, for keys that others have too. */
static int state_shared(lua_State *L)
{
    const struct vm_options *options = vm_options_of(vm_of(L));
    char *const *name = options->events != NULL ? options->events->shared
                        : options->job != NULL  ? options->job->shared
                                                : NULL;
    const char *wanted = larg_check_text(L, 1, NULL);
    char scope[STORE_SCOPE_SIZE];
    while (name != NULL && *name != NULL && strcmp(*name, wanted) != 0)
        name++;
    if (name == NULL || *name == NULL)
        return refuse_shared(L, larg_shown(L, 1));
    store_scope_shared(scope, wanted, config_home(vm_engine(vm_of(L))->config));
    luaL_newlibtable(L, functions);
    lua_pushstring(L, scope);
    finish(L);
    return 1;
}

int luaopen_jeton_state(lua_State *L)
{
    luaL_newmetatable(L, BUF_TYPE);
    lua_pushcfunction(L, buf_gc);
    lua_setfield(L, -2, "__gc");
    lstate_new_record(L);
    lua_setfield(L, LUA_REGISTRYINDEX, RECORD);
    vm_on_success(vm_of(L), commit_at_end);
    lua_settop(L, 0);
    luaL_newlibtable(L, functions);
    lua_pushcfunction(L, state_shared);
    lua_setfield(L, -2, "shared");
    lua_pushnil(L);
    finish(L);
    return 1;
}

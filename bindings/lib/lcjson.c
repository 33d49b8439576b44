/*
 * lua-cjson, whose buffers count in the run's memory. It allocates by itself, so before it encodes,
 * the text's length is computed and a userdata of that size, which nobody touches, stands for the
 * buffer as long as the instance keeps it. It nests on the C stack, and counts in ints, so depths
 * and lengths are bounded.
 */
#include "luaopen.h"
#include "vm.h"

#include <lauxlib.h>
#include <stdint.h>

#define NOT_WORTH_IT ((size_t)64 * 1024) /* smaller buffers are not counted */
#define NESTING_MAX  1000                /* cjson's own default */
/* cjson counts in ints, and takes six bytes for each of a string. */
#define ENCODED_MAX  ((size_t)256 * 1024 * 1024)
#define DECODED_MAX  ((size_t)1024 * 1024 * 1024)
#define NUMBER_BYTES 24
#define WORD_BYTES   5 /* true, false, null with what separates it */

/* Debian's lua-cjson has no header. */
int luaopen_cjson(lua_State *L);
int luaopen_cjson_safe(lua_State *L);

struct weight {
    size_t bytes, enough; /* beyond this nothing more needs to be counted */
    lua_Integer sparse_ratio, sparse_safe;
};

static size_t weigh_string(const char *text, size_t len)
{
    size_t bytes = len + 3;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c < 0x20 || c == 0x7F) /* \u001F; a few are shorter */
            bytes += 5;
        else if (c == '"' || c == '\\' || c == '/')
            bytes++;
    }
    return bytes;
}

static void weigh_table(lua_State *L, struct weight *weight, int nesting);

/* The value on top. */
static void weigh(lua_State *L, struct weight *weight, int nesting)
{
    size_t len;
    const char *text;
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        text = lua_tolstring(L, -1, &len);
        weight->bytes += weigh_string(text, len);
        break;
    case LUA_TNUMBER:
        weight->bytes += NUMBER_BYTES;
        break;
    case LUA_TTABLE:
        weight->bytes += 3;
        if (nesting < NESTING_MAX && lua_checkstack(L, 4))
            weigh_table(L, weight, nesting + 1);
        break;
    default:
        weight->bytes += WORD_BYTES;
    }
}

/* cjson writes null for what is missing in a sequence, unless there is too much of it. */
static void weigh_holes(struct weight *weight, lua_Integer items, lua_Integer max)
{
    bool excessive =
        weight->sparse_ratio > 0 && max > weight->sparse_safe && max / weight->sparse_ratio > items;
    if (!excessive && max > items)
        weight->bytes += (size_t)(max - items) > weight->enough / WORD_BYTES
                             ? weight->enough
                             : (size_t)(max - items) * WORD_BYTES;
}

static void weigh_table(lua_State *L, struct weight *weight, int nesting)
{
    lua_Integer items = 0, max = 0;
    bool sequence = true;
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        weigh(L, weight, nesting);
        lua_pop(L, 1);
        if (weight->bytes > weight->enough) {
            lua_pop(L, 1);
            return;
        }
        lua_Integer key = lua_isinteger(L, -1) ? lua_tointeger(L, -1) : 0;
        sequence = sequence && key > 0;
        if (!sequence)
            weigh(L, weight, nesting);
        max = key > max ? key : max;
        items++;
    }
    if (sequence)
        weigh_holes(weight, items, max);
}

/* Calls cjson's function, the first upvalue, with all arguments. What it raises a thousand levels
 * deep on the C stack is raised here: a handler of errors that fails is called 200 times, each on
 * top. */
static int call(lua_State *L)
{
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    if (status == LUA_OK)
        return lua_gettop(L);
    if (status == LUA_ERRRUN && lua_type(L, -1) == LUA_TSTRING) {
        luaL_where(L, 1);
        lua_insert(L, -2);
        lua_concat(L, 2);
    }
    return lua_error(L);
}

/* Upvalues: cjson's encode, its encode_sparse_array, what stands for the buffer. */
static int encode(lua_State *L)
{
    luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
    struct weight weight = {.enough = vm_memory_limit(vm_of(L))};
    lua_pushvalue(L, lua_upvalueindex(2));
    lua_call(L, 0, 3); /* value convert ratio safe */
    weight.sparse_ratio = lua_tointeger(L, -2);
    weight.sparse_safe = lua_tointeger(L, -1);
    lua_pop(L, 3);
    weigh(L, &weight, 0);
    if (weight.bytes > ENCODED_MAX && weight.bytes <= weight.enough)
        return luaL_error(L, "cjson: a text of over 256 MiB; use jeton.json, in parts");
    if (weight.bytes > NOT_WORTH_IT && weight.bytes > lua_rawlen(L, lua_upvalueindex(3))) {
        lua_pushnil(L);
        lua_replace(L, lua_upvalueindex(3));
        lua_newuserdatauv(L, weight.bytes, 0); /* or raises that there is not enough memory */
        lua_replace(L, lua_upvalueindex(3));
    }
    return call(L);
}

/* Upvalues: cjson's decode, whether it returns errors. */
static int decode(lua_State *L)
{
    luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
    if (!lua_toboolean(L, lua_upvalueindex(2)))
        luaL_checkstring(L, 1);
    luaL_argcheck(L, lua_type(L, 1) != LUA_TSTRING || lua_rawlen(L, 1) <= DECODED_MAX, 1,
                  "over 1 GiB");
    return call(L);
}

/* encode_max_depth, decode_max_depth */
static int max_depth(lua_State *L)
{
    luaL_argcheck(L, lua_isnoneornil(L, 1) || luaL_checknumber(L, 1) <= NESTING_MAX, 1,
                  "at most 1000 levels");
    return call(L);
}

static void bound(lua_State *L, const char *name, lua_CFunction by, bool safe)
{
    lua_getfield(L, -1, name);
    lua_pushboolean(L, safe);
    lua_pushcclosure(L, by, 2);
    lua_setfield(L, -2, name);
}

static int new_instance(lua_State *L);

/* The instance on top. */
static int guard(lua_State *L, bool safe)
{
    bound(L, "decode", decode, safe);
    bound(L, "encode_max_depth", max_depth, safe);
    bound(L, "decode_max_depth", max_depth, safe);
    lua_getfield(L, -1, "encode");
    lua_getfield(L, -2, "encode_sparse_array");
    lua_pushnil(L);
    lua_pushcclosure(L, encode, 3);
    lua_setfield(L, -2, "encode");
    bound(L, "new", new_instance, safe);
    return 1;
}

static int new_instance(lua_State *L)
{
    lua_settop(L, 0);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_call(L, 0, 1);
    return guard(L, lua_toboolean(L, lua_upvalueindex(2)));
}

int luaopen_jeton_cjson(lua_State *L)
{
    luaopen_cjson(L);
    return guard(L, false);
}

int luaopen_jeton_cjson_safe(lua_State *L)
{
    luaopen_cjson_safe(L);
    return guard(L, true);
}

#include "ljson.h"

#include "larg.h"
#include "lerr.h"
#include "ljson_encode.h"
#include "ljson_value.h"
#include "luaopen.h"

#include <lauxlib.h>
#include <math.h>
#include <string.h>

#define READER_NAME "jeton.json.reader"
#define BUF_NAME    "jeton.json.buf"

static int reader_gc(lua_State *L)
{
    struct json_reader **box = lua_touserdata(L, 1);
    json_reader_free(*box);
    *box = NULL;
    return 0;
}

static int buf_gc(lua_State *L)
{
    buf_destroy(lua_touserdata(L, 1));
    return 0;
}

/* A zeroed userdata, whose gc frees memory outside of Lua if something raises. */
static void *push_box(lua_State *L, size_t size, const char *name, lua_CFunction gc)
{
    char *box = lua_newuserdatauv(L, size, 0); /* box */
    for (size_t i = 0; i < size; i++)
        box[i] = 0;
    if (luaL_newmetatable(L, name)) { /* box, mt */
        lua_pushcfunction(L, gc);     /* box, mt, gc */
        lua_setfield(L, -2, "__gc");  /* box, mt */
    }
    lua_setmetatable(L, -2); /* box */
    return box;
}

struct level {
    bool object;
    lua_Integer count; /* of an array; of an object: its keys */
};

#define STACK_OF_LEVEL 2 /* a table, and a key in it */

#define FIELDS_MAX 64 /* for which there is room before they are read */

#define LARGE   ((size_t)64 * 1024) /* bytes of a text whose keys come again and again */
#define KEYS    32
#define KEY_MAX 32 /* bytes */
/* On build_large's stack: the array's metatable, the building, then the keys. */
#define KEYS_BASE 3

/* A key that was read before: in a slot of the stack, which is quicker than Lua's table of strings.
 */
struct key {
    const char *text; /* the string's own */
    size_t len;
};

struct building {
    struct json_reader *reader;
    int array_metatable;
    /* Of the last object at each depth: the next one is mostly of the same kind, as is that of the
     * next text. */
    unsigned char *fields;
    struct key *keys; /* NULL: none are kept */
    int result;
    struct err *err;
};

static void push_key(lua_State *L, const struct building *building, const struct json_token *token)
{
    if (building->keys == NULL || token->len == 0 || token->len > KEY_MAX) {
        lua_pushlstring(L, token->text, token->len);
        return;
    }
    size_t sum =
        token->len + 3 * (unsigned char)token->text[0] + (unsigned char)token->text[token->len - 1];
    struct key *key = &building->keys[sum % KEYS];
    int slot = KEYS_BASE + (int)(sum % KEYS);
    if (key->len == token->len && memcmp(key->text, token->text, key->len) == 0) {
        lua_pushvalue(L, slot);
        return;
    }
    lua_pushlstring(L, token->text, token->len);
    lua_copy(L, -1, slot);
    key->text = lua_tolstring(L, slot, &key->len);
}

/* Stores the value on top into the open table below it, or below its key in an object. */
static void store(lua_State *L, struct level *level)
{
    level->count++;
    if (level->object)
        lua_rawset(L, -3);
    else
        lua_rawseti(L, -2, level->count);
}

static void push_scalar(lua_State *L, const struct json_token *token)
{
    switch (token->type) {
    case JSON_BOOL:
        lua_pushboolean(L, token->boolean);
        break;
    case JSON_INT:
        lua_pushinteger(L, token->integer);
        break;
    case JSON_DOUBLE:
        if (isfinite(token->number))
            lua_pushnumber(L, token->number);
        else /* could not be sent again, and is no number to calculate with */
            lua_pushlstring(L, token->text, token->len);
        break;
    case JSON_STRING:
        lua_pushlstring(L, token->text, token->len);
        break;
    default:
        ljson_value_push_null(L);
        break;
    }
}

/* While it runs, the stack holds the table of each open container and, in an object, the key. */
static int build(lua_State *L, const struct building *building)
{
    struct level levels[JSON_DEPTH_MAX + 1] = {0};
    unsigned char *fields = building->fields;
    struct json_token token;
    int depth = 0;
    for (;;) {
        if (json_next(building->reader, &token, building->err) != 0)
            return -1;
        switch (token.type) {
        case JSON_END:
            return 0;
        case JSON_KEY:
            push_key(L, building, &token);
            continue;
        case JSON_ARRAY_BEGIN:
        case JSON_OBJECT_BEGIN:
            luaL_checkstack(L, STACK_OF_LEVEL + LUA_MINSTACK, "to decode JSON");
            levels[++depth] = (struct level){.object = token.type == JSON_OBJECT_BEGIN};
            lua_createtable(L, 0, levels[depth].object ? fields[depth] : 0);
            if (token.type == JSON_ARRAY_BEGIN) {
                lua_pushvalue(L, building->array_metatable);
                lua_setmetatable(L, -2);
            }
            continue;
        case JSON_OBJECT_END:
            fields[depth] =
                levels[depth].count < FIELDS_MAX ? (unsigned char)levels[depth].count : FIELDS_MAX;
            depth--;
            break;
        case JSON_ARRAY_END:
            depth--;
            break;
        default:
            push_scalar(L, &token);
            break;
        }
        if (depth > 0)
            store(L, &levels[depth]);
    }
}

/* (array's metatable, building) → value? */
static int build_large(lua_State *L)
{
    struct key keys[KEYS] = {0};
    struct building *building = lua_touserdata(L, 2);
    luaL_checkstack(L, KEYS + LUA_MINSTACK, "to decode JSON");
    lua_settop(L, KEYS_BASE + KEYS - 1);
    building->array_metatable = 1;
    building->keys = keys;
    building->result = build(L, building);
    return building->result == 0;
}

/*
 * A large text becomes many tables and strings, of which none is garbage: the collector would look
 * at all of them, more than once. It stands still meanwhile; where memory is used up Lua collects
 * all the same. Pushes a value, or nil.
 */
static void build_uncollected(lua_State *L, struct building *building)
{
    bool runs = lua_gc(L, LUA_GCISRUNNING);
    lua_pushcfunction(L, build_large);
    lua_pushvalue(L, building->array_metatable);
    lua_pushlightuserdata(L, building);
    if (runs)
        lua_gc(L, LUA_GCSTOP);
    int status = lua_pcall(L, 2, 1, 0);
    if (runs)
        lua_gc(L, LUA_GCRESTART);
    if (status != LUA_OK)
        lua_error(L);
}

/* For all texts of the state; its address is the key in the registry. */
static const char fields_key;

static unsigned char *kept_fields(lua_State *L)
{
    if (lua_rawgetp(L, LUA_REGISTRYINDEX, &fields_key) == LUA_TNIL) {
        const size_t size = JSON_DEPTH_MAX + 1;
        memset(lua_newuserdatauv(L, size, 0), 0, size); /* nil, fields */
        lua_pushvalue(L, -1);
        lua_rawsetp(L, LUA_REGISTRYINDEX, &fields_key);
        lua_replace(L, -2); /* fields */
    }
    unsigned char *fields = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return fields;
}

int ljson_decode(lua_State *L, const char *text, size_t len, const struct json_options *options,
                 struct err *err)
{
    int base = lua_gettop(L);
    luaL_checkstack(L, LUA_MINSTACK, "to decode JSON");
    unsigned char *fields = kept_fields(L);
    struct json_reader **box = push_box(L, sizeof *box, READER_NAME, reader_gc);
    ljson_value_push_array_metatable(L); /* box, mt */
    *box = json_reader_new(text, len, options, err);
    struct building building = {
        .reader = *box, .array_metatable = base + 2, .fields = fields, .result = -1, .err = err};
    if (*box != NULL && len >= LARGE)
        build_uncollected(L, &building); /* box, mt, value */
    else if (*box != NULL)
        building.result = build(L, &building); /* box, mt, value? */
    json_reader_free(*box);
    *box = NULL;
    if (building.result == 0)
        lua_replace(L, base + 1);
    lua_settop(L, base + (building.result == 0));
    return building.result;
}

void ljson_options(lua_State *L, int index, const char *what, struct json_options *options)
{
    static const char *const keys[] = {"lenient", "mend", "max_bytes", "max_depth", NULL};
    if (lua_isnoneornil(L, index))
        return;
    luaL_checktype(L, index, LUA_TTABLE);
    larg_options(L, index, what, keys);
    int64_t bytes = larg_integer(L, index, "max_bytes", (int64_t)JSON_BYTES_MAX);
    int64_t depth = larg_integer(L, index, "max_depth", JSON_DEPTH_MAX);
    if (bytes < 1 || bytes > (int64_t)JSON_BYTES_MAX)
        luaL_error(L, "%s: max_bytes must be 1 to %d", what, (int)JSON_BYTES_MAX);
    if (depth < 1 || depth > JSON_DEPTH_MAX)
        luaL_error(L, "%s: max_depth must be 1 to %d", what, JSON_DEPTH_MAX);
    options->lenient = larg_boolean(L, index, "lenient", options->lenient);
    options->mend = larg_boolean(L, index, "mend", options->mend || options->lenient);
    options->max_bytes = (size_t)bytes;
    options->max_depth = (int)depth;
}

/* json.decode(text, options?) */
static int decode(lua_State *L)
{
    size_t len;
    const char *text = larg_check_text(L, 1, &len);
    struct json_options options = {0};
    struct err err;
    ljson_options(L, 2, "json.decode", &options);
    return ljson_decode(L, text, len, &options, &err) == 0 ? 1 : lerr_return(L, &err);
}

/* json.encode(value, options?) */
static int encode(lua_State *L)
{
    static const char *const keys[] = {"indent", NULL};
    int64_t indent = 0;
    struct err err;
    luaL_checkany(L, 1);
    if (!lua_isnoneornil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        larg_options(L, 2, "json.encode", keys);
        indent = larg_integer(L, 2, "indent", 0);
        if (indent < 0 || indent > LJSON_INDENT_MAX)
            return luaL_error(L, "json.encode: indent must be 0 to %d spaces", LJSON_INDENT_MAX);
    }
    struct buf *out = push_box(L, sizeof *out, BUF_NAME, buf_gc);
    buf_create_secret(out, JSON_BYTES_MAX); /* bodies hold secrets */
    if (ljson_encode_indented(L, 1, (int)indent, out, &err) == 0)
        lua_pushlstring(L, out->data, out->len);
    else
        lerr_return(L, &err);
    buf_destroy(out);
    return lua_isstring(L, -1) ? 1 : 2;
}

/* json.array(t?) */
static int array(lua_State *L)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getmetatable(L, 1)) {
        lua_pop(L, 1);
        if (!ljson_value_is_array(L, 1))
            return luaL_argerror(L, 1, "a table without a metatable expected");
    }
    ljson_value_mark_array(L, 1);
    return 1;
}

/* json.is_array(value) */
static int is_array(lua_State *L)
{
    luaL_checkany(L, 1);
    lua_pushboolean(L, ljson_value_is_array(L, 1));
    return 1;
}

int luaopen_jeton_json(lua_State *L)
{
    static const luaL_Reg functions[] = {
        {"decode", decode}, {"encode", encode}, {"array", array}, {"is_array", is_array}, {0},
    };
    luaL_newlib(L, functions);
    ljson_value_push_null(L);
    lua_setfield(L, -2, "null");
    return 1;
}

/*
 * Nothing here raises: no metamethod is called and no Lua memory is allocated. So callers may hold
 * memory that a longjmp would leak.
 */
#include "ljson_encode.h"

#include "json.h"
#include "ljson_value.h"
#include "mem.h"
#include "utf8.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH_MAX_BYTES 160 /* of the path in an error */
#define PATH_KEY_MAX   40
#define STACK_SLOTS    8 /* that one level may use */

/* The place in the value, from the innermost level outwards. */
struct path {
    const struct path *parent;
    const char *key; /* NULL: an index, or the root where parent is NULL too */
    size_t key_len;
    lua_Integer index;
    int depth;
};

struct key {
    const char *text;
    size_t len;
    int slot; /* on the stack */
};

struct encoder {
    lua_State *L;
    struct buf *out;
    int indent;
    struct err *err;
};

/* Which kinds of keys a table has. */
struct shape {
    size_t strings;
    lua_Integer integers;
    lua_Integer largest;
    int other; /* the type of a key that JSON cannot have, or LUA_TNONE */
};

static int encode_value(struct encoder *encoder, int index, const struct path *path);

static bool is_name(const struct path *path)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    return path->key_len > 0 && path->key_len <= PATH_KEY_MAX &&
           strspn(path->key, letters) == path->key_len;
}

static void append_path(struct buf *out, const struct path *path)
{
    if (path->parent == NULL) {
        buf_putc(out, '$');
        return;
    }
    append_path(out, path->parent);
    if (path->key == NULL)
        buf_printf(out, "[%" PRId64 "]", (int64_t)path->index);
    else if (is_name(path))
        buf_printf(out, ".%s", path->key);
    else if (path->key_len > PATH_KEY_MAX || !json_utf8_valid(path->key, path->key_len))
        buf_puts(out, "[…]");
    else {
        buf_putc(out, '[');
        json_write_string(out, path->key, path->key_len);
        buf_putc(out, ']');
    }
}

static int fail(const struct encoder *encoder, const struct path *path, const char *what)
{
    struct buf text;
    buf_create(&text, BUF_LIMIT_LINE);
    append_path(&text, path);
    if (text.len > PATH_MAX_BYTES) {
        text.len = utf8_cut(text.data, text.len, PATH_MAX_BYTES);
        buf_puts(&text, ERR_CUT);
    }
    err_set(encoder->err, ERR_INVALID, "%s: %s", text.data, what);
    buf_destroy(&text);
    return -1;
}

static int fail_full(const struct encoder *encoder)
{
    return err_set(encoder->err, ERR_INVALID, "JSON text would be over the limit of %zu bytes",
                   encoder->out->limit);
}

static int put(const struct encoder *encoder, const char *text)
{
    return buf_puts(encoder->out, text) == 0 ? 0 : fail_full(encoder);
}

static int encode_string(const struct encoder *encoder, const char *text, size_t len,
                         const struct path *path, const char *what)
{
    if (json_write_string(encoder->out, text, len) == 0)
        return 0;
    return json_utf8_valid(text, len) ? fail_full(encoder) : fail(encoder, path, what);
}

static int encode_number(const struct encoder *encoder, int index, const struct path *path)
{
    if (lua_isinteger(encoder->L, index))
        return json_write_int(encoder->out, lua_tointeger(encoder->L, index)) == 0
                   ? 0
                   : fail_full(encoder);
    double number = lua_tonumber(encoder->L, index);
    if (!isfinite(number))
        return fail(encoder, path, "NaN and infinity cannot be written as JSON");
    return json_write_double(encoder->out, number) == 0 ? 0 : fail_full(encoder);
}

/* Begins a new line at `depth` where the text is indented. */
static int line_break(const struct encoder *encoder, int depth)
{
    if (encoder->indent == 0)
        return 0;
    if (buf_putc(encoder->out, '\n') != 0)
        return fail_full(encoder);
    for (int i = 0; i < depth * encoder->indent; i++) {
        if (buf_putc(encoder->out, ' ') != 0)
            return fail_full(encoder);
    }
    return 0;
}

static int encode_list(struct encoder *encoder, int index, lua_Integer count,
                       const struct path *path)
{
    if (count == 0)
        return put(encoder, "[]");
    for (lua_Integer i = 1; i <= count; i++) {
        struct path element = {.parent = path, .index = i, .depth = path->depth + 1};
        if (put(encoder, i == 1 ? "[" : ",") != 0 || line_break(encoder, element.depth) != 0)
            return -1;
        lua_rawgeti(encoder->L, index, i);
        int result = encode_value(encoder, lua_gettop(encoder->L), &element);
        lua_pop(encoder->L, 1);
        if (result != 0)
            return -1;
    }
    return line_break(encoder, path->depth) == 0 ? put(encoder, "]") : -1;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left, *b = right;
    int order = memcmp(a->text, b->text, a->len < b->len ? a->len : b->len);
    return order != 0 ? order : (a->len > b->len) - (a->len < b->len);
}

/* The keys of the table, all strings, in byte order. They stay on the stack for later lookups,
 * since pushing a string again could allocate. */
static struct key *sorted_keys(lua_State *L, int index, size_t count)
{
    struct key *keys = mem_alloc(count * sizeof *keys);
    size_t used = 0;
    lua_pushnil(L);
    while (lua_next(L, index) != 0) { /* keys…, key, value */
        lua_pop(L, 1);                /* keys…, key */
        keys[used].text = lua_tolstring(L, -1, &keys[used].len);
        keys[used++].slot = lua_gettop(L);
        lua_pushvalue(L, -1); /* keys…, key, key */
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    return keys;
}

static int encode_members(struct encoder *encoder, int index, const struct key *keys, size_t count,
                          const struct path *path)
{
    for (size_t i = 0; i < count; i++) {
        struct path member = {
            .parent = path, .key = keys[i].text, .key_len = keys[i].len, .depth = path->depth + 1};
        if (put(encoder, i == 0 ? "{" : ",") != 0 || line_break(encoder, member.depth) != 0 ||
            encode_string(encoder, keys[i].text, keys[i].len, path, "a key that is not UTF-8") !=
                0 ||
            put(encoder, encoder->indent > 0 ? ": " : ":") != 0)
            return -1;
        lua_pushvalue(encoder->L, keys[i].slot);
        lua_rawget(encoder->L, index);
        int result = encode_value(encoder, lua_gettop(encoder->L), &member);
        lua_pop(encoder->L, 1);
        if (result != 0)
            return -1;
    }
    return line_break(encoder, path->depth) == 0 ? put(encoder, "}") : -1;
}

static struct shape shape_of(lua_State *L, int index)
{
    struct shape shape = {.other = LUA_TNONE};
    lua_pushnil(L);
    while (lua_next(L, index) != 0) { /* key, value */
        if (lua_type(L, -2) == LUA_TSTRING) {
            shape.strings++;
        } else if (lua_isinteger(L, -2) && lua_tointeger(L, -2) > 0) {
            shape.integers++;
            if (lua_tointeger(L, -2) > shape.largest)
                shape.largest = lua_tointeger(L, -2);
        } else {
            shape.other = lua_type(L, -2);
        }
        lua_pop(L, 1);
    }
    return shape;
}

static int encode_object(struct encoder *encoder, int index, size_t count, const struct path *path)
{
    lua_State *L = encoder->L;
    int top = lua_gettop(L);
    if (count == 0)
        return put(encoder, "{}");
    if (count > INT_MAX / 2 || !lua_checkstack(L, (int)count + STACK_SLOTS))
        return fail(encoder, path, "too many keys in one table, or not enough memory for them");
    struct key *keys = sorted_keys(L, index, count);
    int result = encode_members(encoder, index, keys, count, path);
    mem_free(keys);
    lua_settop(L, top);
    return result;
}

static int encode_table(struct encoder *encoder, int index, const struct path *path)
{
    char what[96];
    if (path->depth == JSON_DEPTH_MAX || !lua_checkstack(encoder->L, STACK_SLOTS)) {
        snprintf(what, sizeof what, "nested deeper than %d levels, or a table that contains itself",
                 JSON_DEPTH_MAX);
        return fail(encoder, path, what);
    }
    struct shape shape = shape_of(encoder->L, index);
    bool marked = ljson_value_is_array(encoder->L, index);
    if (shape.other != LUA_TNONE) {
        snprintf(what, sizeof what,
                 "a table with a key that is neither a string nor 1, 2, 3 … (a %s)",
                 lua_typename(encoder->L, shape.other));
        return fail(encoder, path, what);
    }
    if (shape.strings > 0 && (marked || shape.integers > 0))
        return fail(encoder, path, "a table with both the keys of a list and string keys");
    if (shape.largest != shape.integers) {
        snprintf(what, sizeof what,
                 "a list with holes (%" PRId64 " values, but the last is at %" PRId64 ")",
                 (int64_t)shape.integers, (int64_t)shape.largest);
        return fail(encoder, path, what);
    }
    if (marked || shape.integers > 0)
        return encode_list(encoder, index, shape.integers, path);
    return encode_object(encoder, index, shape.strings, path);
}

static int encode_value(struct encoder *encoder, int index, const struct path *path)
{
    lua_State *L = encoder->L;
    char what[64];
    size_t len;
    switch (lua_type(L, index)) {
    case LUA_TNIL:
        return put(encoder, "null");
    case LUA_TBOOLEAN:
        return put(encoder, lua_toboolean(L, index) ? "true" : "false");
    case LUA_TNUMBER:
        return encode_number(encoder, index, path);
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, index, &len);
        return encode_string(encoder, text, len, path, "a string that is not UTF-8");
    }
    case LUA_TTABLE:
        return encode_table(encoder, index, path);
    default:
        if (ljson_value_is_null(L, index))
            return put(encoder, "null");
        snprintf(what, sizeof what, "a %s cannot be written as JSON",
                 lua_typename(L, lua_type(L, index)));
        return fail(encoder, path, what);
    }
}

int ljson_encode_indented(lua_State *L, int index, int indent, struct buf *out, struct err *err)
{
    struct encoder encoder = {.L = L, .out = out, .indent = indent, .err = err};
    struct path root = {0};
    int top = lua_gettop(L);
    index = lua_absindex(L, index);
    int result = encode_value(&encoder, index, &root);
    lua_settop(L, top);
    return result;
}

int ljson_encode(lua_State *L, int index, struct buf *out, struct err *err)
{
    return ljson_encode_indented(L, index, 0, out, err);
}

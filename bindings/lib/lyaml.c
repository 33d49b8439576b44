/* jeton.yaml: YAML as Lua values, in the form that jeton.json gives. */
#include "lyaml.h"

#include "lerr.h"
#include "ljson_value.h"
#include "luaopen.h"
#include "path.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

#define DOC_NAME    "jeton.yaml.doc"
#define STACK_LEVEL 4 /* what lyaml_push needs of the stack on each level */

/* Owns the tree while values are made of it, since that may raise. */
static struct yaml_doc **push_doc(lua_State *L)
{
    struct yaml_doc **box = lua_newuserdatauv(L, sizeof *box, 0);
    *box = NULL;
    luaL_setmetatable(L, DOC_NAME);
    return box;
}

static int doc_free(lua_State *L)
{
    struct yaml_doc **box = luaL_checkudata(L, 1, DOC_NAME);
    yaml_doc_free(*box);
    *box = NULL;
    return 0;
}

static void push_scalar(lua_State *L, const struct yaml_node *node, lyaml_resolve_fn *resolve)
{
    struct yaml_scalar scalar = resolve(node);
    switch (scalar.type) {
    case YAML_NULL:
        ljson_value_push_null(L);
        break;
    case YAML_BOOL:
        lua_pushboolean(L, scalar.boolean);
        break;
    case YAML_INT:
        lua_pushinteger(L, scalar.integer);
        break;
    case YAML_FLOAT:
        lua_pushnumber(L, scalar.number);
        break;
    case YAML_STRING:
        lua_pushlstring(L, node->text, node->len);
        break;
    }
}

/* Recursion is bounded by YAML_DEPTH_MAX. Each alias gets a copy of its anchor's value. */
void lyaml_push(lua_State *L, const struct yaml_node *node, lyaml_resolve_fn *resolve)
{
    luaL_checkstack(L, STACK_LEVEL, "YAML");
    if (node->kind == YAML_SCALAR) {
        push_scalar(L, node, resolve);
    } else if (node->kind == YAML_SEQUENCE) {
        lua_createtable(L, (int)node->count, 0); /* list */
        ljson_value_mark_array(L, -1);
        for (size_t i = 0; i < node->count; i++) {
            lyaml_push(L, node->items[i], resolve); /* list, value */
            lua_rawseti(L, -2, (lua_Integer)i + 1);
        }
    } else {
        lua_createtable(L, 0, (int)node->count); /* map */
        for (size_t i = 0; i < node->count; i++) {
            const struct yaml_node *key = node->pairs[i].key;
            lua_pushlstring(L, key->text, key->len);      /* map, key */
            lyaml_push(L, node->pairs[i].value, resolve); /* map, key, value */
            lua_rawset(L, -3);
        }
    }
}

/* The first problem, as one line. */
static int set_problem(struct err *err, struct problems *problems)
{
    problems_sort(problems);
    const struct problem *first = &problems->items[0];
    size_t more = problems->count + problems->omitted - 1;
    err_set(err, ERR_INVALID, "%s", first->message);
    if (more > 0)
        err_set(err, ERR_INVALID, "%s (and %zu more)", first->message, more);
    if (first->line > 0 && first->file != NULL)
        return err_wrap(err, "%s:%d:%d", first->file, first->line, first->col);
    if (first->line > 0)
        return err_wrap(err, "line %d, column %d", first->line, first->col);
    return first->file != NULL ? err_wrap(err, "%s", first->file) : -1;
}

static int read_doc(struct yaml_doc **doc, const char *file, const char *text, size_t len,
                    struct err *err)
{
    struct problems problems;
    problems_create(&problems);
    *doc = yaml_load(file, text, len, &problems);
    int result = problems_errors(&problems) > 0 ? set_problem(err, &problems) : 0;
    problems_destroy(&problems);
    return result;
}

/* box on top; pushes the results. */
static int finish(lua_State *L, struct yaml_doc **box, int result, lyaml_resolve_fn *resolve,
                  const struct err *err)
{
    if (result != 0) {
        yaml_doc_free(*box); /* there is one even after an error, if it was a repeated key */
        *box = NULL;
        return lerr_return(L, err);
    }
    const struct yaml_node *root = yaml_root(*box);
    if (root == NULL)
        ljson_value_push_null(L);
    else
        lyaml_push(L, root, resolve);
    yaml_doc_free(*box);
    *box = NULL;
    return 1;
}

/* yaml.decode(text [, "core" | "args"]) */
static int decode(lua_State *L)
{
    static const char *const names[] = {"core", "args", NULL};
    static lyaml_resolve_fn *const resolvers[] = {yaml_resolve, yaml_resolve_args};
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    lyaml_resolve_fn *resolve = resolvers[luaL_checkoption(L, 2, names[0], names)];
    struct err err;
    err_clear(&err);
    struct yaml_doc **box = push_doc(L);
    int result = read_doc(box, NULL, text, len, &err);
    return finish(L, box, result, resolve, &err);
}

static int read_file(const char *path, struct buf *text, struct err *err)
{
    int fd = path_open(path, NULL, err);
    if (fd < 0)
        return -1;
    int result = buf_read_fd(text, fd);
    if (result != 0 && errno == EFBIG)
        err_set(err, ERR_INVALID, "'%s' is larger than %zu MiB, the most that is read", path,
                YAML_BYTES_MAX >> 20);
    else if (result != 0)
        err_set(err, ERR_INVALID, "cannot read '%s': %s", path, strerror(errno));
    close(fd);
    return result;
}

/* yaml.load(path) */
static int load(lua_State *L)
{
    size_t len;
    const char *path = luaL_checklstring(L, 1, &len);
    luaL_argcheck(L, strlen(path) == len && len > 0, 1, "a path expected");
    struct err err;
    err_clear(&err);
    struct yaml_doc **box = push_doc(L);
    struct buf text;
    buf_create(&text, YAML_BYTES_MAX);
    int result = read_file(path, &text, &err);
    if (result == 0)
        result = read_doc(box, path, text.data, text.len, &err);
    buf_destroy(&text); /* before anything below can raise */
    return finish(L, box, result, yaml_resolve, &err);
}

int luaopen_jeton_yaml(lua_State *L)
{
    static const luaL_Reg functions[] = {{"decode", decode}, {"load", load}, {0}};
    if (luaL_newmetatable(L, DOC_NAME)) { /* mt */
        lua_pushcfunction(L, doc_free);
        lua_setfield(L, -2, "__gc");
    }
    lua_pop(L, 1);
    luaL_newlib(L, functions);
    return 1;
}

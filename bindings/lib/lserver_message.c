#include "lserver_message.h"

#include "larg.h"
#include "lheaders.h"
#include "path.h"
#include "server_limits.h"
#include "url.h"

#include <lauxlib.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define RESPONSE        "the handler's response"
#define HEADERS_MAX     100 /* fields in a response */
#define ERROR_BYTES_MAX 256

static void push_decoded(lua_State *L, const char *text, size_t len)
{
    luaL_Buffer out;
    char *at = luaL_buffinitsize(L, &out, len);
    luaL_pushresultsize(&out, url_decode_form(text, len, at));
}

static void push_query(lua_State *L, const char *query)
{
    lua_newtable(L); /* query */
    while (*query != '\0') {
        size_t len = strcspn(query, "&");
        size_t name = strcspn(query, "=&");
        if (len > 0) {
            push_decoded(L, query, name); /* query name */
            if (name < len)
                push_decoded(L, query + name + 1, len - name - 1);
            else
                lua_pushliteral(L, ""); /* query name value */
            lua_rawset(L, -3);
        }
        query += len + (query[len] == '&');
    }
}

static void push_parts(lua_State *L, const struct server_request *request)
{
    lua_createtable(L, (int)request->nparts, 0); /* parts */
    for (size_t i = 0; i < request->nparts; i++) {
        const struct server_part *part = &request->parts[i];
        lua_createtable(L, 0, 6); /* parts part */
        lua_pushstring(L, part->name);
        lua_setfield(L, -2, "name");
        lua_pushstring(L, part->filename); /* NULL: nil */
        lua_setfield(L, -2, "filename");
        lua_pushstring(L, part->content_type);
        lua_setfield(L, -2, "content_type");
        lua_pushstring(L, part->path);
        lua_setfield(L, -2, "file");
        lua_pushinteger(L, (lua_Integer)part->size);
        lua_setfield(L, -2, "size");
        lua_pushstring(L, part->sha256);
        lua_setfield(L, -2, "sha256");
        lua_rawseti(L, -2, (lua_Integer)i + 1);
    }
}

void lserver_message_push(lua_State *L, const struct server_request *request)
{
    luaL_checkstack(L, 8, "a request");
    size_t path = strcspn(request->target, "?");
    const char *query = request->target[path] == '?' ? request->target + path + 1 : "";
    lua_createtable(L, 0, 8); /* request */
    lua_pushstring(L, request->method);
    lua_setfield(L, -2, "method");
    lua_pushstring(L, request->target);
    lua_setfield(L, -2, "target");
    lua_pushlstring(L, request->target, path);
    lua_setfield(L, -2, "path");
    lua_pushstring(L, query);
    lua_setfield(L, -2, "raw_query");
    push_query(L, query);
    lua_setfield(L, -2, "query");
    lheaders_push(L, request->headers, request->nheaders);
    lua_setfield(L, -2, "headers");
    lua_pushlstring(L, request->body, request->body_len);
    lua_setfield(L, -2, "body");
    lua_pushstring(L, request->body_path); /* NULL: nil */
    lua_setfield(L, -2, "body_file");
    if (request->is_form) {
        push_parts(L, request);
        lua_setfield(L, -2, "parts");
        lua_pushstring(L, request->malformed);
        lua_setfield(L, -2, "malformed");
    }
    lua_pushstring(L, request->remote);
    lua_setfield(L, -2, "remote");
}

void lserver_message_push_refusal(lua_State *L, const struct server_refusal *refusal)
{
    lua_createtable(L, 0, 4); /* refusal */
    lua_pushinteger(L, refusal->status);
    lua_setfield(L, -2, "status");
    lua_pushstring(L, refusal->code);
    lua_setfield(L, -2, "code");
    lua_pushstring(L, refusal->message);
    lua_setfield(L, -2, "message");
    if (refusal->target != NULL) {
        lua_pushlstring(L, refusal->target, strcspn(refusal->target, "?"));
        lua_setfield(L, -2, "path");
    }
}

/* ---- responses ---- */

struct fields { /* the names belong to the copy of the table, the values to `anchor` */
    size_t count;
    struct http_header list[HEADERS_MAX];
};

/* Adds the value on top of the stack and pops it. anchor: a list that keeps the strings alive. */
static void add_field(lua_State *L, struct fields *fields, int anchor, const char *name)
{
    size_t len;
    if (lua_type(L, -1) != LUA_TSTRING && lua_type(L, -1) != LUA_TNUMBER)
        luaL_error(L, "header %s of %s: a string expected, got %s", name, RESPONSE,
                   luaL_typename(L, -1));
    const char *value = larg_text(L, -1, &len);
    if (value == NULL || strlen(value) != len)
        luaL_error(L, "header %s of %s: %s", name, RESPONSE,
                   value == NULL ? "NaN and infinity cannot be sent"
                                 : "its value holds a NUL byte");
    if (fields->count >= HEADERS_MAX)
        luaL_error(L, "headers of %s: more than %d", RESPONSE, HEADERS_MAX);
    fields->list[fields->count++] = (struct http_header){name, value};
    lua_rawseti(L, anchor, (lua_Integer)fields->count);
}

/* Pushes the anchor and the copy of the headers. */
static void push_fields(lua_State *L, int index, struct fields *fields)
{
    fields->count = 0;
    lua_newtable(L); /* … anchor */
    int anchor = lua_gettop(L);
    int type = lua_getfield(L, index, "headers"); /* … anchor headers */
    if (type != LUA_TTABLE && type != LUA_TNIL)
        luaL_error(L, "headers of %s: a table expected, got %s", RESPONSE, lua_typename(L, type));
    if (type == LUA_TTABLE) {
        larg_copy(L, -1); /* the lists in it may have metamethods */
        for (lua_pushnil(L); lua_next(L, anchor + 1) != 0;) { /* … headers name value */
            size_t len;
            if (lua_type(L, -2) != LUA_TSTRING)
                luaL_error(L, "headers of %s: the names must be strings", RESPONSE);
            const char *name = lua_tolstring(L, -2, &len);
            if (strlen(name) != len)
                luaL_error(L, "headers of %s: a name holds a NUL byte", RESPONSE);
            if (lua_istable(L, -1)) {
                lua_Integer n = luaL_len(L, -1);
                for (lua_Integer i = 1; i <= n; i++) {
                    lua_geti(L, -1, i);
                    add_field(L, fields, anchor, name);
                }
                lua_pop(L, 1);
            } else {
                add_field(L, fields, anchor, name);
            }
        }
    }
    lua_settop(L, anchor + 1);
}

/* Opens the file of a response. The path comes from the script, so messages may show it. */
static int open_file(lua_State *L, const char *path, uint64_t *len)
{
    struct err err;
    int64_t size;
    int fd = path_open(path, &size, &err);
    if (fd < 0)
        luaL_error(L, "file of %s: %s", RESPONSE, err.msg);
    *len = (uint64_t)size;
    return fd;
}

void lserver_message_answer(lua_State *L, int index, struct server_exchange *const *waiting)
{
    static const char *const keys[] = {"status", "headers", "body", "file", "drop", NULL};
    index = lua_absindex(L, index);
    if (!lua_istable(L, index))
        luaL_error(L, "the handler must return a response table, it returned %s",
                   luaL_typename(L, index));
    larg_options(L, index, RESPONSE, keys);
    bool drop = larg_boolean(L, index, "drop", 0);
    int64_t status = larg_integer(L, index, "status", 200);
    size_t len = 0;
    const char *body = larg_string(L, index, "body", "", &len);
    size_t path_len = 0;
    const char *path = larg_string(L, index, "file", NULL, &path_len);
    if (path != NULL && strlen(path) != path_len)
        luaL_error(L, "file of %s: holds a NUL byte", RESPONSE);
    if (path != NULL && len > 0)
        luaL_error(L, "body and file of %s: at most one of them", RESPONSE);
    struct fields fields;
    push_fields(L, index, &fields); /* … anchor headers */
    struct err err;
    if (server_check_reply(status < 0 || status > 1000 ? 0 : (int)status, fields.list, fields.count,
                           SERVER_REPLY_HEADER_MAX, &err) != 0)
        luaL_error(L, "%s", err.msg);
    /* From here on no code of the script runs, and nothing raises but open_file. */
    struct server_exchange *exchange = *waiting;
    uint64_t file_len = 0;
    int fd = exchange != NULL && !drop && path != NULL ? open_file(L, path, &file_len) : -1;
    if (exchange != NULL && drop)
        server_drop(exchange);
    else if (fd >= 0)
        server_reply_file(exchange, (int)status, fields.list, fields.count, fd, file_len);
    else if (exchange != NULL)
        server_reply(exchange, (int)status, fields.list, fields.count, body, len);
    lua_pop(L, 2);
}

void lserver_message_refuse(struct server_exchange *exchange, int status, const char *message,
                            const char *code)
{
    char body[ERROR_BYTES_MAX];
    const struct http_header headers[] = {
        {"Content-Type", "application/json; charset=utf-8"},
        {"Retry-After", "1"},
    };
    int len =
        snprintf(body, sizeof body, "{\"message\":\"%s\",\"errorCode\":\"%s\"}", message, code);
    server_reply(exchange, status, headers, status == 503 ? 2 : 1, body, (size_t)len);
}

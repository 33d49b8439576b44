#include "lhttp_request.h"

#include "json.h"
#include "larg.h"
#include "ljson.h"
#include "ljson_encode.h"
#include "mem.h"
#include "url.h"

#include <ctype.h>
#include <lauxlib.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum option {
    URL,
    CONNECTOR,
    PATH,
    METHOD,
    HEADERS,
    QUERY,
    BODY,
    JSON,
    FORM,
    BODY_FILE,
    SAVE_TO,
    TIMEOUT,
    MAX_BODY,
    CA_FILE,
    MULTIPART,
    REPEATABLE,
    ANY_STATUS,
    LENIENT,
    NO_LINK_LOCAL,
    CUT,
    ANY_BODY,
    OPTIONS
};

static const char *const option_keys[OPTIONS + 1] = {
    [URL] = "url",
    [CONNECTOR] = "connector",
    [PATH] = "path",
    [METHOD] = "method",
    [HEADERS] = "headers",
    [QUERY] = "query",
    [BODY] = "body",
    [JSON] = "json",
    [FORM] = "form",
    [BODY_FILE] = "body_file",
    [SAVE_TO] = "save_to",
    [TIMEOUT] = "timeout",
    [MAX_BODY] = "max_body",
    [CA_FILE] = "ca_file",
    [MULTIPART] = "multipart",
    [REPEATABLE] = "repeatable",
    [ANY_STATUS] = "any_status",
    [LENIENT] = "lenient",
    [NO_LINK_LOCAL] = "no_link_local",
    [CUT] = "cut",
    [ANY_BODY] = "any_body",
};

/* Most requests have few options: those that are read together are passed over where none is given.
 */
#define BIT(option) (UINT64_C(1) << (option))
#define BODIES      (BIT(BODY) | BIT(JSON) | BIT(FORM) | BIT(BODY_FILE) | BIT(MULTIPART))
#define LIMITS                                                                                     \
    (BIT(LENIENT) | BIT(NO_LINK_LOCAL) | BIT(TIMEOUT) | BIT(SAVE_TO) | BIT(MAX_BODY) | BIT(CUT) |  \
     BIT(ANY_BODY))

/* A script may put a secret into any of these, so they are wiped when they are freed. */
void lhttp_request_create(struct lhttp_request *request)
{
    *request = (struct lhttp_request){0};
    buf_create_secret(&request->query, URL_MAX);
    buf_create_secret(&request->body, HTTP_BODY_MAX);
}

static void free_parts(struct http_part *parts, size_t nparts)
{
    for (size_t i = 0; i < nparts; i++) {
        void *value = NULL;
        memcpy(&value, &parts[i].value, sizeof value); /* ours, whatever its const says */
        if (value != NULL)
            sodium_memzero(value, parts[i].value_len);
        mem_free(value);
        mem_free(parts[i].name);
        mem_free(parts[i].path);
        mem_free(parts[i].filename);
        mem_free(parts[i].content_type);
    }
    mem_free(parts);
}

void lhttp_request_destroy(struct lhttp_request *request)
{
    for (size_t i = 0; i < request->http.nheaders; i++) {
        mem_free(request->headers[i].name);
        mem_free_secret(request->headers[i].value);
    }
    mem_free(request->headers);
    free_parts(request->parts, request->http.nparts);
    mem_free_secret(request->method);
    mem_free_secret(request->sent_method);
    mem_free_secret(request->url);
    mem_free(request->body_path);
    mem_free(request->save_path);
    mem_free(request->ca_file);
    mem_free(request->connector);
    mem_free_secret(request->path);
    buf_destroy(&request->query);
    buf_destroy(&request->body);
    lhttp_request_create(request);
}

/* A copy of a string option; NULL: it is absent. */
static char *copy_option(lua_State *L, int index, const char *key)
{
    size_t len = 0;
    const char *text = larg_string(L, index, key, NULL, &len);
    if (text == NULL)
        return NULL;
    if (memchr(text, '\0', len) != NULL)
        luaL_error(L, "http.request: %s holds a NUL byte", key);
    return mem_strndup(text, len);
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Pushes a userdata with the keys in byte order; all must be strings. They are the table's own. It
 * must come from larg_copy: here it is counted, then read. */
static const char **push_sorted_keys(lua_State *L, int index, const char *what, size_t *count)
{
    size_t n = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING)
            luaL_error(L, "http.request: %s must have names as keys, not a %s", what,
                       luaL_typename(L, -2));
        if (++n > LHTTP_PARAMS_MAX)
            luaL_error(L, "http.request: %s has over %d entries", what, LHTTP_PARAMS_MAX);
    }
    const char **keys = lua_newuserdatauv(L, (n + 1) * sizeof *keys, 0);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, index) != 0; lua_pop(L, 1)) {
        size_t len;
        keys[i] = lua_tolstring(L, -2, &len);
        if (strlen(keys[i]) != len)
            luaL_error(L, "http.request: a key of %s holds a NUL byte", what);
        i++;
    }
    qsort(keys, n, sizeof *keys, compare_keys);
    *count = n;
    return keys;
}

/* What is sent as text: where it is no UTF-8, as with "\u{D800}" of Lua, a service reads something
 * else, or refuses all of it. */
static int check_utf8(const char *what, const char *key, const char *text, size_t len,
                      struct err *err)
{
    if (json_utf8_valid(text, len))
        return 0;
    return err_set(err, ERR_INVALID, "%s%s%s: it is not UTF-8", what, key != NULL ? "." : "",
                   key != NULL ? key : "");
}

/* Pushes the entry as a string. NULL for NaN and infinity. */
static const char *push_value(lua_State *L, int table, const char *what, const char *key,
                              size_t *len, struct err *err)
{
    lua_pushstring(L, key);
    int type = lua_rawget(L, table);
    if (type == LUA_TBOOLEAN) {
        lua_pushstring(L, lua_toboolean(L, -1) ? "true" : "false");
        lua_remove(L, -2);
    } else if (type != LUA_TSTRING && type != LUA_TNUMBER) {
        luaL_error(L, "http.request: %s.%s: expected a string, a number or a boolean, got a %s",
                   what, key, luaL_typename(L, -1));
    }
    const char *text = larg_text(L, -1, len);
    if (text == NULL)
        err_set(err, ERR_INVALID, "%s.%s: NaN and infinity cannot be sent", what, key);
    return text;
}

static int append_encoded(struct buf *out, const char *text, size_t len)
{
    char *encoded = url_encode(text, len);
    int result = buf_puts(out, encoded);
    mem_free(encoded);
    return result;
}

/* name=value&…, percent-encoded, in byte order of the names. */
static int read_pairs(lua_State *L, int index, const char *what, struct buf *out, struct err *err)
{
    int type = lua_getfield(L, index, what);
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return 0;
    }
    if (type != LUA_TTABLE)
        return luaL_error(L, "http.request: %s must be a table, got a %s", what,
                          luaL_typename(L, -1));
    int table = lua_gettop(L);
    size_t count;
    larg_copy(L, table);
    const char **keys = push_sorted_keys(L, table, what, &count);
    int result = 0;
    for (size_t i = 0; i < count && result == 0; i++) {
        size_t len;
        const char *value = push_value(L, table, what, keys[i], &len, err);
        if (value == NULL || check_utf8(what, NULL, keys[i], strlen(keys[i]), err) != 0 ||
            check_utf8(what, keys[i], value, len, err) != 0)
            return -1;
        if ((out->len > 0 && buf_putc(out, '&') != 0) ||
            append_encoded(out, keys[i], strlen(keys[i])) != 0 || buf_putc(out, '=') != 0 ||
            append_encoded(out, value, len) != 0)
            result =
                err_set(err, ERR_INVALID, "%s is over %zu bytes when encoded", what, out->limit);
        lua_pop(L, 1);
    }
    lua_settop(L, table - 1);
    return result;
}

static void add_header(struct lhttp_request *request, const char *name, const char *value,
                       size_t len)
{
    struct http_request *http = &request->http;
    request->headers =
        mem_realloc(request->headers, (http->nheaders + 1) * sizeof *request->headers);
    http->headers = request->headers;
    request->headers[http->nheaders++] =
        (struct http_header){.name = mem_strdup(name), .value = mem_strndup(value, len)};
}

static bool has_header(const struct lhttp_request *request, const char *name)
{
    for (size_t i = 0; i < request->http.nheaders; i++)
        if (strcasecmp(request->headers[i].name, name) == 0)
            return true;
    return false;
}

static int read_headers(lua_State *L, int index, struct lhttp_request *request, struct err *err)
{
    int type = lua_getfield(L, index, "headers");
    if (type == LUA_TNIL) {
        lua_pop(L, 1);
        return 0;
    }
    if (type != LUA_TTABLE)
        return luaL_error(L, "http.request: headers must be a table, got a %s",
                          luaL_typename(L, -1));
    int table = lua_gettop(L);
    size_t count;
    larg_copy(L, table);
    const char **keys = push_sorted_keys(L, table, "headers", &count);
    for (size_t i = 0; i < count; i++) {
        size_t len;
        const char *value = push_value(L, table, "headers", keys[i], &len, err);
        if (value == NULL)
            return -1;
        if (memchr(value, '\0', len) != NULL)
            return err_set(err, ERR_INVALID, "header '%s' holds a NUL byte", keys[i]);
        if (has_header(request, keys[i]))
            return err_set(err, ERR_INVALID, "header '%s' is there in two spellings", keys[i]);
        if (check_utf8("headers", keys[i], value, len, err) != 0)
            return -1;
        add_header(request, keys[i], value, len);
        lua_pop(L, 1);
    }
    lua_settop(L, table - 1);
    return 0;
}

static void default_type(struct lhttp_request *request, const char *type)
{
    if (!has_header(request, "Content-Type"))
        add_header(request, "Content-Type", type, strlen(type));
}

static int check_part(const char *what, const struct http_part *part, struct err *err)
{
    const char *const texts[][2] = {
        {"name", part->name}, {"filename", part->filename}, {"content_type", part->content_type}};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = texts[i][1];
        if (text != NULL && check_utf8(what, texts[i][0], text, strlen(text), err) != 0)
            return -1;
    }
    return 0;
}

/* multipart={ {name=, value=} or {name=, file=, filename=, content_type=}, … } */
static int read_parts(lua_State *L, int index, struct lhttp_request *request, struct err *err)
{
    static const char *const keys[] = {"name", "value", "file", "filename", "content_type", NULL};
    if (lua_getfield(L, index, "multipart") != LUA_TTABLE)
        luaL_error(L, "http.request: multipart must be a list of parts, got a %s",
                   luaL_typename(L, -1));
    int list = lua_gettop(L);
    size_t n = lua_rawlen(L, list);
    larg_check_list(L, list, (lua_Integer)n, "http.request: multipart");
    if (n == 0 || n > HTTP_PARTS_MAX)
        luaL_error(L, "http.request: multipart must have 1 to %d parts", HTTP_PARTS_MAX);
    request->parts = mem_alloc(n * sizeof *request->parts);
    request->http.parts = request->parts;
    for (size_t i = 0; i < n; i++) {
        if (lua_rawgeti(L, list, (lua_Integer)i + 1) != LUA_TTABLE)
            luaL_error(L, "http.request: multipart[%d] must be a table, got a %s", (int)i + 1,
                       luaL_typename(L, -1));
        int part = lua_gettop(L);
        larg_options(L, part, "a part of multipart", keys);
        struct http_part *to = &request->parts[request->http.nparts++];
        char what[32];
        snprintf(what, sizeof what, "multipart[%zu]", i + 1);
        if (lua_getfield(L, part, "value") != LUA_TNIL) {
            const char *value = push_value(L, part, what, "value", &to->value_len, err);
            if (value == NULL)
                return -1;
            to->value = mem_strndup(value, to->value_len);
        }
        to->name = copy_option(L, part, "name");
        to->path = copy_option(L, part, "file");
        to->filename = copy_option(L, part, "filename");
        to->content_type = copy_option(L, part, "content_type");
        if (to->name == NULL || (to->value == NULL) == (to->path == NULL))
            luaL_error(L, "http.request: multipart[%d] must have name, and value or file",
                       (int)i + 1);
        if (check_part(what, to, err) != 0)
            return -1;
        lua_settop(L, list);
    }
    lua_settop(L, list - 1);
    return 0;
}

/* One of body=, json=, form=, body_file= and multipart=, or none. */
static int read_body(lua_State *L, int index, struct lhttp_request *request, struct err *err)
{
    static const char *const kinds[] = {"body", "json", "form", "body_file", "multipart"};
    const char *kind = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (lua_getfield(L, index, kinds[i]) != LUA_TNIL) {
            if (kind != NULL)
                return luaL_error(L, "http.request: %s and %s are both given; use one", kind,
                                  kinds[i]);
            kind = kinds[i];
        }
        lua_pop(L, 1);
    }
    if (kind == NULL)
        return 0;
    if (strcmp(kind, "body_file") == 0) {
        request->http.body_path = request->body_path = copy_option(L, index, "body_file");
        return 0;
    }
    if (strcmp(kind, "multipart") == 0) {
        return read_parts(L, index, request, err);
    }
    request->http.has_body = true;
    if (strcmp(kind, "form") == 0) {
        default_type(request, "application/x-www-form-urlencoded");
        return read_pairs(L, index, "form", &request->body, err);
    }
    if (strcmp(kind, "json") == 0) {
        default_type(request, "application/json");
        lua_getfield(L, index, "json");
        int result = ljson_encode(L, lua_gettop(L), &request->body, err);
        lua_pop(L, 1);
        return result == 0 ? 0 : err_wrap(err, "json of http.request");
    }
    size_t len = 0;
    const char *body = larg_string(L, index, "body", "", &len);
    if (buf_append(&request->body, body, len) != 0)
        return err_set(err, ERR_INVALID, "body is over %zu bytes", request->body.limit);
    return 0;
}

/* url=, or connector= with path=. */
static int read_target(lua_State *L, int index, struct lhttp_request *request, struct err *err)
{
    int type = lua_getfield(L, index, "connector");
    request->authenticated = type != LUA_TNIL;
    if (type == LUA_TBOOLEAN && !lua_toboolean(L, -1))
        luaL_error(L, "http.request: connector must be a name or true, got false");
    if (type != LUA_TNIL && type != LUA_TBOOLEAN)
        request->connector = copy_option(L, index, "connector");
    lua_pop(L, 1);

    request->http.url = request->url = copy_option(L, index, "url");
    request->path = copy_option(L, index, "path");
    if (request->authenticated && (request->http.url != NULL || request->path == NULL))
        luaL_error(L, "http.request: connector goes with path, not with url");
    if (!request->authenticated && (request->http.url == NULL || request->path != NULL))
        luaL_error(L, "http.request: give url, or connector with path");
    request->http.ca_file = request->ca_file = copy_option(L, index, "ca_file");
    if (request->authenticated && request->http.ca_file != NULL)
        luaL_error(
            L,
            "http.request: ca_file goes with url; that of a connector is set in the configuration");
    request->repeatable = larg_boolean(L, index, "repeatable", 0);
    request->any_status = larg_boolean(L, index, "any_status", 0);
    if (!request->authenticated && (request->repeatable || request->any_status))
        luaL_error(L, "http.request: repeatable and any_status go with connector");
    const char *what = request->authenticated ? "path" : "url";
    const char *target = request->authenticated ? request->path : request->url;
    return target == NULL ? 0 : check_utf8(what, NULL, target, strlen(target), err);
}

static void read_limits(lua_State *L, int index, struct lhttp_request *request)
{
    request->lenient = larg_boolean(L, index, "lenient", 0);
    request->http.no_link_local = larg_boolean(L, index, "no_link_local", 0);
    request->http.timeout_ms = larg_seconds(L, index, "timeout", 0);
    if (request->http.timeout_ms < 0)
        luaL_error(L, "http.request: timeout must not be negative");
    request->http.save_path = request->save_path = copy_option(L, index, "save_to");
    int64_t limit = (int64_t)(request->http.save_path != NULL ? HTTP_SAVE_MAX : HTTP_BODY_MAX);
    int64_t max_body = larg_integer(L, index, "max_body", 0);
    if (max_body < 0 || max_body > limit)
        luaL_error(L, "http.request: max_body must be from 1 to %I bytes", (LUAI_UACINT)limit);
    request->http.max_body = (size_t)max_body;
    request->http.any_body = larg_boolean(L, index, "any_body", 0);
    request->http.cut = larg_boolean(L, index, "cut", 0) || request->http.any_body;
    if (request->http.cut && request->http.save_path != NULL)
        luaL_error(L, "http.request: cut and any_body do not go with save_to");
    if (request->http.save_path != NULL && strcmp(request->sent_method, "HEAD") == 0)
        luaL_error(L, "http.request: save_to does not go with HEAD, whose reply has no body");
}

void lhttp_request_options(lua_State *L, int index)
{
    larg_options(L, index, "http.request", option_keys);
}

int lhttp_request_read(lua_State *L, int index, struct lhttp_request *request, struct err *err)
{
    index = lua_absindex(L, index);
    uint64_t given = larg_options(L, index, "http.request", option_keys);

    request->method = copy_option(L, index, "method");
    request->sent_method = mem_strdup(request->method != NULL ? request->method : "GET");
    for (char *c = request->sent_method; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    request->http.method = request->sent_method;
    if ((given & LIMITS) != 0)
        read_limits(L, index, request);
    if (read_target(L, index, request, err) != 0 ||
        ((given & BIT(HEADERS)) != 0 && read_headers(L, index, request, err) != 0) ||
        ((given & BIT(QUERY)) != 0 && read_pairs(L, index, "query", &request->query, err) != 0) ||
        ((given & BODIES) != 0 && read_body(L, index, request, err) != 0))
        return -1;
    request->http.body = request->body.data;
    request->http.body_len = request->body.len;
    return 0;
}

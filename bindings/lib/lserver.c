/*
 * jeton.server: the handler runs in a new task for each request. The registry keeps an open server
 * alive, and a task that waits for its end (`keep`) keeps the run going until it is closed.
 */
#include "larg.h"
#include "lerr.h"
#include "lserver_ask.h"
#include "lserver_message.h"
#include "luaopen.h"
#include "server.h"
#include "task.h"
#include "vm.h"

#include <lauxlib.h>
#include <string.h>

#define SERVER_TYPE        "jeton.server"
#define EXCHANGE_TYPE      "jeton.server.exchange"
#define WAITER_TYPE        "jeton.server.waiter"
#define TASK_LIMIT_DEFAULT 1000
#define BODY_LIMIT         ((int64_t)256 * 1024 * 1024) /* the largest max_body */
#define SPOOL_LIMIT        ((int64_t)SERVER_UPLOAD_MAX) /* the same, if bodies go to files */
#define PATH_SHOWN         200                          /* bytes of a path in the log */

struct waiter { /* a task that waits until the server is closed */
    struct task_wait wait;
    struct lserver *server; /* whose list it is in; NULL: in none */
    struct waiter *prev, *next;
    bool keeper; /* it is the task `keep`: when that is cancelled, the server closes */
};

/* A userdata with the user values LSERVER_…. */
struct lserver {
    struct server *server; /* NULL: closed */
    lua_State *main;
    struct waiter *waiters;
    int64_t task_limit;
    int64_t running; /* requests whose task has not ended */
    int port;
};

struct exchange {                   /* user value 1: the server's userdata */
    struct server_exchange *answer; /* NULL: answered, or the peer is gone */
    struct lserver *owner;          /* NULL: ended */
};

/* ---- closing ---- */

static void unlink_waiter(struct waiter *waiter)
{
    if (waiter->server == NULL)
        return;
    if (waiter->prev != NULL)
        waiter->prev->next = waiter->next;
    else
        waiter->server->waiters = waiter->next;
    if (waiter->next != NULL)
        waiter->next->prev = waiter->prev;
    waiter->server = NULL;
}

/* Makes no Lua call, so that it can be called when a task is cancelled. on_gone is called for each
 * request without an answer. It leaves the server in the registry: see unanchor. */
static void close_server(struct lserver *ls)
{
    struct server *server = ls->server;
    ls->server = NULL;
    server_free(server);
    while (ls->waiters != NULL) {
        struct waiter *waiter = ls->waiters;
        unlink_waiter(waiter);
        task_wake(&waiter->wait);
    }
}

static void unanchor(lua_State *L, struct lserver *ls)
{
    lua_pushnil(L);
    lua_rawsetp(L, LUA_REGISTRYINDEX, ls);
}

/* ---- waiting until it is closed ---- */

static void waiter_cancel(void *arg)
{
    struct waiter *waiter = arg;
    struct lserver *ls = waiter->server;
    bool keeper = waiter->keeper;
    unlink_waiter(waiter);
    if (keeper && ls != NULL)
        close_server(ls);
}

static int waiter_finish(lua_State *L, void *arg)
{
    (void)L;
    (void)arg;
    return 0;
}

static int waiter_gc(lua_State *L)
{
    unlink_waiter(luaL_checkudata(L, 1, WAITER_TYPE));
    return 0;
}

/* The server is at index 1. */
static int wait_until_closed(lua_State *L, bool keeper)
{
    struct lserver *ls = luaL_checkudata(L, 1, SERVER_TYPE);
    lua_settop(L, 1);
    struct waiter *waiter = lua_newuserdatauv(L, sizeof *waiter, 1); /* server waiter */
    *waiter = (struct waiter){.keeper = keeper};
    luaL_setmetatable(L, WAITER_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, 2, 1); /* keeps the server, whose list the waiter is in */
    if (ls->server == NULL)
        return 0;
    waiter->server = ls;
    waiter->next = ls->waiters;
    if (waiter->next != NULL)
        waiter->next->prev = waiter;
    ls->waiters = waiter;
    return task_wait(L, &waiter->wait, 2, waiter_cancel, waiter_finish, waiter);
}

static int keep(lua_State *L)
{
    return wait_until_closed(L, true);
}

/* server:wait() */
static int server_wait(lua_State *L)
{
    luaL_checkudata(L, 1, SERVER_TYPE);
    task_check(L, "server:wait");
    return wait_until_closed(L, false);
}

/* ---- one request ---- */

static void exchange_end(struct exchange *exchange)
{
    if (exchange->owner == NULL)
        return;
    exchange->owner->running--;
    exchange->owner = NULL;
    if (exchange->answer != NULL)
        server_drop(exchange->answer);
    exchange->answer = NULL;
}

static int exchange_gc(lua_State *L)
{
    exchange_end(luaL_checkudata(L, 1, EXCHANGE_TYPE));
    return 0;
}

/* The peer has left, or the server closes. The task runs on, but its response is not sent. */
static void on_gone(void *arg, struct server_exchange *answer)
{
    (void)arg; /* the server may be collected already */
    struct exchange *exchange = server_user_data(answer);
    if (exchange != NULL)
        exchange->answer = NULL;
}

static int answer(lua_State *L)
{
    struct exchange *exchange = luaL_checkudata(L, 1, EXCHANGE_TYPE);
    /* server_reply ends it; only then is nothing left that can raise */
    lserver_message_answer(L, 2, &exchange->answer);
    exchange->answer = NULL;
    return 0;
}

static int failed(lua_State *L, struct exchange *exchange)
{
    /* exchange what on_error … error */
    struct err err;
    if (lerr_get(L, -1, &err) && (err.kind == ERR_CANCELLED || err.kind == ERR_DEADLINE)) {
        exchange_end(exchange); /* the connection is dropped */
        return lua_error(L);
    }
    luaL_tolstring(L, -1, NULL);
    log_lines(vm_engine(vm_of(L))->log, LOG_ERROR, "the handler of %s failed: %s",
              lua_tostring(L, 2), larg_shown(L, -1));
    if (exchange->answer != NULL)
        lserver_message_refuse(exchange->answer, 500, "The server failed to handle the request",
                               "InternalError");
    exchange->answer = NULL;
    exchange_end(exchange);
    return 0;
}

static int served(lua_State *L, int status, lua_KContext context)
{
    (void)context;
    struct exchange *exchange = lua_touserdata(L, 1); /* exchange what on_error response|error */
    if (status != LUA_OK && status != LUA_YIELD)
        return failed(L, exchange);
    lua_pushcfunction(L, answer);
    lua_pushvalue(L, 1);
    lua_pushvalue(L, 4);
    if (lua_pcall(L, 2, 0, 3) != LUA_OK)
        return failed(L, exchange);
    exchange_end(exchange);
    return 0;
}

/* The task of a request. Arguments: exchange, what, handler, request. */
static int serve(lua_State *L)
{
    lua_pushcfunction(L, lserver_on_error);
    lua_insert(L, 3); /* exchange what on_error handler request */
    return served(L, lua_pcallk(L, 1, 1, 3, 0, served), 0);
}

struct arrival {
    struct lserver *ls;
    struct server_exchange *answer;
    const struct server_request *request;
};

/* Called protected: makes the task. */
static int start_task(lua_State *L)
{
    struct arrival *arrival = lua_touserdata(L, 1);
    luaL_checkstack(L, 12, "a request");
    lua_settop(L, 0);
    lua_rawgetp(L, LUA_REGISTRYINDEX, arrival->ls); /* server */
    lua_pushcfunction(L, serve);                    /* server serve */
    struct exchange *exchange = lua_newuserdatauv(L, sizeof *exchange, 1);
    *exchange = (struct exchange){0};
    luaL_setmetatable(L, EXCHANGE_TYPE);
    lua_pushvalue(L, 1);
    lua_setiuservalue(L, -2, 1);                          /* server serve exchange */
    size_t path = strcspn(arrival->request->target, "?"); /* a query may hold secrets */
    lua_pushstring(L, arrival->request->method);
    lua_pushliteral(L, " ");
    lua_pushlstring(L, arrival->request->target, path < PATH_SHOWN ? path : PATH_SHOWN);
    lua_concat(L, 3);                         /* server serve exchange what */
    lua_getiuservalue(L, 1, LSERVER_HANDLER); /* server serve exchange what handler */
    lserver_message_push(L, arrival->request);
    /* From here on the exchange owns the answer. */
    if (task_start(L, 4) == NULL) /* server */
        return luaL_error(L, "too many tasks");
    exchange->owner = arrival->ls;
    exchange->answer = arrival->answer;
    arrival->ls->running++;
    server_set_user_data(arrival->answer, exchange);
    return 0;
}

static void on_request(void *arg, struct server_exchange *answer,
                       const struct server_request *request)
{
    struct lserver *ls = arg;
    lua_State *L = ls->main;
    struct arrival arrival = {ls, answer, request};
    if (ls->running >= ls->task_limit) {
        lserver_message_refuse(answer, 503, "Too many requests are being handled", "ServerBusy");
        return;
    }
    if (!lua_checkstack(L, 4)) {
        server_drop(answer);
        return;
    }
    lua_pushcfunction(L, start_task);
    lua_pushlightuserdata(L, &arrival);
    if (lua_pcall(L, 1, 0, 0) != LUA_OK) { /* no memory, or too many tasks */
        const char *why = larg_shown(L, -1);
        log_lines(vm_engine(vm_of(L))->log, LOG_ERROR, "a request cannot be handled: %s",
                  why != NULL ? why : "(no message)");
        lua_pop(L, 1);
        lserver_message_refuse(answer, 503, "The request cannot be handled now", "ServerBusy");
    }
}

/* ---- calls that cannot wait ---- */

static uint64_t on_head(void *arg, struct server_exchange *answer,
                        const struct server_request *request)
{
    struct lserver *ls = arg;
    return lserver_ask_head(ls->main, ls, answer, request);
}

static void on_refusal(void *arg, struct server_exchange *answer,
                       const struct server_refusal *refusal)
{
    struct lserver *ls = arg;
    lserver_ask_refuse(ls->main, ls, answer, refusal);
}

/* ---- the server ---- */

static bool has_function(lua_State *L, const char *name)
{
    int type = lua_getfield(L, 1, name);
    if (type != LUA_TFUNCTION && type != LUA_TNIL)
        luaL_argerror(L, 1, lua_pushfstring(L, "%s is not a function", name));
    lua_pop(L, 1);
    return type == LUA_TFUNCTION;
}

static struct server_options read_options(lua_State *L, int64_t *task_limit)
{
    static const char *const keys[] = {"host",   "port",     "handler",    "head",
                                       "refuse", "max_body", "spool_over", "max_upload",
                                       "folder", "ask_over", "task_limit", NULL};
    luaL_checktype(L, 1, LUA_TTABLE);
    larg_options(L, 1, "server.listen", keys);
    size_t len = 0;
    const char *host = larg_string(L, 1, "host", NULL, &len);
    luaL_argcheck(L, host == NULL || strlen(host) == len, 1, "host holds a NUL byte");
    int64_t port = larg_integer(L, 1, "port", 0);
    int64_t max_body = larg_integer(L, 1, "max_body", (int64_t)SERVER_BODY_MAX);
    int64_t spool_over = larg_integer(L, 1, "spool_over", 0);
    int64_t max_upload = larg_integer(L, 1, "max_upload", 0);
    int64_t ask_over = larg_integer(L, 1, "ask_over", 0);
    const char *folder = larg_string(L, 1, "folder", NULL, &len);
    luaL_argcheck(L, folder == NULL || strlen(folder) == len, 1, "folder holds a NUL byte");
    *task_limit = larg_integer(L, 1, "task_limit", TASK_LIMIT_DEFAULT);
    luaL_argcheck(L, port >= 0 && port <= 65535, 1, "port is not in 0 to 65535");
    luaL_argcheck(L, spool_over >= 0 && spool_over <= BODY_LIMIT, 1,
                  "spool_over is not in 0 to 256 MiB");
    luaL_argcheck(L, max_body > 0 && max_body <= (spool_over > 0 ? SPOOL_LIMIT : BODY_LIMIT), 1,
                  "max_body is not in 1 to 256 MiB (with spool_over: 8 GiB)");
    luaL_argcheck(L, max_upload >= 0 && max_upload <= SPOOL_LIMIT, 1,
                  "max_upload is not in 0 to 8 GiB");
    luaL_argcheck(L, ask_over >= 0 && ask_over <= BODY_LIMIT, 1, "ask_over is not in 0 to 256 MiB");
    luaL_argcheck(L, *task_limit > 0 && *task_limit <= TASK_MAX, 1, "task_limit is out of range");
    luaL_argcheck(L, has_function(L, "handler"), 1, "handler is not a function");
    bool has_head = has_function(L, "head"), has_refuse = has_function(L, "refuse");
    return (struct server_options){.host = host != NULL ? host : "127.0.0.1",
                                   .port = (int)port,
                                   .max_body = (size_t)max_body,
                                   .spool_over = (size_t)spool_over,
                                   .max_upload = (uint64_t)max_upload,
                                   .folder = folder,
                                   .ask_over = (size_t)ask_over,
                                   .end_idle = true,
                                   .handler = on_request,
                                   .head = has_head ? on_head : NULL,
                                   .gone = on_gone,
                                   .refuse = has_refuse ? on_refusal : NULL};
}

/* server.listen{ host=, port=, handler=, head=, ask_over=, refuse=, max_body=, spool_over=,
 * max_upload=, folder=, task_limit= } */
static int server_listen(lua_State *L)
{
    int64_t task_limit;
    lua_settop(L, 1);
    struct server_options options = read_options(L, &task_limit);
    struct lserver *ls = lua_newuserdatauv(L, sizeof *ls, LSERVER_VALUES); /* options server */
    *ls = (struct lserver){.task_limit = task_limit};
    luaL_setmetatable(L, SERVER_TYPE);
    lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
    ls->main = lua_tothread(L, -1);
    lua_pop(L, 1);
    lua_getfield(L, 1, "handler");
    lua_setiuservalue(L, 2, LSERVER_HANDLER);
    lua_getfield(L, 1, "head");
    lua_setiuservalue(L, 2, LSERVER_HEAD);
    lua_getfield(L, 1, "refuse");
    lua_setiuservalue(L, 2, LSERVER_REFUSE);
    lua_pushstring(L, options.host);
    lua_setiuservalue(L, 2, LSERVER_HOST);
    lua_pushvalue(L, 2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, ls); /* before it is open, since what follows may raise */
    options.arg = ls;

    struct err err;
    err_clear(&err);
    ls->server = server_new(vm_engine(vm_of(L))->loop, &options, &err);
    if (ls->server == NULL) {
        unanchor(L, ls);
        return lerr_return(L, &err);
    }
    ls->port = server_port(ls->server);
    lua_pushstring(L, server_folder(ls->server)); /* NULL: nil */
    lua_setiuservalue(L, 2, LSERVER_FOLDER);
    lua_pushcfunction(L, keep);
    lua_pushvalue(L, 2);
    if (task_start(L, 1) == NULL) {
        close_server(ls);
        unanchor(L, ls);
        return luaL_error(L, "server.listen: too many tasks");
    }
    lua_settop(L, 2);
    return 1;
}

/* Closes the server. The tasks of its requests run on. */
static int server_close(lua_State *L)
{
    struct lserver *ls = luaL_checkudata(L, 1, SERVER_TYPE);
    if (ls->server != NULL)
        close_server(ls);
    unanchor(L, ls);
    return 0;
}

/* s.port, s.host, s.folder, methods (upvalue 1) */
static int server_index(lua_State *L)
{
    struct lserver *ls = luaL_checkudata(L, 1, SERVER_TYPE);
    const char *key = lua_type(L, 2) == LUA_TSTRING ? lua_tostring(L, 2) : "";
    if (strcmp(key, "port") == 0) {
        lua_pushinteger(L, ls->port);
    } else if (strcmp(key, "host") == 0) {
        lua_getiuservalue(L, 1, LSERVER_HOST);
    } else if (strcmp(key, "folder") == 0) {
        lua_getiuservalue(L, 1, LSERVER_FOLDER);
    } else {
        lua_pushvalue(L, 2);
        lua_rawget(L, lua_upvalueindex(1));
    }
    return 1;
}

static void set_meta(lua_State *L, const char *type, lua_CFunction gc)
{
    luaL_newmetatable(L, type);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pop(L, 1);
}

int luaopen_jeton_server(lua_State *L)
{
    static const luaL_Reg methods[] = {
        {"close", server_close}, {"wait", server_wait}, {NULL, NULL}};
    static const luaL_Reg meta[] = {
        {"__gc", server_close}, {"__close", server_close}, {NULL, NULL}};
    static const luaL_Reg module[] = {{"listen", server_listen}, {NULL, NULL}};
    set_meta(L, EXCHANGE_TYPE, exchange_gc);
    set_meta(L, WAITER_TYPE, waiter_gc);
    if (luaL_newmetatable(L, SERVER_TYPE)) {
        luaL_setfuncs(L, meta, 0);
        luaL_newlib(L, methods);
        lua_pushcclosure(L, server_index, 1);
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
    luaL_newlib(L, module);
    return 1;
}

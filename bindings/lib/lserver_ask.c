#include "lserver_ask.h"

#include "larg.h"
#include "lerr.h"
#include "lserver_message.h"
#include "run.h"
#include "vm.h"

#include <lauxlib.h>

int lserver_on_error(lua_State *L)
{
    struct err err;
    if (lerr_get(L, 1, &err) && (err.kind == ERR_CANCELLED || err.kind == ERR_DEADLINE))
        return 1;
    run_place(L, 1);
    luaL_tolstring(L, 1, NULL);
    const char *text = larg_shown(L, -1);
    if (run_traceback(L, 1, 1))
        lua_pushfstring(L, "%s\n%s", text, lua_tostring(L, -1));
    return 1;
}

struct question {
    const void *server; /* the registry's key */
    struct server_exchange *answer;
    const struct server_request *head;
    const struct server_refusal *refusal;
    uint64_t limit;
};

/* Called protected: head(request) returns a response that refuses, a limit in bytes, or nil. */
static int ask_head(lua_State *L)
{
    struct question *question = lua_touserdata(L, 1);
    luaL_checkstack(L, 12, "a request");
    lua_rawgetp(L, LUA_REGISTRYINDEX, question->server); /* question server */
    lua_getiuservalue(L, 2, LSERVER_HEAD);
    lserver_message_push(L, question->head);
    lua_call(L, 1, 1); /* question server result */
    if (lua_istable(L, 3)) {
        lserver_message_answer(L, 3, &question->answer);
        return 0;
    }
    if (lua_isnil(L, 3))
        return 0;
    if (!lua_isinteger(L, 3) || lua_tointeger(L, 3) < 0)
        return luaL_error(L,
                          "head must return a response table, a number of bytes or nil, it "
                          "returned %s",
                          luaL_tolstring(L, 3, NULL));
    question->limit = (uint64_t)lua_tointeger(L, 3);
    return 0;
}

/* Called protected: refuse(refusal) returns a response. */
static int ask_refuse(lua_State *L)
{
    const struct question *question = lua_touserdata(L, 1);
    luaL_checkstack(L, 12, "a refusal");
    lua_rawgetp(L, LUA_REGISTRYINDEX, question->server); /* question server */
    lua_getiuservalue(L, 2, LSERVER_REFUSE);
    lserver_message_push_refusal(L, question->refusal);
    lua_call(L, 1, 1); /* question server response */
    lserver_message_answer(L, 3, &question->answer);
    return 0;
}

static bool ask(lua_State *L, struct question *question, lua_CFunction fn, const char *what)
{
    if (!lua_checkstack(L, 4))
        return false;
    lua_pushcfunction(L, lserver_on_error);
    lua_pushcfunction(L, fn);
    lua_pushlightuserdata(L, question);
    bool good = lua_pcall(L, 1, 0, -3) == LUA_OK;
    if (!good) {
        const char *why = larg_shown(L, -1);
        log_lines(vm_engine(vm_of(L))->log, LOG_ERROR, "the server's %s failed: %s", what,
                  why != NULL ? why : "(cancelled)");
        lua_pop(L, 1);
    }
    lua_pop(L, 1);
    return good;
}

uint64_t lserver_ask_head(lua_State *L, const void *server, struct server_exchange *answer,
                          const struct server_request *head)
{
    struct question question = {
        .server = server, .answer = answer, .head = head, .limit = SERVER_ANY};
    if (!ask(L, &question, ask_head, "head"))
        lserver_message_refuse(answer, 500, "The server failed to handle the request",
                               "InternalError");
    return question.limit;
}

void lserver_ask_refuse(lua_State *L, const void *server, struct server_exchange *answer,
                        const struct server_refusal *refusal)
{
    struct question question = {.server = server, .answer = answer, .refusal = refusal};
    ask(L, &question, ask_refuse, "refuse"); /* if it fails, the server answers in its plain form */
}

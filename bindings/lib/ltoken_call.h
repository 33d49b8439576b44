/* One waiting call for a token: of jeton.token, and of jeton test while it records. */
#ifndef JETON_LTOKEN_CALL_H
#define JETON_LTOKEN_CALL_H

#include "connector_secrets.h"
#include "task.h"
#include "token.h"

struct ltoken_call {
    struct task_wait wait;
    struct token_request *request;
    struct err err; /* kind ERR_NONE: the token is good */
    char *access_token;
    char *endpoint_url;
    char *scope;
    char *refresh_token;
    char *token_type;
    int64_t expires_at_ms;
    int64_t refresh_expires_at_ms;
    enum token_source source;
    /* only of token.exchange: what it was given */
    struct connector *connector;
    struct connector_secrets secrets;
};

/* Pushed; what it holds is freed with it. */
struct ltoken_call *ltoken_call_new(lua_State *L);
/* Suspends the task until ltoken_call_done (token_done_fn) is called with the call, which is at
 * index 2. */
int ltoken_call_wait(lua_State *L, struct ltoken_call *call);
void ltoken_call_done(void *arg, const struct token *token, const struct err *err);

#endif

/* A sign-in's calls of the token service. */
#include "ask.h"
#include "login.h"
#include "mem.h"

#include <string.h>

struct call {
    const struct provider_ask *ask;
    char label[ERR_REQUEST_MAX];
    struct provider_reply reply;
    bool done;
    struct err err;
};

static void answered(void *arg, struct http_result *result)
{
    struct call *call = arg;
    call->done = true;
    enum provider_meaning meaning =
        ask_answer(call->ask, result, call->label, &call->reply, &call->err);
    if (meaning == PROVIDER_GOOD || meaning == PROVIDER_MOVED)
        err_clear(&call->err);
}

static int send_once(const struct login *login, struct call *call, struct err *err)
{
    struct engine *engine = login->engine;
    if (ask_send(&engine->transport, call->ask, call->label, answered, call, err) == NULL ||
        app_wait(engine, &call->done, err) != 0)
        return -1;
    *err = call->err;
    return err->kind == ERR_NONE ? 0 : -1;
}

struct provider_ask login_ask(const struct login *login, enum provider_purpose purpose,
                              const struct login_result *result)
{
    return (struct provider_ask){.purpose = purpose,
                                 .connector = login->connector,
                                 .secrets = login->secrets,
                                 .service = result->service};
}

int login_post(struct provider_ask ask, const struct login *login, struct login_result *result,
               struct err *err)
{
    for (int moves = 0;; moves++) {
        struct call call = {.ask = &ask};
        if (send_once(login, &call, err) != 0)
            return -1;
        if (call.reply.moved == NULL) {
            result->refresh_token = call.reply.token.refresh_token;
            call.reply.token.refresh_token = NULL;
            provider_token_destroy(&call.reply.token);
            return 0;
        }
        mem_free(result->service);
        ask.service = result->service = call.reply.moved;
        if (moves == LOGIN_MOVES_MAX)
            return err_set(err, ERR_HTTP,
                           "the token service moved more than %d times in a row (308)",
                           LOGIN_MOVES_MAX);
    }
}

void login_result_destroy(struct login_result *result)
{
    mem_free_secret(result->refresh_token);
    mem_free(result->service);
    *result = (struct login_result){0};
}

/* A sign-in's calls of the token service. */
#include "connector.h"
#include "login.h"
#include "mem.h"

#include <string.h>

struct call {
    const struct provider_ask *ask;
    struct provider_reply reply;
    bool done;
    struct err err;
};

static void answered(void *arg, struct http_result *result)
{
    struct call *call = arg;
    call->done = true;
    call->err = result->err;
    if (result->err.kind != ERR_NONE)
        return;
    struct err err;
    enum provider_meaning meaning =
        provider_of(call->ask->connector)->reply(call->ask, &result->response, &call->reply, &err);
    if (meaning != PROVIDER_GOOD && meaning != PROVIDER_MOVED)
        call->err = err;
}

static int send_once(const struct login *login, struct call *call, struct err *err)
{
    const struct connector *connector = login->connector;
    struct engine *engine = login->engine;
    struct http_request *request = provider_of(connector)->request(call->ask, err);
    if (request == NULL)
        return -1;
    request->ca_file = connector->ca_file;
    request->timeout_ms = connector->timeout_ms;
    request->max_body = PROVIDER_REPLY_MAX;
    request->brings_secrets = true;
    int result = connector_allows(connector, request->url, err);
    if (result == 0 && transport_start(&engine->transport, request, answered, call, err) == NULL)
        result = -1;
    if (result == 0)
        result = app_wait(engine, &call->done, err);
    if (result == 0 && call->err.kind != ERR_NONE) {
        *err = call->err;
        if (err->request[0] == '\0')
            err_text(err->request, sizeof err->request, "%s %s", request->method, request->url);
        result = -1;
    }
    http_request_free(request);
    return result;
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

/* A sign-in's calls of the token service. */
#include "ask.h"
#include "discovery_fetch.h"
#include "login.h"
#include "mem.h"

#include <string.h>

struct call {
    const struct login *login;
    const struct provider_ask *ask;
    char label[ERR_REQUEST_MAX];
    struct login_answer *answer;
    bool done;
    struct err err;
};

static void hide(const struct login *login, const char *secret)
{
    if (secret != NULL)
        redact_add_owned(login->app->redact, secret, strlen(secret), login->connector->name);
}

static void answered(void *arg, struct http_result *result)
{
    struct call *call = arg;
    struct login_answer *answer = call->answer;
    call->done = true;
    answer->retry_after_ms =
        result->err.kind == ERR_NONE ? http_retry_after_ms(&result->response) : -1;
    answer->meaning = ask_answer(call->ask, result, call->label, &answer->reply, &call->err);
    if (answer->meaning == PROVIDER_GOOD || answer->meaning == PROVIDER_MOVED)
        err_clear(&call->err);
    answer->lost = ask_is_lost(result, answer->meaning, &call->err);
    hide(call->login, answer->reply.token.access_token);
    hide(call->login, answer->reply.token.refresh_token);
    hide(call->login, answer->reply.device.code);
}

int login_call(const struct login *login, const struct provider_ask *ask,
               struct login_answer *answer, struct err *err)
{
    struct engine *engine = login->engine;
    struct call call = {.login = login, .ask = ask, .answer = answer};
    *answer = (struct login_answer){.meaning = PROVIDER_REFUSED};
    if (ask_send(&engine->transport, ask, call.label, answered, &call, err) == NULL)
        return -1;
    answer->lost = true; /* as long as nothing has come */
    if (app_wait(engine, &call.done, err) != 0)
        return -1;
    *err = call.err;
    return err->kind == ERR_NONE ? 0 : -1;
}

struct provider_ask login_ask(const struct login *login, enum provider_purpose purpose,
                              const struct login_result *result)
{
    return (struct provider_ask){.purpose = purpose,
                                 .connector = login->connector,
                                 .secrets = login->secrets,
                                 .redact = login->app->redact,
                                 .metadata = login->metadata,
                                 .service = result->service};
}

struct heard {
    char *metadata;
    struct err err;
    bool done;
};

static void heard(void *arg, char *metadata, const struct err *err)
{
    struct heard *heard = arg;
    heard->done = true;
    heard->metadata = metadata;
    if (err != NULL)
        heard->err = *err;
}

int login_discover(const struct login *login, enum provider_purpose purpose, char **metadata,
                   struct err *err)
{
    const struct provider_discovery *discovery = provider_of(login->connector)->discovery;
    const struct provider_ask ask = login_ask(login, purpose, &(struct login_result){0});
    struct engine *engine = login->engine;
    struct heard found = {0};
    *metadata = NULL;
    if (discovery == NULL || !discovery->needed(&ask))
        return 0;
    struct discovery *asking =
        discovery_fetch(&engine->transport, login->connector, heard, &found, err);
    if (asking == NULL || app_wait(engine, &found.done, err) != 0)
        return -1;
    *metadata = found.metadata;
    if (found.metadata != NULL)
        return 0;
    *err = found.err;
    return -1;
}

int login_post(struct provider_ask ask, const struct login *login, struct login_result *result,
               struct err *err)
{
    for (int moves = 0;; moves++) {
        struct login_answer answer;
        if (login_call(login, &ask, &answer, err) != 0) {
            result->token = answer.reply.token; /* of PROVIDER_SPOILT */
            result->lost = answer.lost;
            result->dead = answer.meaning == PROVIDER_DEAD;
            return -1;
        }
        if (answer.reply.moved == NULL) {
            result->token = answer.reply.token;
            return 0;
        }
        mem_free(result->service);
        ask.service = result->service = answer.reply.moved;
        if (moves == LOGIN_MOVES_MAX)
            return err_set(err, ERR_HTTP,
                           "the token service moved more than %d times in a row (308)",
                           LOGIN_MOVES_MAX);
    }
}

void login_result_destroy(struct login_result *result)
{
    provider_token_destroy(&result->token);
    mem_free(result->service);
    token_spend_release(&result->spend);
    *result = (struct login_result){0};
}

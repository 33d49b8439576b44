#include "ask.h"

#include <string.h>

int64_t ask_timeout_ms(const struct connector *connector)
{
    return connector->timeout_ms < ASK_TIMEOUT_MS ? connector->timeout_ms : ASK_TIMEOUT_MS;
}

void *ask_send(const struct transport *transport, const struct provider_ask *ask,
               char label[static ERR_REQUEST_MAX], http_done_fn *done, void *arg, struct err *err)
{
    const struct connector *connector = ask->connector;
    label[0] = '\0';
    struct http_request *request = provider_of(connector)->request(ask, err);
    if (request == NULL)
        return NULL;
    err_text(label, ERR_REQUEST_MAX, "%s %.*s", request->method, (int)strcspn(request->url, "?"),
             request->url);
    request->ca_file = connector->ca_file;
    request->timeout_ms = ask_timeout_ms(connector);
    if (ask->within_ms > 0 && ask->within_ms < request->timeout_ms)
        request->timeout_ms = ask->within_ms;
    request->max_body = PROVIDER_REPLY_MAX;
    request->brings_secrets = true;
    request->alone = true;
    void *transfer = NULL;
    if (provider_may_ask(connector, request->url, err) == 0)
        transfer = transport_start(transport, request, done, arg, err);
    if (transfer == NULL)
        err_text(err->request, sizeof err->request, "%s", label);
    http_request_free(request);
    return transfer;
}

enum provider_meaning ask_answer(const struct provider_ask *ask, const struct http_result *result,
                                 const char *label, struct provider_reply *out, struct err *err)
{
    *out = (struct provider_reply){0};
    *err = result->err;
    if (err->kind != ERR_NONE)
        return err->retryable ? PROVIDER_WAIT : PROVIDER_REFUSED;
    enum provider_meaning meaning =
        provider_of(ask->connector)->reply(ask, &result->response, out, err);
    err_text(err->request, sizeof err->request, "%s", label);
    return meaning;
}

bool ask_is_lost(const struct http_result *result, enum provider_meaning meaning,
                 const struct err *err)
{
    int status = err->status; /* 0: the reply made no sense */
    if (meaning == PROVIDER_GOOD || meaning == PROVIDER_SPOILT || meaning == PROVIDER_MOVED)
        return false;
    return result->err.kind != ERR_NONE ? result->sent : status == 0 || http_status_passes(status);
}

/* A login's calls of the token service. */
#include "connector.h"
#include "login.h"
#include "mem.h"
#include "wire.h"

#include <string.h>

struct call {
    const char *base;
    const char *path;
    char **refresh_token;
    bool done;
    char *moved; /* the new base, after a 308 */
    struct err err;
};

static int read_reply(struct call *call, const struct http_response *response, struct err *err)
{
    if (response->status == 308) {
        char *url = mem_printf("%s%s", call->base, call->path);
        int result = wire_moved(response, url, call->path, &call->moved, err);
        mem_free(url);
        return result;
    }
    if (response->status != 200)
        return wire_error(response, "POST", call->path, NULL, err);
    if (call->refresh_token == NULL)
        return 0;
    return wire_login_parse(response, call->refresh_token, err);
}

static void answered(void *arg, struct http_result *result)
{
    struct call *call = arg;
    call->done = true;
    call->err = result->err;
    struct err err;
    if (result->err.kind == ERR_NONE && read_reply(call, &result->response, &err) != 0)
        call->err = err;
}

static int send_once(const struct login *login, struct call *call, const char *content_type,
                     const struct buf *body, struct err *err)
{
    char *url = mem_printf("%s%s", call->base, call->path);
    const struct http_header headers[] = {{"Accept", "application/json"},
                                          {"Content-Type", content_type}};
    const struct http_request request = {
        .method = "POST",
        .url = url,
        .headers = headers,
        .nheaders = sizeof headers / sizeof headers[0],
        .body = body->data,
        .body_len = body->len,
        .has_body = true,
        .ca_file = login->connector->ca_file,
        .timeout_ms = login->connector->timeout_ms,
        .max_body = WIRE_REPLY_MAX,
    };
    struct engine *engine = login->engine;
    call->done = false;
    call->err.kind = ERR_NONE;
    int result = connector_allows(login->connector, url, err);
    if (result == 0 && http_start(engine->http, &request, answered, call, err) == NULL)
        result = -1;
    if (result == 0)
        result = app_wait(engine, &call->done, err);
    if (result == 0 && call->err.kind != ERR_NONE) {
        *err = call->err;
        if (err->request[0] == '\0')
            err_text(err->request, sizeof err->request, "POST %s", url);
        result = -1;
    }
    mem_free(url);
    return result;
}

int login_post(const struct login *login, char **base, const char *path, const char *content_type,
               const struct buf *body, char **refresh_token, struct err *err)
{
    struct call call = {.path = path, .refresh_token = refresh_token};
    char *at = mem_strdup(*base);
    int result;
    for (int moves = 0;; moves++) {
        call.base = at;
        call.moved = NULL;
        result = send_once(login, &call, content_type, body, err);
        if (result != 0 || call.moved == NULL)
            break;
        mem_free(at);
        at = call.moved;
        if (moves == LOGIN_MOVES_MAX) {
            result = err_set(err, ERR_HTTP, "the token service moved over %d times in a row (308)",
                             LOGIN_MOVES_MAX);
            break;
        }
    }
    if (result == 0) {
        mem_free(*base);
        *base = at;
    } else {
        mem_free(at);
    }
    return result;
}

void login_result_destroy(struct login_result *result)
{
    mem_free_secret(result->refresh_token);
    mem_free(result->token_service);
    *result = (struct login_result){0};
}

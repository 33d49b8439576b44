#include "server_refusal.h"

#include "server_private.h"
#include "server_reply.h"

#define ERROR_BYTES_MAX ((size_t)4096)

struct server_refusal server_refusal_of(int status)
{
    static const struct server_refusal known[] = {
        {413, "RequestEntityTooLarge", "The body of the request is too large", NULL},
        {503, "ServerBusy", "Too many requests are being received; try again", NULL},
        {507, "InsufficientStorage", "The body of the request cannot be stored", NULL},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].status == status)
            return known[i];
    }
    return (struct server_refusal){500, "InternalError", "The server failed", NULL};
}

/* The form where the options give none: {"message":…,"errorCode":…}. Both are plain ASCII text. */
static void reply_plainly(struct server_exchange *exchange, const struct server_refusal *refusal)
{
    const struct http_header headers[] = {{"Content-Type", "application/json; charset=utf-8"},
                                          {"Retry-After", "1"}};
    struct buf body;
    buf_create(&body, ERROR_BYTES_MAX);
    buf_printf(&body, "{\"message\":\"%s\",\"errorCode\":\"%s\"}", refusal->message, refusal->code);
    server_reply(exchange, refusal->status, headers, refusal->status == 503 ? 2 : 1, body.data,
                 body.len);
    buf_destroy(&body);
}

void server_refusal_reply(struct server_exchange *exchange, const struct server_refusal *refusal)
{
    const struct server_options *options = &exchange->server->options;
    if (options->refuse != NULL && !exchange->server->closing)
        options->refuse(options->arg, exchange, refusal);
    if (exchange->state != ANSWERED && exchange->state != DROPPED)
        reply_plainly(exchange, refusal);
}

void server_refusal_text(struct server *server, const struct server_refusal *refusal, bool is_head,
                         struct buf *text)
{
    struct server_exchange exchange = {
        .server = server, .state = READING_BODY, .raw = text, .is_head = is_head};
    buf_create(text, SERVER_EARLY_REPLY_MAX);
    server_refusal_reply(&exchange, refusal);
}

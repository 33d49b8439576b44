#include "token_request.h"

#include "mem.h"

#include <string.h>

struct token_request *token_request_new(struct tokens *tokens, token_done_fn *done, void *arg)
{
    struct token_request *request = mem_alloc(sizeof *request);
    request->tokens = tokens;
    request->done = done;
    request->arg = arg;
    request->next = tokens->requests;
    tokens->requests = request;
    return request;
}

void token_request_append(struct token_request **list, struct token_request *request)
{
    while (*list != NULL)
        list = &(*list)->next;
    *list = request;
}

void token_request_remove(struct token_request **list, struct token_request *request)
{
    while (*list != NULL && *list != request)
        list = &(*list)->next;
    if (*list != NULL)
        *list = request->next;
    request->next = NULL;
}

void token_request_finish(struct token_request *request, const struct token *token,
                          const struct err *err)
{
    loop_timer_stop(request->tokens->loop, &request->timer);
    token_done_fn *done = request->done;
    void *arg = request->arg;
    struct err told = {0};
    if (err != NULL) {
        told = *err;
        redact_err(request->tokens->redact, &told);
    }
    mem_free(request);
    done(arg, token, err != NULL ? &told : NULL);
}

void token_request_finish_row(struct token_request *request, const struct store_token *row,
                              enum token_source source)
{
    const struct tokens *tokens = request->tokens;
    const struct connector *owner = connector_owner(request->connector);
    int64_t now_ms = clock_now_ms(loop_clock(tokens->loop), CLOCK_WALL); /* who asks knows that */
    int64_t left_ms = token_cache_remaining_ms(row, store_clock(tokens->store));
    int64_t since_ms = row->refresh_token != NULL ? row->refresh_since_ms : 0;
    struct token_ends ends = token_cache_ends(row, owner);
    const struct token token = {
        .access_token = row->access_token,
        .endpoint_url = row->endpoint_url,
        .scope = row->scope != NULL ? row->scope : "",
        .expires_at_ms = row->lifetime_ms > 0 ? now_ms + left_ms : 0,
        .age_ms = token_cache_age_ms(row, store_clock(tokens->store)),
        .generation = row->generation,
        .refresh_since_ms = since_ms,
        .refresh_expires_at_ms = ends.refresh_ms,
        .refresh_lifetime_ms = ends.refresh_lifetime_ms,
        .login_expires_at_ms = ends.login_ms,
        .token_type = row->token_type,
        .source = source,
    };
    token_request_finish(request, &token, NULL);
}

void token_request_hide(struct tokens *tokens, const struct connector *connector,
                        const char *secret)
{
    if (secret != NULL)
        redact_add_owned(tokens->redact, secret, strlen(secret), connector->name);
}

/* Requests that were checked, on their way to a reply. */
#include "listen_front_private.h"

#include "listen_trigger.h"
#include "mem.h"

#include <string.h>

void listen_waiting_append(struct listen_list *list, struct listen_waiting *waiting)
{
    waiting->list = list;
    waiting->prev = list->last;
    waiting->next = NULL;
    if (list->last != NULL)
        list->last->next = waiting;
    else
        list->first = waiting;
    list->last = waiting;
    list->count++;
}

void listen_waiting_remove(struct listen_waiting *waiting)
{
    struct listen_list *list = waiting->list;
    waiting->list = NULL;
    if (waiting->prev != NULL)
        waiting->prev->next = waiting->next;
    else
        list->first = waiting->next;
    if (waiting->next != NULL)
        waiting->next->prev = waiting->prev;
    else
        list->last = waiting->prev;
    list->count--;
}

void listen_waiting_move(struct listen_list *from, struct listen_list *to)
{
    while (from->first != NULL) {
        struct listen_waiting *waiting = from->first;
        listen_waiting_remove(waiting);
        listen_waiting_append(to, waiting);
    }
}

void listen_waiting_free(struct listen_waiting *waiting)
{
    hook_check_destroy(&waiting->result);
    mem_free(waiting->events);
    mem_free(waiting);
}

void listen_waiting_finish(struct listen_waiting *waiting, int status,
                           const struct http_header *headers, size_t nheaders, const char *body,
                           size_t len)
{
    if (waiting->exchange == NULL) {
        listen_waiting_free(waiting);
        return;
    }
    char *told = waiting->asked && waiting->result.verdict != HOOK_REFUSE
                     ? listen_verdict_text(waiting)
                     : NULL;
    struct http_header *all = mem_alloc((nheaders + 1) * sizeof *all);
    for (size_t i = 0; i < nheaders; i++)
        all[i] = headers[i];
    if (told != NULL)
        all[nheaders++] = (struct http_header){LISTEN_TRIGGER_TELLS, told};
    server_set_user_data(waiting->exchange, NULL);
    server_reply(waiting->exchange, status, all, nheaders, body, len);
    mem_free(all);
    mem_free(told);
    listen_waiting_free(waiting);
}

static const struct http_header no_store[] = {{"Cache-Control", "no-store"}};

void listen_waiting_accept(struct listen_waiting *waiting)
{
    const struct hook_reply *reply = &waiting->result.reply;
    if (waiting->result.verdict == HOOK_STORE) /* an empty body: some senders show it to people */
        listen_waiting_finish(waiting, 200, no_store, 1, "", 0);
    else
        listen_waiting_finish(waiting, reply->status, reply->headers, reply->nheaders, reply->body,
                              reply->body_len);
}

void listen_waiting_busy(struct listen_waiting *waiting, const char *after_s)
{
    const struct http_header headers[] = {{"Retry-After", after_s}, {"Cache-Control", "no-store"}};
    listen_waiting_finish(waiting, 503, headers, 2, "", 0);
}

void listen_waiting_plain(struct server_exchange *exchange, int status, const char *text)
{
    const struct http_header headers[] = {{"Content-Type", "text/plain; charset=utf-8"},
                                          {"Cache-Control", "no-store"},
                                          {"X-Content-Type-Options", "nosniff"},
                                          {"Retry-After", LISTEN_RETRY_AFTER_S}};
    server_reply(exchange, status, headers, status == 503 ? 4 : 3, text, strlen(text));
}

/* A request's way through the front. */
#include "listen_front_private.h"

#include "app.h"
#include "clock.h"
#include "mem.h"

#include <inttypes.h>
#include <string.h>

#define HEALTH_PATH "/healthz"
#define FULL_MS     60000 /* between two words of it */

static bool is_health(const struct server_request *request)
{
    size_t len = strcspn(request->target, "?");
    return len == strlen(HEALTH_PATH) && memcmp(request->target, HEALTH_PATH, len) == 0 &&
           (strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0);
}

static struct listen_hook *find(struct listen_front *front, const char *target)
{
    for (size_t i = 0; i < front->nhooks; i++) {
        struct listen_hook *hook = &front->hooks[i];
        if (hook_check_route(&hook->hook->rules, hook->keys, target))
            return hook;
    }
    return NULL;
}

/* ---- what the log says ---- */

static void say_refused(struct listen_hook *hook, const struct server_request *request,
                        const struct hook_result *result)
{
    hook->counts[LISTEN_REFUSED]++;
    if (listen_verdict_may_log(hook, result->reply.status == 401 ? LISTEN_TOLD_FORGED
                                                                 : LISTEN_TOLD_REFUSED))
        log_msg(hook->front->log, LOG_WARN, "webhook '%s': refused with %d (from %s): %s",
                hook->hook->name, result->reply.status,
                request->remote[0] != '\0' ? request->remote : "a Unix socket", result->why);
}

/* That others skip types is as it is configured; a request without one may have lost a header. */
static void say_skipped(struct listen_hook *hook, const struct listen_waiting *waiting)
{
    const struct hook_result *result = &waiting->result;
    bool typed = result->typed;
    hook->counts[LISTEN_SKIPPED] += result->nskipped > 0 ? result->nskipped : 1;
    if (!typed && !listen_verdict_may_log(hook, LISTEN_TOLD_SKIPPED))
        return;
    log_msg(hook->front->log, typed ? LOG_DEBUG : LOG_WARN, "webhook '%s': skipped: %s",
            hook->hook->name, result->why);
}

/* ---- the server's callbacks ---- */

uint64_t listen_request_head(void *arg, struct server_exchange *exchange,
                             const struct server_request *request)
{
    struct listen_front *front = arg;
    const struct listen_hook *hook = find(front, request->target);
    if (hook == NULL) {
        front->unknown++;
        listen_waiting_plain(exchange, 404, "not found\n");
    }
    return hook != NULL ? (uint64_t)hook->hook->rules.max_body : 0;
}

static void check(struct listen_hook *hook, struct server_exchange *exchange,
                  const struct server_request *request)
{
    const struct hook_request asked = {.method = request->method,
                                       .target = request->target,
                                       .headers = request->headers,
                                       .nheaders = request->nheaders,
                                       .body = request->body,
                                       .body_len = request->body_len,
                                       .now_ms = clock_wall_ms()};
    struct listen_waiting *waiting = mem_alloc(sizeof *waiting);
    waiting->hook = hook;
    waiting->exchange = exchange;
    waiting->asked = listen_verdict_asked(request);
    hook_check(&hook->hook->rules, hook->keys, &asked, &waiting->result);
    switch (waiting->result.verdict) {
    case HOOK_STORE:
        if (waiting->result.nskipped > 0)
            say_skipped(hook, waiting);
        server_set_user_data(exchange, waiting);
        listen_store_add(hook->front, waiting);
        return;
    case HOOK_REFUSE:
        say_refused(hook, request, &waiting->result);
        break;
    case HOOK_ANSWER:
        hook->counts[LISTEN_ANSWERED]++;
        break;
    case HOOK_SKIP:
        say_skipped(hook, waiting);
        if (waiting->result.nmarks == 0)
            break;
        server_set_user_data(exchange, waiting);
        listen_store_add(hook->front, waiting);
        return;
    }
    listen_waiting_accept(waiting);
}

void listen_request_handle(void *arg, struct server_exchange *exchange,
                           const struct server_request *request)
{
    struct listen_front *front = arg;
    server_set_user_data(exchange, NULL);
    if (is_health(request)) {
        listen_metrics_health(front, exchange);
        return;
    }
    struct listen_hook *hook = find(front, request->target);
    if (hook == NULL) {
        front->unknown++;
        listen_waiting_plain(exchange, 404, "not found\n");
    } else { /* at the end, too: some senders do not come again */
        check(hook, exchange, request);
    }
}

/* Its sender does not wait any more. What is not being stored yet is not; it will come again. */
void listen_request_gone(void *arg, struct server_exchange *exchange)
{
    struct listen_front *front = arg;
    struct listen_waiting *waiting = server_user_data(exchange);
    if (waiting == NULL)
        return;
    if (waiting->list == &front->adding.list || waiting->list == &front->beside.list) {
        listen_store_outlive(front, waiting);
        waiting->exchange = NULL;
        return;
    }
    listen_waiting_remove(waiting);
    listen_waiting_free(waiting);
}

/* What is too large for a webhook, or comes too slowly, is its sender's: who is not told of it
 * would miss events. */
static void say_not_taken(struct listen_hook *hook, const struct server_refusal *refusal)
{
    hook->counts[LISTEN_REFUSED]++;
    if (!listen_verdict_may_log(hook, LISTEN_TOLD_NOT_TAKEN))
        return;
    if (refusal->status == 413)
        log_msg(hook->front->log, LOG_WARN,
                "webhook '%s': refused with 413: the body has more than its max_body (%" PRId64
                " bytes)",
                hook->hook->name, hook->hook->rules.max_body);
    else
        log_msg(hook->front->log, LOG_WARN, "webhook '%s': refused with %d: %s", hook->hook->name,
                refusal->status, refusal->message);
}

void listen_request_refuse(void *arg, struct server_exchange *exchange,
                           const struct server_refusal *refusal)
{
    struct listen_front *front = arg;
    struct listen_hook *hook = refusal->target != NULL ? find(front, refusal->target) : NULL;
    struct buf text;
    if (hook != NULL)
        say_not_taken(hook, refusal);
    else
        front->unknown++;
    buf_create(&text, BUF_LIMIT_LINE);
    buf_printf(&text, "%s\n", refusal->message);
    listen_waiting_plain(exchange, refusal->status, text.data);
    buf_destroy(&text);
}

void listen_request_full(void *arg, size_t connections, int code)
{
    struct listen_front *front = arg;
    int64_t now_ms = loop_now_ms(front->loop);
    if (front->full_ms != 0 && now_ms - front->full_ms < FULL_MS)
        return;
    front->full_ms = now_ms;
    if (code != 0)
        log_msg(front->log, LOG_WARN, "new connections wait: %s", strerror(code));
    else
        log_msg(front->log, LOG_WARN,
                "new connections wait, since all %zu are in use (max_connections, and three "
                "quarters of ulimit -n)",
                connections);
}

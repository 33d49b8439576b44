/* What monitoring asks: /healthz everywhere, /metrics (the text format of Prometheus) on a port of
 * its own. */
#include "listen_front_private.h"

#include "clock.h"
#include "host.h"
#include "mem.h"

#include <string.h>
#include <strings.h>

#define TEXT_MAX ((size_t)4 * 1024 * 1024)
/* So long each answer of the state is waited for, well below the ten seconds of Prometheus. */
#define STATE_MAX_MS 3000

void listen_metrics_health(struct listen_front *front, struct server_exchange *exchange)
{
    if (front->stopping)
        listen_waiting_plain(exchange, 503, "stopping\n");
    else if (!front->stored)
        listen_waiting_plain(exchange, 503, "events cannot be stored\n");
    else
        listen_waiting_plain(exchange, 200, "ok\n");
}

static void put_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP jeton_%s %s\n# TYPE jeton_%s %s\n", name, help, name, type);
}

static void put_requests(const struct listen_front *front, struct buf *out)
{
    static const char *const results[LISTEN_COUNTS] = {
        [LISTEN_STORED] = "stored",     [LISTEN_DUPLICATE] = "duplicate",
        [LISTEN_HELD] = "held",         [LISTEN_FULL] = "full",
        [LISTEN_UNSTORED] = "unstored", [LISTEN_SKIPPED] = "skipped",
        [LISTEN_ANSWERED] = "answered", [LISTEN_REFUSED] = "refused"};
    put_head(
        out, "webhook_received_total", "counter",
        "Events (stored, duplicate, held, full, skipped) and other requests, by what became of "
        "them.");
    for (size_t i = 0; i < front->nhooks; i++) {
        const struct listen_hook *hook = &front->hooks[i];
        for (size_t k = 0; k < LISTEN_COUNTS; k++)
            buf_printf(out, "jeton_webhook_received_total{webhook=\"%s\",result=\"%s\"} %llu\n",
                       hook->hook->name, results[k], (unsigned long long)hook->counts[k]);
    }
}

static void put_count(const struct listen_hook *hook, const struct store_event_count *count,
                      struct buf *out)
{
    const int64_t counts[] = {count->ready, count->running, count->dead, count->held};
    static const char *const states[] = {"ready", "running", "dead", "held"};
    for (size_t k = 0; k < 4; k++)
        buf_printf(out, "jeton_webhook_events{webhook=\"%s\",state=\"%s\"} %lld\n",
                   hook->hook->name, states[k], (long long)counts[k]);
    int64_t age_ms = count->oldest_ms == STORE_NONE ? 0 : clock_wall_ms() - count->oldest_ms;
    buf_printf(out, "jeton_webhook_oldest_ready_seconds{webhook=\"%s\"} %.3f\n", hook->hook->name,
               (double)(age_ms > 0 ? age_ms : 0) / 1000);
}

static void put_own(const struct listen_front *front, struct buf *out)
{
    size_t connections = 0;
    for (size_t i = 0; i < front->nservers; i++)
        connections += server_connections(front->servers[i]);
    put_head(out, "listen_connections", "gauge", "Open connections.");
    buf_printf(out, "jeton_listen_connections %zu\n", connections);
    put_head(out, "listen_commits_total", "counter", "Transactions that stored events.");
    buf_printf(out, "jeton_listen_commits_total %llu\n", (unsigned long long)front->commits);
    put_head(out, "listen_committed_total", "counter", "Events in them, duplicates included.");
    buf_printf(out, "jeton_listen_committed_total %llu\n", (unsigned long long)front->committed);
    put_head(out, "listen_unknown_total", "counter",
             "Requests for no webhook, and malformed ones.");
    buf_printf(out, "jeton_listen_unknown_total %llu\n", (unsigned long long)front->unknown);
    put_head(out, "listen_storing", "gauge", "1: events can be stored.");
    buf_printf(out, "jeton_listen_storing %d\n", front->stored ? 1 : 0);
}

/* A reply that waits for what the state says of one webhook after the other. */
struct asked {
    struct listen_front *front;
    struct server_exchange *exchange;
    struct buf out;
    size_t hook;
    struct store_event_count count;
    struct store_event_call event;
    struct store_call call;
    struct loop_timer limit;
};

static void asked_free(struct asked *asked)
{
    loop_timer_stop(asked->front->loop, &asked->limit);
    buf_destroy(&asked->out);
    mem_free(asked);
}

void listen_metrics_gone(void *arg, struct server_exchange *exchange)
{
    struct asked *asked = server_user_data(exchange);
    (void)arg;
    if (asked == NULL)
        return;
    store_cancel(&asked->call);
    asked_free(asked);
}

static void reply(struct asked *asked)
{
    static const struct http_header headers[] = {
        {"Content-Type", "text/plain; version=0.0.4; charset=utf-8"},
        {"Cache-Control", "no-store"}};
    server_set_user_data(asked->exchange, NULL);
    server_reply(asked->exchange, 200, headers, 2, asked->out.data, asked->out.len);
    asked_free(asked);
}

/* What needs no state is told. */
static void too_late(void *arg)
{
    struct asked *asked = arg;
    log_msg(asked->front->log, LOG_WARN, "metrics: the state did not answer within %d s",
            STATE_MAX_MS / 1000);
    store_cancel(&asked->call);
    reply(asked);
}

static void ask_next(struct asked *asked);

static void counted(void *arg)
{
    struct asked *asked = arg;
    if (asked->call.result < 0) {
        log_msg(asked->front->log, LOG_WARN, "metrics: %s", asked->call.err.msg);
        reply(asked);
        return;
    }
    put_count(&asked->front->hooks[asked->hook++], &asked->count, &asked->out);
    ask_next(asked);
}

static void ask_next(struct asked *asked)
{
    struct listen_front *front = asked->front;
    if (asked->hook == front->nhooks) {
        reply(asked);
        return;
    }
    asked->event = (struct store_event_call){.scope = front->hooks[asked->hook].scope,
                                             .counted = &asked->count};
    asked->call = (struct store_call){.op = STORE_EVENT_COUNT, .event = &asked->event};
    loop_timer_start(front->loop, &asked->limit, STATE_MAX_MS, too_late, asked);
    store_start(front->store, &asked->call, counted, asked);
}

static void ask(struct listen_front *front, struct server_exchange *exchange)
{
    struct asked *asked = mem_alloc(sizeof *asked);
    *asked = (struct asked){.front = front, .exchange = exchange};
    buf_create(&asked->out, TEXT_MAX);
    put_own(front, &asked->out);
    put_requests(front, &asked->out);
    put_head(&asked->out, "webhook_events", "gauge",
             "Events in the state that have not been handled.");
    server_set_user_data(exchange, asked);
    ask_next(asked);
}

static bool is_addressed_here(const struct server_request *request)
{
    for (size_t i = 0; i < request->nheaders; i++) { /* the server has seen that there is one */
        if (strcasecmp(request->headers[i].name, "Host") == 0)
            return host_field_is_loopback(request->headers[i].value);
    }
    return true; /* HTTP/1.0, which no browser speaks */
}

void listen_metrics_handle(void *arg, struct server_exchange *exchange,
                           const struct server_request *request)
{
    struct listen_front *front = arg;
    server_set_user_data(exchange, NULL);
    bool read = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
    if (!read)
        listen_waiting_plain(exchange, 405, "only GET\n");
    else if (strcmp(request->target, "/healthz") == 0)
        listen_metrics_health(front, exchange);
    else if (!is_addressed_here(request))
        listen_waiting_plain(exchange, 403, "Host: expected an address of this machine\n");
    else if (strcmp(request->target, "/metrics") == 0)
        ask(front, exchange);
    else
        listen_waiting_plain(exchange, 404, "not found\n");
}

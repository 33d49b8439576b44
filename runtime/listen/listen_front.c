#include "listen_front_private.h"

#include "app_signals.h"
#include "mem.h"

#include <signal.h>

#define MEMORY_MAX ((uint64_t)128 << 20) /* bytes of bodies under way */
/* A connection has memory for these, and for LISTEN_REPLY_HEAD_MAX, all the time. Senders have
 * heads of some KiB, and no cookies. */
#define HEAD_MAX            ((size_t)16 * 1024)
#define COOKIE_MAX          ((size_t)4 * 1024)
#define COOKIES_MAX         20
#define METRICS_CONNECTIONS 32
#define LINGER_MS           50 /* for the last replies to leave */
/* Longer than proxies and balancers keep a connection that they may use again (up to ten minutes):
 * what they send as it is ended would be lost. Idle ones make room for others (end_idle). */
#define IDLE_MS 620000

/* ---- the end ---- */

static bool is_idle(struct listen_front *front)
{
    size_t connections = 0;
    for (size_t i = 0; i < front->nservers; i++)
        connections += server_connections(front->servers[i]);
    return connections == 0 && front->batch.count == 0 && front->adding.list.count == 0 &&
           front->adding.next.count == 0 && front->handlers.count == 0 &&
           listen_answer_release(front);
}

static void on_grace_over(void *arg)
{
    struct listen_front *front = arg;
    listen_answer_end(front);
    front->done = true;
}

static void stop(struct listen_front *front)
{
    if (front->stopping)
        return;
    front->stopping = true;
    for (size_t i = 0; i < front->nservers; i++)
        server_retire(front->servers[i]);
    listen_children_silence(front->options->generation);
    listen_answer_release(front);
    loop_timer_start(front->loop, &front->grace,
                     front->options->generation->plan.config->listen->grace_ms, on_grace_over,
                     front);
}

/* ---- the beginning ---- */

static int serve(struct listen_front *front, int fd, struct server **server, bool is_metrics,
                 struct err *err)
{
    const struct listen_plan *plan = &front->options->generation->plan;
    size_t max_body = 1;
    for (size_t i = 0; i < front->nhooks; i++)
        max_body = (size_t)front->hooks[i].hook->rules.max_body > max_body
                       ? (size_t)front->hooks[i].hook->rules.max_body
                       : max_body;
    const struct server_options options = {
        .socket = fd,
        .certificate = is_metrics ? NULL : plan->certificate,
        .key = is_metrics ? NULL : plan->key,
        .max_body = max_body,
        .max_head = HEAD_MAX,
        .max_cookies = COOKIES_MAX,
        .max_cookie = COOKIE_MAX,
        .max_reply_head = LISTEN_REPLY_HEAD_MAX,
        .max_memory = MEMORY_MAX,
        .max_connections =
            is_metrics ? METRICS_CONNECTIONS : (size_t)plan->config->listen->max_connections,
        .servers = front->options->sockets->count,
        .end_idle = true,
        .idle_ms = IDLE_MS,
        .handler = is_metrics ? listen_metrics_handle : listen_request_handle,
        .head = is_metrics ? NULL : listen_request_head,
        .gone = is_metrics ? listen_metrics_gone : listen_request_gone,
        .refuse = listen_request_refuse,
        .full = is_metrics ? NULL : listen_request_full,
        .arg = front};
    *server = server_new(front->loop, &options, err);
    return *server != NULL ? 0 : -1;
}

static int serve_all(struct listen_front *front, struct err *err)
{
    struct listen_sockets *sockets = front->options->sockets;
    int result = 0;
    for (size_t i = 0; i < sockets->count && result == 0; i++) {
        result = serve(front, sockets->fds[i], &front->servers[i], false, err);
        sockets->fds[i] = -1;
        front->nservers += result == 0 ? 1 : 0;
    }
    if (result == 0 && sockets->metrics >= 0) {
        result = serve(front, sockets->metrics, &front->metrics, true, err);
        sockets->metrics = -1;
    }
    return result;
}

static void create(struct listen_front *front, const struct listen_front_options *options)
{
    const struct listen_generation *generation = options->generation;
    *front = (struct listen_front){
        .options = options, .log = options->app->log, .loop = loop_new(), .stored = true};
    front->store = store_new(generation->plan.config->state, front->loop);
    listen_print_start(front);
    front->nhooks = generation->plan.config->nhooks;
    front->hooks = mem_alloc(front->nhooks * sizeof *front->hooks);
    for (size_t i = 0; i < front->nhooks; i++) {
        const struct listen_child *worker = &generation->children[i + 1];
        struct listen_hook *hook = &front->hooks[i];
        hook->front = front;
        hook->hook = worker->hook;
        hook->keys = generation->plan.keys[i];
        hook->worker = worker;
        hook->answer = worker->answer[0];
        store_event_scope(hook->scope, worker->hook->name, worker->hook->home);
        listen_answer_start(hook);
    }
}

static void destroy(struct listen_front *front)
{
    for (size_t i = 0; i < front->nservers; i++)
        server_free(front->servers[i]);
    server_free(front->metrics);
    listen_verdict_say_rest(front, true);
    listen_print_stop(front);
    listen_store_stop(front);
    for (size_t i = 0; i < front->nhooks; i++)
        listen_answer_stop(&front->hooks[i]);
    loop_timer_stop(front->loop, &front->commit);
    loop_timer_stop(front->loop, &front->patience);
    loop_timer_stop(front->loop, &front->turns);
    loop_timer_stop(front->loop, &front->releasing.again);
    loop_timer_stop(front->loop, &front->keep);
    loop_timer_stop(front->loop, &front->look);
    loop_timer_stop(front->loop, &front->grace);
    mem_free(front->hooks);
    store_free(front->store);
    loop_free(front->loop);
}

/* Only wakes the loop: they are taken where it turns. */
static void on_signal(void *arg, short revents)
{
    (void)arg;
    (void)revents;
}

/* Turns until the end. */
static int turn(struct listen_front *front, struct err *err)
{
    struct app_signals signals = {.fd = -1, .clock_fd = -1};
    struct loop_fd watch = {0};
    int signo;
    if (app_signals_start(&signals, err) != 0)
        return -1;
    loop_fd_start(front->loop, &watch, signals.fd, POLLIN, on_signal, front);
    while (!front->done && !(front->stopping && is_idle(front))) {
        loop_turn(front->loop, -1);
        while ((signo = app_signals_take(&signals)) != 0) {
            if (signo == SIGTERM || signo == SIGINT)
                stop(front);
        }
    }
    loop_turn(front->loop, LINGER_MS);
    loop_fd_stop(front->loop, &watch);
    app_signals_stop(&signals);
    return 0;
}

int listen_front_run(const struct listen_front_options *options, struct err *err)
{
    struct listen_front front;
    create(&front, options);
    int result = listen_store_open(&front, err) == 0 && serve_all(&front, err) == 0 ? 0 : -1;
    if (result == 0) {
        listen_store_keep(&front);
        listen_store_look(&front);
        result = turn(&front, err);
    }
    destroy(&front);
    return result;
}

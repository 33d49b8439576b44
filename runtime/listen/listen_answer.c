/*
 * Replies by handlers (`answer: {handler: D}`): the request waits, stored, until its worker sends a
 * packet with the event's seq, or D has passed, or the worker has ended for good. Then the sender
 * hears that its event is stored.
 * Where hosts share the state, the event is reserved for this listener's worker as long
 * (store_events.h), and given up where the listener ends.
 */
#include "listen_front_private.h"

#include "json.h"
#include "mem.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>

#define PACKET_MAX  ((size_t)64 * 1024)
#define A_TURN      64   /* packets */
#define HEADERS_MAX 33   /* those of the handler, and a Content-Type */
#define EARLY_MAX   1000 /* packets */
#define TURN_MS     100  /* between two looks whether it is an event's turn */
#define RELEASE_MS  50   /* and whether what others are changing can be given up */

/* A packet that came while a commit is under way, which may have stored its event. */
struct listen_early {
    struct listen_early *next;
    struct listen_hook *hook;
    char *text;
    size_t len;
};

static void on_patience(void *arg);

/* The timer rings when the first of them has waited long enough. */
static void rearm(struct listen_front *front)
{
    int64_t now_ms = loop_now_ms(front->loop), due_ms = INT64_MAX;
    for (const struct listen_waiting *it = front->handlers.first; it != NULL; it = it->next)
        due_ms = it->due_ms < due_ms ? it->due_ms : due_ms;
    loop_timer_stop(front->loop, &front->patience);
    if (due_ms < INT64_MAX)
        loop_timer_start(front->loop, &front->patience, due_ms > now_ms ? due_ms - now_ms : 0,
                         on_patience, front);
}

/* What its handler answers later is heard by nobody. */
static void say_late(const struct listen_waiting *waiting)
{
    if (listen_verdict_may_log(waiting->hook, LISTEN_TOLD_LATE))
        log_msg(waiting->hook->front->log, LOG_WARN,
                "webhook '%s', event %" PRId64 ": no reply of its handler within %g s; its sender "
                "has heard that it is stored",
                waiting->hook->hook->name, waiting->seq,
                (double)waiting->hook->hook->answer_ms / 1000);
}

static void accept_due(struct listen_front *front, int64_t now_ms)
{
    for (struct listen_waiting *it = front->handlers.first, *next; it != NULL; it = next) {
        next = it->next;
        if (it->due_ms > now_ms)
            continue;
        if (now_ms < INT64_MAX)
            say_late(it);
        listen_waiting_remove(it);
        listen_waiting_accept(it);
    }
}

static void on_patience(void *arg)
{
    struct listen_front *front = arg;
    accept_due(front, loop_now_ms(front->loop));
    rearm(front);
}

/* ---- hosts that share the state ---- */

static bool is_shared(const struct listen_front *front)
{
    return front->options->generation->plan.config->state->url != NULL;
}

static bool is_ordered(const struct listen_waiting *waiting)
{
    for (size_t i = 0; i < waiting->result.nevents; i++) {
        if (waiting->events[i].seq == waiting->seq)
            return waiting->events[i].order_key != NULL;
    }
    return false;
}

/* Nobody tells us that another host has ended the event before one of ours, of the same order. */
static void on_turns(void *arg)
{
    struct listen_front *front = arg;
    const struct listen_hook *woken = NULL;
    bool waits = false;
    for (const struct listen_waiting *it = front->handlers.first; it != NULL; it = it->next) {
        if (!it->ordered)
            continue;
        waits = true;
        if (it->hook != woken)
            listen_children_wake(it->hook->worker);
        woken = it->hook;
    }
    if (waits)
        loop_timer_start(front->loop, &front->turns, TURN_MS, on_turns, front);
}

bool listen_answer_reserves(const struct listen_hook *hook)
{
    return hook->answer >= 0 && !hook->front->stopping && is_shared(hook->front);
}

static void release_next(void *arg)
{
    struct listen_front *front = arg;
    struct listen_releasing *releasing = &front->releasing;
    int64_t now_ms = loop_now_ms(front->loop);
    if (releasing->call.result > 0) {
        releasing->call.result = 0;
        releasing->hook--;
        loop_timer_start(front->loop, &releasing->again, RELEASE_MS, release_next, front);
        return;
    }
    while (releasing->hook < front->nhooks && front->hooks[releasing->hook].reserved_ms <= now_ms)
        releasing->hook++;
    if (releasing->call.result < 0) /* the others' time will pass, too */
        releasing->hook = front->nhooks;
    releasing->done = releasing->hook == front->nhooks;
    if (releasing->done)
        return;
    releasing->event = (struct store_event_call){.scope = front->hooks[releasing->hook++].scope,
                                                 .listener = front->options->generation->id};
    releasing->call = (struct store_call){.op = STORE_EVENT_RELEASE, .event = &releasing->event};
    store_start(front->store, &releasing->call, release_next, front);
}

bool listen_answer_release(struct listen_front *front)
{
    struct listen_releasing *releasing = &front->releasing;
    if (!front->stopping || front->adding.list.count > 0)
        return false;
    if (!releasing->begun) {
        releasing->begun = true;
        release_next(front);
    }
    return releasing->done;
}

/* ---- waiting ---- */

void listen_answer_wait(struct listen_front *front, struct listen_waiting *waiting, int64_t seq)
{
    waiting->seq = seq;
    waiting->due_ms = loop_now_ms(front->loop) + waiting->hook->hook->answer_ms;
    listen_waiting_append(&front->handlers, waiting);
    if (front->patience.index == 0 || waiting->due_ms < front->patience.due_ms)
        rearm(front);
    waiting->ordered = is_ordered(waiting);
    if (front->turns.index == 0 && is_shared(front) && waiting->ordered)
        loop_timer_start(front->loop, &front->turns, TURN_MS, on_turns, front);
}

void listen_answer_end(struct listen_front *front)
{
    accept_due(front, INT64_MAX);
    rearm(front);
}

/* ---- packets of workers ---- */

static struct listen_waiting *find(struct listen_front *front, const struct listen_hook *hook,
                                   int64_t seq)
{
    for (struct listen_waiting *it = front->handlers.first; it != NULL; it = it->next) {
        if (it->seq == seq && it->hook == hook)
            return it;
    }
    return NULL;
}

/* The handler's words; a reply that cannot be sent is replaced by the one that says: stored. */
static void reply(struct listen_waiting *waiting, const struct json *packet)
{
    struct http_header headers[HEADERS_MAX];
    size_t nheaders = 0;
    struct err err;
    const struct json *status = json_get(packet, "status"), *fields = json_get(packet, "headers");
    const struct json *body = json_get(packet, "body");
    if (status == NULL || status->type != JSON_INT) { /* it failed, and will be tried again */
        listen_waiting_accept(waiting);
        return;
    }
    for (const struct json *it = fields != NULL ? fields->child : NULL;
         it != NULL && nheaders < HEADERS_MAX; it = it->next) {
        const char *value = json_string(it);
        if (value != NULL && it->key != NULL)
            headers[nheaders++] = (struct http_header){it->key, value};
    }
    if (server_check_reply((int)status->integer, headers, nheaders, LISTEN_REPLY_HEAD_MAX, &err) !=
        0) {
        log_msg(waiting->hook->front->log, LOG_WARN, "webhook '%s': the handler's reply: %s",
                waiting->hook->hook->name, err.msg);
        listen_waiting_accept(waiting);
        return;
    }
    bool is_text = body != NULL && body->type == JSON_STRING;
    listen_waiting_finish(waiting, (int)status->integer, headers, nheaders,
                          is_text ? body->text : "", is_text ? body->len : 0);
}

/* Workers see an event as soon as it is committed in a database; we do when that says so. */
static void keep(struct listen_hook *hook, const char *text, size_t len)
{
    struct listen_front *front = hook->front;
    if (front->nearly == EARLY_MAX)
        return;
    struct listen_early *early = mem_alloc(sizeof *early);
    *early = (struct listen_early){front->early, hook, mem_strndup(text, len), len};
    front->early = early;
    front->nearly++;
}

static void on_packet(struct listen_hook *hook, const char *text, size_t len)
{
    struct listen_front *front = hook->front;
    struct err err;
    struct json *packet = json_parse(text, len, NULL, &err);
    const struct json *seq = json_get(packet, "seq");
    struct listen_waiting *waiting =
        seq != NULL && seq->type == JSON_INT ? find(front, hook, seq->integer) : NULL;
    if (waiting != NULL) { /* else it came too late, or its sender has left */
        listen_waiting_remove(waiting);
        reply(waiting, packet);
        rearm(front);
    } else if (front->adding.list.count > 0) {
        keep(hook, text, len);
    }
    json_free(packet);
}

/* Takes those that were kept out of the front; each is handled, or only freed. */
static void take_early(struct listen_front *front, bool handle)
{
    struct listen_early *early = front->early;
    front->early = NULL;
    front->nearly = 0;
    for (struct listen_early *next; early != NULL; early = next) {
        next = early->next;
        if (handle)
            on_packet(early->hook, early->text, early->len);
        mem_free(early->text);
        mem_free(early);
    }
}

void listen_answer_committed(struct listen_front *front)
{
    take_early(front, true);
}

/* The worker has ended and is not started anew: what it has not replied to is another one's. */
static void on_end(struct listen_hook *hook)
{
    struct listen_front *front = hook->front;
    loop_fd_stop(front->loop, &hook->answers);
    hook->answer = -1;
    for (struct listen_waiting *it = front->handlers.first, *next; it != NULL; it = next) {
        next = it->next;
        if (it->hook != hook)
            continue;
        listen_waiting_remove(it);
        listen_waiting_accept(it);
    }
    rearm(front);
}

static void on_answers(void *arg, short revents)
{
    (void)revents;
    struct listen_hook *hook = arg;
    ssize_t n = -1;
    char *packet = mem_alloc(PACKET_MAX);
    for (int i = 0; i < A_TURN; i++) {
        n = recv(hook->answer, packet, PACKET_MAX, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        on_packet(hook, packet, (size_t)n);
    }
    mem_free(packet);
    if (n == 0)
        on_end(hook);
}

void listen_answer_start(struct listen_hook *hook)
{
    if (hook->answer >= 0)
        loop_fd_start(hook->front->loop, &hook->answers, hook->answer, POLLIN, on_answers, hook);
}

void listen_answer_stop(struct listen_hook *hook)
{
    loop_fd_stop(hook->front->loop, &hook->answers);
    take_early(hook->front, false);
}

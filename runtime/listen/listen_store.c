/*
 * Group commit. What is checked in a turn of the loop is stored in one transaction at the next one:
 * all that arrived while the last commit ran goes into the next, so that no request waits for
 * others, and many share one write to the disk.
 */
#include "listen_front_private.h"

#include "app.h"
#include "clock.h"
#include "mem.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define KEEP_EVERY_MS 600000
#define KEEP_AGAIN_MS 1000 /* where there is more */
#define KEEP_AT_ONCE  1000 /* rows */
#define PRINTED_MAX   ((size_t)4 * 1024 * 1024)

/* ---- what is stored ---- */

static void fill(struct store_event_new *row, const struct listen_waiting *waiting, size_t i,
                 int64_t now_ms)
{
    const struct hook_event *event = &waiting->result.events[i];
    *row = (struct store_event_new){.scope = waiting->hook->scope,
                                    .max_waiting = waiting->hook->hook->max_waiting,
                                    .id = event->id,
                                    .part = event->part,
                                    .digest = event->id_is_signed ? NULL : event->digest,
                                    .type = event->type,
                                    .order_key = event->order_key,
                                    .received_ms = now_ms,
                                    .headers = waiting->result.headers_json,
                                    .body = event->data,
                                    .body_len = event->data_len};
}

/* ---- after the commit ---- */

static void print(const struct listen_front *front, const struct store_event_new *event,
                  const struct hook *hook)
{
    char at[CLOCK_RFC3339_SIZE];
    struct buf text;
    struct err err;
    clock_format_rfc3339(event->received_ms, at, sizeof at);
    buf_create(&text, PRINTED_MAX);
    buf_printf(&text, "%s %s #%lld %s %s%s\n", at, hook->name, (long long)event->seq,
               event->type != NULL ? event->type : "-", event->id,
               event->added == STORE_EVENT_HELD_BACK ? " (held)" : "");
    buf_append(&text, event->body, event->body_len);
    buf_puts(&text, "\n\n");
    if (app_print(front->options->app, text.data, text.len, &err) != 0)
        log_msg(front->log, LOG_DEBUG, "--print: %s", err.msg);
    buf_destroy(&text);
}

static void wake(const struct listen_hook *hook)
{
    ssize_t n;
    if (hook->worker->wake[1] < 0) /* at the end */
        return;
    do /* EAGAIN: it has enough bytes there to wake up */
        n = write(hook->worker->wake[1], "", 1);
    while (n < 0 && errno == EINTR);
}

static enum listen_count counted_as(enum store_event_added added)
{
    switch (added) {
    case STORE_EVENT_STORED:
        return LISTEN_STORED;
    case STORE_EVENT_DUPLICATE:
        return LISTEN_DUPLICATE;
    case STORE_EVENT_HELD_BACK:
        return LISTEN_HELD;
    case STORE_EVENT_FULL:
        break;
    }
    return LISTEN_FULL;
}

static void say_held(struct listen_hook *hook, const struct store_event_new *event)
{
    if (listen_verdict_may_log(hook))
        log_msg(
            hook->front->log, LOG_WARN,
            "webhook '%s': event %lld is held: an earlier one has the same content, and another "
            "ID; `jeton events --retry %lld` runs it",
            hook->hook->name, (long long)event->seq, (long long)event->seq);
}

/* It was stored, or there was no room for it. */
static void answer(struct listen_front *front, struct listen_waiting *waiting)
{
    struct listen_hook *hook = waiting->hook;
    bool full = false;
    int64_t seq = 0;
    for (size_t i = 0; i < waiting->result.nevents; i++) {
        const struct store_event_new *event = &waiting->events[i];
        hook->counts[counted_as(event->added)]++;
        if (event->added == STORE_EVENT_HELD_BACK)
            say_held(hook, event);
        full = full || event->added == STORE_EVENT_FULL;
        if (event->added == STORE_EVENT_STORED && seq == 0)
            seq = event->seq;
        if (front->options->print &&
            (event->added == STORE_EVENT_STORED || event->added == STORE_EVENT_HELD_BACK))
            print(front, event, hook->hook);
    }
    if (full)
        listen_waiting_busy(waiting, LISTEN_RETRY_AFTER_FULL_S);
    else if (seq > 0 && hook->answer >= 0 && !front->stopping)
        listen_answer_wait(front, waiting, seq);
    else
        listen_waiting_accept(waiting);
    if (seq > 0)
        wake(hook);
}

/* ---- the commit ---- */

static void refuse(struct listen_front *front, struct listen_waiting *waiting,
                   const struct err *err)
{
    waiting->hook->counts[LISTEN_UNSTORED]++;
    if (err->kind == ERR_INVALID) {
        log_msg(front->log, LOG_WARN, "webhook '%s': %s", waiting->hook->hook->name, err->msg);
        listen_waiting_finish(waiting, 400, NULL, 0, "", 0);
    } else {
        listen_waiting_busy(waiting, LISTEN_RETRY_AFTER_S);
    }
}

static void say_unstored(struct listen_front *front, const struct err *err, size_t count)
{
    char line[ERR_LINE_MAX];
    if (front->stored) /* once, until it works again */
        log_msg(front->log, LOG_ERROR, "events cannot be stored (%zu refused with 503): %s", count,
                err_line(err, line));
    front->stored = false;
}

static void commit_ones(struct listen_front *front, struct listen_list *list);

/* Stores and answers all of a list. */
static void commit_list(struct listen_front *front, struct listen_list *list)
{
    struct err err;
    size_t count = 0, done = 0;
    int64_t now_ms = store_now_ms(front->store);
    for (const struct listen_waiting *it = list->first; it != NULL; it = it->next)
        count += it->result.nevents;
    struct store_event_new *rows = mem_alloc((count + 1) * sizeof *rows);
    for (const struct listen_waiting *it = list->first; it != NULL; it = it->next) {
        for (size_t i = 0; i < it->result.nevents; i++)
            fill(&rows[done++], it, i, now_ms);
    }
    int result = count > 0 ? store_event_add(front->store, rows, count, &err) : 0;
    if (result != 0 && err.kind == ERR_INVALID && list->count > 1) {
        mem_free(rows);
        commit_ones(front, list); /* one of them is bad: the others are not to suffer */
        return;
    }
    if (result == 0) {
        if (!front->stored)
            log_msg(front->log, LOG_INFO, "events can be stored again");
        front->stored = true;
        front->commits++;
        front->committed += count;
    } else if (err.kind != ERR_INVALID) {
        say_unstored(front, &err, list->count);
    }
    done = 0;
    while (list->first != NULL) {
        struct listen_waiting *waiting = list->first;
        listen_waiting_remove(list, waiting);
        size_t nevents = waiting->result.nevents;
        waiting->events = mem_alloc((nevents + 1) * sizeof *rows);
        memcpy(waiting->events, rows + done, nevents * sizeof *rows);
        done += nevents;
        if (result == 0)
            answer(front, waiting);
        else
            refuse(front, waiting, &err);
    }
    mem_free(rows);
}

static void commit_ones(struct listen_front *front, struct listen_list *list)
{
    while (list->first != NULL) {
        struct listen_list one = {0};
        struct listen_waiting *waiting = list->first;
        listen_waiting_remove(list, waiting);
        listen_waiting_append(&one, waiting);
        commit_list(front, &one);
    }
}

static void commit(void *arg)
{
    struct listen_front *front = arg;
    struct listen_list list = front->batch;
    front->batch = (struct listen_list){0};
    commit_list(front, &list);
}

void listen_store_add(struct listen_front *front, struct listen_waiting *waiting)
{
    listen_waiting_append(&front->batch, waiting);
    if (front->commit.index == 0)
        loop_timer_start(front->loop, &front->commit, 0, commit, front);
}

/* ---- retention ---- */

static int64_t prune(struct listen_front *front, const struct listen_hook *hook, struct err *err)
{
    int64_t now_ms = store_now_ms(front->store);
    const struct hook *of = hook->hook;
    const struct store_event_prune what = {.scope = hook->scope,
                                           .done_ms = now_ms - of->keep.done_ms,
                                           .dead_ms = now_ms - of->keep.dead_ms,
                                           .ids_ms = now_ms - of->keep.ids_ms,
                                           .limit = KEEP_AT_ONCE};
    return store_event_prune(front->store, &what, err);
}

void listen_store_keep(void *arg)
{
    struct listen_front *front = arg;
    bool more = false;
    for (size_t i = 0; i < front->nhooks; i++) {
        struct err err;
        int64_t changed = prune(front, &front->hooks[i], &err);
        if (changed < 0)
            log_msg(front->log, LOG_WARN, "webhook '%s': old events stay: %s",
                    front->hooks[i].hook->name, err.msg);
        more = more || changed >= KEEP_AT_ONCE;
    }
    loop_timer_start(front->loop, &front->keeping, more ? KEEP_AGAIN_MS : KEEP_EVERY_MS,
                     listen_store_keep, front);
}

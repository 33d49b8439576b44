/*
 * Group commit. What is checked in a turn of the loop is stored in one transaction at the next one:
 * all that arrived while the last commit ran goes into the next, so that no request waits for
 * others, and many share one write to the disk. The loop goes on while a state that is elsewhere
 * is asked. A large batch is stored in several transactions, and what others send between them; its
 * sender hears of the last, and where he sends it again, what is there is known.
 */
#include "listen_front_private.h"

#include "clock.h"
#include "config.h"
#include "mem.h"

#include <inttypes.h>
#include <string.h>

#define KEEP_EVERY_MS 600000
#define KEEP_AGAIN_MS 1000  /* where there is more */
#define LOOK_MS       5000  /* `jeton events --retry` is seen by then */
#define KEEP_AT_ONCE  1000  /* rows */
#define COMMIT_ROWS   250   /* together: a busy database takes seconds for them */
#define TRY_MS        10000 /* after an event that could not be stored, if no other has come */
#define UNSTORED_MS   3000  /* what /healthz waits at most, while that is so */

/* ---- what is stored ---- */

static size_t rows_of(const struct listen_waiting *waiting)
{
    return waiting->result.nevents + waiting->result.nmarks;
}

static void fill(struct store_event_new *row, const struct listen_waiting *waiting, size_t i,
                 int64_t now_ms)
{
    const struct hook_result *result = &waiting->result;
    const char *listener = waiting->hook->front->options->generation->id;
    bool skipped = i >= result->nevents;
    bool reserved = !skipped && listen_answer_reserves(waiting->hook);
    const struct hook_event *event =
        skipped ? &result->marks[i - result->nevents] : &result->events[i];
    *row = (struct store_event_new){.scope = waiting->hook->scope,
                                    .max_waiting = waiting->hook->hook->max_waiting,
                                    .id = event->id,
                                    .part = event->part,
                                    .digest = event->may_repeat ? NULL : event->digest,
                                    .skipped = skipped,
                                    .type = event->type,
                                    .order_key = event->order_key,
                                    .received_ms = now_ms,
                                    .headers = waiting->result.headers_json,
                                    .body = event->data,
                                    .body_len = event->data_len,
                                    .reserved_for = reserved ? listener : NULL,
                                    .reserved_ms = waiting->hook->hook->answer_ms};
}

/* ---- after the commit ---- */

static enum listen_count counted_as(enum store_event_added added)
{
    switch (added) {
    case STORE_EVENT_STORED:
        return LISTEN_STORED;
    case STORE_EVENT_DUPLICATE:
        return LISTEN_DUPLICATE;
    case STORE_EVENT_HELD_BACK:
    case STORE_EVENT_LEFT_OUT:
        return LISTEN_HELD;
    case STORE_EVENT_FULL:
        break;
    }
    return LISTEN_FULL;
}

static void say_held(struct listen_hook *hook, const struct store_event_new *event)
{
    if (listen_verdict_may_log(hook, LISTEN_TOLD_HELD))
        log_msg(
            hook->front->log, LOG_WARN,
            "webhook '%s': event %lld is held: an earlier one has the same content, and another "
            "ID; `jeton events --retry %lld` runs it",
            hook->hook->name, (long long)event->seq, (long long)event->seq);
}

static void say_left_out(struct listen_hook *hook)
{
    if (listen_verdict_may_log(hook, LISTEN_TOLD_HELD))
        log_msg(hook->front->log, LOG_WARN,
                "webhook '%s': an event is not kept: an earlier one has the same content, and "
                "another ID, and %d are held already (`jeton events --held`)",
                hook->hook->name, STORE_EVENT_HELD_MAX);
}

/* A sender sends what it sends again as it was; else `id` may name what several events have. */
static void say_differs(struct listen_hook *hook, const struct store_event_new *event)
{
    if (hook_rules_digest_is_of_body(&hook->hook->rules) &&
        listen_verdict_may_log(hook, LISTEN_TOLD_DIFFERS))
        log_msg(hook->front->log, LOG_WARN,
                "webhook '%s': another content came with the ID of event %" PRId64
                ", and is not handled; if it is another event, `id` of the webhook names the wrong "
                "place",
                hook->hook->name, event->seq);
}

static void say(struct listen_hook *hook, const struct store_event_new *event)
{
    if (event->added == STORE_EVENT_HELD_BACK)
        say_held(hook, event);
    else if (event->added == STORE_EVENT_LEFT_OUT)
        say_left_out(hook);
    else if (event->added == STORE_EVENT_DUPLICATE && event->differs)
        say_differs(hook, event);
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
        say(hook, event);
        full = full || event->added == STORE_EVENT_FULL;
        if (event->added == STORE_EVENT_STORED && seq == 0)
            seq = event->seq;
        if (event->added == STORE_EVENT_STORED && event->reserved_for != NULL)
            hook->reserved_ms = loop_now_ms(front->loop) + hook->hook->answer_ms;
        if (front->options->print &&
            (event->added == STORE_EVENT_STORED || event->added == STORE_EVENT_HELD_BACK))
            listen_print_event(front, event, hook->hook);
    }
    if (full && listen_verdict_may_log(hook, LISTEN_TOLD_FULL)) /* not each sender comes again */
        log_msg(front->log, LOG_WARN,
                "webhook '%s': refused with 503: max_waiting events wait (%" PRId64 ")",
                hook->hook->name, hook->hook->max_waiting);
    if (full)
        listen_waiting_busy(waiting, LISTEN_RETRY_AFTER_FULL_S);
    else if (seq > 0 && hook->answer >= 0 && !front->stopping)
        listen_answer_wait(front, waiting, seq);
    else
        listen_waiting_accept(waiting);
    if (seq > 0)
        listen_children_wake(hook->worker);
}

/* ---- the commit ---- */

static void refuse(struct listen_front *front, struct listen_waiting *waiting,
                   const struct err *err)
{
    waiting->hook->counts[LISTEN_UNSTORED]++;
    if (err->kind == ERR_INVALID) {
        if (listen_verdict_may_log(waiting->hook, LISTEN_TOLD_REFUSED))
            log_msg(front->log, LOG_WARN, "webhook '%s': refused with 400: %s",
                    waiting->hook->hook->name, err->msg);
        listen_waiting_finish(waiting, 400, NULL, 0, "", 0);
    } else {
        listen_waiting_busy(waiting, LISTEN_RETRY_AFTER_S);
    }
}

static void refuse_all(struct listen_front *front, struct listen_list *list, const struct err *err)
{
    while (list->first != NULL) {
        struct listen_waiting *waiting = list->first;
        listen_waiting_remove(waiting);
        refuse(front, waiting, err);
    }
}

static void say_unstored(struct listen_front *front, const struct err *err, size_t count)
{
    char line[ERR_LINE_MAX];
    if (front->stored) /* once, until it works again */
        log_msg(front->log, LOG_ERROR, "events cannot be stored (%zu refused with 503): %s", count,
                err_line(err, line));
    front->stored = false;
    store_patience(front->store, UNSTORED_MS);
    front->trying.due_ms = loop_now_ms(front->loop) + TRY_MS;
}

static void say_storable(struct listen_front *front)
{
    if (!front->stored)
        log_msg(front->log, LOG_INFO, "events can be stored again");
    store_patience(front->store, STORE_BUSY_MS);
    front->stored = true;
}

static void stored(struct listen_front *front, struct listen_adding *adding)
{
    size_t done = 0;
    say_storable(front);
    front->commits++;
    front->committed += adding->count;
    while (adding->list.first != NULL) {
        struct listen_waiting *waiting = adding->list.first;
        size_t nevents = rows_of(waiting);
        listen_waiting_remove(waiting);
        waiting->events = mem_alloc((nevents + 1) * sizeof *adding->rows);
        memcpy(waiting->events, adding->rows + done, nevents * sizeof *adding->rows);
        done += nevents;
        answer(front, waiting);
    }
}

/* Whoever has come meanwhile is not kept waiting for as long again. */
static void not_stored(struct listen_front *front, struct listen_adding *adding,
                       const struct err *err)
{
    struct listen_list *next = &front->adding.next;
    size_t count = adding->list.count + next->count + front->batch.count;
    if (err->kind == ERR_INVALID && adding->list.count > 1) {
        listen_waiting_move(&adding->list, next); /* the others are not to suffer */
        return;
    }
    if (adding->done > 0) /* of a large one */
        listen_children_wake(adding->list.first->hook->worker);
    if (err->kind != ERR_INVALID) {
        say_unstored(front, err, count);
        refuse_all(front, next, err);
        refuse_all(front, &front->batch, err);
    }
    refuse_all(front, &adding->list, err);
}

static void commit(void *arg);

static void plan_commit(struct listen_front *front)
{
    if (front->commit.index == 0 && front->adding.list.count == 0)
        loop_timer_start(front->loop, &front->commit, 0, commit, front);
}

static void settle(struct listen_front *front, struct listen_adding *adding)
{
    struct err err = adding->call.err;
    if (adding->call.result == 0)
        stored(front, adding);
    else
        not_stored(front, adding, &err);
    mem_free(adding->rows);
    adding->rows = NULL;
    listen_answer_committed(front);
}

static void added(struct listen_front *front)
{
    settle(front, &front->adding);
    listen_answer_release(front);
    if (front->adding.next.count > 0 || front->batch.count > 0)
        plan_commit(front);
}

static void store_part(struct listen_front *front);
static bool store_beside(struct listen_front *front);

static void part_added(void *arg)
{
    struct listen_front *front = arg;
    struct listen_adding *adding = &front->adding;
    adding->done += adding->call.result == 0 ? adding->event.count : 0;
    if (adding->call.result != 0 || adding->done == adding->count)
        added(front);
    else if (!store_beside(front))
        store_part(front);
}

/* Of one that is large; of several, which are fewer, all. */
static void store_part(struct listen_front *front)
{
    struct listen_adding *adding = &front->adding;
    size_t left = adding->count - adding->done;
    adding->event = (struct store_event_call){.added = adding->rows + adding->done,
                                              .count = left < COMMIT_ROWS ? left : COMMIT_ROWS};
    adding->call = (struct store_call){.op = STORE_EVENT_ADD, .event = &adding->event};
    store_start(front->store, &adding->call, part_added, front);
}

static void take(struct listen_adding *adding, struct listen_waiting *waiting)
{
    listen_waiting_remove(waiting);
    listen_waiting_append(&adding->list, waiting);
    adding->count += rows_of(waiting);
}

/* One that is to be alone, or what has come, as far as it is stored in time. */
static void choose(struct listen_front *front)
{
    struct listen_adding *adding = &front->adding;
    bool alone = adding->next.first != NULL;
    struct listen_list *from = alone ? &adding->next : &front->batch;
    adding->count = 0;
    while (from->first != NULL && (adding->list.count == 0 ||
                                   (!alone && adding->count + rows_of(from->first) <= COMMIT_ROWS)))
        take(adding, from->first);
}

static void fill_all(struct listen_front *front, struct listen_adding *adding)
{
    size_t done = 0;
    int64_t now_ms = store_now_ms(front->store);
    adding->rows = mem_alloc((adding->count + 1) * sizeof *adding->rows);
    for (const struct listen_waiting *it = adding->list.first; it != NULL; it = it->next) {
        for (size_t i = 0; i < rows_of(it); i++)
            fill(&adding->rows[done++], it, i, now_ms);
    }
    adding->done = 0;
    adding->call = (struct store_call){.result = 0};
}

static void commit(void *arg)
{
    struct listen_front *front = arg;
    choose(front);
    fill_all(front, &front->adding);
    if (front->adding.count > 0)
        store_part(front);
    else
        added(front);
}

static void beside_added(void *arg)
{
    struct listen_front *front = arg;
    settle(front, &front->beside);
    store_part(front);
}

/* What is small enough does not wait for the other parts. False: there is nothing. */
static bool store_beside(struct listen_front *front)
{
    struct listen_adding *beside = &front->beside;
    beside->count = 0;
    for (struct listen_waiting *it = front->batch.first, *next; it != NULL; it = next) {
        next = it->next;
        if (rows_of(it) > 0 && beside->count + rows_of(it) <= COMMIT_ROWS)
            take(beside, it);
    }
    if (beside->count == 0)
        return false;
    fill_all(front, beside);
    beside->event = (struct store_event_call){.added = beside->rows, .count = beside->count};
    beside->call = (struct store_call){.op = STORE_EVENT_ADD, .event = &beside->event};
    store_start(front->store, &beside->call, beside_added, front);
    return true;
}

/* While the state cannot be written, one request tries whether it can be again; the others are told
 * so at once. */
void listen_store_add(struct listen_front *front, struct listen_waiting *waiting)
{
    if (!front->stored && front->adding.list.count > 0) {
        refuse(front, waiting, &front->adding.call.err);
        return;
    }
    listen_waiting_append(&front->batch, waiting);
    plan_commit(front);
}

/* Its events are parts of the request's body, which goes. */
void listen_store_outlive(struct listen_front *front, struct listen_waiting *waiting)
{
    struct hook_result *result = &waiting->result;
    struct listen_adding *adding =
        waiting->list == &front->beside.list ? &front->beside : &front->adding;
    struct store_event_new *rows = adding->rows;
    struct hook_event *events = arena_alloc(&result->arena, (result->nevents + 1) * sizeof *events);
    for (const struct listen_waiting *it = adding->list.first; it != waiting; it = it->next)
        rows += rows_of(it);
    for (size_t i = 0; i < result->nevents; i++) {
        events[i] = result->events[i];
        events[i].data = arena_text(&result->arena, events[i].data, events[i].data_len);
        rows[i].body = events[i].data;
    }
    result->events = events;
}

/* ---- retention ---- */

static void keep_next(struct listen_front *front);

static void kept(void *arg)
{
    struct listen_front *front = arg;
    struct listen_keeping *keeping = &front->keeping;
    if (keeping->call.result < 0)
        log_msg(front->log, LOG_WARN, "webhook '%s': old events stay: %s",
                front->hooks[keeping->hook].hook->name, keeping->call.err.msg);
    else
        keeping->more = keeping->more || keeping->changed >= KEEP_AT_ONCE;
    keeping->hook++;
    keep_next(front);
}

static void keep_next(struct listen_front *front)
{
    struct listen_keeping *keeping = &front->keeping;
    if (keeping->hook == front->nhooks) {
        loop_timer_start(front->loop, &front->keep, keeping->more ? KEEP_AGAIN_MS : KEEP_EVERY_MS,
                         listen_store_keep, front);
        return;
    }
    const struct listen_hook *hook = &front->hooks[keeping->hook];
    const struct hook *of = hook->hook;
    int64_t now_ms = store_now_ms(front->store);
    keeping->changed = 0;
    keeping->what = (struct store_event_prune){.scope = hook->scope,
                                               .done_ms = now_ms - of->keep.done_ms,
                                               .dead_ms = now_ms - of->keep.dead_ms,
                                               .ids_ms = now_ms - of->keep.ids_ms,
                                               .limit = KEEP_AT_ONCE};
    keeping->event =
        (struct store_event_call){.prune = &keeping->what, .changed = &keeping->changed};
    keeping->call = (struct store_call){.op = STORE_EVENT_PRUNE, .event = &keeping->event};
    store_start(front->store, &keeping->call, kept, front);
}

void listen_store_keep(void *arg)
{
    struct listen_front *front = arg;
    front->keeping.hook = 0;
    front->keeping.more = false;
    keep_next(front);
}

/* ---- whether it can be stored again ---- */

static void write_key(struct listen_front *front, const char *value);

/* The key goes again: a listener has none. */
static void tried(void *arg)
{
    struct listen_front *front = arg;
    struct listen_trying *trying = &front->trying;
    if (trying->call.result != 0)
        trying->due_ms = loop_now_ms(front->loop) + TRY_MS;
    else if (trying->item.value != NULL)
        write_key(front, NULL);
    else
        say_storable(front);
}

static void write_key(struct listen_front *front, const char *value)
{
    struct listen_trying *trying = &front->trying;
    trying->item =
        (struct store_kv){.key = "tried", .value = value, .len = value != NULL ? strlen(value) : 0};
    trying->call = (struct store_call){
        .op = STORE_KV_WRITE,
        .kv = {.scope = trying->scope, .items = &trying->item, .count = 1},
    };
    store_start(front->store, &trying->call, tried, front);
}

/* Where nobody sends events as long as /healthz says that they cannot be stored, none would end
 * that: a key of our own is written. */
static void try(struct listen_front *front)
{
    struct listen_trying *trying = &front->trying;
    if (front->stored || front->adding.list.count > 0 || trying->call.store != NULL ||
        loop_now_ms(front->loop) < trying->due_ms)
        return;
    store_scope(trying->scope, "listen", config_home(front->options->generation->plan.config));
    write_key(front, "true");
}

int listen_store_open(struct listen_front *front, struct err *err)
{
    char line[ERR_LINE_MAX];
    bool is_shared = front->options->generation->plan.config->state->url != NULL;
    int result = store_open(front->store, err);
    if (result == 0 || !is_shared || err->kind != ERR_NETWORK)
        return result;
    log_msg(front->log, LOG_ERROR, "events cannot be stored: %s", err_line(err, line));
    front->stored = false;
    front->trying.due_ms = loop_now_ms(front->loop) + TRY_MS;
    return 0;
}

/* ---- what others have made ready ---- */

void listen_store_look(void *arg)
{
    struct listen_front *front = arg;
    try(front);
    listen_verdict_say_rest(front, false);
    bool changed = store_has_changed(front->store);
    for (size_t i = 0; changed && i < front->nhooks; i++)
        listen_children_wake(front->hooks[i].worker);
    loop_timer_start(front->loop, &front->look, LOOK_MS, listen_store_look, front);
}

static void drop(struct listen_adding *adding)
{
    store_cancel(&adding->call);
    while (adding->list.first != NULL) {
        struct listen_waiting *waiting = adding->list.first;
        listen_waiting_remove(waiting);
        listen_waiting_free(waiting);
    }
    mem_free(adding->rows);
}

void listen_store_stop(struct listen_front *front)
{
    store_cancel(&front->keeping.call);
    store_cancel(&front->trying.call);
    store_cancel(&front->releasing.call);
    drop(&front->adding);
    drop(&front->beside);
}

/*
 * Events of webhooks: adding, claiming, ending. Those of one webhook are added by one transaction
 * at a time, which has its row of @hook; so their numbers grow in the order in which others see
 * them. Whatever changes who is the first of an order key has the lock of that key.
 */
#include "mem.h"
#include "store_pg_event.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define TEXT(number)   #number
#define TEXT_OF(macro) TEXT(macro)
#define HELD_MAX       TEXT_OF(STORE_EVENT_HELD_MAX)
#define SHUT                                                                                       \
    "no key of `state.key` opens it; once its key is there again, `jeton events --retry` tries it"
#define THE_HOOK "(SELECT id FROM @hook WHERE key = sha256($1))"
/* How many of the webhook are open, or more, for the statements of one transaction. */
#define WAITING "jeton.waiting"
/* When the statement comes to be done, after others had the webhook's row. Whatever has become of
 * the server's clock meanwhile, not before the event was received ($8), and no later after that
 * than an operation may last (STORE_PG_CALL_MS). */
#define ADDED_MS "least(greatest($8::bigint, " STORE_PG_NOW_MS "), $8::bigint + 10000)"

/* Whatever is sent a second time, as nobody knows what became of it, is known by its mark. */
static const char *make_mark(struct store_pg_work *work)
{
    unsigned char mark[STORE_PG_MARK_SIZE];
    randombytes_buf(mark, sizeof mark);
    return arena_text(&work->texts, (const char *)mark, sizeof mark);
}

/* Adding */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All in the same order, so that nobody waits for somebody who waits for him. */
static void lock_hooks(struct store_pg_batch *batch, const struct store_event_call *add)
{
    const char **scopes = mem_alloc((add->count + 1) * sizeof *scopes);
    for (size_t i = 0; i < add->count; i++)
        scopes[i] = add->added[i].scope;
    qsort(scopes, add->count, sizeof *scopes, by_text);
    for (size_t i = 0; i < add->count; i++) {
        if (i > 0 && strcmp(scopes[i], scopes[i - 1]) == 0)
            continue;
        store_pg_say(batch, "INSERT INTO @hook (key, scope) VALUES (sha256($1), $1)"
                            " ON CONFLICT DO NOTHING");
        store_pg_scope(batch, scopes[i]);
        store_pg_say(batch, "SELECT FROM @hook WHERE key = sha256($1) FOR UPDATE");
        store_pg_scope(batch, scopes[i]);
    }
    mem_free(scopes);
}

static void lock_keys(struct store_pg_batch *batch, const struct store_event_call *add)
{
    struct buf array;
    buf_create(&array, SIZE_MAX);
    for (size_t i = 0; i < add->count; i++) {
        if (add->added[i].order_key != NULL)
            buf_printf(
                &array, "%c%lld", array.len == 0 ? '{' : ',',
                (long long)store_pg_event_lock_of(add->added[i].scope, add->added[i].order_key));
    }
    if (array.len > 0) {
        buf_putc(&array, '}');
        store_pg_say(batch, "SELECT pg_advisory_xact_lock(key) FROM"
                            " (SELECT DISTINCT key FROM unnest($1::bigint[]) AS key ORDER BY key"
                            " OFFSET 0) AS its");
        store_pg_text(batch, array.data);
    }
    buf_destroy(&array);
}

/* The hook's row has how many were open when they were counted, and those that were added since:
 * as others end meanwhile, no more than that are. They are counted anew only where that many would
 * be too many, as counting takes the longer the more there are. */
static void count_open(struct store_pg_batch *batch, const struct store_event_new *event, size_t n)
{
    store_pg_say(batch, "SELECT set_config('" WAITING "', (CASE WHEN open_most + $2::bigint"
                        " <= $3::bigint THEN open_most ELSE (SELECT count(*) FROM @event"
                        " WHERE hook = its.id AND ended_ms IS NULL) END)::text, true)"
                        " FROM @hook AS its WHERE key = sha256($1)");
    store_pg_scope(batch, event->scope);
    store_pg_int(batch, (int64_t)n);
    store_pg_int(batch, event->max_waiting);
}

static void keep_count(struct store_pg_batch *batch, const char *scope)
{
    store_pg_say(batch, "UPDATE @hook SET open_most = current_setting('" WAITING "')::bigint"
                        " WHERE key = sha256($1)");
    store_pg_scope(batch, scope);
}

/* How many of one webhook stand together, from this one on. */
static size_t together(const struct store_event_call *add, size_t from)
{
    size_t n = 1;
    while (from + n < add->count && strcmp(add->added[from].scope, add->added[from + n].scope) == 0)
        n++;
    return n;
}

/* Whoever sends a copy under an id to come does not keep out what its sender will send with it. */
static void free_id(struct store_pg_batch *batch, const struct store_event_new *event)
{
    store_pg_say(batch, "DELETE FROM @event WHERE hook = " THE_HOOK " AND id = $2 AND part = $3"
                        " AND (state = 16 OR state = 4 AND error = '" STORE_EVENT_UNHELD "'::bytea)"
                        " AND digest <> $4::bytea AND NOT EXISTS (SELECT FROM @event"
                        "  WHERE hook = " THE_HOOK " AND digest = $4::bytea)");
    store_pg_scope(batch, event->scope);
    store_pg_scope(batch, event->id);
    store_pg_int(batch, event->part);
    store_pg_bytes(batch, event->digest, event->digest != NULL ? STORE_EVENT_DIGEST : 0);
}

/* Three statements: a held one gives the id free; one of this id is counted; else it is inserted.
 */
static void add_one(struct store_pg_batch *batch, const struct store_event_new *event,
                    const char *mark)
{
    const char *owner = store_pg_event_owner(&batch->texts, event->scope, event->id, event->part);
    free_id(batch, event);
    store_pg_say(batch, "UPDATE @event SET duplicates = duplicates + CASE WHEN made = $4"
                        " OR again IS NOT DISTINCT FROM $4 THEN 0 ELSE 1 END,"
                        " again = CASE WHEN made = $4 THEN again ELSE $4 END WHERE hook = " THE_HOOK
                        " AND id = $2 AND part = $3 RETURNING seq, made = $4, state,"
                        " digest <> $5::bytea");
    store_pg_scope(batch, event->scope);
    store_pg_scope(batch, event->id);
    store_pg_int(batch, event->part);
    store_pg_bytes(batch, mark, STORE_PG_MARK_SIZE);
    store_pg_bytes(batch, event->digest, event->digest != NULL ? STORE_EVENT_DIGEST : 0);

    store_pg_say(
        batch,
        "WITH its AS (SELECT " THE_HOOK " AS hook),"
        " same AS (SELECT seq FROM @event WHERE hook = " THE_HOOK " AND digest = $4::bytea"
        "  LIMIT 1),"
        " added AS (INSERT INTO @event (hook, id, part, digest, type, order_key, order_lock,"
        "  state, received_ms, next_ms, ended_ms, attempt, conflicts, duplicates, alone, error,"
        "  headers, body, made, reserved_for, reserved_until_ms)"
        "  SELECT its.hook, $2::bytea, $3::bigint, $4::bytea, $5::bytea, $6::bytea, $7::bigint,"
        "  CASE WHEN same.seq IS NULL THEN 1 ELSE 16 END, $8::bigint,"
        "  CASE WHEN same.seq IS NULL AND NOT EXISTS (SELECT FROM @event AS other"
        "   WHERE other.hook = its.hook AND other.order_key = $6::bytea"
        "   AND other.ended_ms IS NULL) THEN $8::bigint END,"
        "  CASE WHEN same.seq IS NOT NULL THEN $8::bigint END, 0, 0, 0, false,"
        "  CASE WHEN same.seq IS NOT NULL THEN $9::bytea END, $10::bytea, $11::bytea, $12::bytea,"
        "  CASE WHEN same.seq IS NULL THEN $14::text END,"
        "  CASE WHEN same.seq IS NULL THEN $15::bigint + " ADDED_MS " END"
        "  FROM its LEFT JOIN same ON true WHERE NOT EXISTS (SELECT FROM @event AS other"
        "   WHERE other.hook = its.hook AND other.id = $2::bytea AND other.part = $3::bigint)"
        "  AND CASE WHEN same.seq IS NULL THEN current_setting('" WAITING "')::bigint < $13::bigint"
        "   ELSE (SELECT count(*) FROM (SELECT FROM @event AS other"
        "    WHERE other.hook = its.hook AND other.state = 16 LIMIT " HELD_MAX ") AS held)"
        "    < " HELD_MAX " END RETURNING seq, state)"
        " SELECT added.seq, added.state, same.seq, set_config('" WAITING "',"
        "  (current_setting('" WAITING "')::bigint"
        "   + CASE WHEN added.state = 1 THEN 1 ELSE 0 END)::text, true)"
        " FROM its LEFT JOIN same ON true LEFT JOIN added ON true");
    store_pg_scope(batch, event->scope);
    store_pg_scope(batch, event->id);
    store_pg_int(batch, event->part);
    store_pg_bytes(batch, event->digest, event->digest != NULL ? STORE_EVENT_DIGEST : 0);
    store_pg_scope(batch, event->type);
    store_pg_scope(batch, event->order_key);
    store_pg_time(batch, event->order_key != NULL
                             ? store_pg_event_lock_of(event->scope, event->order_key)
                             : STORE_NONE);
    store_pg_int(batch, event->received_ms);
    store_pg_scope(batch, STORE_EVENT_SAME);
    store_pg_sealed(batch, STORE_PG_EVENT_HEADERS, owner, event->headers, strlen(event->headers));
    store_pg_sealed(batch, STORE_PG_EVENT_BODY, owner, event->body_len > 0 ? event->body : "",
                    event->body_len);
    store_pg_bytes(batch, mark, STORE_PG_MARK_SIZE);
    store_pg_int(batch, event->max_waiting);
    store_pg_text(batch, event->reserved_for);
    store_pg_time(batch, event->reserved_for != NULL ? event->reserved_ms : STORE_NONE);
}

/* One statement. */
static void add_skipped(struct store_pg_batch *batch, const struct store_event_new *event,
                        const char *mark)
{
    store_pg_say(
        batch, "INSERT INTO @event (hook, id, part, digest, type, state, received_ms, ended_ms,"
               " attempt, conflicts, duplicates, alone, error, made) VALUES (" THE_HOOK ", $2, $3,"
               " $4, $5, 4, $6, $6, 0, 0, 0, false, '" STORE_EVENT_SKIPPED "'::bytea, $7)"
               " ON CONFLICT DO NOTHING");
    store_pg_scope(batch, event->scope);
    store_pg_scope(batch, event->id);
    store_pg_int(batch, event->part);
    store_pg_bytes(batch, event->digest, STORE_EVENT_DIGEST);
    store_pg_scope(batch, event->type);
    store_pg_int(batch, event->received_ms);
    store_pg_bytes(batch, mark, STORE_PG_MARK_SIZE);
}

static int add(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_call *add = work->call->event;
    (void)err;
    lock_hooks(batch, add);
    lock_keys(batch, add);
    work->step = batch->count;
    for (size_t i = 0, n; i < add->count; i += n) {
        n = together(add, i);
        count_open(batch, &add->added[i], n);
        for (size_t k = i; k < i + n; k++)
            (add->added[k].skipped ? add_skipped : add_one)(batch, &add->added[k], make_mark(work));
        keep_count(batch, add->added[i].scope);
    }
    return 0;
}

/* From the results of its statements; how many they are. */
static size_t added_one(struct store_pg_batch *batch, size_t at, struct store_event_new *event)
{
    event->added = STORE_EVENT_STORED;
    event->seq = 0;
    event->differs = false;
    if (event->skipped)
        return 1;
    at++; /* free_id */
    bool known = store_pg_rows(batch, at) > 0;
    bool stored = !known && store_pg_get(batch, at + 1, 0, 0) != NULL;
    bool mine = stored || (known && store_pg_get_true(batch, at, 0, 1));
    int64_t state = store_pg_get_int(batch, known ? at : at + 1, 0, known ? 2 : 1, 0);
    bool same = !known && store_pg_get(batch, at + 1, 0, 2) != NULL;
    event->seq = store_pg_get_int(batch, known ? at : at + 1, 0, known || stored ? 0 : 2, 0);
    event->differs = known && store_pg_get_true(batch, at, 0, 3);
    if (mine)
        event->added = state == STORE_EVENT_HELD ? STORE_EVENT_HELD_BACK : STORE_EVENT_STORED;
    else if (known)
        event->added = STORE_EVENT_DUPLICATE;
    else
        event->added = same ? STORE_EVENT_LEFT_OUT : STORE_EVENT_FULL;
    return 3;
}

static int added(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_call *add = work->call->event;
    size_t at = work->step;
    (void)err;
    for (size_t i = 0, n; i < add->count; i += n) {
        n = together(add, i);
        at++; /* count_open */
        for (size_t k = 0; k < n; k++)
            at += added_one(batch, at, &add->added[i + k]);
        at++; /* keep_count */
    }
    return 0;
}

/* Claiming */

/* What became of a claim that was given up, nobody knows: it may be done later still, for an owner
 * that lives and knows nothing of it. So the next ones have its mark, and bring what it has taken.
 */
static const char *claim_mark(struct store_pg_work *work)
{
    struct store_pg *pg = work->pg;
    if (!pg->claims)
        randombytes_buf(pg->claim_mark, sizeof pg->claim_mark);
    pg->claims = true;
    return arena_text(&work->texts, (const char *)pg->claim_mark, sizeof pg->claim_mark);
}

/* Not reserved for another listener. */
#define FREE(listener)                                                                             \
    " AND (reserved_for IS NULL OR reserved_for = " listener "::text"                              \
    " OR reserved_until_ms <= $3::bigint)"
#define CLAIM(free, released)                                                                      \
    "WITH due AS (SELECT seq, next_ms, alone FROM @event WHERE hook = " THE_HOOK                   \
    "  AND next_ms <= $3::bigint" free                                                             \
    "  AND NOT EXISTS (SELECT FROM @event WHERE owner = $2::text AND last = $5::bytea)"            \
    "  ORDER BY next_ms, seq LIMIT $4::bigint FOR UPDATE SKIP LOCKED),"                            \
    " counted AS (SELECT seq, alone, row_number() OVER (ORDER BY next_ms, seq) AS n FROM due)"     \
    " UPDATE @event AS event SET state = 2, owner = $2::text, next_ms = NULL,"                     \
    " attempt = attempt + 1, last = $5::bytea" released " FROM counted"                            \
    " WHERE event.seq = counted.seq AND (n = 1"                                                    \
    "  OR n < coalesce((SELECT min(n) FROM counted WHERE alone), n + 1))"
#define DUE       " FROM @event WHERE hook = " THE_HOOK " AND next_ms IS NOT NULL"
#define NEXT_FREE "SELECT next_ms" DUE FREE("$2") " ORDER BY next_ms LIMIT 1"
#define NEXT_RESERVED                                                                              \
    "SELECT min(reserved_until_ms)" DUE " AND next_ms <= $3::bigint AND reserved_for <> $2::text"

/* When the next one is due. Those that are reserved for others are so at the end of that. They are
 * looked for only where no other one waits, as all that are due are such then, and few: their
 * senders wait. */
static void say_next(struct store_pg_batch *batch, const struct store_event_claim *claim)
{
    if (claim->listener == NULL) {
        store_pg_say(batch, "SELECT next_ms" DUE " ORDER BY next_ms LIMIT 1");
        store_pg_scope(batch, claim->scope);
        return;
    }
    store_pg_say(batch, "WITH free AS (SELECT (" NEXT_FREE ") AS next_ms)"
                        " SELECT CASE WHEN next_ms <= $3::bigint THEN next_ms"
                        " ELSE least(next_ms, (" NEXT_RESERVED ")) END FROM free");
    store_pg_scope(batch, claim->scope);
    store_pg_text(batch, claim->listener);
    store_pg_int(batch, claim->now_ms);
}

/* Up to the first that is to be run alone. It must be durable: a server that has lost it would give
 * the event to somebody else while its handler goes on. */
static void claim_some(struct store_pg_work *work, struct store_pg_batch *batch)
{
    const struct store_event_claim *claim = work->call->event->claim;
    const char *mark = claim_mark(work);
    store_pg_say(batch, claim->listener == NULL
                            ? CLAIM("", "")
                            : CLAIM(FREE("$6"), ", reserved_for = NULL, reserved_until_ms = NULL"));
    store_pg_scope(batch, claim->scope);
    store_pg_text(batch, claim->owner);
    store_pg_int(batch, claim->now_ms);
    store_pg_int(batch, (int64_t)claim->max);
    store_pg_bytes(batch, mark, STORE_PG_MARK_SIZE);
    if (claim->listener != NULL)
        store_pg_text(batch, claim->listener);
    store_pg_say(batch, "SELECT " STORE_PG_EVENT ", headers, body FROM @event AS event"
                        " JOIN @hook AS its ON its.id = event.hook"
                        " WHERE owner = $1 AND last = $2 ORDER BY seq");
    store_pg_text(batch, claim->owner);
    store_pg_bytes(batch, mark, STORE_PG_MARK_SIZE);
    say_next(batch, claim);
}

/* Ending */

/* Whether it was ended here is told to the statements that follow: STORE_PG_KV_GUARD. */
static void end_row(struct store_pg_batch *batch, const struct store_event_end *end,
                    const char *mark)
{
    bool again = end->state == STORE_EVENT_READY;
    store_pg_say(
        batch,
        "WITH ended AS (UPDATE @event AS event SET state = $1::smallint,"
        "  next_ms = CASE WHEN NOT EXISTS (SELECT FROM @event AS its WHERE its.hook = event.hook"
        "   AND its.order_key = event.order_key AND its.ended_ms IS NULL"
        "   AND its.seq < event.seq) THEN $2::bigint END,"
        "  ended_ms = $3::bigint, attempt = attempt - $4::bigint,"
        "  conflicts = conflicts + $5::bigint, alone = $6::boolean, owner = NULL,"
        "  error = coalesce($7::bytea, CASE WHEN $1::smallint = 1 THEN error END),"
        "  last = $11::bytea WHERE seq = $8::bigint AND owner = $9::text"
        "  AND attempt = $10::bigint AND state = 2 RETURNING 1)"
        " SELECT set_config('" STORE_PG_KV_ENDED "', (SELECT count(*) FROM ended)::text, true),"
        " (SELECT last = $11::bytea FROM @event WHERE seq = $8::bigint)");
    store_pg_int(batch, end->state);
    store_pg_time(batch, again ? end->next_ms : STORE_NONE);
    store_pg_time(batch, again ? STORE_NONE : end->now_ms);
    store_pg_int(batch, again && end->uncounted ? 1 : 0);
    store_pg_int(batch, end->conflicted ? 1 : 0);
    store_pg_text(batch, again && end->alone ? "true" : "false");
    store_pg_scope(batch, end->error);
    store_pg_int(batch, end->seq);
    store_pg_text(batch, end->owner);
    store_pg_int(batch, end->attempt);
    store_pg_bytes(batch, mark, STORE_PG_MARK_SIZE);
}

/* Those that no key opens die by themselves; the others are handled. */
static void end_shut(struct store_pg_work *work, struct store_pg_batch *batch)
{
    const struct store_event_claim *claim = work->call->event->claim;
    const struct store_events *events = work->call->event->events;
    for (size_t i = 0; i < events->count; i++) {
        const struct store_event *event = &events->items[i];
        const struct store_event_end end = {.seq = event->seq,
                                            .owner = claim->owner,
                                            .attempt = event->attempt,
                                            .state = STORE_EVENT_DEAD,
                                            .now_ms = claim->now_ms,
                                            .error = SHUT};
        if (!event->shut)
            continue;
        store_pg_event_lock(batch, end.seq);
        end_row(batch, &end, make_mark(work));
        store_pg_event_next(batch, end.seq, end.now_ms);
    }
}

static int claim(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    if (work->round == 0)
        claim_some(work, batch);
    else
        end_shut(work, batch);
    return 0;
}

static int claimed(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_call *call = work->call->event;
    struct store_events *events = call->events;
    size_t kept = 0;
    if (work->round == 0 && store_pg_event_rows(batch, 1, true, events, err) != 0)
        return STORE_PG_MORE;
    if (work->round == 0)
        *call->next_ms = store_pg_get_int(batch, 2, 0, 0, STORE_NONE);
    else
        *call->next_ms = call->claim->now_ms; /* whoever waited for one that is dead now */
    work->pg->claims = work->round == 0 && events->count == 0;
    for (size_t i = 0; i < events->count; i++) {
        if (events->items[i].shut)
            continue;
        events->items[kept] = events->items[i];
        events->items[kept++].owner = NULL;
    }
    events->count = kept;
    if (kept == 0) /* nobody frees what has no items */
        store_events_destroy(events);
    return 0;
}

static void claim_ended(struct store_pg_work *work, struct err *err)
{
    if (err != NULL)
        store_events_destroy(work->call->event->events);
}

static int end(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_end *end = work->call->event->end;
    store_pg_event_lock(batch, end->seq);
    end_row(batch, end, make_mark(work));
    store_pg_event_next(batch, end->seq, end->now_ms);
    if (end->state != STORE_EVENT_DONE)
        return 0;
    store_pg_say(batch, "DELETE FROM @step WHERE seq = $1" STORE_PG_KV_GUARD);
    store_pg_int(batch, end->seq);
    const struct store_call keys = {.kv = {.scope = end->scope,
                                           .items = end->items,
                                           .count = end->count,
                                           .seen = end->seen,
                                           .nseen = end->nseen}};
    return end->count > 0 || end->nseen > 0 ? store_pg_kv_put(batch, &keys, err) : 0;
}

static int ended(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)work;
    (void)err;
    bool is_mine = store_pg_get_int(batch, 1, 0, 0, 0) > 0 || store_pg_get_true(batch, 1, 0, 1);
    return is_mine ? STORE_EVENT_ENDED : STORE_EVENT_LOST;
}

const struct store_pg_op store_pg_event_add = {.ask = add, .take = added};
const struct store_pg_op store_pg_event_claim = {
    .ask = claim, .take = claimed, .ended = claim_ended};
const struct store_pg_op store_pg_event_end = {
    .ask = end, .take = ended, .changed = STORE_EVENT_CONFLICT};

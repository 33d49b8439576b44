/* Events of webhooks on PostgreSQL: reading, steps, what is done by hand, retention. */
#include "mem.h"
#include "store_home.h"
#include "store_pg_event.h"

#include <sodium.h>
#include <string.h>

#define PAGE_DEAD   100 /* of those that are all to be tried again, in one transaction */
#define THE_HOOK    "(SELECT id FROM @hook WHERE key = sha256($1))"
#define PRUNE_STEPS 6

/* Reading */

/* The webhooks that are asked for, as an array in SQL, of all that there are. */
static const char *hooks_among(struct store_pg_work *work, struct store_pg_batch *batch)
{
    const struct store_event_filter *filter = work->call->event->filter;
    struct buf array;
    buf_create(&array, SIZE_MAX);
    buf_putc(&array, '{');
    for (int row = 0; row < store_pg_rows(batch, 0); row++) {
        size_t len, name_len = 0;
        const char *scope = store_pg_get_bytes(batch, 0, row, 1, &len);
        if (scope == NULL)
            continue;
        const char *home = store_home_of(scope), *name = store_event_hook(scope, &name_len);
        if ((filter->scope != NULL && strcmp(filter->scope, scope) != 0) ||
            store_event_is_excepted(filter, scope) ||
            (filter->homes != NULL && (home == NULL || !store_home_among(home, filter->homes))) ||
            (filter->hook != NULL && (name == NULL || strlen(filter->hook) != name_len ||
                                      strncmp(filter->hook, name, name_len) != 0)))
            continue;
        buf_printf(&array, "%s%s", array.len > 1 ? "," : "", store_pg_get(batch, 0, row, 0));
    }
    buf_putc(&array, '}');
    const char *text = arena_text(&work->texts, array.data, array.len);
    buf_destroy(&array);
    return text;
}

/* Of each webhook by itself, so that an index has the newest in its order. */
static void say_list(struct store_pg_batch *batch, const struct store_event_filter *filter)
{
    struct buf sql;
    buf_create(&sql, BUF_LIMIT_LINE);
    buf_printf(&sql,
               "WITH given AS (SELECT $3::bigint) SELECT " STORE_PG_EVENT ", %s, %s"
               " FROM unnest($1::bigint[]) AS mine (id) JOIN @hook AS its ON its.id = mine.id"
               " CROSS JOIN LATERAL (SELECT * FROM @event AS one WHERE " STORE_PG_OF(
                   "hook", "seq",
                   "its.id") " AND (state <> 4 OR error IS DISTINCT FROM '" STORE_EVENT_SKIPPED
                             "'::bytea)%s%s",
               filter->content ? "headers, body" : "NULL, NULL",
               filter->orphaned ? "(SELECT host FROM @lease WHERE kind = " STORE_PG_RUN_LEASE_SQL
                                  " AND key = sha256(convert_to(event.owner, 'UTF8'))"
                                  " AND until > clock_timestamp())"
                                : "NULL",
               filter->seq != 0 ? " AND seq = $3" : "",
               filter->orphaned ? " AND owner IS NOT NULL" : "");
    if (filter->states != 0) {
        const char *before = " AND state IN (";
        for (unsigned state = STORE_EVENT_READY; state <= STORE_EVENT_HELD; state *= 2) {
            if ((filter->states & state) == 0)
                continue;
            buf_printf(&sql, "%s%u", before, state);
            before = ", ";
        }
        buf_puts(&sql, (filter->states & ~(unsigned)(STORE_EVENT_READY | STORE_EVENT_RUNNING)) == 0
                           ? ") AND ended_ms IS NULL"
                           : ")");
    }
    buf_puts(&sql, STORE_PG_NEWEST("hook", "seq") " LIMIT $2::bigint) AS event"
                                                  " ORDER BY event.seq DESC LIMIT $2::bigint");
    store_pg_say(batch, sql.data);
    buf_destroy(&sql);
}

static int list(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_filter *filter = work->call->event->filter;
    (void)err;
    if (work->round == 0) {
        store_pg_say(batch, "SELECT id, scope FROM @hook");
        return 0;
    }
    say_list(batch, filter);
    store_pg_text(batch, work->last);
    if (filter->limit > 0)
        store_pg_int(batch, filter->limit);
    else
        store_pg_text(batch, NULL);
    store_pg_int(batch, filter->seq);
    return 0;
}

/* The holder of a lease is alive; on this host only as long as the kernel knows of it. */
static bool is_orphaned(struct store_pg_batch *batch, int row, const char *owner)
{
    const char *host = store_pg_get(batch, 0, row, 18);
    return host == NULL || (strcmp(host, batch->pg->host) == 0 &&
                            !store_flock_run_is_held(batch->pg->place.folder, owner));
}

static int listed(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_filter *filter = work->call->event->filter;
    struct store_events *events = work->call->event->events;
    if (work->round == 0) {
        work->last = hooks_among(work, batch);
        return STORE_PG_MORE;
    }
    if (store_pg_event_rows(batch, 0, filter->content, events, err) != 0) {
        store_events_destroy(events);
        return -1;
    }
    size_t kept = 0;
    for (size_t i = 0; i < events->count && filter->orphaned; i++) {
        if (is_orphaned(batch, (int)i, events->items[i].owner))
            events->items[kept++] = events->items[i];
    }
    events->count = filter->orphaned ? kept : events->count;
    return 0;
}

static int count(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "SELECT count(*) FILTER (WHERE owner IS NULL), count(owner),"
                        " min(received_ms) FILTER (WHERE owner IS NULL),"
                        " (SELECT count(*) FROM @event WHERE hook = " THE_HOOK " AND state = 8),"
                        " (SELECT count(*) FROM @event WHERE hook = " THE_HOOK " AND state = 16)"
                        " FROM @event WHERE hook = " THE_HOOK " AND ended_ms IS NULL");
    store_pg_scope(batch, work->call->event->scope);
    return 0;
}

static int counted(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    *work->call->event->counted = (struct store_event_count){
        .ready = store_pg_get_int(batch, 0, 0, 0, 0),
        .running = store_pg_get_int(batch, 0, 0, 1, 0),
        .oldest_ms = store_pg_get_int(batch, 0, 0, 2, STORE_NONE),
        .dead = store_pg_get_int(batch, 0, 0, 3, 0),
        .held = store_pg_get_int(batch, 0, 0, 4, 0),
    };
    return 0;
}

/* Steps */

static const char *step_owner(struct arena *arena, int64_t seq, const char *name)
{
    char *text = mem_printf("%lld %s", (long long)seq, name);
    const char *owner = arena_text(arena, text, strlen(text));
    mem_free(text);
    return owner;
}

static int get_step(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "SELECT result FROM @step WHERE seq = $1 AND name = $2");
    store_pg_int(batch, work->call->event->seq);
    store_pg_scope(batch, work->call->event->name);
    return 0;
}

static int got_step(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_call *get = work->call->event;
    const char *owner = step_owner(&batch->texts, get->seq, get->name), *text;
    size_t len = 0;
    if (store_pg_rows(batch, 0) == 0)
        return 0;
    if (store_pg_get_sealed(batch, 0, 0, 0, STORE_PG_STEP, owner, &text, &len, err) != 0)
        return -1;
    if (buf_append(get->result, text, len) != 0)
        return err_set(err, ERR_INVALID, "step '%s': a result of over %zu bytes", get->name,
                       get->result->limit);
    return 1;
}

/* Under the row of the event, so that nobody claims it meanwhile. */
static int put_step(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_call *put = work->call->event;
    (void)err;
    store_pg_say(batch,
                 "WITH its AS (SELECT seq FROM @event WHERE seq = $3::bigint AND owner = $4::text"
                 "  AND attempt = $5::bigint AND state = 2 FOR SHARE),"
                 " put AS (INSERT INTO @step (seq, name, result)"
                 "  SELECT seq, $1::bytea, $2::bytea FROM its"
                 "  WHERE (SELECT count(*) FROM @step WHERE seq = $3::bigint) < $6::bigint"
                 "  ON CONFLICT (seq, name) DO UPDATE SET result = excluded.result RETURNING 1)"
                 " SELECT (SELECT count(*) FROM its), (SELECT count(*) FROM put)");
    store_pg_scope(batch, put->name);
    store_pg_sealed(batch, STORE_PG_STEP, step_owner(&batch->texts, put->end->seq, put->name),
                    put->value, put->len);
    store_pg_int(batch, put->end->seq);
    store_pg_text(batch, put->end->owner);
    store_pg_int(batch, put->end->attempt);
    store_pg_int(batch, STORE_STEPS_MAX);
    return 0;
}

static int step_put(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)work;
    if (store_pg_get_int(batch, 0, 0, 0, 0) == 0)
        return STORE_EVENT_LOST;
    return store_pg_get_int(batch, 0, 0, 1, 0) > 0
               ? 0
               : err_set(err, ERR_INVALID, "an event has over %d steps", STORE_STEPS_MAX);
}

/* By hand */

/* More will be open than were added. Before all others, as whoever adds locks it first. */
static void forget_count(struct store_pg_batch *batch, int64_t seq)
{
    store_pg_say(batch, "UPDATE @hook SET open_most = NULL WHERE id ="
                        " (SELECT hook FROM @event WHERE seq = $1)");
    store_pg_int(batch, seq);
}

/* Of an order key it may be before the one that was the first until now, which waits then; who is
 * the next of the key is found at the end. Sent again, it does not take back what has been done
 * with the event since. The last of its statements but that counts it. */
static void retry_one(struct store_pg_batch *batch, int64_t seq, int64_t now_ms, const char *mark)
{
    store_pg_event_lock(batch, seq);
    store_pg_say(
        batch, "WITH its AS (SELECT hook, order_key FROM @event WHERE seq = $1 AND state <> 2"
               "  AND body IS NOT NULL AND retried IS DISTINCT FROM $2)"
               " UPDATE @event SET next_ms = NULL WHERE seq = (SELECT seq FROM @event"
               "  WHERE hook = (SELECT hook FROM its) AND order_key >= (SELECT order_key FROM its)"
               "  AND order_key <= (SELECT order_key FROM its)"
               "  AND ended_ms IS NULL ORDER BY order_key, seq LIMIT 1)"
               " AND next_ms IS NOT NULL AND seq > $1");
    store_pg_int(batch, seq);
    store_pg_bytes(batch, mark, STORE_PG_MARK_SIZE);
    store_pg_say(batch,
                 "WITH changed AS (UPDATE @event AS event SET state = 1, attempt = 0,"
                 "  conflicts = 0, alone = false, error = NULL, ended_ms = NULL,"
                 "  reserved_for = NULL, reserved_until_ms = NULL, retried = $3::bytea,"
                 "  next_ms = CASE WHEN order_key IS NULL THEN $2::bigint END"
                 "  WHERE seq = $1::bigint AND state <> 2"
                 "  AND body IS NOT NULL AND retried IS DISTINCT FROM $3::bytea RETURNING 1)"
                 " SELECT 1 FROM changed UNION ALL SELECT 1 FROM @event WHERE seq = $1::bigint"
                 " AND retried = $3::bytea");
    store_pg_int(batch, seq);
    store_pg_int(batch, now_ms);
    store_pg_bytes(batch, mark, STORE_PG_MARK_SIZE);
    store_pg_event_next(batch, seq, now_ms);
}

#define RETRY_STATEMENTS 4
#define RETRY_CHANGED    2 /* of them */

/* By number: one. Else page after page of the dead ones, the oldest first: work->step is how many
 * the page has; 0: it is to be read. */
static int retry(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_call *retry = work->call->event;
    unsigned char mark[STORE_PG_MARK_SIZE];
    (void)err;
    randombytes_buf(mark, sizeof mark);
    if (work->seqs == NULL)
        work->seqs = arena_alloc(&work->texts, PAGE_DEAD * sizeof *work->seqs);
    if (retry->seq != 0) {
        work->step = 1;
        forget_count(batch, retry->seq);
        retry_one(batch, retry->seq, retry->now_ms, (const char *)mark);
        return 0;
    }
    if (work->step == 0) {
        store_pg_say(batch, "SELECT seq FROM @event WHERE hook = " THE_HOOK " AND state = 8"
                            " AND seq > $2 ORDER BY seq LIMIT $3");
        store_pg_scope(batch, retry->scope);
        store_pg_int(batch, work->seqs[0]);
        store_pg_int(batch, PAGE_DEAD);
        return 0;
    }
    forget_count(batch, work->seqs[0]);
    for (size_t i = 0; i < work->step; i++)
        retry_one(batch, work->seqs[i], retry->now_ms, (const char *)mark);
    return 0;
}

static int retried(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    if (work->step == 0) {
        int rows = store_pg_rows(batch, 0);
        rows = rows < PAGE_DEAD ? rows : PAGE_DEAD;
        for (int row = 0; row < rows; row++)
            work->seqs[row] = store_pg_get_int(batch, 0, row, 0, 0);
        work->step = (size_t)rows;
        return rows > 0 ? STORE_PG_MORE : 0;
    }
    for (size_t i = 0; i < work->step; i++)
        *work->call->event->changed +=
            store_pg_rows(batch, 1 + i * RETRY_STATEMENTS + RETRY_CHANGED) > 0 ? 1 : 0;
    if (work->call->event->seq != 0)
        return 0;
    work->seqs[0] = work->seqs[work->step - 1];
    work->step = 0;
    return STORE_PG_MORE;
}

static int drop(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_event_call *drop = work->call->event;
    (void)err;
    store_pg_event_lock(batch, drop->seq);
    store_pg_say(batch,
                 "WITH dropped AS (UPDATE @event SET ended_ms = coalesce(ended_ms, $2::bigint),"
                 "  next_ms = NULL, reserved_for = NULL, reserved_until_ms = NULL,"
                 "  error = CASE state WHEN 4 THEN error WHEN 16 THEN $4::bytea ELSE $3::bytea END,"
                 "  state = 4, headers = NULL, body = NULL WHERE seq = $1::bigint AND state <> 2"
                 "  RETURNING seq), gone AS (DELETE FROM @step WHERE seq IN (SELECT seq FROM"
                 "  dropped)) SELECT seq FROM dropped");
    store_pg_int(batch, drop->seq);
    store_pg_int(batch, drop->now_ms);
    store_pg_scope(batch, STORE_EVENT_DROPPED);
    store_pg_scope(batch, STORE_EVENT_UNHELD);
    store_pg_event_next(batch, drop->seq, drop->now_ms);
    return 0;
}

static int dropped(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    *work->call->event->changed = store_pg_rows(batch, 1);
    return 0;
}

/* Retention */

#define THOSE                                                                                      \
    "WITH those AS (SELECT seq FROM @event WHERE hook = " THE_HOOK " AND state = $2::smallint"     \
    " AND ended_ms < $3::bigint"
#define SOME " ORDER BY ended_ms LIMIT $4::bigint FOR UPDATE SKIP LOCKED)"

/* In turn, of those that are done, dead, held: what is in them; then the rows. */
static int prune(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    static const int states[] = {STORE_EVENT_DONE, STORE_EVENT_DEAD, STORE_EVENT_HELD};
    const struct store_event_prune *what = work->call->event->prune;
    int state = states[work->step / 2];
    bool whole = work->step % 2 != 0;
    int64_t body_ms = state == STORE_EVENT_DONE ? what->done_ms : what->dead_ms;
    int64_t row_ms = what->ids_ms < body_ms ? what->ids_ms : body_ms;
    (void)err;
    /* Few rows of many, whatever the server believes without statistics. */
    store_pg_say(batch, "SELECT set_config('enable_seqscan', 'off', true)");
    store_pg_say(batch,
                 whole ? THOSE " AND ended_ms IS NOT NULL" SOME ", gone AS (DELETE FROM @step"
                               " WHERE seq IN (SELECT seq FROM those)) DELETE FROM @event"
                               " WHERE seq IN (SELECT seq FROM those) RETURNING 1"
                       : THOSE " AND ended_ms IS NOT NULL AND body IS NOT NULL" SOME
                               ", gone AS (DELETE FROM @step WHERE seq IN (SELECT seq FROM those))"
                               " UPDATE @event SET headers = NULL, body = NULL"
                               " WHERE seq IN (SELECT seq FROM those) RETURNING 1");
    store_pg_scope(batch, what->scope);
    store_pg_int(batch, state);
    store_pg_int(batch, whole ? row_ms : body_ms);
    store_pg_int(batch, what->limit - *work->call->event->changed);
    return 0;
}

static int pruned(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    *work->call->event->changed += store_pg_rows(batch, 1);
    return ++work->step == PRUNE_STEPS ? 0 : STORE_PG_MORE;
}

/* The end of a listener */

/* Whoever has locked one may be claiming it or trying it again, and it is reserved no more. Or it
 * is locked because of another one, whose end makes it its turn, or that is to be run alone, and
 * still is: so it is looked whether some are left. */
static int release(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "UPDATE @event SET reserved_for = NULL, reserved_until_ms = NULL"
                        " WHERE seq IN (SELECT seq FROM @event WHERE hook = " THE_HOOK
                        "  AND ended_ms IS NULL AND reserved_for = $2 FOR UPDATE SKIP LOCKED)");
    store_pg_scope(batch, work->call->event->scope);
    store_pg_text(batch, work->call->event->listener);
    store_pg_say(batch, "SELECT FROM @event WHERE hook = " THE_HOOK
                        " AND ended_ms IS NULL AND state = 1 AND reserved_for = $2 LIMIT 1");
    store_pg_scope(batch, work->call->event->scope);
    store_pg_text(batch, work->call->event->listener);
    return 0;
}

static int released(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)work, (void)err;
    return store_pg_rows(batch, 1) > 0 ? 1 : 0;
}

const struct store_pg_op store_pg_event_list = {.ask = list, .take = listed};
const struct store_pg_op store_pg_event_count = {.ask = count, .take = counted};
const struct store_pg_op store_pg_step_get = {.ask = get_step, .take = got_step};
const struct store_pg_op store_pg_step_put = {.ask = put_step, .take = step_put};
const struct store_pg_op store_pg_event_retry = {.ask = retry, .take = retried};
const struct store_pg_op store_pg_event_drop = {.ask = drop, .take = dropped};
const struct store_pg_op store_pg_event_prune = {.ask = prune, .take = pruned};
const struct store_pg_op store_pg_event_release = {.ask = release, .take = released};

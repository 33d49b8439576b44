/* Events of webhooks: adding, claiming, ending. */
#include "mem.h"
#include "store_sqlite.h"

#include <string.h>

#define SET_BACK_MS 1000 /* of the clock; less may be a correction, or another process's look */
/* Of its order key, one that was stored before it is open. */
#define EARLIER                                                                                    \
    "EXISTS (SELECT 1 FROM event AS its WHERE its.scope = event.scope"                             \
    " AND its.order_key = event.order_key AND its.ended_ms IS NULL AND its.seq < event.seq)"

/* Adding */

enum {
    ADD_REPEATED, /* one of this id is there */
    ADD_FREED,    /* one that is held does not keep it for itself */
    ADD_SAME,     /* one of this digest is there */
    ADD_WAITING,  /* how many are open */
    ADD_HELD,     /* how many are held */
    ADD_INSERT,
    ADD_SKIPPED,
    ADD_STATEMENTS
};

struct adding {
    sqlite3_stmt *statements[ADD_STATEMENTS];
    const char *scope; /* that `waiting` is of */
    int64_t waiting;
};

static int prepare_adding(struct store_sqlite *sqlite, struct adding *adding, struct err *err)
{
    static const char *const sql[ADD_STATEMENTS] = {
        [ADD_REPEATED] = "UPDATE event SET duplicates = duplicates + 1"
                         " WHERE scope = ?1 AND id = ?2 AND part = ?3"
                         " RETURNING seq, digest <> ?4",
        [ADD_FREED] = "DELETE FROM event WHERE scope = ?1 AND id = ?2 AND part = ?3"
                      " AND (state = 'held' OR state = 'done' AND error = '" STORE_EVENT_UNHELD "')"
                      " AND digest <> ?4 AND NOT EXISTS (SELECT 1 FROM event"
                      "  WHERE scope = ?1 AND digest = ?4) RETURNING seq",
        [ADD_SAME] = "SELECT seq FROM event WHERE scope = ?1 AND digest = ?2 LIMIT 1",
        [ADD_WAITING] = "SELECT count(*) FROM event WHERE scope = ?1 AND ended_ms IS NULL",
        [ADD_HELD] = "SELECT count(*) FROM event WHERE scope = ?1 AND state IN ('dead', 'held')"
                     " AND state = 'held'",
        [ADD_INSERT] =
            "INSERT INTO event (scope, id, part, digest, type, order_key, state, received_ms,"
            " next_ms, ended_ms, attempt, conflicts, duplicates, alone, error, headers, body)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, CASE WHEN ?7 IS NULL THEN 'ready' ELSE 'held' END,"
            " ?8, CASE WHEN ?7 IS NOT NULL OR EXISTS (SELECT 1 FROM event WHERE scope = ?1"
            "  AND order_key = ?6 AND ended_ms IS NULL) THEN NULL ELSE ?8 END,"
            " CASE WHEN ?7 IS NOT NULL THEN ?8 END, 0, 0, 0, 0, ?7, ?9, ?10)",
        [ADD_SKIPPED] = "INSERT INTO event (scope, id, part, digest, type, state, received_ms,"
                        " ended_ms, attempt, conflicts, duplicates, alone, error)"
                        " VALUES (?1, ?2, ?3, ?4, ?5, 'done', ?6, ?6, 0, 0, 0, 0,"
                        " '" STORE_EVENT_SKIPPED "') ON CONFLICT DO NOTHING",
    };
    for (size_t i = 0; i < ADD_STATEMENTS; i++) {
        adding->statements[i] = store_sqlite_prepare(sqlite, sql[i], err);
        if (adding->statements[i] == NULL)
            return -1;
    }
    return 0;
}

/* A query's numbers. 1, 0: no row, -1. */
static int ask_two(struct store_sqlite *sqlite, sqlite3_stmt *stmt, int64_t *number, bool *yes,
                   struct err *err)
{
    int step = sqlite3_step(stmt);
    if (step == SQLITE_ROW) {
        *number = sqlite3_column_int64(stmt, 0);
        *yes = sqlite3_column_int(stmt, 1) != 0; /* where there is none, and of NULL, false */
    }
    int result = step == SQLITE_ROW    ? 1
                 : step == SQLITE_DONE ? 0
                                       : store_sqlite_failed(sqlite, "cannot be written", err);
    sqlite3_reset(stmt);
    return result;
}

static int ask(struct store_sqlite *sqlite, sqlite3_stmt *stmt, int64_t *number, struct err *err)
{
    bool ignored;
    return ask_two(sqlite, stmt, number, &ignored, err);
}

static void bind_id(sqlite3_stmt *stmt, const struct store_event_new *event)
{
    store_sqlite_bind_text(stmt, 1, event->scope);
    store_sqlite_bind_text(stmt, 2, event->id);
    sqlite3_bind_int64(stmt, 3, event->part);
}

/* Whoever sends a copy under an id to come does not keep out what its sender will send with it. */
static int is_freed(struct store_sqlite *sqlite, const struct adding *adding,
                    const struct store_event_new *event, struct err *err)
{
    sqlite3_stmt *stmt = adding->statements[ADD_FREED];
    int64_t seq;
    if (event->digest == NULL)
        return 0;
    bind_id(stmt, event);
    sqlite3_bind_blob(stmt, 4, event->digest, STORE_EVENT_DIGEST, SQLITE_STATIC);
    return ask(sqlite, stmt, &seq, err);
}

static int is_repeated(struct store_sqlite *sqlite, const struct adding *adding,
                       struct store_event_new *event, struct err *err)
{
    sqlite3_stmt *stmt = adding->statements[ADD_REPEATED];
    bind_id(stmt, event);
    sqlite3_bind_blob(stmt, 4, event->digest, STORE_EVENT_DIGEST, SQLITE_STATIC);
    event->added = STORE_EVENT_DUPLICATE;
    int found = ask_two(sqlite, stmt, &event->seq, &event->differs, err);
    int freed = found == 1 ? is_freed(sqlite, adding, event, err) : 0;
    return freed == 0 ? found : freed < 0 ? -1 : 0;
}

/* 1: it is to be held; 2: there are so many of them that it is not stored. */
static int is_same(struct store_sqlite *sqlite, const struct adding *adding,
                   struct store_event_new *event, struct err *err)
{
    int64_t held = 0;
    sqlite3_stmt *stmt = adding->statements[ADD_SAME];
    store_sqlite_bind_text(stmt, 1, event->scope);
    sqlite3_bind_blob(stmt, 2, event->digest, STORE_EVENT_DIGEST, SQLITE_STATIC);
    int found = event->digest != NULL ? ask(sqlite, stmt, &event->seq, err) : 0;
    if (found != 1)
        return found;
    stmt = adding->statements[ADD_HELD];
    store_sqlite_bind_text(stmt, 1, event->scope);
    if (ask(sqlite, stmt, &held, err) < 0)
        return -1;
    return held < STORE_EVENT_HELD_MAX ? 1 : 2;
}

/* 1: there is no room. */
static int is_full(struct store_sqlite *sqlite, struct adding *adding,
                   const struct store_event_new *event, struct err *err)
{
    sqlite3_stmt *stmt = adding->statements[ADD_WAITING];
    if (adding->scope == NULL || strcmp(adding->scope, event->scope) != 0) {
        store_sqlite_bind_text(stmt, 1, event->scope);
        if (ask(sqlite, stmt, &adding->waiting, err) < 0)
            return -1;
        adding->scope = event->scope;
    }
    return adding->waiting >= event->max_waiting ? 1 : 0;
}

static int insert(struct store_sqlite *sqlite, const struct adding *adding,
                  struct store_event_new *event, struct err *err)
{
    sqlite3_stmt *stmt = adding->statements[ADD_INSERT];
    bind_id(stmt, event);
    sqlite3_bind_blob(stmt, 4, event->digest, STORE_EVENT_DIGEST, SQLITE_STATIC);
    store_sqlite_bind_text(stmt, 5, event->type);
    store_sqlite_bind_text(stmt, 6, event->order_key);
    store_sqlite_bind_text(stmt, 7,
                           event->added == STORE_EVENT_HELD_BACK ? STORE_EVENT_SAME : NULL);
    sqlite3_bind_int64(stmt, 8, event->received_ms);
    store_sqlite_bind_text(stmt, 9, event->headers);
    sqlite3_bind_blob64(stmt, 10, event->body_len > 0 ? event->body : "", event->body_len,
                        SQLITE_STATIC);
    int result = sqlite3_step(stmt) == SQLITE_DONE
                     ? 0
                     : store_sqlite_failed(sqlite, "cannot be written", err);
    sqlite3_reset(stmt);
    event->seq = sqlite3_last_insert_rowid(sqlite->db);
    return result;
}

static int insert_skipped(struct store_sqlite *sqlite, const struct adding *adding,
                          struct store_event_new *event, struct err *err)
{
    sqlite3_stmt *stmt = adding->statements[ADD_SKIPPED];
    int64_t none;
    bind_id(stmt, event);
    sqlite3_bind_blob(stmt, 4, event->digest, STORE_EVENT_DIGEST, SQLITE_STATIC);
    store_sqlite_bind_text(stmt, 5, event->type);
    sqlite3_bind_int64(stmt, 6, event->received_ms);
    event->added = STORE_EVENT_STORED;
    return ask(sqlite, stmt, &none, err);
}

static int add_one(struct store_sqlite *sqlite, struct adding *adding,
                   struct store_event_new *event, struct err *err)
{
    event->seq = 0;
    event->differs = false;
    if (event->skipped)
        return insert_skipped(sqlite, adding, event, err);
    int repeated = is_repeated(sqlite, adding, event, err);
    if (repeated != 0)
        return repeated < 0 ? -1 : 0;
    int same = is_same(sqlite, adding, event, err);
    if (same == 2)
        event->added = STORE_EVENT_LEFT_OUT;
    if (same < 0 || same == 2)
        return same < 0 ? -1 : 0;
    event->added = same == 1 ? STORE_EVENT_HELD_BACK : STORE_EVENT_STORED;
    int full = same == 1 ? 0 : is_full(sqlite, adding, event, err);
    if (full != 0) {
        event->added = STORE_EVENT_FULL;
        return full < 0 ? -1 : 0;
    }
    adding->waiting += event->added == STORE_EVENT_STORED ? 1 : 0;
    return insert(sqlite, adding, event, err);
}

int store_sqlite_event_add(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct adding adding = {.scope = NULL};
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = prepare_adding(sqlite, &adding, err);
    for (size_t i = 0; i < call->event->count && result == 0; i++)
        result = add_one(sqlite, &adding, &call->event->added[i], err);
    for (size_t i = 0; i < ADD_STATEMENTS; i++)
        sqlite3_finalize(adding.statements[i]);
    return store_sqlite_end(sqlite, result, err);
}

/* Claiming */

/* After the clock was set back: whoever waits does not wait for longer by that. What had come while
 * it was ahead, as the first look of a process may find, is due. */
static int mend_times(struct store_sqlite *sqlite, const struct store_event_call *call,
                      struct err *err)
{
    int64_t before_ms = sqlite->claimed_ms, back_ms = before_ms - call->claim->now_ms;
    sqlite->claimed_ms = call->claim->now_ms;
    if (before_ms > 0 && back_ms < SET_BACK_MS)
        return 0;
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "UPDATE event SET next_ms = CASE WHEN received_ms >= ?4 THEN ?2"
                             " ELSE max(next_ms - ?3, ?2) END"
                             " WHERE scope = ?1 AND next_ms > ?2 AND (?3 > 0 OR received_ms >= ?4)",
                             err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->claim->scope);
    sqlite3_bind_int64(stmt, 2, call->claim->now_ms);
    sqlite3_bind_int64(stmt, 3, before_ms > 0 ? back_ms : 0);
    sqlite3_bind_int64(stmt, 4, call->claim->now_ms + SET_BACK_MS);
    return store_sqlite_finish(sqlite, stmt, err);
}

/* What is due, up to the first that is to be run alone. */
static int claim_due(struct store_sqlite *sqlite, const struct store_event_call *call,
                     struct err *err)
{
    struct store_events *events = call->events;
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "SELECT " STORE_SQLITE_EVENT ", headers, body FROM event"
                             " WHERE scope = ?1 AND next_ms <= ?2 ORDER BY next_ms, seq LIMIT ?3",
                             err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->claim->scope);
    sqlite3_bind_int64(stmt, 2, call->claim->now_ms);
    sqlite3_bind_int64(stmt, 3, (sqlite3_int64)call->claim->max);
    if (store_sqlite_event_rows(sqlite, stmt, true, false, events, err) != 0)
        return -1;
    for (size_t i = 0; i < events->count; i++) {
        if (events->items[i].alone)
            events->count = i > 0 ? i : 1;
    }
    return 0;
}

static int claim_one(struct store_sqlite *sqlite, const char *owner, struct store_event *event,
                     struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite,
                             "UPDATE event SET state = 'running', owner = ?1, next_ms = NULL,"
                             " attempt = attempt + 1 WHERE seq = ?2",
                             err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, owner);
    sqlite3_bind_int64(stmt, 2, event->seq);
    event->state = STORE_EVENT_RUNNING;
    event->next_ms = STORE_NONE;
    event->attempt++;
    event->owner = NULL;
    return store_sqlite_finish(sqlite, stmt, err);
}

static int next_due(struct store_sqlite *sqlite, const struct store_event_call *call,
                    struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite, "SELECT min(next_ms) FROM event WHERE scope = ?1 AND next_ms IS NOT NULL", err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->claim->scope);
    int result =
        sqlite3_step(stmt) == SQLITE_ROW ? 0 : store_sqlite_failed(sqlite, "cannot be read", err);
    *call->next_ms = result == 0 ? store_sqlite_column_time(stmt, 0) : STORE_NONE;
    sqlite3_finalize(stmt);
    return result;
}

/* It need not survive a power failure: without it the event is ready, as if this attempt had not
 * begun. */
int store_sqlite_event_claim(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_event_call *event = call->event;
    store_sqlite_hasten(sqlite, true);
    if (store_sqlite_begin(sqlite, err) != 0) {
        store_sqlite_hasten(sqlite, false);
        return -1;
    }
    int result = mend_times(sqlite, event, err);
    if (result == 0)
        result = claim_due(sqlite, event, err);
    for (size_t i = 0; result == 0 && i < event->events->count; i++)
        result = claim_one(sqlite, event->claim->owner, &event->events->items[i], err);
    if (result == 0)
        result = next_due(sqlite, event, err);
    result = store_sqlite_end(sqlite, result, err);
    store_sqlite_hasten(sqlite, false);
    if (result != 0)
        store_events_destroy(event->events);
    return result;
}

/* No host shares it: whatever is stored is this one's. */
int store_sqlite_event_release(struct store_sqlite *sqlite, struct store_call *call,
                               struct err *err)
{
    (void)sqlite;
    (void)call;
    (void)err;
    return 0;
}

/* Ending */

/* The event's row, and whoever waited behind it. 0, or STORE_EVENT_LOST. */
static int end_row(struct store_sqlite *sqlite, const struct store_event_end *end, struct err *err)
{
    bool again = end->state == STORE_EVENT_READY;
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "UPDATE event SET state = ?1, next_ms = CASE WHEN " EARLIER " THEN NULL ELSE ?2 END,"
        " ended_ms = ?3, attempt = attempt - ?4, conflicts = conflicts + ?5, alone = ?6,"
        " owner = NULL, error = ifnull(?7, CASE ?1 WHEN 'ready' THEN error END)"
        " WHERE seq = ?8 AND owner = ?9 AND attempt = ?10 AND state = 'running'"
        " RETURNING scope, order_key",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, store_event_state_name(end->state));
    store_sqlite_bind_time(stmt, 2, again ? end->next_ms : STORE_NONE);
    store_sqlite_bind_time(stmt, 3, again ? STORE_NONE : end->now_ms);
    sqlite3_bind_int(stmt, 4, again && end->uncounted ? 1 : 0);
    sqlite3_bind_int(stmt, 5, end->conflicted ? 1 : 0);
    sqlite3_bind_int(stmt, 6, again && end->alone ? 1 : 0);
    store_sqlite_bind_text(stmt, 7, end->error);
    sqlite3_bind_int64(stmt, 8, end->seq);
    store_sqlite_bind_text(stmt, 9, end->owner);
    sqlite3_bind_int64(stmt, 10, end->attempt);
    int step = sqlite3_step(stmt);
    int result = step == SQLITE_ROW    ? 0
                 : step == SQLITE_DONE ? STORE_EVENT_LOST
                                       : store_sqlite_failed(sqlite, "cannot be written", err);
    char *scope = result == 0 ? store_sqlite_column_text(stmt, 0) : NULL;
    char *order_key = result == 0 ? store_sqlite_column_text(stmt, 1) : NULL;
    sqlite3_finalize(stmt);
    if (order_key != NULL)
        result = store_sqlite_event_next(sqlite, scope, order_key, end->now_ms, err);
    mem_free(order_key);
    mem_free(scope);
    return result;
}

static int forget_steps(struct store_sqlite *sqlite, int64_t seq, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, "DELETE FROM step WHERE seq = ?", err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, seq);
    return store_sqlite_finish(sqlite, stmt, err);
}

static int end_one(struct store_sqlite *sqlite, const struct store_event_end *end, struct err *err)
{
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int result = end_row(sqlite, end, err);
    if (result == 0 && end->state == STORE_EVENT_DONE) {
        result = store_sqlite_kv_put(sqlite, end->scope, end->items, end->count, end->seen,
                                     end->nseen, NULL, err);
        if (result == 1)
            result = STORE_EVENT_CONFLICT;
        if (result == 0)
            result = forget_steps(sqlite, end->seq, err);
    }
    return store_sqlite_end(sqlite, result, err);
}

/* Those that end together share one write to the disk: store_sqlite_sync. */
int store_sqlite_event_end(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    store_sqlite_hasten(sqlite, true);
    int result = end_one(sqlite, call->event->end, err);
    store_sqlite_hasten(sqlite, false);
    sqlite->unsynced = sqlite->unsynced || result == 0;
    return result;
}

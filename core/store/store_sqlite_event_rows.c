/* Events of webhooks: reading, steps, what is done by hand, retention. */
#include "mem.h"
#include "store_sqlite.h"

#include <string.h>
#include <unistd.h>

#define KINDS "ittiTTtiIIiiiiTTTb"
/* Few rows of many: it would rather look through all of the scope, or of the table. */
#define RUNNING        " INDEXED BY event_running"
#define WAITING        " INDEXED BY event_open"
#define OPEN           ((unsigned)(STORE_EVENT_READY | STORE_EVENT_RUNNING))
#define RETRY_AT_ONCE  500 /* in one transaction, … */
#define RETRY_PAUSE_MS 20  /* and then others have their turn */

/* Reading */

static const char *take_text(sqlite3_stmt *stmt, int column, struct arena *texts)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    return text != NULL ? arena_text(texts, text, strlen(text)) : NULL;
}

static enum store_event_state state_of(const char *name)
{
    for (int state = STORE_EVENT_READY; state < STORE_EVENT_HELD; state *= 2) {
        if (strcmp(store_event_state_name((enum store_event_state)state), name) == 0)
            return (enum store_event_state)state;
    }
    return STORE_EVENT_HELD;
}

static void take_row(sqlite3_stmt *stmt, bool content, struct arena *texts,
                     struct store_event *event)
{
    event->seq = sqlite3_column_int64(stmt, 0);
    event->scope = take_text(stmt, 1, texts);
    event->id = take_text(stmt, 2, texts);
    event->part = sqlite3_column_int64(stmt, 3);
    event->type = take_text(stmt, 4, texts);
    event->order_key = take_text(stmt, 5, texts);
    event->state = state_of((const char *)sqlite3_column_text(stmt, 6));
    event->received_ms = sqlite3_column_int64(stmt, 7);
    event->next_ms = store_sqlite_column_time(stmt, 8);
    event->ended_ms = store_sqlite_column_time(stmt, 9);
    event->attempt = sqlite3_column_int64(stmt, 10);
    event->conflicts = sqlite3_column_int64(stmt, 11);
    event->duplicates = sqlite3_column_int64(stmt, 12);
    event->alone = sqlite3_column_int64(stmt, 13) != 0;
    event->owner = take_text(stmt, 14, texts);
    event->error = take_text(stmt, 15, texts);
    if (!content)
        return;
    event->headers = take_text(stmt, 16, texts);
    if (sqlite3_column_type(stmt, 17) == SQLITE_NULL)
        return;
    const void *body = sqlite3_column_blob(stmt, 17);
    event->body_len = (size_t)sqlite3_column_bytes(stmt, 17);
    event->body = arena_text(texts, event->body_len > 0 ? body : "", event->body_len);
}

int store_sqlite_event_rows(struct store_sqlite *sqlite, sqlite3_stmt *stmt, bool content,
                            bool orphaned, struct store_events *events, struct err *err)
{
    size_t room = 0;
    int step;
    memset(events, 0, sizeof *events);
    while ((step = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (store_sqlite_check(sqlite, stmt, KINDS, err) != 0)
            break;
        const char *owner = (const char *)sqlite3_column_text(stmt, 14);
        if (orphaned && (owner == NULL || store_flock_run_is_held(sqlite->folder, owner)))
            continue;
        if (events->count == room) {
            room = room * 2 + 8;
            events->items = mem_realloc(events->items, room * sizeof *events->items);
        }
        struct store_event *event = &events->items[events->count++];
        memset(event, 0, sizeof *event);
        take_row(stmt, content, &events->texts, event);
    }
    int result = step == SQLITE_DONE ? 0 : -1;
    if (result != 0 && step != SQLITE_ROW) /* else it was checked */
        store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    if (result != 0)
        store_events_destroy(events);
    return result;
}

/* "AND state IN (…)" of the states that are wanted. */
static void add_states(struct buf *sql, unsigned states)
{
    const char *before = " AND state IN ('";
    for (unsigned state = STORE_EVENT_READY; state <= STORE_EVENT_HELD; state *= 2) {
        if ((states & state) == 0)
            continue;
        buf_printf(sql, "%s%s", before, store_event_state_name((enum store_event_state)state));
        before = "', '";
    }
    if (states != 0)
        buf_puts(sql, "')");
}

/* is_excepted(scope) */
static void is_excepted(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    sqlite3_result_int(context,
                       store_event_is_excepted(sqlite3_user_data(context),
                                               (const char *)sqlite3_value_text(arguments[0])));
}

static int know_excepted(struct store_sqlite *sqlite, const struct store_event_filter *filter,
                         struct err *err)
{
    void *arg = (void *)(uintptr_t)filter;
    if (sqlite3_create_function(sqlite->db, "is_excepted", 1, SQLITE_UTF8 | SQLITE_DIRECTONLY, arg,
                                is_excepted, NULL, NULL) == SQLITE_OK)
        return 0;
    return store_sqlite_failed(sqlite, "cannot be read", err);
}

/* Which scopes the filter takes. */
static void add_scopes(struct buf *sql, const struct store_event_filter *filter)
{
    if (filter->except != NULL)
        buf_puts(sql, " AND NOT is_excepted(scope)");
    if (filter->homes != NULL)
        buf_puts(sql, " AND is_among(scope)");
    if (filter->hook != NULL)
        buf_puts(sql, " AND substr(scope, 1, length(?4) + 6) = 'hook:' || ?4 || ':'");
}

/* Whether there is such a scope, from one to the next by the index: where there is none, all events
 * would be read for nothing. 1, 0, -1. */
static int has_scopes(struct store_sqlite *sqlite, const struct store_event_filter *filter,
                      struct err *err)
{
    struct buf sql;
    buf_create(&sql, BUF_LIMIT_LINE);
    buf_puts(&sql, "WITH RECURSIVE its (scope) AS (SELECT min(scope) FROM event UNION ALL"
                   " SELECT (SELECT min(scope) FROM event WHERE scope > its.scope) FROM its"
                   " WHERE its.scope IS NOT NULL) SELECT 1 FROM its WHERE scope IS NOT NULL");
    add_scopes(&sql, filter);
    buf_puts(&sql, " LIMIT 1");
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql.data, err);
    buf_destroy(&sql);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 4, filter->hook);
    int some = store_sqlite_step_row(sqlite, stmt, err);
    sqlite3_finalize(stmt);
    return some;
}

int store_sqlite_event_list(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_event_filter *filter = call->event->filter;
    bool open = (filter->states & ~OPEN) == 0 && filter->states != 0;
    if ((filter->homes != NULL && store_sqlite_scopes_know(sqlite, filter->homes, err) != 0) ||
        (filter->except != NULL && know_excepted(sqlite, filter, err) != 0))
        return -1;
    int some = has_scopes(sqlite, filter, err);
    if (some <= 0)
        return some;
    struct buf sql;
    buf_create(&sql, BUF_LIMIT_LINE);
    buf_printf(&sql,
               "SELECT " STORE_SQLITE_EVENT "%s FROM event%s WHERE (state <> 'done'"
               " OR error IS NOT '" STORE_EVENT_SKIPPED "')%s%s%s%s",
               filter->content ? ", headers, body" : "",
               filter->orphaned ? RUNNING
               : open           ? WAITING
                                : "",
               open ? " AND ended_ms IS NULL" : "", filter->scope != NULL ? " AND scope = ?1" : "",
               filter->seq != 0 ? " AND seq = ?2" : "",
               filter->orphaned ? " AND owner IS NOT NULL" : "");
    add_scopes(&sql, filter);
    add_states(&sql, filter->states);
    buf_puts(&sql, filter->any ? " LIMIT ?3" : " ORDER BY seq DESC LIMIT ?3");
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql.data, err);
    buf_destroy(&sql);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, filter->scope);
    sqlite3_bind_int64(stmt, 2, filter->seq);
    sqlite3_bind_int64(stmt, 3, filter->limit > 0 ? filter->limit : -1);
    store_sqlite_bind_text(stmt, 4, filter->hook);
    return store_sqlite_event_rows(sqlite, stmt, filter->content, filter->orphaned,
                                   call->event->events, err);
}

int store_sqlite_event_count(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    struct store_event_count *count = call->event->counted;
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "SELECT count(*) FILTER (WHERE owner IS NULL), count(owner),"
        " min(received_ms) FILTER (WHERE owner IS NULL),"
        " (SELECT count(*) FROM event WHERE scope = ?1 AND state IN ('dead', 'held')"
        "   AND state = 'dead'),"
        " (SELECT count(*) FROM event WHERE scope = ?1 AND state IN ('dead', 'held')"
        "   AND state = 'held')"
        " FROM event WHERE scope = ?1 AND ended_ms IS NULL",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, call->event->scope);
    int result = 0;
    if (sqlite3_step(stmt) == SQLITE_ROW)
        *count = (struct store_event_count){
            .ready = sqlite3_column_int64(stmt, 0),
            .running = sqlite3_column_int64(stmt, 1),
            .oldest_ms = store_sqlite_column_time(stmt, 2),
            .dead = sqlite3_column_int64(stmt, 3),
            .held = sqlite3_column_int64(stmt, 4),
        };
    else
        result = store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    return result;
}

/* Steps */

int store_sqlite_step_get(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_event_call *get = call->event;
    sqlite3_stmt *stmt =
        store_sqlite_prepare(sqlite, "SELECT result FROM step WHERE seq = ? AND name = ?", err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, get->seq);
    store_sqlite_bind_text(stmt, 2, get->name);
    int step = sqlite3_step(stmt);
    int found = step == SQLITE_ROW ? 1 : 0;
    if (step != SQLITE_ROW && step != SQLITE_DONE)
        found = store_sqlite_failed(sqlite, "cannot be read", err);
    if (found == 1 && buf_append(get->result, sqlite3_column_text(stmt, 0),
                                 (size_t)sqlite3_column_bytes(stmt, 0)) != 0)
        found = err_set(err, ERR_INVALID, "step '%s': a result of over %zu bytes", get->name,
                        get->result->limit);
    sqlite3_finalize(stmt);
    return found;
}

/* One statement that says who has the event, too. */
int store_sqlite_step_put(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_event_call *put = call->event;
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "INSERT OR REPLACE INTO step (seq, name, result) SELECT seq, ?1, ?2 FROM event"
        " WHERE seq = ?3 AND owner = ?4 AND attempt = ?5 AND state = 'running'"
        " AND (SELECT count(*) FROM step WHERE seq = ?3) < ?6",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, put->name);
    sqlite3_bind_text(stmt, 2, put->value, (int)put->len, SQLITE_STATIC);
    sqlite3_bind_int64(stmt, 3, put->end->seq);
    store_sqlite_bind_text(stmt, 4, put->end->owner);
    sqlite3_bind_int64(stmt, 5, put->end->attempt);
    sqlite3_bind_int(stmt, 6, STORE_STEPS_MAX);
    if (store_sqlite_finish(sqlite, stmt, err) != 0)
        return -1;
    if (sqlite3_changes(sqlite->db) > 0)
        return 0;
    stmt = store_sqlite_prepare(sqlite, "SELECT count(*) FROM step WHERE seq = ?", err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, put->end->seq);
    bool full = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) >= STORE_STEPS_MAX;
    sqlite3_finalize(stmt);
    return full ? err_set(err, ERR_INVALID, "an event has over %d steps", STORE_STEPS_MAX)
                : STORE_EVENT_LOST;
}

/* By hand */

int store_sqlite_event_next(struct store_sqlite *sqlite, const char *scope, const char *order_key,
                            int64_t now_ms, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite,
        "UPDATE event SET next_ms = ?3 WHERE seq = (SELECT min(seq) FROM event"
        "  WHERE scope = ?1 AND order_key = ?2 AND ended_ms IS NULL)"
        " AND state = 'ready' AND next_ms IS NULL AND NOT EXISTS (SELECT 1 FROM event" RUNNING
        "  WHERE owner IS NOT NULL AND scope = ?1 AND order_key = ?2)",
        err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    store_sqlite_bind_text(stmt, 2, order_key);
    sqlite3_bind_int64(stmt, 3, now_ms);
    return store_sqlite_finish(sqlite, stmt, err);
}

/* Runs the statement, which returns scope and order key of the one that it changed; the next of
 * that key is found. 1, 0, -1. */
static int change(struct store_sqlite *sqlite, const char *sql, int64_t seq, int64_t now_ms,
                  struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql, err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, seq);
    sqlite3_bind_int64(stmt, 2, now_ms);
    int step = sqlite3_step(stmt);
    int result = step == SQLITE_ROW    ? 1
                 : step == SQLITE_DONE ? 0
                                       : store_sqlite_failed(sqlite, "cannot be written", err);
    char *scope = result == 1 ? store_sqlite_column_text(stmt, 0) : NULL;
    char *order_key = result == 1 ? store_sqlite_column_text(stmt, 1) : NULL;
    sqlite3_finalize(stmt);
    if (order_key != NULL && store_sqlite_event_next(sqlite, scope, order_key, now_ms, err) != 0)
        result = -1;
    mem_free(order_key);
    mem_free(scope);
    return result;
}

/* Of an order key it may be before the one that was the first until now, which waits then; who is
 * the next of the key is found at the end. */
static int retry_one(struct store_sqlite *sqlite, int64_t seq, int64_t now_ms, struct err *err)
{
    int waits = change(sqlite,
                       "UPDATE event SET next_ms = NULL WHERE seq = (SELECT min(its.seq)"
                       "  FROM event JOIN event AS its ON its.scope = event.scope"
                       "  AND its.order_key = event.order_key AND its.ended_ms IS NULL"
                       "  WHERE event.seq = ?1 AND event.state <> 'running'"
                       "  AND event.body IS NOT NULL)"
                       " AND seq > ?1 AND next_ms IS NOT NULL AND ?2 > 0 RETURNING NULL, NULL",
                       seq, now_ms, err);
    if (waits < 0)
        return -1;
    return change(sqlite,
                  "UPDATE event SET state = 'ready', attempt = 0, conflicts = 0, alone = 0,"
                  " error = NULL, ended_ms = NULL,"
                  " next_ms = CASE WHEN order_key IS NULL THEN ?2 END"
                  " WHERE seq = ?1 AND state <> 'running' AND body IS NOT NULL"
                  " RETURNING scope, order_key",
                  seq, now_ms, err);
}

static int list_dead(struct store_sqlite *sqlite, const char *scope, struct store_events *events,
                     struct err *err)
{
    const struct store_event_filter dead = {.scope = scope, .states = STORE_EVENT_DEAD};
    const struct store_event_call list = {.filter = &dead, .events = events};
    struct store_call call = {.op = STORE_EVENT_LIST, .event = &list};
    return store_sqlite_event_list(sqlite, &call, err);
}

/* 1, 0: it is not dead any more, -1. */
static int is_dead(struct store_sqlite *sqlite, int64_t seq, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(
        sqlite, "SELECT count(*) FROM event WHERE seq = ? AND state = 'dead'", err);
    if (stmt == NULL)
        return -1;
    sqlite3_bind_int64(stmt, 1, seq);
    int found = sqlite3_step(stmt) == SQLITE_ROW
                    ? sqlite3_column_int(stmt, 0)
                    : store_sqlite_failed(sqlite, "cannot be read", err);
    sqlite3_finalize(stmt);
    return found;
}

/* The oldest first, from `from` on down; *changed grows. */
static int retry_some(struct store_sqlite *sqlite, const struct store_events *events, size_t from,
                      const struct store_event_call *retry, struct err *err)
{
    int result = store_sqlite_begin(sqlite, err);
    if (result != 0)
        return -1;
    int64_t changed = 0;
    for (size_t i = from; i > 0 && from - i < RETRY_AT_ONCE && result == 0; i--) {
        int64_t seq = events->items[i - 1].seq;
        int dead = is_dead(sqlite, seq, err);
        int done = dead == 1 ? retry_one(sqlite, seq, retry->now_ms, err) : dead;
        result = done < 0 ? -1 : 0;
        changed += done > 0 ? 1 : 0;
    }
    result = store_sqlite_end(sqlite, result, err);
    *retry->changed += result == 0 ? changed : 0;
    return result;
}

/* Some at a time: a listener waits to store what comes meanwhile. */
static int retry_dead(struct store_sqlite *sqlite, const struct store_event_call *retry,
                      struct err *err)
{
    struct store_events events = {.count = 0};
    int result = list_dead(sqlite, retry->scope, &events, err);
    for (size_t left = events.count; left > 0 && result == 0;) {
        result = retry_some(sqlite, &events, left, retry, err);
        left -= left < RETRY_AT_ONCE ? left : RETRY_AT_ONCE;
        if (left > 0)
            usleep(RETRY_PAUSE_MS * 1000);
    }
    store_events_destroy(&events);
    return result;
}

int store_sqlite_event_retry(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_event_call *retry = call->event;
    *retry->changed = 0;
    if (retry->seq == 0)
        return retry_dead(sqlite, retry, err);
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    *retry->changed = retry_one(sqlite, retry->seq, retry->now_ms, err);
    return store_sqlite_end(sqlite, *retry->changed < 0 ? -1 : 0, err);
}

int store_sqlite_event_drop(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    const struct store_event_call *drop = call->event;
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int changed =
        change(sqlite,
               "UPDATE event SET ended_ms = ifnull(ended_ms, ?2), next_ms = NULL,"
               " error = CASE state WHEN 'done' THEN error WHEN 'held' THEN '" STORE_EVENT_UNHELD
               "' ELSE '" STORE_EVENT_DROPPED "' END,"
               " state = 'done', headers = NULL, body = NULL"
               " WHERE seq = ?1 AND state <> 'running' RETURNING scope, order_key",
               drop->seq, drop->now_ms, err);
    sqlite3_stmt *stmt =
        changed == 1 ? store_sqlite_prepare(sqlite, "DELETE FROM step WHERE seq = ?", err) : NULL;
    if (stmt != NULL)
        sqlite3_bind_int64(stmt, 1, drop->seq);
    if (changed == 1 && (stmt == NULL || store_sqlite_finish(sqlite, stmt, err) != 0))
        changed = -1;
    *drop->changed = changed;
    return store_sqlite_end(sqlite, changed < 0 ? -1 : 0, err);
}

/* Retention */

#define THOSE                                                                                      \
    "(SELECT seq FROM event WHERE scope = ?1 AND state = ?2 AND ended_ms < ?3"                     \
    " AND ended_ms IS NOT NULL"
#define FULL " AND body IS NOT NULL LIMIT ?4)"

/* How many were changed, or -1. */
static int64_t prune(struct store_sqlite *sqlite, const char *sql, const char *scope,
                     const char *state, int64_t before_ms, int64_t limit, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(sqlite, sql, err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, scope);
    store_sqlite_bind_text(stmt, 2, state);
    sqlite3_bind_int64(stmt, 3, before_ms);
    sqlite3_bind_int64(stmt, 4, limit);
    return store_sqlite_finish(sqlite, stmt, err) == 0 ? sqlite3_changes(sqlite->db) : -1;
}

int store_sqlite_event_prune(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    static const char steps[] = "DELETE FROM step WHERE seq IN " THOSE FULL;
    static const char bodies[] =
        "UPDATE event SET headers = NULL, body = NULL WHERE seq IN " THOSE FULL;
    static const char rows[] = "DELETE FROM event WHERE seq IN " THOSE " LIMIT ?4)";
    static const char *const states[] = {"done", "dead", "held"};
    const struct store_event_prune *what = call->event->prune;
    int64_t left = what->limit;
    if (store_sqlite_begin(sqlite, err) != 0)
        return -1;
    int64_t changed = 0;
    for (size_t i = 0; i < sizeof states / sizeof states[0] && changed >= 0; i++) {
        int64_t body_ms = i == 0 ? what->done_ms : what->dead_ms;
        int64_t row_ms = what->ids_ms < body_ms ? what->ids_ms : body_ms;
        changed = i == 0 ? 0 : prune(sqlite, steps, what->scope, states[i], body_ms, left, err);
        if (changed >= 0)
            changed = prune(sqlite, bodies, what->scope, states[i], body_ms, left, err);
        left -= changed > 0 ? changed : 0;
        if (changed >= 0)
            changed = prune(sqlite, rows, what->scope, states[i], row_ms, left, err);
        left -= changed > 0 ? changed : 0;
    }
    *call->event->changed = what->limit - left;
    return store_sqlite_end(sqlite, changed < 0 ? -1 : 0, err);
}

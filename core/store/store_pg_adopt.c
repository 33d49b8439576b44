/*
 * Rows of one name become another's. What is sealed is bound to whose it is: so it is read first,
 * and sealed anew. Then one transaction, which has the tables for itself, writes that and moves the
 * rows, unless any of it has changed meanwhile: then all begins anew.
 */
#include "mem.h"
#include "store_home.h"
#include "store_pg_event.h"

#include <stdio.h>
#include <string.h>

#define SEALED_MAX ((int64_t)64 * 1024 * 1024) /* bytes of one move: they are in memory */
#define TEXTS_MAX  ((size_t)64 * 1024 * 1024)  /* of an array in SQL */
#define WRITE_MS   120000
#define SCRIPT     "script:"
#define CRONTAB    "crontab:"

enum step { SCOPES, SIZES, VALUES, WRITE };

/* In front of every statement: what scopes and owners become. */
#define MOVES                                                                                      \
    "WITH scopes AS (SELECT * FROM unnest($1::bytea[], $2::bytea[]) AS its (was, now)),"           \
    " owners AS (SELECT * FROM unnest($3::text[], $4::text[]) AS its (was, now)) "
#define EVERY_SCOPE                                                                                \
    "(SELECT scope FROM @run UNION SELECT scope FROM @slot UNION SELECT scope FROM @job"           \
    " UNION SELECT scope FROM @job_counter UNION SELECT scope FROM @boot UNION"                    \
    " SELECT scope FROM @kv UNION SELECT scope FROM @hook) AS every"
#define DIGEST "encode(sha256(coalesce(string_agg(scope, ' ' ORDER BY scope), '')), 'hex')"
#define EVENTS                                                                                     \
    "@event AS its JOIN @hook AS hook ON hook.id = its.hook JOIN scopes AS moves"                  \
    " ON moves.was = hook.scope"
/* Of a run whose supervisor lives, also after its end, or of the worker that has an event. */
#define RUNNING                                                                                    \
    "(SELECT scope FROM (SELECT scope, run AS owner FROM @run UNION ALL SELECT moves.was,"         \
    " its.owner FROM " EVENTS " WHERE its.owner IS NOT NULL) AS its WHERE scope IN (SELECT was"    \
    " FROM scopes) AND EXISTS (SELECT FROM @lease WHERE kind = " STORE_PG_RUN_LEASE_SQL            \
    " AND key = sha256(convert_to(owner, 'UTF8')) AND until > clock_timestamp()))"

/* What is sealed: in which rows; how one of them is told ($2 in `row`); whose it is, around was or
 * now of `moves`. */
#define TOKEN(table, column, place, row)                                                           \
    {                                                                                              \
        table, "@" table " AS its JOIN owners AS moves ON moves.was = its.owner", #column,         \
            "token." #column, place, row, "convert_to(moves.", ", 'UTF8')"                         \
    }
#define EVENT(column)                                                                              \
    {                                                                                              \
        "event", EVENTS, #column, "event." #column, "its.seq::text", "seq = $2::text::bigint",     \
            "moves.", " || ' '::bytea || its.id || convert_to(' ' || its.part, 'UTF8')"            \
    }
static const struct {
    const char *table, *from, *column, *name, *place, *row, *before, *behind;
} columns[] = {
    TOKEN("token", access_token, "its.owner", "owner = $2"),
    TOKEN("token", endpoint_url, "its.owner", "owner = $2"),
    TOKEN("token", refresh_token, "its.owner", "owner = $2"),
    TOKEN("token", refresh_previous, "its.owner", "owner = $2"),
    TOKEN("token", service_override, "its.owner", "owner = $2"),
    TOKEN("token", metadata, "its.owner", "owner = $2"),
    TOKEN("token_spare", refresh_token, "its.ctid::text", "ctid = $2::text::tid"),
    {"kv", "@kv AS its JOIN scopes AS moves ON moves.was = its.scope", "value", "kv.value",
     "its.ctid::text", "ctid = $2::text::tid", "moves.", " || ' '::bytea || its.key"},
    EVENT(headers),
    EVENT(body),
};
#define COUNT (sizeof columns / sizeof columns[0])

/* A value as it is, and its text. */
struct one {
    const char *place, *owner, *text, *was;
    size_t len, was_len;
};

struct store_pg_adopting {
    char *was, *now, *owners_was, *owners_now; /* arrays in SQL */
    const char *digest;                        /* of all scopes that there are */
    struct one *values[COUNT];
    int counts[COUNT];
    const char *hooks, *keys, *locks; /* arrays: of what has an order */
    bool written;                     /* perhaps */
};

static void say(struct store_pg_work *work, struct store_pg_batch *batch, const char *sql)
{
    const struct store_pg_adopting *adopting = work->adopting;
    char *whole = mem_printf(MOVES "%s", sql);
    store_pg_say(batch, whole);
    store_pg_text(batch, adopting->was);
    store_pg_text(batch, adopting->now);
    store_pg_text(batch, adopting->owners_was);
    store_pg_text(batch, adopting->owners_now);
    mem_free(whole);
}

/* Arrays */

static void array_begin(struct buf *array)
{
    buf_create(array, TEXTS_MAX);
    buf_putc(array, '{');
}

static void array_bytes(struct buf *array, const char *bytes, size_t len)
{
    buf_puts(array, array->len > 1 ? ",\"\\\\x" : "\"\\\\x");
    for (size_t i = 0; i < len; i++)
        buf_printf(array, "%02x", (unsigned char)bytes[i]);
    buf_putc(array, '"');
}

static void array_text(struct buf *array, const char *text)
{
    buf_printf(array, "%s%s", array->len > 1 ? "," : "", text);
}

static char *array_end(struct store_pg_work *work, struct buf *array)
{
    buf_putc(array, '}');
    char *text = arena_text(&work->texts, array->data, array->len);
    buf_destroy(array);
    return text;
}

/* First: what there is of both names. */

static void ask_scopes(struct store_pg_work *work, struct store_pg_batch *batch)
{
    const struct store_home *home = work->call->home;
    struct buf was, now;
    store_pg_say(batch, "SELECT scope FROM " EVERY_SCOPE);
    store_pg_say(batch, "SELECT " DIGEST " FROM " EVERY_SCOPE);
    array_begin(&was);
    array_begin(&now);
    for (size_t i = 0; i < home->nowners; i++) {
        array_text(&was, home->owners[i].from);
        array_text(&now, home->owners[i].to);
    }
    store_pg_say(batch, "SELECT EXISTS (SELECT FROM @token WHERE owner = its.was),"
                        " EXISTS (SELECT FROM @token WHERE owner = its.now) FROM unnest($1::text[],"
                        " $2::text[]) WITH ORDINALITY AS its (was, now, n) ORDER BY n");
    store_pg_text(batch, array_end(work, &was));
    store_pg_text(batch, array_end(work, &now));
}

/* Where the scope's home stands in it; NULL: it is not this one's. */
static const char *home_in(const char *scope, const char *home)
{
    size_t len = strlen(home);
    bool script = strncmp(scope, SCRIPT, sizeof SCRIPT - 1) == 0;
    const char *at = script                                             ? scope + sizeof SCRIPT - 1
                     : strncmp(scope, CRONTAB, sizeof CRONTAB - 1) == 0 ? scope + sizeof CRONTAB - 1
                                                                        : store_home_of(scope);
    return at != NULL && strncmp(at, home, len) == 0 && at[len] == (script ? ':' : '\0') ? at
                                                                                         : NULL;
}

static void take_owners(struct store_pg_work *work, struct store_pg_batch *batch)
{
    struct store_home *home = work->call->home;
    struct buf was, now;
    array_begin(&was);
    array_begin(&now);
    for (size_t i = 0; i < home->nowners; i++) {
        struct store_home_owner *owner = &home->owners[i];
        owner->found = store_pg_get_true(batch, 2, (int)i, 0);
        home->before = home->before || owner->found;
        home->after = home->after || store_pg_get_true(batch, 2, (int)i, 1);
        if (!owner->found)
            continue;
        array_text(&was, owner->from);
        array_text(&now, owner->to);
    }
    work->adopting->owners_was = array_end(work, &was);
    work->adopting->owners_now = array_end(work, &now);
}

static void take_scopes(struct store_pg_work *work, struct store_pg_batch *batch)
{
    struct store_home *home = work->call->home;
    struct buf was, now;
    array_begin(&was);
    array_begin(&now);
    for (int row = 0; row < store_pg_rows(batch, 0); row++) {
        size_t len;
        const char *scope = store_pg_get_bytes(batch, 0, row, 0, &len);
        const char *at = scope != NULL ? home_in(scope, home->former[0]) : NULL;
        home->after = home->after || (scope != NULL && home_in(scope, home->home) != NULL);
        if (at == NULL)
            continue;
        home->before = true;
        char *moved = mem_printf("%.*s%s%s", (int)(at - scope), scope, home->home,
                                 at + strlen(home->former[0]));
        array_bytes(&was, scope, len);
        array_bytes(&now, moved, strlen(moved));
        mem_free(moved);
    }
    work->adopting->was = array_end(work, &was);
    work->adopting->now = array_end(work, &now);
}

/* 0: it has ended; STORE_PG_MORE. */
static int take_both(struct store_pg_work *work, struct store_pg_batch *batch)
{
    struct store_home *home = work->call->home;
    const char *digest = store_pg_get_text(batch, 1, 0, 0);
    home->before = home->after = home->settled = false;
    home->running[0] = '\0';
    take_scopes(work, batch);
    take_owners(work, batch);
    work->adopting->digest = arena_text(&work->texts, digest, strlen(digest));
    /* The answer to COMMIT was lost. */
    home->moved = work->adopting->written && !home->before && home->after;
    return home->before ? STORE_PG_MORE : 0;
}

/* Then: whether it may be moved. */

static void ask_sizes(struct store_pg_work *work, struct store_pg_batch *batch)
{
    const struct store_home *home = work->call->home;
    say(work, batch, "SELECT scope FROM " RUNNING " AS its LIMIT 1");
    store_pg_say(batch, "SELECT key FROM @meta WHERE key IN ('" STORE_PG_COPY
                        "' || $1::text, '" STORE_PG_COPY "' || $2::text)");
    store_pg_text(batch, home->former[0]);
    store_pg_text(batch, home->home);
    for (size_t i = 0; i < COUNT; i++) {
        char *sql = mem_printf("SELECT sum(length(%s)), count(%s) FROM %s", columns[i].column,
                               columns[i].column, columns[i].from);
        say(work, batch, sql);
        mem_free(sql);
    }
}

static int take_sizes(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_home *home = work->call->home;
    int64_t total = 0;
    size_t len;
    const char *running = store_pg_get_bytes(batch, 0, 0, 0, &len);
    if (running != NULL && home_in(running, home->former[0]) != NULL)
        snprintf(home->running, sizeof home->running, "%s", running);
    if (store_pg_rows(batch, 1) > 0)
        return err_set(
            err, ERR_CONFIG,
            "%s: `jeton state copy` to it has not ended for %s: let it end, or repeat it",
            work->pg->label, store_pg_get_text(batch, 1, 0, 0) + strlen(STORE_PG_COPY));
    for (size_t i = 0; i < COUNT; i++)
        total += store_pg_get_int(batch, 2 + i, 0, 0, 0);
    if (home->look || (home->after && !home->replace) || home->running[0] != '\0')
        return 0;
    if (total > SEALED_MAX)
        return err_set(err, ERR_CONFIG,
                       "%s: keys and events of %s hold %lld bytes, and at most %lld move at once: "
                       "drop events of it, or let those that are done go by a shorter `keep`",
                       work->pg->label, home->former[0], (long long)total, (long long)SEALED_MAX);
    return STORE_PG_MORE;
}

/* Then: what is sealed, and what events have in an order. */

static void ask_values(struct store_pg_work *work, struct store_pg_batch *batch)
{
    for (size_t i = 0; i < COUNT; i++) {
        char *sql =
            mem_printf("SELECT %s, %s, %swas%s, %snow%s FROM %s WHERE %s IS NOT NULL",
                       columns[i].place, columns[i].column, columns[i].before, columns[i].behind,
                       columns[i].before, columns[i].behind, columns[i].from, columns[i].column);
        say(work, batch, sql);
        mem_free(sql);
    }
    say(work, batch,
        "SELECT DISTINCT its.hook, moves.now, its.order_key FROM " EVENTS
        " WHERE its.order_lock IS NOT NULL");
}

static int take_value(struct store_pg_work *work, struct store_pg_batch *batch, size_t i, int row,
                      struct err *err)
{
    struct one *one = &work->adopting->values[i][row];
    const char *place = store_pg_get_text(batch, i, row, 0), *text;
    size_t len, owner_len;
    const char *former = store_pg_get_bytes(batch, i, row, 2, &len);
    const char *owner = store_pg_get_bytes(batch, i, row, 3, &owner_len);
    const char *was = store_pg_get_bytes(batch, i, row, 1, &one->was_len);
    if (former == NULL || owner == NULL || was == NULL)
        return err_set(err, ERR_CONFIG, "%s: a row of %s is not whole", work->pg->label,
                       columns[i].table);
    if (store_pg_get_sealed(batch, i, row, 1, columns[i].name, former, &text, &one->len, err) != 0)
        return -1;
    one->place = arena_text(&work->texts, place, strlen(place));
    one->owner = arena_text(&work->texts, owner, owner_len);
    one->text = arena_text(&work->texts, text, one->len);
    one->was = arena_text(&work->texts, was, one->was_len);
    return 0;
}

static void take_orders(struct store_pg_work *work, struct store_pg_batch *batch)
{
    struct store_pg_adopting *adopting = work->adopting;
    struct buf hooks, keys, locks;
    array_begin(&hooks);
    array_begin(&keys);
    array_begin(&locks);
    for (int row = 0; row < store_pg_rows(batch, COUNT); row++) {
        size_t len, key_len;
        char lock[24];
        const char *scope = store_pg_get_bytes(batch, COUNT, row, 1, &len);
        const char *key = store_pg_get_bytes(batch, COUNT, row, 2, &key_len);
        if (scope == NULL || key == NULL)
            continue;
        snprintf(lock, sizeof lock, "%lld", (long long)store_pg_event_lock_of(scope, key));
        array_text(&hooks, store_pg_get_text(batch, COUNT, row, 0));
        array_bytes(&keys, key, key_len);
        array_text(&locks, lock);
    }
    adopting->hooks = array_end(work, &hooks);
    adopting->keys = array_end(work, &keys);
    adopting->locks = array_end(work, &locks);
}

static int take_values(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_pg_adopting *adopting = work->adopting;
    for (size_t i = 0; i < COUNT; i++) {
        int rows = adopting->counts[i] = store_pg_rows(batch, i);
        adopting->values[i] = arena_alloc(&work->texts, ((size_t)rows + 1) * sizeof(struct one));
        for (int row = 0; row < rows; row++) {
            if (take_value(work, batch, i, row, err) != 0)
                return -1;
        }
    }
    take_orders(work, batch);
    return STORE_PG_MORE;
}

/* At last: all is written. */

static void write_values(struct store_pg_work *work, struct store_pg_batch *batch, size_t i)
{
    const struct store_pg_adopting *adopting = work->adopting;
    char *sql = mem_printf("SELECT " STORE_PG_CHANGED("count(%s) <> $5::bigint") " FROM %s",
                           columns[i].column, columns[i].from);
    say(work, batch, sql);
    store_pg_int(batch, adopting->counts[i]);
    mem_free(sql);
    sql = mem_printf("WITH done AS (UPDATE @%s SET %s = $1 WHERE %s AND %s = $3 RETURNING 1)"
                     " SELECT " STORE_PG_CHANGED("count(*) <> 1") " FROM done",
                     columns[i].table, columns[i].column, columns[i].row, columns[i].column);
    for (int row = 0; row < adopting->counts[i]; row++) {
        const struct one *one = &adopting->values[i][row];
        store_pg_say(batch, sql);
        store_pg_sealed(batch, columns[i].name, one->owner, one->text, one->len);
        store_pg_text(batch, one->place);
        store_pg_bytes(batch, one->was, one->was_len);
    }
    mem_free(sql);
}

/* Rows of the other name that are in the way: there are some only where they are to be replaced. */
static void move_owners(struct store_pg_work *work, struct store_pg_batch *batch)
{
    static const char *const tables[] = {"token", "token_intent", "token_spare"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char *sql =
            mem_printf("DELETE FROM @%s WHERE owner IN (SELECT now FROM owners)", tables[i]);
        say(work, batch, sql);
        mem_free(sql);
        sql = mem_printf("UPDATE @%s SET owner = owners.now FROM owners WHERE owner = owners.was",
                         tables[i]);
        say(work, batch, sql);
        mem_free(sql);
    }
    say(work, batch, "UPDATE @token SET home = $5 WHERE owner IN (SELECT now FROM owners)");
    store_pg_scope(batch, work->call->home->home);
}

static void move_scopes(struct store_pg_work *work, struct store_pg_batch *batch)
{
    static const char *const tables[][2] = {{"slot", " AND own.slot_ms = its.slot_ms"},
                                            {"boot", " AND own.host_id = its.host_id"},
                                            {"job", ""},
                                            {"job_counter", ""},
                                            {"kv", " AND own.key = its.key"},
                                            {"run", " AND own.run = its.run"}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char *sql = mem_printf("DELETE FROM @%s AS own USING @%s AS its, scopes WHERE its.scope ="
                               " scopes.was AND own.scope = scopes.now%s",
                               tables[i][0], tables[i][0], tables[i][1]);
        say(work, batch, sql);
        mem_free(sql);
        sql = mem_printf("UPDATE @%s SET scope = scopes.now FROM scopes WHERE scope = scopes.was",
                         tables[i][0]);
        say(work, batch, sql);
        mem_free(sql);
    }
}

/* Their seq stays: it is how people name them. Of two with one order key that could run now, the
 * younger waits. */
static void move_events(struct store_pg_work *work, struct store_pg_batch *batch)
{
    store_pg_say(batch, "UPDATE @event AS event SET order_lock = its.lock FROM"
                        " unnest($1::bigint[], $2::bytea[], $3::bigint[]) AS its (hook, key, lock)"
                        " WHERE event.hook = its.hook AND event.order_key = its.key");
    store_pg_text(batch, work->adopting->hooks);
    store_pg_text(batch, work->adopting->keys);
    store_pg_text(batch, work->adopting->locks);
    say(work, batch,
        "INSERT INTO @hook (key, scope) SELECT sha256(scopes.now), scopes.now FROM @hook"
        " JOIN scopes ON scope = scopes.was ON CONFLICT (key) DO NOTHING");
#define BOTH                                                                                       \
    " scopes JOIN @hook AS former ON former.scope = scopes.was JOIN @hook AS hook ON"              \
    " hook.key = sha256(scopes.now) "
    say(work, batch,
        ", gone AS (DELETE FROM @event AS own USING @event AS its," BOTH
        "WHERE its.hook = former.id AND own.hook = hook.id AND own.id = its.id"
        " AND own.part = its.part RETURNING own.seq)"
        " DELETE FROM @step USING gone WHERE step.seq = gone.seq");
    say(work, batch,
        "UPDATE @event AS event SET hook = hook.id FROM" BOTH "WHERE event.hook = former.id");
    say(work, batch,
        "UPDATE @event AS event SET next_ms = NULL FROM" BOTH
        "WHERE event.hook = hook.id AND event.next_ms IS NOT NULL AND EXISTS (SELECT"
        " FROM @event AS other WHERE other.hook = event.hook AND other.order_key ="
        " event.order_key AND other.ended_ms IS NULL AND other.seq < event.seq)");
    say(work, batch, "UPDATE @hook SET open_most = NULL FROM scopes WHERE scope = scopes.now");
    say(work, batch, "DELETE FROM @hook USING scopes WHERE scope = scopes.was");
}

static void ask_write(struct store_pg_work *work, struct store_pg_batch *batch)
{
    batch->deadline_ms = loop_now_ms(work->pg->loop) + WRITE_MS;
    store_pg_say(batch, "LOCK TABLE @token, @token_intent, @token_spare, @kv, @run, @slot, @job,"
                        " @job_counter, @boot, @hook, @event IN SHARE ROW EXCLUSIVE MODE");
    store_pg_say(batch, "SELECT " STORE_PG_CHANGED(DIGEST " <> $1::text") " FROM " EVERY_SCOPE);
    store_pg_text(batch, work->adopting->digest);
    say(work, batch, "SELECT " STORE_PG_CHANGED("count(*) > 0") " FROM " RUNNING " AS its");
    for (size_t i = 0; i < COUNT; i++)
        write_values(work, batch, i);
    move_owners(work, batch);
    move_events(work, batch);
    move_scopes(work, batch);
    work->adopting->written = true;
}

static int ask(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    enum step step = (enum step)work->step;
    if (step == SCOPES) {
        bool written = work->adopting != NULL && work->adopting->written;
        arena_destroy(&work->texts);
        work->adopting = arena_alloc(&work->texts, sizeof *work->adopting);
        work->adopting->written = written;
        ask_scopes(work, batch);
    } else if (step == SIZES) {
        ask_sizes(work, batch);
    } else if (step == VALUES) {
        ask_values(work, batch);
    } else {
        ask_write(work, batch);
    }
    work->step = step == WRITE ? SCOPES : step + 1U; /* where it goes on, or begins anew */
    return 0;
}

static int take(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    switch (work->step) {
    case SIZES:
        return take_both(work, batch);
    case VALUES:
        return take_sizes(work, batch, err);
    case WRITE:
        return take_values(work, batch, err);
    default:
        work->call->home->moved = true;
        return 0;
    }
}

const struct store_pg_op store_pg_home_adopt = {.ask = ask, .take = take};

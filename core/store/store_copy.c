#include "store_copy.h"

#include "mem.h"
#include "store_pg_event.h"
#include "store_private.h"
#include "store_sqlite.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define PAGE_ROWS  100 /* of one transaction */
#define PAGE_BYTES ((size_t)4 * 1024 * 1024)
#define WAIT_MS    (2 * (int64_t)STORE_PG_CALL_MS)
#define SEALED_MAX 8

/*
 * A table. The first column of `read` is whose the sealed ones are; each other one is a parameter
 * of `write`, of a kind: i, an integer; t, a text; b, bytes; x, sealed, by the next name. In `read`
 * ?1 is how the scopes of scripts begin, ?2 the home.
 */
struct table {
    const char *read, *write, *kinds;
    const char *sealed[SEALED_MAX];
    size_t offset; /* in struct store_copy, where they are counted */
    bool keys;     /* also where only keys are copied */
};

#define OWN_SALTS   "5" /* the version since which they are known */
#define NOT_COUNTED SIZE_MAX
#define OF_HOME     " WHERE is_among(scope)"
#define ONCE        " ON CONFLICT DO NOTHING" /* of what is sent a second time */

static const struct table tables[] = {
    {"SELECT scope || ' ' || key, scope, key, value, version FROM kv" OF_HOME
     " OR substr(scope, 1, length(?1)) = ?1",
     "INSERT INTO @kv (scope, key, value, version) VALUES ($1, $2, $3, $4)"
     " ON CONFLICT (sha256(scope), key) DO UPDATE SET value = excluded.value,"
     " version = excluded.version",
     "bbxi",
     {"kv.value"},
     offsetof(struct store_copy, keys),
     true},
    {"SELECT owner, owner, home, generation, access_token, endpoint_url, scope, lifetime_ms,"
     " received_wall_ms, received_boot_ms, received_boot_id, refresh_token, refresh_previous,"
     " refresh_since_ms, configured_fingerprint, application_fingerprint, service_override,"
     " token_type, refresh_expires_ms, login_since_ms, asked, secret_fingerprint, barred, metadata,"
     " metadata_ms, stop_kind, stop_since_ms, stop_times, stop_reason, subject_fingerprint,"
     " service_host, spent, (SELECT value FROM meta WHERE key = 'salt') FROM token WHERE home = ?2",
     "INSERT INTO @token (owner, home, generation, access_token, endpoint_url, scope, lifetime_ms,"
     " received_wall_ms, received_boot_ms, received_boot_id, refresh_token, refresh_previous,"
     " refresh_since_ms, configured_fingerprint, application_fingerprint, service_override,"
     " token_type, refresh_expires_ms, login_since_ms, asked, secret_fingerprint, barred, metadata,"
     " metadata_ms, stop_kind, stop_since_ms, stop_times, stop_reason, subject_fingerprint,"
     " service_host, spent, salt)"
     " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,"
     " $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)" ONCE,
     "tbixxtiiitxxittxtiittixiiiibtttb",
     {"token.access_token", "token.endpoint_url", "token.refresh_token", "token.refresh_previous",
      "token.service_override", "token.metadata"},
     offsetof(struct store_copy, tokens),
     false},
    {"SELECT owner, owner, id, generation, started_ms, host FROM token_intent"
     " WHERE owner IN (SELECT owner FROM token WHERE home = ?2)",
     "INSERT INTO @token_intent (owner, id, generation, started_ms, host)"
     " VALUES ($1, $2, $3, $4, $5)" ONCE,
     "ttiit",
     {NULL},
     NOT_COUNTED,
     false},
    {"SELECT run, run, scope, job, slot_ms, attempt, started_ms, ended_ms, exit, cause, message,"
     " requests, exchanges, peak_kib, pid, pid_start, boot_id, output_bytes, output,"
     " CASE WHEN untold IS NULL THEN 'false' ELSE 'true' END, host FROM run" OF_HOME
     " ORDER BY row",
     "INSERT INTO @run (run, scope, job, slot_ms, attempt, started_ms, ended_ms, exit, cause,"
     " message, requests, exchanges, peak_kib, pid, pid_start, boot_id, output_bytes, output,"
     " untold, host, host_id, made, row) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
     " $12, $13, $14, $15, $16, $17, $18, $19::boolean, $20, '', '', nextval('@run_row'))" ONCE,
     "tbtiiiiitbiiiiitixtt",
     {"run.output"},
     offsetof(struct store_copy, runs),
     false},
    {"SELECT NULL, scope, slot_ms FROM slot" OF_HOME,
     "INSERT INTO @slot (scope, slot_ms, run) VALUES ($1, $2, '')" ONCE,
     "bi",
     {NULL},
     NOT_COUNTED,
     false},
    {"SELECT NULL, scope, installed_ms FROM job" OF_HOME,
     "INSERT INTO @job (scope, installed_ms) VALUES ($1, $2)" ONCE,
     "bi",
     {NULL},
     NOT_COUNTED,
     false},
    {"SELECT NULL, scope, runs, failures, skipped, requests, exchanges, success_ms"
     " FROM job_counter" OF_HOME,
     "INSERT INTO @job_counter (scope, runs, failures, skipped, requests, exchanges, success_ms,"
     " last) VALUES ($1, $2, $3, $4, $5, $6, $7, '')" ONCE,
     "biiiiii",
     {NULL},
     NOT_COUNTED,
     false},
    {"SELECT NULL, scope FROM event" OF_HOME " GROUP BY scope",
     "INSERT INTO @hook (key, scope) VALUES (sha256($1), $1)" ONCE,
     "b",
     {NULL},
     NOT_COUNTED,
     false},
    /* Nobody handles them now: what was running begins its attempt again. */
    {"SELECT scope || ' ' || id || ' ' || part, scope, id, part, digest, type, order_key,"
     " CASE WHEN order_key IS NOT NULL THEN order_lock(scope, order_key) END,"
     " CASE state WHEN 'done' THEN 4 WHEN 'dead' THEN 8 WHEN 'held' THEN 16 ELSE 1 END,"
     " received_ms, CASE state WHEN 'running' THEN received_ms ELSE next_ms END, ended_ms,"
     " attempt - (state = 'running'), conflicts, duplicates,"
     " CASE WHEN alone OR state = 'running' THEN 'true' ELSE 'false' END, error, headers, body"
     " FROM event" OF_HOME " ORDER BY seq",
     "INSERT INTO @event (hook, id, part, digest, type, order_key, order_lock, state, received_ms,"
     " next_ms, ended_ms, attempt, conflicts, duplicates, alone, error, headers, body, made)"
     " VALUES ((SELECT id FROM @hook WHERE key = sha256($1)), $2, $3, $4, $5, $6, $7, $8, $9, $10,"
     " $11, $12, $13, $14, $15::boolean, $16, $17, $18, '')" ONCE,
     "bbibbbiiiiiiiitbxx",
     {"event.headers", "event.body"},
     offsetof(struct store_copy, events),
     false},
};

struct copying {
    struct store_sqlite *from;
    struct store_pg *to;
    struct store_copy *copy;
    char *scripts;
};

/* Sending */

struct sending {
    struct err *err;
    bool well;
    int64_t number; /* the first of the last statement's first row; -1: it has none */
};

static void sent(struct store_pg_batch *batch, const struct err *err)
{
    struct sending *sending = batch->arg;
    sending->well = err == NULL;
    if (err != NULL)
        *sending->err = *err;
    else
        sending->number = store_pg_get_int(batch, batch->count - 1, 0, 0, -1);
}

static struct store_pg_batch *new_batch(struct store_pg *pg, struct sending *sending,
                                        struct err *err)
{
    *sending = (struct sending){.err = err, .number = -1};
    err_set(err, ERR_NETWORK, "%s: no answer", pg->label);
    return store_pg_batch_new(pg, sent, sending);
}

static int send_batch(struct store_pg_batch *batch)
{
    struct sending *sending = batch->arg;
    struct store_pg *pg = batch->pg;
    store_pg_send(pg, batch);
    store_pg_flush(pg, WAIT_MS);
    return sending->well ? 0 : -1;
}

/* Before */

static char *mark_of(const char *home)
{
    return mem_printf(STORE_PG_COPY "%s", home);
}

struct looking {
    const struct store_copy *copy;
    struct buf scopes; /* of the home, as an array in SQL */
    bool marked, there;
    bool well;
    struct err *err;
};

static void looked(struct store_pg_batch *batch, const struct err *err)
{
    struct looking *looking = batch->arg;
    const char *homes[] = {looking->copy->home, NULL};
    looking->well = err == NULL;
    if (err != NULL) {
        *looking->err = *err;
        return;
    }
    looking->marked = store_pg_rows(batch, 0) > 0;
    looking->there = store_pg_rows(batch, 1) > 0;
    for (int row = 0; row < store_pg_rows(batch, 2); row++) {
        size_t len;
        const char *scope = store_pg_get_bytes(batch, 2, row, 0, &len);
        const char *home = scope != NULL ? store_home_of(scope) : NULL;
        if (home == NULL || !store_home_among(home, homes))
            continue;
        buf_printf(&looking->scopes, "%s\"\\%s\"", looking->scopes.len > 1 ? "," : "",
                   store_pg_get(batch, 2, row, 0));
        looking->there = true;
    }
}

static int look(struct copying *copying, struct looking *looking, struct err *err)
{
    struct store_pg_batch *batch = store_pg_batch_new(copying->to, looked, looking);
    char *mark = mark_of(copying->copy->home);
    err_set(err, ERR_NETWORK, "%s: no answer", copying->to->label);
    store_pg_say(batch, "SELECT 1 FROM @meta WHERE key = $1");
    store_pg_text(batch, mark);
    store_pg_say(batch, "SELECT 1 FROM @token WHERE home = $1 LIMIT 1");
    store_pg_scope(batch, copying->copy->home);
    store_pg_say(batch, "SELECT scope FROM @run UNION SELECT scope FROM @slot UNION"
                        " SELECT scope FROM @job UNION SELECT scope FROM @job_counter UNION"
                        " SELECT scope FROM @kv UNION SELECT scope FROM @hook");
    mem_free(mark);
    store_pg_send(copying->to, batch);
    store_pg_flush(copying->to, WAIT_MS);
    return looking->well ? 0 : -1;
}

/* What an earlier copy has left is deleted, and the mark set, at once. */
static int begin(struct copying *copying, const char *scopes, struct err *err)
{
    static const char *const by_scope[] = {
        ("DELETE FROM @step WHERE seq IN (SELECT seq FROM @event WHERE hook IN"
         " (SELECT id FROM @hook WHERE scope = ANY ($1::bytea[])))"),
        "DELETE FROM @event WHERE hook IN (SELECT id FROM @hook WHERE scope = ANY ($1::bytea[]))",
        "DELETE FROM @kv WHERE scope = ANY ($1::bytea[])",
        "DELETE FROM @run WHERE scope = ANY ($1::bytea[])",
        "DELETE FROM @slot WHERE scope = ANY ($1::bytea[])",
        "DELETE FROM @job WHERE scope = ANY ($1::bytea[])",
        "DELETE FROM @job_counter WHERE scope = ANY ($1::bytea[])",
    };
    static const char *const by_home[] = {
        "DELETE FROM @token_intent WHERE owner IN (SELECT owner FROM @token WHERE home = $1)",
        "DELETE FROM @token WHERE home = $1",
    };
    struct sending sending;
    struct store_pg_batch *batch = new_batch(copying->to, &sending, err);
    char *mark = mark_of(copying->copy->home);
    for (size_t i = 0; i < sizeof by_scope / sizeof by_scope[0]; i++) {
        store_pg_say(batch, by_scope[i]);
        store_pg_text(batch, scopes);
    }
    for (size_t i = 0; i < sizeof by_home / sizeof by_home[0]; i++) {
        store_pg_say(batch, by_home[i]);
        store_pg_scope(batch, copying->copy->home);
    }
    store_pg_say(batch, "INSERT INTO @meta (key, value) VALUES ($1, '') ON CONFLICT DO NOTHING");
    store_pg_text(batch, mark);
    /* Who does not know of a row's own salt would spend tokens that are spent. */
    store_pg_say(batch, "UPDATE @meta SET value = '" OWN_SALTS "' WHERE key = 'oldest'"
                        " AND convert_from(value, 'UTF8')::integer < " OWN_SALTS);
    mem_free(mark);
    return send_batch(batch);
}

static int prepare(struct copying *copying, struct err *err)
{
    struct looking looking = {.copy = copying->copy, .err = err};
    buf_create(&looking.scopes, SIZE_MAX);
    buf_putc(&looking.scopes, '{');
    int result = look(copying, &looking, err);
    buf_putc(&looking.scopes, '}');
    if (result == 0 && looking.there && !looking.marked)
        result = err_set(err, ERR_CONFIG,
                         "%s: there are rows of %s there already, which no copy has made; nothing "
                         "was copied. Give another schema (--schema), or drop that one first, if "
                         "what it holds is not needed",
                         copying->to->label, copying->copy->home);
    if (result == 0)
        result = begin(copying, looking.scopes.data, err);
    buf_destroy(&looking.scopes);
    return result;
}

/* Rows */

static void put_column(struct store_pg_batch *batch, sqlite3_stmt *stmt, int column, char kind,
                       const char *sealed)
{
    const void *bytes = sqlite3_column_blob(stmt, column);
    size_t len = (size_t)sqlite3_column_bytes(stmt, column);
    bool null = sqlite3_column_type(stmt, column) == SQLITE_NULL;
    const char *owner = (const char *)sqlite3_column_text(stmt, 0);
    if (kind == 'i')
        store_pg_time(batch, null ? STORE_NONE : sqlite3_column_int64(stmt, column));
    else if (kind == 't')
        store_pg_text(batch, (const char *)sqlite3_column_text(stmt, column));
    else if (kind == 'b')
        store_pg_bytes(batch, null ? NULL : len > 0 ? bytes : "", len);
    else
        store_pg_sealed(batch, sealed, owner, null ? NULL : len > 0 ? bytes : "", len);
}

/* A page of rows in a transaction. How many; *more: there are others. (Stepped behind its end, the
 * statement would begin again.) */
static int copy_page(struct copying *copying, const struct table *table, sqlite3_stmt *stmt,
                     bool *more, struct err *err)
{
    struct sending sending;
    struct store_pg_batch *batch = new_batch(copying->to, &sending, err);
    int rows = 0, step = SQLITE_ROW;
    size_t bytes = 0;
    while (rows < PAGE_ROWS && bytes < PAGE_BYTES && (step = sqlite3_step(stmt)) == SQLITE_ROW) {
        size_t sealed = 0;
        store_pg_say(batch, table->write);
        for (int i = 0; table->kinds[i] != '\0'; i++) {
            put_column(batch, stmt, i + 1, table->kinds[i], table->sealed[sealed]);
            sealed += table->kinds[i] == 'x' ? 1 : 0;
            bytes += (size_t)sqlite3_column_bytes(stmt, i + 1);
        }
        rows++;
    }
    *more = step == SQLITE_ROW;
    if (rows > 0 && (step == SQLITE_ROW || step == SQLITE_DONE))
        return send_batch(batch) == 0 ? rows : -1;
    store_pg_batch_free(batch);
    return step == SQLITE_DONE ? 0 : store_sqlite_failed(copying->from, "cannot be read", err);
}

static sqlite3_stmt *prepare_read(struct copying *copying, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt = store_sqlite_prepare(copying->from, sql, err);
    if (stmt != NULL && sqlite3_bind_parameter_count(stmt) >= 1)
        store_sqlite_bind_text(stmt, 1, copying->scripts);
    if (stmt != NULL && sqlite3_bind_parameter_count(stmt) >= 2)
        store_sqlite_bind_text(stmt, 2, copying->copy->home);
    return stmt;
}

static int copy_table(struct copying *copying, const struct table *table, struct err *err)
{
    sqlite3_stmt *stmt = prepare_read(copying, table->read, err);
    int rows = stmt != NULL ? 0 : -1;
    bool more = true;
    while (rows >= 0 && more) {
        rows = copy_page(copying, table, stmt, &more, err);
        if (rows > 0 && table->offset != NOT_COUNTED)
            *(int64_t *)(void *)((char *)copying->copy + table->offset) += rows;
    }
    sqlite3_finalize(stmt);
    return rows < 0 ? -1 : 0;
}

/* A step is sealed for its event's number, which is another one there. */
static int copy_step(struct copying *copying, sqlite3_stmt *stmt, struct err *err)
{
    struct sending sending;
    struct store_pg_batch *batch = new_batch(copying->to, &sending, err);
    store_pg_say(batch, "SELECT seq FROM @event WHERE hook = (SELECT id FROM @hook"
                        " WHERE key = sha256($1)) AND id = $2 AND part = $3");
    for (int i = 0; i < 3; i++)
        put_column(batch, stmt, i, "bbi"[i], NULL);
    if (send_batch(batch) != 0)
        return -1;
    char *owner = mem_printf("%lld %s", (long long)sending.number,
                             (const char *)sqlite3_column_text(stmt, 3));
    int64_t seq = sending.number;
    batch = new_batch(copying->to, &sending, err);
    store_pg_say(batch, "INSERT INTO @step (seq, name, result) VALUES ($1, $2, $3)" ONCE);
    store_pg_int(batch, seq);
    put_column(batch, stmt, 3, 'b', NULL);
    const void *text = sqlite3_column_blob(stmt, 4);
    store_pg_sealed(batch, STORE_PG_STEP, owner, text != NULL ? text : "",
                    (size_t)sqlite3_column_bytes(stmt, 4));
    mem_free(owner);
    return send_batch(batch);
}

static int copy_steps(struct copying *copying, struct err *err)
{
    sqlite3_stmt *stmt = prepare_read(copying,
                                      "SELECT scope, id, part, name, result FROM step JOIN event"
                                      " USING (seq) WHERE is_among(scope)",
                                      err);
    int result = stmt != NULL ? 0 : -1;
    int step = SQLITE_DONE;
    while (result == 0 && (step = sqlite3_step(stmt)) == SQLITE_ROW)
        result = copy_step(copying, stmt, err);
    if (result == 0 && step != SQLITE_DONE)
        result = store_sqlite_failed(copying->from, "cannot be read", err);
    sqlite3_finalize(stmt);
    return result;
}

/* order_lock(scope, order_key) */
static void order_lock(sqlite3_context *context, int count, sqlite3_value **arguments)
{
    (void)count;
    sqlite3_result_int64(context,
                         store_pg_event_lock_of((const char *)sqlite3_value_text(arguments[0]),
                                                (const char *)sqlite3_value_text(arguments[1])));
}

static int copy_all(struct copying *copying, struct err *err)
{
    bool keys_only = copying->copy->keys_only;
    if (sqlite3_create_function(copying->from->db, "order_lock", 2, SQLITE_UTF8, NULL, order_lock,
                                NULL, NULL) != SQLITE_OK)
        return store_sqlite_failed(copying->from, "cannot be read", err);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if ((tables[i].keys || !keys_only) && copy_table(copying, &tables[i], err) != 0)
            return -1;
    }
    return keys_only ? 0 : copy_steps(copying, err);
}

#define FOLDER_OF_FILE "rtrim(?1, replace(?1, '/', ''))"

static int count_elsewhere(struct copying *copying, struct err *err)
{
    sqlite3_stmt *stmt =
        store_sqlite_prepare(copying->from,
                             "SELECT count(*) FROM kv WHERE substr(scope, 1, 8) = 'script:/'"
                             " AND substr(scope, 8, length(" FOLDER_OF_FILE ")) <> " FOLDER_OF_FILE,
                             err);
    if (stmt == NULL)
        return -1;
    store_sqlite_bind_text(stmt, 1, copying->copy->file);
    int step = sqlite3_step(stmt);
    copying->copy->elsewhere = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return step == SQLITE_ROW ? 0 : store_sqlite_failed(copying->from, "cannot be read", err);
}

int store_copy(struct store *from, struct store *to, struct store_copy *copy, struct err *err)
{
    struct copying copying = {.from = from->self, .to = to->self, .copy = copy};
    const char *homes[] = {copy->home, NULL};
    if (from->engine != &store_sqlite || to->engine != &store_pg)
        return err_set(err, ERR_CONFIG,
                       "a state is copied from a folder to a database, not otherwise");
    if (store_open(from, err) != 0 || store_open(to, err) != 0 ||
        store_sqlite_scopes_know(copying.from, homes, err) != 0)
        return -1;
    copying.scripts = mem_printf("script:%s:", copy->home);
    int result = copy->keys_only ? 0 : prepare(&copying, err);
    if (result == 0)
        result = copy_all(&copying, err);
    if (result == 0)
        result = count_elsewhere(&copying, err);
    mem_free(copying.scripts);
    return result;
}

/* After */

int store_copy_done(struct store *to, const char *home, struct err *err)
{
    struct sending sending;
    if (store_open(to, err) != 0)
        return -1;
    struct store_pg_batch *batch = new_batch(to->self, &sending, err);
    char *mark = mark_of(home);
    store_pg_say(batch, "DELETE FROM @meta WHERE key = $1");
    store_pg_text(batch, mark);
    mem_free(mark);
    return send_batch(batch);
}

int store_copy_check_moved(struct store *store, const char *home, struct err *err)
{
    if (store->engine != &store_sqlite)
        return 0;
    return store_open(store, err) != 0 ? -1 : store_sqlite_check_moved(store->self, home, err);
}

int store_copy_moved(struct store *store, const char *home, char url[static STORE_URL_MAX],
                     struct err *err)
{
    url[0] = '\0';
    if (store->engine != &store_sqlite)
        return 0;
    return store_open(store, err) != 0 ? -1 : store_sqlite_moved(store->self, home, url, err);
}

int store_copy_mark(struct store *store, const char *home, const char *url, struct err *err)
{
    if (store->engine != &store_sqlite)
        return err_set(err, ERR_CONFIG, "only a state in a folder can have been moved");
    return store_open(store, err) != 0 ? -1 : store_sqlite_mark_moved(store->self, home, url, err);
}

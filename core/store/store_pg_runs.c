/* Rows of runs. */
#include "mem.h"
#include "store_home.h"
#include "store_pg.h"
#include "store_runs.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define OUTPUT_COLUMN "run.output"
#define MADE_SIZE     16
#define PRUNE_RUNS    5000 /* that go at once: the end of a run does not wait for more */
#define ENDED         "(exit IS NOT NULL OR cause IS NOT NULL)"
/* As take_row reads them; the output stands last. */
#define COLUMNS                                                                                    \
    "row, run, scope, job, slot_ms, attempt, started_ms, ended_ms, exit, cause, message,"          \
    " requests, exchanges, peak_kib, pid, pid_start, boot_id, output_bytes, host, host_id,"        \
    " EXISTS (SELECT 1 FROM @lease AS its WHERE its.kind = 2"                                      \
    " AND its.key = sha256(convert_to(run.run, 'UTF8')) AND its.until > clock_timestamp())"
_Static_assert((int)STORE_LEASE_RUN == STORE_PG_RUN_LEASE, "as it stands in COLUMNS");

/* Writing */

/* Parameters 1 to 10: what an end brings. */
static void put_end(struct store_pg_batch *batch, const struct store_run *run)
{
    size_t len = run->output_len < STORE_OUTPUT_MAX ? run->output_len : STORE_OUTPUT_MAX;
    store_pg_time(batch, run->ended_ms);
    if (run->exit >= 0)
        store_pg_int(batch, run->exit);
    else
        store_pg_text(batch, NULL);
    store_pg_text(batch, run->cause);
    store_pg_scope(batch, run->message);
    store_pg_int(batch, run->requests);
    store_pg_int(batch, run->exchanges);
    store_pg_int(batch, run->peak_kib);
    store_pg_int(batch, run->output_bytes);
    store_pg_sealed(batch, OUTPUT_COLUMN, run->run,
                    run->output != NULL ? run->output + run->output_len - len : NULL, len);
    store_pg_text(batch, run->untold ? "true" : "false");
}

/* Parameters 11 to 22. The last one tells this writing from any other. */
static void put_run(struct store_pg_batch *batch, const struct store_run *run)
{
    store_pg_text(batch, run->run);
    store_pg_scope(batch, run->scope);
    store_pg_text(batch, run->job);
    store_pg_time(batch, run->slot_ms);
    store_pg_int(batch, run->attempt);
    store_pg_time(batch, run->started_ms);
    store_pg_int(batch, run->supervisor.pid);
    store_pg_int(batch, run->supervisor.start);
    store_pg_text(batch, run->supervisor.boot_id);
    store_pg_text(batch, run->host);
    store_pg_text(batch, batch->pg->host);
    unsigned char made[MADE_SIZE];
    randombytes_buf(made, sizeof made);
    store_pg_bytes(batch, made, sizeof made);
}

#define INSERT_RUN                                                                                 \
    "INSERT INTO @run AS its (ended_ms, exit, cause, message, requests, exchanges, peak_kib,"      \
    " output_bytes, output, untold, run, scope, job, slot_ms, attempt, started_ms, pid,"           \
    " pid_start, boot_id, host, host_id, made, row) "
#define RUN_VALUES                                                                                 \
    "$1::bigint, $2::integer, $3::text, $4::bytea, $5::bigint, $6::bigint, $7::bigint,"            \
    " $8::bigint, $9::bytea, $10::boolean, $11::text, $12::bytea, $13::text, $14::bigint,"         \
    " $15::bigint, " STORE_PG_OR_NOW(                                                              \
        "$16::bigint") ", $17::bigint, $18::bigint, $19::text, $20::text, $21::text,"              \
                       " $22::bytea, nextval('@run_row')"
/* It is there already where this was sent before. Another's, of the same name, is an error: NULL is
 * no run. */
#define RUN_AGAIN                                                                                  \
    " ON CONFLICT (run, attempt) DO UPDATE SET"                                                    \
    " run = CASE WHEN its.made = excluded.made THEN its.run END RETURNING its.row"

static void insert(struct store_pg_batch *batch, const struct store_run *run)
{
    store_pg_say(batch, INSERT_RUN "VALUES (" RUN_VALUES ")" RUN_AGAIN);
    put_end(batch, run);
    put_run(batch, run);
}

static int add(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    insert(batch, work->call->run.added);
    return 0;
}

static int added(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    work->call->run.added->row = store_pg_get_int(batch, 0, 0, 0, 0);
    return 0;
}

/* The claim is made where there is none, or where it is this run's already; then the row. */
static int claim(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_run *run = work->call->run.added;
    const char *boot_id = work->call->run.boot_id;
    (void)err;
    if (boot_id != NULL)
        store_pg_say(batch,
                     "WITH claimed AS (INSERT INTO @boot AS its (scope, host_id, boot_id, run)"
                     " VALUES ($12::bytea, $21::text, $23::text, $11::text)"
                     " ON CONFLICT (sha256(scope), host_id) DO UPDATE SET"
                     " boot_id = excluded.boot_id, run = excluded.run"
                     " WHERE its.boot_id <> excluded.boot_id OR its.run = excluded.run"
                     " RETURNING 1) " INSERT_RUN "SELECT " RUN_VALUES " FROM claimed" RUN_AGAIN);
    else
        store_pg_say(batch,
                     "WITH claimed AS (INSERT INTO @slot AS its (scope, slot_ms, run)"
                     " VALUES ($12::bytea, $14::bigint, $11::text)"
                     " ON CONFLICT (sha256(scope), slot_ms) DO UPDATE SET run = its.run"
                     " WHERE its.run = excluded.run"
                     " RETURNING 1) " INSERT_RUN "SELECT " RUN_VALUES " FROM claimed" RUN_AGAIN);
    put_end(batch, run);
    put_run(batch, run);
    if (boot_id != NULL) {
        store_pg_text(batch, boot_id);
        return 0;
    }
    /* Old ones go by the age of their slot, but never all. */
    store_pg_say(batch, "DELETE FROM @slot WHERE sha256(scope) = sha256($1)"
                        " AND slot_ms < $2::bigint - $3::bigint AND slot_ms < (SELECT slot_ms FROM"
                        " @slot WHERE sha256(scope) = sha256($1) ORDER BY slot_ms DESC"
                        " LIMIT 1 OFFSET $4::bigint)");
    store_pg_scope(batch, run->scope);
    store_pg_int(batch, run->slot_ms);
    store_pg_int(batch, STORE_SLOTS_KEPT_MS);
    store_pg_int(batch, STORE_SLOTS_KEPT - 1);
    return 0;
}

static int claimed(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    if (store_pg_rows(batch, 0) == 0)
        return 0;
    work->call->run.added->row = store_pg_get_int(batch, 0, 0, 0, 0);
    return 1;
}

static int start(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_run *run = work->call->run.added;
    (void)err;
    store_pg_say(batch,
                 "UPDATE @run SET started_ms = " STORE_PG_OR_NOW(
                     "$1::bigint") ","
                                   " row = nextval('@run_row')"
                                   " WHERE run = $2 AND attempt = $3 RETURNING row, started_ms");
    store_pg_time(batch, run->started_ms);
    store_pg_text(batch, run->run);
    store_pg_int(batch, run->attempt);
    return 0;
}

static int started(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    if (store_pg_rows(batch, 0) == 0)
        return err_set(err, ERR_CONFIG, "%s: the row of run %s is gone", work->pg->label,
                       work->call->run.added->run);
    struct store_run *run = work->call->run.added;
    run->row = store_pg_get_int(batch, 0, 0, 0, 0);
    if (run->started_ms != STORE_NONE)
        return 0;
    run->started_ms = store_pg_get_int(batch, 0, 0, 1, 0);
    store_pg_clock_seen(work->pg, run->started_ms); /* so that it does not end before */
    return 0;
}

#define FIRST_OF(which)                                                                            \
    "coalesce((SELECT min(last) FROM (SELECT last FROM ended WHERE " which                         \
    " ORDER BY last DESC LIMIT $3::bigint) AS newest), 9223372036854775807)"
#define FIRST_RAN     FIRST_OF("NOT skipped")
#define FIRST_SKIPPED FIRST_OF("skipped")

/* Of the skipped runs as many as of the others, as in store_sqlite_runs.c. By their places, as the
 * planner without statistics would look through all for each. */
static void prune(struct store_pg_batch *batch, const struct store_call *call)
{
    store_pg_say(batch,
                 "WITH ended AS (SELECT max(row) AS last, min(started_ms) AS started,"
                 " bool_or(cause IS NOT DISTINCT FROM '" STORE_CAUSE_LOCKED "') AS skipped,"
                 " array_agg(ctid) AS places FROM @run WHERE sha256(scope) = sha256($1)"
                 " GROUP BY run HAVING bool_and" ENDED ") DELETE FROM @run WHERE ctid = ANY (ARRAY("
                 "SELECT unnest(places) FROM (SELECT places FROM ended WHERE"
                 " (skipped OR last < (SELECT max(last) FROM ended WHERE NOT skipped))"
                 " AND (started < $2::bigint OR last < CASE WHEN skipped THEN " FIRST_SKIPPED
                 " ELSE " FIRST_RAN " END) ORDER BY last LIMIT $4::bigint) AS gone))");
    store_pg_scope(batch, call->run.ended->scope);
    store_pg_int(batch, call->run.since_ms);
    store_pg_int(batch, call->run.keep);
    store_pg_int(batch, PRUNE_RUNS);
}

static int end(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_call *call = work->call;
    (void)err;
    store_pg_say(batch, "UPDATE @run SET ended_ms = $1, exit = $2, cause = $3, message = $4,"
                        " requests = $5, exchanges = $6, peak_kib = $7, output_bytes = $8,"
                        " output = $9, untold = $10 WHERE run = $11 AND attempt = $12");
    put_end(batch, call->run.ended);
    store_pg_text(batch, call->run.ended->run);
    store_pg_int(batch, call->run.ended->attempt);
    if (call->run.added != NULL)
        insert(batch, call->run.added);
    if (!call->run.prune)
        return 0;
    prune(batch, call);
    return 0;
}

static int over(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    if (work->call->run.added != NULL)
        work->call->run.added->row = store_pg_get_int(batch, 1, 0, 0, 0);
    return 0;
}

static int told(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "UPDATE @run SET untold = false WHERE run = $1 AND attempt = $2");
    store_pg_text(batch, work->call->run.ended->run);
    store_pg_int(batch, work->call->run.ended->attempt);
    return 0;
}

/* Reading */

static const char *where_of(struct store_pg_batch *batch, const struct store_run_filter *filter)
{
    char *where = mem_printf(
        "true%s%s%s%s%s%s%s", filter->job != NULL ? " AND job = $2" : "",
        filter->run != NULL ? " AND run = $3" : "", filter->open ? " AND NOT " ENDED : "",
        filter->ended ? " AND " ENDED : "", filter->untold ? " AND untold" : "",
        filter->ran ? " AND cause IS DISTINCT FROM '" STORE_CAUSE_LOCKED "'" : "",
        filter->before_row > 0 ? " AND row < $5" : "");
    const char *text = arena_text(&batch->texts, where, strlen(where));
    mem_free(where);
    return text;
}

/* All scopes, each by a step along their index: a table of many runs has few. */
#define SCOPES                                                                                     \
    "WITH RECURSIVE one AS ((SELECT scope FROM @run ORDER BY sha256(scope), row LIMIT 1)"          \
    " UNION ALL SELECT following.scope FROM one, LATERAL (SELECT scope FROM @run WHERE"            \
    " sha256(scope) > sha256(one.scope) ORDER BY sha256(scope), row LIMIT 1) AS following)"        \
    " SELECT scope FROM one"

/* Whether the scopes are found first, by their homes or by the job that stands in them. */
static bool finds_scopes(const struct store_run_filter *filter)
{
    return filter->scope == NULL && (filter->homes != NULL || filter->job != NULL);
}

static bool is_wanted(const char *scope, const struct store_run_filter *filter)
{
    char of_job[STORE_SCOPE_SIZE];
    const char *home = store_home_of(scope);
    store_scope(of_job, filter->job != NULL ? filter->job : "", "");
    return home != NULL && (filter->job == NULL || strncmp(scope, of_job, strlen(of_job)) == 0) &&
           (filter->homes == NULL || store_home_among(home, filter->homes));
}

/* The hashes of those that are wanted, as an array in SQL: the first round has asked for all. */
static const char *wanted_scopes(struct store_pg_batch *batch,
                                 const struct store_run_filter *filter)
{
    struct buf array;
    unsigned char hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof hash + 1];
    buf_create(&array, SIZE_MAX);
    buf_putc(&array, '{');
    for (int row = 0; row < store_pg_rows(batch, 0); row++) {
        size_t len;
        const char *scope = store_pg_get_bytes(batch, 0, row, 0, &len);
        if (scope == NULL || !is_wanted(scope, filter))
            continue;
        crypto_hash_sha256(hash, (const unsigned char *)scope, len);
        buf_printf(&array, "%s\"\\\\x%s\"", array.len > 1 ? "," : "",
                   sodium_bin2hex(hex, sizeof hex, hash, sizeof hash));
    }
    buf_putc(&array, '}');
    const char *text = arena_text(&batch->texts, array.data, array.len);
    buf_destroy(&array);
    return text;
}

#define HASH "sha256(scope)"

/* The newest rows, as "run"; of each scope as many. limit NULL: all. mem_free. */
static char *newest_rows(const struct store_run_filter *filter, const char *where,
                         const char *limit)
{
    bool scoped = filter->scope != NULL || finds_scopes(filter);
    const char *of = !scoped         ? "true"
                     : limit == NULL ? HASH " = hash"
                                     : STORE_PG_OF(HASH, "row", "hash");
    const char *order = scoped ? STORE_PG_NEWEST(HASH, "row") : " ORDER BY row DESC";
    return mem_printf("%s (SELECT * FROM @run WHERE %s AND %s%s%s%s) AS run",
                      filter->scope != NULL ? "(SELECT sha256($1) AS hash) AS it CROSS JOIN LATERAL"
                      : finds_scopes(filter)
                          ? "unnest($7::bytea[]) AS those (hash) CROSS JOIN LATERAL"
                          : "",
                      of, where, limit != NULL ? order : "", limit != NULL ? " LIMIT " : "",
                      limit != NULL ? limit : "");
}

/* All attempts of the newest runs, which are found by their last attempts. mem_free. */
static char *newest_runs(const struct store_run_filter *filter, const char *where)
{
    char *last = mem_printf("%s AND row = (SELECT max(row) FROM @run AS later"
                            " WHERE later.run = run.run AND %s)",
                            where, where);
    char *rows = newest_rows(filter, last, "$6::bigint");
    char *text = mem_printf("(SELECT run.run AS newest FROM %s ORDER BY run.row DESC"
                            " LIMIT $6::bigint) AS found CROSS JOIN LATERAL (SELECT * FROM @run"
                            " WHERE run = newest AND %s OFFSET 0) AS run",
                            rows, where);
    mem_free(last);
    mem_free(rows);
    return text;
}

static int list(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_run_filter *filter = work->call->list.filter;
    (void)err;
    if (finds_scopes(filter) && work->round == 0) {
        store_pg_say(batch, SCOPES);
        return 0;
    }
    const char *where = where_of(batch, filter);
    char *from = filter->runs == 0
                     ? newest_rows(filter, where, filter->limit > 0 ? "$4::bigint" : NULL)
                     : newest_runs(filter, where);
    char *sql = mem_printf("WITH given AS (SELECT $1::bytea, $2::text, $3::text, $5::bigint,"
                           " $6::bigint, $7::bytea[]) SELECT " COLUMNS "%s FROM %s"
                           " ORDER BY row DESC LIMIT $4::bigint",
                           filter->output ? ", output" : "", from);
    store_pg_say(batch, sql);
    mem_free(sql);
    mem_free(from);
    store_pg_scope(batch, filter->scope);
    store_pg_text(batch, filter->job);
    store_pg_text(batch, filter->run);
    if (filter->limit > 0)
        store_pg_int(batch, filter->limit);
    else
        store_pg_text(batch, NULL);
    store_pg_int(batch, filter->before_row);
    store_pg_int(batch, filter->runs);
    store_pg_text(batch, work->last);
    return 0;
}

/* On this host by what the kernel knows, elsewhere by the lease. */
static bool is_alive(const struct store_pg *pg, const struct store_run *run, const char *host_id,
                     bool leased)
{
    if (strcmp(host_id, pg->host) != 0)
        return leased;
    return store_flock_run_is_held(pg->place.folder, run->run) ||
           process_identity_alive(&run->supervisor);
}

static const char *take_text(const char *text, struct arena *texts)
{
    return text != NULL ? arena_text(texts, text, strlen(text)) : NULL;
}

static int take_row(struct store_pg_batch *batch, int at, bool output, struct arena *texts,
                    struct store_run *run, struct err *err)
{
    size_t len;
    run->row = store_pg_get_int(batch, 0, at, 0, 0);
    store_run_read_id(run->run, store_pg_get_text(batch, 0, at, 1));
    run->scope = take_text(store_pg_get_bytes(batch, 0, at, 2, &len), texts);
    run->job = take_text(store_pg_get(batch, 0, at, 3), texts);
    run->slot_ms = store_pg_get_int(batch, 0, at, 4, STORE_NONE);
    run->attempt = store_pg_get_int(batch, 0, at, 5, 0);
    run->started_ms = store_pg_get_int(batch, 0, at, 6, 0);
    run->ended_ms = store_pg_get_int(batch, 0, at, 7, STORE_NONE);
    run->exit = (int)store_pg_get_int(batch, 0, at, 8, -1);
    run->cause = take_text(store_pg_get(batch, 0, at, 9), texts);
    run->message = take_text(store_pg_get_bytes(batch, 0, at, 10, &len), texts);
    run->requests = store_pg_get_int(batch, 0, at, 11, 0);
    run->exchanges = store_pg_get_int(batch, 0, at, 12, 0);
    run->peak_kib = store_pg_get_int(batch, 0, at, 13, 0);
    run->supervisor.pid = (pid_t)store_pg_get_int(batch, 0, at, 14, 0);
    run->supervisor.start = store_pg_get_int(batch, 0, at, 15, 0);
    snprintf(run->supervisor.boot_id, sizeof run->supervisor.boot_id, "%s",
             store_pg_get_text(batch, 0, at, 16));
    run->output_bytes = store_pg_get_int(batch, 0, at, 17, 0);
    run->host = take_text(store_pg_get(batch, 0, at, 18), texts);
    run->alive = is_alive(batch->pg, run, store_pg_get_text(batch, 0, at, 19),
                          store_pg_get_true(batch, 0, at, 20));
    if (!output)
        return 0;
    const char *opened;
    if (store_pg_get_sealed(batch, 0, at, 21, OUTPUT_COLUMN, run->run, &opened, &run->output_len,
                            err) != 0)
        return -1;
    run->output = opened != NULL ? arena_text(texts, opened, run->output_len) : NULL;
    return 0;
}

static int listed(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_run_filter *filter = work->call->list.filter;
    struct store_runs *runs = work->call->list.runs;
    if (finds_scopes(filter) && work->round == 0) {
        const char *scopes = wanted_scopes(batch, filter);
        work->last = arena_text(&work->texts, scopes, strlen(scopes));
        return STORE_PG_MORE;
    }
    memset(runs, 0, sizeof *runs);
    int rows = store_pg_rows(batch, 0);
    runs->items = mem_alloc(((size_t)rows + 1) * sizeof *runs->items);
    for (int at = 0; at < rows; at++) {
        struct store_run *run = &runs->items[runs->count++];
        if (take_row(batch, at, filter->output, &runs->texts, run, err) != 0) {
            store_runs_destroy(runs);
            return -1;
        }
        if (!filter->untold && (run->exit >= 0 || run->cause != NULL))
            run->alive = false;
    }
    return 0;
}

const struct store_pg_op store_pg_run_add = {.ask = add, .take = added};
const struct store_pg_op store_pg_run_claim = {.ask = claim, .take = claimed};
const struct store_pg_op store_pg_run_start = {.ask = start, .take = started};
const struct store_pg_op store_pg_run_end = {.ask = end, .take = over};
const struct store_pg_op store_pg_run_told = {.ask = told};
const struct store_pg_op store_pg_run_list = {.ask = list, .take = listed};

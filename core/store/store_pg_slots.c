/* Claimed slots, when jobs were installed, and counters. */
#include "store_counters.h"
#include "store_pg.h"
#include "store_runs.h"

#include <sodium.h>

#define ADDING_SIZE 16

static int latest(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "SELECT max(slot_ms) FROM @slot WHERE sha256(scope) = sha256($1)"
                        " AND slot_ms <= " STORE_PG_OR_NOW("$2::bigint"));
    store_pg_scope(batch, work->call->job.scopes[0]);
    store_pg_time(batch, work->call->job.at_ms);
    return 0;
}

static int latest_found(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    if (store_pg_get(batch, 0, 0, 0) == NULL)
        return 0;
    *work->call->job.found_ms = store_pg_get_int(batch, 0, 0, 0, 0);
    return 1;
}

/* In the order that is given: two who insert the same ones in two orders would wait for each
 * other. All jobs of one configuration come in its order. */
static int installed(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    for (size_t i = 0; i < work->call->job.count; i++) {
        store_pg_say(batch,
                     "INSERT INTO @job AS its (scope, installed_ms) VALUES ($1, " STORE_PG_OR_NOW(
                         "$2::bigint") ")"
                                       " ON CONFLICT (sha256(scope)) DO UPDATE SET"
                                       " installed_ms = excluded.installed_ms WHERE "
                                       "its.installed_ms IS NULL");
        store_pg_scope(batch, work->call->job.scopes[i]);
        store_pg_time(batch, work->call->job.at_ms);
        store_pg_say(batch, "SELECT installed_ms FROM @job WHERE sha256(scope) = sha256($1)");
        store_pg_scope(batch, work->call->job.scopes[i]);
    }
    return 0;
}

static int installed_found(struct store_pg_work *work, struct store_pg_batch *batch,
                           struct err *err)
{
    (void)err;
    for (size_t i = 0; i < work->call->job.count; i++)
        work->call->job.found_ms[i] =
            store_pg_get_int(batch, 2 * i + 1, 0, 0, work->call->job.at_ms);
    return 0;
}

static int set_installed(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    for (size_t i = 0; i < work->call->job.count; i++) {
        store_pg_say(batch, "INSERT INTO @job (scope, installed_ms) VALUES ($1, $2)"
                            " ON CONFLICT (sha256(scope)) DO UPDATE SET"
                            " installed_ms = excluded.installed_ms");
        store_pg_scope(batch, work->call->job.scopes[i]);
        store_pg_time(batch, work->call->job.at_ms);
    }
    return 0;
}

/* The row remembers the last addition, so that one that is sent twice counts once. */
static int count(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_counters *more = work->call->counters.more;
    unsigned char adding[ADDING_SIZE];
    (void)err;
    randombytes_buf(adding, sizeof adding);
    store_pg_say(batch,
                 "INSERT INTO @job_counter AS its (scope, runs, failures, skipped, requests,"
                 " exchanges, success_ms, last) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
                 " ON CONFLICT (sha256(scope)) DO UPDATE SET runs = its.runs + excluded.runs,"
                 " failures = its.failures + excluded.failures,"
                 " skipped = its.skipped + excluded.skipped,"
                 " requests = its.requests + excluded.requests,"
                 " exchanges = its.exchanges + excluded.exchanges,"
                 " success_ms = coalesce(excluded.success_ms, its.success_ms), last = excluded.last"
                 " WHERE its.last <> excluded.last");
    store_pg_scope(batch, work->call->counters.scope);
    store_pg_int(batch, more->runs);
    store_pg_int(batch, more->failures);
    store_pg_int(batch, more->skipped);
    store_pg_int(batch, more->requests);
    store_pg_int(batch, more->exchanges);
    store_pg_time(batch, more->success_ms);
    store_pg_bytes(batch, adding, sizeof adding);
    store_pg_say(batch, "SELECT runs, failures, skipped, requests, exchanges, success_ms"
                        " FROM @job_counter WHERE sha256(scope) = sha256($1)");
    store_pg_scope(batch, work->call->counters.scope);
    return 0;
}

static int counted(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_counters *sums = work->call->counters.sums;
    (void)err;
    sums->runs = store_pg_get_int(batch, 1, 0, 0, 0);
    sums->failures = store_pg_get_int(batch, 1, 0, 1, 0);
    sums->skipped = store_pg_get_int(batch, 1, 0, 2, 0);
    sums->requests = store_pg_get_int(batch, 1, 0, 3, 0);
    sums->exchanges = store_pg_get_int(batch, 1, 0, 4, 0);
    sums->success_ms = store_pg_get_int(batch, 1, 0, 5, STORE_NONE);
    return 0;
}

const struct store_pg_op store_pg_slot_latest = {.ask = latest, .take = latest_found};
const struct store_pg_op store_pg_job_installed = {.ask = installed, .take = installed_found};
const struct store_pg_op store_pg_job_set_installed = {.ask = set_installed};
const struct store_pg_op store_pg_counters_add = {.ask = count, .take = counted};

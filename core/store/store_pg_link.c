/* The connection, and what is sent over it: transactions. Those that are there when nothing is
 * under way are sent together, with one sync behind all: poolers take the answer to a sync for the
 * end of all that was asked. Where one fails, the server skips the others, and they are sent again.
 */
#include "mem.h"
#include "store_pg.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Before a batch's own statements. READ WRITE: a standby refuses at once. Nothing that the server
 * or the role is set to changes what a statement means. */
#define BEGIN                 "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
#define TEXT_OF(number)       TEXT_OF_VALUE(number)
#define TEXT_OF_VALUE(number) #number
/* A client whose network or power goes while it sends leaves its transaction open, with the locks
 * of its rows: no timeout of the server's counts while it waits for the rest. */
#define KEEPALIVE                                                                                  \
    " pg_catalog.set_config('tcp_keepalives_idle', '10', true),"                                   \
    " pg_catalog.set_config('tcp_keepalives_interval', '5', true),"                                \
    " pg_catalog.set_config('tcp_keepalives_count', '3', true),"                                   \
    " pg_catalog.set_config('tcp_user_timeout', '25000', true)"
#define SETTINGS                                                                                   \
    "SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),"                    \
    " pg_catalog.set_config('lock_timeout', '" TEXT_OF(                                            \
        STORE_PG_LOCK_MS) "', true),"                                                              \
                          " pg_catalog.set_config('statement_timeout', '" TEXT_OF(                 \
                              STORE_PG_STATEMENT_MS) "', true),"                                   \
                                                     " pg_catalog.set_config('bytea_output', "     \
                                                     "'hex', true),"                               \
                                                     " pg_catalog.set_config('synchronous_commit'" \
                                                     ", CASE WHEN"                                 \
                                                     " pg_catalog.current_setting('synchronous_"   \
                                                     "commit') OPERATOR(pg_catalog.=) ANY"         \
                                                     " ('{off,local}'::pg_catalog.text[]) THEN "   \
                                                     "'on' ELSE"                                   \
                                                     " pg_catalog.current_setting('synchronous_"   \
                                                     "commit') END, true)," KEEPALIVE
#define BEFORE   2  /* of these */
#define SENT_MAX 16 /* batches that are sent together */

static void go_on(struct store_pg *pg);

/* Ends */

static void finish(struct store_pg *pg, struct store_pg_batch *batch, const struct err *err)
{
    struct store_pg_batch **at = &pg->first;
    while (*at != batch)
        at = &(*at)->next;
    *at = batch->next;
    if (pg->under_way == batch)
        pg->under_way = NULL;
    if (pg->sent > 0)
        pg->sent--;
    batch->done(batch, err);
    store_pg_batch_free(batch);
}

static void finish_all(struct store_pg *pg, const struct err *err)
{
    while (pg->first != NULL)
        finish(pg, pg->first, err);
}

/* A child that was forked has no part in the connection: what it would send, the server would take
 * for its parent's. */
static void leave_to_parent(struct store_pg *pg)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0 && dup3(null, pg->api.PQsocket(pg->conn), O_CLOEXEC) >= 0)
        pg->api.PQfinish(pg->conn); /* takes its leave of nobody */
    else
        close(pg->api.PQsocket(pg->conn));
    if (null >= 0)
        close(null);
}

static void drop(struct store_pg *pg)
{
    loop_fd_stop(pg->loop, &pg->watch);
    loop_timer_stop(pg->loop, &pg->patience);
    lookup_cancel(pg->lookup);
    pg->lookup = NULL;
    if (pg->conn != NULL && pg->pid == getpid())
        pg->api.PQfinish(pg->conn);
    else if (pg->conn != NULL)
        leave_to_parent(pg);
    pg->conn = NULL;
    pg->link = STORE_PG_CLOSED;
    pg->known = false;
    if (pg->under_way != NULL)
        store_pg_batch_clear(pg->under_way);
    pg->under_way = NULL;
    pg->sent = 0;
    pg->careful = false;
    while (pg->first != NULL && pg->first->hello)
        finish(pg, pg->first, &pg->trouble);
}

void store_pg_hang_up(struct store_pg *pg, const struct err *err)
{
    loop_timer_stop(pg->loop, &pg->deadline);
    loop_timer_stop(pg->loop, &pg->again);
    pg->trouble = *err;
    drop(pg);
    finish_all(pg, err);
}

static void no_answer(struct store_pg *pg, struct err *err)
{
    if (pg->trouble.kind != ERR_NONE)
        *err = pg->trouble;
    else if (pg->lookup != NULL)
        err_set(err, ERR_NETWORK, "%s: its address was not found within %d s", pg->label,
                (int)(pg->call_ms / 1000));
    else
        err_set(err, ERR_NETWORK, "%s: no answer within %d s", pg->label,
                (int)(pg->call_ms / 1000));
    err->retryable = true;
}

/* Deadlines: those of the first one count, as the others are younger. A connection that says
 * nothing is of no use any more: what it does with the batch, nobody can know. */

static void watch_deadline(struct store_pg *pg);

static void out_of_time(void *arg)
{
    struct store_pg *pg = arg;
    int64_t now_ms = loop_now_ms(pg->loop);
    struct err err;
    no_answer(pg, &err);
    pg->turn += pg->link == STORE_PG_CONNECTING;
    if (pg->link == STORE_PG_CONNECTING || pg->under_way != NULL) {
        pg->trouble = err;
        drop(pg);
    }
    struct store_pg_batch *late = pg->first;
    while (late != NULL) {
        struct store_pg_batch *next = late->next;
        if (late->deadline_ms <= now_ms)
            finish(pg, late, &err);
        late = next;
    }
    go_on(pg);
}

/* Where this process has stood still, or a script has computed, an answer may have come meanwhile,
 * and is read first. */
static void nearly_out_of_time(void *arg)
{
    struct store_pg *pg = arg;
    loop_timer_start(pg->loop, &pg->deadline, 0, out_of_time, pg);
}

static void watch_deadline(struct store_pg *pg)
{
    int64_t due_ms = INT64_MAX;
    for (const struct store_pg_batch *batch = pg->first; batch != NULL; batch = batch->next)
        due_ms = batch->deadline_ms < due_ms ? batch->deadline_ms : due_ms;
    loop_timer_stop(pg->loop, &pg->deadline);
    if (pg->first == NULL)
        return;
    int64_t left_ms = due_ms - loop_now_ms(pg->loop);
    loop_timer_start(pg->loop, &pg->deadline, left_ms > 0 ? left_ms : 0, nearly_out_of_time, pg);
}

static void again(void *arg)
{
    go_on(arg);
}

/* The connection is gone; what was under way is sent over the next one. */
static void lose(struct store_pg *pg)
{
    drop(pg);
    if (pg->first == NULL)
        return;
    pg->again_ms = pg->again_ms == 0 ? STORE_PG_AGAIN_MS : pg->again_ms * 2;
    if (pg->again_ms > STORE_PG_AGAIN_MAX_MS)
        pg->again_ms = STORE_PG_AGAIN_MAX_MS;
    loop_timer_start(pg->loop, &pg->again, pg->again_ms, again, pg);
}

static void broken(struct store_pg *pg)
{
    const char *said = pg->api.PQerrorMessage(pg->conn);
    err_set(&pg->trouble, ERR_NETWORK, "%s: the connection was lost: %.*s", pg->label,
            (int)strcspn(said, "\n"), said);
    pg->trouble.retryable = true;
    lose(pg);
}

/* Sending */

static bool send_text(struct store_pg *pg, const char *sql)
{
    return pg->api.PQsendQueryParams(pg->conn, sql, 0, NULL, NULL, NULL, NULL, 0) == 1;
}

static void ready(void *arg, short revents);

static void flush(struct store_pg *pg)
{
    int left = pg->api.PQflush(pg->conn);
    if (left < 0) {
        broken(pg);
        return;
    }
    loop_fd_start(pg->loop, &pg->watch, pg->api.PQsocket(pg->conn),
                  (short)(left > 0 ? POLLIN | POLLOUT : POLLIN), ready, pg);
}

static bool send_transaction(struct store_pg *pg, const struct store_pg_batch *batch)
{
    bool sent = send_text(pg, BEGIN) && send_text(pg, SETTINGS);
    for (size_t i = 0; sent && i < batch->count; i++) {
        const struct store_pg_statement *one = &batch->statements[i];
        sent = pg->api.PQsendQueryParams(pg->conn, one->sql, one->count, NULL, one->values,
                                         one->lengths, one->formats, 0) == 1;
    }
    return sent && send_text(pg, "COMMIT");
}

static void await_results(struct store_pg *pg, struct store_pg_batch *batch)
{
    pg->under_way = batch;
    pg->results = 0;
    pg->conflict = pg->lost = false;
    pg->sqlstate[0] = '\0';
    err_clear(&pg->failed);
}

/* Whether it may go with those before it. */
static bool may_follow(const struct store_pg *pg, const struct store_pg_batch *batch)
{
    return pg->sent < SENT_MAX && (pg->known || pg->first->joins) && batch->count > 0 &&
           !batch->alone && !pg->first->alone;
}

static void send_batches(struct store_pg *pg)
{
    struct store_pg_batch *batch = pg->first;
    bool sent = true;
    pg->link = STORE_PG_WORKING;
    await_results(pg, batch);
    for (; sent && batch != NULL && (pg->sent == 0 || may_follow(pg, batch)); batch = batch->next) {
        pg->sent++;
        sent = send_transaction(pg, batch);
    }
    if (sent && pg->api.PQpipelineSync(pg->conn) == 1)
        flush(pg);
    else
        broken(pg);
}

static void undo(struct store_pg *pg)
{
    pg->link = STORE_PG_UNDOING;
    if (send_text(pg, "ROLLBACK") && pg->api.PQpipelineSync(pg->conn) == 1)
        flush(pg);
    else
        broken(pg);
}

/* Errors of statements */

static bool is_one_of(const char *state, const char *list)
{
    for (; *list != '\0'; list += strspn(list, " ")) {
        size_t len = strcspn(list, " ");
        if (strncmp(state, list, len) == 0)
            return true;
        list += len;
    }
    return false;
}

static void statement_failed(struct store_pg *pg, const PGresult *result)
{
    const char *state = pg->api.PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *said = pg->api.PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    if (state == NULL || said == NULL) /* libpq's own: the connection is lost, and is seen so */
        return;
    snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", state);
    pg->conflict = is_one_of(state, "40001 40P01");
    /* A standby says 0A000 to BEGIN … READ WRITE, and 25006 where it is one meanwhile. */
    bool standby = is_one_of(state, "25006") || (is_one_of(state, "0A000") && pg->results == 1);
    pg->lost = standby || is_one_of(state, "57P 08");
    bool later = pg->conflict || pg->lost || is_one_of(state, "53 55P03 57014 58 25P");
    if (standby)
        err_set(&pg->failed, ERR_NETWORK, "%s: it is a standby, which is read-only: %s", pg->label,
                said);
    else if (is_one_of(state, "22012")) /* STORE_PG_LOST */
        err_set(&pg->failed, ERR_LOST, "the lock was lost to somebody else");
    else if (is_one_of(state, "2201F")) /* STORE_PG_TOO_MANY */
        err_set(&pg->failed, ERR_INVALID, "over %d state keys of one job: delete some first",
                STORE_KEYS_MAX);
    else if (is_one_of(state, "42501"))
        err_set(
            &pg->failed, ERR_CONFIG,
            "%s: %s; give its role the rights that jeton.yaml(5) lists, or make the tables once "
            "as a role that may: jeton state upgrade",
            pg->label, said);
    else
        err_set(&pg->failed, later ? ERR_NETWORK : ERR_CONFIG, "%s: %s (SQLSTATE %s)", pg->label,
                said, state);
    pg->failed.retryable = later;
}

/* Receiving */

static void take_result(struct store_pg *pg, PGresult *result)
{
    size_t at = pg->results++ - BEFORE; /* wraps for those before */
    bool failed = pg->api.PQresultStatus(result) == PGRES_FATAL_ERROR;
    if (failed && pg->failed.kind == ERR_NONE && pg->link == STORE_PG_WORKING)
        statement_failed(pg, result);
    if (pg->link == STORE_PG_WORKING && pg->failed.kind == ERR_NONE && at < pg->under_way->count)
        pg->under_way->results[at] = result;
    else
        pg->api.PQclear(result);
}

/* One has come to its end, and the results of what was sent behind it follow. */
static void go_to_next(struct store_pg *pg)
{
    struct store_pg_batch *batch = pg->under_way;
    if (batch == NULL || pg->sent < 2 || pg->failed.kind != ERR_NONE ||
        pg->link != STORE_PG_WORKING || pg->results < BEFORE + batch->count + 1)
        return;
    await_results(pg, batch->next);
    finish(pg, batch, NULL);
}

/* What is wrong is looked for by a hello alone. */
static void greet_again(struct store_pg *pg)
{
    struct store_pg_batch *hello = pg->under_way;
    pg->careful = true;
    pg->first = hello->next;
    pg->under_way = NULL;
    store_pg_batch_free(hello);
    pg->hello(pg);
}

static void failed(struct store_pg *pg, struct store_pg_batch *batch)
{
    pg->sent = 0;
    if (pg->lost) {
        pg->trouble = pg->failed;
        lose(pg);
    } else if (pg->conflict && ++batch->conflicts < STORE_PG_CONFLICTS_MAX) {
        store_pg_batch_clear(batch);
        pg->under_way = NULL;
    } else if (batch->joins) {
        greet_again(pg);
    } else {
        struct err err = pg->failed;
        pg->again_ms = 0;
        err_clear(&pg->trouble);
        finish(pg, batch, &err);
    }
}

/* All that was sent has come. */
static void ended(struct store_pg *pg)
{
    struct store_pg_batch *batch = pg->under_way;
    loop_fd_stop(pg->loop, &pg->watch);
    pg->link = STORE_PG_READY;
    if (pg->failed.kind != ERR_NONE) {
        failed(pg, batch);
        return;
    }
    pg->again_ms = 0;
    err_clear(&pg->trouble);
    finish(pg, batch, NULL);
}

/* After a sync. */
static void synced(struct store_pg *pg)
{
    if (pg->link == STORE_PG_WORKING && !pg->lost &&
        pg->api.PQtransactionStatus(pg->conn) != PQTRANS_IDLE) {
        undo(pg);
        return;
    }
    ended(pg);
    go_on(pg);
}

static void ready(void *arg, short revents)
{
    struct store_pg *pg = arg;
    (void)revents;
    if (pg->api.PQconsumeInput(pg->conn) == 0) {
        broken(pg);
        return;
    }
    while (!pg->api.PQisBusy(pg->conn)) {
        PGresult *result = pg->api.PQgetResult(pg->conn);
        if (pg->api.PQstatus(pg->conn) == CONNECTION_BAD) {
            if (result != NULL)
                pg->api.PQclear(result);
            broken(pg);
            return;
        }
        if (result == NULL) /* between two statements */
            continue;
        if (pg->api.PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            pg->api.PQclear(result);
            synced(pg);
            return;
        }
        take_result(pg, result);
        go_to_next(pg);
        if (pg->under_way == NULL) /* what has come will not do */
            return;
    }
    flush(pg);
}

/* Connecting */

static void refused(struct store_pg *pg, const struct err *err)
{
    pg->trouble = *err;
    pg->turn++;
    if (err->retryable)
        lose(pg);
    else
        store_pg_hang_up(pg, err);
}

/* libpq waits for the first host until the system gives up: one that is without power says
 * nothing. */
static void out_of_patience(void *arg)
{
    struct store_pg *pg = arg;
    struct err err;
    err_set(&err, ERR_NETWORK, "%s: a host did not answer", pg->label);
    err.retryable = true;
    refused(pg, &err);
}

/* With one of several: it grows, as a network may be slow, but another one is reached in a call. */
static int64_t patience_ms(const struct store_pg *pg)
{
    int64_t ms = STORE_PG_HOST_MS * (int64_t)(1 + pg->turn / pg->nhosts);
    return ms < pg->call_ms / 2 ? ms : pg->call_ms / 2;
}

static void connecting(void *arg, short revents)
{
    struct store_pg *pg = arg;
    struct err err;
    (void)revents;
    loop_fd_stop(pg->loop, &pg->watch);
    PostgresPollingStatusType want = store_pg_connect_poll(pg);
    switch (want) {
    case PGRES_POLLING_READING:
    case PGRES_POLLING_WRITING: /* the socket may be another one than before */
        loop_fd_start(pg->loop, &pg->watch, pg->api.PQsocket(pg->conn),
                      want == PGRES_POLLING_READING ? POLLIN : POLLOUT, connecting, pg);
        return;
    case PGRES_POLLING_OK:
        pg->api.PQsetnonblocking(pg->conn, 1);
        pg->api.PQenterPipelineMode(pg->conn);
        pg->link = STORE_PG_READY;
        loop_timer_stop(pg->loop, &pg->patience);
        pg->hello(pg);
        return;
    default:
        store_pg_connect_failed(pg, &err);
        refused(pg, &err);
    }
}

static void found(void *arg, const struct lookup_found *addresses)
{
    struct store_pg *pg = arg;
    struct err err;
    pg->lookup = NULL;
    if (store_pg_connect(pg, addresses, &err) != 0) {
        refused(pg, &err);
        return;
    }
    if (pg->nhosts > 1)
        loop_timer_start(pg->loop, &pg->patience, patience_ms(pg), out_of_patience, pg);
    loop_fd_start(pg->loop, &pg->watch, pg->api.PQsocket(pg->conn), POLLOUT, connecting, pg);
}

/* libpq would look names up itself, and nothing else would go on meanwhile. */
static void start_connecting(struct store_pg *pg)
{
    struct err err;
    pg->pid = getpid();
    pg->link = STORE_PG_CONNECTING;
    int finds = store_pg_connect_find(pg, found, &err);
    if (finds < 0)
        refused(pg, &err);
    else if (finds == 0)
        found(pg, NULL);
}

/* Batches of nothing wait for no more than that the state is known. */
static void finish_empty(struct store_pg *pg)
{
    while (pg->known && pg->under_way == NULL && pg->first != NULL && pg->first->count == 0)
        finish(pg, pg->first, NULL);
}

/* What comes next. */
static void go_on(struct store_pg *pg)
{
    if ((pg->conn != NULL || pg->lookup != NULL) && pg->pid != getpid())
        drop(pg);
    finish_empty(pg);
    watch_deadline(pg);
    if (pg->first == NULL || pg->under_way != NULL)
        return;
    loop_timer_stop(pg->loop, &pg->again);
    if (pg->link == STORE_PG_CLOSED)
        start_connecting(pg);
    else if (pg->link == STORE_PG_READY && (pg->known || pg->first->hello))
        send_batches(pg);
    else if (pg->link == STORE_PG_READY) /* the keys have changed: are they the right ones? */
        pg->hello(pg);
}

void store_pg_send(struct store_pg *pg, struct store_pg_batch *batch)
{
    struct store_pg_batch **at = &pg->first;
    while (*at != NULL)
        at = &(*at)->next;
    *at = batch;
    if (pg->link == STORE_PG_READY) /* with those that are started at the same time */
        loop_timer_start(pg->loop, &pg->again, 0, again, pg);
    else
        go_on(pg);
}

void store_pg_send_first(struct store_pg *pg, struct store_pg_batch *batch)
{
    struct store_pg_batch **at = &pg->first;
    for (size_t i = 0; i < pg->sent; i++)
        at = &(*at)->next;
    batch->alone = !batch->joins;
    batch->next = *at;
    *at = batch;
    go_on(pg);
}

static void stop_waiting(void *arg)
{
    *(bool *)arg = true;
}

void store_pg_flush(struct store_pg *pg, int64_t wait_ms)
{
    bool over = false;
    struct loop_timer timer = {0};
    if (pg->first == NULL)
        return;
    loop_timer_start(pg->loop, &timer, wait_ms, stop_waiting, &over);
    while (pg->first != NULL && !over && loop_turn(pg->loop, -1))
        continue;
    loop_timer_stop(pg->loop, &timer);
}

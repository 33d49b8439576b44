/*
 * Leases: a row, judged by the server's clock. Its epoch grows with each taking, and what is
 * written under it names epoch and holder. Below it this host's own lock, so that here a dead
 * holder keeps nobody waiting. A connection that is lost, or a server that restarts, ends no lease.
 */
#include "mem.h"
#include "store_pg.h"

#include <sodium.h>
#include <string.h>
#include <unistd.h>

#define HOLDER_SIZE    16
#define WAIT_MS        50 /* between two tries, doubled; each is up to half as long again */
#define WAIT_MAX_MS    2000
#define RUNS_KEPT_DAYS "1 day" /* of those whose host has died */

#define TOKEN_SQL "0" /* STORE_LEASE_TOKEN */

#define AGAIN_MS 5000 /* after a renewal that has failed */

_Static_assert(STORE_LEASE_TOKEN == 0, "as TOKEN_SQL has it");

/* Its holder stops `margin` before the end, so that it has stopped when another may begin. */
static const struct {
    int64_t lasts_ms, renewed_ms, margin_ms;
} terms[] = {
    [STORE_LEASE_TOKEN] = {30000, 10000, 3000},
    [STORE_LEASE_JOB] = {120000, 20000, 25000},
    [STORE_LEASE_RUN] = {120000, 20000, 0},
};

struct store_pg_lease {
    struct store_pg *pg;
    struct store_lease *lease; /* NULL: it was released while something was under way */
    pid_t pid;                 /* a child that was forked renews and releases nothing */
    enum store_lease_kind kind;
    char *key;
    unsigned char holder[HOLDER_SIZE];
    int64_t epoch;
    int64_t asked_ms; /* time since boot, of the taking or renewing that is under way */
    int64_t until_ms; /* likewise: what can be trusted */
    int64_t wait_ms;
    int64_t give_up_ms;
    struct loop_timer timer;
    int pending; /* batches of it */
    bool lapsed; /* it cannot be trusted any more; its row tells whether it is lost */
    bool kept;   /* it is not released, but runs out; and until then renewed as long as it can be */
    void (*done)(void *arg, const struct err *err);
    void *arg;
    struct store_pg_lease *next; /* of pg->leases */
};

static int64_t boot_ms(const struct store_pg *pg)
{
    return clock_now_ms(loop_clock(pg->loop), CLOCK_BOOT);
}

/* Of what was released, when nothing of it is under way any more. True: it is gone. */
static bool lease_free(struct store_pg_lease *own)
{
    if (own->lease != NULL || own->pending > 0)
        return own->lease == NULL;
    struct store_pg_lease **at = &own->pg->leases;
    while (*at != own)
        at = &(*at)->next;
    *at = own->next;
    loop_timer_stop(own->pg->loop, &own->timer);
    mem_free(own->key);
    mem_free(own);
    return true;
}

static void lease_send(struct store_pg_lease *own, struct store_pg_batch *batch)
{
    own->pending++;
    store_pg_send(own->pg, batch);
}

static void put_key(struct store_pg_batch *batch, const struct store_pg_lease *own)
{
    store_pg_int(batch, (int)own->kind);
    store_pg_scope(batch, own->key);
}

static void put_holder(struct store_pg_batch *batch, const struct store_pg_lease *own)
{
    put_key(batch, own);
    store_pg_int(batch, own->epoch);
    store_pg_bytes(batch, own->holder, sizeof own->holder);
}

#define MINE    "kind = $1 AND key = sha256($2) AND epoch = $3 AND holder = $4"
#define LASTS   "::bigint * interval '1 millisecond'"
#define LASTING "clock_timestamp() + $5" LASTS
#define ENDING  "clock_timestamp() + $3" LASTS

void store_pg_guard(struct store_pg_batch *batch, const struct store_lease *under)
{
    const struct store_pg_lease *own = under != NULL ? under->engine : NULL;
    if (under == NULL)
        return;
    if (!under->held && !own->lapsed) {
        store_pg_say(batch, "SELECT " STORE_PG_LOST("0"));
        return;
    }
    store_pg_say(batch, "WITH its AS (SELECT FROM @lease WHERE " MINE " FOR UPDATE)"
                        " SELECT " STORE_PG_LOST("count(*)") " FROM its");
    put_holder(batch, own);
}

/* The end of the row */

static void let_go(struct store_pg_batch *batch, const struct err *err)
{
    struct store_pg_lease *own = batch->arg;
    (void)err; /* it runs out */
    own->pending--;
    lease_free(own);
}

static void release_row(struct store_pg_lease *own)
{
    struct store_pg_batch *batch = store_pg_batch_new(own->pg, let_go, own);
    if (own->kind == STORE_LEASE_RUN)
        store_pg_say(batch, "DELETE FROM @lease WHERE " MINE " OR (kind = $1 AND until <"
                            " clock_timestamp() - interval '" RUNS_KEPT_DAYS "')");
    else
        store_pg_say(batch, "UPDATE @lease SET until = NULL WHERE " MINE);
    put_holder(batch, own);
    lease_send(own, batch);
}

/* Renewing */

static void plan_renewal(struct store_pg_lease *own, int64_t delay_ms);

/* For how long it can be trusted. */
static int64_t trusted_ms(const struct store_pg_lease *own)
{
    return own->until_ms - terms[own->kind].margin_ms - boot_ms(own->pg);
}

/* Its holder stops, whatever the server would say. */
static bool run_out(const struct store_pg_lease *own)
{
    return trusted_ms(own) <= 0;
}

static void renewed(struct store_pg_batch *batch, const struct err *err)
{
    struct store_pg_lease *own = batch->arg;
    own->pending--;
    if (lease_free(own))
        return;
    bool lost = err == NULL && store_pg_rows(batch, 0) == 0;
    if (err == NULL && !lost)
        own->until_ms = own->asked_ms + terms[own->kind].lasts_ms;
    if (lost || (err != NULL && run_out(own))) {
        own->lapsed = !lost;
        own->lease->held = false;
    }
    if (own->lease->held || (own->kept && !lost))
        plan_renewal(own, err == NULL ? terms[own->kind].renewed_ms : AGAIN_MS);
}

static struct store_pg_batch *renewal(struct store_pg_lease *own)
{
    struct store_pg_batch *batch = store_pg_batch_new(own->pg, renewed, own);
    store_pg_say(batch, "UPDATE @lease SET until = " LASTING " WHERE " MINE " RETURNING 1");
    put_holder(batch, own);
    store_pg_int(batch, terms[own->kind].lasts_ms);
    own->asked_ms = boot_ms(own->pg);
    return batch;
}

static void renew(void *arg)
{
    struct store_pg_lease *own = arg;
    if (own->pid != getpid() || own->pending > 0)
        return;
    own->pg->look(own->pg);
    lease_send(own, renewal(own));
}

static void plan_renewal(struct store_pg_lease *own, int64_t delay_ms)
{
    loop_timer_start(own->pg->loop, &own->timer, delay_ms, renew, own);
}

/* The least time until something must be done about one of them. */
static int64_t next_look(const struct store_pg *pg)
{
    int64_t next_ms = INT64_MAX;
    for (struct store_pg_lease *own = pg->leases; own != NULL; own = own->next) {
        if (own->lease == NULL || !own->lease->held)
            continue;
        int64_t end_ms = trusted_ms(own);
        int64_t due_ms = own->timer.index != 0 ? own->timer.due_ms - loop_now_ms(pg->loop) : 0;
        int64_t left_ms = due_ms < end_ms ? due_ms : end_ms;
        next_ms = left_ms < next_ms ? left_ms : next_ms;
    }
    return next_ms > STORE_TEND_MS ? next_ms : STORE_TEND_MS;
}

int64_t store_pg_lease_tend(struct store_pg *pg)
{
    if (pg->leases == NULL || pg->leases->pid != getpid())
        return AGAIN_MS;
    loop_turn(pg->loop, 0);
    store_pg_flush(pg, STORE_TEND_MS);
    for (struct store_pg_lease *own = pg->leases; own != NULL; own = own->next) {
        if (own->lease != NULL && own->lease->held && run_out(own))
            own->lease->held = false;
    }
    return next_look(pg);
}

int64_t store_pg_lease_left_ms(const struct store_lease *lease)
{
    int64_t left_ms = trusted_ms(lease->engine);
    return left_ms > 0 ? left_ms : 0;
}

void store_pg_lease_keep(const struct store_lease *lease, bool keep)
{
    struct store_pg_lease *own = lease->engine;
    if (own != NULL)
        own->kept = keep;
}

bool store_pg_lease_keep_token(struct store_pg *pg, const char *owner)
{
    struct store_pg_lease *own = pg->leases;
    while (own != NULL && (own->lease == NULL || !own->lease->held || own->pid != getpid() ||
                           own->kind != STORE_LEASE_TOKEN || strcmp(own->key, owner) != 0))
        own = own->next;
    if (own != NULL)
        own->kept = true;
    return own != NULL;
}

int64_t store_pg_lease_epoch(const struct store_lease *lease)
{
    const struct store_pg_lease *own = lease->engine;
    return own->epoch;
}

/* Taking */

static void try_row(void *arg);

static void done(struct store_pg_lease *own, const struct err *err)
{
    own->lease->held = err == NULL;
    own->done(own->arg, err);
}

static void row_taken(struct store_pg_batch *batch, const struct err *err)
{
    struct store_pg_lease *own = batch->arg;
    struct err busy;
    own->pending--;
    if (own->lease == NULL && err == NULL && store_pg_rows(batch, 0) > 0) {
        own->epoch = store_pg_get_int(batch, 0, 0, 0, 0);
        release_row(own);
    } else if (lease_free(own)) {
        return;
    } else if (err != NULL) {
        done(own, err);
    } else if (store_pg_rows(batch, 0) > 0) {
        own->epoch = store_pg_get_int(batch, 0, 0, 0, 0);
        own->lease->inherited = store_pg_get_true(batch, 0, 0, 1);
        own->until_ms = own->asked_ms + terms[own->kind].lasts_ms;
        plan_renewal(own, terms[own->kind].renewed_ms);
        done(own, NULL);
    } else if (own->give_up_ms != 0 && loop_now_ms(own->pg->loop) >= own->give_up_ms) {
        err_set(&busy, ERR_BUSY, "another host holds the lock");
        done(own, &busy);
    } else {
        int64_t wait_ms = own->wait_ms + randombytes_uniform((uint32_t)own->wait_ms / 2 + 1);
        int64_t left_ms = own->give_up_ms - loop_now_ms(own->pg->loop);
        own->wait_ms = own->wait_ms * 2 < WAIT_MAX_MS ? own->wait_ms * 2 : WAIT_MAX_MS;
        if (own->give_up_ms != 0 && left_ms < wait_ms)
            wait_ms = left_ms;
        loop_timer_start(own->pg->loop, &own->timer, wait_ms, try_row, own);
    }
}

/* One that is free, has run out, is this taking's already, or is a dead process's of this host,
 * whose lock is held here. A token's that is inherited belongs to no host: whoever takes it from a
 * process that has died has inherited it, too. */
static void try_row(void *arg)
{
    struct store_pg_lease *own = arg;
    struct store_pg_batch *batch = store_pg_batch_new(own->pg, row_taken, own);
    store_pg_say(batch, "INSERT INTO @lease AS its (kind, key, epoch, holder, until, host, boot_id)"
                        " VALUES ($1, sha256($2), $3, $4, " LASTING ", $6, $7)"
                        " ON CONFLICT (kind, key) DO UPDATE SET epoch = its.epoch + 1,"
                        " holder = excluded.holder, until = " LASTING ", host = CASE WHEN"
                        " its.kind = " TOKEN_SQL " AND its.until IS NOT NULL"
                        " AND its.host <> excluded.host THEN '' ELSE excluded.host END,"
                        " boot_id = excluded.boot_id WHERE its.until IS NULL"
                        " OR its.until <= clock_timestamp() OR its.holder = excluded.holder"
                        " OR (its.host = excluded.host AND its.boot_id = excluded.boot_id)"
                        " RETURNING epoch, (SELECT before.until IS NOT NULL AND before.host <> $6"
                        " FROM @lease AS before WHERE before.kind = $1"
                        " AND before.key = sha256($2))");
    own->epoch = 1;
    put_holder(batch, own);
    store_pg_int(batch, terms[own->kind].lasts_ms);
    store_pg_text(batch, own->pg->host);
    store_pg_text(batch, own->pg->boot_id);
    /* One that ends later than any can was taken before the server's clock was set back, and has
     * not been renewed since. */
    store_pg_say(batch, "UPDATE @lease SET until = " ENDING " WHERE kind = $1 AND key = sha256($2)"
                        " AND until > " ENDING);
    put_key(batch, own);
    store_pg_int(batch, terms[own->kind].lasts_ms);
    own->asked_ms = boot_ms(own->pg);
    lease_send(own, batch);
}

static void flock_taken(void *arg, const struct err *err)
{
    struct store_pg_lease *own = arg;
    own->lease->done = own->done;
    own->lease->arg = own->arg;
    own->lease->held = false;
    if (err != NULL) {
        own->done(own->arg, err);
        return;
    }
    /* Who held the lock before may have left a token, since this connection was made. */
    if (own->kind == STORE_LEASE_TOKEN && own->pg->known)
        own->pg->push(own->pg);
    try_row(own);
}

void store_pg_lease_take(struct store_pg *pg, struct store_lease *lease)
{
    struct store_pg_lease *own = mem_alloc(sizeof *own);
    *own = (struct store_pg_lease){
        .pg = pg,
        .lease = lease,
        .pid = getpid(),
        .kind = lease->kind,
        .key = mem_strdup(lease->key),
        .wait_ms = WAIT_MS,
        .give_up_ms = lease->give_up_ms,
        .done = lease->done,
        .arg = lease->arg,
    };
    randombytes_buf(own->holder, sizeof own->holder);
    own->next = pg->leases;
    pg->leases = own;
    lease->engine = own;
    lease->done = flock_taken;
    lease->arg = own;
    store_flock_take(lease, pg->place.folder);
}

/* Releasing */

void store_pg_lease_release(struct store_pg *pg, struct store_lease *lease)
{
    struct store_pg_lease *own = lease->engine;
    (void)pg;
    store_flock_release(lease);
    if (own == NULL)
        return;
    bool ours = (lease->held || own->lapsed) && own->pid == getpid() && !own->kept;
    own->lease = NULL;
    loop_timer_stop(own->pg->loop, &own->timer);
    if (ours)
        release_row(own);
    else
        lease_free(own);
}

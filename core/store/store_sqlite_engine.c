/* SQLite as an engine: all is done when start returns. */
#include "clock.h"
#include "mem.h"
#include "store_sqlite.h"

#include <unistd.h>

#define NEVER_SEEN (-1) /* each file counts its versions for itself */

static void *sqlite_create(const struct state_place *place, struct loop *loop)
{
    struct store_sqlite *sqlite = mem_alloc(sizeof *sqlite);
    sqlite->loop = loop;
    sqlite->patience_ms = STORE_BUSY_MS;
    sqlite->folder = mem_strdup(place->folder);
    sqlite->path = mem_printf("%s/jeton.db", place->folder);
    return sqlite;
}

static void sqlite_destroy(void *self)
{
    struct store_sqlite *sqlite = self;
    mem_free(sqlite->folder);
    mem_free(sqlite->path);
    mem_free(sqlite);
}

static int sqlite_open(void *self, struct err *err)
{
    if (store_sqlite_open(self, err) != 0)
        return -1;
    if (store_sqlite_spool_push(self, false, err) == 0)
        return 0;
    store_sqlite_close(self);
    return -1;
}

/* Where another file was put in its place, or none, beneath a process that lives long, that is the
 * state from now on: in the one that is open, nobody else would find what is written. */
static int follow(struct store_sqlite *sqlite, struct err *err)
{
    if (store_sqlite_is_there(sqlite))
        return 0;
    store_sqlite_close(sqlite);
    sqlite->seen_version = NEVER_SEEN;
    return sqlite_open(sqlite, err);
}

static bool sqlite_keeps(const void *self)
{
    return store_sqlite_spool_keeps(self);
}

static int sqlite_push(void *self, struct err *err)
{
    return follow(self, err) == 0 && store_sqlite_spool_push(self, true, err) == 0 ? 1 : -1;
}

static int sqlite_sync(void *self, struct err *err)
{
    return store_sqlite_sync(self, err);
}

static bool sqlite_has_changed(void *self)
{
    return store_sqlite_has_changed(self);
}

static void sqlite_queue(void *self)
{
    struct store_sqlite *sqlite = self;
    sqlite->turns_ms = STORE_TURNS_MS;
}

static void sqlite_patience(void *self, int64_t ms)
{
    struct store_sqlite *sqlite = self;
    sqlite->patience_ms = (int)ms;
}

static void sqlite_hurry(void *self)
{
    struct store_sqlite *sqlite = self;
    sqlite->turns_ms = 0;
}

static void sqlite_reads(void *self)
{
    struct store_sqlite *sqlite = self;
    sqlite->reads = true;
}

static void sqlite_close(void *self)
{
    store_sqlite_close(self);
}

static bool sqlite_exists(const void *self)
{
    const struct store_sqlite *sqlite = self;
    return access(sqlite->path, F_OK) == 0;
}

static int64_t sqlite_now_ms(const void *self)
{
    const struct store_sqlite *sqlite = self; /* all who share the state are on this host */
    return clock_now_ms(loop_clock(sqlite->loop), CLOCK_WALL);
}

static int sqlite_rekey(struct store_sqlite *sqlite, struct store_call *call, struct err *err)
{
    (void)call;
    return err_set(err, ERR_CONFIG,
                   "nothing is sealed in a state in a folder, '%s': the folder's modes keep it",
                   sqlite->folder);
}

static void sqlite_start(void *self, struct store_call *call)
{
    static store_sqlite_op *const ops[STORE_OPS] = {
        [STORE_SALT] = store_sqlite_salt,
        [STORE_TOKEN_LOAD] = store_sqlite_token_load,
        [STORE_TOKEN_LIST] = store_sqlite_token_list,
        [STORE_TOKEN_GIVEN] = store_sqlite_token_given,
        [STORE_TOKEN_SAVE] = store_sqlite_token_save,
        [STORE_TOKEN_INTENT] = store_sqlite_token_intent,
        [STORE_TOKEN_ENDPOINT] = store_sqlite_token_endpoint,
        [STORE_TOKEN_BAR] = store_sqlite_token_bar,
        [STORE_TOKEN_DELETE] = store_sqlite_token_delete,
        [STORE_KV_GET] = store_sqlite_kv_get,
        [STORE_KV_WRITE] = store_sqlite_kv_write,
        [STORE_KV_EACH] = store_sqlite_kv_each,
        [STORE_RUN_ADD] = store_sqlite_run_add,
        [STORE_RUN_CLAIM] = store_sqlite_run_claim,
        [STORE_RUN_START] = store_sqlite_run_start,
        [STORE_RUN_END] = store_sqlite_run_end,
        [STORE_RUN_TOLD] = store_sqlite_run_told,
        [STORE_RUN_LIST] = store_sqlite_run_list,
        [STORE_SLOT_LATEST] = store_sqlite_slot_latest,
        [STORE_JOB_INSTALLED] = store_sqlite_job_installed,
        [STORE_JOB_SET_INSTALLED] = store_sqlite_job_set_installed,
        [STORE_COUNTERS_ADD] = store_sqlite_counters_add,
        [STORE_HOME_MOVE] = store_sqlite_home_move,
        [STORE_HOME_FIND] = store_sqlite_home_find,
        [STORE_REKEY] = sqlite_rekey,
        [STORE_BUCKET_TAKE] = store_sqlite_bucket_take,
        [STORE_EVENT_ADD] = store_sqlite_event_add,
        [STORE_EVENT_CLAIM] = store_sqlite_event_claim,
        [STORE_EVENT_END] = store_sqlite_event_end,
        [STORE_STEP_GET] = store_sqlite_step_get,
        [STORE_STEP_PUT] = store_sqlite_step_put,
        [STORE_EVENT_LIST] = store_sqlite_event_list,
        [STORE_EVENT_COUNT] = store_sqlite_event_count,
        [STORE_EVENT_RETRY] = store_sqlite_event_retry,
        [STORE_EVENT_DROP] = store_sqlite_event_drop,
        [STORE_EVENT_PRUNE] = store_sqlite_event_prune,
        [STORE_EVENT_RELEASE] = store_sqlite_event_release,
    };
    int result = follow(self, &call->err);
    store_finish(call, result == 0 ? ops[call->op](self, call, &call->err) : result);
}

static void sqlite_cancel(void *self, struct store_call *call)
{
    (void)self;
    (void)call;
}

static void sqlite_lease_take(void *self, struct store_lease *lease)
{
    const struct store_sqlite *sqlite = self;
    store_flock_take(lease, sqlite->folder);
}

static bool sqlite_lease_is_seen(const void *self, const char *run)
{
    const struct store_sqlite *sqlite = self;
    return store_flock_run_is_held(sqlite->folder, run);
}

static void sqlite_lease_release(void *self, struct store_lease *lease)
{
    (void)self;
    store_flock_release(lease);
}

const struct store_engine store_sqlite = {
    .create = sqlite_create,
    .destroy = sqlite_destroy,
    .open = sqlite_open,
    .keeps = sqlite_keeps,
    .push = sqlite_push,
    .sync = sqlite_sync,
    .has_changed = sqlite_has_changed,
    .reads = sqlite_reads,
    .hurry = sqlite_hurry,
    .patience = sqlite_patience,
    .queue = sqlite_queue,
    .close = sqlite_close,
    .exists = sqlite_exists,
    .now_ms = sqlite_now_ms,
    .start = sqlite_start,
    .cancel = sqlite_cancel,
    .lease_take = sqlite_lease_take,
    .lease_is_seen = sqlite_lease_is_seen,
    .lease_release = sqlite_lease_release,
};

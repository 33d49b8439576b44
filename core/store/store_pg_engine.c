/* PostgreSQL as an engine. */
#include "clock.h"
#include "fault.h"
#include "mem.h"
#include "safefile.h"
#include "store_home.h"
#include "store_pg.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOST_FILE  "host-id"
#define HOST_LEN   (STORE_PG_HOST_SIZE - 1)
#define PLACE_SIZE 40 /* two numbers, and what is around them */
#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz_0123456789"
#define NAME_MAX_  41
#define CHANGED    "2201E" /* STORE_PG_CHANGED */

static void *pg_create(const struct state_place *place, struct loop *loop)
{
    struct store_pg *pg = mem_alloc(sizeof *pg);
    pg->loop = loop;
    pg->hello = store_pg_hello;
    pg->push = store_pg_token_push;
    pg->look = store_pg_token_look;
    pg->place = (struct state_place){
        .folder = mem_strdup(place->folder),
        .url = mem_strdup(place->url),
        .schema = mem_strdup(place->schema != NULL ? place->schema : STATE_SCHEMA_DEFAULT),
        .key_file = mem_strdup(place->key_file),
        .ca_file = mem_strdup(place->ca_file),
        .read = place->read,
        .arg = place->arg,
    };
    pg->prefix = mem_printf("\"%s\".", pg->place.schema);
    pg->make = true;
    pg->call_ms = fault_number(FAULT_STORE_CALL);
    if (pg->call_ms == 0)
        pg->call_ms = STORE_PG_CALL_MS;
    clock_boot_id(pg->boot_id);
    return pg;
}

static void pg_destroy(void *self)
{
    struct store_pg *pg = self;
    mem_free(pg->place.folder);
    mem_free(pg->place.url);
    mem_free(pg->place.schema);
    mem_free(pg->place.key_file);
    mem_free(pg->place.ca_file);
    mem_free(pg->prefix);
    mem_free(pg->label);
    mem_free(pg->copying);
    mem_free(pg->home);
    store_pg_bucket_forget(pg);
    mem_free_secret(pg->password);
    sodium_memzero(pg, sizeof *pg);
    mem_free(pg);
}

/* Where the folder is: a copy is somewhere else, a renamed one is not. */
static int know_place(const char *folder, char place[static PLACE_SIZE], struct err *err)
{
    struct stat st;
    if (stat(folder, &st) != 0)
        return err_set(err, ERR_CONFIG, "cannot look at '%s': %s", folder, strerror(errno));
    snprintf(place, PLACE_SIZE, " %jx:%jx\n", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return 0;
}

/* 1: the whole file; 0: there is none, or only the ID, as versions before wrote it. */
static int read_host(const char *path, struct buf *text, struct err *err)
{
    buf_clear(text);
    if (access(path, F_OK) != 0)
        return 0;
    if (safefile_read(path, SAFEFILE_PRIVATE, text, err) != 0)
        return -1;
    if (text->len < HOST_LEN || strspn(text->data, "0123456789abcdef") != HOST_LEN)
        return err_set(err, ERR_CONFIG, "'%s' is damaged; remove it while nothing runs", path);
    return text->len > HOST_LEN;
}

static int make_host(struct store_pg *pg, const char *path, const char *place, struct buf *text,
                     struct err *err)
{
    unsigned char bytes[HOST_LEN / 2];
    char made[STORE_PG_HOST_SIZE];
    struct lock lock;
    lock_create(&lock, NULL);
    int result = lock_block(&lock, pg->place.folder, HOST_FILE, STORE_BUSY_MS, err);
    if (result == 0)
        result = read_host(path, text, err);
    if (result == 0) {
        randombytes_buf(bytes, sizeof bytes);
        sodium_bin2hex(made, sizeof made, bytes, sizeof bytes);
        if (text->len == 0)
            buf_append(text, made, HOST_LEN);
        buf_append(text, place, strlen(place));
        result = safefile_write(path, 0600, text->data, text->len, err);
    }
    lock_release(&lock);
    return result < 0 ? -1 : 0;
}

/*
 * What this host is called in leases: made once, at random, as names of hosts are not unique.
 * Whoever has the same name and boot is taken to see the same locks, and a copy of the folder has
 * locks of its own: it is called by what was copied and by where it is now.
 */
static int know_host(struct store_pg *pg, struct err *err)
{
    char place[PLACE_SIZE];
    unsigned char hash[HOST_LEN / 2];
    char *path = mem_printf("%s/" HOST_FILE, pg->place.folder);
    struct buf text;
    buf_create(&text, HOST_LEN + 2 * PLACE_SIZE);
    int result = safefile_private_dir(pg->place.folder, err);
    if (result == 0)
        result = know_place(pg->place.folder, place, err);
    if (result == 0)
        result = read_host(path, &text, err);
    if (result == 0)
        result = make_host(pg, path, place, &text, err);
    if (result >= 0 && strcmp(text.data + HOST_LEN, place) == 0) {
        memcpy(pg->host, text.data, HOST_LEN);
    } else if (result >= 0) {
        buf_append(&text, place, strlen(place));
        crypto_generichash(hash, sizeof hash, (const unsigned char *)text.data, text.len, NULL, 0);
        sodium_bin2hex(pg->host, sizeof pg->host, hash, sizeof hash);
    }
    buf_destroy(&text);
    mem_free(path);
    return result < 0 ? -1 : 0;
}

static int read_secrets(struct store_pg *pg, struct err *err)
{
    return store_pg_keys_load(pg, err) == 0 && store_pg_password_read(pg, err) >= 0 ? 0 : -1;
}

static int check_schema(const struct store_pg *pg, struct err *err)
{
    const char *name = pg->place.schema;
    size_t len = strlen(name);
    if (len > 0 && len <= NAME_MAX_ && strspn(name, NAME_CHARS) == len &&
        (name[0] < '0' || name[0] > '9') && strncmp(name, "pg_", 3) != 0)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "state.schema '%s' is no name that can be: a-z, 0-9 and _, at most %d, not "
                   "pg_…, and no digit first",
                   name, NAME_MAX_);
}

/* All that needs no connection, and makes nothing. */
static int pg_check(void *self, struct err *err)
{
    struct store_pg *pg = self;
    if (pg->prepared)
        return 0;
    if (check_schema(pg, err) != 0 || store_pg_api_load(&pg->api, err) != 0 ||
        store_pg_url_check(pg, err) != 0 || read_secrets(pg, err) != 0)
        return -1;
    pg->prepared = true;
    return 0;
}

static int pg_open(void *self, struct err *err)
{
    struct store_pg *pg = self;
    if (pg_check(pg, err) != 0)
        return -1;
    if (pg->host[0] == '\0')
        return know_host(pg, err);
    /* Where somebody has removed the folder meanwhile, this process stays who it is. */
    return access(pg->place.folder, F_OK) == 0 ? 0 : safefile_private_dir(pg->place.folder, err);
}

static void pg_close(void *self)
{
    struct store_pg *pg = self;
    struct err err;
    store_pg_flush(pg, STORE_PG_CLOSE_MS);
    err_set(&err, ERR_NETWORK, "the state was closed");
    store_pg_hang_up(pg, &err);
}

/* Whatever is sent by now has ended, or is given up. */
static void pg_before_fork(void *self)
{
    struct store_pg *pg = self;
    store_pg_flush(pg, STORE_PG_CLOSE_MS);
    if (pg->first != NULL)
        pg_close(pg);
}

static void pg_hurry(void *self)
{
    struct store_pg *pg = self;
    pg->call_ms = STORE_HURRY_MS;
}

static int pg_schema_sql(void *self, struct buf *out, struct err *err)
{
    struct store_pg *pg = self;
    if (pg_check(pg, err) != 0)
        return -1;
    store_pg_schema_print(pg, out);
    return 0;
}

static void noted(struct store_pg_batch *batch, const struct err *err)
{
    struct err *out = batch->arg;
    if (err != NULL)
        *out = *err;
    else
        err_clear(out);
}

/* Blocks until the state was seen. */
static int pg_reach(void *self, struct err *err)
{
    struct store_pg *pg = self;
    store_pg_send(pg, store_pg_batch_new(pg, noted, err));
    store_pg_flush(pg, 2 * STORE_PG_CALL_MS);
    return err->kind == ERR_NONE ? 0 : -1;
}

static bool pg_keeps(const void *self)
{
    return store_pg_spool_each((struct store_pg *)(uintptr_t)self, NULL, NULL) > 0;
}

/* Whatever the first answer of a connection does with it is done once more. */
static int pg_push(void *self, struct err *err)
{
    struct store_pg *pg = self;
    if (pg_reach(pg, err) != 0)
        return -1;
    store_pg_token_push(pg);
    store_pg_flush(pg, 2 * STORE_PG_CALL_MS);
    if (!pg_keeps(pg))
        return 1;
    *err = pg->not_pushed;
    return err->kind != ERR_NONE ? -1 : 0;
}

static void lacked(struct store_pg_batch *batch, const struct err *err)
{
    noted(batch, err);
    if (err == NULL && store_pg_rows(batch, 0) > 0)
        store_pg_schema_lacks(batch, batch->arg);
}

static int pg_rights(void *self, struct err *err)
{
    struct store_pg *pg = self;
    struct store_pg_batch *batch = store_pg_batch_new(pg, lacked, err);
    store_pg_schema_rights(batch);
    store_pg_send(pg, batch);
    store_pg_flush(pg, 2 * STORE_PG_CALL_MS);
    return err->kind == ERR_NONE ? 0 : -1;
}

/* One that cannot be reached is taken to be there: whoever uses it is told why not. */
static bool pg_exists(const void *self)
{
    struct store_pg *pg = (struct store_pg *)(uintptr_t)self;
    struct err err;
    if (pg->seen || pg_check(pg, &err) != 0)
        return true;
    pg->make = false;
    int result = pg_reach(pg, &err);
    pg->make = true;
    return result == 0 ||
           (strcmp(pg->sqlstate, "3F000") != 0 && strcmp(pg->sqlstate, "42P01") != 0);
}

static int64_t pg_now_ms(const void *self)
{
    const struct store_pg *pg = self;
    const struct clock *clock = loop_clock(pg->loop);
    return pg->seen ? pg->ahead_ms + clock_now_ms(clock, CLOCK_BOOT)
                    : clock_now_ms(clock, CLOCK_WALL);
}

/* Calls */

static const struct store_pg_op *op_of(const struct store_call *call)
{
    static const struct store_pg_op *const ops[STORE_OPS] = {
        [STORE_SALT] = &store_pg_token_salt,
        [STORE_TOKEN_LOAD] = &store_pg_token_load,
        [STORE_TOKEN_LIST] = &store_pg_token_list,
        [STORE_TOKEN_GIVEN] = &store_pg_token_given,
        [STORE_TOKEN_SAVE] = &store_pg_token_save,
        [STORE_TOKEN_INTENT] = &store_pg_token_intent,
        [STORE_TOKEN_ENDPOINT] = &store_pg_token_endpoint,
        [STORE_TOKEN_BAR] = &store_pg_token_bar,
        [STORE_TOKEN_DELETE] = &store_pg_token_delete,
        [STORE_KV_GET] = &store_pg_kv_get,
        [STORE_KV_WRITE] = &store_pg_kv_write,
        [STORE_KV_EACH] = &store_pg_kv_each,
        [STORE_RUN_ADD] = &store_pg_run_add,
        [STORE_RUN_CLAIM] = &store_pg_run_claim,
        [STORE_RUN_START] = &store_pg_run_start,
        [STORE_RUN_END] = &store_pg_run_end,
        [STORE_RUN_TOLD] = &store_pg_run_told,
        [STORE_RUN_LIST] = &store_pg_run_list,
        [STORE_SLOT_LATEST] = &store_pg_slot_latest,
        [STORE_JOB_INSTALLED] = &store_pg_job_installed,
        [STORE_JOB_SET_INSTALLED] = &store_pg_job_set_installed,
        [STORE_COUNTERS_ADD] = &store_pg_counters_add,
        [STORE_REKEY] = &store_pg_rekey,
        [STORE_BUCKET_TAKE] = &store_pg_bucket_take,
        [STORE_HOME_MOVE] = &store_pg_home_move,
        [STORE_HOME_FIND] = &store_pg_home_find,
        [STORE_EVENT_ADD] = &store_pg_event_add,
        [STORE_EVENT_CLAIM] = &store_pg_event_claim,
        [STORE_EVENT_END] = &store_pg_event_end,
        [STORE_STEP_GET] = &store_pg_step_get,
        [STORE_STEP_PUT] = &store_pg_step_put,
        [STORE_EVENT_LIST] = &store_pg_event_list,
        [STORE_EVENT_COUNT] = &store_pg_event_count,
        [STORE_EVENT_RETRY] = &store_pg_event_retry,
        [STORE_EVENT_DROP] = &store_pg_event_drop,
        [STORE_EVENT_PRUNE] = &store_pg_event_prune,
        [STORE_EVENT_RELEASE] = &store_pg_event_release,
    };
    if (call->op == STORE_HOME_MOVE && strncmp(call->home->former[0], "name:", 5) == 0)
        return &store_pg_home_adopt;
    return ops[call->op];
}

static void end_work(struct store_pg_work *work, int result, const struct err *err)
{
    struct store_call *call = work->call;
    const struct store_pg_op *op = call != NULL ? op_of(call) : NULL;
    if (call != NULL && err != NULL)
        call->err = *err;
    if (op != NULL && op->ended != NULL)
        op->ended(work, result < 0 ? &call->err : NULL);
    arena_destroy(&work->texts);
    mem_free(work);
    if (call != NULL)
        store_finish(call, result);
}

static void ask(struct store_pg_work *work);

/* What was read has changed before it could be written. */
static void has_changed(struct store_pg_work *work)
{
    struct err err;
    int result = op_of(work->call)->changed;
    if (result != 0) {
        end_work(work, result, NULL);
    } else if (work->round++ < STORE_PG_ROUNDS_MAX) {
        ask(work);
    } else {
        err_set(&err, ERR_NETWORK, "%s: others keep changing what is to be written",
                work->pg->label);
        err.retryable = true;
        end_work(work, -1, &err);
    }
}

static void answered(struct store_pg_batch *batch, const struct err *err)
{
    struct store_pg_work *work = batch->arg;
    struct err own;
    if (err != NULL && work->call != NULL && strcmp(work->pg->sqlstate, CHANGED) == 0) {
        has_changed(work);
        return;
    }
    if (err != NULL || work->call == NULL) {
        end_work(work, -1, err);
        return;
    }
    store_pg_take *take = op_of(work->call)->take;
    int result = take != NULL ? take(work, batch, &own) : 0;
    if (result == STORE_PG_MORE) {
        work->round++;
        ask(work);
        return;
    }
    end_work(work, result, result < 0 ? &own : NULL);
}

static void ask(struct store_pg_work *work)
{
    struct store_call *call = work->call;
    struct store_pg_batch *batch = store_pg_batch_new(work->pg, answered, work);
    struct err err;
    if (op_of(call)->ask(work, batch, &err) != 0) {
        store_pg_batch_free(batch);
        end_work(work, -1, &err);
        return;
    }
    if (op_of(call)->here) {
        int result = op_of(call)->take(work, batch, &err);
        store_pg_batch_free(batch);
        end_work(work, result, result < 0 ? &err : NULL);
        return;
    }
    store_pg_guard(batch, call->under);
    store_pg_send(work->pg, batch);
}

static void pg_start(void *self, struct store_call *call)
{
    struct store_pg *pg = self;
    struct store_pg_work *work = mem_alloc(sizeof *work);
    store_pg_keys_look(pg);
    store_pg_token_look(pg);
    *work = (struct store_pg_work){.pg = pg, .call = call};
    call->engine = work;
    ask(work);
}

static void pg_cancel(void *self, struct store_call *call)
{
    (void)self;
    struct store_pg_work *work = call->engine;
    work->call = NULL;
}

static void pg_lease_take(void *self, struct store_lease *lease)
{
    struct err err;
    if (pg_open(self, &err) != 0)
        lease->done(lease->arg, &err);
    else
        store_pg_lease_take(self, lease);
}

static void pg_lease_release(void *self, struct store_lease *lease)
{
    store_pg_lease_release(self, lease);
}

static int64_t pg_tend(void *self)
{
    return store_pg_lease_tend(self);
}

const struct store_engine store_pg = {
    .create = pg_create,
    .destroy = pg_destroy,
    .open = pg_open,
    .check = pg_check,
    .reach = pg_reach,
    .keeps = pg_keeps,
    .push = pg_push,
    .rights = pg_rights,
    .schema_sql = pg_schema_sql,
    .close = pg_close,
    .before_fork = pg_before_fork,
    .hurry = pg_hurry,
    .exists = pg_exists,
    .now_ms = pg_now_ms,
    .start = pg_start,
    .cancel = pg_cancel,
    .keeps_late = true,
    .lease_take = pg_lease_take,
    .lease_left_ms = store_pg_lease_left_ms,
    .lease_keep = store_pg_lease_keep,
    .lease_release = pg_lease_release,
    .tend = pg_tend,
};

#include "store.h"

#include "mem.h"
#include "store_private.h"

#include <sodium.h>

struct store *store_new(const struct state_place *place, struct loop *loop)
{
    return store_new_on(place->url != NULL ? &store_pg : &store_sqlite, place, loop);
}

static int64_t time_of(void *arg, enum clock_kind kind)
{
    const struct store *store = arg;
    return kind == CLOCK_WALL ? store_now_ms(store) : clock_now_ms(loop_clock(store->loop), kind);
}

struct store *store_new_on(const struct store_engine *engine, const struct state_place *place,
                           struct loop *loop)
{
    struct store *store = mem_alloc(sizeof *store);
    store->engine = engine;
    store->own_loop = loop == NULL ? loop_new() : NULL;
    store->loop = loop != NULL ? loop : store->own_loop;
    store->self = engine->create(place, store->loop);
    store->clock = (struct clock){.now_ms = time_of, .arg = store};
    return store;
}

void store_free(struct store *store)
{
    if (store == NULL)
        return;
    store_close(store);
    store->engine->destroy(store->self);
    loop_free(store->own_loop);
    mem_free(store);
}

static int prepare(struct store *store, struct err *err)
{
    if (!store->open && store->engine->open(store->self, err) != 0)
        return -1;
    store->open = true;
    return 0;
}

int store_ready(struct store *store, struct err *err)
{
    return prepare(store, err);
}

int store_open(struct store *store, struct err *err)
{
    if (prepare(store, err) != 0)
        return -1;
    return store->engine->reach != NULL ? store->engine->reach(store->self, err) : 0;
}

void store_reads(struct store *store)
{
    if (store->engine->reads != NULL)
        store->engine->reads(store->self);
}

int store_rights(struct store *store, struct err *err)
{
    return store->engine->rights != NULL ? store->engine->rights(store->self, err) : 0;
}

bool store_keeps(const struct store *store)
{
    return store->engine->keeps != NULL && store->engine->keeps(store->self);
}

int store_push(struct store *store, struct err *err)
{
    if (!store_keeps(store))
        return 1;
    return prepare(store, err) == 0 ? store->engine->push(store->self, err) : -1;
}

int store_check(struct store *store, struct err *err)
{
    return store->engine->check != NULL ? store->engine->check(store->self, err) : 0;
}

int store_schema_sql(struct store *store, struct buf *out, struct err *err)
{
    if (store->engine->schema_sql == NULL)
        return err_set(err, ERR_CONFIG, "the state is in a folder, and has no tables to be made");
    return store->engine->schema_sql(store->self, out, err);
}

void store_close(struct store *store)
{
    store->engine->close(store->self);
    store->open = false;
}

void store_before_fork(struct store *store)
{
    if (store->engine->before_fork != NULL)
        store->engine->before_fork(store->self);
    else
        store_close(store);
}

bool store_has_changed(struct store *store)
{
    return store->engine->has_changed == NULL || store->engine->has_changed(store->self);
}

void store_hurry(struct store *store)
{
    if (store->engine->hurry != NULL)
        store->engine->hurry(store->self);
}

void store_patience(struct store *store, int64_t ms)
{
    if (store->engine->patience != NULL)
        store->engine->patience(store->self, ms);
}

void store_queue(struct store *store)
{
    if (store->engine->queue != NULL)
        store->engine->queue(store->self);
}

bool store_exists(const struct store *store)
{
    return store->engine->exists(store->self);
}

int64_t store_now_ms(const struct store *store)
{
    return store->engine->now_ms(store->self);
}

const struct clock *store_clock(const struct store *store)
{
    return &store->clock;
}

/* Calls */

void store_start(struct store *store, struct store_call *call, loop_fn *done, void *arg)
{
    call->store = store;
    call->done = done;
    call->arg = arg;
    bool late = call->under != NULL && !call->under->held;
    if (late && !(call->op == STORE_TOKEN_SAVE && !call->token.known && store->engine->keeps_late))
        store_finish(call, err_set(&call->err, ERR_LOST, "the lock was lost to somebody else"));
    else if (prepare(store, &call->err) != 0)
        store_finish(call, -1);
    else
        store->engine->start(store->self, call);
}

void store_finish(struct store_call *call, int result)
{
    call->store = NULL;
    call->result = result;
    call->done(call->arg);
}

void store_cancel(struct store_call *call)
{
    if (call->store != NULL)
        call->store->engine->cancel(call->store->self, call);
    call->store = NULL;
}

struct waiting {
    size_t left;
    bool done;
};

static void waited(void *arg)
{
    struct waiting *waiting = arg;
    waiting->done = --waiting->left == 0;
}

int store_wait_all(struct store *store, struct store_call *const *calls, size_t count,
                   struct err *err)
{
    struct waiting waiting = {.left = count};
    for (size_t i = 0; i < count; i++)
        store_start(store, calls[i], waited, &waiting);
    bool done = loop_run_until(store->loop, &waiting.done);
    for (size_t i = 0; i < count && !done; i++)
        store_cancel(calls[i]);
    if (!done)
        return err_set(err, ERR_NETWORK, "the state does not answer");
    for (size_t i = 0; i < count; i++) {
        if (calls[i]->result < 0) {
            *err = calls[i]->err;
            return -1;
        }
    }
    return 0;
}

int store_wait(struct store *store, struct store_call *call, struct err *err)
{
    return store_wait_all(store, &call, 1, err) == 0 ? call->result : -1;
}

int store_kv_get(struct store *store, const char *scope, const char *key, struct buf *value,
                 struct err *err)
{
    struct store_call call = {.op = STORE_KV_GET,
                              .kv = {.scope = scope, .key = key, .value = value}};
    return store_wait(store, &call, err);
}

int store_kv_read(struct store *store, const char *scope, const char *key, struct buf *value,
                  int64_t *version, struct err *err)
{
    struct store_call call = {
        .op = STORE_KV_GET, .kv = {.scope = scope, .key = key, .value = value, .version = version}};
    return store_wait(store, &call, err);
}

int store_kv_write(struct store *store, const char *scope, const struct store_kv *items,
                   size_t count, struct err *err)
{
    struct store_call call = {.op = STORE_KV_WRITE,
                              .kv = {.scope = scope, .items = items, .count = count}};
    return store_wait(store, &call, err);
}

void store_token_destroy(struct store_token *row)
{
    mem_free_secret(row->access_token);
    mem_free(row->endpoint_url);
    mem_free(row->scope);
    mem_free_secret(row->refresh_token);
    mem_free_secret(row->refresh_previous);
    for (size_t i = 0; i < STORE_SPARES_MAX; i++)
        mem_free_secret(row->spares[i]);
    mem_free(row->configured_fingerprint);
    mem_free(row->application_fingerprint);
    mem_free(row->service_override);
    mem_free(row->token_type);
    mem_free(row->asked);
    mem_free(row->secret_fingerprint);
    mem_free(row->subject_fingerprint);
    mem_free(row->service_host);
    mem_free(row->spent);
    mem_free(row->metadata);
    mem_free(row->pause.reason);
    sodium_memzero(row, sizeof *row);
}

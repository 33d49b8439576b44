#include "store_lease.h"

#include "store_private.h"

void store_lease_take(struct store_lease *lease, struct store *store, enum store_lease_kind kind,
                      const char *key, int64_t give_up_ms,
                      void (*done)(void *arg, const struct err *err), void *arg)
{
    *lease = (struct store_lease){.store = store,
                                  .kind = kind,
                                  .key = key,
                                  .give_up_ms = give_up_ms,
                                  .done = done,
                                  .arg = arg};
    lock_create(&lease->lock, store->loop);
    store->engine->lease_take(store->self, lease);
}

struct trial {
    struct err *err;
    int held; /* as store_lease_try returns it */
    size_t left;
    bool done;
};

static void one_done(void *arg)
{
    struct trial *trial = arg;
    trial->done = --trial->left == 0;
}

static void tried(void *arg, const struct err *err)
{
    struct trial *trial = arg;
    trial->held = err == NULL ? 1 : err->kind == ERR_BUSY ? 0 : -1;
    if (err != NULL)
        *trial->err = *err;
    one_done(trial);
}

int store_lease_try_with(struct store_lease *lease, struct store *store, enum store_lease_kind kind,
                         const char *key, struct store_call *const *calls, size_t count,
                         struct err *err)
{
    struct trial trial = {.err = err, .left = 1 + count};
    store_lease_take(lease, store, kind, key, 1, tried, &trial);
    for (size_t i = 0; i < count; i++)
        store_start(store, calls[i], one_done, &trial);
    loop_run_until(store->loop, &trial.done);
    if (trial.held != 1)
        store_lease_release(lease);
    return trial.held;
}

int store_lease_try(struct store_lease *lease, struct store *store, enum store_lease_kind kind,
                    const char *key, struct err *err)
{
    return store_lease_try_with(lease, store, kind, key, NULL, 0, err);
}

int64_t store_lease_left_ms(const struct store_lease *lease)
{
    if (!lease->held)
        return 0;
    const struct store_engine *engine = lease->store->engine;
    return engine->lease_left_ms != NULL ? engine->lease_left_ms(lease) : INT64_MAX;
}

bool store_lease_is_seen(const struct store_lease *lease, const char *run)
{
    const struct store *store = lease->store;
    return lease->held &&
           (store->engine->lease_is_seen == NULL || store->engine->lease_is_seen(store->self, run));
}

int64_t store_tend(struct store *store)
{
    return store->engine->tend != NULL ? store->engine->tend(store->self) : INT64_MAX;
}

int store_lease_reserve(struct store_lease *lease, size_t bytes, struct err *err)
{
    return lock_reserve(&lease->lock, bytes, err);
}

void store_lease_unreserve(struct store_lease *lease)
{
    lock_unreserve(&lease->lock);
}

void store_lease_keep(struct store_lease *lease, bool keep)
{
    if (lease->store != NULL && lease->store->engine->lease_keep != NULL)
        lease->store->engine->lease_keep(lease, keep);
}

void store_lease_release(struct store_lease *lease)
{
    if (lease->store != NULL)
        lease->store->engine->lease_release(lease->store->self, lease);
    *lease = (struct store_lease){.held = false};
}

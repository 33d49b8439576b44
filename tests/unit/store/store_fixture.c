#include "store_fixture.h"

#include <limits.h>
#include <sodium.h>

#define SERVER "JETON_POSTGRES" /* the folder of its socket */

const struct store_engine *store_fixture_engine = &store_sqlite;

int store_fixture_run(const struct CMUnitTest *tests, size_t count)
{
    int failed = 0;
    store_fixture_engine = &store_sqlite;
    failed += _cmocka_run_group_tests("sqlite", tests, count, NULL, NULL);
    store_fixture_engine = &store_late;
    failed += _cmocka_run_group_tests("late", tests, count, NULL, NULL);
    if (getenv(SERVER) == NULL) {
        fprintf(stderr, "not tested on PostgreSQL: ctest starts the server\n");
        return failed;
    }
    store_fixture_engine = &store_pg;
    failed += _cmocka_run_group_tests("postgresql", tests, count, NULL, NULL);
    return failed;
}

static int read_secret(void *arg, enum state_secret which, struct buf *out, struct err *err)
{
    (void)arg;
    (void)err;
    if (which == STATE_PASSWORD)
        return 0;
    buf_puts(out, STORE_FIXTURE_KEY);
    return 1;
}

struct store *store_fixture_new(struct loop *loop)
{
    char cwd[PATH_MAX];
    assert_non_null(getcwd(cwd, sizeof cwd));
    char *folder = mem_printf("%s/state", cwd);
    struct store *store = store_fixture_at(folder, loop);
    mem_free(folder);
    return store;
}

struct store *store_fixture_at(char *folder, struct loop *loop)
{
    unsigned char hash[16];
    char schema[2 + 2 * sizeof hash] = "t";
    crypto_generichash(hash, sizeof hash, (const unsigned char *)folder, strlen(folder), NULL, 0);
    sodium_bin2hex(schema + 1, sizeof schema - 1, hash, sizeof hash);
    char *url = mem_printf("postgresql://jeton@/jeton?host=%s",
                           getenv(SERVER) != NULL ? getenv(SERVER) : "");
    const struct state_place place = {
        .folder = folder, .url = url, .schema = schema, .read = read_secret};
    struct store *store = store_new_on(store_fixture_engine, &place, loop);
    mem_free(url);
    return store;
}

struct store *store_fixture_open(void)
{
    struct err err;
    struct store *store = store_fixture_new(NULL);
    if (store_open(store, &err) != 0)
        fail_msg("%s", err.msg);
    return store;
}

int store_fixture_load(struct store *store, const char *owner, struct store_token *row)
{
    struct err err;
    struct store_call call = {.op = STORE_TOKEN_LOAD, .token = {.owner = owner, .row = row}};
    return store_wait(store, &call, &err);
}

int store_fixture_save(struct store *store, struct store_token *row,
                       const struct store_lease *under, struct err *err)
{
    struct store_call call = {.op = STORE_TOKEN_SAVE, .under = under, .token = {.row = row}};
    return store_wait(store, &call, err);
}

static bool collect(void *arg, const struct store_kv *item)
{
    buf_printf(arg, "%s=%s;", item->key, item->value);
    return true;
}

void store_fixture_keys(struct store *store, const char *scope, struct buf *out)
{
    struct err err;
    struct store_call call = {.op = STORE_KV_EACH,
                              .kv = {.scope = scope, .fn = collect, .arg = out}};
    assert_int_equal(store_wait(store, &call, &err), 0);
}

/* The late engine */

struct late {
    void *inner;
    struct loop *loop;
    struct waiting *first;
};

struct waiting {
    struct late *late;
    struct store_call *call;
    struct loop_timer timer;
    struct waiting *next;
};

static void *late_create(const struct state_place *place, struct loop *loop)
{
    struct late *late = mem_alloc(sizeof *late);
    late->inner = store_sqlite.create(place, loop);
    late->loop = loop;
    return late;
}

static void late_destroy(void *self)
{
    struct late *late = self;
    assert_null(late->first);
    store_sqlite.destroy(late->inner);
    mem_free(late);
}

static int late_open(void *self, struct err *err)
{
    return store_sqlite.open(((struct late *)self)->inner, err);
}

static void late_close(void *self)
{
    store_sqlite.close(((struct late *)self)->inner);
}

static bool late_exists(const void *self)
{
    return store_sqlite.exists(((const struct late *)self)->inner);
}

static int64_t late_now_ms(const void *self)
{
    return store_sqlite.now_ms(((const struct late *)self)->inner);
}

static void late_cancel(void *self, struct store_call *call)
{
    struct late *late = self;
    struct waiting **at = &late->first;
    while ((*at)->call != call)
        at = &(*at)->next;
    struct waiting *gone = *at;
    *at = gone->next;
    loop_timer_stop(late->loop, &gone->timer);
    mem_free(gone);
}

static void late_work(void *arg)
{
    struct waiting *waiting = arg;
    struct late *late = waiting->late;
    struct store_call *call = waiting->call;
    late_cancel(late, call);
    store_sqlite.start(late->inner, call);
}

static void late_start(void *self, struct store_call *call)
{
    struct late *late = self;
    struct waiting *waiting = mem_alloc(sizeof *waiting);
    *waiting = (struct waiting){.late = late, .call = call, .next = late->first};
    late->first = waiting;
    loop_timer_start(late->loop, &waiting->timer, 1, late_work, waiting);
}

static void late_take(void *self, struct store_lease *lease)
{
    store_sqlite.lease_take(((struct late *)self)->inner, lease);
}

static void late_release(void *self, struct store_lease *lease)
{
    store_sqlite.lease_release(((struct late *)self)->inner, lease);
}

const struct store_engine store_late = {
    .create = late_create,
    .destroy = late_destroy,
    .open = late_open,
    .close = late_close,
    .exists = late_exists,
    .now_ms = late_now_ms,
    .start = late_start,
    .cancel = late_cancel,
    .lease_take = late_take,
    .lease_release = late_release,
};

struct store_event_new store_fixture_event(const char *id, const char *order_key)
{
    return (struct store_event_new){.scope = STORE_FIXTURE_HOOK,
                                    .max_waiting = 1000,
                                    .id = id,
                                    .type = "orders/create",
                                    .order_key = order_key,
                                    .received_ms = STORE_FIXTURE_NOW,
                                    .headers = "{}",
                                    .body = "body",
                                    .body_len = 4};
}

const char *store_fixture_claim(struct store *store, const char *owner, int64_t now_ms,
                                struct store_event_end *end)
{
    static char id[100];
    struct err err;
    struct store_events events;
    int64_t next_ms;
    memset(end, 0, sizeof *end);
    assert_int_equal(
        store_event_claim(
            store,
            &(const struct store_event_claim){
                .scope = STORE_FIXTURE_HOOK, .owner = owner, .now_ms = now_ms, .max = 1},
            &events, &next_ms, &err),
        0);
    if (events.count == 0)
        return "-";
    *end = (struct store_event_end){.scope = STORE_FIXTURE_HOOK,
                                    .seq = events.items[0].seq,
                                    .owner = owner,
                                    .attempt = events.items[0].attempt,
                                    .state = STORE_EVENT_DONE,
                                    .now_ms = now_ms};
    snprintf(id, sizeof id, "%s", events.items[0].id);
    store_events_destroy(&events);
    return id;
}

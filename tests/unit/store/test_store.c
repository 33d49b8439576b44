/* The state: what goes in comes out, whatever holds it. */
#include "clock.h"
#include "store_fixture.h"
#include "store_lease.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define SCOPE "job:report:/etc/jeton.yaml"

static int read_salt(struct store *store, unsigned char salt[STORE_SALT_SIZE])
{
    struct err err;
    struct store_call call = {.op = STORE_SALT, .salt = {.bytes = salt, .owner = "owner-1"}};
    return store_wait(store, &call, &err);
}

static void a_row_comes_back_as_it_was(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_token row = {
        .owner = "owner-1",
        .generation = 3,
        .access_token = mem_strdup("access"),
        .endpoint_url = mem_strdup("https://e.example"),
        .scope = mem_strdup("a,b"),
        .lifetime_ms = 86400000,
        .received_wall_ms = 253402300799998,
        .received_boot_ms = 5,
        .received_boot_id = "boot",
        .refresh_token = mem_strdup("refresh"),
        .refresh_since_ms = 9,
        .configured_fingerprint = mem_strdup("fp"),
        .service_override = mem_strdup("https://o.example/v1"),
        .token_type = mem_strdup("Bearer"),
        .refresh_expires_ms = 11,
        .login_since_ms = 12,
        .asked = mem_strdup("hash"),
        .secret_fingerprint = mem_strdup("sf"),
        .barred = 2,
        .metadata = mem_strdup("{}"),
        .metadata_ms = 13,
        .pause = {STORE_PAUSE_PERSON, 14, 2, mem_strdup("it said no")},
    };
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    store_free(store);

    store = store_fixture_open();
    struct store_token found;
    assert_int_equal(store_fixture_load(store, "owner-1", &found), 1);
    assert_int_equal(found.generation, 3);
    assert_string_equal(found.access_token, row.access_token);
    assert_string_equal(found.endpoint_url, row.endpoint_url);
    assert_string_equal(found.scope, row.scope);
    assert_int_equal(found.received_wall_ms, row.received_wall_ms);
    assert_string_equal(found.received_boot_id, "boot");
    assert_string_equal(found.refresh_token, "refresh");
    assert_null(found.refresh_previous);
    assert_null(found.application_fingerprint);
    assert_string_equal(found.service_override, row.service_override);
    assert_string_equal(found.token_type, "Bearer");
    assert_int_equal(found.refresh_expires_ms, 11);
    assert_int_equal(found.login_since_ms, 12);
    assert_string_equal(found.asked, "hash");
    assert_string_equal(found.secret_fingerprint, "sf");
    assert_int_equal(found.barred, 2);
    assert_string_equal(found.metadata, "{}");
    assert_int_equal(found.metadata_ms, 13);
    assert_int_equal(found.pause.kind, STORE_PAUSE_PERSON);
    assert_int_equal(found.pause.since_ms, 14);
    assert_int_equal(found.pause.times, 2);
    assert_string_equal(found.pause.reason, "it said no");
    assert_int_equal(found.intent.started_ms, 0);
    store_token_destroy(&found);

    assert_int_equal(store_fixture_load(store, "owner-2", &found), 0);
    store_token_destroy(&found);
    struct store_call endpoint = {
        .op = STORE_TOKEN_ENDPOINT,
        .token = {.owner = "owner-1", .endpoint_url = "https://new.example"}};
    assert_int_equal(store_wait(store, &endpoint, &err), 0);
    assert_int_equal(store_fixture_load(store, "owner-1", &found), 1);
    assert_string_equal(found.endpoint_url, "https://new.example");
    assert_string_equal(found.access_token, "access");
    store_token_destroy(&found);
    struct store_token rows[] = {
        {.owner = "owner-1"}, {.owner = "nobody"}, {.owner = "owner-1"}, {.owner = ""}};
    struct store_call list = {.op = STORE_TOKEN_LIST, .token = {.row = rows, .count = 4}};
    assert_int_equal(store_wait(store, &list, &err), 0);
    for (size_t i = 0; i < 4; i++) {
        bool there = strcmp(rows[i].owner, "owner-1") == 0;
        assert_int_equal(rows[i].generation, there ? 3 : 0);
        assert_string_equal(there ? rows[i].access_token : "", ""); /* no token is read */
        assert_int_equal(rows[i].pause.kind, there ? STORE_PAUSE_PERSON : STORE_PAUSE_NONE);
        store_token_destroy(&rows[i]);
    }
    struct store_call bar = {.op = STORE_TOKEN_BAR, .token = {.owner = "owner-1", .generation = 4}};
    assert_int_equal(store_wait(store, &bar, &err), 0);
    assert_int_equal(store_fixture_load(store, "owner-1", &found), 1);
    assert_int_equal(found.barred, 2); /* it is of generation 3 */
    store_token_destroy(&found);
    bar.token.generation = 3;
    assert_int_equal(store_wait(store, &bar, &err), 0);
    assert_int_equal(store_fixture_load(store, "owner-1", &found), 1);
    assert_int_equal(found.barred, 3);
    store_token_destroy(&found);
    struct store_call gone = {.op = STORE_TOKEN_DELETE, .token = {.owner = "owner-1"}};
    assert_int_equal(store_wait(store, &gone, &err), 0);
    assert_int_equal(store_fixture_load(store, "owner-1", &found), 0);
    store_token_destroy(&found);
    store_token_destroy(&row);
    store_free(store);
}

static int write_intent(struct store *store, struct store_token *row)
{
    struct err err;
    struct store_call call = {.op = STORE_TOKEN_INTENT, .token = {.owner = row->owner, .row = row}};
    return store_wait(store, &call, &err);
}

static void an_intent_ends_with_the_tokens_or_alone(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_token found,
        row = {.owner = "o", .received_boot_id = "b", .intent = {"id", 0, 42, "host"}};
    assert_int_equal(write_intent(store, &row), 0);
    assert_int_equal(store_fixture_load(store, "o", &found), 0); /* no row, but */
    assert_string_equal(found.intent.id, "id");
    assert_int_equal(found.intent.started_ms, 42);
    assert_string_equal(found.intent.host, "host");
    store_token_destroy(&found);

    row.intent = (struct store_intent){0};
    row.generation = 1;
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    assert_int_equal(store_fixture_load(store, "o", &found), 1);
    assert_int_equal(found.intent.started_ms, 0);
    store_token_destroy(&found);

    row.intent = (struct store_intent){"id", 1, 43, "host"};
    assert_int_equal(write_intent(store, &row), 0);
    assert_int_equal(store_fixture_load(store, "o", &found), 1);
    assert_int_equal(found.intent.started_ms, 43);
    store_token_destroy(&found);
    row.intent = (struct store_intent){0};
    assert_int_equal(write_intent(store, &row), 0);
    assert_int_equal(store_fixture_load(store, "o", &found), 1);
    assert_int_equal(found.intent.started_ms, 0);
    store_token_destroy(&found);

    /* One of an older generation was answered, by a program that leaves intents alone. */
    row.intent = (struct store_intent){"id", 0, 44, "host"};
    assert_int_equal(write_intent(store, &row), 0);
    assert_int_equal(store_fixture_load(store, "o", &found), 1);
    assert_int_equal(found.intent.started_ms, 0);
    store_token_destroy(&found);
    store_free(store);
}

static void the_salt_stays(void **state)
{
    (void)state;
    unsigned char first[32], second[32], zero[32] = {0};
    struct store *store = store_fixture_open();
    assert_int_equal(read_salt(store, first), 0);
    store_free(store);
    store = store_fixture_open();
    assert_int_equal(read_salt(store, second), 0);
    store_free(store);
    assert_memory_equal(first, second, 32);
    assert_memory_not_equal(first, zero, 32);
}

static void many_processes_create_one_store(void **state)
{
    (void)state;
    pid_t children[16];
    for (size_t i = 0; i < 16; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        struct err err;
        struct store *store = store_fixture_open();
        char key[8];
        snprintf(key, sizeof key, "%zu", i);
        struct store_kv item = {.key = key, .value = "v", .len = 1};
        bool good = store_kv_write(store, "job", &item, 1, &err) == 0;
        if (!good)
            dprintf(2, "%s\n", err.msg);
        store_free(store);
        _exit(good ? 0 : 1);
    }
    for (size_t i = 0; i < 16; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct buf out;
    buf_create(&out, 1000);
    struct store *store = store_fixture_open();
    store_fixture_keys(store, "job", &out);
    assert_int_equal(out.len, 10 * 4 + 6 * 5);
    buf_destroy(&out);
    store_free(store);
}

/* Calls */

static void count(void *arg)
{
    ++*(int *)arg;
}

static void a_call_is_done_once(void **state)
{
    (void)state;
    int done = 0;
    struct err err;
    struct loop *loop = loop_new();
    struct store *own = store_fixture_open();
    struct store *store = store_fixture_new(loop);
    struct buf value;
    buf_create(&value, 100);
    assert_int_equal(
        store_kv_write(own, SCOPE, &(struct store_kv){.key = "k", .value = "v", .len = 1}, 1, &err),
        0);
    struct store_call call = {.op = STORE_KV_GET,
                              .kv = {.scope = SCOPE, .key = "k", .value = &value}};
    store_start(store, &call, count, &done);
    while (done == 0)
        assert_true(loop_turn(loop, -1));
    assert_int_equal(call.result, 1);
    assert_string_equal(value.data, "v");
    loop_turn(loop, 5);
    assert_int_equal(done, 1);
    store_cancel(&call); /* too late, and harmless */
    buf_destroy(&value);
    store_free(store);
    store_free(own);
    loop_free(loop);
}

static void what_is_cancelled_is_not_done(void **state)
{
    (void)state;
    int done = 0;
    struct loop *loop = loop_new();
    struct store *store = store_fixture_new(loop);
    struct store_token row;
    struct store_call call = {.op = STORE_TOKEN_LOAD, .token = {.owner = "nobody", .row = &row}};
    store_start(store, &call, count, &done);
    int before = done; /* of an engine that finishes at once */
    store_cancel(&call);
    loop_turn(loop, 5);
    assert_int_equal(done, before);
    store_free(store);
    loop_free(loop);
}

static void a_closed_store_opens_by_itself(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    assert_int_equal(store_kv_write(store, SCOPE,
                                    &(struct store_kv){.key = "k", .value = "v", .len = 1}, 1,
                                    &err),
                     0);
    store_close(store);
    store_close(store);
    struct buf value;
    buf_create(&value, 100);
    assert_int_equal(store_kv_get(store, SCOPE, "k", &value, &err), 1);
    assert_string_equal(value.data, "v");
    buf_destroy(&value);
    int64_t now_ms = clock_wall_ms();
    assert_in_range(store_now_ms(store), now_ms - 1000, now_ms + 5000);
    store_free(store);
}

static void a_handle_makes_nothing(void **state)
{
    (void)state;
    struct store *store = store_fixture_new(NULL);
    assert_false(store_exists(store));
    store_free(store);
    assert_int_equal(access("state", F_OK), -1);
    store_free(store_fixture_open());
    store = store_fixture_new(NULL);
    assert_true(store_exists(store));
    store_free(store);
}

/* Leases */

static void one_holds_a_lease(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open(), *other = store_fixture_open();
    struct store_lease first = {0}, second = {0}, third = {0};
    assert_int_equal(store_lease_try(&first, store, STORE_LEASE_JOB, SCOPE, &err), 1);
    assert_int_equal(store_lease_try(&second, other, STORE_LEASE_JOB, SCOPE, &err), 0);
    assert_int_equal(store_lease_try(&third, other, STORE_LEASE_JOB, "job:report:/other", &err), 1);
    store_close(store); /* leases stay */
    assert_int_equal(store_lease_try(&second, other, STORE_LEASE_JOB, SCOPE, &err), 0);
    store_lease_release(&first);
    store_lease_release(&first);
    assert_int_equal(store_lease_try(&second, other, STORE_LEASE_JOB, SCOPE, &err), 1);
    store_lease_release(&second);
    store_lease_release(&third);
    store_free(store);
    store_free(other);
}

struct taking {
    bool done;
    struct err err;
};

static void taken(void *arg, const struct err *err)
{
    struct taking *taking = arg;
    assert_false(taking->done);
    taking->done = true;
    if (err != NULL)
        taking->err = *err;
}

static void a_lease_is_waited_for(void **state)
{
    (void)state;
    struct err err;
    struct loop *loop = loop_new();
    struct store *store = store_fixture_new(loop), *other = store_fixture_open();
    struct store_lease held = {0}, wanted = {0};
    struct taking late = {0}, well = {0};
    assert_int_equal(store_lease_try(&held, other, STORE_LEASE_TOKEN, "owner", &err), 1);
    store_lease_take(&wanted, store, STORE_LEASE_TOKEN, "owner", loop_now_ms(loop) + 20, taken,
                     &late);
    assert_true(loop_run_until(loop, &late.done));
    assert_int_equal(late.err.kind, ERR_BUSY);
    assert_false(wanted.held);
    store_lease_release(&wanted);
    store_lease_take(&wanted, store, STORE_LEASE_TOKEN, "owner", 0, taken, &well);
    loop_turn(loop, 0);
    assert_false(well.done);
    store_lease_release(&held);
    assert_true(loop_run_until(loop, &well.done));
    assert_int_equal(well.err.kind, ERR_NONE);
    assert_true(wanted.held);
    store_lease_release(&wanted);
    struct taking none = {0};
    store_lease_take(&wanted, store, STORE_LEASE_TOKEN, "owner", 0, taken, &none);
    store_lease_release(&wanted); /* ends taking */
    loop_turn(loop, 5);
    assert_false(none.done);
    store_free(store);
    store_free(other);
    loop_free(loop);
}

static void a_lease_dies_with_its_holder(void **state)
{
    (void)state;
    struct err err;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct store_lease lease;
        struct store *store = store_fixture_open();
        char held = store_lease_try(&lease, store, STORE_LEASE_JOB, SCOPE, &err) == 1 ? 'y' : 'n';
        _exit(write(ready[1], &held, 1) == 1 && pause() == 0 ? 0 : 1);
    }
    char held = 'n';
    assert_int_equal(read(ready[0], &held, 1), 1);
    assert_int_equal(held, 'y');
    struct store *store = store_fixture_open();
    struct store_lease lease = {0};
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_JOB, SCOPE, &err), 0);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_JOB, SCOPE, &err), 1);
    store_lease_release(&lease);
    store_free(store);
    close(ready[0]);
    close(ready[1]);
}

static void nothing_is_written_under_a_lost_lease(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_lease lease = {0};
    struct store_token row = {.owner = "owner", .generation = 1, .received_boot_id = "b"}, found;
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_JOB, SCOPE, &err), 1);
    assert_int_equal(store_fixture_save(store, &row, &lease, &err), 0);
    lease.held = false; /* its holder has been told */
    row.generation = 2;
    assert_int_equal(store_fixture_save(store, &row, &lease, &err), -1);
    assert_int_equal(err.kind, ERR_LOST);
    assert_int_equal(store_fixture_load(store, "owner", &found), 1);
    assert_int_equal(found.generation, 1);
    store_token_destroy(&found);
    store_lease_release(&lease);
    store_free(store);
}

/* In a folder: the row may not be the last one that came. */
static void a_spool_that_cannot_be_read_is_not_passed_over(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_token row = {.owner = "owner", .generation = 1, .received_boot_id = "b"}, found;
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    if (store_fixture_engine != &store_pg) {
        struct rlimit before, none;
        int free_fd = dup(STDOUT_FILENO);
        assert_true(free_fd >= 0);
        close(free_fd);
        assert_int_equal(mkdir("state/kept", 0700), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        none = (struct rlimit){.rlim_cur = (rlim_t)free_fd, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        int loaded = store_fixture_load(store, "owner", &found);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(loaded, -1);
    }
    assert_int_equal(store_fixture_load(store, "owner", &found), 1);
    store_token_destroy(&found);
    store_free(store);
}

static void room_is_kept_for_what_comes(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_lease lease = {0};
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_JOB, SCOPE, &err), 1);
    assert_int_equal(store_lease_reserve(&lease, 4096, &err), 0);
    store_lease_unreserve(&lease);
    store_lease_release(&lease);
    store_free(store);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_row_comes_back_as_it_was),
        TEST(an_intent_ends_with_the_tokens_or_alone),
        TEST(many_processes_create_one_store),
        TEST(the_salt_stays),
        TEST(a_call_is_done_once),
        TEST(what_is_cancelled_is_not_done),
        TEST(a_closed_store_opens_by_itself),
        TEST(a_handle_makes_nothing),
        TEST(one_holds_a_lease),
        TEST(a_lease_is_waited_for),
        TEST(a_lease_dies_with_its_holder),
        TEST(nothing_is_written_under_a_lost_lease),
        TEST(a_spool_that_cannot_be_read_is_not_passed_over),
        TEST(room_is_kept_for_what_comes),
    };
    return STORE_FIXTURE_RUN(tests);
}

/* The server's part in leases, and connections that are lost or late. */
#include "pg_host.h"

#include "clock.h"
#include "store_lease.h"

#define SCOPE "job:report:name:n"

static void a_lease_is_the_servers(void **state)
{
    (void)state;
    struct err err;
    struct pg_host first, second;
    pg_host_create(&first, "a");
    pg_host_create(&second, "b");
    struct store *one = pg_host_store(&first), *two = pg_host_store(&second);
    struct store_lease held = {0}, taken = {0};
    struct store_token row = {.owner = "o", .generation = 1, .received_boot_id = "b"}, found;
    assert_int_equal(store_lease_try(&held, one, STORE_LEASE_TOKEN, "o", &err), 1);
    assert_int_equal(store_lease_try(&taken, two, STORE_LEASE_TOKEN, "o", &err), 0);
    store_close(one); /* it is no session's */
    assert_int_equal(store_lease_try(&taken, two, STORE_LEASE_TOKEN, "o", &err), 0);
    assert_int_equal(store_fixture_save(one, &row, &held, &err), 0);
    assert_int_equal(pg_host_psql(&first, "UPDATE @lease SET until = clock_timestamp()"), 0);
    assert_int_equal(store_fixture_save(one, &row, &held, &err), 0); /* nobody came between */
    assert_int_equal(store_lease_try(&taken, two, STORE_LEASE_TOKEN, "o", &err), 1);
    row.generation = 2; /* the first one does not know yet that it has lost it */
    assert_int_equal(store_fixture_save(one, &row, &held, &err), -1);
    assert_int_equal(err.kind, ERR_LOST);
    assert_int_equal(store_fixture_load(two, "o", &found), 1);
    assert_int_equal(found.generation, 1);
    store_token_destroy(&found);
    store_lease_release(&held); /* and this releases nothing of the other's */
    assert_int_equal(store_lease_try(&held, one, STORE_LEASE_TOKEN, "o", &err), 0);
    store_lease_release(&taken);
    store_close(two); /* that is sent */
    assert_int_equal(store_lease_try(&held, one, STORE_LEASE_TOKEN, "o", &err), 1);
    store_lease_release(&held);
    store_free(one);
    store_free(two);
    pg_host_destroy(&first);
    pg_host_destroy(&second);
}

static void no_lease_lasts_longer_than_it_may(void **state)
{
    (void)state;
    struct err err;
    struct pg_host first, second;
    pg_host_create(&first, "a");
    pg_host_create(&second, "b");
    struct store *one = pg_host_store(&first), *two = pg_host_store(&second);
    struct store_lease dead = {0}, taken = {0};
    assert_int_equal(store_lease_try(&dead, one, STORE_LEASE_TOKEN, "o", &err), 1);
    /* The server's clock is set back by an hour. */
    assert_int_equal(pg_host_psql(&first, "UPDATE @lease SET until = until + interval '1 hour'"),
                     0);
    assert_int_equal(store_lease_try(&taken, two, STORE_LEASE_TOKEN, "o", &err), 0);
    assert_int_equal(pg_host_psql(&first, "SELECT 1 / (until BETWEEN clock_timestamp() + interval"
                                          " '1 second' AND clock_timestamp() + interval '31"
                                          " seconds')::integer FROM @lease"),
                     0);
    store_lease_release(&dead);
    store_free(one);
    store_free(two);
    pg_host_destroy(&first);
    pg_host_destroy(&second);
}

static void a_boot_is_a_hosts(void **state)
{
    (void)state;
    struct err err;
    struct pg_host hosts[2];
    pg_host_create(&hosts[0], "a");
    pg_host_create(&hosts[1], "b");
    for (int i = 0; i < 4; i++) {
        struct store *store = pg_host_store(&hosts[i % 2]);
        struct store_run run = {.scope = SCOPE, .job = "report", .attempt = 1, .exit = -1};
        run.slot_ms = run.ended_ms = STORE_NONE;
        store_run_id(run.run);
        assert_int_equal(store_run_claim(store, &run, "boot", &err), i < 2 ? 1 : 0);
        store_free(store);
    }
    pg_host_destroy(&hosts[0]);
    pg_host_destroy(&hosts[1]);
}

static void a_run_elsewhere_lives_by_its_lease(void **state)
{
    (void)state;
    struct err err;
    struct pg_host first, second;
    pg_host_create(&first, "a");
    pg_host_create(&second, "b");
    struct store *one = pg_host_store(&first), *two = pg_host_store(&second);
    struct store_lease life = {0};
    struct store_runs runs;
    struct store_run run = {.run = "abcdefghij", .scope = SCOPE, .job = "report", .attempt = 1};
    run.exit = -1;
    run.slot_ms = run.ended_ms = STORE_NONE;
    process_identity_own(&run.supervisor); /* alive, but that tells the other host nothing */
    assert_int_equal(store_lease_try(&life, one, STORE_LEASE_RUN, run.run, &err), 1);
    assert_int_equal(store_run_add(one, &run, &err), 0);
    const struct store_run_filter open = {.scope = SCOPE, .open = true};
    assert_int_equal(store_run_list(two, &open, &runs, &err), 0);
    store_runs_dead(&runs);
    assert_int_equal(runs.count, 0);
    store_runs_destroy(&runs);
    assert_int_equal(pg_host_psql(&first, "UPDATE @lease SET until = clock_timestamp()"), 0);
    assert_int_equal(store_run_list(two, &open, &runs, &err), 0);
    store_runs_dead(&runs);
    assert_int_equal(runs.count, 1);
    store_runs_destroy(&runs);
    store_lease_release(&life);
    store_free(one);
    store_free(two);
    pg_host_destroy(&first);
    pg_host_destroy(&second);
}

static void a_lost_connection_is_made_again(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    for (int i = 0; i < 3; i++) {
        char key[] = {(char)('a' + i), '\0'};
        assert_int_equal(store_kv_write(store, SCOPE,
                                        &(struct store_kv){.key = key, .value = "v", .len = 1}, 1,
                                        &err),
                         0);
        assert_int_equal(pg_host_psql(&host,
                                      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                      " WHERE application_name = 'jeton' AND query LIKE '%COMMIT%'"
                                      " AND pid <> pg_backend_pid()"),
                         0);
    }
    struct buf out;
    buf_create(&out, 100);
    store_fixture_keys(store, SCOPE, &out);
    assert_string_equal(out.data, "a=v;b=v;c=v;");
    buf_destroy(&out);
    store_free(store);
    pg_host_destroy(&host);
}

/* A clock that runs when it is looked at, so that a deadline comes at once. */
static int64_t hasty_ms(void *arg, enum clock_kind kind)
{
    int64_t *passed = arg;
    return clock_now_ms(&clock_system, kind) + (*passed += 400);
}

static void a_server_that_is_away_is_waited_for(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    int64_t passed = 0;
    const struct clock hasty = {hasty_ms, &passed};
    pg_host_create(&host, "a");
    pg_host_url(&host, "postgresql://jeton@/jeton?host=/nowhere");
    struct loop *loop = loop_new();
    loop_set_clock(loop, &hasty);
    struct store *store = store_new_on(&store_pg, &host.place, loop);
    int64_t since_ms = loop_now_ms(loop);
    assert_int_equal(store_kv_write(store, SCOPE,
                                    &(struct store_kv){.key = "k", .value = "v", .len = 1}, 1,
                                    &err),
                     -1);
    assert_int_equal(err.kind, ERR_NETWORK);
    assert_true(err.retryable);
    assert_non_null(strstr(err.msg, "cannot connect"));
    assert_true(loop_now_ms(loop) - since_ms >= STORE_BUSY_MS);
    store_free(store);
    loop_free(loop);
    pg_host_destroy(&host);
}

static int64_t set_ms(void *arg, enum clock_kind kind)
{
    const int64_t *ahead = arg;
    return clock_now_ms(&clock_system, kind) + *ahead;
}

static void who_tends_a_lease_learns_that_it_is_lost(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    int64_t ahead = 0;
    const struct clock clock = {set_ms, &ahead};
    pg_host_create(&host, "a");
    struct loop *loop = loop_new();
    loop_set_clock(loop, &clock);
    struct store *store = store_new_on(&store_pg, &host.place, loop);
    struct store_lease taken = {0}, cut = {0};
    assert_int_equal(store_lease_try(&taken, store, STORE_LEASE_JOB, SCOPE, &err), 1);
    assert_int_equal(store_lease_try(&cut, store, STORE_LEASE_JOB, "job:cut:name:n", &err), 1);
    assert_in_range(store_tend(store), 1000, 20100);
    ahead += 100000; /* it was late, and nobody came between */
    assert_in_range(store_tend(store), 1000, 20100);
    assert_true(taken.held && cut.held);
    assert_int_equal(
        pg_host_psql(&host, "UPDATE @lease SET epoch = epoch + 1, holder = 'other' WHERE key ="
                            " sha256('" SCOPE "')"),
        0);
    ahead += 21000;
    store_tend(store);
    assert_false(taken.held);
    assert_true(cut.held);
    assert_int_equal(pg_host_psql(&host, "ALTER TABLE @lease RENAME TO lease_gone"), 0);
    ahead += 60000;
    store_tend(store);
    assert_true(cut.held); /* what was promised is not over */
    ahead += 36000;
    store_tend(store);
    assert_false(cut.held); /* and now it nearly is */
    store_lease_release(&taken);
    store_lease_release(&cut);
    store_free(store);
    loop_free(loop);
    pg_host_destroy(&host);
}

static void is_done(void *arg)
{
    *(bool *)arg = true;
}

static void an_answer_that_has_come_is_read(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    int64_t ahead = 0;
    const struct clock clock = {set_ms, &ahead};
    unsigned char salt[STORE_SALT_SIZE];
    bool done = false;
    pg_host_create(&host, "a");
    struct loop *loop = loop_new();
    loop_set_clock(loop, &clock);
    struct store *store = store_new_on(&store_pg, &host.place, loop);
    struct store_call call = {.op = STORE_SALT, .salt = {.bytes = salt}};
    assert_int_equal(store_open(store, &err), 0);
    store_start(store, &call, is_done, &done);
    loop_turn(loop, 0); /* it is sent */
    assert_false(done);
    usleep(500000);
    ahead += STORE_BUSY_MS + 1000; /* and nobody has looked */
    assert_true(loop_run_until(loop, &done));
    assert_int_equal(call.result, 0);
    store_free(store);
    loop_free(loop);
    pg_host_destroy(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_HOST_TEST(a_lease_is_the_servers),
        PG_HOST_TEST(no_lease_lasts_longer_than_it_may),
        PG_HOST_TEST(a_boot_is_a_hosts),
        PG_HOST_TEST(a_run_elsewhere_lives_by_its_lease),
        PG_HOST_TEST(a_lost_connection_is_made_again),
        PG_HOST_TEST(a_server_that_is_away_is_waited_for),
        PG_HOST_TEST(who_tends_a_lease_learns_that_it_is_lost),
        PG_HOST_TEST(an_answer_that_has_come_is_read),
    };
    return PG_HOST_RUN(tests);
}

/* Counters of jobs: they add up by scope, and outlive the rows of runs. */
#include "store_counters.h"
#include "store_fixture.h"

static void they_add_up_by_scope(void **state)
{
    (void)state;
    struct err err;
    struct store_counters sums;
    const struct store_counters good = {
        .runs = 1, .requests = 5, .exchanges = 1, .success_ms = 1000};
    const struct store_counters bad = {
        .runs = 1, .failures = 1, .requests = 2, .success_ms = STORE_NONE};
    const struct store_counters skipped = {.skipped = 1, .success_ms = STORE_NONE};
    struct store *store = store_fixture_open();
    assert_int_equal(store_counters_add(store, "a", &bad, &sums, &err), 0);
    assert_true(sums.success_ms == STORE_NONE);
    assert_int_equal(store_counters_add(store, "a", &good, &sums, &err), 0);
    assert_int_equal(store_counters_add(store, "b", &good, &sums, &err), 0);
    assert_int_equal(sums.runs, 1);
    store_free(store);

    store = store_fixture_open();
    assert_int_equal(store_counters_add(store, "a", &skipped, &sums, &err), 0);
    store_free(store);
    assert_int_equal(sums.runs, 2);
    assert_int_equal(sums.failures, 1);
    assert_int_equal(sums.skipped, 1);
    assert_int_equal(sums.requests, 7);
    assert_int_equal(sums.exchanges, 1);
    assert_int_equal(sums.success_ms, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_add_up_by_scope, folder_set_up, folder_tear_down),
    };
    return STORE_FIXTURE_RUN(tests);
}

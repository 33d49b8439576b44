/* Limits of calls a minute that processes share. */
#include "store_bucket.h"
#include "store_fixture.h"

#include <sys/wait.h>

#define NOW_MS INT64_C(1764241200100)

static struct store_bucket_take plan(char *kept[], int64_t now_ms, int64_t wanted)
{
    struct store_bucket_take take = {
        .buckets = {{.key = "a", .per_minute = 10}, {.key = "b", .per_minute = 15}},
        .count = 2,
        .wanted = wanted,
        .ahead_ms = STORE_BUCKET_AHEAD_MS,
        .now_ms = now_ms,
    };
    store_bucket_plan(&take, kept);
    return take;
}

static void forget(char *kept[])
{
    for (int i = 0; i < 2; i++) {
        mem_free(kept[i]);
        kept[i] = NULL;
    }
}

static void what_is_over_waits_in_turn(void **state)
{
    (void)state;
    char *kept[2] = {NULL};
    struct store_bucket_take take = plan(kept, NOW_MS, 6);
    assert_int_equal(take.granted, 6);
    assert_int_equal(take.at_ms, NOW_MS);
    assert_int_equal(take.in_slot, 6);
    assert_int_equal(take.next_ms, NOW_MS + 150);
    take = plan(kept, NOW_MS + 1000, 6);
    assert_int_equal(take.granted, 4);
    assert_int_equal(take.at_ms, NOW_MS + 1000);
    /* Once the first six count no more; then behind them. */
    struct store_bucket_take first = plan(kept, NOW_MS + 2000, 5);
    assert_int_equal(first.granted, 5);
    assert_in_range(first.at_ms, NOW_MS + 60000, NOW_MS + 61250);
    assert_int_equal(first.full, 0);
    struct store_bucket_take second = plan(kept, NOW_MS + 2100, 5);
    assert_int_equal(second.granted, 1);
    assert_int_equal(second.at_ms, first.at_ms);
    assert_int_equal(second.in_slot, 6);
    struct store_bucket_take third = plan(kept, NOW_MS + 2200, 5);
    assert_int_equal(third.granted, 4);
    assert_in_range(third.at_ms, first.at_ms + 750, first.at_ms + 1250);
    forget(kept);
}

static void who_is_gone_costs_a_minute(void **state)
{
    (void)state;
    char *kept[2] = {NULL};
    assert_int_equal(plan(kept, NOW_MS, 10).granted, 10);
    assert_int_equal(plan(kept, NOW_MS + 10, 10).granted, 10); /* in a minute */
    int64_t later_ms = NOW_MS + 2 * (STORE_BUCKET_WINDOW_MS + STORE_BUCKET_SLOT_MS);
    struct store_bucket_take take = plan(kept, later_ms + 500, 10);
    assert_int_equal(take.granted, 10);
    assert_int_equal(take.at_ms, later_ms + 500);
    forget(kept);
}

static void what_is_given_back_is_there_at_once(void **state)
{
    (void)state;
    char *kept[2] = {NULL};
    struct store_bucket_take take = plan(kept, NOW_MS, 10);
    take.unused = 3;
    take.unused_at_ms = take.at_ms;
    take.now_ms = NOW_MS + 2000;
    take.wanted = 9;
    store_bucket_plan(&take, kept);
    assert_int_equal(take.granted, 3);
    assert_int_equal(take.at_ms, NOW_MS + 2000);
    forget(kept);
}

static void too_far_ahead_takes_nothing(void **state)
{
    (void)state;
    char *kept[2] = {NULL};
    plan(kept, NOW_MS, 10);
    char *before = mem_strdup(kept[0]);
    struct store_bucket_take take = {.buckets = {{"a", 10}, {"b", 15}},
                                     .count = 2,
                                     .wanted = 1,
                                     .ahead_ms = 5000,
                                     .now_ms = NOW_MS};
    store_bucket_plan(&take, kept);
    assert_int_equal(take.granted, 0);
    assert_true(take.at_ms > NOW_MS + 60000);
    assert_string_equal(kept[0], before);
    mem_free(before);
    forget(kept);
}

/* The wall clock was wrong, or somebody else wrote there: nobody waits for that. */
static void what_cannot_be_is_left_out(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "nonsense",
        "1764241200000",
        "1764241200000:-5",
        "1764241200000:99999999999999999999",
        "1964241200000:10",                  /* years ahead */
        "1764241800000:10 1764241800250:10", /* the clock was ten minutes ahead */
        "99999999999999999999:10",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char *kept[2] = {mem_strdup(texts[i]), mem_strdup("")};
        struct store_bucket_take take = plan(kept, NOW_MS, 10);
        assert_int_equal(take.granted, 10);
        assert_int_equal(take.at_ms, NOW_MS);
        forget(kept);
    }
}

/* In each of several processes: takes until there is none within two seconds. */
static int take_all(void)
{
    struct err err;
    struct store *store = store_fixture_open();
    struct store_bucket_take take = {.buckets = {{"a", 100}}, .count = 1, .wanted = 3};
    take.ahead_ms = 2000;
    int taken = 0;
    while (store_bucket_take(store, &take, &err) == 0 && take.granted > 0)
        taken += (int)take.granted;
    store_free(store);
    return taken;
}

static void processes_share_it(void **state)
{
    (void)state;
    store_free(store_fixture_open());
    pid_t children[8];
    int taken = 0, status;
    for (int i = 0; i < 8; i++) {
        children[i] = fork();
        if (children[i] == 0)
            _exit(take_all());
    }
    for (int i = 0; i < 8; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        taken += WEXITSTATUS(status);
    }
    assert_int_equal(taken, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_over_waits_in_turn),
        cmocka_unit_test(who_is_gone_costs_a_minute),
        cmocka_unit_test(what_is_given_back_is_there_at_once),
        cmocka_unit_test(too_far_ahead_takes_nothing),
        cmocka_unit_test(what_cannot_be_is_left_out),
        cmocka_unit_test_setup_teardown(processes_share_it, folder_set_up, folder_tear_down),
    };
    return STORE_FIXTURE_RUN(tests);
}

/* Many events in SQLite: no step reads them all, or keeps others waiting for long. */
#include "store_events.h"
#include "store_fixture.h"

#include <sqlite3.h>
#include <sys/wait.h>

#define SCOPE STORE_FIXTURE_HOOK
#define NOW   STORE_FIXTURE_NOW

#define EACH 100 /* steps of SQLite's programs that are counted as one */
static long steps;

static int count_step(void *arg)
{
    (void)arg;
    steps++;
    return 0;
}

/* For each database that is opened from now on. */
static int count_steps(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message, (void)api;
    sqlite3_progress_handler(db, EACH, count_step, NULL);
    return SQLITE_OK;
}

static int end(struct store *store, struct store_event_end *end)
{
    struct err err;
    return store_event_end(store, end, &err);
}

/* `count` of one order key, that wait; or that are done, of none. */
static void add_many(struct store *store, const char *prefix, size_t count, const char *order_key)
{
    struct err err;
    struct store_event_new *events = calloc(count, sizeof *events);
    char(*ids)[32] = calloc(count, sizeof *ids);
    for (size_t i = 0; i < count; i++) {
        snprintf(ids[i], sizeof ids[i], "%s%zu", prefix, i);
        events[i] = store_fixture_event(ids[i], order_key);
        events[i].max_waiting = 100000;
        events[i].skipped = order_key == NULL;
    }
    assert_int_equal(store_event_add(store, events, count, &err), 0);
    free(ids);
    free(events);
}

/* In hundreds of SQLite's steps. */
static long of_hundred_ends(struct store *store)
{
    struct store_event_end mine;
    long from = steps;
    for (int i = 0; i < 100; i++) {
        assert_string_not_equal(store_fixture_claim(store, "w", NOW, &mine), "-");
        assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    }
    return steps - from;
}

/* Of a key that others wait for; it took time for each row that is kept. */
static void an_end_costs_no_more_where_many_are_kept(void **state)
{
    (void)state;
    struct store *store = store_fixture_open();
    add_many(store, "k", 300, "k");
    long few = of_hundred_ends(store);
    add_many(store, "d", 20000, NULL);
    long many = of_hundred_ends(store);
    assert_true(few > 0 && many < 2 * few);
    store_free(store);
}

/* All that are dead, some at a time: others store meanwhile. */
static void many_that_are_dead(void **state)
{
    (void)state;
    enum { MANY = 1200 };
    struct err err;
    struct store_event_end mine;
    struct store *store = store_fixture_open();
    add_many(store, "k", MANY, "k");
    for (int i = 0; i < MANY; i++) {
        store_fixture_claim(store, "w", NOW, &mine);
        mine.state = STORE_EVENT_DEAD;
        assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    }
    store_free(store);
    pid_t child = fork();
    if (child == 0) {
        store = store_fixture_open();
        _exit(store_event_retry(store, SCOPE, 0, NOW, &err) == MANY ? 0 : 1);
    }
    store = store_fixture_open();
    int changes = 0, status = 0;
    (void)store_has_changed(store);
    while (waitpid(child, &status, WNOHANG) == 0)
        changes += store_has_changed(store) ? 1 : 0;
    assert_int_equal(status, 0);
    assert_true(changes > 1);
    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "k0");
    assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "k1");
    store_free(store);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_end_costs_no_more_where_many_are_kept),
        TEST(many_that_are_dead),
    };
    sqlite3_auto_extension((void (*)(void))count_steps);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

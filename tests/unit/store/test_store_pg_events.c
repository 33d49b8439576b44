/* Events of webhooks, where it matters that hosts share their state: what is counted, claims whose
 * answer was lost, and events that are reserved for one listener. */
#include "pg_host.h"
#include "store_events.h"

#include <sys/wait.h>
#include <unistd.h>

#define SCOPE "hook:h:name:n"
#define MINE  "aaaaaaaaaa" /* two listeners */
#define OTHER "bbbbbbbbbb"
#define D_MS  20000

static void assert_open_most(const struct pg_host *host, const char *number)
{
    char sql[128];
    snprintf(sql, sizeof sql, "SELECT 1 / (count(*) = 1)::int FROM @hook WHERE open_most %s",
             number);
    assert_int_equal(pg_host_psql(host, sql), 0);
}

/* Else each would be counted at each adding. What the row says is believed below the limit, where
 * it is never too little; and a retry, which opens what was not added, makes it unknown. */
static void open_events_are_counted_near_the_limit_only(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    struct store_event_new events[6];
    for (size_t i = 0; i < 6; i++)
        events[i] = (struct store_event_new){.scope = SCOPE,
                                             .max_waiting = 9,
                                             .id = &"a\0b\0c\0d\0e\0f"[2 * i],
                                             .headers = "{}",
                                             .body = ""};
    assert_int_equal(store_event_add(store, events, 2, &err), 0);
    assert_open_most(&host, "= 2");
    assert_int_equal(pg_host_psql(&host, "UPDATE @hook SET open_most = 7"), 0);
    assert_int_equal(store_event_add(store, events + 1, 2, &err), 0);
    assert_open_most(&host, "= 8");
    assert_int_equal(store_event_add(store, events + 3, 2, &err), 0); /* 8 and 2 are too many */
    assert_open_most(&host, "= 5");
    assert_int_equal(pg_host_psql(&host, "UPDATE @event SET state = 8, ended_ms = 1"), 0);
    assert_int_equal(store_event_retry(store, SCOPE, 0, 5, &err), 5);
    assert_open_most(&host, "IS NULL");
    events[5].max_waiting = 5;
    assert_int_equal(store_event_add(store, events + 5, 1, &err), 0);
    assert_int_equal(events[5].added, STORE_EVENT_FULL);
    assert_int_equal(store_event_retry(store, NULL, events[0].seq, 5, &err), 1);
    assert_open_most(&host, "IS NULL");
    store_free(store);
    pg_host_destroy(&host);
}

static void ignore(void *arg)
{
    (void)arg;
}

/* As when its answer comes too late: its owner is alive, so nobody else would take what it has. */
static void a_claim_that_was_given_up_is_not_lost(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    struct store_event_new event = {
        .scope = SCOPE, .max_waiting = 9, .id = "a", .headers = "{}", .body = ""};
    assert_int_equal(store_event_add(store, &event, 1, &err), 0);
    struct store_events events = {0};
    int64_t next_ms;
    const struct store_event_claim what = {.scope = SCOPE, .owner = "w", .now_ms = 9, .max = 1};
    const struct store_event_call claim = {.claim = &what, .events = &events, .next_ms = &next_ms};
    struct store_call call = {.op = STORE_EVENT_CLAIM, .event = &claim};
    store_start(store, &call, ignore, NULL);
    store_cancel(&call);
    assert_int_equal(store_event_claim(store, &what, &events, &next_ms, &err), 0);
    assert_int_equal(events.count, 1);
    assert_int_equal(events.items[0].attempt, 1);
    store_events_destroy(&events);
    assert_int_equal(store_event_claim(store, &what, &events, &next_ms, &err), 0);
    assert_int_equal(events.count, 0);
    store_events_destroy(&events);
    store_free(store);
    pg_host_destroy(&host);
}

/* Reserved for that listener; NULL: for nobody. */
static int64_t add(struct store *store, const char *id, const char *order_key, const char *listener)
{
    struct err err;
    struct store_event_new event = {.scope = SCOPE,
                                    .max_waiting = 99,
                                    .id = id,
                                    .order_key = order_key,
                                    .received_ms = store_now_ms(store),
                                    .headers = "{}",
                                    .body = "",
                                    .reserved_for = listener,
                                    .reserved_ms = D_MS};
    assert_int_equal(store_event_add(store, &event, 1, &err), 0);
    assert_int_equal(event.added, STORE_EVENT_STORED);
    return event.seq;
}

/* One, in so many ms from now on. Its seq, or 0; *left_ms: until the next is due, or STORE_NONE. */
static int64_t claim(struct store *store, const char *listener, int64_t in_ms, int64_t *left_ms)
{
    struct err err;
    struct store_events events;
    int64_t next_ms;
    const struct store_event_claim what = {.scope = SCOPE,
                                           .owner = listener != NULL ? listener : "w",
                                           .listener = listener,
                                           .now_ms = store_now_ms(store) + in_ms,
                                           .max = 1};
    assert_int_equal(store_event_claim(store, &what, &events, &next_ms, &err), 0);
    int64_t seq = events.count > 0 ? events.items[0].seq : 0;
    if (left_ms != NULL)
        *left_ms = next_ms == STORE_NONE ? STORE_NONE : next_ms - what.now_ms;
    store_events_destroy(&events);
    return seq;
}

/* By whoever has claimed it the first time. */
static void end(struct store *store, int64_t seq, const char *owner, enum store_event_state state)
{
    struct err err;
    const struct store_event_end end = {.scope = SCOPE,
                                        .seq = seq,
                                        .owner = owner,
                                        .attempt = 1,
                                        .state = state,
                                        .now_ms = store_now_ms(store),
                                        .next_ms = store_now_ms(store)};
    assert_int_equal(store_event_end(store, &end, &err), STORE_EVENT_ENDED);
}

static void assert_reserved(const struct pg_host *host, int count)
{
    char sql[200];
    snprintf(sql, sizeof sql,
             "SELECT 1 / (count(*) = %d)::int FROM @event"
             " WHERE reserved_for IS NOT NULL OR reserved_until_ms IS NOT NULL",
             count);
    assert_int_equal(pg_host_psql(host, sql), 0);
}

static void one_that_is_reserved_is_that_listeners(void **state)
{
    (void)state;
    int64_t left_ms;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    int64_t seq = add(store, "a", NULL, MINE), free = add(store, "b", NULL, NULL);
    /* Another one passes over it, and comes at its end. */
    assert_int_equal(claim(store, OTHER, 0, &left_ms), free);
    assert_int_equal(claim(store, OTHER, 0, &left_ms), 0);
    assert_in_range(left_ms, D_MS - 10000, D_MS);
    assert_reserved(&host, 1);
    assert_int_equal(claim(store, MINE, 0, &left_ms), seq);
    assert_int_equal(left_ms, STORE_NONE);
    /* What is tried again is nobody's. */
    assert_reserved(&host, 0);
    end(store, seq, MINE, STORE_EVENT_READY);
    assert_int_equal(claim(store, OTHER, 0, NULL), seq);

    seq = add(store, "c", NULL, MINE);
    assert_int_equal(claim(store, OTHER, D_MS - 10000, NULL), 0);
    assert_int_equal(claim(store, OTHER, D_MS + 10000, NULL), seq);
    assert_reserved(&host, 0);
    /* Whoever waits for no reply, as an older program, knows nothing of it. */
    seq = add(store, "d", NULL, MINE);
    assert_int_equal(claim(store, NULL, 0, NULL), seq);
    store_free(store);
    pg_host_destroy(&host);
}

static void it_is_given_up(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    int64_t first = add(store, "a", NULL, MINE), second = add(store, "b", NULL, MINE);
    int64_t dropped = add(store, "c", NULL, MINE), others = add(store, "d", NULL, OTHER);
    assert_int_equal(store_event_retry(store, SCOPE, first, store_now_ms(store), &err), 1);
    assert_int_equal(claim(store, OTHER, 0, NULL), others);
    assert_int_equal(claim(store, OTHER, 1000, NULL), first);
    assert_int_equal(store_event_drop(store, dropped, store_now_ms(store), &err), 1);
    assert_int_equal(claim(store, OTHER, 1000, NULL), 0);
    assert_int_equal(store_event_release(store, SCOPE, OTHER, &err), 0);
    assert_reserved(&host, 1);
    assert_int_equal(store_event_release(store, SCOPE, MINE, &err), 0);
    assert_int_equal(claim(store, OTHER, 0, NULL), second);
    assert_reserved(&host, 0);
    store_free(store);
    pg_host_destroy(&host);
}

#define ASLEEP " FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND query LIKE '%@event%'"

/* Who has locked it need not be about to claim it: the end of an event makes it the next one's
 * turn.
 */
static void one_that_is_locked_is_not_forgotten(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    int64_t seq = add(store, "a", NULL, MINE);
    add(store, "b", NULL, MINE);
    pid_t locker = fork();
    if (locker == 0)
        _exit(pg_host_psql(&host, "SELECT FROM @event WHERE id = 'a' FOR UPDATE;"
                                  "SELECT pg_sleep(60)"));
    while (pg_host_psql(&host, "SELECT 1 / count(*)" ASLEEP) != 0)
        continue;
    assert_int_equal(store_event_release(store, SCOPE, MINE, &err), 1);
    assert_reserved(&host, 1);
    assert_int_equal(pg_host_psql(&host, "SELECT pg_cancel_backend(pid)" ASLEEP), 0);
    assert_int_equal(waitpid(locker, NULL, 0), locker);
    assert_int_equal(store_event_release(store, SCOPE, MINE, &err), 0);
    assert_reserved(&host, 0);
    assert_int_equal(claim(store, OTHER, 0, NULL), seq);
    store_free(store);
    pg_host_destroy(&host);
}

static void one_of_an_order_waits_for_it(void **state)
{
    (void)state;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    int64_t mine = add(store, "a", "k", MINE), others = add(store, "b", "k", OTHER);
    assert_int_equal(claim(store, OTHER, 0, NULL), 0);
    assert_int_equal(claim(store, MINE, 0, NULL), mine);
    assert_int_equal(claim(store, OTHER, 0, NULL), 0);
    end(store, mine, MINE, STORE_EVENT_DONE);
    assert_int_equal(claim(store, MINE, 1000, NULL), 0);
    assert_int_equal(claim(store, OTHER, 1000, NULL), others);
    store_free(store);
    pg_host_destroy(&host);
}

/* Hosts are upgraded one after the other. */
static void tables_without_reservations_are_added_to(void **state)
{
    (void)state;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    int64_t before = add(store, "a", NULL, NULL);
    store_free(store);
    assert_int_equal(pg_host_psql(&host, "ALTER TABLE @event DROP COLUMN reserved_for,"
                                         " DROP COLUMN reserved_until_ms;"
                                         "UPDATE @meta SET value = '6' WHERE key = 'version'"),
                     0);
    store = pg_host_store(&host);
    int64_t after = add(store, "b", NULL, MINE);
    assert_int_equal(pg_host_psql(&host, "SELECT 1 / (value = '7')::int FROM @meta"
                                         " WHERE key = 'version'"),
                     0);
    assert_int_equal(claim(store, OTHER, 0, NULL), before);
    assert_int_equal(claim(store, OTHER, 0, NULL), 0);
    assert_int_equal(claim(store, MINE, 0, NULL), after);
    store_free(store);
    pg_host_destroy(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_HOST_TEST(open_events_are_counted_near_the_limit_only),
        PG_HOST_TEST(a_claim_that_was_given_up_is_not_lost),
        PG_HOST_TEST(one_that_is_reserved_is_that_listeners),
        PG_HOST_TEST(it_is_given_up),
        PG_HOST_TEST(one_that_is_locked_is_not_forgotten),
        PG_HOST_TEST(one_of_an_order_waits_for_it),
        PG_HOST_TEST(tables_without_reservations_are_added_to),
    };
    return PG_HOST_RUN(tests);
}

/* Events of webhooks: each is stored once, claimed by one, and ends together with what it changed.
 */
#include "store_events.h"
#include "store_fixture.h"
#include "store_lease.h"

#include <sys/wait.h>

#define SCOPE STORE_FIXTURE_HOOK
#define NOW   STORE_FIXTURE_NOW

static int64_t add(struct store *store, const char *id, const char *order_key)
{
    struct err err;
    struct store_event_new event = store_fixture_event(id, order_key);
    assert_int_equal(store_event_add(store, &event, 1, &err), 0);
    assert_int_equal(event.added, STORE_EVENT_STORED);
    return event.seq;
}

static int end(struct store *store, struct store_event_end *end)
{
    struct err err;
    return store_event_end(store, end, &err);
}

static struct store_event_count count(struct store *store)
{
    struct err err;
    struct store_event_count count;
    assert_int_equal(store_event_count(store, SCOPE, &count, &err), 0);
    return count;
}

static struct store_event show(struct store *store, int64_t seq, struct store_events *events)
{
    struct err err;
    const struct store_event_filter filter = {.seq = seq, .content = true};
    assert_int_equal(store_event_list(store, &filter, events, &err), 0);
    assert_int_equal(events->count, 1);
    return events->items[0];
}

static void each_is_stored_once(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    unsigned char one[STORE_EVENT_DIGEST] = {1}, two[STORE_EVENT_DIGEST] = {2};
    struct store_event_new events[] = {
        store_fixture_event("a", NULL), store_fixture_event("a", NULL),
        store_fixture_event("a", NULL), store_fixture_event("b", NULL),
        store_fixture_event("c", NULL), store_fixture_event("d", NULL)};
    events[2].part = 1;
    events[0].digest = events[3].digest = one; /* the same content as a's */
    events[3].part = 2;                        /* what part it is, the digest says */
    events[4].digest = two;
    assert_int_equal(store_event_add(store, events, 6, &err), 0);
    assert_int_equal(events[0].added, STORE_EVENT_STORED);
    assert_int_equal(events[1].added, STORE_EVENT_DUPLICATE);
    assert_int_equal(events[1].seq, events[0].seq);
    assert_int_equal(events[2].added, STORE_EVENT_STORED);
    assert_int_equal(events[3].added, STORE_EVENT_HELD_BACK);
    assert_int_equal(events[4].added, STORE_EVENT_STORED);
    assert_int_equal(events[5].added, STORE_EVENT_STORED);
    assert_int_equal(count(store).ready, 4);
    assert_int_equal(count(store).held, 1);
    assert_int_equal(count(store).oldest_ms, NOW);

    struct store_events found;
    struct store_event event = show(store, events[0].seq, &found);
    assert_int_equal(event.duplicates, 1);
    assert_string_equal(event.type, "orders/create");
    assert_string_equal(event.body, "body");
    assert_int_equal(event.body_len, 4);
    store_events_destroy(&found);
    event = show(store, events[3].seq, &found);
    assert_int_equal(event.state, STORE_EVENT_HELD);
    assert_string_equal(event.error, STORE_EVENT_SAME);
    store_events_destroy(&found);

    struct store_event_new skipped = store_fixture_event("s", NULL),
                           copy = store_fixture_event("t", NULL);
    unsigned char three[STORE_EVENT_DIGEST] = {3};
    skipped.digest = copy.digest = three;
    skipped.skipped = true;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(store_event_add(store, &skipped, 1, &err), 0);
        assert_int_equal(skipped.added, STORE_EVENT_STORED);
    }
    const struct store_event_filter done = {.states = STORE_EVENT_DONE};
    assert_int_equal(store_event_list(store, &done, &found, &err), 0);
    assert_int_equal(found.count, 0);
    store_events_destroy(&found);
    assert_int_equal(store_event_add(store, &copy, 1, &err), 0);
    assert_int_equal(copy.added, STORE_EVENT_HELD_BACK);
    assert_int_equal(count(store).ready, 4);

    struct store_event_new other = store_fixture_event("a", NULL);
    other.scope = "hook:bills:/etc/jeton.yaml";
    assert_int_equal(store_event_add(store, &other, 1, &err), 0);
    const char *const configured[] = {"hook:no:/etc/jeton.yaml", SCOPE, NULL};
    const struct store_event_filter waiting = {.except = configured,
                                               .states = STORE_EVENT_READY | STORE_EVENT_RUNNING};
    assert_int_equal(store_event_list(store, &waiting, &found, &err), 0);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0].scope, other.scope);
    store_events_destroy(&found);
    assert_int_equal(other.added, STORE_EVENT_STORED);
    store_free(store);
}

/* Whoever has seen one could send it under each id that its sender will use. */
static void another_content_of_the_same_id_is_told(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    unsigned char one[STORE_EVENT_DIGEST] = {1}, two[STORE_EVENT_DIGEST] = {2};
    struct store_event_new events[] = {
        store_fixture_event("a", NULL), store_fixture_event("a", NULL),
        store_fixture_event("a", NULL), store_fixture_event("a", NULL)};
    events[0].digest = events[1].digest = one;
    events[2].digest = two;
    assert_int_equal(store_event_add(store, events, 4, &err), 0);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(events[i].added, STORE_EVENT_DUPLICATE);
        assert_int_equal(events[i].differs, i == 2); /* of one without a digest nobody knows */
    }
    store_free(store);
}

static void so_many_are_held(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    static struct store_event_new events[STORE_EVENT_HELD_MAX + 2];
    static char ids[STORE_EVENT_HELD_MAX + 2][8];
    unsigned char one[STORE_EVENT_DIGEST] = {1};
    for (int i = 0; i < STORE_EVENT_HELD_MAX + 2; i++) {
        snprintf(ids[i], sizeof ids[i], "i%d", i);
        events[i] = store_fixture_event(ids[i], NULL);
        events[i].digest = one;
    }
    const size_t part = 50; /* as many as a busy database surely takes within a call's time */
    for (size_t i = 0; i < STORE_EVENT_HELD_MAX + 2; i += part) {
        size_t left = STORE_EVENT_HELD_MAX + 2 - i;
        assert_int_equal(store_event_add(store, events + i, left < part ? left : part, &err), 0);
    }
    assert_int_equal(events[0].added, STORE_EVENT_STORED);
    assert_int_equal(events[STORE_EVENT_HELD_MAX].added, STORE_EVENT_HELD_BACK);
    assert_int_equal(events[STORE_EVENT_HELD_MAX + 1].added, STORE_EVENT_LEFT_OUT);
    assert_int_equal(count(store).held, STORE_EVENT_HELD_MAX);
    store_free(store);
}

static void a_held_one_keeps_no_id(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    unsigned char one[STORE_EVENT_DIGEST] = {1}, two[STORE_EVENT_DIGEST] = {2};
    struct store_event_new seen = store_fixture_event("a", NULL),
                           copy = store_fixture_event("b", NULL),
                           own = store_fixture_event("b", NULL);
    seen.digest = copy.digest = one;
    own.digest = two;
    own.body = "own!";
    assert_int_equal(store_event_add(store, &seen, 1, &err), 0);
    for (int i = 0; i < 2; i++) { /* the second one is the same request again */
        assert_int_equal(store_event_add(store, &copy, 1, &err), 0);
        assert_int_equal(copy.added, i == 0 ? STORE_EVENT_HELD_BACK : STORE_EVENT_DUPLICATE);
    }
    assert_int_equal(store_event_add(store, &own, 1, &err), 0);
    assert_int_equal(own.added, STORE_EVENT_STORED);
    assert_int_equal(count(store).held, 0);
    assert_int_equal(count(store).ready, 2);
    struct store_events found;
    struct store_event event = show(store, own.seq, &found);
    assert_string_equal(event.id, "b");
    assert_string_equal(event.body, "own!");
    store_events_destroy(&found);
    assert_int_equal(store_event_add(store, &own, 1, &err), 0);
    assert_int_equal(own.added, STORE_EVENT_DUPLICATE);
    assert_int_equal(store_event_add(store, &copy, 1, &err), 0);
    assert_int_equal(copy.added, STORE_EVENT_DUPLICATE);

    copy.id = "c"; /* what has been seen itself takes no place of another one */
    assert_int_equal(store_event_add(store, &copy, 1, &err), 0);
    own.id = "c";
    assert_int_equal(store_event_add(store, &own, 1, &err), 0);
    assert_int_equal(own.added, STORE_EVENT_DUPLICATE);
    assert_int_equal(count(store).held, 1);
    store_free(store);
}

/* It is known, and so does not come again, but what its sender has under this id does. */
static void nor_does_one_that_is_dropped(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    unsigned char one[STORE_EVENT_DIGEST] = {1}, two[STORE_EVENT_DIGEST] = {2};
    struct store_event_new seen = store_fixture_event("a", NULL),
                           copy = store_fixture_event("b", NULL),
                           own = store_fixture_event("b", NULL);
    seen.digest = copy.digest = one;
    own.digest = two;
    assert_int_equal(store_event_add(store, &seen, 1, &err), 0);
    assert_int_equal(store_event_add(store, &copy, 1, &err), 0);
    assert_int_equal(store_event_drop(store, copy.seq, NOW, &err), 1);
    assert_int_equal(count(store).held, 0);
    assert_int_equal(store_event_add(store, &copy, 1, &err), 0);
    assert_int_equal(copy.added, STORE_EVENT_DUPLICATE);
    assert_int_equal(store_event_add(store, &own, 1, &err), 0);
    assert_int_equal(own.added, STORE_EVENT_STORED);
    assert_int_equal(count(store).ready, 2);

    assert_int_equal(store_event_drop(store, own.seq, NOW, &err), 1); /* nobody held that back */
    own.digest = (const unsigned char[STORE_EVENT_DIGEST]){3};
    assert_int_equal(store_event_add(store, &own, 1, &err), 0);
    assert_int_equal(own.added, STORE_EVENT_DUPLICATE);
    store_free(store);
}

static void above_the_limit_nothing_is_stored(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_event_new events[] = {
        store_fixture_event("a", NULL), store_fixture_event("b", NULL),
        store_fixture_event("c", NULL), store_fixture_event("a", NULL)};
    for (size_t i = 0; i < 4; i++)
        events[i].max_waiting = 2;
    assert_int_equal(store_event_add(store, events, 4, &err), 0);
    assert_int_equal(events[1].added, STORE_EVENT_STORED);
    assert_int_equal(events[2].added, STORE_EVENT_FULL);
    assert_int_equal(events[3].added, STORE_EVENT_DUPLICATE);
    struct store_event_end mine;
    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "a");
    assert_int_equal(store_event_add(store, &events[2], 1, &err), 0);
    assert_int_equal(events[2].added, STORE_EVENT_FULL); /* running ones count */
    assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    assert_int_equal(store_event_add(store, &events[2], 1, &err), 0);
    assert_int_equal(events[2].added, STORE_EVENT_STORED);
    store_free(store);
}

/* In a folder the times are those of this machine, which may find out that it was wrong. */
static void a_clock_that_is_set_back(void **state)
{
    (void)state;
    const int64_t hour_ms = 3600000;
    struct err err;
    struct store_event_end mine;
    if (store_fixture_engine != &store_sqlite && store_fixture_engine != &store_late)
        return;
    struct store *store = store_fixture_open();
    struct store_event_new ahead = store_fixture_event("ahead", NULL);
    add(store, "waits", NULL);
    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "waits");
    mine.state = STORE_EVENT_READY;
    mine.next_ms = NOW + 9 * hour_ms;
    assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 5 * hour_ms, &mine), "-");
    ahead.received_ms = NOW + 5 * hour_ms;
    assert_int_equal(store_event_add(store, &ahead, 1, &err), 0);
    assert_string_equal(store_fixture_claim(store, "w", NOW + hour_ms, &mine), "ahead");
    assert_string_equal(store_fixture_claim(store, "w", NOW + 5 * hour_ms - 1, &mine), "-");
    assert_string_equal(store_fixture_claim(store, "w", NOW + 5 * hour_ms, &mine), "waits");
    store_free(store);

    store = store_fixture_open(); /* another process, which does not know */
    ahead = store_fixture_event("later", NULL);
    ahead.received_ms = NOW + 5 * hour_ms;
    assert_int_equal(store_event_add(store, &ahead, 1, &err), 0);
    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "later");
    store_free(store);
}

static void one_owner_has_it(void **state)
{
    (void)state;
    struct store *store = store_fixture_open();
    struct store_event_end mine, stolen;
    add(store, "a", NULL);
    assert_string_equal(store_fixture_claim(store, "w", NOW - 1, &mine), "-"); /* not yet */
    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "a");
    assert_string_equal(store_fixture_claim(store, "v", NOW, &stolen), "-");
    stolen = mine;
    stolen.owner = "v";
    assert_int_equal(end(store, &stolen), STORE_EVENT_LOST);
    stolen = mine;
    stolen.attempt = 2;
    assert_int_equal(end(store, &stolen), STORE_EVENT_LOST);

    mine.state = STORE_EVENT_READY;
    mine.next_ms = NOW + 500;
    mine.error = "why";
    assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    assert_int_equal(end(store, &mine), STORE_EVENT_LOST);
    struct err err;
    struct store_events events;
    int64_t next_ms;
    assert_int_equal(store_event_claim(store,
                                       &(const struct store_event_claim){
                                           .scope = SCOPE, .owner = "w", .now_ms = NOW, .max = 9},
                                       &events, &next_ms, &err),
                     0);
    assert_int_equal(events.count, 0);
    assert_int_equal(next_ms, NOW + 500);
    assert_string_equal(store_fixture_claim(store, "v", NOW + 500, &mine), "a");
    assert_int_equal(mine.attempt, 2);
    mine.state = STORE_EVENT_READY;
    mine.uncounted = true;
    mine.alone = true;
    assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    assert_int_equal(store_event_claim(store,
                                       &(const struct store_event_claim){
                                           .scope = SCOPE, .owner = "w", .now_ms = NOW, .max = 9},
                                       &events, &next_ms, &err),
                     0);
    assert_int_equal(events.items[0].attempt, 2); /* again */
    assert_true(events.items[0].alone);
    assert_string_equal(events.items[0].error, "why");
    store_events_destroy(&events);
    store_free(store);
}

static void an_end_and_its_keys_are_one(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_event_end mine, again;
    struct buf out;
    int64_t version;
    buf_create(&out, 1000);
    add(store, "a", NULL);
    const struct store_kv old = {.key = "n", .value = "1", .len = 1},
                          item = {.key = "n", .value = "2", .len = 1};
    assert_int_equal(store_kv_write(store, SCOPE, &old, 1, &err), 0);
    assert_int_equal(store_kv_read(store, SCOPE, "n", &out, &version, &err), 1);
    const struct store_kv_seen seen[] = {{.key = "n", .version = version},
                                         {.key = "none", .version = 0}};

    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "a");
    mine.items = &item;
    mine.count = 1;
    mine.seen = seen;
    mine.nseen = 2;
    assert_int_equal(store_kv_write(store, SCOPE, &old, 1, &err), 0); /* the same value, anew */
    assert_int_equal(end(store, &mine), STORE_EVENT_CONFLICT);
    again = mine;
    again.state = STORE_EVENT_READY;
    again.conflicted = again.uncounted = true;
    again.next_ms = NOW;
    assert_int_equal(end(store, &again), STORE_EVENT_ENDED);

    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "a");
    assert_int_equal(mine.attempt, 1);
    buf_clear(&out);
    assert_int_equal(store_kv_read(store, SCOPE, "n", &out, &version, &err), 1);
    const struct store_kv_seen now = {.key = "n", .version = version};
    struct store_kv many = {.key = "n", .value = "2", .len = STORE_VALUE_MAX + 1};
    mine.items = &many;
    mine.count = 1;
    mine.seen = &now;
    mine.nseen = 1;
    assert_int_equal(end(store, &mine), -1);
    mine.items = &item;
    assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    buf_clear(&out);
    store_fixture_keys(store, SCOPE, &out);
    assert_string_equal(out.data, "n=2;");
    assert_int_equal(end(store, &mine), STORE_EVENT_LOST);
    buf_destroy(&out);
    store_free(store);
}

static void a_key_has_its_order(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_event_end a, b, c, x;
    int64_t first = add(store, "a", "k");
    add(store, "b", "k");
    add(store, "x", "other");
    add(store, "c", "k");
    assert_string_equal(store_fixture_claim(store, "w", NOW, &a), "a");
    assert_string_equal(store_fixture_claim(store, "w", NOW, &x), "x");
    assert_string_equal(store_fixture_claim(store, "w", NOW, &b), "-");
    a.state = STORE_EVENT_READY; /* it stays the first while it waits to be tried again */
    a.next_ms = NOW + 10;
    assert_int_equal(end(store, &a), STORE_EVENT_ENDED);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 9, &b), "-");
    assert_string_equal(store_fixture_claim(store, "w", NOW + 10, &a), "a");
    a.state = STORE_EVENT_DEAD; /* who has ended keeps nobody */
    a.error = "no";
    assert_int_equal(end(store, &a), STORE_EVENT_ENDED);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 10, &b), "b");

    /* The first comes back while b runs: before c, after b. */
    assert_int_equal(store_event_retry(store, NULL, first, NOW + 10, &err), 1);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 10, &a), "-");
    b.state = STORE_EVENT_READY;
    b.next_ms = NOW + 10;
    assert_int_equal(end(store, &b), STORE_EVENT_ENDED);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 10, &a), "a");
    assert_int_equal(a.attempt, 1);
    assert_int_equal(end(store, &a), STORE_EVENT_ENDED);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 10, &b), "b");
    assert_int_equal(end(store, &b), STORE_EVENT_ENDED);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 10, &c), "c");
    assert_int_equal(end(store, &c), STORE_EVENT_ENDED);

    /* It comes back before one that waits. */
    int64_t last = add(store, "d", "k");
    assert_int_equal(store_event_retry(store, NULL, first, NOW + 20, &err), 1);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 20, &a), "a");
    assert_string_equal(store_fixture_claim(store, "w", NOW + 20, &b), "-");
    assert_int_equal(store_event_drop(store, first, NOW, &err), 0); /* it runs */
    assert_int_equal(end(store, &a), STORE_EVENT_ENDED);
    add(store, "e", "k");
    assert_int_equal(store_event_drop(store, last, NOW, &err), 1);
    assert_string_equal(store_fixture_claim(store, "w", NOW + 20, &b), "e");
    store_free(store);
}

static void what_a_dead_worker_had_is_found(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_lease lease = {0};
    struct store_event_end mine, other;
    char owner[STORE_RUN_ID_SIZE], dead[STORE_RUN_ID_SIZE];
    store_run_id(owner);
    store_run_id(dead);
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_RUN, owner, &err), 1);
    add(store, "a", NULL);
    add(store, "b", NULL);
    store_fixture_claim(store, dead, NOW, &other);
    store_fixture_claim(store, owner, NOW, &mine);
    const struct store_event_filter filter = {.scope = SCOPE, .orphaned = true};
    struct store_events events;
    if (fork() == 0) { /* the holder itself would find its own byte free */
        struct store *theirs = store_fixture_open();
        _exit(store_event_list(theirs, &filter, &events, &err) == 0 && events.count == 1 &&
                      strcmp(events.items[0].owner, dead) == 0 && events.items[0].attempt == 1
                  ? 0
                  : 1);
    }
    int status;
    wait(&status);
    assert_int_equal(status, 0);
    store_lease_release(&lease);
    store_free(store);
}

static void steps_live_as_long_as_their_event(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_event_end mine, lost;
    struct buf out;
    buf_create(&out, 100);
    add(store, "a", NULL);
    store_fixture_claim(store, "w", NOW, &mine);
    assert_int_equal(store_step_get(store, mine.seq, "tell", &out, &err), 0);
    assert_int_equal(store_step_put(store, &mine, "tell", "[1]", 3, &err), 0);
    lost = mine;
    lost.owner = "v";
    assert_int_equal(store_step_put(store, &lost, "tell", "[2]", 3, &err), STORE_EVENT_LOST);
    mine.state = STORE_EVENT_READY;
    assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    store_fixture_claim(store, "w", NOW, &mine);
    assert_int_equal(store_step_get(store, mine.seq, "tell", &out, &err), 1);
    assert_string_equal(out.data, "[1]");
    assert_int_equal(end(store, &mine), STORE_EVENT_ENDED);
    assert_int_equal(store_step_get(store, mine.seq, "tell", &out, &err), 0);
    char name[20];
    add(store, "b", NULL);
    store_fixture_claim(store, "w", NOW, &mine);
    for (int i = 0; i < STORE_STEPS_MAX && store_fixture_engine == &store_sqlite; i++) {
        snprintf(name, sizeof name, "%d", i);
        assert_int_equal(store_step_put(store, &mine, name, "1", 1, &err), 0);
    }
    if (store_fixture_engine == &store_sqlite)
        assert_int_equal(store_step_put(store, &mine, "more", "1", 1, &err), -1);
    buf_destroy(&out);
    store_free(store);
}

static void what_is_old_goes(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_event_end mine;
    int64_t done = add(store, "done", NULL);
    store_fixture_claim(store, "w", NOW, &mine);
    end(store, &mine);
    int64_t dead = add(store, "dead", NULL);
    store_fixture_claim(store, "w", NOW, &mine);
    mine.state = STORE_EVENT_DEAD;
    end(store, &mine);
    add(store, "ready", NULL);
    struct store_events found;
    struct store_event_prune prune = {
        .scope = SCOPE, .done_ms = NOW, .dead_ms = NOW, .ids_ms = NOW + 1, .limit = 100};
    assert_int_equal(store_event_prune(store, &prune, &err), 0);
    assert_non_null(show(store, done, &found).body); /* it is kept for longer than ids */
    store_events_destroy(&found);
    prune.done_ms = NOW + 1;
    prune.ids_ms = NOW;
    assert_int_equal(store_event_prune(store, &prune, &err), 1);
    assert_int_equal(store_event_prune(store, &prune, &err), 0);
    assert_null(show(store, done, &found).body);
    store_events_destroy(&found);
    assert_int_equal(store_event_retry(store, NULL, done, NOW, &err), 0); /* it has no body */
    prune.ids_ms = NOW + 1; /* the dead one likewise */
    assert_int_equal(store_event_prune(store, &prune, &err), 1);
    assert_non_null(show(store, dead, &found).body);
    store_events_destroy(&found);
    assert_int_equal(store_event_retry(store, SCOPE, 0, NOW, &err), 1);
    assert_int_equal(count(store).ready, 2);
    assert_int_equal(count(store).dead, 0);
    store_free(store);
}

/* A listener that is the only one has all, reserved or not. */
static void one_listener_reserves_for_itself(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_event_end mine;
    struct store_event_new event = store_fixture_event("a", NULL);
    event.reserved_for = "aaaaaaaaaa";
    event.reserved_ms = 1000;
    assert_int_equal(store_event_add(store, &event, 1, &err), 0);
    assert_int_equal(store_event_release(store, SCOPE, "aaaaaaaaaa", &err), 0);
    assert_string_equal(store_fixture_claim(store, "w", NOW, &mine), "a");
    store_free(store);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_is_stored_once),
        TEST(another_content_of_the_same_id_is_told),
        TEST(so_many_are_held),
        TEST(a_held_one_keeps_no_id),
        TEST(nor_does_one_that_is_dropped),
        TEST(above_the_limit_nothing_is_stored),
        TEST(a_clock_that_is_set_back),
        TEST(one_owner_has_it),
        TEST(an_end_and_its_keys_are_one),
        TEST(a_key_has_its_order),
        TEST(what_a_dead_worker_had_is_found),
        TEST(steps_live_as_long_as_their_event),
        TEST(what_is_old_goes),
        TEST(one_listener_reserves_for_itself),
    };
    return STORE_FIXTURE_RUN(tests);
}

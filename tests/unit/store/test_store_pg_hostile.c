/* A server in other hands: it brings more rows than were asked for, and NULL where no column has
 * it. */
#include "store_fixture.h"

#include "store_events.h"
#include "store_pg.h"

#define ROWS 5000

static int many(const PGresult *result)
{
    (void)result;
    return ROWS;
}

static int nothing(const PGresult *result, int row, int column)
{
    (void)result, (void)row, (void)column;
    return 1;
}

/* What an operation makes of such an answer to everything that it has asked. */
static int take(const struct store_pg_op *op, struct store_call *call)
{
    struct err err;
    char prefix[] = "jeton.", label[] = "it", folder[] = ".";
    struct store_pg pg = {.prefix = prefix,
                          .label = label,
                          .host = "here",
                          .place = {.folder = folder},
                          .api = {.PQntuples = many, .PQgetisnull = nothing}};
    struct store_pg_work work = {.pg = &pg, .call = call};
    struct store_pg_batch batch = {.pg = &pg};
    assert_int_equal(op->ask(&work, &batch, &err), 0);
    int result = op->take(&work, &batch, &err);
    mem_free(batch.statements);
    mem_free(batch.results);
    arena_destroy(&batch.texts);
    arena_destroy(&work.texts);
    return result;
}

static void it_cannot_write_beyond_what_was_asked_for(void **state)
{
    (void)state;
    struct store_token row;
    struct store_call load = {.token = {.owner = "one", .row = &row}};
    assert_int_equal(take(&store_pg_token_load, &load), 1);
    assert_string_equal(row.owner, "one");
    assert_null(row.spares[0]);
    store_token_destroy(&row);

    struct store_event_call event = {.scope = "hook:a:name:n", .changed = &(int64_t){0}};
    struct store_call retry = {.event = &event};
    assert_true(take(&store_pg_event_retry, &retry) > 0);

    struct store_runs runs;
    struct store_run_filter filter = {0};
    struct store_call list = {.list = {.filter = &filter, .runs = &runs}};
    assert_int_equal(take(&store_pg_run_list, &list), 0);
    assert_int_equal(runs.count, ROWS);
    assert_false(runs.items[0].alive);
    store_runs_destroy(&runs);

    struct store_events events;
    const struct store_event_claim what = {.scope = "hook:a:name:n", .owner = "me"};
    struct store_event_call claim = {.claim = &what, .events = &events, .next_ms = &(int64_t){0}};
    struct store_call claimed = {.event = &claim};
    assert_int_equal(take(&store_pg_event_claim, &claimed), 0);
    assert_int_equal(events.count, ROWS);
    store_events_destroy(&events);

    const char *const homes[] = {"name:n", NULL};
    filter.homes = homes;
    assert_true(take(&store_pg_run_list, &list) > 0); /* the scopes of these homes: none */
    struct store_event_filter events_filter = {.homes = homes};
    struct store_event_call listing = {.filter = &events_filter, .events = &events};
    struct store_call listed = {.event = &listing};
    assert_true(take(&store_pg_event_list, &listed) > 0);
    struct store_call keys = {.kv = {.scope = "job:a:name:n"}};
    assert_int_equal(take(&store_pg_kv_each, &keys), -1);
}

static int one(const PGresult *result)
{
    (void)result;
    return 1;
}

static int something(const PGresult *result, int row, int column)
{
    (void)result, (void)row, (void)column;
    return 0;
}

static char *least(const PGresult *result, int row, int column)
{
    (void)result, (void)row, (void)column;
    static char text[] = "-9223372036854775808";
    return text;
}

static char *most(const PGresult *result, int row, int column)
{
    return least(result, row, column) + 1; /* one more than there is */
}

/* Times are added and subtracted. */
static void its_numbers_are_bounded(void **state)
{
    (void)state;
    char prefix[] = "jeton.";
    PGresult *result = NULL;
    struct store_pg pg = {.prefix = prefix,
                          .api = {.PQntuples = one, .PQgetisnull = something, .PQgetvalue = least}};
    struct store_pg_batch batch = {.pg = &pg, .results = &result};
    assert_int_equal(store_pg_get_int(&batch, 0, 0, 0, STORE_NONE), -(INT64_C(1) << 53));
    pg.api.PQgetvalue = most;
    assert_int_equal(store_pg_get_int(&batch, 0, 0, 0, STORE_NONE), INT64_C(1) << 53);
    pg.api.PQgetisnull = nothing;
    assert_true(store_pg_get_int(&batch, 0, 0, 0, STORE_NONE) == STORE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_numbers_are_bounded),
        cmocka_unit_test(it_cannot_write_beyond_what_was_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

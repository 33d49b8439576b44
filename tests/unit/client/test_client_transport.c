/* Tokens and client over a transport and a clock of the test: nothing is sent, nothing is slept. */
#include "folder.h"
#include "mem.h"
#include "own_clock.h"
#include "provider_fixture.h"
#include "store_fixture.h"
#include "tiny_provider.h"

#define ISSUER    "https://id.example.org"
#define API       "https://api.example.org"
#define MINUTE_MS INT64_C(60000)

/* A reply that is ready: to the next request. */
struct ready {
    int status; /* 0: the connection broke */
    bool sent;  /* then: perhaps it had arrived */
    const char *body;
    const char *retry_after;
    int64_t at_ms; /* when the request came */
    char url[128];
    char secret[64]; /* its header of the provider */
};

struct fake {
    struct loop *loop;
    struct ready *replies;
    size_t count, next;
    struct loop_timer timer;
    http_done_fn *done; /* of the request that waits */
    void *arg;
    int cancelled;
    bool silent; /* does not answer */
};

static void fake_answer(void *arg)
{
    struct fake *fake = arg;
    const struct ready *ready = &fake->replies[fake->next++];
    struct http_header retry_after = {"Retry-After", ready->retry_after};
    struct http_result result = {.sent = ready->sent};
    buf_create(&result.response.body, 1000);
    if (ready->status == 0) {
        err_set(&result.err, ERR_NETWORK, "broken");
        result.err.retryable = true;
    } else {
        result.response.status = ready->status;
        result.response.headers = &retry_after;
        result.response.nheaders = ready->retry_after != NULL;
        buf_puts(&result.response.body, ready->body);
    }
    fake->done(fake->arg, &result);
    buf_destroy(&result.response.body);
}

static void *fake_start(void *self, const struct http_request *request, http_done_fn *done,
                        void *arg, struct err *err)
{
    (void)err;
    struct fake *fake = self;
    assert_true(fake->next < fake->count);
    struct ready *ready = &fake->replies[fake->next];
    ready->at_ms = loop_now_ms(fake->loop);
    snprintf(ready->url, sizeof ready->url, "%s %s", request->method, request->url);
    for (size_t i = 0; i < request->nheaders; i++) {
        if (strcmp(request->headers[i].name, TINY_HEADER) == 0)
            snprintf(ready->secret, sizeof ready->secret, "%s", request->headers[i].value);
    }
    fake->done = done;
    fake->arg = arg;
    if (!fake->silent)
        loop_timer_start(fake->loop, &fake->timer, 0, fake_answer, fake);
    return fake;
}

static void fake_cancel(void *self, void *handle)
{
    struct fake *fake = self;
    assert_ptr_equal(handle, fake);
    loop_timer_stop(fake->loop, &fake->timer);
    fake->cancelled++;
}

/* Each turn of the loop takes a second, and no time. */
static int64_t a_second_passes(void *arg)
{
    *(int64_t *)arg += 1000;
    return 0;
}

struct world {
    struct provider_fixture f;
    struct fake fake;
    int64_t now_ms;
    struct clock clock;
    struct loop_hook hook;
};

static void world_create(struct world *world, struct ready *replies, size_t count)
{
    *world = (struct world){.now_ms = 1};
    provider_fixture_create(&world->f, ISSUER, API, "open-sesame");
    struct engine *engine = &world->f.engine;
    world->fake = (struct fake){.loop = engine->loop, .replies = replies, .count = count};
    world->clock = (struct clock){own_now_ms, &world->now_ms};
    world->hook = (struct loop_hook){.before = a_second_passes, .arg = &world->now_ms};
    loop_set_clock(engine->loop, &world->clock);
    loop_hook_add(engine->loop, &world->hook);
    engine->transport = (struct transport){fake_start, fake_cancel, NULL, &world->fake};
}

static void world_destroy(struct world *world)
{
    assert_int_equal(world->fake.next, world->fake.count);
    loop_hook_remove(world->f.engine.loop, &world->hook);
    provider_fixture_destroy(&world->f);
}

/* A call with a token, until its request is on the way, which is not answered. */
static struct client_call *start_and_wait(struct world *world, struct called *called)
{
    const struct client_request request = {.http.method = "GET", .path = "things"};
    provider_fixture_token(&world->f, NULL);
    world->fake.silent = true;
    const struct ready *ready = &world->fake.replies[world->fake.next];
    struct client_call *call = client_start(world->f.engine.client, world->f.connector, &request,
                                            provider_fixture_called, called);
    for (int turns = 0; turns < 10 && ready->at_ms == 0; turns++)
        loop_turn(world->f.engine.loop, 0);
    return call;
}

static void all_requests_go_through_it(void **state)
{
    (void)state;
    struct ready replies[] = {{200, .body = "token abcdefgh"}, {200, .body = "hello"}};
    struct world world;
    world_create(&world, replies, 2);
    struct called called = provider_fixture_call(&world.f, "GET", "things");
    assert_string_equal(called.body, "hello");
    assert_string_equal(replies[0].url, "POST " ISSUER "/grant");
    assert_string_equal(replies[1].url, "GET " API "/things");
    assert_string_equal(replies[1].secret, "tiny=abcdefgh");
    world_destroy(&world);
}

static void retry_after_is_waited_for(void **state)
{
    (void)state;
    struct ready replies[] = {{429, .body = "busy", .retry_after = "300"},
                              {200, .body = "token abcdefgh"},
                              {429, .body = "busy", .retry_after = "120"},
                              {503, .body = "down", .retry_after = "60"},
                              {200, .body = "hello"}};
    struct world world;
    world_create(&world, replies, 5);
    struct called called = provider_fixture_call(&world.f, "POST", "things");
    assert_string_equal(called.body, "hello");
    assert_true(replies[1].at_ms - replies[0].at_ms >= 5 * MINUTE_MS);
    assert_true(replies[3].at_ms - replies[2].at_ms >= 2 * MINUTE_MS);
    assert_true(replies[4].at_ms - replies[3].at_ms >= 1 * MINUTE_MS);
    world_destroy(&world);
}

static void waits_have_a_limit(void **state)
{
    (void)state;
    struct ready replies[] = {{200, .body = "token abcdefgh"},
                              {429, .body = "busy", .retry_after = "600"},
                              {429, .body = "busy", .retry_after = "600"}};
    struct world world;
    world_create(&world, replies, 3);
    struct called called = provider_fixture_call(&world.f, "GET", "things");
    assert_int_equal(called.err.status, 429);
    assert_non_null(strstr(called.err.msg, "a wait of over 15 minutes"));
    world_destroy(&world);
}

static void a_long_wait_for_what_broke_is_told(void **state)
{
    (void)state;
    struct ready replies[] = {{200, .body = "token abcdefgh"},
                              {503, .body = "down", .retry_after = "3600"}};
    struct world world;
    world_create(&world, replies, 2);
    struct called called = provider_fixture_call(&world.f, "GET", "things");
    assert_int_equal(called.err.status, 503);
    assert_non_null(strstr(called.err.msg, "a wait of over 15 minutes"));
    world_destroy(&world);
}

static void no_wait_passes_the_deadline(void **state)
{
    (void)state;
    struct ready replies[] = {{200, .body = "token abcdefgh"},
                              {429, .body = "busy", .retry_after = "600"}};
    struct world world;
    world_create(&world, replies, 2);
    engine_set_deadline(&world.f.engine, world.now_ms + 5 * MINUTE_MS);
    struct called called = provider_fixture_call(&world.f, "GET", "things");
    assert_int_equal(called.err.status, 429);
    assert_non_null(strstr(called.err.msg, "the deadline is nearer than the next try in 600 s"));
    world_destroy(&world);
}

static void what_broke_is_repeated_where_that_is_safe(void **state)
{
    (void)state;
    struct ready replies[] = {{200, .body = "token abcdefgh"},
                              {0, .sent = true}, /* GET: again */
                              {500, .body = "down"},
                              {200, .body = "hello"},
                              {408, .body = "too late"},
                              {200, .body = "hello"},
                              {0, .sent = false}, /* POST that never left: again */
                              {0, .sent = true},  /* that may have arrived: not */
                              {408, .body = "too late"}};
    struct world world;
    world_create(&world, replies, 9);
    assert_string_equal(provider_fixture_call(&world.f, "GET", "things").body, "hello");
    assert_string_equal(provider_fixture_call(&world.f, "GET", "things").body, "hello");
    struct called called = provider_fixture_call(&world.f, "POST", "things");
    assert_int_equal(called.err.kind, ERR_NETWORK);
    assert_int_equal(provider_fixture_call(&world.f, "POST", "things").err.status, 408);
    world_destroy(&world);
}

static void what_is_cancelled_is_broken_off(void **state)
{
    (void)state;
    struct ready replies[] = {{200, .body = "token abcdefgh"}, {0}};
    struct world world;
    world_create(&world, replies, 2);
    struct called called = {0};
    struct client_call *call = start_and_wait(&world, &called);
    assert_string_equal(replies[1].url, "GET " API "/things");
    client_cancel(call);
    assert_int_equal(world.fake.cancelled, 1);
    assert_false(called.done);
    world.fake.next++;
    world_destroy(&world);
}

/* A 308 says in its body where the API is now. */
static int moved(const struct http_response *response, const char *request_url, const char *path,
                 char **endpoint, struct err *err)
{
    (void)request_url, (void)path, (void)err;
    *endpoint = mem_strdup(response->body.data);
    return 0;
}

/* Its provider, with addresses that may move. */
static void let_it_move(struct world *world, struct provider *moving)
{
    *moving = tiny_provider;
    moving->moved = moved;
    ((struct connector *)(uintptr_t)world->f.connector)->provider = &moving->config;
}

static void a_moved_endpoint_is_written_down_and_asked(void **state)
{
    (void)state;
    struct ready replies[] = {{200, .body = "token abcdefgh"},
                              {308, .body = "https://api.example.org/new"},
                              {200, .body = "hello"},
                              {308, .body = "https://elsewhere.example"}};
    struct world world;
    struct provider moving;
    world_create(&world, replies, 4);
    let_it_move(&world, &moving);
    assert_string_equal(provider_fixture_call(&world.f, "GET", "things").body, "hello");
    assert_string_equal(replies[2].url, "GET https://api.example.org/new/things");

    char owner[STORE_OWNER_SIZE];
    struct store_token row;
    moving.owner(world.f.connector, world.f.connector->home, owner);
    assert_int_equal(store_fixture_load(world.f.engine.store, owner, &row), 1);
    assert_string_equal(row.endpoint_url, "https://api.example.org/new");
    store_token_destroy(&row);

    struct called called = provider_fixture_call(&world.f, "GET", "things");
    assert_int_equal(called.err.kind, ERR_AUTH);
    assert_int_equal(called.err.status, 308);
    world_destroy(&world);
}

static void a_call_may_end_while_its_move_is_written_down(void **state)
{
    (void)state;
    struct ready replies[] = {{200, .body = "token abcdefgh"},
                              {308, .body = "https://api.example.org/new"}};
    struct world world;
    struct provider moving;
    world_create(&world, replies, 2);
    let_it_move(&world, &moving);
    struct called called = {0};
    struct client_call *call = start_and_wait(&world, &called);
    fake_answer(&world.fake);
    client_cancel(call);
    for (int turns = 0; turns < 3; turns++)
        loop_turn(world.f.engine.loop, 1);
    assert_false(called.done);
    world_destroy(&world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_requests_go_through_it),
        TEST(retry_after_is_waited_for),
        TEST(waits_have_a_limit),
        TEST(a_long_wait_for_what_broke_is_told),
        TEST(no_wait_passes_the_deadline),
        TEST(what_broke_is_repeated_where_that_is_safe),
        TEST(what_is_cancelled_is_broken_off),
        TEST(a_moved_endpoint_is_written_down_and_asked),
        TEST(a_call_may_end_while_its_move_is_written_down),
    };
    return STORE_FIXTURE_RUN(tests);
}

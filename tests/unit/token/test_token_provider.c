/* The token engine and the client with a provider that has nothing of Kaizala's shape. */
#include "config_load.h"
#include "folder.h"
#include "kaizala.h"
#include "peer.h"
#include "provider_fixture.h"
#include "store_fixture.h"
#include "tiny_provider.h"

/* The token service and the API in one: what it gave, and what it will say. */
struct service {
    int granted;          /* tokens so far: "tiny-token-N" */
    int accepted;         /* the API takes this one and later ones */
    int broken, busy;     /* so many 503 and 429 come before a token */
    bool refuses;         /* no token at all */
    const char *api_says; /* in place of an answer to a call */
    char seen[8192];      /* the last grant's request */
};

static struct service service;

static void say(int fd, const char *status, const char *body)
{
    peer_printf(fd, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status, strlen(body), body);
}

static void answer_grant(int fd, const char *request)
{
    char body[64];
    snprintf(service.seen, sizeof service.seen, "%s", request);
    if (service.refuses) {
        say(fd, "401 Unauthorized", "no such user");
    } else if (service.broken > 0) {
        service.broken--;
        say(fd, "503 Service Unavailable", "down");
    } else if (service.busy > 0) {
        service.busy--;
        say(fd, "429 Too Many Requests", "busy");
    } else {
        snprintf(body, sizeof body, "token tiny-token-%d", ++service.granted);
        say(fd, "200 OK", body);
    }
}

static void answer_call(int fd, const char *request)
{
    const char *header = strstr(request, TINY_HEADER ": tiny=tiny-token-");
    int number = header != NULL ? atoi(header + sizeof TINY_HEADER ": tiny=tiny-token-" - 1) : 0;
    if (service.api_says != NULL)
        peer_puts(fd, service.api_says);
    else if (number == 0 || number < service.accepted)
        say(fd, "401 Unauthorized", "old");
    else
        say(fd, "200 OK", strncmp(request, "GET /api/things?", 16) == 0 ? "things" : "other");
}

static void serve(struct peer *peer, int fd, int number, void *arg)
{
    (void)number, (void)arg;
    char request[8192];
    while (peer_read(peer, fd, request, sizeof request)) {
        if (strncmp(request, "POST /grant ", 12) == 0)
            answer_grant(fd, request);
        else
            answer_call(fd, request);
    }
}

struct world {
    struct peer *peer;
    struct provider_fixture f;
};

static void world_open(struct world *world, const char *password)
{
    provider_fixture_create(&world->f, peer_url(world->peer, ""), peer_url(world->peer, "/api"),
                            password);
}

static void world_create(struct world *world)
{
    service = (struct service){0};
    *world = (struct world){.peer = peer_start(serve, NULL)};
    world_open(world, "open-sesame");
}

static void world_destroy(struct world *world)
{
    provider_fixture_destroy(&world->f);
    peer_stop(world->peer);
}

static void its_own_keys_are_read(void **state)
{
    (void)state;
    static const struct config_provider *const providers[] = {&kaizala_provider.config,
                                                              &tiny_provider.config, NULL};
    struct problems problems;
    problems_create(&problems);
    folder_put("jeton.yaml", 0600,
               "version: 1\nconnectors:\n"
               "  a: { provider: tiny, issuer: https://t.example.org, api: https://a.example.org,"
               " user: {env: U}, password: {env: P}, application_id: x }\n"
               "  b: { provider: other, token_service: https://k.example.org/v1,"
               " application_id: abcdef, application_secret: {env: S} }\n");
    assert_null(config_load("jeton.yaml", providers, NULL, &problems));
    assert_int_equal(problems.count, 2);
    assert_string_equal(problems.items[0].message,
                        "unknown key 'application_id' in connector 'a'; expected provider, preset, "
                        "vars, issuer, api, user, password, allow_hosts, ca_file, rate_limit, "
                        "timeout or retries");
    assert_string_equal(problems.items[1].message,
                        "'provider' of connector 'b' must be 'kaizala' or 'tiny', not 'other'");
    problems_destroy(&problems);
}

static void a_token_without_expiry_stays_until_it_is_refused(void **state)
{
    (void)state;
    struct world world;
    world_create(&world);
    struct arrived first = provider_fixture_token(&world.f, NULL);
    assert_string_equal(first.access_token, "tiny-token-1");
    assert_int_equal(first.token.source, TOKEN_EXCHANGE);
    assert_false(first.endpoint);
    assert_int_equal(first.token.expires_at_ms, 0);
    assert_int_equal(first.token.refresh_expires_at_ms, 0);
    assert_non_null(strstr(service.seen, "\r\n\r\nsomebody:open-sesame"));

    struct arrived second = provider_fixture_token(&world.f, NULL);
    assert_string_equal(second.access_token, "tiny-token-1");
    assert_int_equal(second.token.source, TOKEN_CACHE);

    const struct token_query force = {.force = true};
    struct arrived third = provider_fixture_token(&world.f, &force);
    assert_string_equal(third.access_token, "tiny-token-2");
    assert_true(third.token.generation > first.token.generation);
    assert_int_equal(service.granted, 2);
    world_destroy(&world);
}

static void what_is_stored_is_found_by_the_next_run(void **state)
{
    (void)state;
    struct world world;
    world_create(&world);
    provider_fixture_token(&world.f, NULL);
    provider_fixture_destroy(&world.f);

    world_open(&world, "open-sesame");
    struct arrived again = provider_fixture_token(&world.f, NULL);
    assert_string_equal(again.access_token, "tiny-token-1");
    assert_int_equal(again.token.source, TOKEN_CACHE);
    assert_false(again.endpoint);
    assert_int_equal(again.token.expires_at_ms, 0);
    assert_int_equal(service.granted, 1);

    struct err err;
    assert_int_equal(token_forget(world.f.engine.tokens, world.f.connector, &err), 0);
    assert_string_equal(provider_fixture_token(&world.f, NULL).access_token, "tiny-token-2");
    world_destroy(&world);
}

static void a_refusal_is_told_in_its_words(void **state)
{
    (void)state;
    struct world world;
    world_create(&world);
    service.refuses = true;
    struct arrived refused = provider_fixture_token(&world.f, NULL);
    assert_int_equal(refused.err.kind, ERR_AUTH);
    assert_int_equal(refused.err.status, 401);
    assert_string_equal(refused.err.msg, "connector 'c': ask the owner of 'c': token exchange: the "
                                         "tiny service says: no such user");
    assert_int_equal(strncmp(refused.err.request, "POST http://127.0.0.1:", 22), 0);
    world_destroy(&world);
}

static void a_service_that_is_broken_or_busy_is_asked_again(void **state)
{
    (void)state;
    struct world world;
    world_create(&world);
    service.broken = 2;
    assert_string_equal(provider_fixture_token(&world.f, NULL).access_token, "tiny-token-1");
    const struct token_query force = {.force = true};
    service.busy = 1;
    assert_string_equal(provider_fixture_token(&world.f, &force).access_token, "tiny-token-2");
    service.broken = 3; /* one more than `retries` */
    struct arrived failed = provider_fixture_token(&world.f, &force);
    assert_int_equal(failed.err.kind, ERR_HTTP);
    assert_int_equal(failed.err.status, 503);
    assert_int_equal(service.broken, 0);
    world_destroy(&world);
}

static void calls_go_to_the_configured_endpoint(void **state)
{
    (void)state;
    struct world world;
    world_create(&world);
    struct called called = provider_fixture_call(&world.f, "GET", "things?x=1");
    assert_string_equal(called.err.msg, "");
    assert_int_equal(called.status, 200);
    assert_string_equal(called.body, "things");
    world_destroy(&world);
}

static void a_401_makes_one_exchange_and_one_more_try(void **state)
{
    (void)state;
    struct world world;
    world_create(&world);
    provider_fixture_token(&world.f, NULL);
    service.accepted = 2;
    struct called called = provider_fixture_call(&world.f, "POST", "things");
    assert_string_equal(called.body, "other");
    assert_int_equal(service.granted, 2);
    assert_int_equal(client_requests(world.f.engine.client), 2);

    service.accepted = 100;
    called = provider_fixture_call(&world.f, "POST", "things");
    assert_int_equal(called.err.kind, ERR_AUTH);
    assert_string_equal(called.err.msg, "tiny error 401");
    assert_int_equal(service.granted, 3);
    assert_int_equal(client_requests(world.f.engine.client), 4);
    world_destroy(&world);
}

static void an_api_that_never_moves_is_not_followed(void **state)
{
    (void)state;
    struct world world;
    world_create(&world);
    service.api_says =
        "HTTP/1.1 308 Permanent Redirect\r\nLocation: http://127.0.0.1:1/api/things\r\n"
        "Content-Length: 0\r\n\r\n";
    struct called called = provider_fixture_call(&world.f, "GET", "things");
    assert_int_equal(called.err.kind, ERR_HTTP);
    assert_string_equal(called.err.msg, "tiny error 308");
    assert_int_equal(client_requests(world.f.engine.client), 1);
    world_destroy(&world);
}

static void never(void *arg, const struct token *token, const struct err *err)
{
    (void)token, (void)err;
    *(bool *)arg = true;
}

/* At every step on the way to a token: while the state is read, waited for, read again. */
static void whoever_cancels_is_not_called(void **state)
{
    (void)state;
    struct world world;
    struct err err;
    world_create(&world);
    assert_int_equal(engine_need_store(&world.f.engine, &err), 0);
    bool called = false;
    for (int turns = 0; !called; turns++) { /* one turn more each time, until it has arrived */
        struct token_request *request =
            token_get(world.f.engine.tokens, world.f.connector, NULL, never, &called);
        for (int i = 0; i < turns && !called; i++)
            loop_turn(world.f.engine.loop, 1);
        if (called)
            break;
        token_cancel(request);
        loop_turn(world.f.engine.loop, 1);
        assert_false(called);
    }
    struct arrived arrived = provider_fixture_token(&world.f, NULL);
    assert_int_equal(arrived.err.kind, ERR_NONE);
    world_destroy(&world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_own_keys_are_read),
        TEST(a_token_without_expiry_stays_until_it_is_refused),
        TEST(what_is_stored_is_found_by_the_next_run),
        TEST(a_refusal_is_told_in_its_words),
        TEST(a_service_that_is_broken_or_busy_is_asked_again),
        TEST(calls_go_to_the_configured_endpoint),
        TEST(a_401_makes_one_exchange_and_one_more_try),
        TEST(an_api_that_never_moves_is_not_followed),
        TEST(whoever_cancels_is_not_called),
    };
    return STORE_FIXTURE_RUN(tests);
}

/* Transfers in the loop: many, cancelled, freed. */
#include "http_fixture.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_many_at_once(void **state)
{
    enum { COUNT = 200 };
    struct fixture *f = *state;
    f->peer = peer_start(script_echo, NULL);
    static struct outcome outcomes[COUNT];
    memset(outcomes, 0, sizeof outcomes);
    struct err err;
    for (int i = 0; i < COUNT; i++) {
        char path[32];
        snprintf(path, sizeof path, "/number/%d", i);
        const struct http_request request = {.method = "GET", .url = peer_url(f->peer, path)};
        assert_non_null(http_start(f->http, &request, fixture_done, &outcomes[i], &err));
    }
    while (loop_turn(f->loop, -1))
        ;
    for (int i = 0; i < COUNT; i++) {
        char path[32];
        snprintf(path, sizeof path, "GET /number/%d HTTP", i);
        assert_int_equal(outcomes[i].calls, 1);
        assert_int_equal(outcomes[i].status, 200);
        assert_int_equal(strncmp(outcomes[i].body, path, strlen(path)), 0);
        mem_free(outcomes[i].body);
    }
    assert_true(peer_connections(f->peer) <= HTTP_CONCURRENT_MAX);
}

static void test_cancel_everywhere(void **state)
{
    enum { COUNT = 100 }; /* more than run at once */
    struct fixture *f = *state;
    f->peer = peer_start(script_swallow, NULL);
    struct outcome outcome = {0};
    struct http_transfer *transfers[COUNT];
    struct err err;
    const struct http_request request = {.method = "GET", .url = peer_url(f->peer, "/")};
    for (int i = 0; i < COUNT; i++)
        transfers[i] = http_start(f->http, &request, fixture_done, &outcome, &err);
    while (peer_requests(f->peer) < 10)
        loop_turn(f->loop, 50);
    for (int i = 0; i < COUNT; i++)
        http_cancel(transfers[i]);
    assert_false(loop_turn(f->loop, 0));
    assert_int_equal(outcome.calls, 0);
}

/* A token service's is lost for good if it is not read, however much other replies hold. */
static void test_a_reply_with_secrets_needs_no_memory_of_the_run(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(script_echo, NULL);
    http_limit_memory(f->http, 4);
    struct http_request request = {.method = "GET", .url = peer_url(f->peer, "/")};
    struct outcome outcome = fixture_send(f, &request);
    assert_false(outcome.err.retryable); /* by itself it is too large */
    assert_failed(&outcome, ERR_NETWORK, "the replies under way are over 4 bytes together");
    request.brings_secrets = true;
    outcome = fixture_send(f, &request);
    assert_int_equal(outcome.status, 200);
    mem_free(outcome.body);
}

/* Answers with the request; to HEAD with its header alone. */
static void script_echo_all(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number, (void)arg;
    while (peer_read(peer, fd, request, sizeof request))
        if (!peer_printf(fd, "HTTP/1.1 200 OK\r\nX-Test: %.4s\r\nContent-Length: %zu\r\n\r\n",
                         request, strlen(request)) ||
            (strncmp(request, "HEAD", 4) != 0 && !peer_puts(fd, request)))
            return;
}

/* What one request asks for must not be in a later one: handles are used again, and some options
 * stay in them. */
static void test_nothing_of_others_is_sent(void **state)
{
    enum { KINDS = 10, SENT = 300 };
    struct fixture *f = *state;
    f->peer = peer_start(script_echo_all, NULL);
    const char *url = peer_url(f->peer, "/a?b=c");
    static const struct http_header own[] = {{"X-Own", "1"}, {"Range", "bytes=0-"}};
    static const struct http_part parts[] = {{.name = "a", .value = "b", .value_len = 1}};
    const struct http_request kinds[KINDS] = {
        {.method = "GET", .url = url},
        {.method = "GET", .url = url, .headers = own, .nheaders = 2},
        {.method = "POST", .url = url, .body = "abc", .body_len = 3, .has_body = true},
        {.method = "PUT", .url = url},
        {.method = "DELETE", .url = url},
        {.method = "HEAD", .url = url},
        {.method = "GET", .url = url, .max_body = 10}, /* which is too little */
        {.method = "GET", .url = url, .max_body = 10, .cut = true},
        {.method = "GET", .url = url, .no_link_local = true},
        {.method = "POST", .url = url, .parts = parts, .nparts = 1},
    };
    struct outcome alone[KINDS];
    for (int i = 0; i < KINDS; i++) {
        struct fixture fresh = {f->loop, http_new(f->loop, NULL), f->peer};
        alone[i] = fixture_send(&fresh, &kinds[i]);
        http_free(fresh.http);
    }
    srandom(1);
    for (int i = 0; i < SENT; i++) {
        long kind = random() % KINDS;
        struct outcome outcome = fixture_send(f, &kinds[kind]);
        assert_int_equal(outcome.err.kind, alone[kind].err.kind);
        assert_int_equal(outcome.body_len, alone[kind].body_len);
        if (outcome.err.kind == ERR_NONE && kinds[kind].nparts == 0) /* its boundary is random */
            assert_string_equal(outcome.body, alone[kind].body);
        mem_free(outcome.body);
    }
    for (int i = 0; i < KINDS; i++)
        mem_free(alone[i].body);
}

/* Two requests of which the first to end cancels the other and starts a third. */
struct chain {
    struct fixture *fixture;
    struct http_transfer *transfers[2];
    struct outcome next;
    int calls;
};

struct link {
    struct chain *chain;
    int number;
};

static void cancel_and_start(void *arg, struct http_result *result)
{
    const struct link *link = arg;
    struct chain *chain = link->chain;
    struct fixture *f = chain->fixture;
    struct err err;
    assert_int_equal(result->err.kind, ERR_NETWORK);
    chain->calls++;
    http_cancel(chain->transfers[link->number]); /* its own: nothing happens */
    http_cancel(chain->transfers[1 - link->number]);
    const struct http_request request = {.method = "GET", .url = peer_url(f->peer, "/next")};
    assert_non_null(http_start(f->http, &request, fixture_done, &chain->next, &err));
}

static void test_cancel_and_start_inside_done(void **state)
{
    struct fixture *f = *state;
    struct chain chain = {.fixture = f};
    struct link links[2] = {{&chain, 0}, {&chain, 1}};
    struct err err;
    char url[64];
    f->peer = peer_start(script_echo, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", peer_free_port());
    const struct http_request refused = {.method = "GET", .url = url};
    for (int i = 0; i < 2; i++) /* both are refused at once: one is cancelled when it has ended */
        chain.transfers[i] = http_start(f->http, &refused, cancel_and_start, &links[i], &err);
    assert_true(loop_run_until(f->loop, &chain.next.done));
    assert_false(loop_turn(f->loop, 0));
    assert_int_equal(chain.calls, 1);
    assert_int_equal(chain.next.status, 200);
    mem_free(chain.next.body);
}

static void test_free_with_running_transfers(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(script_swallow, NULL);
    struct outcome outcome = {0};
    struct err err;
    const struct http_request request = {.method = "POST",
                                         .url = peer_url(f->peer, "/"),
                                         .body = "x",
                                         .body_len = 1,
                                         .has_body = true};
    for (int i = 0; i < 100; i++)
        assert_non_null(http_start(f->http, &request, fixture_done, &outcome, &err));
    while (peer_requests(f->peer) == 0)
        loop_turn(f->loop, 50);
    http_free(f->http);
    f->http = NULL;
    assert_false(loop_turn(f->loop, 0));
    assert_int_equal(outcome.calls, 0);
}

static void set_if_hung_up(void *arg, short revents)
{
    *(bool *)arg = (revents & POLLHUP) != 0;
}

static void test_other_descriptors_are_served_meanwhile(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(script_swallow, NULL);
    struct outcome outcome = {0};
    struct err err;
    int ends[2];
    const struct http_request request = {.method = "GET", .url = peer_url(f->peer, "/")};
    assert_non_null(http_start(f->http, &request, fixture_done, &outcome, &err));
    while (peer_requests(f->peer) == 0)
        loop_turn(f->loop, 50);
    assert_int_equal(pipe(ends), 0);
    bool hung_up = false;
    struct loop_fd watch = {0};
    loop_fd_start(f->loop, &watch, ends[0], POLLIN, set_if_hung_up, &hung_up);
    close(ends[1]);
    assert_true(loop_run_until(f->loop, &hung_up));
    loop_fd_stop(f->loop, &watch);
    close(ends[0]);
}

static void script_say_when_told(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384], told;
    const int *ends = arg;
    (void)number;
    if (peer_read(peer, fd, request, sizeof request) && read(ends[0], &told, 1) == 1)
        peer_puts(fd, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ncame");
}

/* It is there, though nobody has looked for longer than the request may take. */
static void test_a_reply_that_has_come_is_read(void **state)
{
    enum { LIMIT_MS = 500 };
    struct fixture *f = *state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    f->peer = peer_start(script_say_when_told, ends);
    struct outcome outcome = {0};
    struct err err;
    const struct http_request request = {
        .method = "POST", .url = peer_url(f->peer, "/"), .timeout_ms = LIMIT_MS};
    assert_non_null(http_start(f->http, &request, fixture_done, &outcome, &err));
    while (peer_requests(f->peer) == 0)
        loop_turn(f->loop, 10);
    assert_int_equal(write(ends[1], "!", 1), 1);
    usleep(2 * LIMIT_MS * 1000);
    assert_true(loop_run_until(f->loop, &outcome.done));
    assert_body(&outcome, 200, "came");
    close(ends[0]);
    close(ends[1]);
}

static int loopback(int type, struct sockaddr_in *address)
{
    socklen_t len = sizeof *address;
    int fd = socket(AF_INET, type, 0);
    *address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(fd, (struct sockaddr *)address, sizeof *address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)address, &len), 0);
    return fd;
}

/* Connected while nobody has looked for longer than the request may take: it is not sent. */
static void test_what_is_late_before_it_is_sent_is_not_sent(void **state)
{
    enum { LIMIT_MS = 1500 };
    struct fixture *f = *state;
    struct sockaddr_in at, own;
    int door = loopback(SOCK_STREAM, &at), filler = loopback(SOCK_STREAM, &own);
    char url[64], byte;
    assert_int_equal(listen(door, 0), 0); /* one waits to be accepted, and the next one for that */
    assert_int_equal(connect(filler, (struct sockaddr *)&at, sizeof at), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(at.sin_port));
    const struct http_request request = {.method = "POST", .url = url, .timeout_ms = LIMIT_MS};
    struct outcome outcome = {0};
    struct err err;
    assert_non_null(http_start(f->http, &request, fixture_done, &outcome, &err));
    for (int i = 0; i < 5; i++)
        loop_turn(f->loop, 10);
    close(accept(door, NULL, NULL));
    int guest = accept(door, NULL, NULL); /* after a second, when it has asked again */
    usleep(LIMIT_MS * 1000);
    assert_true(loop_run_until(f->loop, &outcome.done));
    assert_failed(&outcome, ERR_NETWORK, "timed out: no connection");
    assert_false(outcome.sent);
    assert_int_equal(read(guest, &byte, 1), 0);
    close(guest);
    close(filler);
    close(door);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_many_at_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancel_everywhere, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_reply_with_secrets_needs_no_memory_of_the_run,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_of_others_is_sent, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_cancel_and_start_inside_done, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_free_with_running_transfers, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_descriptors_are_served_meanwhile, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_reply_that_has_come_is_read, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_late_before_it_is_sent_is_not_sent,
                                        fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

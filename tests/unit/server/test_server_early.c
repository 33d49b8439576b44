/* The server on real sockets: what is answered before a request is read, and what has a time limit.
 */
#include "clock.h"
#include "mem.h"
#include "server_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define POST      "POST %s HTTP/1.1\r\n" HOST_LINE
#define BIG       ((size_t)20 * 1024 * 1024)
#define SHORT_MS  50
#define LONG_RATE ((uint64_t)1) /* bytes a second: time for whatever has begun to come */

static const struct server_options plain = {.max_body = BODY_MAX};

static void say_target(struct server_fixture *f, int fd, const char *target, const char *rest)
{
    char head[200];
    snprintf(head, sizeof head, POST "%s", target, rest);
    client_say(f, fd, head);
}

/* Says it, hears the reply until the connection ends, and expects the status. */
static void expect(struct server_fixture *f, const char *target, const char *rest, int status)
{
    struct buf reply;
    char line[40];
    int fd = client_dial(f);
    buf_create(&reply, TEXT_MAX);
    say_target(f, fd, target, rest);
    client_hear(f, fd, &reply, NULL, 0);
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    assert_non_null(strstr(reply.data, line));
    assert_null(strstr(reply.data, "100 Continue"));
    buf_destroy(&reply);
    close(fd);
}

/* ---- by its head ---- */

/* Nothing of the body is ever sent. */
static void refused_by_the_head_alone(void **state)
{
    struct server_fixture *f = *state;
    fixture_reopen(f, plain);
    expect(f, "/refused", "Content-Length: 900\r\n\r\n", 401);
    expect(f, "/refused", "Content-Length: 900\r\nExpect: 100-continue\r\n\r\n", 401);
    expect(f, "/refused", "Transfer-Encoding: chunked\r\n\r\n", 401);
    expect(f, "/refused", "Content-Length: 99999999\r\n\r\n", 401); /* rather than 413 */
    expect(f, "/", "Content-Length: 1001\r\n\r\n", 413);
    expect(f, "/ten", "Content-Length: 11\r\n\r\n", 413);
    expect(f, "/ten", "Transfer-Encoding: chunked\r\n\r\nb\r\nelevenbytes", 413);
    assert_int_equal(f->requests, 0);
    assert_int_equal(f->heads, 7);
}

static void accepted_by_the_head(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    fixture_reopen(f, plain);
    buf_create(&reply, TEXT_MAX);
    int fd = client_dial(f);
    say_target(f, fd, "/ten", "Content-Length: 10\r\nExpect: 100-continue\r\n\r\n");
    client_hear(f, fd, &reply, "HTTP/1.1 100 Continue\r\n\r\n", 1);
    client_say(f, fd, "0123456789");
    client_hear(f, fd, &reply, "/ten", 1);
    client_say(f, fd, "GET /refused HTTP/1.1\r\n" HOST_LINE "\r\n"); /* no body: no question */
    client_hear(f, fd, &reply, "/refused", 1);
    say_target(f, fd, "/refused", "Content-Length: 0\r\n\r\n");
    client_hear(f, fd, &reply, "/refused", 2);
    assert_int_equal(f->heads, 1);
    assert_int_equal(f->requests, 3);
    buf_destroy(&reply);
    close(fd);
}

/* It sends everything and only then looks for a reply: no reset may take that away. */
static void reply_waits_for_who_sends_it_all(void **state)
{
    struct server_fixture *f = *state;
    static const char *const targets[] = {"/refused", "/"};
    static const char *const says[] = {"who are you", "RequestEntityTooLarge"};
    fixture_reopen(f, plain);
    char *body = mem_alloc(BIG);
    memset(body, 'x', BIG);
    for (size_t i = 0; i < 2; i++) {
        struct buf reply;
        buf_create(&reply, TEXT_MAX);
        int fd = client_dial(f);
        char length[60];
        snprintf(length, sizeof length, "Content-Length: %zu\r\n\r\n", BIG);
        say_target(f, fd, targets[i], length);
        assert_true(client_transmit(f, fd, body, BIG));
        client_hear(f, fd, &reply, NULL, 0);
        assert_non_null(strstr(reply.data, says[i]));
        assert_non_null(strcasestr(reply.data, "\r\nConnection: close\r\n"));
        buf_destroy(&reply);
        close(fd);
    }
    assert_int_equal(f->requests, 0);
    mem_free(body);
}

/* What follows a body that was not read must not be taken for a request. */
static void nothing_follows_an_early_reply(void **state)
{
    struct server_fixture *f = *state;
    fixture_reopen(f, plain);
    expect(f, "/refused", "Content-Length: 3\r\n\r\nabcGET /next HTTP/1.1\r\n" HOST_LINE "\r\n",
           401);
    expect(f, "/refused",
           "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /next HTTP/1.1\r\n" HOST_LINE "\r\n",
           401);
    fixture_settle(f);
    assert_int_equal(f->requests, 0);
}

/* Small bodies are read without asking; what turns out to be larger is asked for in the middle. */
static void asked_for_what_is_larger(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    options.ask_over = 10;
    fixture_reopen(f, options);
    expect(f, "/refused", "Connection: close\r\nContent-Length: 10\r\n\r\n0123456789", 200);
    expect(f, "/refused",
           "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200);
    assert_int_equal(f->heads, 0);
    expect(f, "/refused", "Content-Length: 11\r\n\r\n", 401);
    expect(f, "/refused", "Content-Length: 1\r\nExpect: 100-continue\r\n\r\n", 401);
    expect(f, "/refused", "Transfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n3\r\n012\r\n", 401);
    expect(f, "/ten", "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n", 413);
    assert_int_equal(f->heads, 4);
    expect(f, "/",
           "Connection: close\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n0123456789a\r\n0\r\n\r\n",
           200);
    assert_int_equal(f->heads, 5);
    assert_int_equal(f->requests, 3);
}

static void dropped_by_the_head(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    fixture_reopen(f, plain);
    buf_create(&reply, TEXT_MAX);
    int fd = client_dial(f);
    say_target(f, fd, "/dropped", "Content-Length: 3\r\n\r\nabc");
    client_hear(f, fd, &reply, NULL, 0);
    assert_int_equal(reply.len, 0);
    assert_int_equal(f->requests, 0);
    buf_destroy(&reply);
    close(fd);
}

static void lingering_ends(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    options.linger_ms = SHORT_MS;
    fixture_reopen(f, options);
    int fd = client_dial(f);
    say_target(f, fd, "/refused", "Content-Length: 900\r\n\r\n");
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (client_transmit(f, fd, "x", 1)) /* until nobody takes it any more */
        fixture_turn(f, until);
    close(fd);
}

/* ---- how much at once ---- */

static void bodies_in_memory_are_bounded(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    struct buf reply;
    options.max_memory = 1200;
    fixture_reopen(f, options);
    buf_create(&reply, TEXT_MAX);
    int first = client_dial(f);
    say_target(f, first, "/first", "Content-Length: 900\r\n\r\n");
    char some[800];
    memset(some, 'x', sizeof some);
    assert_true(client_transmit(f, first, some, sizeof some));
    fixture_settle(f);
    expect(f, "/second", "Content-Length: 500\r\n\r\n", 503); /* at once */
    struct buf chunked;
    buf_create(&chunked, TEXT_MAX);
    buf_puts(&chunked, "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < 60; i++)
        buf_puts(&chunked, "8\r\n12345678\r\n");
    char head[200];
    int third = client_dial(f);
    snprintf(head, sizeof head, POST, "/third");
    client_say(f, third, head);
    client_say(f, third, chunked.data); /* when it has grown */
    client_hear(f, third, &reply, "503 Service Unavailable", 1);
    assert_int_equal(f->requests, 0);
    assert_true(client_transmit(f, first, some, 100));
    client_hear(f, first, &reply, "/first", 1);
    say_target(f, first, "/fourth", "Content-Length: 500\r\n\r\n"); /* there is room again */
    assert_true(client_transmit(f, first, some, 500));
    client_hear(f, first, &reply, "/fourth", 1);
    buf_destroy(&reply);
    buf_destroy(&chunked);
    close(third);
    close(first);
}

static void bodies_in_files_are_bounded(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = {.max_body = BODY_MAX, .spool_over = 10, .max_uploads = 1};
    struct buf reply;
    fixture_reopen(f, options);
    buf_create(&reply, TEXT_MAX);
    int first = client_dial(f);
    say_target(f, first, "/first", "Content-Length: 100\r\n\r\n12345678901234567890");
    fixture_settle(f);
    expect(f, "/second", "Content-Length: 100\r\n\r\n12345678901234567890", 503);
    close(first);
    fixture_settle(f);
    int third = client_dial(f);
    say_target(f, third, "/third", "Content-Length: 20\r\n\r\n12345678901234567890");
    client_hear(f, third, &reply, "/third", 1);
    options.max_files = 50;
    fixture_reopen(f, options);
    expect(f, "/fourth", "Content-Length: 51\r\n\r\n", 503);
    buf_destroy(&reply);
    close(third);
}

static void too_many_connections_wait(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    struct buf reply;
    options.max_connections = 2;
    fixture_reopen(f, options);
    buf_create(&reply, TEXT_MAX);
    int fds[3];
    for (size_t i = 0; i < 3; i++) {
        fds[i] = client_dial(f);
        fixture_settle(f);
        say_target(f, fds[i], i == 0 ? "/a" : i == 1 ? "/b" : "/c", "Content-Length: 0\r\n\r\n");
    }
    client_hear(f, fds[0], &reply, "/a", 1);
    client_hear(f, fds[1], &reply, "/b", 1);
    fixture_settle(f);
    assert_int_equal(f->requests, 2);
    close(fds[0]);
    client_hear(f, fds[2], &reply, "/c", 1);
    buf_destroy(&reply);
    close(fds[1]);
    close(fds[2]);
}

/* ---- time ---- */

static void a_head_has_its_time(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    struct buf reply;
    options.head_ms = SHORT_MS;
    fixture_reopen(f, options);
    buf_create(&reply, TEXT_MAX);
    int silent = client_dial(f), slow = client_dial(f);
    client_say(f, slow, "GET / HTTP/1.1\r\nHost: loc");
    client_hear(f, silent, &reply, NULL, 0);
    assert_int_equal(reply.len, 0);
    client_hear(f, slow, &reply, NULL, 0);
    assert_non_null(strstr(reply.data, "HTTP/1.1 408 Request Timeout\r\n"));
    assert_non_null(strstr(reply.data, "\"errorCode\":\"RequestTimeout\""));
    assert_int_equal(f->requests, 0);
    buf_destroy(&reply);
    close(silent);
    close(slow);
}

static void a_body_has_its_time(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    struct buf reply;
    options.body_ms = SHORT_MS;
    fixture_reopen(f, options);
    buf_create(&reply, TEXT_MAX);
    int fd = client_dial(f);
    say_target(f, fd, "/slow", "Content-Length: 900\r\n\r\n");
    int64_t until = clock_mono_ms() + WAIT_MS;
    char chunk[4096];
    ssize_t n;
    while ((n = recv(fd, chunk, sizeof chunk, 0)) < 0) { /* something moves all the time */
        client_transmit(f, fd, "x", 1);
        fixture_turn(f, until);
    }
    buf_append(&reply, chunk, (size_t)n);
    assert_non_null(strstr(reply.data, "HTTP/1.1 408 Request Timeout\r\n"));
    assert_int_equal(f->requests, 0);
    buf_destroy(&reply);
    close(fd);
}

static void a_body_that_is_fast_enough_passes(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    struct buf reply;
    options.body_ms = SHORT_MS;
    options.rate_min = LONG_RATE;
    fixture_reopen(f, options);
    buf_create(&reply, TEXT_MAX);
    int fd = client_dial(f);
    say_target(f, fd, "/fast", "Content-Length: 200\r\n\r\n");
    char half[100];
    memset(half, 'x', sizeof half);
    assert_true(client_transmit(f, fd, half, sizeof half)); /* time for 100 seconds more */
    for (int64_t end = clock_mono_ms() + 3 * SHORT_MS; clock_mono_ms() < end;)
        loop_turn(f->loop, 5);
    assert_true(client_transmit(f, fd, half, sizeof half));
    client_hear(f, fd, &reply, "/fast", 1);
    buf_destroy(&reply);
    close(fd);
}

/* Who does not take his reply does not keep it for ever. A handler that takes its time is fine. */
static void a_reply_has_its_time(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    struct buf reply;
    options.body_ms = SHORT_MS;
    options.rate_min = UINT64_MAX;
    fixture_reopen(f, options);
    buf_create(&reply, BIG);
    int fd = client_dial(f);
    say_target(f, fd, "/hold", "Content-Length: 1\r\n\r\nx");
    fixture_wait_held(f, 1);
    for (int64_t end = clock_mono_ms() + 3 * SHORT_MS; clock_mono_ms() < end;)
        loop_turn(f->loop, 5);
    assert_int_equal(f->gone, 0);
    char *body = mem_alloc(BIG);
    server_reply(f->held[0], 200, NULL, 0, body, BIG);
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (send(fd, "x", 1, MSG_NOSIGNAL) == 1) /* until the connection is gone */
        fixture_turn(f, until);
    client_hear(f, fd, &reply, NULL, 0);
    assert_true(reply.len < BIG);
    mem_free(body);
    buf_destroy(&reply);
    close(fd);
}

/* ---- in the service's form ---- */

static void refusals_are_rendered(void **state)
{
    struct server_fixture *f = *state;
    struct server_options options = plain;
    struct buf reply;
    static const struct {
        const char *request, *says;
    } cases[] = {
        {"POST /x?y HTTP/1.1\r\n" HOST_LINE "Content-Length: 1001\r\n\r\n",
         "sorry: 413 RequestEntityTooLarge /x?y"},
        {"POST /x HTTP/1.1\r\n" HOST_LINE "Transfer-Encoding: chunked\r\n\r\n3e9\r\n",
         "sorry: 408 RequestTimeout /x"},
        {"no http\r\n", "sorry: 400 BadRequest -"},
        {"GET /half HTTP/1.1\r\n", "sorry: 408 RequestTimeout /half"},
        {"GET /one?two HTTP/1.1\r\nbad\r\n", "sorry: 400 BadRequest /one?two"},
        {"GET / HTTP/2.0\r\n\r\n", "sorry: 505 HttpVersionNotSupported /"},
    };
    options.head_ms = SHORT_MS;
    options.body_ms = SHORT_MS;
    f->renders = true;
    fixture_reopen(f, options);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        client_ask(f, cases[i].request, &reply);
        assert_non_null(strstr(reply.data, cases[i].says));
        assert_non_null(strcasestr(reply.data, "\r\ncontent-type: text/plain\r\n"));
        assert_non_null(strstr(reply.data, "\r\nDate: "));
        assert_int_equal(f->refusals, i + 1);
        buf_destroy(&reply);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(refused_by_the_head_alone),
        T(accepted_by_the_head),
        T(reply_waits_for_who_sends_it_all),
        T(nothing_follows_an_early_reply),
        T(asked_for_what_is_larger),
        T(dropped_by_the_head),
        T(lingering_ends),
        T(bodies_in_memory_are_bounded),
        T(bodies_in_files_are_bounded),
        T(too_many_connections_wait),
        T(a_head_has_its_time),
        T(a_body_has_its_time),
        T(a_body_that_is_fast_enough_passes),
        T(a_reply_has_its_time),
        T(refusals_are_rendered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

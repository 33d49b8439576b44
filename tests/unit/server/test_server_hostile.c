/* The server on real sockets: what is too much, what makes no sense, and peers that leave. */
#include "mem.h"
#include "server_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- limits ---- */

static void check_413(struct server_fixture *f, const char *request, size_t filler)
{
    int fd = client_dial(f);
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    client_say(f, fd, request);
    char *body = mem_alloc(filler + 1);
    memset(body, 'x', filler);
    assert_true(client_transmit(f, fd, body, filler));
    client_hear(f, fd, &reply, NULL, 0);
    assert_non_null(strstr(reply.data, "HTTP/1.1 413 "));
    assert_non_null(strstr(reply.data, "application/json"));
    assert_non_null(strcasestr(reply.data, "\r\nConnection: close\r\n"));
    assert_non_null(strstr(reply.data, "\r\n\r\n{\"message\":\"The body of the request is too "
                                       "large\",\"errorCode\":\"RequestEntityTooLarge\"}"));
    assert_int_equal(f->requests, 0);
    mem_free(body);
    buf_destroy(&reply);
    close(fd);
}

static void body_over_the_limit(void **state)
{
    struct server_fixture *f = *state;
    check_413(f, "POST / HTTP/1.1\r\n" HOST_LINE "Content-Length: 1001\r\n\r\n", 1001);
    check_413(f, "POST / HTTP/1.1\r\n" HOST_LINE "Content-Length: 2000000\r\n\r\n", 2000000);
}

static void chunked_over_the_limit(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply, request;
    buf_create(&request, TEXT_MAX);
    buf_puts(&request, "POST / HTTP/1.1\r\n" HOST_LINE "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 300; i++)
        buf_puts(&request, "4\r\nabcd\r\n");
    buf_puts(&request, "0\r\n\r\n");
    client_ask(f, request.data, &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 413 "));
    assert_int_equal(f->requests, 0);
    buf_destroy(&reply);
    buf_destroy(&request);
}

static void body_at_the_limit(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply, request;
    buf_create(&request, TEXT_MAX);
    buf_puts(&request,
             "POST / HTTP/1.1\r\n" HOST_LINE "Connection: close\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 1000; i++)
        buf_putc(&request, 'y');
    client_ask(f, request.data, &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 200 "));
    assert_int_equal(client_count(f->seen.data, "y"), 1000);
    buf_destroy(&reply);
    buf_destroy(&request);
}

static void who_expects_100_is_refused_at_once(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    client_ask(
        f, "POST / HTTP/1.1\r\n" HOST_LINE "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
        &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 413 "));
    assert_null(strstr(reply.data, "100 Continue"));
    buf_destroy(&reply);
}

static void header_over_the_limit(void **state)
{
    struct server_fixture *f = *state;
    static const size_t sizes[] = {SERVER_HEAD_MAX + 100, 20 * SERVER_HEAD_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct buf reply, request;
        buf_create(&reply, TEXT_MAX);
        buf_create(&request, TEXT_MAX);
        buf_puts(&request, "GET / HTTP/1.1\r\n" HOST_LINE "Big: ");
        while (request.len < sizes[i])
            buf_putc(&request, 'z');
        buf_puts(&request, "\r\n\r\n");
        int fd = client_dial(f);
        client_transmit(f, fd, request.data, request.len); /* the far too large one is cut off */
        client_hear(f, fd, &reply, NULL, 0);
        if (i == 0)
            assert_non_null(strstr(reply.data, "\"errorCode\":\"RequestHeaderFieldsTooLarge\""));
        if (reply.len > 0)
            assert_non_null(strstr(reply.data, "HTTP/1.1 431 "));
        assert_int_equal(f->requests, 0);
        buf_destroy(&reply);
        buf_destroy(&request);
        close(fd);
    }
}

/* What is over the limit is refused by us, also in a later request; what the library cannot hold,
 * by the library. */
static void cookies_of_a_later_request(void **state)
{
    struct server_fixture *f = *state;
    static const size_t counts[] = {SERVER_COOKIES_MAX + 2, 6 * SERVER_COOKIES_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct buf reply, request;
        buf_create(&reply, TEXT_MAX);
        buf_create(&request, TEXT_MAX);
        int fd = client_dial(f);
        client_say(f, fd, "GET /a HTTP/1.1\r\n" HOST_LINE "\r\n");
        client_hear(f, fd, &reply, "/a", 1);
        buf_clear(&reply);
        buf_puts(&request, "GET /b HTTP/1.1\r\n" HOST_LINE "Cookie: a");
        for (size_t n = 1; n < counts[i]; n++)
            buf_puts(&request, "; a");
        buf_puts(&request, "\r\n\r\n");
        client_transmit(f, fd, request.data, request.len);
        client_hear(f, fd, &reply, NULL, 0);
        assert_non_null(strstr(reply.data, "HTTP/1.1 431 "));
        assert_int_equal(strstr(reply.data, "\"RequestHeaderFieldsTooLarge\"") != NULL, i == 0);
        assert_int_equal(f->requests, i + 1);
        buf_destroy(&reply);
        buf_destroy(&request);
        close(fd);
    }
}

static void nonsense_is_refused(void **state)
{
    struct server_fixture *f = *state;
    static const char *const requests[] = {
        "\x16\x03\x01\x02 not http\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
        "POST / HTTP/1.1\r\n" HOST_LINE "Content-Length: -5\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct buf reply;
        client_ask(f, requests[i], &reply);
        assert_null(strstr(reply.data, " 200 "));
        buf_destroy(&reply);
    }
    assert_int_equal(f->requests, 0);
}

/* ---- peers that leave ---- */

/* Whether it closed, or sends no more and waits, cannot be seen: it is answered. */
static void peer_leaves_while_waiting(void **state)
{
    struct server_fixture *f = *state;
    int leaving = client_dial(f), staying = client_dial(f);
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    client_say(f, leaving, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 1);
    client_say(f, staying, "GET /hold HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n");
    fixture_wait_held(f, 2);
    close(leaving);
    fixture_settle(f);
    server_reply(f->held[0], 200, NULL, 0, "to nobody", 9);
    server_reply(f->held[1], 200, NULL, 0, "still here", 10);
    client_hear(f, staying, &reply, "still here", 1);
    assert_int_equal(f->gone, 0);
    buf_destroy(&reply);
    close(staying);
}

static void half_closed_peer_gets_its_reply(void **state)
{
    struct server_fixture *f = *state;
    static const char *const requests[] = {
        "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n",
        "POST /hold HTTP/1.1\r\n" HOST_LINE "Content-Length: 3\r\n\r\nabc",
        "POST /hold HTTP/1.1\r\n" HOST_LINE
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "GET /at-once HTTP/1.1\r\n" HOST_LINE "\r\n",
    };
    for (size_t i = 0; i < 8; i++) {
        bool waits = i / 2 < 3, early = i % 2 == 0; /* before the server looks, or while it waits */
        struct buf reply;
        buf_create(&reply, TEXT_MAX);
        int fd = client_dial(f);
        send(fd, requests[i / 2], strlen(requests[i / 2]), MSG_NOSIGNAL);
        if (!early && waits)
            fixture_wait_held(f, i + 1);
        shutdown(fd, SHUT_WR);
        if (waits) {
            fixture_wait_held(f, i + 1);
            fixture_settle(f);
            server_reply(f->held[i], 200, NULL, 0, "after all", 9);
        }
        client_hear(f, fd, &reply, NULL, 0); /* and then its end */
        assert_non_null(strstr(reply.data, waits ? "after all" : "/at-once"));
        assert_int_equal(f->gone, 0);
        buf_destroy(&reply);
        close(fd);
    }
}

static void peer_resets_while_waiting(void **state)
{
    struct server_fixture *f = *state;
    int fd = client_dial(f);
    client_say(f, fd, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 1);
    const struct linger abrupt = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    close(fd);
    fixture_wait_gone(f, 1);
}

static void peer_leaves_half_way(void **state)
{
    struct server_fixture *f = *state;
    static const char *const requests[] = {"GET /half", "GET / HTTP/1.1\r\nHos",
                                           "POST / HTTP/1.1\r\n" HOST_LINE
                                           "Content-Length: 50\r\n\r\nonly this"};
    for (size_t i = 0; i < 3; i++) {
        int fd = client_dial(f);
        client_say(f, fd, requests[i]);
        fixture_settle(f);
        close(fd);
        fixture_settle(f);
    }
    assert_int_equal(f->requests, 0);
    assert_int_equal(f->gone, 0); /* nothing was handed out */
}

static void free_while_waiting(void **state)
{
    struct server_fixture *f = *state;
    int waiting = client_dial(f), answered = client_dial(f);
    struct buf end, reply;
    buf_create(&end, TEXT_MAX);
    buf_create(&reply, TEXT_MAX);
    client_say(f, waiting, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 1);
    client_say(f, answered, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 2);
    server_reply(f->held[1], 200, NULL, 0, "just in time", 12);
    server_free(f->server);
    f->server = NULL;
    assert_int_equal(f->gone, 1);
    client_hear(f, waiting, &end, NULL, 0);
    assert_int_equal(end.len, 0);
    client_hear(f, answered, &reply, "just in time", 1);
    assert_false(loop_turn(f->loop, 0)); /* nothing of it is left in the loop */
    buf_destroy(&end);
    buf_destroy(&reply);
    close(waiting);
    close(answered);
}

static void free_inside_the_handler(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    f->free_inside = true;
    int fd = client_dial(f);
    client_say(f, fd, "GET /last HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n");
    client_hear(f, fd, &reply, NULL, 0);
    assert_non_null(strstr(reply.data, "/last"));
    buf_destroy(&reply);
    close(fd);
}

static void dropped_without_an_answer(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    client_ask(f, "GET /drop HTTP/1.1\r\n" HOST_LINE "\r\n", &reply);
    assert_int_equal(reply.len, 0);
    buf_destroy(&reply);
    int fd = client_dial(f);
    buf_create(&reply, TEXT_MAX);
    client_say(f, fd, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 1);
    server_drop(f->held[0]);
    client_hear(f, fd, &reply, NULL, 0);
    assert_int_equal(reply.len, 0);
    buf_destroy(&reply);
    close(fd);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(body_over_the_limit),
        T(chunked_over_the_limit),
        T(body_at_the_limit),
        T(who_expects_100_is_refused_at_once),
        T(header_over_the_limit),
        T(nonsense_is_refused),
        T(cookies_of_a_later_request),
        T(peer_leaves_while_waiting),
        T(half_closed_peer_gets_its_reply),
        T(peer_resets_while_waiting),
        T(peer_leaves_half_way),
        T(free_while_waiting),
        T(free_inside_the_handler),
        T(dropped_without_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The server's beginning and end: a socket that is given to it, idle connections that make room for
 * others, an end in which no request is lost, and TLS that cannot begin. */
#include "clock.h"
#include "server_fixture.h"
#include "server_socket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET "GET /a HTTP/1.1\r\n" HOST_LINE "\r\n"

static void socket_that_listens_already(void **state)
{
    struct server_fixture *f = *state;
    struct err err;
    struct buf reply;
    int port = 0, found = 0;
    int fd = server_socket_listen("127.0.0.1", &port, &err);
    assert_true(fd > 0);
    fixture_reopen(f, (struct server_options){.socket = fd});
    assert_int_equal(server_port(f->server), port);
    client_ask(f, "GET /a HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n", &reply);
    assert_non_null(strstr(reply.data, "200 OK"));
    buf_destroy(&reply);
    int deaf = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(server_socket_adopt(deaf, &found, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    close(deaf);
}

/* Whether the peer has ended the connection, within the time. */
static bool ended(struct server_fixture *f, int fd)
{
    char byte;
    int64_t until = clock_mono_ms() + WAIT_MS;
    for (int turns = 0; turns < 50; turns++) {
        ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno == ECONNRESET))
            return true;
        loop_turn(f->loop, 2);
        assert_true(clock_mono_ms() < until);
    }
    return false;
}

static void idle_ones_have_the_time_that_is_given(void **state)
{
    struct server_fixture *f = *state;
    for (int brief = 1; brief >= 0; brief--) {
        struct buf reply;
        fixture_reopen(f, (struct server_options){.idle_ms = brief ? 1000 : 0});
        int fd = client_dial(f);
        buf_create(&reply, TEXT_MAX);
        client_say(f, fd, GET);
        client_hear(f, fd, &reply, "/a", 1);
        int64_t until = clock_mono_ms() + 2500;
        while (clock_mono_ms() < until)
            loop_turn(f->loop, 100);
        assert_int_equal(ended(f, fd), brief);
        buf_destroy(&reply);
        close(fd);
    }
}

static void idle_ones_make_room(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    int fds[6];
    fixture_reopen(f, (struct server_options){.max_connections = 4, .end_idle = true});
    fds[0] = client_dial(f);
    client_say(f, fds[0], "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 1);
    for (int i = 1; i < 6; i++) {
        fds[i] = client_dial(f);
        if (i == 1) /* its request is over: idle, and in the library's hands */
            client_say(f, fds[i], GET);
        fixture_settle(f);
    }
    buf_create(&reply, TEXT_MAX);
    client_say(f, fds[5], GET);
    client_hear(f, fds[5], &reply, "/a", 1);
    server_reply(f->held[0], 200, NULL, 0, "kept", 4);
    buf_clear(&reply);
    client_hear(f, fds[0], &reply, "kept", 1);
    assert_true(server_connections(f->server) <= 4);
    buf_destroy(&reply);
    for (int i = 0; i < 6; i++)
        close(fds[i]);
}

/* Not when it is looked again whether there is one. */
static void a_place_that_gets_free_is_taken_at_once(void **state)
{
    struct server_fixture *f = *state;
    static const char hold[] = "GET /hold HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n";
    int64_t best_ms = INT64_MAX;
    int fds[8];
    fixture_reopen(f, (struct server_options){.max_connections = 4, .end_idle = true});
    for (size_t i = 0; i < 8; i++) {
        int64_t since_ms = clock_mono_ms();
        fds[i] = client_dial(f);
        client_say(f, fds[i], hold);
        if (i >= 4) {
            for (int turn = 0; turn < 3; turn++)
                loop_turn(f->loop, 2);
            assert_int_equal(f->nheld, i); /* there is none */
            server_reply(f->held[i - 4], 200, NULL, 0, "", 0);
        }
        fixture_wait_held(f, i + 1);
        int64_t took_ms = clock_mono_ms() - since_ms;
        if (i >= 4 && took_ms < best_ms)
            best_ms = took_ms;
    }
    assert_true(best_ms < 50);
    for (int i = 0; i < 8; i++)
        close(fds[i]);
}

static void refused_ones_make_room(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    int fds[5];
    fixture_reopen(f, (struct server_options){.max_connections = 4, .end_idle = true});
    for (int i = 0; i < 4; i++) {
        fds[i] = client_dial(f);
        client_say(f, fds[i], "nonsense\r\n\r\n"); /* answered, and lingers */
        fixture_settle(f);
    }
    assert_int_equal(server_connections(f->server), 4);
    fds[4] = client_dial(f);
    buf_create(&reply, TEXT_MAX);
    client_say(f, fds[4], GET);
    client_hear(f, fds[4], &reply, "/a", 1);
    buf_destroy(&reply);
    for (int i = 0; i < 5; i++)
        close(fds[i]);
}

/* Sends a head and the beginning of its body. */
static int begin_body(struct server_fixture *f, size_t announced, size_t sent)
{
    char text[256], *bytes = calloc(1, sent);
    int fd = client_dial(f);
    snprintf(text, sizeof text, "POST /b HTTP/1.1\r\n" HOST_LINE "Content-Length: %zu\r\n\r\n",
             announced);
    client_say(f, fd, text);
    assert_true(client_transmit(f, fd, bytes, sent));
    fixture_settle(f);
    free(bytes);
    return fd;
}

static void hear_refusal(struct server_fixture *f, int fd)
{
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    client_hear(f, fd, &reply, NULL, 0);
    assert_non_null(strstr(reply.data, "HTTP/1.1 503 "));
    buf_destroy(&reply);
    close(fd);
}

static void turn_for(struct server_fixture *f, int64_t ms)
{
    for (int64_t end = clock_mono_ms() + ms; clock_mono_ms() < end;)
        loop_turn(f->loop, 20);
}

static void slow_bodies_make_room(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    static char rest[SERVER_PRESSED_RATE];
    fixture_reopen(f, (struct server_options){.max_connections = 4, .end_idle = true});
    buf_create(&reply, TEXT_MAX);
    int quick = begin_body(f, 9 * sizeof rest, sizeof rest);
    for (int i = 1; i < 8; i++) /* it has the time that its bytes give it */
        assert_true(client_transmit(f, quick, rest, sizeof rest));
    int slow[3];
    for (int i = 0; i < 3; i++)
        slow[i] = begin_body(f, 100, 1);
    turn_for(f, SERVER_PRESSED_MS + 100);
    assert_int_equal(server_connections(f->server), 4); /* nobody needs a place */
    int fresh[3];
    for (int i = 0; i < 3; i++) {
        fresh[i] = client_dial(f);
        client_say(f, fresh[i], "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
        fixture_wait_held(f, (size_t)i + 1);
        hear_refusal(f, slow[i]);
    }
    assert_true(client_transmit(f, quick, rest, sizeof rest));
    client_hear(f, quick, &reply, "/b", 1);
    buf_destroy(&reply);
    close(quick);
    for (int i = 0; i < 3; i++)
        close(fresh[i]);
}

static void slow_bodies_give_up_their_memory(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    static const char post[] =
        "POST /b HTTP/1.1\r\n" HOST_LINE "Connection: close\r\nContent-Length: 6\r\n\r\n123456";
    fixture_reopen(f, (struct server_options){.max_memory = 14, .end_idle = true});
    buf_create(&reply, TEXT_MAX);
    int slow[2] = {begin_body(f, 9, 5), begin_body(f, 9, 4)};
    int fd = client_dial(f);
    client_say(f, fd, post);
    hear_refusal(f, fd); /* neither is slow yet */
    turn_for(f, SERVER_PRESSED_MS + 100);
    fd = client_dial(f);
    client_say(f, fd, post);
    client_hear(f, fd, &reply, NULL, 0);
    assert_non_null(strstr(reply.data, "HTTP/1.1 200 "));
    hear_refusal(f, slow[0]);
    buf_destroy(&reply);
    close(fd);
    close(slow[1]);
}

/* However much of them was sent at once. */
static void large_bodies_give_up_their_memory(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    enum { LARGE = 8 * SERVER_PRESSED_RATE };
    fixture_reopen(f, (struct server_options){.max_memory = 2 * LARGE, .end_idle = true});
    buf_create(&reply, TEXT_MAX);
    int large[2] = {begin_body(f, LARGE, LARGE - 1), begin_body(f, LARGE, LARGE - 1)};
    hear_refusal(f, begin_body(f, 6, 6));
    turn_for(f, SERVER_PRESSED_BODY_MS + 100);
    int fd = begin_body(f, 6, 6);
    client_hear(f, fd, &reply, "/b", 1);
    hear_refusal(f, large[0]);
    buf_destroy(&reply);
    close(fd);
    close(large[1]);
}

/* Who does not read what was asked for cannot make the server keep any number of replies. */
static void replies_share_their_memory(void **state)
{
    struct server_fixture *f = *state;
    enum { REPLY = 16 * 1024 * 1024, MOST = 2 }; /* more than a socket takes */
    int fds[MOST + 1];
    char *large = calloc(1, REPLY);
    struct buf reply;
    assert_non_null(large);
    fixture_reopen(f, (struct server_options){.max_memory = REPLY + 1, .end_idle = true});
    for (size_t i = 0; i < MOST + 1; i++) {
        fds[i] = client_dial(f);
        client_say(f, fds[i], "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
        fixture_wait_held(f, i + 1);
    }
    for (size_t i = 0; i < MOST + 1; i++)
        server_reply(f->held[i], 200, NULL, 0, large, REPLY);
    buf_create(&reply, TEXT_MAX);
    client_hear(f, fds[MOST], &reply, "ServerBusy", 1);
    assert_non_null(strstr(reply.data, "HTTP/1.1 503 "));
    buf_clear(&reply);
    client_say(f, fds[MOST], GET); /* a small one is made */
    client_hear(f, fds[MOST], &reply, "/a", 1);
    close(fds[0]);
    fixture_settle(f); /* what it had is free again */
    client_say(f, fds[MOST], "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, MOST + 2);
    server_reply(f->held[MOST + 1], 200, NULL, 0, large, REPLY);
    buf_clear(&reply);
    client_hear(f, fds[MOST], &reply, "HTTP/1.1 200 ", 1);
    buf_destroy(&reply);
    free(large);
    close(fds[1]);
    close(fds[MOST]);
}

/* It is being sent as the end comes, and does not say that it is the last. */
static void retired_waits_behind_a_reply(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    int fd = client_dial(f);
    buf_create(&reply, TEXT_MAX);
    client_say(f, fd, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 1);
    server_reply(f->held[0], 200, NULL, 0, "still", 5);
    server_retire(f->server);
    client_hear(f, fd, &reply, "still", 1);
    assert_null(strstr(reply.data, "Connection: close"));
    client_say(f, fd, GET);
    buf_clear(&reply);
    client_hear(f, fd, &reply, "/a", 1);
    assert_non_null(strstr(reply.data, "Connection: close"));
    assert_true(ended(f, fd));
    buf_destroy(&reply);
    close(fd);
}

static void retired_answers_what_it_has(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int busy = client_dial(f), idle = client_dial(f), used = client_dial(f), fresh = client_dial(f);
    int kept = client_dial(f);
    client_say(f, busy, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 1);
    client_say(f, used, GET);
    client_hear(f, used, &reply, "/a", 1);
    client_say(f, kept, GET);
    buf_clear(&reply);
    client_hear(f, kept, &reply, "/a", 1);
    fixture_settle(f);
    server_retire(f->server);
    server_retire(f->server);
    const int asking[] = {fresh, used}; /* a proxy may be about to use what it keeps */
    for (size_t i = 0; i < sizeof asking / sizeof asking[0]; i++) {
        client_say(f, asking[i], GET);
        buf_clear(&reply);
        client_hear(f, asking[i], &reply, "/a", 1);
        assert_non_null(strstr(reply.data, "Connection: close"));
    }
    int64_t begun_ms = clock_mono_ms();
    while (server_connections(f->server) > 1)
        loop_turn(f->loop, 100);
    assert_in_range(clock_mono_ms() - begun_ms, 0, SERVER_HEAD_MS / 2); /* SERVER_RETIRE_MS */
    assert_true(ended(f, idle));
    assert_true(ended(f, kept));
    server_reply(f->held[0], 200, NULL, 0, "still", 5);
    buf_clear(&reply);
    client_hear(f, busy, &reply, NULL, 0);
    assert_non_null(strstr(reply.data, "still"));
    assert_non_null(strstr(reply.data, "Connection: close"));
    fixture_settle(f);
    assert_int_equal(server_connections(f->server), 0);
    buf_destroy(&reply);
    close(busy);
    close(idle);
    close(used);
    close(fresh);
    close(kept);
}

static void tls_that_cannot_begin(void **state)
{
    struct server_fixture *f = *state;
    struct err err;
    const struct server_options options = {
        .host = "127.0.0.1", .certificate = "no certificate", .key = "no key"};
    assert_null(server_new(f->loop, &options, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "certificate"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(socket_that_listens_already),
        T(idle_ones_have_the_time_that_is_given),
        T(idle_ones_make_room),
        T(a_place_that_gets_free_is_taken_at_once),
        T(refused_ones_make_room),
        T(slow_bodies_make_room),
        T(slow_bodies_give_up_their_memory),
        T(large_bodies_give_up_their_memory),
        T(replies_share_their_memory),
        T(retired_answers_what_it_has),
        T(retired_waits_behind_a_reply),
        T(tls_that_cannot_begin),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}

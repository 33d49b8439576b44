/* The server on real sockets: what arrives, what is answered, where it listens. */
#include "clock.h"
#include "mem.h"
#include "server_fixture.h"
#include "server_private.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- requests ---- */

static void request_arrives_whole(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    client_ask(f,
               "POST /a%20b//c?x=%41&y HTTP/1.1\r\n" HOST_LINE
               "ACCESStoken: t\r\nTwice: 1\r\nTwice: 2\r\n"
               "Connection: close\r\nContent-Length: 5\r\n\r\nhello",
               &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(reply.data, "/a%20b//c?x=%41&y"));
    assert_string_equal(f->seen.data, "POST /a%20b//c?x=%41&y HTTP/1.1 127.0.0.1\nHost: localhost\n"
                                      "ACCESStoken: t\nTwice: 1\nTwice: 2\nConnection: close\n"
                                      "Content-Length: 5\nhello");
    buf_destroy(&reply);
}

static void chunked_body(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    client_ask(f,
               "POST / HTTP/1.1\r\n" HOST_LINE
               "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
               "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
               &reply);
    assert_non_null(strstr(f->seen.data, "abcdefg"));
    buf_destroy(&reply);
}

static void keep_alive_and_pipelining(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int fd = client_dial(f);
    client_say(f, fd, "GET /first HTTP/1.1\r\n" HOST_LINE "\r\n");
    client_hear(f, fd, &reply, "/first", 1);
    client_say(f, fd,
               "GET /two HTTP/1.1\r\n" HOST_LINE "\r\nPOST /three HTTP/1.1\r\n" HOST_LINE
               "Content-Length: 3\r\n\r\nabcGET /four HTTP/1.1\r\n" HOST_LINE "\r\n");
    client_hear(f, fd, &reply, "/four", 1);
    assert_int_equal(f->requests, 4);
    const char *two = strstr(reply.data, "/two"), *three = strstr(reply.data, "/three");
    assert_true(two != NULL && three != NULL && two < three);
    buf_destroy(&reply);
    close(fd);
}

static void pipelined_while_the_first_waits(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int fd = client_dial(f);
    client_say(f, fd,
               "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\nGET /next HTTP/1.1\r\n" HOST_LINE "\r\n");
    fixture_wait_held(f, 1);
    fixture_settle(f);
    assert_int_equal(f->requests, 1);
    assert_int_equal(f->gone, 0);
    server_reply(f->held[0], 200, NULL, 0, "held", 4);
    client_hear(f, fd, &reply, "/next", 1);
    assert_true(strstr(reply.data, "held") < strstr(reply.data, "/next"));
    buf_destroy(&reply);
    close(fd);
}

static void slow_client_holds_up_nobody(void **state)
{
    struct server_fixture *f = *state;
    struct buf slow, quick;
    buf_create(&slow, TEXT_MAX);
    const char *request =
        "POST /slow HTTP/1.1\r\n" HOST_LINE "Connection: close\r\nContent-Length: 2\r\n\r\nab";
    int fd = client_dial(f);
    for (const char *at = request; *at != '\0'; at++) {
        assert_true(client_transmit(f, fd, at, 1));
        if (at - request == 10) {
            client_ask(f, "GET /quick HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n", &quick);
            assert_non_null(strstr(quick.data, "/quick"));
            buf_destroy(&quick);
        }
    }
    client_hear(f, fd, &slow, NULL, 0);
    assert_non_null(strstr(slow.data, "/slow"));
    buf_destroy(&slow);
    close(fd);
}

static void hundred_at_once(void **state)
{
    struct server_fixture *f = *state;
    int fds[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        char request[128];
        fds[i] = client_dial(f);
        snprintf(request, sizeof request, "GET /hold%zu HTTP/1.1\r\n" HOST_LINE "\r\n", i);
        client_say(f, fds[i], request);
    }
    fixture_wait_held(f, CLIENTS);
    for (size_t i = CLIENTS; i-- > 0;) { /* last come, first served */
        char body[32];
        snprintf(body, sizeof body, "answer %zu.", i);
        server_reply(f->held[i], 200, NULL, 0, body, strlen(body));
    }
    for (size_t i = 0; i < CLIENTS; i++) {
        struct buf reply;
        char body[32];
        buf_create(&reply, TEXT_MAX);
        snprintf(body, sizeof body, "answer %zu.", i);
        client_hear(f, fds[i], &reply, body, 1);
        buf_destroy(&reply);
        close(fds[i]);
    }
    assert_int_equal(f->gone, 0);
}

static void later_reply_costs_no_wait(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int fd = client_dial(f);
    for (size_t i = 0; i < 50; i++) {
        client_say(f, fd, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
        fixture_wait_held(f, i + 1);
        server_reply(f->held[i], 200, NULL, 0, "x.", 2);
        char first;
        loop_turn(f->loop, 0); /* one turn writes it, without waiting for anything */
        assert_int_equal(recv(fd, &first, 1, MSG_PEEK), 1);
        client_hear(f, fd, &reply, "x.", i + 1);
    }
    buf_destroy(&reply);
    close(fd);
}

/* ---- replies ---- */

static void head_has_no_body(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    client_ask(f, "HEAD /body HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n", &reply);
    assert_non_null(strstr(reply.data, "Content-Length: 5\r\n"));
    assert_string_equal(strstr(reply.data, "\r\n\r\n"), "\r\n\r\n");
    assert_non_null(strstr(f->seen.data, "HEAD /body"));
    buf_destroy(&reply);
}

static void one_header(struct server_fixture *f, const char *name, const char *value)
{
    for (size_t i = 0; i < f->nheaders; i++) {
        mem_free(f->headers[i].name);
        mem_free(f->headers[i].value);
    }
    f->nheaders = name != NULL;
    if (name != NULL)
        f->headers[0] = (struct http_header){mem_strdup(name), mem_strdup(value)};
}

static void ask_headers(struct server_fixture *f, struct buf *reply)
{
    client_ask(f, "GET /headers HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n", reply);
}

static void date_is_given_once(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    ask_headers(f, &reply);
    const char *date = strstr(reply.data, "\r\nDate: ");
    assert_non_null(date);
    int64_t ms = 0;
    char text[30] = "";
    memcpy(text, date + strlen("\r\nDate: "), 29);
    ms = clock_parse_http_date(text);
    assert_true(ms >= clock_wall_ms() - 60000 && ms <= clock_wall_ms() + 1000);
    assert_int_equal(client_count(reply.data, "Date: "), 1);
    buf_destroy(&reply);

    one_header(f, "DATE", "Sun, 06 Nov 1994 08:49:37 GMT");
    ask_headers(f, &reply);
    assert_non_null(strstr(reply.data, "DATE: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    assert_null(strstr(reply.data, "Date: "));
    buf_destroy(&reply);
    one_header(f, NULL, NULL);
}

static void headers_cannot_be_injected(void **state)
{
    struct server_fixture *f = *state;
    static const char *const bad[][2] = {
        {"X-Good", "a\r\nX-Evil: 1"},
        {"X-Good", "a\nX-Evil: 1"},
        {"X-Good: a\r\nX-Evil", "1"},
        {"X-Evil ", "1"},
        {"", "X-Evil: 1"},
        {"X-Good", "\x01X-Evil"},
        {"X-Good", "a\rX-Evil"},
        {"X-Evil\xc3\xa9", "1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf reply;
        struct err err;
        one_header(f, bad[i][0], bad[i][1]);
        assert_int_equal(server_check_reply(200, f->headers, 1, SERVER_REPLY_HEADER_MAX, &err), -1);
        assert_int_equal(err.kind, ERR_INVALID);
        ask_headers(f, &reply);
        assert_non_null(strstr(reply.data, "HTTP/1.1 500 "));
        assert_null(strstr(reply.data, "X-Evil"));
        buf_destroy(&reply);
    }
    one_header(f, NULL, NULL);
}

static void framing_stays_the_servers(void **state)
{
    struct server_fixture *f = *state;
    static const char *const names[] = {"Content-Length", "transfer-encoding", "Connection"};
    static const char *const values[] = {"1", "chunked", "keep-alive"};
    for (size_t i = 0; i < 3; i++) {
        struct buf reply;
        one_header(f, names[i], values[i]);
        ask_headers(f, &reply);
        assert_non_null(strstr(reply.data, "Content-Length: 4\r\n"));
        assert_null(strstr(reply.data, "Content-Length: 1\r\n"));
        assert_null(strstr(reply.data, "chunked"));
        assert_null(strstr(reply.data, "keep-alive"));
        buf_destroy(&reply);
    }
    one_header(f, NULL, NULL);
}

static void bad_replies_are_refused(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    struct err err;
    assert_int_equal(server_check_reply(99, NULL, 0, SERVER_REPLY_HEADER_MAX, &err), -1);
    assert_int_equal(server_check_reply(101, NULL, 0, SERVER_REPLY_HEADER_MAX, &err), -1);
    assert_int_equal(server_check_reply(600, NULL, 0, SERVER_REPLY_HEADER_MAX, &err), -1);
    assert_int_equal(server_check_reply(599, NULL, 0, SERVER_REPLY_HEADER_MAX, &err), 0);
    f->status = 1000;
    ask_headers(f, &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 500 "));
    buf_destroy(&reply);

    f->status = 200;
    char *big = mem_alloc(SERVER_REPLY_HEADER_MAX + 1);
    memset(big, 'a', SERVER_REPLY_HEADER_MAX);
    one_header(f, "X-Big", big);
    assert_int_equal(server_check_reply(200, f->headers, 1, SERVER_REPLY_HEADER_MAX, &err), -1);
    big[SERVER_REPLY_HEADER_MAX - 16] = '\0'; /* the largest that is allowed arrives whole */
    one_header(f, "X-Big", big);
    ask_headers(f, &reply);
    assert_non_null(strstr(reply.data, big));
    assert_non_null(strstr(reply.data, "\r\n\r\nbody"));
    buf_destroy(&reply);
    one_header(f, NULL, NULL);
    mem_free(big);
}

/* ---- addresses ---- */

static void addresses(void **state)
{
    struct server_fixture *f = *state;
    struct err err;
    char expected[64];
    err_clear(&err);
    assert_null(fixture_serve(f, "127.0.0.1", server_port(f->server), &err));
    assert_int_equal(err.kind, ERR_NETWORK);
    snprintf(expected, sizeof expected, "127.0.0.1:%d", server_port(f->server));
    assert_non_null(strstr(err.msg, expected));

    static const char *const bad[] = {"example.org", "0", "127.1", "", "::1::", "300.0.0.1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(fixture_serve(f, bad[i], 0, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
    }
    assert_null(fixture_serve(f, "127.0.0.1", 65536, &err));
    assert_int_equal(err.kind, ERR_CONFIG);

    struct server *local = fixture_serve(f, "localhost", 0, &err);
    assert_non_null(local);
    assert_int_not_equal(server_port(local), 0);
    server_free(local);
}

static void ipv6(void **state)
{
    struct server_fixture *f = *state;
    struct err err;
    struct server *server = fixture_serve(f, "::1", 0, &err);
    if (server == NULL && strstr(err.msg, "assign") != NULL)
        skip(); /* this machine has no IPv6 */
    assert_non_null(server);
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t)server_port(server)),
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    union {
        struct sockaddr any;
        struct sockaddr_in6 v6;
    } to = {.v6 = address};
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, &to.any, sizeof to.v6), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    client_say(f, fd, "GET /six HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n");
    client_hear(f, fd, &reply, NULL, 0);
    assert_non_null(strstr(f->seen.data, "GET /six HTTP/1.1 ::1\n"));
    buf_destroy(&reply);
    close(fd);
    server_free(server);
}

/* As libmicrohttpd 1.0 does it: a connection that is added begins when the library runs next. */
static struct {
    __typeof__(MHD_add_connection) *add;
    __typeof__(MHD_run) *run;
    struct {
        MHD_socket fd;
        struct sockaddr_storage address;
        socklen_t len;
    } queue[CLIENTS];
    size_t nqueue;
} later;

static enum MHD_Result add_later(struct MHD_Daemon *daemon, MHD_socket fd,
                                 const struct sockaddr *address, socklen_t len)
{
    (void)daemon;
    later.queue[later.nqueue].fd = fd;
    memcpy(&later.queue[later.nqueue].address, address, len);
    later.queue[later.nqueue++].len = len;
    return MHD_YES;
}

static enum MHD_Result run_with_those(struct MHD_Daemon *daemon)
{
    while (later.nqueue > 0) {
        later.nqueue--;
        later.add(daemon, later.queue[later.nqueue].fd,
                  (struct sockaddr *)&later.queue[later.nqueue].address,
                  later.queue[later.nqueue].len);
    }
    return later.run(daemon);
}

static void connections_begin_later(void **state)
{
    struct server_fixture *f = *state;
    int fds[3];
    struct buf reply;
    later.add = f->server->api.add_connection;
    later.run = f->server->api.run;
    f->server->api.add_connection = add_later;
    f->server->api.run = run_with_those;
    for (size_t i = 0; i < 3; i++) {
        char text[64];
        fds[i] = client_dial(f);
        snprintf(text, sizeof text, "GET /%zu HTTP/1.1\r\n" HOST_LINE "\r\n", i);
        assert_int_equal(send(fds[i], text, strlen(text), 0), strlen(text));
    }
    for (size_t i = 0; i < 3; i++) {
        char target[3] = {'/', (char)('0' + i), '\0'};
        buf_create(&reply, TEXT_MAX);
        client_hear(f, fds[i], &reply, target, 1);
        assert_non_null(strstr(reply.data, "HTTP/1.1 200 "));
        buf_destroy(&reply);
        close(fds[i]);
    }
    assert_int_equal(f->requests, 3);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(request_arrives_whole),
        T(chunked_body),
        T(keep_alive_and_pipelining),
        T(pipelined_while_the_first_waits),
        T(slow_client_holds_up_nobody),
        T(hundred_at_once),
        T(connections_begin_later),
        T(later_reply_costs_no_wait),
        T(head_has_no_body),
        T(date_is_given_once),
        T(headers_cannot_be_injected),
        T(framing_stays_the_servers),
        T(bad_replies_are_refused),
        T(addresses),
        T(ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

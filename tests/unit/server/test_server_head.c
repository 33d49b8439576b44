/* Heads of requests as bytes, and on the wire: what is refused, and what no request may hide in. */
#include "mem.h"
#include "server_fixture.h"
#include "server_head.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct server_options limits = {
    .max_head = SERVER_HEAD_MAX, .max_cookies = SERVER_COOKIES_MAX, .max_cookie = SERVER_HEAD_MAX};

#define H       HOST_LINE
#define T(text) text, sizeof text - 1

static const struct {
    const char *text;
    size_t len;
} good[] = {
    {T("GET / HTTP/1.1\r\n" H "\r\n")},
    {T("GET / HTTP/1.0\r\n\r\n")},
    {T("\r\nGET / HTTP/1.1\r\n" H "\r\n")},
    {T("PATCH /a%20b//c?x=%41&y=\xc3\xa9 HTTP/1.1\r\n" H "Empty:\r\nTabs:\ta\t b \r\n"
       "Latin: \xe9\r\n\r\n")},
    {T("POST http://localhost/x HTTP/1.1\r\n" H "content-LENGTH:  0012\r\n\r\n")},
    {T("POST / HTTP/1.1\r\n" H "Transfer-Encoding: Chunked\r\n\r\n")},
    {T("GET / HTTP/1.3\r\n" H "\r\n")},
};

static const struct {
    int status;
    const char *text;
    size_t len;
} bad[] = {
    {400, T("\x16\x03\x01\x02")}, /* TLS: at once, no line end comes */
    {400, T("\0")},
    {400, T("GET\r\n")},
    {400, T("\n")},
    {400, T("GET / HTTP/1.1\n")},
    {400, T("GET / HTTP/1.1\r\n" H "A: b\n")},
    {400, T("GET / HTTP/1.1\r\n" H "\n")},
    {400, T("GET /\r\n")}, /* HTTP/0.9 */
    {400, T("GET  / HTTP/1.1\r\n")},
    {400, T("GET / HTTP/1.1 \r\n")},
    {400, T("GET /a b HTTP/1.1\r\n")},
    {400, T("GET /a\0b HTTP/1.1\r\n")},
    {400, T("GET /a\rb HTTP/1.1\r\n")},
    {400, T("GET / http/1.1\r\n")},
    {400, T("GET / HTTP/1.10\r\n")},
    {400, T("GET / HTTP/x.1\r\n")},
    {400, T("G(T / HTTP/1.1\r\n")},
    {400, T("\r\n\r\n\r\nGET / HTTP/1.1\r\n")},
    {505, T("GET / HTTP/2.0\r\n")},
    {505, T("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")},
    {505, T("GET / HTTP/0.9\r\n")},
    {400, T("GET / HTTP/1.1\r\nHost localhost\r\n")},
    {400, T("GET / HTTP/1.1\r\nHost : localhost\r\n")},
    {400, T("GET / HTTP/1.1\r\n: x\r\n")},
    {400, T("GET / HTTP/1.1\r\n Host: localhost\r\n")},
    {400, T("GET / HTTP/1.1\r\n" H "Content-Len\r\n gth: 5\r\n")},
    {400, T("GET / HTTP/1.1\r\n" H "A: b\r\n\tc\r\n")},
    {400, T("GET / HTTP/1.1\r\n" H "\0\r\n")},
    {400, T("GET / HTTP/1.1\r\n" H "A: b\0c\r\n")},
    {400, T("GET / HTTP/1.1\r\n" H "A: b\rB: c\r\n")},
    {400, T("GET / HTTP/1.1\r\n" H "A: b\r\r\n")},
    {400, T("GET / HTTP/1.1\r\n" H "A\xe9: b\r\n")},
    {400, T("GET / HTTP/1.1\r\n\r\n")},
    {400, T("GET / HTTP/1.1\r\n" H H "\r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 5\r\n\r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\ncontent-length: 6\r\n\r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n"
            "Transfer-Encoding: chunked\r\n\r\n")},
    {400, T("POST / HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n")},
    {501, T("POST / HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n")},
    {501, T("POST / HTTP/1.1\r\n" H "Transfer-Encoding: xchunked\r\n")},
    {501, T("POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked \r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length: -5\r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length: +5\r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length: 0x5\r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length: 5, 5\r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length: 5 \r\n")},
    {400, T("POST / HTTP/1.1\r\n" H "Content-Length:\r\n")},
    {413, T("POST / HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n")},
};

static void good_heads(void **state)
{
    (void)state;
    struct server_head_problem problem;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        for (size_t len = 0; len < good[i].len; len++)
            assert_int_equal(server_head_check(&limits, good[i].text, len, &problem),
                             SERVER_HEAD_PARTIAL);
        assert_int_equal(server_head_check(&limits, good[i].text, good[i].len, &problem),
                         SERVER_HEAD_WHOLE);
    }
}

static void bad_heads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct server_head_problem problem = {0};
        assert_int_equal(server_head_check(&limits, bad[i].text, bad[i].len, &problem),
                         SERVER_HEAD_REFUSED);
        assert_int_equal(problem.status, bad[i].status);
        assert_true(problem.code != NULL && problem.message != NULL);
        /* It says so as soon as it can be seen, and does not take it back. */
        bool refused = false;
        for (size_t len = 0; len <= bad[i].len; len++) {
            bool now =
                server_head_check(&limits, bad[i].text, len, &problem) == SERVER_HEAD_REFUSED;
            assert_true(now || !refused);
            refused = now;
        }
    }
}

static void large_heads(void **state)
{
    (void)state;
    struct server_head_problem problem;
    struct buf head;
    buf_create(&head, TEXT_MAX);
    buf_puts(&head, "GET /");
    while (head.len <= SERVER_HEAD_MAX)
        buf_putc(&head, 'x');
    assert_int_equal(server_head_check(&limits, head.data, head.len - 1, &problem),
                     SERVER_HEAD_PARTIAL);
    assert_int_equal(server_head_check(&limits, head.data, head.len, &problem),
                     SERVER_HEAD_REFUSED);
    assert_int_equal(problem.status, 414);
    buf_clear(&head);
    buf_puts(&head, "GET / HTTP/1.1\r\n" H "Big: ");
    while (head.len < SERVER_HEAD_MAX - 4)
        buf_putc(&head, 'x');
    buf_puts(&head, "\r\n\r\n");
    assert_int_equal(server_head_check(&limits, head.data, head.len, &problem), SERVER_HEAD_WHOLE);
    head.len -= 4;
    buf_puts(&head, "xxxxx");
    assert_int_equal(server_head_check(&limits, head.data, head.len, &problem),
                     SERVER_HEAD_REFUSED);
    assert_int_equal(problem.status, 431);
    buf_clear(&head);
    buf_puts(&head, "GET / HTTP/1.1\r\n" H);
    for (size_t i = 1; i < SERVER_HEADERS_MAX; i++)
        buf_puts(&head, "a:\r\n");
    buf_puts(&head, "\r\n");
    assert_int_equal(server_head_check(&limits, head.data, head.len, &problem), SERVER_HEAD_WHOLE);
    head.len -= 2;
    buf_puts(&head, "a:\r\n\r\n");
    assert_int_equal(server_head_check(&limits, head.data, head.len, &problem),
                     SERVER_HEAD_REFUSED);
    assert_int_equal(problem.status, 431);
    buf_clear(&head);
    buf_puts(&head, "GET / HTTP/1.1\r\n" H "Cookie: a\r\ncookie: ");
    for (size_t i = 0; i < SERVER_COOKIES_MAX; i++)
        buf_puts(&head, "a;");
    buf_puts(&head, "\r\n\r\n");
    assert_int_equal(server_head_check(&limits, head.data, head.len, &problem), SERVER_HEAD_WHOLE);
    head.len -= 4;
    buf_puts(&head, ";\r\n\r\n");
    assert_int_equal(server_head_check(&limits, head.data, head.len, &problem),
                     SERVER_HEAD_REFUSED);
    assert_int_equal(problem.status, 431);
    struct server_options narrow = limits;
    narrow.max_cookie = 8; /* of all such fields together */
    static const char *const cookies[] = {"Cookie: 1234\r\nCOOKIE:  5678\r\n",
                                          "Cookie: 1234\r\nCOOKIE:  56789\r\n"};
    for (size_t i = 0; i < 2; i++) {
        buf_clear(&head);
        buf_printf(&head, "GET / HTTP/1.1\r\n" H "%s\r\n", cookies[i]);
        assert_int_equal(server_head_check(&narrow, head.data, head.len, &problem),
                         i == 0 ? SERVER_HEAD_WHOLE : SERVER_HEAD_REFUSED);
    }
    assert_int_equal(problem.status, 431);
    buf_destroy(&head);
}

/* ---- on the wire ---- */

static void check_refused(const struct buf *reply, int status)
{
    char line[40];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    assert_int_equal(strncmp(reply->data, line, strlen(line)), 0);
    assert_non_null(strstr(reply->data, "\r\nContent-Type: application/json; charset=utf-8\r\n"));
    assert_non_null(strstr(reply->data, "\r\n\r\n{\"message\":\""));
    assert_non_null(strstr(reply->data, "\"errorCode\":\""));
    assert_int_equal(client_count(reply->data, "HTTP/1.1"),
                     1 + client_count(reply->data, "expected METHOD target HTTP/1.1") +
                         client_count(reply->data, "expected HTTP/1.1 or"));
}

static void refused_in_json(void **state)
{
    struct server_fixture *f = *state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct buf reply;
        buf_create(&reply, TEXT_MAX);
        int fd = client_dial(f);
        assert_true(client_transmit(f, fd, bad[i].text, bad[i].len));
        client_hear(f, fd, &reply, NULL, 0);
        check_refused(&reply, bad[i].status);
        buf_destroy(&reply);
        close(fd);
    }
    assert_int_equal(f->requests, 0);
}

static void good_ones_arrive(void **state)
{
    struct server_fixture *f = *state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct buf reply;
        buf_create(&reply, TEXT_MAX);
        int fd = client_dial(f);
        assert_true(client_transmit(f, fd, good[i].text, good[i].len));
        if (strstr(good[i].text, "0012") != NULL)
            client_say(f, fd, "twelve bytes");
        if (strstr(good[i].text, "Chunked") != NULL)
            client_say(f, fd, "0\r\n\r\n");
        client_hear(f, fd, &reply, "HTTP/1.1 200 OK", 1);
        assert_int_equal(f->requests, i + 1);
        buf_destroy(&reply);
        close(fd);
    }
}

/* Later requests of a connection pass the library first: what still can be seen is refused too. */
static void on_a_kept_connection(void **state)
{
    struct server_fixture *f = *state;
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {400, "POST /x HTTP/1.1\r\n" H "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"},
        {400, "POST /x HTTP/1.1\r\n" H "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {501, "POST /x HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n"},
        {400, "GET /x HTTP/1.1\r\n" H "Host : other\r\n\r\n"},
        {400, "GET /x HTTP/1.1\r\n" H H "\r\n"},
        {400, "GET /x HTTP/1.1\r\n\r\n"},
        {400, "GET /x y HTTP/1.1\r\n" H "\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf reply;
        buf_create(&reply, TEXT_MAX);
        int fd = client_dial(f);
        client_say(f, fd, "GET /good HTTP/1.1\r\n" H "\r\n");
        client_hear(f, fd, &reply, "/good", 1);
        buf_clear(&reply);
        client_say(f, fd, cases[i].text);
        client_hear(f, fd, &reply, NULL, 0);
        check_refused(&reply, cases[i].status);
        assert_int_equal(f->requests, i + 1);
        buf_destroy(&reply);
        close(fd);
    }
}

/* RFC 9112, 3.2.2: a server must accept a whole URL, whatever it does with it. */
static void whole_urls(void **state)
{
    struct server_fixture *f = *state;
    static const struct {
        const char *target, *seen; /* NULL: refused */
    } cases[] = {
        {"http://localhost/a%2Fb?c=/d", "/a%2Fb?c=/d"},
        {"HTTPS://LOCALHOST/../x", "/../x"},
        {"http://localhost", "/"},
        {"http://localhost?c=d", "/?c=d"},
        {"*", "*"},
        {"/http://localhost/", "/http://localhost/"},
        {"ftp://localhost/", "ftp://localhost/"}, /* no service of ours is there */
        {"http://localhost.example.org/", NULL},
        {"http://localhost:80/", NULL},
        {"http://a@localhost/", NULL},
        {"http:///", NULL},
    };
    size_t served = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf reply;
        char line[120], seen[80];
        buf_create(&reply, TEXT_MAX);
        buf_clear(&f->seen);
        int fd = client_dial(f);
        snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n" H "\r\n", cases[i].target);
        client_say(f, fd, line);
        if (cases[i].seen != NULL) {
            client_hear(f, fd, &reply, "HTTP/1.1 200 OK", 1);
            snprintf(seen, sizeof seen, "GET %s HTTP/1.1", cases[i].seen);
            assert_non_null(strstr(f->seen.data, seen));
            served++;
        } else {
            client_hear(f, fd, &reply, NULL, 0);
            check_refused(&reply, 400);
        }
        assert_int_equal(f->requests, served);
        buf_destroy(&reply);
        close(fd);
    }
}

/* What looks like the end of a head to one and not to another. */
static void byte_by_byte(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    const char *text = "\r\nPOST /slowly HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc";
    int fd = client_dial(f);
    for (const char *at = text; *at != '\0'; at++)
        assert_true(client_transmit(f, fd, at, 1));
    client_hear(f, fd, &reply, "/slowly", 1);
    assert_non_null(strstr(f->seen.data, "\nabc"));
    buf_destroy(&reply);
    close(fd);
}

static void ends_in_the_middle(void **state)
{
    struct server_fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int fd = client_dial(f);
    client_say(f, fd, "GET / HTTP/1.1\r\nHost: lo");
    shutdown(fd, SHUT_WR);
    client_hear(f, fd, &reply, NULL, 0);
    check_refused(&reply, 400);
    buf_destroy(&reply);
    close(fd);
}

int main(void)
{
#define W(name) cmocka_unit_test_setup_teardown(name, server_fixture_setup, server_fixture_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_heads),
        cmocka_unit_test(bad_heads),
        cmocka_unit_test(large_heads),
        W(refused_in_json),
        W(good_ones_arrive),
        W(on_a_kept_connection),
        W(whole_urls),
        W(byte_by_byte),
        W(ends_in_the_middle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "http_fixture.h"
#include "url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_get(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(script_echo, NULL);
    struct outcome outcome = fixture_fetch(f, "GET", "/a/b?c=d");
    char expected[512];
    snprintf(expected, sizeof expected,
             "GET /a/b?c=d HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: jeton/" JETON_VERSION
             "\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n\r\n",
             peer_port(f->peer));
    assert_true(outcome.sent);
    assert_string_equal(outcome.header, "1");
    assert_int_equal(outcome.nheaders, 2);
    assert_body(&outcome, 200, expected);
}

/* Given as text, or parsed before: libcurl sends what url_format says, to the host that it says. */
static void test_sent_as_parsed(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "LocalHost", "127.1", "localhost."};
    static const struct {
        const char *written, *sent;
    } paths[] = {{"", "/"},
                 {"?a=b", "/?a=b"},
                 {"/a/../b/./c?x=%20#end", "/b/c?x=%20"},
                 {"//a%2Fb?", "//a%2Fb?"},
                 {"/caf\xc3\xa9?\xc3\xa9", "/caf%c3%a9?%c3%a9"}};
    struct fixture *f = *state;
    f->peer = peer_start(script_echo, NULL);
    for (size_t i = 0; i < 2 * 4 * 5; i++) {
        char text[128], expected[128];
        const char *host = hosts[i / 2 % 4], *written = paths[i / 8].written;
        snprintf(text, sizeof text, "http://%s:%d%s", host, peer_port(f->peer), written);
        snprintf(expected, sizeof expected, "GET %s HTTP/1.1\r\nHost: %s:%d\r\n", paths[i / 8].sent,
                 host[0] == '1' ? "127.0.0.1" : "localhost", peer_port(f->peer));
        struct url url = {0};
        struct err err = {0};
        assert_int_equal(url_parse(text, &url, &err), 0);
        struct http_request request = {.method = "GET", .url = text};
        request.place = i % 2 == 0 ? &url : NULL;
        struct outcome outcome = fixture_send(f, &request);
        assert_int_equal(outcome.status, 200);
        assert_memory_equal(outcome.body, expected, strlen(expected));
        mem_free(outcome.body);
        url_destroy(&url);
    }
}

static void test_connection_is_kept(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(script_echo, NULL);
    for (int i = 0; i < 5; i++) {
        struct outcome outcome = fixture_fetch(f, "GET", "/");
        assert_int_equal(outcome.status, 200);
        mem_free(outcome.body);
    }
    assert_int_equal(peer_connections(f->peer), 1);
    assert_int_equal(peer_requests(f->peer), 5);
}

static void test_post(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(script_echo, NULL);
    struct http_header headers[] = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
    const struct http_request request = {.method = "POST",
                                         .url = peer_url(f->peer, "/"),
                                         .headers = headers,
                                         .nheaders = 2,
                                         .body = "{\"a\":1}",
                                         .body_len = 7,
                                         .has_body = true};
    struct outcome outcome = fixture_send(f, &request);
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_non_null(strstr(outcome.body, "POST / HTTP/1.1\r\n"));
    assert_non_null(strstr(outcome.body, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(outcome.body, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(outcome.body, "\r\nContent-Length: 7\r\n"));
    assert_non_null(strstr(outcome.body, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(outcome.body, "Expect"));
    mem_free(outcome.body);
}

static void test_empty_post_has_a_length(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(script_echo, NULL);
    static const char *const methods[] = {"POST", "PUT", "PATCH"};
    for (size_t i = 0; i < 3; i++) {
        struct outcome outcome = fixture_fetch(f, methods[i], "/");
        assert_non_null(strstr(outcome.body, "\r\nContent-Length: 0\r\n"));
        assert_null(strstr(outcome.body, "Content-Type"));
        mem_free(outcome.body);
    }
    struct outcome outcome = fixture_fetch(f, "DELETE", "/");
    assert_null(strstr(outcome.body, "Content-Length"));
    assert_int_equal(strncmp(outcome.body, "DELETE / HTTP/1.1", 17), 0);
    mem_free(outcome.body);
}

static void test_head(void **state)
{
    struct fixture *f = *state;
    static char reply[] = "HTTP/1.1 200 OK\r\nX-Test: h\r\nContent-Length: 99999999999\r\n\r\n";
    f->peer = peer_start(script_say, reply);
    struct outcome outcome = fixture_fetch(f, "HEAD", "/");
    assert_string_equal(outcome.header, "h");
    assert_body(&outcome, 200, "");
}

static void test_chunked(void **state)
{
    struct fixture *f = *state;
    static char reply[] = "HTTP/1.1 100 Continue\r\nX-Test: interim\r\n\r\n"
                          "HTTP/1.1 201 Created\r\nX-Test: final\r\nX-Folded: a\r\n b\r\n"
                          "Transfer-Encoding: chunked\r\n\r\n"
                          "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Test: trailer\r\n\r\n";
    f->peer = peer_start(script_say, reply);
    struct outcome outcome = fixture_fetch(f, "GET", "/");
    assert_string_equal(outcome.header, "final");
    assert_int_equal(outcome.nheaders, 3);
    assert_body(&outcome, 201, "hello world");
}

/* "hello hello hello hello\n" by gzip. */
static const unsigned char gzipped[] = {0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03,
                                        0xcb, 0x48, 0xcd, 0xc9, 0xc9, 0x57, 0xc8, 0x40, 0x27, 0xb9,
                                        0x00, 0x00, 0x88, 0x59, 0x0b, 0x18, 0x00, 0x00, 0x00};

static void say_gzip(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number, (void)arg;
    if (!peer_read(peer, fd, request, sizeof request))
        return;
    peer_printf(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                sizeof gzipped);
    peer_write(fd, gzipped, sizeof gzipped);
}

static void test_gzip(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(say_gzip, NULL);
    struct outcome outcome = fixture_fetch(f, "GET", "/");
    assert_body(&outcome, 200, "hello hello hello hello\n");
}

static void test_body_limit_counts_decoded_bytes(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(say_gzip, NULL);
    const struct http_request request = {
        .method = "GET", .url = peer_url(f->peer, "/"), .max_body = 23};
    struct outcome outcome = fixture_send(f, &request);
    assert_failed(&outcome, ERR_NETWORK, "over 23 bytes");
}

static void test_connection_refused(void **state)
{
    struct fixture *f = *state;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/x?secret=1", peer_free_port());
    const struct http_request request = {.method = "POST", .url = url};
    struct outcome outcome = fixture_send(f, &request);
    assert_false(outcome.sent);
    assert_true(outcome.err.retryable);
    assert_failed(&outcome, ERR_NETWORK, "connection refused");
    *strchr(url, '?') = '\0';
    assert_string_equal(outcome.err.request + strlen("POST "), url);
}

static void test_unknown_host(void **state)
{
    const struct http_request request = {.method = "GET", .url = "http://host.invalid/"};
    struct outcome outcome = fixture_send(*state, &request);
    assert_false(outcome.sent);
    assert_unreachable(&outcome, "host.invalid");
}

static void reset_after_request(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number, (void)arg;
    peer_read(peer, fd, request, sizeof request);
    peer_reset(fd);
}

static void test_reset_after_request_was_sent(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(reset_after_request, NULL);
    struct outcome outcome = fixture_fetch(f, "POST", "/");
    assert_true(outcome.sent);
    assert_true(outcome.err.retryable);
    assert_failed(&outcome, ERR_NETWORK, "the connection broke before a reply came");
    assert_int_equal(peer_requests(f->peer), 1);
}

static void test_no_reply(void **state)
{
    struct fixture *f = *state;
    static char nothing[] = "";
    f->peer = peer_start(script_say, nothing);
    struct outcome outcome = fixture_fetch(f, "GET", "/");
    assert_true(outcome.sent);
    assert_failed(&outcome, ERR_NETWORK, "the connection broke before a reply came");
}

/* Answers the first request of a connection, reads the second and hangs up. */
static void answer_once(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number, (void)arg;
    if (peer_read(peer, fd, request, sizeof request))
        peer_puts(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer_read(peer, fd, request, sizeof request);
}

static void test_post_on_a_dying_connection_goes_out_once(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(answer_once, NULL);
    struct outcome outcome = fixture_fetch(f, "POST", "/");
    assert_body(&outcome, 200, "ok");
    outcome = fixture_fetch(f, "POST", "/");
    assert_true(outcome.sent);
    assert_true(outcome.err.retryable);
    assert_failed(&outcome, ERR_NETWORK, "it may have done what was asked");
    assert_int_equal(peer_requests(f->peer), 2);
}

static void test_get_on_a_dying_connection_is_sent_again(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(answer_once, NULL);
    struct outcome outcome = fixture_fetch(f, "GET", "/");
    assert_body(&outcome, 200, "ok");
    outcome = fixture_fetch(f, "GET", "/");
    assert_body(&outcome, 200, "ok");
    assert_int_equal(peer_requests(f->peer), 3);
}

static void check_invalid(struct fixture *f, struct http_request request, const char *words)
{
    struct err err = {0};
    struct outcome outcome = {0};
    if (request.method == NULL)
        request.method = "GET";
    if (request.url == NULL)
        request.url = "https://example.org/";
    assert_null(http_start(f->http, &request, fixture_done, &outcome, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    if (strstr(err.msg, words) == NULL)
        fail_msg("%s (expected: %s)", err.msg, words);
    assert_false(loop_turn(f->loop, 0));
}

static void test_invalid_requests(void **state)
{
    struct fixture *f = *state;
    struct http_header split[] = {{"X", "a\r\nHost: evil"}}, name[] = {{"X: y\r\nZ", "a"}};
    struct http_header length[] = {{"content-length", "5"}};
    check_invalid(f, (struct http_request){.url = "ftp://example.org/"}, "https://");
    check_invalid(f, (struct http_request){.method = "GET /x HTTP/1.1\r\n"}, "bad HTTP method");
    check_invalid(f, (struct http_request){.method = ""}, "bad HTTP method");
    check_invalid(f, (struct http_request){.method = "HEAD", .has_body = true}, "HEAD");
    check_invalid(f, (struct http_request){.headers = split, .nheaders = 1}, "header 'X'");
    check_invalid(f, (struct http_request){.headers = name, .nheaders = 1}, "bad header name");
    check_invalid(f, (struct http_request){.headers = length, .nheaders = 1}, "cannot be set");
}

static int64_t retry_after(const char *value, const char *date)
{
    char copy[128], date_copy[64];
    snprintf(copy, sizeof copy, "%s", value);
    snprintf(date_copy, sizeof date_copy, "%s", date);
    struct http_header headers[] = {{"retry-after", copy}, {"Date", date_copy}};
    const struct http_response response = {.headers = headers, .nheaders = 2};
    return http_retry_after_ms(&response);
}

static int64_t throttled(const char *left, const char *reset, const char *after)
{
    char copies[3][64];
    snprintf(copies[0], sizeof copies[0], "%s", left);
    snprintf(copies[1], sizeof copies[1], "%s", reset);
    snprintf(copies[2], sizeof copies[2], "%s", after);
    char date[] = "Sun, 09 Sep 2001 01:46:40 GMT"; /* 1000000000 */
    struct http_header headers[] = {{"Date", date},
                                    {"x-ratelimit-remaining", copies[0]},
                                    {"x-ratelimit-reset", copies[1]},
                                    {"Retry-After", copies[2]}};
    const struct http_response response = {.headers = headers, .nheaders = *after ? 4 : 3};
    return http_throttled_ms(&response);
}

static void test_throttled(void **state)
{
    (void)state;
    assert_int_equal(throttled("0", "1000000060", ""), 60000);
    assert_int_equal(throttled("0", "1000000060.5", ""), 60000);
    assert_int_equal(throttled("0", "1000000060", "7"), 7000);
    assert_int_equal(throttled("9", "1000000060", "7"), 7000);
    assert_int_equal(throttled("0", "1000000000", ""), 0);
    assert_int_equal(throttled("0", "9999999999", ""), HTTP_RETRY_AFTER_MAX_MS);
    assert_int_equal(throttled("0", "1000000060250", ""), 60250);
    static const char *const none[] = {"60",
                                       "",
                                       "-1000000060",
                                       "1000000060 s",
                                       "2001-09-09T01:47:40Z",
                                       "100000000000000",
                                       "99999999999999999999",
                                       "9223372036854775807"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(throttled("0", none[i], ""), -1);
    assert_int_equal(throttled("1", "1000000060", ""), -1);
    assert_int_equal(throttled("", "1000000060", ""), -1);
}

static void test_retry_after(void **state)
{
    (void)state;
    const char *date = "Sun, 06 Nov 1994 08:49:37 GMT";
    assert_int_equal(retry_after("0", date), 0);
    assert_int_equal(retry_after("120", date), 120000);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:50:37 GMT", date), 60000);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:48:37 GMT", date), 0);
    assert_int_equal(retry_after("soon", date), -1);
    assert_int_equal(retry_after("", date), -1);
    assert_int_equal(retry_after("-5", date), -1);
    assert_int_equal(retry_after("Sunday, 06-Nov-94 08:50:37 GMT", date), 60000);
    assert_int_equal(retry_after("Sun Nov  6 08:50:37 1994", date), 60000);
    assert_int_equal(retry_after(" \t7 ", date), 7000);
    assert_int_equal(retry_after(" Sun, 06 Nov 1994 08:50:37 GMT ", date), 60000);
    assert_int_equal(retry_after("1.5", date), 1500);
    assert_int_equal(retry_after("0.0001", date), 1);
    assert_int_equal(retry_after("2.0000", date), 2000);
    assert_int_equal(retry_after("1 2", date), -1);
    assert_int_equal(retry_after("1.", date), -1);
    assert_int_equal(retry_after("1.-5", date), -1);
    assert_int_equal(retry_after("-1.5", date), -1);
    assert_int_equal(retry_after("99999999999999999999999999", date), HTTP_RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after("99999999999999999999999999.9", date), HTTP_RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after("9999999999999999999999999999999999999999"
                                 "9999999999999999999999999999999999999999",
                                 date),
                     HTTP_RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after("Sun, 06 Nov 1994 08:50:37 GMT                                   "
                                 "                       and more",
                                 date),
                     -1);
    assert_int_equal(retry_after("Sun, 06 Nov 9994 08:50:37 GMT", date), HTTP_RETRY_AFTER_MAX_MS);
    assert_int_equal(retry_after("1994-11-06T08:50:37Z", date), 60000); /* of Zoom */
    assert_int_equal(retry_after("1994-11-06T09:50:37.5+01:00", date), 60000);
    assert_int_equal(retry_after("1994-11-06", date), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_sent_as_parsed, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_connection_is_kept, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_post, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_empty_post_has_a_length, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_head, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_chunked, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_gzip, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_body_limit_counts_decoded_bytes, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_connection_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_unknown_host, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_reset_after_request_was_sent, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_no_reply, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_post_on_a_dying_connection_goes_out_once,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_get_on_a_dying_connection_is_sent_again, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_invalid_requests, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_retry_after, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_throttled, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

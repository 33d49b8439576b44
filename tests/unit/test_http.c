#include "clock.h"
#include "http.h"
#include "mem.h"
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    struct loop *loop;
    struct http *http;
    struct peer *peer;
};

/* What came of one request. */
struct outcome {
    struct err err;
    bool sent;
    int status;
    size_t nheaders;
    char *body;
    size_t body_len;
    char header[128]; /* X-Test of the reply */
    bool done;
    int calls;
};

static void on_done(void *arg, struct http_result *result)
{
    struct outcome *outcome = arg;
    outcome->err = result->err;
    outcome->sent = result->sent;
    outcome->status = result->response.status;
    outcome->nheaders = result->response.nheaders;
    outcome->body_len = result->response.body.len;
    const char *header = http_response_header(&result->response, "x-test");
    snprintf(outcome->header, sizeof outcome->header, "%s", header != NULL ? header : "");
    mem_free(outcome->body);
    outcome->body = buf_take(&result->response.body);
    outcome->done = true;
    outcome->calls++;
}

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->loop = loop_new();
    f->http = http_new(f->loop, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    http_free(f->http);
    if (f->peer != NULL)
        peer_stop(f->peer);
    loop_free(f->loop);
    mem_free(f);
    return 0;
}

static struct outcome fetch_request(struct fixture *f, const struct http_request *request)
{
    struct outcome outcome = {0};
    struct err err = {0};
    if (http_start(f->http, request, on_done, &outcome, &err) == NULL)
        fail_msg("%s", err.msg);
    assert_true(loop_run_until(f->loop, &outcome.done));
    assert_int_equal(outcome.calls, 1);
    assert_false(loop_turn(f->loop, 0)); /* nothing is left running */
    if (outcome.err.kind != ERR_NONE) {
        assert_null(strchr(outcome.err.msg, '\n'));
        assert_int_equal(strncmp(outcome.err.request, request->method, strlen(request->method)), 0);
        assert_null(strchr(outcome.err.request, '?'));
    }
    return outcome;
}

static struct outcome fetch(struct fixture *f, const char *method, const char *path)
{
    const struct http_request request = {
        .method = method, .url = peer_url(f->peer, path), .timeout_ms = 10000};
    return fetch_request(f, &request);
}

static void assert_failed(struct outcome *outcome, enum err_kind kind, const char *words)
{
    assert_int_equal(outcome->err.kind, kind);
    if (strstr(outcome->err.msg, words) == NULL)
        fail_msg("%s (expected: %s)", outcome->err.msg, words);
    mem_free(outcome->body);
}

static void assert_body(struct outcome *outcome, int status, const char *body)
{
    if (outcome->err.kind != ERR_NONE)
        fail_msg("%s", outcome->err.msg);
    assert_int_equal(outcome->status, status);
    assert_string_equal(outcome->body, body);
    mem_free(outcome->body);
}

/* Answers each request with itself. */
static void echo(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number, (void)arg;
    while (peer_read(peer, fd, request, sizeof request))
        if (!peer_printf(fd, "HTTP/1.1 200 OK\r\nX-Test: 1\r\nContent-Length: %zu\r\n\r\n",
                         strlen(request)) ||
            !peer_puts(fd, request))
            return;
}

/* Reads one request, then writes the bytes given and closes. */
static void say(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number;
    if (peer_read(peer, fd, request, sizeof request))
        peer_puts(fd, arg);
}

static void test_get(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(echo, NULL);
    struct outcome outcome = fetch(f, "GET", "/a/b?c=d");
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

static void test_connection_is_kept(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(echo, NULL);
    for (int i = 0; i < 5; i++) {
        struct outcome outcome = fetch(f, "GET", "/");
        assert_int_equal(outcome.status, 200);
        mem_free(outcome.body);
    }
    assert_int_equal(peer_connections(f->peer), 1);
    assert_int_equal(peer_requests(f->peer), 5);
}

static void test_post(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(echo, NULL);
    struct http_header headers[] = {{"Content-Type", "application/json"}, {"X-Empty", ""}};
    const struct http_request request = {.method = "POST",
                                         .url = peer_url(f->peer, "/"),
                                         .headers = headers,
                                         .nheaders = 2,
                                         .body = "{\"a\":1}",
                                         .body_len = 7,
                                         .has_body = true};
    struct outcome outcome = fetch_request(f, &request);
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
    f->peer = peer_start(echo, NULL);
    static const char *const methods[] = {"POST", "PUT", "PATCH"};
    for (size_t i = 0; i < 3; i++) {
        struct outcome outcome = fetch(f, methods[i], "/");
        assert_non_null(strstr(outcome.body, "\r\nContent-Length: 0\r\n"));
        assert_null(strstr(outcome.body, "Content-Type"));
        mem_free(outcome.body);
    }
    struct outcome outcome = fetch(f, "DELETE", "/");
    assert_null(strstr(outcome.body, "Content-Length"));
    assert_int_equal(strncmp(outcome.body, "DELETE / HTTP/1.1", 17), 0);
    mem_free(outcome.body);
}

static void test_head(void **state)
{
    struct fixture *f = *state;
    static char reply[] = "HTTP/1.1 200 OK\r\nX-Test: h\r\nContent-Length: 99999999999\r\n\r\n";
    f->peer = peer_start(say, reply);
    struct outcome outcome = fetch(f, "HEAD", "/");
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
    f->peer = peer_start(say, reply);
    struct outcome outcome = fetch(f, "GET", "/");
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
    struct outcome outcome = fetch(f, "GET", "/");
    assert_body(&outcome, 200, "hello hello hello hello\n");
}

static void test_body_limit_counts_decoded_bytes(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(say_gzip, NULL);
    const struct http_request request = {
        .method = "GET", .url = peer_url(f->peer, "/"), .max_body = 23};
    struct outcome outcome = fetch_request(f, &request);
    assert_failed(&outcome, ERR_NETWORK, "over 23 bytes");
}

static void test_connection_refused(void **state)
{
    struct fixture *f = *state;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/x?secret=1", peer_free_port());
    const struct http_request request = {.method = "POST", .url = url};
    struct outcome outcome = fetch_request(f, &request);
    assert_false(outcome.sent);
    assert_true(outcome.err.retryable);
    assert_failed(&outcome, ERR_NETWORK, "connection refused");
    *strchr(url, '?') = '\0';
    assert_string_equal(outcome.err.request + strlen("POST "), url);
}

static void test_unknown_host(void **state)
{
    const struct http_request request = {.method = "GET", .url = "http://host.invalid/"};
    struct outcome outcome = fetch_request(*state, &request);
    assert_false(outcome.sent);
    assert_failed(&outcome, ERR_NETWORK, "could not resolve host 'host.invalid'");
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
    struct outcome outcome = fetch(f, "POST", "/");
    assert_true(outcome.sent);
    assert_true(outcome.err.retryable);
    assert_failed(&outcome, ERR_NETWORK, "the connection broke before a reply came");
    assert_int_equal(peer_requests(f->peer), 1);
}

static void test_no_reply(void **state)
{
    struct fixture *f = *state;
    char nothing[] = "";
    f->peer = peer_start(say, nothing);
    struct outcome outcome = fetch(f, "GET", "/");
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
    struct outcome outcome = fetch(f, "POST", "/");
    assert_body(&outcome, 200, "ok");
    outcome = fetch(f, "POST", "/");
    assert_true(outcome.sent);
    assert_true(outcome.err.retryable);
    assert_failed(&outcome, ERR_NETWORK, "it may have done what was asked");
    assert_int_equal(peer_requests(f->peer), 2);
}

static void test_get_on_a_dying_connection_is_sent_again(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(answer_once, NULL);
    struct outcome outcome = fetch(f, "GET", "/");
    assert_body(&outcome, 200, "ok");
    outcome = fetch(f, "GET", "/");
    assert_body(&outcome, 200, "ok");
    assert_int_equal(peer_requests(f->peer), 3);
}

static void check_hostile(void **state, const char *reply, const char *words, bool retryable)
{
    struct fixture *f = *state;
    static char copy[256]; /* the peer outlives a failed assertion */
    snprintf(copy, sizeof copy, "%s", reply);
    f->peer = peer_start(say, copy);
    struct outcome outcome = fetch(f, "GET", "/");
    assert_true(outcome.sent);
    assert_int_equal(outcome.err.retryable, retryable);
    assert_int_equal(outcome.nheaders, 0);
    assert_int_equal(outcome.body_len, 0);
    assert_failed(&outcome, ERR_NETWORK, words);
}

static void test_truncated_body(void **state)
{
    check_hostile(state, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
                  "the reply was cut short after 5 bytes", true);
}

static void test_truncated_chunks(void **state)
{
    check_hostile(state, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                  "the reply was cut short after 5 bytes", true);
}

static void test_truncated_header(void **state)
{
    check_hostile(state, "HTTP/1.1 200 OK\r\nContent-Le", "cut short", true);
}

static void test_announced_body_over_the_limit(void **state)
{
    check_hostile(state, "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nx",
                  "the reply is over 67108864 bytes", false);
}

static void test_not_http(void **state)
{
    check_hostile(state, "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/0.9", false);
}

static void test_damaged_gzip(void **state)
{
    check_hostile(state,
                  "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n"
                  "no gzip here",
                  "the compressed reply cannot be read", false);
}

struct flood {
    const char *head; /* once */
    const char *unit; /* this many times, or until the other side is gone */
    size_t unit_len;
    int count;
    int delay_ms;
};

static void pour(struct peer *peer, int fd, int number, void *arg)
{
    const struct flood *flood = arg;
    char request[16384];
    (void)number;
    if (!peer_read(peer, fd, request, sizeof request) || !peer_puts(fd, flood->head))
        return;
    for (int i = 0; i < flood->count; i++) {
        if (!peer_write(fd, flood->unit, flood->unit_len))
            return;
        if (flood->delay_ms > 0)
            usleep((useconds_t)flood->delay_ms * 1000);
    }
}

static void check_flood(void **state, struct flood flood, int64_t timeout_ms, size_t max_body,
                        const char *words)
{
    struct fixture *f = *state;
    static struct flood kept; /* the peer outlives a failed assertion */
    kept = flood;
    f->peer = peer_start(pour, &kept);
    const struct http_request request = {.method = "GET",
                                         .url = peer_url(f->peer, "/"),
                                         .timeout_ms = timeout_ms,
                                         .max_body = max_body};
    int64_t start = clock_mono_ms();
    struct outcome outcome = fetch_request(f, &request);
    assert_true(clock_mono_ms() - start < 5000);
    assert_failed(&outcome, ERR_NETWORK, words);
}

static void test_endless_body(void **state)
{
    static char block[65536];
    memset(block, 'x', sizeof block);
    struct flood flood = {"HTTP/1.1 200 OK\r\n\r\n", block, sizeof block, 1 << 20, 0};
    check_flood(state, flood, 30000, 1 << 20, "the reply is over 1048576 bytes");
}

static void test_a_byte_now_and_then(void **state)
{
    struct flood flood = {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", "x", 1, 1000, 100};
    check_flood(state, flood, 300, 0, "timed out after 300 ms (");
}

static void test_header_that_never_ends(void **state)
{
    struct flood flood = {"HTTP/1.1 200 OK\r\n", "a", 1, 1000, 100};
    check_flood(state, flood, 300, 0, "timed out after 300 ms");
}

static void test_ten_thousand_headers(void **state)
{
    struct flood flood = {"HTTP/1.1 200 OK\r\n", "X: y\r\n", 6, 10000, 0};
    check_flood(state, flood, 30000, 0, "too many header fields: more than 200");
}

static void test_headers_too_large(void **state)
{
    static char line[1002];
    memset(line, 'a', 1000);
    memcpy(line, "X: ", 3);
    memcpy(line + 1000, "\r\n", 2);
    struct flood flood = {"HTTP/1.1 200 OK\r\n", line, sizeof line, 100, 0};
    check_flood(state, flood, 30000, 0, "header of the reply is too large: more than 65536 bytes");
}

static void test_one_header_line_too_large(void **state)
{
    static char block[65536];
    memset(block, 'a', sizeof block);
    struct flood flood = {"HTTP/1.1 200 OK\r\nX: ", block, sizeof block, 100, 0};
    check_flood(state, flood, 30000, 0, "header of the reply is too large");
}

static void test_endless_interim_replies(void **state)
{
    struct flood flood = {"", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n", 37, 1 << 20, 0};
    check_flood(state, flood, 30000, 0, "too many header fields");
}

static void test_nul_in_header(void **state)
{
    struct flood flood = {"HTTP/1.1 200 OK\r\n", "X-Test: a\0b\r\n\r\n", 15, 1, 0};
    check_flood(state, flood, 30000, 0, "NUL byte");
}

static void test_nul_in_body_is_kept(void **state)
{
    struct fixture *f = *state;
    static struct flood flood = {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "a\0b", 3, 1, 0};
    f->peer = peer_start(pour, &flood);
    struct outcome outcome = fetch(f, "GET", "/");
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(outcome.body_len, 3);
    assert_memory_equal(outcome.body, "a\0b", 3);
    mem_free(outcome.body);
}

static void test_many_at_once(void **state)
{
    enum { COUNT = 200 };
    struct fixture *f = *state;
    f->peer = peer_start(echo, NULL);
    static struct outcome outcomes[COUNT];
    memset(outcomes, 0, sizeof outcomes);
    struct err err;
    for (int i = 0; i < COUNT; i++) {
        char path[32];
        snprintf(path, sizeof path, "/number/%d", i);
        const struct http_request request = {.method = "GET", .url = peer_url(f->peer, path)};
        assert_non_null(http_start(f->http, &request, on_done, &outcomes[i], &err));
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

/* Reads until the other side is gone. */
static void never_answer(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number, (void)arg;
    while (peer_read(peer, fd, request, sizeof request))
        ;
}

static void test_cancel_everywhere(void **state)
{
    enum { COUNT = 100 }; /* more than run at once */
    struct fixture *f = *state;
    f->peer = peer_start(never_answer, NULL);
    struct outcome outcome = {0};
    struct http_transfer *transfers[COUNT];
    struct err err;
    const struct http_request request = {.method = "GET", .url = peer_url(f->peer, "/")};
    for (int i = 0; i < COUNT; i++)
        transfers[i] = http_start(f->http, &request, on_done, &outcome, &err);
    while (peer_requests(f->peer) < 10)
        loop_turn(f->loop, 50);
    for (int i = 0; i < COUNT; i++)
        http_cancel(transfers[i]);
    assert_false(loop_turn(f->loop, 0));
    assert_int_equal(outcome.calls, 0);
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
    assert_non_null(http_start(f->http, &request, on_done, &chain->next, &err));
}

static void test_cancel_and_start_inside_done(void **state)
{
    struct fixture *f = *state;
    struct chain chain = {.fixture = f};
    struct link links[2] = {{&chain, 0}, {&chain, 1}};
    struct err err;
    char url[64];
    f->peer = peer_start(echo, NULL);
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
    f->peer = peer_start(never_answer, NULL);
    struct outcome outcome = {0};
    struct err err;
    const struct http_request request = {.method = "POST",
                                         .url = peer_url(f->peer, "/"),
                                         .body = "x",
                                         .body_len = 1,
                                         .has_body = true};
    for (int i = 0; i < 100; i++)
        assert_non_null(http_start(f->http, &request, on_done, &outcome, &err));
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
    f->peer = peer_start(never_answer, NULL);
    struct outcome outcome = {0};
    struct err err;
    int ends[2];
    const struct http_request request = {.method = "GET", .url = peer_url(f->peer, "/")};
    assert_non_null(http_start(f->http, &request, on_done, &outcome, &err));
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

static void check_invalid(struct fixture *f, struct http_request request, const char *words)
{
    struct err err = {0};
    struct outcome outcome = {0};
    if (request.method == NULL)
        request.method = "GET";
    if (request.url == NULL)
        request.url = "https://example.org/";
    assert_null(http_start(f->http, &request, on_done, &outcome, &err));
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

static void test_no_proxy_for_loopback(void **state)
{
    struct fixture *f = *state;
    char proxy[64];
    static const char *const names[] = {"http_proxy",  "https_proxy", "all_proxy",
                                        "HTTPS_PROXY", "ALL_PROXY",   "HTTP_PROXY"};
    struct peer *trap = peer_start(never_answer, NULL);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", peer_port(trap));
    for (size_t i = 0; i < 6; i++)
        setenv(names[i], proxy, 1);
    f->peer = peer_start(echo, NULL);
    struct outcome outcome = fetch(f, "GET", "/");
    assert_int_equal(outcome.status, 200);
    mem_free(outcome.body);
    /* http:// to elsewhere: no proxy either. */
    const struct http_request elsewhere = {.method = "GET", .url = "http://host.invalid/"};
    outcome = fetch_request(f, &elsewhere);
    assert_failed(&outcome, ERR_NETWORK, "could not resolve host");
    /* https:// to loopback speaks TLS to the server itself, which hangs up. */
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", peer_free_port());
    const struct http_request tls = {.method = "GET", .url = url};
    outcome = fetch_request(f, &tls);
    assert_failed(&outcome, ERR_NETWORK, "connection refused");
    for (size_t i = 0; i < 6; i++)
        unsetenv(names[i]);
    assert_int_equal(peer_connections(trap), 0);
    peer_stop(trap);
}

/* Keeps the CONNECT request in arg, and refuses it. */
static void refuse_connect(struct peer *peer, int fd, int number, void *arg)
{
    (void)number;
    if (peer_read(peer, fd, arg, 4096))
        peer_puts(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
}

static void test_https_proxy_sees_connect_alone(void **state)
{
    struct fixture *f = *state;
    char proxy[64], seen[4096] = "";
    f->peer = peer_start(refuse_connect, seen);
    snprintf(proxy, sizeof proxy, "127.0.0.1:%d", peer_port(f->peer));
    setenv("https_proxy", proxy, 1);
    struct http_header headers[] = {{"accessToken", "hunter2-hunter2"}};
    const struct http_request request = {.method = "POST",
                                         .url = "https://api.example.invalid/v1/groups?q=1",
                                         .headers = headers,
                                         .nheaders = 1};
    struct outcome outcome = fetch_request(f, &request);
    assert_false(outcome.sent);
    assert_failed(&outcome, ERR_NETWORK, "no connection to 'api.example.invalid'");
    setenv("no_proxy", ".example.invalid", 1);
    outcome = fetch_request(f, &request);
    assert_failed(&outcome, ERR_NETWORK, "could not resolve host 'api.example.invalid'");
    unsetenv("no_proxy");
    setenv("https_proxy", "socks5://127.0.0.1:1", 1);
    struct err err;
    assert_null(http_start(f->http, &request, on_done, &outcome, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    unsetenv("https_proxy");
    assert_int_equal(peer_connections(f->peer), 1);
    assert_int_equal(strncmp(seen, "CONNECT api.example.invalid:443 HTTP/1.1\r\n", 42), 0);
    assert_null(strstr(seen, "accessToken"));
    assert_null(strstr(seen, "groups"));
}

static int64_t retry_after(const char *value, const char *date)
{
    char copy[64], date_copy[64];
    snprintf(copy, sizeof copy, "%s", value);
    snprintf(date_copy, sizeof date_copy, "%s", date);
    struct http_header headers[] = {{"retry-after", copy}, {"Date", date_copy}};
    const struct http_response response = {.headers = headers, .nheaders = 2};
    return http_retry_after_ms(&response);
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
    assert_true(retry_after("99999999999999999999999999", date) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_get, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_post, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_post_has_a_length, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gzip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_body_limit_counts_decoded_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unknown_host, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reset_after_request_was_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_post_on_a_dying_connection_goes_out_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_get_on_a_dying_connection_is_sent_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_truncated_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_chunks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_truncated_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_announced_body_over_the_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_http, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged_gzip, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_byte_now_and_then, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_that_never_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ten_thousand_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_one_header_line_too_large, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_interim_replies, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nul_in_header, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nul_in_body_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_everywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancel_and_start_inside_done, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_with_running_transfers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_descriptors_are_served_meanwhile, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_invalid_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_proxy_for_loopback, setup, teardown),
        cmocka_unit_test_setup_teardown(test_https_proxy_sees_connect_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_retry_after, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

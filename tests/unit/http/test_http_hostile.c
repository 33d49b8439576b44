#include "clock.h"
#include "http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void check_hostile(void **state, const char *reply, const char *words, bool retryable)
{
    struct fixture *f = *state;
    static char copy[256]; /* the peer outlives a failed assertion */
    snprintf(copy, sizeof copy, "%s", reply);
    f->peer = peer_start(script_say, copy);
    struct outcome outcome = fixture_fetch(f, "GET", "/");
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

static void test_lengths(void **state)
{
    static const char *const bad[] = {"5\r\nContent-Length: 3",
                                      "3, 5",
                                      "3 5",
                                      "0x5",
                                      "+5",
                                      "3;5",
                                      "5\r\nTransfer-Encoding: identity\r\nContent-Length: 3"};
    static const char *const good[] = {"5\r\ncontent-length: 5", " 5 ",
                                       "3\r\nTransfer-Encoding: chunked"};
    struct fixture *f = *state;
    static char reply[256];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: %s\r\n\r\nhello", bad[i]);
        check_hostile(state, reply, "Content-Length is not one number", false);
        peer_stop(f->peer);
        f->peer = NULL;
    }
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        snprintf(reply, sizeof reply,
                 "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s", good[i],
                 i < 2 ? "hello" : "5\r\nhello\r\n0\r\n\r\n");
        f->peer = peer_start(script_say, reply);
        struct outcome outcome = fixture_fetch(f, "GET", "/");
        assert_body(&outcome, 200, "hello");
        peer_stop(f->peer);
        f->peer = NULL;
    }
}

/* libcurl takes no notice of such lines, and would end the body elsewhere. */
static void test_lengths_written_oddly(void **state)
{
    static const char *const bad[] = {"Content-Length : 10", "Content-Length\t: 10",
                                      "Content-Length: 1\r\n 0", "Transfer-Encoding : chunked",
                                      "Transfer-Encoding:\r\n chunked"};
    struct fixture *f = *state;
    static char reply[256];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\n%s\r\n\r\nhello", bad[i]);
        check_hostile(state, reply, "a header line that is not a header field", false);
        peer_stop(f->peer);
        f->peer = NULL;
    }
    check_hostile(state,
                  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nHTTP/x: y\r\nContent-Length: 5\r\n\r\n"
                  "hello",
                  "Content-Length is not one number", false);
    peer_stop(f->peer);
    static char odd[] = "HTTP/1.1 103 X\r\nX-Early: 1\r\n\r\nHTTP/1.1 200 OK\r\nX-Old : a\r\n"
                        "Connection: close\r\nHTTP/x: y\r\n\r\nhello";
    f->peer = peer_start(script_say, odd);
    struct outcome outcome = fixture_fetch(f, "GET", "/");
    assert_int_equal(outcome.nheaders, 3);
    assert_body(&outcome, 200, "hello");
}

static void test_truncated_header(void **state)
{
    check_hostile(state, "HTTP/1.1 200 OK\r\nContent-Le", "cut short", true);
}

static void test_part_that_nobody_asked_for(void **state)
{
    static const char *const why = "the reply is only a part (status 206)";
    check_hostile(state,
                  "HTTP/1.1 206 X\r\nContent-Range: Bytes 0-3/9\r\nContent-Length: 4\r\n\r\nhalf",
                  why, false);
    struct fixture *f = *state;
    peer_stop(f->peer);
    check_hostile(state,
                  "HTTP/1.1 206 X\r\nContent-Type: multipart/byteranges; boundary=x\r\n"
                  "Content-Length: 7\r\n\r\n--x--\r\n",
                  why, false);
}

/* Some APIs say 206 to a page of a list. */
static void test_parts_that_are_whole(void **state)
{
    static const struct http_header range = {"range", "bytes=0-3"};
    static char asked[] = "HTTP/1.1 206 X\r\nConnection: close\r\nContent-Length: 4\r\n"
                          "Content-Range: bytes 0-3/9\r\n\r\nhalf",
                page[] = "HTTP/1.1 206 X\r\nConnection: close\r\nContent-Length: 4\r\n"
                         "Content-Range: items 0-0/9\r\n\r\n[{}]";
    struct fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        f->peer = peer_start(script_say, i == 0 ? asked : page);
        const struct http_request request = {.method = "GET",
                                             .url = peer_url(f->peer, "/"),
                                             .headers = &range,
                                             .nheaders = i == 0 ? 1 : 0};
        struct outcome outcome = fixture_send(f, &request);
        assert_body(&outcome, 206, i == 0 ? "half" : "[{}]");
        peer_stop(f->peer);
        f->peer = NULL;
    }
}

static void test_transfer_codings(void **state)
{
    static const char *const fields[] = {
        "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: gzip", "transfer-encoding: x;a=1",
        "Transfer-Encoding: chunked;a=1", "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"};
    struct fixture *f = *state;
    char reply[256];
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        snprintf(reply, sizeof reply,
                 "HTTP/1.1 200 OK\r\nConnection: close\r\n%s\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
                 fields[i]);
        check_hostile(state, reply, "a Transfer-Encoding other than chunked", false);
        peer_stop(f->peer);
        f->peer = NULL;
    }
    static char chunked[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
                            "Transfer-Encoding: Chunked \r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    f->peer = peer_start(script_say, chunked);
    struct outcome outcome = fixture_fetch(f, "GET", "/");
    assert_body(&outcome, 200, "abc");
}

/* libcurl looks at no length beside it, and reads until the connection ends. */
static void test_length_beside_identity(void **state)
{
    static const struct {
        const char *method, *reply, *body, *words; /* words of the error; NULL: there is none */
        int status;
        bool retryable;
    } cases[] = {
        {"GET", "200 OK\r\nContent-Length: 10", "hello", "the reply was cut short after 5 bytes", 0,
         true},
        {"GET", "200 OK\r\nContent-Length: 10", "", "the reply was cut short after 0 bytes", 0,
         true},
        /* A line of a blank does not end the header; to libcurl neither. */
        {"GET", "200 OK\r\nX-Y: z\r\n \r\nContent-Length: 10", "hello",
         "the reply was cut short after 5 bytes", 0, true},
        {"GET", "200 OK\r\nContent-Length: 3", "hello", "is longer than its Content-Length", 0,
         false},
        {"GET", "200 OK\r\nContent-Length: 5", "hello", NULL, 200, false},
        {"GET", "200 OK\r\nContent-Length: 0", "", NULL, 200, false},
        {"GET", "200 OK", "hello", NULL, 200, false},
        {"GET", "404 X\r\nContent-Length: 5", "hello", NULL, 404, false},
        {"HEAD", "200 OK\r\nContent-Length: 5", "", NULL, 200, false},
        {"GET", "304 X\r\nContent-Length: 5", "", NULL, 304, false},
        {"GET", "204 X\r\nContent-Length: 5", "", NULL, 204, false},
    };
    struct fixture *f = *state;
    static char reply[256];
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof cases[0]); i++) {
        size_t n = i / 2;
        snprintf(reply, sizeof reply,
                 "HTTP/1.%zu %s\r\nConnection: close\r\nTransfer-Encoding: identity\r\n\r\n%s",
                 i % 2, cases[n].reply, cases[n].body);
        f->peer = peer_start(script_say, reply);
        struct outcome outcome = fixture_fetch(f, cases[n].method, "/");
        assert_int_equal(outcome.err.retryable, cases[n].retryable);
        if (cases[n].words != NULL)
            assert_failed(&outcome, ERR_NETWORK, cases[n].words);
        else
            assert_body(&outcome, cases[n].status, cases[n].body);
        peer_stop(f->peer);
        f->peer = NULL;
    }
}

/* Where no byte of the body came, too. */
static void test_other_coding_of_nothing(void **state)
{
    check_hostile(state, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 9\r\n\r\n",
                  "a Transfer-Encoding other than chunked", false);
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
    struct outcome outcome = fixture_send(f, &request);
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
    struct outcome outcome = fixture_fetch(f, "GET", "/");
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(outcome.body_len, 3);
    assert_memory_equal(outcome.body, "a\0b", 3);
    mem_free(outcome.body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_truncated_body, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_truncated_chunks, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lengths_written_oddly, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_lengths, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_truncated_header, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_part_that_nobody_asked_for, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_parts_that_are_whole, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_transfer_codings, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_length_beside_identity, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_other_coding_of_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_announced_body_over_the_limit, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_not_http, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_damaged_gzip, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_endless_body, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_a_byte_now_and_then, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_header_that_never_ends, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_ten_thousand_headers, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_headers_too_large, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_one_header_line_too_large, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_endless_interim_replies, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nul_in_header, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_nul_in_body_is_kept, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

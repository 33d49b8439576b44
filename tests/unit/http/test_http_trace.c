/* What the log shows of requests, and what it does not. */
#include "http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET "hunter2-hunter2"

#define LEARNED "learned-from-the-reply"

struct reader {
    struct redact *redact;
    struct outcome outcome;
};

/* As those do that find a token in a reply. */
static void learn(void *arg, struct http_result *result)
{
    struct reader *reader = arg;
    redact_add(reader->redact, LEARNED, strlen(LEARNED));
    fixture_done(&reader->outcome, result);
}

/* Sends one request with a log of that level; what was logged (mem_free). */
static char *logged(struct fixture *f, enum log_level level, const char *reply,
                    const struct http_request *request)
{
    static char copy[65536];
    char path[] = "/tmp/jeton-test-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    struct redact *redact = redact_new();
    redact_add(redact, SECRET, strlen(SECRET));
    struct log *log = log_new(fd, level, LOG_TEXT, false, redact);
    http_free(f->http);
    f->http = http_new(f->loop, log);
    snprintf(copy, sizeof copy, "%s", reply);
    f->peer = peer_start(script_say, copy);
    struct http_request sent = *request;
    sent.url = peer_url(f->peer, request->url);
    struct reader reader = {.redact = redact};
    struct err err;
    assert_non_null(http_start(f->http, &sent, learn, &reader, &err));
    assert_true(loop_run_until(f->loop, &reader.outcome.done));
    mem_free(reader.outcome.body);
    http_free(f->http);
    f->http = NULL;
    log_free(log);
    redact_free(redact);

    struct buf text;
    buf_create(&text, 1 << 20);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(buf_read_fd(&text, fd), 0);
    close(fd);
    return buf_take(&text);
}

static void assert_shows(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, text);
}

static void assert_hides(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("'%s' is in: %s", part, text);
}

static void test_debug_is_one_line(void **state)
{
    const struct http_request request = {.method = "GET", .url = "/a?code=" SECRET};
    char *text = logged(*state, LOG_DEBUG, "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
                        &request);
    assert_shows(text, "GET http://127.0.0.1:");
    assert_shows(text, "/a status=404 ms=");
    assert_shows(text, "bytes=2\n");
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_hides(text, "code=");
    mem_free(text);
}

static void test_debug_shows_failures(void **state)
{
    const struct http_request request = {.method = "GET", .url = "/"};
    char *text = logged(*state, LOG_DEBUG, "", &request);
    assert_shows(text, "error=\"the connection broke before a reply came");
    assert_hides(text, "status=");
    mem_free(text);
}

static void test_info_is_silent(void **state)
{
    const struct http_request request = {.method = "GET", .url = "/"};
    char *text = logged(*state, LOG_INFO, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &request);
    assert_string_equal(text, "");
    mem_free(text);
}

static void test_trace_masks(void **state)
{
    struct http_header headers[] = {{"accessToken", "not-registered"},
                                    {"Authorization", "Bearer not-registered"},
                                    {"X-Note", "it is " SECRET},
                                    {"X-Plain", "plain"}};
    const struct http_request request = {.method = "POST",
                                         .url = "/a?code=" SECRET,
                                         .headers = headers,
                                         .nheaders = 4,
                                         .body = "say " SECRET " twice",
                                         .body_len = 4 + strlen(SECRET) + 6,
                                         .has_body = true};
    char *text = logged(*state, LOG_TRACE,
                        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nSet-Cookie: not-registered\r\n"
                        "X-Test: shown\r\n\r\nthe reply",
                        &request);
    assert_shows(text, "accessToken: ********");
    assert_shows(text, "X-Plain: plain");
    assert_shows(text, "X-Note: it is ********");
    assert_shows(text, "say ******** twice");
    assert_shows(text, "Set-Cookie: ********");
    assert_shows(text, "X-Test: shown");
    assert_shows(text, "the reply");
    assert_hides(text, "not-registered");
    assert_hides(text, SECRET);
    mem_free(text);
}

static void test_trace_masks_what_parameters_name(void **state)
{
    const struct http_request request = {
        .method = "GET", .url = "/a?page=2&api_key=unregistered1&sig=unregistered2&q=a?b"};
    char *text =
        logged(*state, LOG_TRACE,
               "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n"
               "Location: https://b/?state=s&code=unregistered3#id_token=unregistered4\r\n"
               "Link: <https://b/?pageToken=unregistered5>; rel=\"next\", <?p=1>; rel=\"x\"\r\n"
               "X-Note: barcode=5?keys=5&=6&key\r\n"
               "X-Whole: a?key=" SECRET "\r\n\r\n",
               &request);
    assert_hides(text, "unregistered");
    assert_shows(text, "/a?page=2&api_key=********&sig=********&q=a?b\n");
    assert_shows(text, "Location: https://b/?state=s&code=********#id_token=********\n");
    assert_shows(text, "Link: <https://b/?pageToken=********>; rel=\"next\", <?p=1>; rel=\"x\"\n");
    assert_shows(text, "X-Note: barcode=5?keys=5&=6&key\n");
    mem_free(text);
}

static void test_trace_does_not_show_a_reply_that_brings_a_token(void **state)
{
    const struct http_request request = {.method = "GET", .url = "/"};
    char *text = logged(*state, LOG_TRACE,
                        "HTTP/1.1 200 OK\r\nContent-Length: 33\r\n\r\n"
                        "{\"AccessToken\":\"new-new-new-new\"}",
                        &request);
    assert_shows(text, "body of 33 bytes, not shown");
    assert_hides(text, "new-new");
    mem_free(text);
}

static void test_trace_knows_what_the_reply_taught(void **state)
{
    const struct http_request request = {.method = "GET", .url = "/"};
    char *text = logged(*state, LOG_TRACE,
                        "HTTP/1.1 200 OK\r\nX-New: " LEARNED "\r\nContent-Length: 28\r\n\r\n"
                        "\"say: " LEARNED "\"",
                        &request);
    assert_shows(text, "X-New: ********");
    assert_shows(text, "say: ********");
    assert_hides(text, LEARNED);
    mem_free(text);
}

static void test_trace_distrusts_escaped_names(void **state)
{
    const struct http_request request = {.method = "GET", .url = "/"};
    char *text = logged(*state, LOG_TRACE,
                        "HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n"
                        "{\"acc\\u0065ssTok\\u0065n\": \"new\"}",
                        &request);
    assert_shows(text, "body of 32 bytes, not shown");
    assert_hides(text, "new");
    mem_free(text);
}

static void test_trace_hides_what_brings_secrets(void **state)
{
    const struct http_request request = {.method = "GET", .url = "/", .brings_secrets = true};
    char *text = logged(*state, LOG_TRACE,
                        "HTTP/1.1 200 OK\r\nX-New: new-new\r\nDate: today\r\n"
                        "Content-Length: 7\r\n\r\nnew-new",
                        &request);
    assert_shows(text, "X-New: ********");
    assert_shows(text, "Date: today");
    assert_shows(text, "body of 7 bytes, not shown");
    assert_hides(text, "new-new");
    mem_free(text);
    text = logged(*state, LOG_TRACE, "HTTP/1.1 400 No\r\nContent-Length: 4\r\n\r\nwhy?", &request);
    assert_shows(text, "why?");
    mem_free(text);
}

static void test_trace_cuts_a_long_body_after_masking(void **state)
{
    const struct http_request request = {.method = "GET", .url = "/"};
    char reply[8192];
    int len = snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nContent-Length: 6000\r\n\r\n");
    memset(reply + len, 'x', 6000);
    reply[len + 6000] = '\0';
    memcpy(reply + len + 4096 - 8, SECRET, strlen(SECRET)); /* across the cut */
    char *text = logged(*state, LOG_TRACE, reply, &request);
    assert_shows(text, "xxx********\n  (6000 bytes in all)");
    assert_hides(text, "hunter2");
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_debug_is_one_line, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_debug_shows_failures, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_info_is_silent, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_trace_masks, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_trace_masks_what_parameters_name, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_trace_does_not_show_a_reply_that_brings_a_token,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_trace_knows_what_the_reply_taught, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_trace_distrusts_escaped_names, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_trace_hides_what_brings_secrets, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_trace_cuts_a_long_body_after_masking, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

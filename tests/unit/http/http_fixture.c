#include "http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

void fixture_done(void *arg, struct http_result *result)
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

int fixture_setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    f->loop = loop_new();
    f->http = http_new(f->loop, NULL);
    *state = f;
    return 0;
}

int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    http_free(f->http);
    if (f->peer != NULL)
        peer_stop(f->peer);
    loop_free(f->loop);
    mem_free(f);
    return 0;
}

struct outcome fixture_send(struct fixture *f, const struct http_request *request)
{
    struct outcome outcome = {0};
    struct err err = {0};
    if (http_start(f->http, request, fixture_done, &outcome, &err) == NULL)
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

struct outcome fixture_fetch(struct fixture *f, const char *method, const char *path)
{
    const struct http_request request = {
        .method = method, .url = peer_url(f->peer, path), .timeout_ms = 10000};
    return fixture_send(f, &request);
}

void assert_failed(struct outcome *outcome, enum err_kind kind, const char *words)
{
    assert_int_equal(outcome->err.kind, kind);
    if (strstr(outcome->err.msg, words) == NULL)
        fail_msg("%s (expected: %s)", outcome->err.msg, words);
    mem_free(outcome->body);
}

void assert_body(struct outcome *outcome, int status, const char *body)
{
    if (outcome->err.kind != ERR_NONE)
        fail_msg("%s", outcome->err.msg);
    assert_int_equal(outcome->status, status);
    assert_string_equal(outcome->body, body);
    mem_free(outcome->body);
}

void script_echo(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number, (void)arg;
    while (peer_read(peer, fd, request, sizeof request))
        if (!peer_printf(fd, "HTTP/1.1 200 OK\r\nX-Test: 1\r\nContent-Length: %zu\r\n\r\n",
                         strlen(request)) ||
            !peer_puts(fd, request))
            return;
}

void script_say(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number;
    if (peer_read(peer, fd, request, sizeof request))
        peer_puts(fd, arg);
}

void script_swallow(struct peer *peer, int fd, int number, void *arg)
{
    char request[16384];
    (void)number, (void)arg;
    while (peer_read(peer, fd, request, sizeof request))
        ;
}

void assert_unreachable(struct outcome *outcome, const char *host)
{
    char words[300], late[300];
    snprintf(words, sizeof words, "could not resolve host '%s'", host);
    snprintf(late, sizeof late, "timed out: no connection to '%s'", host);
    assert_false(outcome->sent);
    assert_failed(outcome, ERR_NETWORK, strstr(outcome->err.msg, late) != NULL ? late : words);
}

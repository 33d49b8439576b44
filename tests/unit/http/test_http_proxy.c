#include "http_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_no_proxy_for_loopback(void **state)
{
    struct fixture *f = *state;
    char proxy[64];
    static const char *const names[] = {"http_proxy",  "https_proxy", "all_proxy",
                                        "HTTPS_PROXY", "ALL_PROXY",   "HTTP_PROXY"};
    struct peer *trap = peer_start(script_swallow, NULL);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", peer_port(trap));
    for (size_t i = 0; i < 6; i++)
        setenv(names[i], proxy, 1);
    f->peer = peer_start(script_echo, NULL);
    struct outcome outcome = fixture_fetch(f, "GET", "/");
    assert_int_equal(outcome.status, 200);
    mem_free(outcome.body);
    /* http:// to elsewhere: no proxy either. */
    const struct http_request elsewhere = {.method = "GET", .url = "http://host.invalid/"};
    outcome = fixture_send(f, &elsewhere);
    assert_unreachable(&outcome, "host.invalid");
    /* https:// to loopback speaks TLS to the server itself, which hangs up. */
    char url[64];
    snprintf(url, sizeof url, "https://127.0.0.1:%d/", peer_free_port());
    const struct http_request tls = {.method = "GET", .url = url};
    outcome = fixture_send(f, &tls);
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
    struct outcome outcome = fixture_send(f, &request);
    assert_false(outcome.sent);
    assert_failed(&outcome, ERR_NETWORK,
                  "the proxy that https_proxy names does not connect to 'api.example.invalid': it "
                  "answered 403");
    setenv("no_proxy", ".example.invalid", 1);
    outcome = fixture_send(f, &request);
    assert_unreachable(&outcome, "api.example.invalid");
    unsetenv("no_proxy");
    setenv("https_proxy", "socks5://127.0.0.1:1", 1);
    struct err err;
    assert_null(http_start(f->http, &request, fixture_done, &outcome, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    snprintf(proxy, sizeof proxy, "127.0.0.1:%d", peer_free_port());
    setenv("https_proxy", proxy, 1);
    outcome = fixture_send(f, &request);
    assert_failed(&outcome, ERR_NETWORK,
                  "the proxy that https_proxy names, on the way to "
                  "api.example.invalid:443: connection refused");
    unsetenv("https_proxy");
    assert_int_equal(peer_connections(f->peer), 1);
    assert_int_equal(strncmp(seen, "CONNECT api.example.invalid:443 HTTP/1.1\r\n", 42), 0);
    assert_null(strstr(seen, "accessToken"));
    assert_null(strstr(seen, "groups"));
}

static void refuse_nameless(struct peer *peer, int fd, int number, void *arg)
{
    (void)number;
    if (peer_read(peer, fd, arg, 4096))
        peer_puts(fd, "HTTP/1.1 407 Proxy Authentication Required\r\n"
                      "Proxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n");
}

static void test_what_a_proxy_wants_is_said(void **state)
{
    struct fixture *f = *state;
    char proxy[64], seen[4096] = "";
    f->peer = peer_start(refuse_nameless, seen);
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", peer_port(f->peer));
    setenv("https_proxy", proxy, 1);
    const struct http_request request = {.method = "GET", .url = "https://api.example.invalid/"};
    struct outcome outcome = fixture_send(f, &request);
    assert_failed(&outcome, ERR_NETWORK, "it answered 407, as it wants a user name and password");
    setenv("https_proxy", "http://me:hunter2#hunter2@127.0.0.1:1", 1);
    outcome = fixture_send(f, &request);
    assert_null(strstr(outcome.err.msg, "hunter2"));
    assert_failed(&outcome, ERR_NETWORK, "# in its user name or password are written as %40");
    unsetenv("https_proxy");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_no_proxy_for_loopback, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_https_proxy_sees_connect_alone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(test_what_a_proxy_wants_is_said, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The server on real sockets: clients that speak raw HTTP, driven by the same thread. */
#include "buf.h"
#include "clock.h"
#include "mem.h"
#include "server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS   10000 /* a test that waits longer fails */
#define TEXT_MAX  ((size_t)4 * 1024 * 1024)
#define CLIENTS   100
#define BODY_MAX  1000
#define HOST_LINE "Host: localhost\r\n"

struct fixture {
    struct loop *loop;
    struct server *server;
    size_t requests, gone;
    struct server_exchange *held[CLIENTS * 2]; /* of targets that begin with /hold, in order */
    size_t nheld;
    struct buf seen; /* the last request as text */
    int status;
    struct http_header headers[4]; /* of the reply to targets that begin with /headers */
    size_t nheaders;
    bool free_inside;
};

static char content_type[] = "content-type", plain[] = "text/plain";

static void on_request(void *arg, struct server_exchange *exchange,
                       const struct server_request *request)
{
    struct fixture *f = arg;
    f->requests++;
    buf_clear(&f->seen);
    buf_printf(&f->seen, "%s %s %s %s\n", request->method, request->target, request->version,
               request->remote);
    for (size_t i = 0; i < request->nheaders; i++)
        buf_printf(&f->seen, "%s: %s\n", request->headers[i].name, request->headers[i].value);
    buf_append(&f->seen, request->body, request->body_len);
    if (f->free_inside) {
        server_free(f->server);
        f->server = NULL;
    }
    if (strncmp(request->target, "/hold", 5) == 0) {
        server_set_user_data(exchange, f);
        assert_ptr_equal(server_user_data(exchange), f);
        f->held[f->nheld++] = exchange;
        return;
    }
    if (strcmp(request->target, "/drop") == 0) {
        server_drop(exchange);
        return;
    }
    if (strncmp(request->target, "/headers", 8) == 0) {
        server_reply(exchange, f->status, f->headers, f->nheaders, "body", 4);
        return;
    }
    const struct http_header type = {content_type, plain};
    server_reply(exchange, 200, &type, 1, request->target, strlen(request->target));
}

static void on_gone(void *arg, struct server_exchange *exchange)
{
    struct fixture *f = arg;
    f->gone++;
    for (size_t i = 0; i < f->nheld; i++) {
        if (f->held[i] == exchange)
            f->held[i] = NULL;
    }
}

static struct server *start(struct fixture *f, const char *host, int port, struct err *err)
{
    const struct server_options options = {.host = host,
                                           .port = port,
                                           .max_body = BODY_MAX,
                                           .handler = on_request,
                                           .gone = on_gone,
                                           .arg = f};
    return server_new(f->loop, &options, err);
}

static int setup(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    struct err err;
    f->loop = loop_new();
    f->status = 200;
    buf_create(&f->seen, TEXT_MAX);
    f->server = start(f, "127.0.0.1", 0, &err);
    *state = f;
    return f->server != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    server_free(f->server);
    loop_free(f->loop);
    buf_destroy(&f->seen);
    mem_free(f);
    return 0;
}

/* ---- clients ---- */

static int dial(const struct fixture *f)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)server_port(f->server)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
    } to = {.v4 = address};
    assert_int_equal(connect(fd, &to.any, sizeof to.v4), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void turn(struct fixture *f, int64_t until)
{
    assert_true(clock_mono_ms() < until);
    loop_turn(f->loop, 5);
}

/* False when the peer closed before all was taken. */
static bool transmit(struct fixture *f, int fd, const char *data, size_t len)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        if (n > 0) {
            data += n;
            len -= (size_t)n;
        } else if (errno != EAGAIN) {
            return false;
        }
        turn(f, until);
    }
    return true;
}

static void say(struct fixture *f, int fd, const char *text)
{
    assert_true(transmit(f, fd, text, strlen(text)));
}

static size_t count_of(const char *text, const char *needle)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, needle)) != NULL; at += strlen(needle))
        n++;
    return n;
}

/* Until `count` needles are there, or (needle NULL) the connection ends. */
static void hear(struct fixture *f, int fd, struct buf *out, const char *needle, size_t count)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    char chunk[4096];
    while (needle == NULL || count_of(out->data, needle) < count) {
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n > 0) {
            assert_int_equal(buf_append(out, chunk, (size_t)n), 0);
            continue;
        }
        if (n == 0 || errno != EAGAIN) {
            assert_null(needle); /* it ended too early */
            return;
        }
        turn(f, until);
    }
}

/* One request on a connection that ends with it; the whole reply. */
static void ask(struct fixture *f, const char *request, struct buf *reply)
{
    int fd = dial(f);
    buf_create(reply, TEXT_MAX);
    say(f, fd, request);
    hear(f, fd, reply, NULL, 0);
    close(fd);
}

static void wait_held(struct fixture *f, size_t count)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (f->nheld < count)
        turn(f, until);
}

static void wait_gone(struct fixture *f, size_t count)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (f->gone < count)
        turn(f, until);
}

static void settle(struct fixture *f)
{
    for (int i = 0; i < 20; i++)
        loop_turn(f->loop, 2);
}

/* ---- requests ---- */

static void request_arrives_whole(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    ask(f,
        "POST /a%20b//c?x=%41&y HTTP/1.1\r\n" HOST_LINE "ACCESStoken: t\r\nTwice: 1\r\nTwice: 2\r\n"
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
    struct fixture *f = *state;
    struct buf reply;
    ask(f,
        "POST / HTTP/1.1\r\n" HOST_LINE "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
        &reply);
    assert_non_null(strstr(f->seen.data, "abcdefg"));
    buf_destroy(&reply);
}

static void keep_alive_and_pipelining(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int fd = dial(f);
    say(f, fd, "GET /first HTTP/1.1\r\n" HOST_LINE "\r\n");
    hear(f, fd, &reply, "/first", 1);
    say(f, fd,
        "GET /two HTTP/1.1\r\n" HOST_LINE "\r\nPOST /three HTTP/1.1\r\n" HOST_LINE
        "Content-Length: 3\r\n\r\nabcGET /four HTTP/1.1\r\n" HOST_LINE "\r\n");
    hear(f, fd, &reply, "/four", 1);
    assert_int_equal(f->requests, 4);
    const char *two = strstr(reply.data, "/two"), *three = strstr(reply.data, "/three");
    assert_true(two != NULL && three != NULL && two < three);
    buf_destroy(&reply);
    close(fd);
}

static void pipelined_while_the_first_waits(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int fd = dial(f);
    say(f, fd, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\nGET /next HTTP/1.1\r\n" HOST_LINE "\r\n");
    wait_held(f, 1);
    settle(f);
    assert_int_equal(f->requests, 1);
    assert_int_equal(f->gone, 0);
    server_reply(f->held[0], 200, NULL, 0, "held", 4);
    hear(f, fd, &reply, "/next", 1);
    assert_true(strstr(reply.data, "held") < strstr(reply.data, "/next"));
    buf_destroy(&reply);
    close(fd);
}

static void slow_client_holds_up_nobody(void **state)
{
    struct fixture *f = *state;
    struct buf slow, quick;
    buf_create(&slow, TEXT_MAX);
    const char *request =
        "POST /slow HTTP/1.1\r\n" HOST_LINE "Connection: close\r\nContent-Length: 2\r\n\r\nab";
    int fd = dial(f);
    for (const char *at = request; *at != '\0'; at++) {
        assert_true(transmit(f, fd, at, 1));
        if (at - request == 10) {
            ask(f, "GET /quick HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n", &quick);
            assert_non_null(strstr(quick.data, "/quick"));
            buf_destroy(&quick);
        }
    }
    hear(f, fd, &slow, NULL, 0);
    assert_non_null(strstr(slow.data, "/slow"));
    buf_destroy(&slow);
    close(fd);
}

static void hundred_at_once(void **state)
{
    struct fixture *f = *state;
    int fds[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        char request[128];
        fds[i] = dial(f);
        snprintf(request, sizeof request, "GET /hold%zu HTTP/1.1\r\n" HOST_LINE "\r\n", i);
        say(f, fds[i], request);
    }
    wait_held(f, CLIENTS);
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
        hear(f, fds[i], &reply, body, 1);
        buf_destroy(&reply);
        close(fds[i]);
    }
    assert_int_equal(f->gone, 0);
}

static void later_reply_costs_no_wait(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    int fd = dial(f);
    for (size_t i = 0; i < 50; i++) {
        say(f, fd, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
        wait_held(f, i + 1);
        server_reply(f->held[i], 200, NULL, 0, "x.", 2);
        int64_t start_ms = clock_mono_ms();
        loop_turn(f->loop, 1000); /* one turn writes it, without waiting for anything */
        assert_true(clock_mono_ms() - start_ms < 500);
        hear(f, fd, &reply, "x.", i + 1);
    }
    buf_destroy(&reply);
    close(fd);
}

/* ---- limits ---- */

static void check_413(struct fixture *f, const char *request, size_t filler)
{
    int fd = dial(f);
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    say(f, fd, request);
    char *body = mem_alloc(filler + 1);
    memset(body, 'x', filler);
    assert_true(transmit(f, fd, body, filler));
    hear(f, fd, &reply, NULL, 0);
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
    struct fixture *f = *state;
    check_413(f, "POST / HTTP/1.1\r\n" HOST_LINE "Content-Length: 1001\r\n\r\n", 1001);
    check_413(f, "POST / HTTP/1.1\r\n" HOST_LINE "Content-Length: 2000000\r\n\r\n", 2000000);
}

static void chunked_over_the_limit(void **state)
{
    struct fixture *f = *state;
    struct buf reply, request;
    buf_create(&request, TEXT_MAX);
    buf_puts(&request, "POST / HTTP/1.1\r\n" HOST_LINE "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 300; i++)
        buf_puts(&request, "4\r\nabcd\r\n");
    buf_puts(&request, "0\r\n\r\n");
    ask(f, request.data, &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 413 "));
    assert_int_equal(f->requests, 0);
    buf_destroy(&reply);
    buf_destroy(&request);
}

static void body_at_the_limit(void **state)
{
    struct fixture *f = *state;
    struct buf reply, request;
    buf_create(&request, TEXT_MAX);
    buf_puts(&request,
             "POST / HTTP/1.1\r\n" HOST_LINE "Connection: close\r\nContent-Length: 1000\r\n\r\n");
    for (int i = 0; i < 1000; i++)
        buf_putc(&request, 'y');
    ask(f, request.data, &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 200 "));
    assert_int_equal(count_of(f->seen.data, "y"), 1000);
    buf_destroy(&reply);
    buf_destroy(&request);
}

static void who_expects_100_is_refused_at_once(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    ask(f, "POST / HTTP/1.1\r\n" HOST_LINE "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
        &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 413 "));
    assert_null(strstr(reply.data, "100 Continue"));
    buf_destroy(&reply);
}

static void header_over_the_limit(void **state)
{
    struct fixture *f = *state;
    static const size_t sizes[] = {SERVER_HEADER_MAX + 100, 20 * SERVER_HEADER_MAX};
    for (size_t i = 0; i < 2; i++) {
        struct buf reply, request;
        buf_create(&reply, TEXT_MAX);
        buf_create(&request, TEXT_MAX);
        buf_puts(&request, "GET / HTTP/1.1\r\n" HOST_LINE "Big: ");
        while (request.len < sizes[i])
            buf_putc(&request, 'z');
        buf_puts(&request, "\r\n\r\n");
        int fd = dial(f);
        transmit(f, fd, request.data, request.len); /* the far too large one is cut off */
        hear(f, fd, &reply, NULL, 0);
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

static void nonsense_is_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const requests[] = {
        "\x16\x03\x01\x02 not http\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
        "POST / HTTP/1.1\r\n" HOST_LINE "Content-Length: -5\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct buf reply;
        ask(f, requests[i], &reply);
        assert_null(strstr(reply.data, " 200 "));
        buf_destroy(&reply);
    }
    assert_int_equal(f->requests, 0);
}

/* ---- peers that leave ---- */

static void peer_leaves_while_waiting(void **state)
{
    struct fixture *f = *state;
    int leaving = dial(f), staying = dial(f);
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    say(f, leaving, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    wait_held(f, 1);
    say(f, staying, "GET /hold HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n");
    wait_held(f, 2);
    close(leaving);
    wait_gone(f, 1);
    assert_null(f->held[0]);
    server_reply(f->held[1], 200, NULL, 0, "still here", 10);
    hear(f, staying, &reply, "still here", 1);
    assert_int_equal(f->gone, 1);
    buf_destroy(&reply);
    close(staying);
}

static void peer_resets_while_waiting(void **state)
{
    struct fixture *f = *state;
    int fd = dial(f);
    say(f, fd, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    wait_held(f, 1);
    const struct linger abrupt = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
    close(fd);
    wait_gone(f, 1);
}

static void peer_leaves_half_way(void **state)
{
    struct fixture *f = *state;
    static const char *const requests[] = {"GET /half", "GET / HTTP/1.1\r\nHos",
                                           "POST / HTTP/1.1\r\n" HOST_LINE
                                           "Content-Length: 50\r\n\r\nonly this"};
    for (size_t i = 0; i < 3; i++) {
        int fd = dial(f);
        say(f, fd, requests[i]);
        settle(f);
        close(fd);
        settle(f);
    }
    assert_int_equal(f->requests, 0);
    assert_int_equal(f->gone, 0); /* nothing was handed out */
}

static void free_while_waiting(void **state)
{
    struct fixture *f = *state;
    int waiting = dial(f), answered = dial(f);
    struct buf end, reply;
    buf_create(&end, TEXT_MAX);
    buf_create(&reply, TEXT_MAX);
    say(f, waiting, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    wait_held(f, 1);
    say(f, answered, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    wait_held(f, 2);
    server_reply(f->held[1], 200, NULL, 0, "just in time", 12);
    server_free(f->server);
    f->server = NULL;
    assert_int_equal(f->gone, 1);
    hear(f, waiting, &end, NULL, 0);
    assert_int_equal(end.len, 0);
    hear(f, answered, &reply, "just in time", 1);
    assert_false(loop_turn(f->loop, 0)); /* nothing of it is left in the loop */
    buf_destroy(&end);
    buf_destroy(&reply);
    close(waiting);
    close(answered);
}

static void free_inside_the_handler(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    buf_create(&reply, TEXT_MAX);
    f->free_inside = true;
    int fd = dial(f);
    say(f, fd, "GET /last HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n");
    hear(f, fd, &reply, NULL, 0);
    assert_non_null(strstr(reply.data, "/last"));
    buf_destroy(&reply);
    close(fd);
}

static void dropped_without_an_answer(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    ask(f, "GET /drop HTTP/1.1\r\n" HOST_LINE "\r\n", &reply);
    assert_int_equal(reply.len, 0);
    buf_destroy(&reply);
    int fd = dial(f);
    buf_create(&reply, TEXT_MAX);
    say(f, fd, "GET /hold HTTP/1.1\r\n" HOST_LINE "\r\n");
    wait_held(f, 1);
    server_drop(f->held[0]);
    hear(f, fd, &reply, NULL, 0);
    assert_int_equal(reply.len, 0);
    buf_destroy(&reply);
    close(fd);
}

/* ---- replies ---- */

static void head_has_no_body(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    ask(f, "HEAD /body HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n", &reply);
    assert_non_null(strstr(reply.data, "Content-Length: 5\r\n"));
    assert_string_equal(strstr(reply.data, "\r\n\r\n"), "\r\n\r\n");
    assert_non_null(strstr(f->seen.data, "HEAD /body"));
    buf_destroy(&reply);
}

static void one_header(struct fixture *f, const char *name, const char *value)
{
    for (size_t i = 0; i < f->nheaders; i++) {
        mem_free(f->headers[i].name);
        mem_free(f->headers[i].value);
    }
    f->nheaders = name != NULL;
    if (name != NULL)
        f->headers[0] = (struct http_header){mem_strdup(name), mem_strdup(value)};
}

static void ask_headers(struct fixture *f, struct buf *reply)
{
    ask(f, "GET /headers HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n", reply);
}

static void date_is_given_once(void **state)
{
    struct fixture *f = *state;
    struct buf reply;
    ask_headers(f, &reply);
    const char *date = strstr(reply.data, "\r\nDate: ");
    assert_non_null(date);
    int64_t ms = 0;
    char text[30] = "";
    memcpy(text, date + strlen("\r\nDate: "), 29);
    ms = clock_parse_http_date(text);
    assert_true(ms >= clock_wall_ms() - 60000 && ms <= clock_wall_ms() + 1000);
    assert_int_equal(count_of(reply.data, "Date: "), 1);
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
    struct fixture *f = *state;
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
        assert_int_equal(server_check_reply(200, f->headers, 1, &err), -1);
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
    struct fixture *f = *state;
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
    struct fixture *f = *state;
    struct buf reply;
    struct err err;
    assert_int_equal(server_check_reply(99, NULL, 0, &err), -1);
    assert_int_equal(server_check_reply(101, NULL, 0, &err), -1);
    assert_int_equal(server_check_reply(600, NULL, 0, &err), -1);
    assert_int_equal(server_check_reply(599, NULL, 0, &err), 0);
    f->status = 1000;
    ask_headers(f, &reply);
    assert_non_null(strstr(reply.data, "HTTP/1.1 500 "));
    buf_destroy(&reply);

    f->status = 200;
    char *big = mem_alloc(SERVER_REPLY_HEADER_MAX + 1);
    memset(big, 'a', SERVER_REPLY_HEADER_MAX);
    one_header(f, "X-Big", big);
    assert_int_equal(server_check_reply(200, f->headers, 1, &err), -1);
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
    struct fixture *f = *state;
    struct err err;
    char expected[64];
    err_clear(&err);
    assert_null(start(f, "127.0.0.1", server_port(f->server), &err));
    assert_int_equal(err.kind, ERR_NETWORK);
    snprintf(expected, sizeof expected, "127.0.0.1:%d", server_port(f->server));
    assert_non_null(strstr(err.msg, expected));

    static const char *const bad[] = {"example.org", "0", "127.1", "", "::1::", "300.0.0.1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_null(start(f, bad[i], 0, &err));
        assert_int_equal(err.kind, ERR_CONFIG);
    }
    assert_null(start(f, "127.0.0.1", 65536, &err));
    assert_int_equal(err.kind, ERR_CONFIG);

    struct server *local = start(f, "localhost", 0, &err);
    assert_non_null(local);
    assert_int_not_equal(server_port(local), 0);
    server_free(local);
}

static void ipv6(void **state)
{
    struct fixture *f = *state;
    struct err err;
    struct server *server = start(f, "::1", 0, &err);
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
    say(f, fd, "GET /six HTTP/1.1\r\n" HOST_LINE "Connection: close\r\n\r\n");
    hear(f, fd, &reply, NULL, 0);
    assert_non_null(strstr(f->seen.data, "GET /six HTTP/1.1 ::1\n"));
    buf_destroy(&reply);
    close(fd);
    server_free(server);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(request_arrives_whole),
        T(chunked_body),
        T(keep_alive_and_pipelining),
        T(pipelined_while_the_first_waits),
        T(slow_client_holds_up_nobody),
        T(hundred_at_once),
        T(later_reply_costs_no_wait),
        T(body_over_the_limit),
        T(chunked_over_the_limit),
        T(body_at_the_limit),
        T(who_expects_100_is_refused_at_once),
        T(header_over_the_limit),
        T(nonsense_is_refused),
        T(peer_leaves_while_waiting),
        T(peer_resets_while_waiting),
        T(peer_leaves_half_way),
        T(free_while_waiting),
        T(free_inside_the_handler),
        T(dropped_without_an_answer),
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

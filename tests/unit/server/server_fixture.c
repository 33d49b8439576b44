#include "server_fixture.h"

#include "clock.h"
#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static char content_type[] = "content-type", plain[] = "text/plain";

static void on_request(void *arg, struct server_exchange *exchange,
                       const struct server_request *request)
{
    struct server_fixture *f = arg;
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
    struct server_fixture *f = arg;
    f->gone++;
    for (size_t i = 0; i < f->nheld; i++) {
        if (f->held[i] == exchange)
            f->held[i] = NULL;
    }
}

static uint64_t on_head(void *arg, struct server_exchange *exchange,
                        const struct server_request *request)
{
    struct server_fixture *f = arg;
    f->heads++;
    assert_int_equal(request->body_len, 0);
    if (strncmp(request->target, "/refused", 8) == 0)
        server_reply(exchange, 401, NULL, 0, "who are you", 11);
    if (strncmp(request->target, "/dropped", 8) == 0)
        server_drop(exchange);
    return strncmp(request->target, "/ten", 4) == 0 ? 10 : SERVER_ANY;
}

static void on_refusal(void *arg, struct server_exchange *exchange,
                       const struct server_refusal *refusal)
{
    struct server_fixture *f = arg;
    f->refusals++;
    const struct http_header type = {content_type, plain};
    char text[200];
    int len = snprintf(text, sizeof text, "sorry: %d %s %s", refusal->status, refusal->code,
                       refusal->target != NULL ? refusal->target : "-");
    server_reply(exchange, refusal->status, &type, 1, text, (size_t)len);
}

void fixture_reopen(struct server_fixture *f, struct server_options options)
{
    struct err err;
    server_free(f->server);
    options.host = "127.0.0.1";
    options.handler = on_request;
    options.head = on_head;
    options.gone = on_gone;
    options.refuse = f->renders ? on_refusal : NULL;
    options.arg = f;
    f->server = server_new(f->loop, &options, &err);
    assert_non_null(f->server);
}

struct server *fixture_serve(struct server_fixture *f, const char *host, int port, struct err *err)
{
    const struct server_options options = {.host = host,
                                           .port = port,
                                           .max_body = BODY_MAX,
                                           .handler = on_request,
                                           .gone = on_gone,
                                           .arg = f};
    return server_new(f->loop, &options, err);
}

int server_fixture_setup(void **state)
{
    struct server_fixture *f = mem_alloc(sizeof *f);
    struct err err;
    f->loop = loop_new();
    f->status = 200;
    buf_create(&f->seen, TEXT_MAX);
    f->server = fixture_serve(f, "127.0.0.1", 0, &err);
    *state = f;
    return f->server != NULL ? 0 : -1;
}

int server_fixture_teardown(void **state)
{
    struct server_fixture *f = *state;
    server_free(f->server);
    loop_free(f->loop);
    buf_destroy(&f->seen);
    mem_free(f);
    return 0;
}

int client_dial(const struct server_fixture *f)
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

void fixture_turn(struct server_fixture *f, int64_t until)
{
    assert_true(clock_mono_ms() < until);
    loop_turn(f->loop, 5);
}

bool client_transmit(struct server_fixture *f, int fd, const char *data, size_t len)
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
        fixture_turn(f, until);
    }
    return true;
}

void client_say(struct server_fixture *f, int fd, const char *text)
{
    assert_true(client_transmit(f, fd, text, strlen(text)));
}

size_t client_count(const char *text, const char *needle)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, needle)) != NULL; at += strlen(needle))
        n++;
    return n;
}

void client_hear(struct server_fixture *f, int fd, struct buf *out, const char *needle,
                 size_t count)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    char chunk[4096];
    while (needle == NULL || client_count(out->data, needle) < count) {
        ssize_t n = recv(fd, chunk, sizeof chunk, 0);
        if (n > 0) {
            assert_int_equal(buf_append(out, chunk, (size_t)n), 0);
            continue;
        }
        if (n == 0 || errno != EAGAIN) {
            assert_null(needle); /* it ended too early */
            return;
        }
        fixture_turn(f, until);
    }
}

void client_ask(struct server_fixture *f, const char *request, struct buf *reply)
{
    int fd = client_dial(f);
    buf_create(reply, TEXT_MAX);
    client_say(f, fd, request);
    client_hear(f, fd, reply, NULL, 0);
    close(fd);
}

void fixture_wait_held(struct server_fixture *f, size_t count)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (f->nheld < count)
        fixture_turn(f, until);
}

void fixture_wait_gone(struct server_fixture *f, size_t count)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    while (f->gone < count)
        fixture_turn(f, until);
}

void fixture_settle(struct server_fixture *f)
{
    for (int i = 0; i < 20; i++)
        loop_turn(f->loop, 2);
}

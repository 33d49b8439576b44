/* A server on a real socket, and clients that speak raw HTTP to it, driven by the same thread: for
 * the tests of server*.c. */
#ifndef JETON_TEST_SERVER_FIXTURE_H
#define JETON_TEST_SERVER_FIXTURE_H

#include "buf.h"
#include "server.h"

#define WAIT_MS   10000 /* a test that waits longer fails */
#define TEXT_MAX  ((size_t)4 * 1024 * 1024)
#define CLIENTS   100
#define BODY_MAX  1000
#define HOST_LINE "Host: localhost\r\n"

struct server_fixture {
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
    size_t heads, refusals;
    bool renders; /* refusals of the server, after fixture_reopen */
};

/* Of cmocka: *state is the fixture. */
int server_fixture_setup(void **state);
int server_fixture_teardown(void **state);
/* One more server with the fixture's handler. */
struct server *fixture_serve(struct server_fixture *f, const char *host, int port, struct err *err);
/* The fixture's server anew, with other limits, and a say over heads: those of targets that begin
 * with /refused are answered 401, with /dropped dropped, with /ten get ten bytes of body. */
void fixture_reopen(struct server_fixture *f, struct server_options options);
/* Turns the loop once; fails when the time `until` (monotonic ms) has come. */
void fixture_turn(struct server_fixture *f, int64_t until);
/* Until so many requests are held, or exchanges gone. */
void fixture_wait_held(struct server_fixture *f, size_t count);
void fixture_wait_gone(struct server_fixture *f, size_t count);
/* A few turns, for what should not happen. */
void fixture_settle(struct server_fixture *f);

int client_dial(const struct server_fixture *f); /* a connection */
/* False when the peer closed before all was taken. */
bool client_transmit(struct server_fixture *f, int fd, const char *data, size_t len);
void client_say(struct server_fixture *f, int fd, const char *text);
size_t client_count(const char *text, const char *needle); /* how often it is in there */
/* Until `count` needles are there, or (needle NULL) the connection ends. */
void client_hear(struct server_fixture *f, int fd, struct buf *out, const char *needle,
                 size_t count);
/* One request on a connection that ends with it; the whole reply. */
void client_ask(struct server_fixture *f, const char *request, struct buf *reply);

#endif

/* A loop, an http, a raw server and what came of a request: for the tests of http*.c. */
#ifndef JETON_TEST_HTTP_FIXTURE_H
#define JETON_TEST_HTTP_FIXTURE_H

#include "http.h"
#include "mem.h"
#include "peer.h"

struct fixture {
    struct loop *loop;
    struct http *http;
    struct peer *peer; /* started by the test, stopped with the fixture */
};

/* What came of one request; body is the test's to free. */
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

/* Of cmocka: *state is the fixture. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* An http_done_fn; arg is an outcome. */
void fixture_done(void *arg, struct http_result *result);
/* Runs the loop until the result is there; checks that it came once and left nothing running. */
struct outcome fixture_send(struct fixture *f, const struct http_request *request);
struct outcome fixture_fetch(struct fixture *f, const char *method, const char *path);
/* These free the body. */
void assert_failed(struct outcome *outcome, enum err_kind kind, const char *words);
/* A host that does not exist; where no name server answers, that takes the time for connecting. */
void assert_unreachable(struct outcome *outcome, const char *host);
void assert_body(struct outcome *outcome, int status, const char *body);

/* Scripts of a peer. */
void script_echo(struct peer *peer, int fd, int number, void *arg); /* answers with the request */
void script_say(struct peer *peer, int fd, int number, void *arg);  /* answers one with arg */
void script_swallow(struct peer *peer, int fd, int number, void *arg); /* reads, never answers */

#endif

/* A state, a configuration of the tiny provider, and an engine over them. */
#ifndef JETON_TEST_PROVIDER_FIXTURE_H
#define JETON_TEST_PROVIDER_FIXTURE_H

#include "engine.h"

struct provider_fixture {
    struct config *config;
    const struct connector *connector;
    struct redact *redact;
    struct log *log;
    struct engine engine; /* with its store open, but for a start with a transport of one's own */
};

/* What came of token_get. */
struct arrived {
    char access_token[64];
    bool endpoint;      /* the reply named one */
    struct token token; /* but for its strings */
    struct err err;
    bool done;
};

/* In the working directory. `issuer` is the token service, `api` the endpoint. */
void provider_fixture_create(struct provider_fixture *f, const char *issuer, const char *api,
                             const char *password);
void provider_fixture_destroy(struct provider_fixture *f);
struct arrived provider_fixture_token(struct provider_fixture *f, const struct token_query *query);

/* What came of a call of GET PATH. */
struct called {
    int status;
    char body[256];
    struct err err;
    bool done;
};
/* A client_done_fn; arg is a called. */
void provider_fixture_called(void *arg, struct http_response *response, const struct err *err);
struct called provider_fixture_call(struct provider_fixture *f, const char *method,
                                    const char *path);

#endif

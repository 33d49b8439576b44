/*
 * One exchange at a token service: refresh token in, access token out, with all that may happen on
 * the way (moved service, throttling, server errors, a refused token with another one at hand).
 * Knows no store and no lock: token.c decides when to exchange and keeps what comes.
 */
#ifndef JETON_EXCHANGE_H
#define JETON_EXCHANGE_H

#include "http.h"
#include "loop.h"
#include "wire.h"

#define EXCHANGE_CANDIDATES_MAX 3
#define EXCHANGE_MOVES_MAX      3                  /* 308 in a row */
#define EXCHANGE_WAIT_MAX_MS    (15LL * 60 * 1000) /* of waiting for a throttled service, in all */

struct exchange_options {
    const char *token_service;    /* as configured */
    const char *service_override; /* where it moved earlier; NULL: nowhere. Dropped when it fails */
    const char *application_id;
    const char *application_secret;
    const char
        *refresh_tokens[EXCHANGE_CANDIDATES_MAX]; /* tried in order; the next when one is refused */
    size_t nrefresh_tokens;
    const char *const *allow_hosts;
    const char *ca_file;
    int64_t timeout_ms;
    int64_t retries;
    int64_t deadline_ms;       /* monotonic; 0: none. No wait is begun that would pass it */
    bool (*wanted)(void *arg); /* asked (with done's arg) before each wait; NULL: always */
};

struct exchange_result {
    struct wire_token token;
    size_t used;                  /* index of the refresh token that worked */
    const char *service_override; /* where the token service is now; NULL: as configured */
};

/*
 * err NULL: all of result is good; else only service_override is. Both are valid during the call.
 * Called once, from the loop.
 */
typedef void exchange_done_fn(void *arg, const struct exchange_result *result,
                              const struct err *err);

struct exchange;
/* Copies the options. */
struct exchange *exchange_start(struct loop *loop, struct http *http, struct log *log,
                                const struct exchange_options *options, exchange_done_fn *done,
                                void *arg);
/* done will not be called; what is on the wire is broken off. */
void exchange_cancel(struct exchange *exchange);
/* True while the service may be answering: breaking off now could lose a refresh token. */
bool exchange_on_wire(const struct exchange *exchange);

#endif

/*
 * One exchange at a token service: a grant in, an access token out, with all that may happen on the
 * way (moved service, throttling, server errors, a refused grant when there is another one to try).
 * The provider knows the requests and what replies mean. Knows no store and no lock: token.c
 * decides when to exchange, and stores the result.
 */
#ifndef JETON_EXCHANGE_H
#define JETON_EXCHANGE_H

#include "provider.h"
#include "transport.h"

#define EXCHANGE_MOVES_MAX 3     /* in a row */
#define EXCHANGE_LEAST_MS  10000 /* no request is begun that has less, unless `timeout` is less */

struct exchange_options {
    const struct connector *connector; /* lives as long as the exchange */
    const struct connector *asker;     /* as provider_ask has it */
    struct connector_secrets *secrets; /* taken over, and left empty */
    const char *metadata;              /* kept of what the service said of itself; NULL: nothing */
    int64_t metadata_ms;               /* wall clock of then … */
    int64_t metadata_age_ms;           /* … and since; negative where that was set back */
    const char *service;               /* where it moved earlier; NULL: nowhere. Dropped when it
                                          fails */
    const char *tokens[PROVIDER_GRANTS_MAX]; /* as provider.grants gave them */
    size_t ntokens;
    int64_t deadline_ms;       /* monotonic; 0: none. No wait is begun that would pass it */
    struct redact *redact;     /* as provider_ask has it */
    bool (*wanted)(void *arg); /* asked (with done's arg) before each wait; NULL: always */
    /* Asked (likewise) how long a request may take that begins now: a late one could spend what
     * somebody else spends then. NULL: as long as any. */
    int64_t (*left_ms)(void *arg);
    /* Told (with done's arg) before the first request that has a grant in it goes: not before the
     * service was asked what it says of itself. The exchange waits for exchange_go. NULL: it does
     * not. */
    void (*ready)(void *arg);
    /* Told (likewise) when a request with a grant in it is on its way. NULL: nobody wants to know.
     */
    void (*sent)(void *arg);
    /* Told when it waits before it sends the grant again, and is certain that nothing was done with
     * it: `ready` is told anew then. NULL, where `ready` is. */
    void (*rests)(void *arg);
};

struct exchange_result {
    struct provider_token token;
    size_t used;          /* index of the grant that worked */
    const char *service;  /* where the token service is now; NULL: as configured */
    const char *metadata; /* what the service says of itself, heard just now; NULL: not asked */
    /* Of a failure: */
    bool dead;    /* the service has said that the refresh token will never be good again */
    bool refused; /* the service itself has said no */
    bool doubt; /* the last refresh token may have been replaced: no answer says that it was not */
    bool doubted; /* the same was so before the service refused it */
};

/*
 * err NULL: all of result is good but what is of a failure; else only service, metadata and that
 * are, and
 * where token.refresh_token came with a reply that makes no sense otherwise, `used` and it. Both
 * are valid during the call. Called once, from the loop.
 */
typedef void exchange_done_fn(void *arg, const struct exchange_result *result,
                              const struct err *err);

struct exchange;
/* Copies the options. */
struct exchange *exchange_start(struct loop *loop, const struct transport *transport,
                                struct log *log, const struct exchange_options *options,
                                exchange_done_fn *done, void *arg);
/* Answers `ready`, at once or later. (exchange_cancel is an answer, too.) */
void exchange_go(struct exchange *exchange);
/* done will not be called; a request under way is aborted. */
void exchange_cancel(struct exchange *exchange);
/* True while the service may be answering: breaking off now could lose a refresh token. */
bool exchange_on_wire(const struct exchange *exchange);

#endif

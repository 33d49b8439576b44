/* The structs of this folder: who wants a token, the one exchange that serves them, and all of
 * both.
 */
#ifndef JETON_TOKEN_PRIVATE_H
#define JETON_TOKEN_PRIVATE_H

#include "config.h"
#include "exchange.h"
#include "store_home.h"
#include "store_lease.h"
#include "token_cache.h"
#include "token_query.h"
#include "transport.h"

/* Somebody who wants a token: first in tokens.requests (timer), then among a flight's waiters. */
struct token_request {
    struct tokens *tokens;
    const struct connector *connector;
    struct token_query query;
    token_done_fn *done;
    void *arg;
    struct loop_timer timer;
    char owner[STORE_OWNER_SIZE];
    struct store_token row;    /* what is known before a flight is needed */
    struct store_call call;    /* reads it */
    struct flight *flight;     /* whose waiter it is */
    struct exchange *exchange; /* token_exchange: its own */
    struct token_request *next;
};

/* The row of the state that stands for the configured refresh token, or once did. */
struct flight_given {
    char owner[STORE_OWNER_SIZE]; /* "": there is none */
    char home[STORE_SCOPE_SIZE];  /* "": not known */
    unsigned char salt[STORE_SALT_SIZE];
    bool now; /* it does still */
    struct store_lease lease;
    char key[STORE_OWNER_SIZE]; /* made of the token */
    struct store_lease first;   /* by it: to send a token that no row stands for yet */
    loop_fn *send;              /* where there is none */
};

/* Storing what came (token_flight_store.h). */
struct flight_store {
    bool stuck;                     /* it has failed, and is tried again */
    struct loop_timer again, limit; /* the next try, or look; the last one */
    int64_t pause_ms;
    struct err err;     /* of the last try */
    int64_t awaited_ms; /* until when another host may store what came to it; 0: not yet known */
};

/* One exchange of this process for one connector, from waiting for the lock to the stored result.
 */
struct flight {
    struct tokens *tokens;
    const struct connector *connector;
    char owner[STORE_OWNER_SIZE];
    struct store_token row;
    const struct connector *asker; /* whose slot the access token goes to; NULL: into the row */
    char slot_owner[STORE_OWNER_SIZE];
    struct store_token slot;
    struct store_call call; /* one at a time */
    unsigned char salt[STORE_SALT_SIZE];
    int64_t worse_than; /* the highest of the waiters' when the lock came */
    struct store_lease lease;
    struct exchange *exchange;
    struct connector_secrets secrets; /* until the exchange has them */
    struct token_configured configured;
    bool begun;      /* the exchange has sent something, or is about to */
    bool resting;    /* the intent is being taken back, since the exchange waits … */
    bool ready;      /* … and the exchange has waited long enough meanwhile */
    bool force;      /* a waiter wants an exchange whatever was refused before */
    bool anew;       /* a waiter wants one that asks what the service says of itself */
    int64_t lost_ms; /* when an exchange began that was never answered; 0: none */
    /* The grants of the exchange, by their refresh tokens: those of row and configured. */
    const char *tokens_tried[PROVIDER_GRANTS_MAX];
    size_t ntokens;
    /* Of a refusal: the row as it stands in the state by then, looked at once. */
    struct store_token peer;
    bool looked;
    loop_fn *again; /* begins anew with the row that was just loaded */
    bool rotated;   /* a refresh token has come */
    struct flight_store store;
    bool saves, ends; /* of a failed exchange, if nobody else has got further: the row is written,
                         or its intent */
    struct token_request *waiters;
    struct err failure; /* what the waiters hear when the row is stored; ERR_NONE: it went well */
    struct store_home_find elsewhere;
    struct flight_given given;
    size_t slots; /* gone through, of those whose tokens are dropped */
    char dropped[STORE_OWNER_SIZE];
    bool ending; /* waiters are being told; the flight frees itself */
    struct flight *next;
};

/* Whose access tokens are for the refresh token of `owner` (connector.slot): the first at *from or
 * after it, which then counts on; NULL: no more. */
const struct connector *token_slot_next(const struct tokens *tokens, const struct connector *owner,
                                        size_t *from);

struct tokens {
    struct loop *loop;
    struct transport transport;
    struct store *store;
    struct redact *redact;
    struct log *log;
    const struct config *config; /* borrowed; NULL: none */
    int64_t deadline_ms;
    int64_t exchanges;              /* begun */
    int spends;                     /* that may be on the wire */
    bool told;                      /* of a token that belongs to another home */
    struct token_request *requests; /* that are no flight's waiters */
    struct flight *flights;
};

#endif

/* Shared by token.c (who wants a token) and token_flight.c (the one exchange that serves them). */
#ifndef JETON_TOKEN_PRIVATE_H
#define JETON_TOKEN_PRIVATE_H

#include "exchange.h"
#include "lock.h"
#include "token.h"
#include "token_cache.h"

/* Somebody who wants a token: first alone (timer), then among a flight's waiters. */
struct token_request {
    struct tokens *tokens;
    const struct connector *connector;
    struct token_query query;
    token_done_fn *done;
    void *arg;
    struct loop_timer timer;
    struct flight *flight;     /* whose waiter it is */
    struct exchange *exchange; /* token_exchange: its own */
    struct token_request *next;
};

/* One exchange of this process for one connector, from waiting for the lock to the stored result.
 */
struct flight {
    struct tokens *tokens;
    const struct connector *connector;
    struct store_token row;
    int64_t worse_than; /* the highest of the waiters' when the lock came */
    struct lock lock;
    struct exchange *exchange;
    struct buf configured; /* the configured refresh token */
    bool has_configured;
    char configured_fingerprint[TOKEN_FINGERPRINT_SIZE];
    char application_fingerprint[TOKEN_FINGERPRINT_SIZE];
    struct token_candidates candidates;
    struct token_request *waiters;
    bool ending; /* waiters are being told; the flight frees itself */
    struct flight *next;
};

struct tokens {
    struct loop *loop;
    struct http *http;
    struct store *store;
    struct redact *redact;
    struct log *log;
    int64_t deadline_ms;
    int64_t exchanges;              /* begun */
    struct token_request *requests; /* that are no flight's waiters */
    struct flight *flights;
};

void request_list_remove(struct token_request **list, struct token_request *request);
/* Tells a request that is in no list any more, and frees it. */
void request_finish(struct token_request *request, const struct token *token,
                    const struct err *err);
void request_finish_row(struct token_request *request, const struct store_token *row,
                        enum token_source source);
/* The name of an owner's lock. */
#define TOKEN_LOCK_NAME_SIZE 40
void token_lock_name(const char *owner, char name[TOKEN_LOCK_NAME_SIZE]);
/* Registers a secret of the connector with the redaction point; NULL is fine. */
void tokens_hide(struct tokens *tokens, const struct connector *connector, const char *secret);

/* The flight of this owner, begun (by waiting for its lock) if there is none. */
struct flight *flight_join(struct token_request *request, const char *owner);
void flight_free(struct flight *flight);
/* True while a reply may be on its way. */
bool flight_on_wire(const struct flight *flight);

#endif

/*
 * An authenticated call on a connector's endpoint: token, request, and everything that can follow
 * (401, 308, 429, 5xx, broken connections). Used by `jeton api` and by jeton.http.
 */
#ifndef JETON_CLIENT_H
#define JETON_CLIENT_H

#include "token.h"
#include "transport.h"

#define CLIENT_MOVES_MAX 3

struct client_request {
    struct http_request http; /* of one try: url and ca_file are set here; timeout_ms 0: the
                                 connector's */
    const char *path;         /* below the endpoint, as the provider reads it; or an absolute URL */
    const char *query; /* without "?", encoded; may be NULL. Added to a query that path has */
    bool repeatable;   /* a POST that may be sent twice */
    bool any_status;   /* a final error status is a response, not an error */
    /* Asked with the URL, parsed and as text, before each try, wherever a 308 has led; -1 with err
     * refuses. May be NULL.
     */
    int (*check)(void *arg, const struct url *url, const char *text, struct err *err);
    void *check_arg; /* lives as long as the call */
};

/* err NULL: response is 2xx (or any, with any_status). With err, response is the error reply where
 * one came, else NULL. Valid during the callback. */
typedef void client_done_fn(void *arg, struct http_response *response, const struct err *err);

struct client;
struct client_call;

/* transport is copied; what it stands for must outlive the client. */
struct client *client_new(struct loop *loop, const struct transport *transport, struct store *store,
                          struct tokens *tokens, struct redact *redact, struct log *log);
void client_free(struct client *client);
void client_set_deadline(struct client *client, int64_t deadline_ms); /* monotonic; 0: none */
/* ERR_INVALID: one of them would carry the connector's token. client_start looks too. */
int client_check_headers(const struct connector *connector, const struct http_header *headers,
                         size_t count, struct err *err);
struct client_call *client_start(struct client *client, const struct connector *connector,
                                 const struct client_request *request, client_done_fn *done,
                                 void *arg);
void client_cancel(struct client_call *call);
bool client_is_busy(const struct client *client); /* a call is under way */
/* What the run did: for the run record. */
int64_t client_requests(const struct client *client);

#endif

/*
 * An authenticated call on a connector's endpoint: token, request, and all that can follow (401,
 * 308, 429, 5xx, broken connections). The only place with retry policy. Used by `jeton api` and by
 * jeton.http.
 */
#ifndef JETON_CLIENT_H
#define JETON_CLIENT_H

#include "token.h"

#define CLIENT_MOVES_MAX       3
#define CLIENT_RETRY_AFTER_MAX (15LL * 60 * 1000) /* a longer Retry-After fails */

struct client_request {
    struct http_request http; /* of one try: url and ca_file are set here; timeout_ms 0: the
                                 connector's */
    const char *path;  /* below the endpoint: "groups", "/groups", "/v1/groups" are the same; or an
                          absolute URL */
    const char *query; /* without "?", encoded; may be NULL. Added to a query that path has */
    bool repeatable;   /* a POST that may be sent twice */
    bool any_status;   /* a final error status is a response, not an error */
    /* Asked with the URL before each try, wherever a 308 has led; -1 with err refuses. May be NULL.
     */
    int (*check)(void *arg, const char *url, struct err *err);
    void *check_arg; /* lives as long as the call */
};

/* err NULL: response is 2xx (or any, with any_status). With err, response is the error reply where
 * one came, else NULL. Valid during the callback. */
typedef void client_done_fn(void *arg, struct http_response *response, const struct err *err);

struct client;
struct client_call;

struct client *client_new(struct loop *loop, struct http *http, struct tokens *tokens,
                          struct log *log);
void client_free(struct client *client);
void client_set_deadline(struct client *client, int64_t deadline_ms); /* monotonic; 0: none */
struct client_call *client_start(struct client *client, const struct connector *connector,
                                 const struct client_request *request, client_done_fn *done,
                                 void *arg);
void client_cancel(struct client_call *call);
/*
 * Where such a request goes (mem_free): path below {endpoint}/v1, or an absolute URL that the
 * connector allows; query is added. NULL with ERR_INVALID or ERR_AUTH.
 */
char *client_url(const struct connector *connector, const char *endpoint, const char *path,
                 const char *query, struct err *err);
/* The path below the endpoint, without query added: "/v1/groups" (mem_free). NULL for an absolute
 * URL. */
char *client_path(const char *path);
/* What the run did: for the run record. */
int64_t client_requests(const struct client *client);

#endif

/* What a server is told: its options, and what it calls. Its limits: server_limits.h. */
#ifndef JETON_SERVER_OPTIONS_H
#define JETON_SERVER_OPTIONS_H

#include "field.h"
#include "server_limits.h"

#include <stdint.h>

#define SERVER_HASH_SIZE 65         /* hexadecimal digits of SHA-256, and a NUL */
#define SERVER_ANY       UINT64_MAX /* of server_head_fn */

/* A part of a multipart form, in a file. */
struct server_part {
    const char *name;         /* "" where it has none */
    const char *filename;     /* as the client says; NULL: none */
    const char *content_type; /* as the client says; NULL: none */
    const char *path;
    uint64_t size;
    char sha256[SERVER_HASH_SIZE];
};

struct server_request {
    const char *method;
    const char *target; /* path and query, still encoded; of a whole URL only these */
    const char *version;
    const char *remote; /* address of the peer, "127.0.0.1" */
    const struct http_header *headers;
    size_t nheaders;
    const char *body; /* "" where it is in files */
    size_t body_len;
    /* Files live as long as the request; the handler may move them away. */
    const char *body_path; /* the body is in this file; NULL: in body */
    uint64_t body_path_len;
    bool is_form;          /* the body was a multipart form, and is in parts */
    const char *malformed; /* why that could not be read; NULL: it could */
    const struct server_part *parts;
    size_t nparts;
};

struct server_exchange; /* one request waiting for its answer */
/* Answer now or later, by exactly one server_reply or server_drop. `request` is valid until then.
 */
typedef void server_handler_fn(void *arg, struct server_exchange *exchange,
                               const struct server_request *request);
/*
 * The connection broke, or the server is closing, before an answer: exchange is invalid from now
 * on. A peer that only shuts down its sending side still waits for its answer. One that closed
 * looks the same until something is sent to it, or a keep-alive probe finds nobody there.
 */
typedef void server_gone_fn(void *arg, struct server_exchange *exchange);
/*
 * The head of a request with a body has arrived; at most ask_over bytes of the body were read, and
 * `request` holds nothing of it. Refuse it by server_reply (which ends the connection) or
 * server_drop, or return how many bytes the body may have; SERVER_ANY: the limit of the options.
 */
typedef uint64_t server_head_fn(void *arg, struct server_exchange *exchange,
                                const struct server_request *request);
/* What the server itself refuses. */
struct server_refusal {
    int status;
    const char *code; /* "RequestEntityTooLarge" */
    const char *message;
    const char *target; /* as that of a request; NULL: it is not known */
};
/* Answers a refusal in the service's form, by one server_reply, at once; exchange is valid only
 * during the call. Where it does not answer: {"message":…,"errorCode":…}. Only the library sees the
 * heads of the second and later requests of a connection, and of all over TLS: one that its memory
 * does not hold (far over max_head, or a multiple of max_cookies) gets a 431 of the
 * library's own, in HTML, and the connection ends. */
typedef void server_refuse_fn(void *arg, struct server_exchange *exchange,
                              const struct server_refusal *refusal);
/* There is no place for one more connection, which waits. code: 0, or why it cannot be accepted
 * (errno). Called at each try: ten times a second, and when a place was free for others. */
typedef void server_full_fn(void *arg, size_t connections, int code);

struct server_options {
    const char *host; /* a literal address, or "localhost" */
    int port;         /* 0: a free one */
    int socket;       /* in place of both: a socket that listens already, and becomes the
                         server's, also where server_new fails; 0: none */
    /* PEM, for TLS; borrowed during server_new. NULL: none. */
    const char *certificate, *key;
    size_t max_body;     /* 0: SERVER_BODY_MAX; more is answered 413 */
    size_t spool_over;   /* a body of more bytes goes to a file; 0: none does */
    uint64_t max_upload; /* of multipart forms, which are split into files; 0: they are ordinary */
    const char *folder;  /* where files go, made 0700 if absent; NULL: a temporary one */
    /* 0: those of server_limits.h */
    /* A connection has memory for a head, a copy of its Cookie fields, and a reply's headers. */
    size_t max_head, max_cookies;
    size_t max_cookie, max_reply_head; /* bytes; max_cookie 0: max_head */
    int64_t head_ms, body_ms, linger_ms, idle_ms;
    uint64_t rate_min, max_memory, max_files;
    size_t max_uploads;
    size_t max_connections; /* fewer, if the process may not have so many descriptors */
    size_t servers;         /* of this process, that share them; 0: one */
    /* With max_connections open, those that have been idle longest, that linger after a refusal,
     * or whose head, body or reply is slower than SERVER_PRESSED_… make room for new ones; slow
     * bodies also where max_memory or max_uploads is reached, and of those in memory what takes
     * longer than SERVER_PRESSED_BODY_MS; slow replies where those in memory have reached
     * max_memory. Otherwise new ones wait, or are refused. */
    bool end_idle;
    /* A body of no more than so many bytes is read without asking `head`, unless its sender waits
     * to be asked for it, or it is a form that goes to files. 0: always asks. */
    size_t ask_over;
    server_handler_fn *handler;
    server_head_fn *head;     /* may be NULL */
    server_gone_fn *gone;     /* may be NULL */
    server_refuse_fn *refuse; /* may be NULL */
    server_full_fn *full;     /* NULL: nobody is told */
    void *arg;
};

#endif

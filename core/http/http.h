/*
 * One HTTP request, one reply; over one curl multi handle with one connection cache for the whole
 * run. No policy here: no token, no retry, no redirect. libcurl is loaded at the first request.
 *
 * Proxies: loopback never uses one; https:// honours https_proxy and no_proxy (or their names in
 * capitals), by CONNECT; http:// none. TLS: ca_file; else SSL_CERT_FILE and SSL_CERT_DIR of the
 * environment, as OpenSSL's own tools do; else the system's hashed directory, else its bundle.
 * Names and dates are always verified.
 *
 * A reply may be compressed (gzip is asked for, deflate is taken too); body and max_body are of the
 * decoded bytes, the header fields as they came. GET, PUT and the like are sent again by libcurl
 * when a kept-alive connection turns out dead; POST and PATCH never are.
 *
 * A reply is whole, or the request fails: also a 206 (Partial Content) of bytes for a request
 * without Range, and any such 206 that would be saved.
 *
 * A request's body may come from files, a reply's body may go to one: both pass through a buffer of
 * libcurl, so that memory does not grow with them. Reading and writing a file may block a moment.
 */
#ifndef JETON_HTTP_H
#define JETON_HTTP_H

#include "buf.h"
#include "err.h"
#include "field.h"
#include "log.h"
#include "loop.h"

#include <stdint.h>

#define HTTP_BODY_MAX           ((size_t)64 * 1024 * 1024)
#define HTTP_HEADERS_MAX        200                 /* fields in a reply */
#define HTTP_HEADER_BYTES_MAX   ((size_t)64 * 1024) /* of all of them */
#define HTTP_CONCURRENT_MAX     64                  /* transfers on the wire; the rest queue */
#define HTTP_CONNECT_MS         10000
#define HTTP_TIMEOUT_MS         60000
#define HTTP_RETRY_AFTER_MAX_MS ((int64_t)10 * 365 * 24 * 3600 * 1000)
#define HTTP_PARTS_MAX          100               /* of a multipart body */
#define HTTP_SAVE_MAX           ((size_t)8 << 30) /* bytes of a reply that goes to a file */

/* A part of a multipart/form-data body: a value, or a file's content. */
struct http_part {
    const char *name;
    const void *value;
    size_t value_len;
    const char *path;         /* of a regular file; NULL: value */
    const char *filename;     /* NULL: none for a value, the last part of path for a file */
    const char *content_type; /* NULL: none for a value, application/octet-stream for a file */
};

/* How far a transfer has come: bytes of bodies, in both directions. */
struct http_meter {
    int64_t moved;
    int64_t total; /* 0: not known */
};

struct http_request {
    const char *method; /* an HTTP token, upper case */
    const char *url;
    /* url, parsed, for who has done that already; its `parsed` is taken, if it has any. Or NULL. */
    struct url *place;
    const struct http_header *headers;
    size_t nheaders;
    const void *body; /* copied */
    size_t body_len;
    bool has_body;         /* false: none is sent (POST, PUT and PATCH send an empty one) */
    const char *body_path; /* the body is this file's content, as long as it is now; has_body is
                              false then. A regular file */
    const struct http_part *parts; /* the body is multipart/form-data; has_body is false then */
    size_t nparts;
    /*
     * A 2xx reply's body goes to this file, mode 0600, which appears when it is complete
     * (newfile.h); one that was there is replaced, by the rule of place.h. Other replies' bodies go
     * to response.body.
     */
    const char *save_path;
    const char *ca_file; /* NULL: the system's */
    /* PEM: the one certificate that the server may show, whatever names are in it. In place of all
     * authorities; NULL: not so. */
    const char *only_certificate;
    const char *certificate, *key; /* PEM by which we identify ourselves to the server in TLS, the
                                      key not encrypted; both or neither */
    bool fresh;                    /* on a new connection: one that was kept may be closed by now */
    bool alone;                    /* fresh, and never sent twice by libcurl */
    bool connect_only; /* only a connection is made, with TLS where the URL says so, and nothing is
                          sent: no header, no body. The response's status is 0 */
    bool ahead; /* connect_only, but the connection is kept for the next request to that place where
                   the server speaks HTTP/2; else libcurl closes it */
    bool no_link_local;  /* never to a link-local address (169.254/16, fe80::/10), whatever the host
                            resolves to: cloud machines find their credentials there. Not known of
                            what a proxy does */
    bool brings_secrets; /* a reply below 400: of it LOG_TRACE shows no body, and few headers */
    /*
     * 0: HTTP_TIMEOUT_MS. Of the whole exchange, from when it is on the wire; where a file is sent
     * or saved, of the longest time in which nothing moves.
     */
    int64_t timeout_ms;
    struct http_meter *meter; /* kept up to date until it is done or cancelled; NULL: not needed */
    size_t max_body;          /* 0: HTTP_BODY_MAX, or HTTP_SAVE_MAX with save_path */
    bool cut;      /* a body that is over max_body is no error: the rest is not read. Not with
                      save_path */
    bool any_body; /* beside cut: nor is one that ends early, does not end in time or cannot be
                      read; what has come of it is the body. By HTTP/1.1 */
};

struct http_response {
    int status;
    struct http_header *headers; /* in order; repeated ones repeat */
    size_t nheaders;
    struct buf body;
    bool saved; /* the body is in the file of save_path; not of a 202 that has only a Retry-After */
};

/*
 * err.kind ERR_NONE: response is complete. ERR_NETWORK: connect, TLS (the message tells untrusted,
 * expired and wrong name apart), timeout, truncated, too large; retryable where the same request
 * may succeed later; response is empty. ERR_CONFIG: ca_file cannot be read. `sent`: false when the
 * request certainly did not reach the server (so that even a POST may be repeated).
 */
struct http_result {
    struct err err;
    bool sent;
    struct http_response response;
};

/* The result is the callee's to read, and freed after the call: what is kept is taken out of it
 * (response.body by buf_take, or the response as a whole, with zeroes in its place). Called from
 * the loop. */
typedef void http_done_fn(void *arg, struct http_result *result);

struct http;
struct http_transfer;

/* Cheap: loads nothing. The process ignores SIGPIPE, as `main` has it: TLS writes to a socket that
 * the server closed raise it. */
struct http *http_new(struct loop *loop, struct log *log);
/* From now on what is started in a turn of the loop is sent in that turn, not at the beginning of
 * the next one. For those who watch signals all the time: others look between two turns whether an
 * exchange is about to be sent, which no signal may cut. */
void http_send_at_once(struct http *http);
/* Of replies that are kept in memory, all together, but for those that bring secrets: one that
 * would be over it fails. Without it, each has its own limit alone. */
void http_limit_memory(struct http *http, size_t bytes);
void http_free(struct http *http); /* cancels what runs, without calling done; not inside done */
/* Whether libcurl writes this header field itself, so that no request can set it. */
bool http_is_reserved(const char *name);
/*
 * ERR_INVALID for a bad URL, method, header or part (control characters; Content-Length and others
 * that are not the caller's to set), and for a file that cannot be read or made; ERR_CONFIG when
 * libcurl is missing or https_proxy is no HTTP proxy. Never calls done itself: on success done is
 * called from the loop, exactly once, unless cancelled. At LOG_DEBUG logs method, URL, status,
 * duration; at LOG_TRACE headers and bodies (cut), masked; those of a reply when done has returned,
 * so that a secret that done registers is masked.
 */
struct http_transfer *http_start(struct http *http, const struct http_request *request,
                                 http_done_fn *done, void *arg, struct err *err);
/* Begins to connect to where the request goes, by HTTPS, unless something is on its way there.
 * Takes of it what a connection is made by; the rest is not looked at. False: nothing was begun. */
bool http_ahead(struct http *http, const struct http_request *request);
void http_cancel(struct http_transfer *transfer); /* done will not be called; NULL is fine */
void http_response_clear(struct http_response *response); /* wipes; idempotent */
const char *http_response_header(const struct http_response *response,
                                 const char *name); /* any case; first; or NULL */
/* Retry-After: seconds, perhaps with a fraction, or a date (against the reply's own Date).
 * Milliseconds, at most HTTP_RETRY_AFTER_MAX_MS, or -1. */
int64_t http_retry_after_ms(const struct http_response *response);
/* A failure that may pass: 5xx, and 408, with which servers also end an idle connection. */
bool http_status_passes(int status);
/* How long a 429 or 403 asks to wait: Retry-After, or, where X-RateLimit-Remaining is 0, until
 * X-RateLimit-Reset (seconds or ms since 1970). As above; -1: it does not ask. */
int64_t http_throttled_ms(const struct http_response *response);
/* A copy of all that a request names, to keep and send again; wiped by http_request_free (NULL is
 * fine). */
struct http_request *http_request_copy(const struct http_request *request);
void http_request_free(struct http_request *request);

#endif

/*
 * One HTTP request, one reply; over one curl multi handle with one connection cache for the whole
 * run. No policy here: no token, no retry, no redirect. libcurl is loaded at the first request.
 *
 * Proxies: loopback never uses one; https:// honours https_proxy and no_proxy (or their names in
 * capitals), by CONNECT; http:// none. TLS: ca_file; else SSL_CERT_FILE and SSL_CERT_DIR of the
 * environment, as OpenSSL's own tools do; else the system's hashed directory, else its bundle.
 * Names and dates are always verified.
 *
 * A reply may be compressed (gzip); body and max_body are of the decoded bytes, the header fields
 * as they came. GET, PUT and the like are sent again by libcurl when a kept-alive connection turns
 * out dead; POST and PATCH never are.
 */
#ifndef JETON_HTTP_H
#define JETON_HTTP_H

#include "buf.h"
#include "err.h"
#include "log.h"
#include "loop.h"

#include <stdint.h>

#define HTTP_BODY_MAX         ((size_t)64 * 1024 * 1024)
#define HTTP_HEADERS_MAX      200                 /* fields in a reply */
#define HTTP_HEADER_BYTES_MAX ((size_t)64 * 1024) /* of all of them */
#define HTTP_CONCURRENT_MAX   64                  /* transfers on the wire; the rest queue */
#define HTTP_CONNECT_MS       10000
#define HTTP_TIMEOUT_MS       60000

struct http_header {
    const char *name;
    const char *value;
};

struct http_request {
    const char *method; /* an HTTP token, upper case */
    const char *url;
    const struct http_header *headers;
    size_t nheaders;
    const void *body; /* copied */
    size_t body_len;
    bool has_body;       /* false: none is sent (POST, PUT and PATCH send an empty one) */
    const char *ca_file; /* NULL: the system's */
    int64_t timeout_ms;  /* 0: HTTP_TIMEOUT_MS; whole exchange, from when it is on the wire */
    size_t max_body;     /* 0: HTTP_BODY_MAX */
};

struct http_response {
    int status;
    struct http_header *headers; /* in order; repeated ones repeat */
    size_t nheaders;
    struct buf body;
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

/* The result is the callee's to read; it is freed after the call (take response.body by buf_take).
 * Called from the loop. */
typedef void http_done_fn(void *arg, struct http_result *result);

struct http;
struct http_transfer;

struct http *http_new(struct loop *loop, struct log *log); /* cheap: loads nothing */
void http_free(struct http *http); /* cancels what runs, without calling done; not inside done */
/*
 * ERR_INVALID for a bad URL, method or header (control characters; Content-Length and others that
 * are not the caller's to set); ERR_CONFIG when libcurl is missing or https_proxy is no HTTP proxy.
 * Never calls done itself: on success done is called from the loop,
 * exactly once, unless cancelled. At LOG_DEBUG logs method, URL, status, duration; at LOG_TRACE
 * headers and bodies (cut), masked.
 */
struct http_transfer *http_start(struct http *http, const struct http_request *request,
                                 http_done_fn *done, void *arg, struct err *err);
void http_cancel(struct http_transfer *transfer); /* done will not be called; NULL is fine */
const char *http_response_header(const struct http_response *response,
                                 const char *name); /* any case; first; or NULL */
/* Retry-After: seconds or HTTP date (against the reply's own Date). Milliseconds, or -1. */
int64_t http_retry_after_ms(const struct http_response *response);

#endif

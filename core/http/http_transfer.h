/*
 * Private to http*.c: one transfer from http_start to its result.
 *   http.c         the multi handle in the loop: queue, start, finish, deliver, cancel
 *   http_options.c a request as libcurl's options: headers, proxy, TLS, body
 *   http_request.c a copy of the request, and its name in messages
 *   http_file.c    files that are sent or saved
 *   http_decode.c  what Content-Encoding says, undone
 *   http_reply.c   what arrives, within its limits; headers of a response
 *   http_error.c   why a transfer failed, in words
 *   http_trace.c   the log of it
 */
#ifndef JETON_HTTP_TRANSFER_H
#define JETON_HTTP_TRANSFER_H

#include "curl_api.h"
#include "http.h"
#include "newfile.h"
#include "url.h"

enum http_state {
    HTTP_QUEUED,     /* waits for its turn, has no easy handle */
    HTTP_RUNNING,    /* in the multi handle */
    HTTP_FINISHED,   /* its result waits to be delivered */
    HTTP_DELIVERING, /* its done callback runs */
};

/* Why we call a transfer failed, whatever libcurl says. */
enum http_fault {
    HTTP_FAULT_NONE,
    HTTP_FAULT_HEADER_COUNT,
    HTTP_FAULT_HEADER_BYTES,
    HTTP_FAULT_HEADER_BAD,
    HTTP_FAULT_HEADER_NUL,
    HTTP_FAULT_HEADER_CUT,
    HTTP_FAULT_LATE, /* its time was over before it could be sent */
    HTTP_FAULT_LENGTH,
    HTTP_FAULT_CUT,
    HTTP_FAULT_LONG,
    HTTP_FAULT_BODY_PART,
    HTTP_FAULT_BODY_BYTES,
    HTTP_FAULT_MEMORY,
    HTTP_FAULT_BODY_CUT, /* asked for: no error */
    HTTP_FAULT_TRANSFER_CODING,
    HTTP_FAULT_CODING_UNKNOWN,
    HTTP_FAULT_CODING_BAD,
    HTTP_FAULT_CODING_BOMB,
    HTTP_FAULT_CODING_RATIO,
    HTTP_FAULT_CODING_CUT,
    HTTP_FAULT_FILE_READ,
    HTTP_FAULT_FILE_CUT, /* it has become shorter while it was sent */
    HTTP_FAULT_FILE_WRITE,
    HTTP_FAULT_LOST, /* the connection broke, and sending again might do it twice */
};

/* A file that is sent. */
struct http_source {
    struct http_transfer *transfer;
    const char *path; /* of the transfer's request */
    int fd;
    int64_t size; /* when it was opened: what is sent */
    int64_t at;
};

/* Of the bodies of all transfers of one http: http_limit_memory. */
struct http_memory {
    size_t limit; /* 0: none */
    size_t used;
};

struct http_transfer {
    struct http *http;
    const struct curl_api *api;
    struct http_transfer *prev, *next; /* in the list of its state */
    enum http_state state;
    http_done_fn *done;
    void *arg;

    struct http_request *request; /* our copy, without the headers */
    struct url url;
    char *address;               /* url as text */
    struct curl_slist *headers;  /* wiped when freed */
    struct http_source *sources; /* of the body, or one a part (fd -1: the part is a value) */
    size_t nsources;
    curl_mime *mime;
    struct newfile save;            /* until it is complete */
    struct http_decoding *decoding; /* NULL: no byte of a body came yet */
    int64_t saved;                  /* bytes */
    int file_error;                 /* errno of a file, and its name, for the fault */
    const char *file_path;
    int64_t timeout_ms;
    size_t max_body;
    struct http_memory *memory;
    size_t memory_used; /* of memory->used, until the transfer is freed */

    CURL *easy;
    bool plain; /* sets options of each transfer only: http_options_are_plain */
    char curl_message[CURL_ERROR_SIZE];
    int64_t started_ms;
    int64_t ended_ms;
    long idle_s;             /* it takes no kept connection that was idle for longer */
    bool asks_range;         /* a header field of the request does: for 206 */
    bool refused_address;    /* a link-local one was not connected to */
    int64_t look_ms;         /* when it is too late, or, with files, looked at */
    int64_t moved, moved_ms; /* bytes in both directions, and when they were last more */
    int sends;         /* how often the request went out (a dead kept-alive connection: twice) */
    bool header_begun; /* its first line has come, and not yet its end */
    bool headers_done; /* those of the final reply are complete: what follows are trailers */
    size_t header_fields, header_bytes; /* of all that arrived, interim replies included */
    enum http_fault fault;
    struct http_result result;
};

/* Where certificates of authorities are; either may be NULL. Both are used. */
struct http_trust {
    const char *file;
    const char *dir;
    bool dir_is_own; /* SSL_CERT_DIR, which may name several: a ':' between them */
};

/* The system's, see http.h. The text is of the environment, or constant. */
struct http_trust http_trust_system(void);
/* ERR_CONFIG when https_proxy is set to something that is no HTTP proxy. */
int http_proxy_check(const struct url *url, struct err *err);
/*
 * ERR_CONFIG when others can write the certificates that would be trusted (ca_file may be NULL).
 * Looks at each file in folders of the user's, and not in the system's, which many share.
 */
int http_trust_check(const struct url *url, const char *ca_file, const struct http_trust *system,
                     struct err *err);
/* Whether it sets no option but those that each transfer sets anew, or that are the same for all
 * such transfers: no certificate, trust or proxy of its own, no files. Known once the request is.
 */
bool http_options_are_plain(const struct http_transfer *transfer);
/* Of transfer->easy. `kept`: it has the options of a plain transfer, and this is one, too.
 * ERR_CONFIG when libcurl refuses one. */
int http_options_set(struct http_transfer *transfer, const struct http_trust *system, bool kept);
/* The handle may be kept: takes out of it what is freed with the transfer. */
void http_options_forget(struct http_transfer *transfer);
/* Checks and copies request->headers, and adds what libcurl must not send. ERR_INVALID. */
int http_headers_copy(struct http_transfer *transfer, const struct http_request *request,
                      struct err *err);
void http_headers_free(struct http_transfer *transfer);
int http_method_check(const struct http_request *request, struct err *err);

/* Opens what is sent and makes what is saved. ERR_INVALID. */
int http_files_open(struct http_transfer *transfer, struct err *err);
/* When it ended: what is not kept by then is removed. */
void http_files_close(struct http_transfer *transfer);
void http_files_free(struct http_transfer *transfer);
bool http_has_files(const struct http_transfer *transfer);
CURLcode http_set_file(struct http_transfer *transfer);  /* the body is a file */
CURLcode http_set_parts(struct http_transfer *transfer); /* the body is multipart */
bool http_save(struct http_transfer *transfer, const char *data, size_t len);
/* The reply is complete: gives the file its name. ERR_INVALID, in the result. */
int http_save_done(struct http_transfer *transfer);

size_t http_on_header(char *data, size_t size, size_t count, void *arg);
/* Of the reply's body, as they came: encoded, without the frames of chunks. */
size_t http_body_bytes(const struct http_transfer *transfer);
/* libcurl ended well: whether all came that was announced. It looks at no length beside a transfer
 * coding, "identity" included. */
enum http_fault http_check_length(const struct http_transfer *transfer);
/* Whether no compressed stream was cut. */
bool http_decode_is_whole(const struct http_transfer *transfer);
void http_decode_free(struct http_transfer *transfer);
/* Keeps or saves decoded bytes, within the limits. */
bool http_take_body(struct http_transfer *transfer, const char *data, size_t len);
size_t http_on_body(char *data, size_t size, size_t count, void *arg); /* http_decode.c */

/* "GET https://host/path", for messages (mem_free). */
char *http_label(const struct http_transfer *transfer);
/* Names the request in transfer->result.err. */
void http_name_request(struct http_transfer *transfer);
/* Sets transfer->result.err from libcurl's result. */
void http_explain(struct http_transfer *transfer, CURLcode code);

void http_trace_request(struct log *log, const struct http_transfer *transfer);
void http_trace_result(struct log *log, const struct http_transfer *transfer);
/*
 * At LOG_TRACE: the reply, kept until its receiver has read it and registered the secrets in it;
 * then logged, and freed. NULL: there is nothing to log.
 */
struct http_traced;
struct http_traced *http_trace_keep(const struct log *log, const struct http_transfer *transfer);
void http_trace_reply(struct log *log, struct http_traced *traced);

#endif

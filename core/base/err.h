/*
 * The one error value. The caller owns it, on its stack; a function that can fail takes a
 * `struct err *` last and returns 0, or -1 with the error set. Nobody below main prints it.
 */
#ifndef JETON_ERR_H
#define JETON_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum err_kind {
    ERR_NONE,
    ERR_INVALID,   /* a value or a reply that is not what it should be   exit 1 */
    ERR_SCRIPT,    /* the script failed                                  exit 1 */
    ERR_USAGE,     /* wrong command line                                 exit 2 */
    ERR_CONFIG,    /* configuration, secret, file mode, state file       exit 3 */
    ERR_AUTH,      /* token service refused, permission, host            exit 4 */
    ERR_NETWORK,   /* no connection, TLS, timeout                        exit 5 */
    ERR_HTTP,      /* the service answered with an error                 exit 6 */
    ERR_THROTTLED, /* 429 in spite of waiting                            exit 6 */
    ERR_BUSY,      /* another run holds the lock                         exit 7 */
    ERR_LOST,      /* the lock that was held is another one's now        exit 7 */
    ERR_CONFLICT,  /* what was read has been changed since               exit 1 */
    ERR_CANCELLED, /* the task was cancelled                             exit 1 */
    ERR_DEADLINE,  /* the run's deadline passed                          exit 8 */
    ERR_PIPE,      /* nobody reads standard output; main says nothing    exit 128 + SIGPIPE */
};

#define ERR_MSG_MAX     1024
#define ERR_CODE_MAX    64
#define ERR_REQUEST_MAX 512
#define ERR_LINE_MAX    (ERR_MSG_MAX + ERR_REQUEST_MAX + 2) /* of err_line */
/* Ends a text that was cut. The redaction takes it as a sign that a secret just before it may be
 * incomplete. */
#define ERR_CUT "\xe2\x80\xa6"

/* What would help, for callers that have an option for it. */
enum err_hint {
    ERR_HINT_NONE,
    ERR_HINT_ALLOW_HOST,  /* a pattern in allow_hosts */
    ERR_HINT_KEPT,        /* nothing: what the API said stands */
    ERR_HINT_CERTIFICATE, /* one of ours that the server takes */
};

struct err {
    enum err_kind kind;
    enum err_hint hint;
    bool named;                    /* msg names the connector already */
    int status;                    /* HTTP status, 0 where there is none */
    bool retryable;                /* the same call may succeed later */
    int64_t retry_after_ms;        /* the service: not before this time from then; 0: not said */
    size_t subject;                /* bytes of msg that name what it is about, by err_about */
    char code[ERR_CODE_MAX];       /* the service's errorCode, or "" */
    char request[ERR_REQUEST_MAX]; /* "GET https://host/path" (no query), or "" */
    char msg[ERR_MSG_MAX]; /* one line, no trailing period or newline; without the request */
};

void err_clear(struct err *err);
/* Sets kind and message (an earlier error is replaced). Returns -1, so that `return err_set(…)`
 * reads well. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
int err_vset(struct err *err, enum err_kind kind, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
/* Puts "context: " before the message; kind and the rest stay. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Puts "; advice" behind the message, in place of a period that a service has ended it with. */
void err_advise(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* err_wrap with a subject, such as a path: msg + err->subject is the message without it. */
int err_about(struct err *err, const char *subject);
/* As snprintf, for a field of an err and the like: what does not fit ends with ERR_CUT. */
void err_text(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void err_vtext(char *out, size_t size, const char *fmt, va_list args)
    __attribute__((format(printf, 3, 0)));
/* For people: "message (GET https://host/path)", or only the message. Returns out. */
const char *err_line(const struct err *err, char out[static ERR_LINE_MAX]);
/* "auth", "network", … as Lua sees them. */
const char *err_kind_name(enum err_kind kind);
/* The exit status of the kind. ERR_NONE gives 0. */
int err_exit_code(enum err_kind kind);

#endif

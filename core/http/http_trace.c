#include "http_transfer.h"
#include "mem.h"
#include "redact.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BODY_SHOWN ((size_t)4 * 1024)
/* This much is masked before it is cut, so that no cut hides a secret from the redaction. */
#define BODY_READ ((size_t)64 * 1024)
#define TEXT_MAX  ((size_t)512 * 1024)
/* A secret that BODY_READ cuts is within this many bytes of its end. */
#define SECRET_LEN_MAX ((size_t)16 * 1024)

/* Words in names of header fields whose value is never shown, and of JSON members (below). */
static const char *const secret_words[] = {"token",    "secret", "authorization", "cookie",
                                           "password", "apikey", "api-key"};

static bool has_word(const char *text, size_t len, const char *word)
{
    size_t word_len = strlen(word);
    for (size_t i = 0; i + word_len <= len; i++)
        if (strncasecmp(text + i, word, word_len) == 0)
            return true;
    return false;
}

static bool names_secret(const char *text, size_t len)
{
    for (size_t i = 0; i < sizeof secret_words / sizeof secret_words[0]; i++)
        if (has_word(text, len, secret_words[i]))
            return true;
    return false;
}

static void append_header(struct buf *out, const char *name, size_t name_len, const char *value)
{
    buf_append(out, "\n  ", 3);
    buf_append(out, name, name_len);
    buf_printf(out, ": %s", names_secret(name, name_len) ? REDACT_MASK : value);
}

/*
 * The start of a body. A body that mentions a token may hold a secret that is not registered yet
 * (the reply of an exchange is read after this): only its size is shown.
 */
static void append_body(struct buf *out, const struct log *log, const char *body, size_t len)
{
    size_t read = len < BODY_READ ? len : BODY_READ;
    if (len == 0)
        return;
    if (names_secret(body, read)) {
        buf_printf(out, "\n  (body of %zu bytes, not shown: it names a secret)", len);
        return;
    }
    if (memchr(body, '\0', read) != NULL) {
        buf_printf(out, "\n  (body of %zu bytes, binary)", len);
        return;
    }
    struct buf masked;
    buf_create_secret(&masked, TEXT_MAX);
    redact_text(log_redact(log), body, read, &masked);
    size_t usable = masked.len;
    if (read < len)
        usable = usable > SECRET_LEN_MAX ? usable - SECRET_LEN_MAX : 0;
    size_t shown = usable < BODY_SHOWN ? usable : BODY_SHOWN;
    buf_puts(out, "\n");
    buf_append(out, masked.data, shown);
    if (shown < masked.len || read < len)
        buf_printf(out, "\n  (%zu bytes in all)", len);
    buf_destroy(&masked);
}

void http_trace_request(struct log *log, const struct http_transfer *transfer)
{
    if (!log_enabled(log, LOG_TRACE))
        return;
    struct buf out;
    buf_create_secret(&out, TEXT_MAX);
    buf_printf(&out, "> %s %s", transfer->request->method, transfer->address);
    for (const struct curl_slist *item = transfer->headers; item != NULL; item = item->next) {
        size_t name_len = strcspn(item->data, ":;");
        const char *value = item->data + name_len;
        value += strspn(value, ":; ");
        if (*value != '\0' || item->data[name_len] == ';') /* "Name:" keeps one from being sent */
            append_header(&out, item->data, name_len, value);
    }
    if (transfer->request->nparts > 0)
        buf_printf(&out, "\n  (multipart/form-data, %zu parts)", transfer->request->nparts);
    else if (transfer->nsources > 0)
        buf_printf(&out, "\n  (%lld bytes of '%s')", (long long)transfer->sources[0].size,
                   transfer->sources[0].path);
    append_body(&out, log, transfer->request->body, transfer->request->body_len);
    log_msg(log, LOG_TRACE, "%s", out.data);
    buf_destroy(&out);
}

static void trace_response(struct log *log, const struct http_transfer *transfer)
{
    const struct http_response *response = &transfer->result.response;
    struct buf out;
    buf_create_secret(&out, TEXT_MAX);
    buf_printf(&out, "< %d %s", response->status, transfer->label);
    for (size_t i = 0; i < response->nheaders; i++)
        append_header(&out, response->headers[i].name, strlen(response->headers[i].name),
                      response->headers[i].value);
    if (response->saved)
        buf_printf(&out, "\n  (%lld bytes in '%s')", (long long)transfer->saved,
                   transfer->request->save_path);
    append_body(&out, log, response->body.data, response->body.len);
    log_msg(log, LOG_TRACE, "%s", out.data);
    buf_destroy(&out);
}

void http_trace_result(struct log *log, const struct http_transfer *transfer)
{
    const struct http_result *result = &transfer->result;
    if (!log_enabled(log, LOG_DEBUG))
        return;
    bool failed = result->err.kind != ERR_NONE;
    char status[16], duration[32], bytes[32];
    snprintf(status, sizeof status, "%d", result->response.status);
    snprintf(duration, sizeof duration, "%lld",
             (long long)(transfer->ended_ms - transfer->started_ms));
    snprintf(
        bytes, sizeof bytes, "%lld",
        (long long)(result->response.saved ? transfer->saved : (int64_t)result->response.body.len));
    const struct log_field fields[] = {
        {"status", failed ? NULL : status, true},
        {"ms", duration, true},
        {"bytes", failed ? NULL : bytes, true},
        {"error", failed ? result->err.msg : NULL, false},
    };
    log_event(log, LOG_DEBUG, transfer->label, fields, sizeof fields / sizeof fields[0]);
    if (!failed && log_enabled(log, LOG_TRACE))
        trace_response(log, transfer);
}

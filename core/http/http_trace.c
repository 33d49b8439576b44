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

/* Words in names of header fields and parameters whose value is never shown, and of JSON members
 * (below). */
static const char *const secret_words[] = {"token",    "secret", "authorization", "cookie",
                                           "password", "apikey", "api-key",       "api_key"};
/* Names of parameters, likewise. */
static const char *const secret_parameters[] = {"key", "sig", "signature", "code"};

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

static bool names_secret_parameter(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof secret_parameters / sizeof secret_parameters[0]; i++)
        if (strlen(secret_parameters[i]) == len &&
            strncasecmp(name, secret_parameters[i], len) == 0)
            return true;
    return names_secret(name, len);
}

/* A head, without the values of parameters of URLs whose names say that they are secret: scripts
 * have secrets that nobody registers. Those that are known are masked before, as a whole. */
static void append_head(struct buf *out, const struct log *log, const struct buf *head)
{
    struct buf masked;
    buf_create_secret(&masked, TEXT_MAX);
    redact_text(log_redact(log), head->data, head->len, &masked);
    for (const char *at = masked.data; *at != '\0';) {
        size_t len = strcspn(at, "?#&"); /* a parameter is behind one */
        len += at[len] != '\0';
        buf_append(out, at, len);
        at += len;
        size_t name_len = strcspn(at, "=?#&<> \"\n");
        if (at[name_len] != '=' || !names_secret_parameter(at, name_len))
            continue;
        buf_append(out, at, name_len + 1);
        buf_puts(out, REDACT_MASK);
        at += name_len + 1;
        at += strcspn(at, "?#&<> \"\n");
    }
    buf_destroy(&masked);
}

/* A letter as \u0061: whoever writes so hides a name. */
static bool hides_letters(const char *text, size_t len)
{
    static const char begin[] = "\\u00";
    for (size_t i = 0; i + sizeof begin <= len; i++)
        if (memcmp(text + i, begin, sizeof begin - 1) == 0 && text[i + sizeof begin - 1] >= '4' &&
            text[i + sizeof begin - 1] <= '7')
            return true;
    return false;
}

/*
 * The start of a body. A body that mentions a token may hold a secret that nobody registers: only
 * its size is shown. `len` bytes are there, of `total`.
 */
static void append_body(struct buf *out, const struct log *log, const char *body, size_t len,
                        size_t total)
{
    if (total == 0)
        return;
    if (names_secret(body, len) || hides_letters(body, len)) {
        buf_printf(out, "\n  (body of %zu bytes, not shown: it names a secret)", total);
        return;
    }
    if (memchr(body, '\0', len) != NULL) {
        buf_printf(out, "\n  (body of %zu bytes, binary)", total);
        return;
    }
    struct buf masked;
    buf_create_secret(&masked, TEXT_MAX);
    redact_text(log_redact(log), body, len, &masked);
    size_t usable = masked.len;
    if (len < total)
        usable = usable > SECRET_LEN_MAX ? usable - SECRET_LEN_MAX : 0;
    size_t shown = usable < BODY_SHOWN ? usable : BODY_SHOWN;
    buf_puts(out, "\n");
    buf_append(out, masked.data, shown);
    if (shown < masked.len || len < total)
        buf_printf(out, "\n  (%zu bytes in all)", total);
    buf_destroy(&masked);
}

static size_t body_read(size_t len)
{
    return len < BODY_READ ? len : BODY_READ;
}

void http_trace_request(struct log *log, const struct http_transfer *transfer)
{
    if (!log_enabled(log, LOG_TRACE) || transfer->request->ahead)
        return;
    struct buf head, out;
    buf_create_secret(&head, TEXT_MAX);
    buf_create_secret(&out, TEXT_MAX);
    buf_printf(&head, "> %s %s", transfer->request->method, transfer->address);
    for (const struct curl_slist *item = transfer->headers; item != NULL; item = item->next) {
        size_t name_len = strcspn(item->data, ":;");
        const char *value = item->data + name_len;
        value += strspn(value, ":; ");
        if (*value != '\0' || item->data[name_len] == ';') /* "Name:" keeps one from being sent */
            append_header(&head, item->data, name_len, value);
    }
    if (transfer->request->nparts > 0)
        buf_printf(&head, "\n  (multipart/form-data, %zu parts)", transfer->request->nparts);
    else if (transfer->nsources > 0)
        buf_printf(&head, "\n  (%lld bytes of '%s')", (long long)transfer->sources[0].size,
                   transfer->sources[0].path);
    append_head(&out, log, &head);
    size_t len = transfer->request->body_len;
    append_body(&out, log, transfer->request->body, body_read(len), len);
    log_lines(log, LOG_TRACE, "%s", out.data);
    buf_destroy(&head);
    buf_destroy(&out);
}

/* A reply as it came: what in it is a secret is known only when it was read. */
struct http_traced {
    struct buf head;
    struct buf body; /* its start */
    size_t total;
};

/* Of a reply that brings secrets: what tells why it was not understood. */
static bool is_plain_header(const char *name)
{
    static const char *const plain[] = {"Content-Type", "Content-Length", "Date", "Retry-After",
                                        "Server"};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
        if (strcasecmp(name, plain[i]) == 0)
            return true;
    return false;
}

struct http_traced *http_trace_keep(const struct log *log, const struct http_transfer *transfer)
{
    const struct http_response *response = &transfer->result.response;
    bool hidden = transfer->request->brings_secrets && response->status < 400;
    if (!log_enabled(log, LOG_TRACE) || transfer->result.err.kind != ERR_NONE ||
        transfer->request->ahead)
        return NULL;
    struct http_traced *traced = mem_alloc(sizeof *traced);
    buf_create_secret(&traced->head, TEXT_MAX);
    buf_create_secret(&traced->body, BODY_READ);
    char *label = http_label(transfer);
    buf_printf(&traced->head, "< %d %s", response->status, label);
    mem_free(label);
    for (size_t i = 0; i < response->nheaders; i++) {
        const struct http_header *header = &response->headers[i];
        append_header(&traced->head, header->name, strlen(header->name),
                      hidden && !is_plain_header(header->name) ? REDACT_MASK : header->value);
    }
    if (response->saved)
        buf_printf(&traced->head, "\n  (%lld bytes in '%s')", (long long)transfer->saved,
                   transfer->request->save_path);
    if (hidden && response->body.len > 0)
        buf_printf(&traced->head, "\n  (body of %zu bytes, not shown: it may bring secrets)",
                   response->body.len);
    traced->total = hidden ? 0 : response->body.len;
    buf_append(&traced->body, response->body.data, body_read(traced->total));
    return traced;
}

void http_trace_reply(struct log *log, struct http_traced *traced)
{
    if (traced == NULL)
        return;
    struct buf out;
    buf_create_secret(&out, TEXT_MAX);
    append_head(&out, log, &traced->head);
    append_body(&out, log, traced->body.data, traced->body.len, traced->total);
    log_lines(log, LOG_TRACE, "%s", out.data);
    buf_destroy(&out);
    buf_destroy(&traced->head);
    buf_destroy(&traced->body);
    mem_free(traced);
}

void http_trace_result(struct log *log, const struct http_transfer *transfer)
{
    const struct http_result *result = &transfer->result;
    if (!log_enabled(log, LOG_DEBUG))
        return;
    if (transfer->request->ahead) {
        log_msg(log, LOG_DEBUG, "%s: %s", transfer->address,
                result->err.kind == ERR_NONE ? "connected ahead of the call" : result->err.msg);
        return;
    }
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
    char *label = http_label(transfer);
    log_event(log, LOG_DEBUG, label, fields, sizeof fields / sizeof fields[0]);
    mem_free(label);
}

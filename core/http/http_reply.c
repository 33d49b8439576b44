#include "clock.h"
#include "http_transfer.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define STATUS_NONE         204
#define STATUS_PART         206
#define STATUS_NOT_MODIFIED 304
#define HEADERS_STEP        16 /* fields that there is room for at once */

/* Anything but the number of bytes given makes libcurl stop the transfer. */
static size_t stop(struct http_transfer *transfer, enum http_fault fault)
{
    transfer->fault = fault;
    return 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *len)
{
    while (*len > 0 && is_space((*text)[*len - 1]))
        --*len;
    while (*len > 0 && is_space(**text)) {
        ++*text;
        --*len;
    }
}

/* The fields that say where the body ends: libcurl knows them only on one line, and by their bare
 * names. Written in another way, they would be heeded by us and not by it. */
static bool is_framing(const char *name)
{
    return strcasecmp(name, "Content-Length") == 0 || strcasecmp(name, "Transfer-Encoding") == 0;
}

/* A line that starts with white space goes on with the field before it. */
static bool fold(struct http_response *response, const char *text, size_t len)
{
    if (response->nheaders == 0 || is_framing(response->headers[response->nheaders - 1].name))
        return false;
    struct http_header *last = &response->headers[response->nheaders - 1];
    char *joined = mem_printf("%s%s%.*s", last->value, len > 0 && *last->value != '\0' ? " " : "",
                              (int)len, text);
    mem_free_secret(last->value);
    last->value = joined;
    return true;
}

static bool add_field(struct http_response *response, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL || colon == line)
        return false;
    const char *name = line, *value = colon + 1;
    size_t name_len = (size_t)(colon - line), value_len = len - name_len - 1;
    trim(&name, &name_len);
    trim(&value, &value_len);
    if (response->nheaders % HEADERS_STEP == 0)
        response->headers = mem_realloc(response->headers, (response->nheaders + HEADERS_STEP) *
                                                               sizeof *response->headers);
    struct http_header *added = &response->headers[response->nheaders++];
    *added = (struct http_header){mem_strndup(name, name_len), mem_strndup(value, value_len)};
    return name + name_len == colon || !is_framing(added->name);
}

static bool header_begins(const struct http_response *response, const char *name, const char *with)
{
    const char *value = http_response_header(response, name);
    return value != NULL && strncasecmp(value, with, strlen(with)) == 0;
}

/*
 * A part of the bytes that the request did not ask for. APIs also answer 206 to a page of a list
 * ("Content-Range: items 0-9/50"), which is whole by itself; but a file must not be half a list.
 */
static bool is_unasked_part(const struct http_transfer *transfer, long status)
{
    const struct http_response *response = &transfer->result.response;
    return status == STATUS_PART && !transfer->asks_range &&
           (transfer->save.open || header_begins(response, "Content-Range", "bytes") ||
            header_begins(response, "Content-Type", "multipart/byteranges"));
}

/* Whether chunks say where the body ends, and not its length. */
static bool is_chunked(const struct http_response *response)
{
    for (size_t i = 0; i < response->nheaders; i++) {
        if (strcasecmp(response->headers[i].name, "Transfer-Encoding") == 0 &&
            strcasecmp(response->headers[i].value, "chunked") == 0)
            return true;
    }
    return false;
}

/* Of two lengths, or one that is no number, libcurl believes the last digits: half a body would be
 * whole. */
static bool is_unsure_length(const struct http_response *response)
{
    const char *length = NULL;
    bool unsure = false;
    for (size_t i = 0; i < response->nheaders; i++) {
        const char *value = response->headers[i].value;
        if (strcasecmp(response->headers[i].name, "Content-Length") != 0)
            continue;
        unsure = unsure || value[strspn(value, "0123456789")] != '\0' ||
                 (length != NULL && strcmp(value, length) != 0);
        length = value;
    }
    return unsure && !is_chunked(response);
}

/* The request has no TE, so only chunked may be there, which libcurl undoes. What it does with
 * others depends on its version: 7.88 leaves them in the body. */
static bool has_other_coding(const struct http_response *response)
{
    for (size_t i = 0; i < response->nheaders; i++) {
        const char *value = response->headers[i].value;
        if (strcasecmp(response->headers[i].name, "Transfer-Encoding") == 0 &&
            strcasecmp(value, "chunked") != 0 && strcasecmp(value, "identity") != 0)
            return true;
    }
    return false;
}

static bool has_body(const struct http_transfer *transfer, long status)
{
    return strcmp(transfer->request->method, "HEAD") != 0 && status != STATUS_NONE &&
           status != STATUS_NOT_MODIFIED;
}

/* The header is complete, and not an interim reply's. */
static enum http_fault look_at_header(const struct http_transfer *transfer, long status)
{
    const struct http_response *response = &transfer->result.response;
    if (is_unsure_length(response))
        return HTTP_FAULT_LENGTH;
    if (has_body(transfer, status) && has_other_coding(response))
        return HTTP_FAULT_TRANSFER_CODING;
    return is_unasked_part(transfer, status) ? HTTP_FAULT_BODY_PART : HTTP_FAULT_NONE;
}

size_t http_body_bytes(const struct http_transfer *transfer)
{
    curl_off_t bytes = 0;
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &bytes);
    return (size_t)bytes;
}

enum http_fault http_check_length(const struct http_transfer *transfer)
{
    const struct http_response *response = &transfer->result.response;
    const char *length = http_response_header(response, "Content-Length");
    long status = 0;
    transfer->api->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (length == NULL || !has_body(transfer, status) || is_chunked(response) ||
        http_response_header(response, "Transfer-Encoding") == NULL)
        return HTTP_FAULT_NONE;
    unsigned long long said = strtoull(length, NULL, 10);
    size_t bytes = http_body_bytes(transfer);
    return bytes < said ? HTTP_FAULT_CUT : bytes > said ? HTTP_FAULT_LONG : HTTP_FAULT_NONE;
}

size_t http_on_header(char *data, size_t size, size_t count, void *arg)
{
    struct http_transfer *transfer = arg;
    struct http_response *response = &transfer->result.response;
    size_t total = size * count;
    const char *text = data;
    size_t len = total;
    transfer->header_bytes += total;
    if (transfer->header_bytes > HTTP_HEADER_BYTES_MAX)
        return stop(transfer, HTTP_FAULT_HEADER_BYTES);
    if (memchr(data, '\0', total) != NULL)
        return stop(transfer, HTTP_FAULT_HEADER_NUL);
    bool folded = total > 0 && (*data == ' ' || *data == '\t');
    trim(&text, &len);

    if (transfer->headers_done) /* trailers are counted, not kept */
        return ++transfer->header_fields > HTTP_HEADERS_MAX
                   ? stop(transfer, HTTP_FAULT_HEADER_COUNT)
                   : total;
    if (len == 0 && !folded) {
        long status = 0;
        transfer->api->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        transfer->headers_done = status >= 200;
        transfer->header_begun = false;
        enum http_fault fault =
            transfer->headers_done ? look_at_header(transfer, status) : HTTP_FAULT_NONE;
        return fault != HTTP_FAULT_NONE ? stop(transfer, fault) : total;
    }
    if (!transfer->header_begun) {     /* the line with the status */
        http_response_clear(response); /* of an interim reply (1xx) */
        transfer->header_begun = true;
        return total;
    }
    if (++transfer->header_fields > HTTP_HEADERS_MAX)
        return stop(transfer, HTTP_FAULT_HEADER_COUNT);
    bool taken = folded ? fold(response, text, len) : add_field(response, text, len);
    return taken ? total : stop(transfer, HTTP_FAULT_HEADER_BAD);
}

/* One that fails leaves its part at once: else all others would meet the limit in the same turn.
 * A token service's reply is small, and lost for good if it is not read. */
static bool take_memory(struct http_transfer *transfer, size_t len)
{
    struct http_memory *memory = transfer->memory;
    if (transfer->request->brings_secrets)
        return true;
    if (memory->limit > 0 && memory->used + len > memory->limit) {
        buf_destroy(&transfer->result.response.body);
        memory->used -= transfer->memory_used;
        transfer->memory_used = 0;
        transfer->fault = HTTP_FAULT_MEMORY;
        return false;
    }
    memory->used += len;
    transfer->memory_used += len;
    return true;
}

bool http_take_body(struct http_transfer *transfer, const char *data, size_t len)
{
    if (transfer->save.open) {
        long status = 0;
        transfer->api->easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200 && status < 300)
            return http_save(transfer, data, len);
    }
    if (!take_memory(transfer, len))
        return false;
    struct buf *body = &transfer->result.response.body;
    if (buf_append(body, data, len) == 0)
        return true;
    if (transfer->request->cut)
        buf_append(body, data, body->limit - body->len);
    transfer->fault = transfer->request->cut ? HTTP_FAULT_BODY_CUT : HTTP_FAULT_BODY_BYTES;
    return false;
}

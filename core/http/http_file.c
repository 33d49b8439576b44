#include "ascii.h"
#include "fd.h"
#include "http_transfer.h"
#include "mem.h"
#include "path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SAVED_MODE 0600

/* ---- parts ---- */

static bool has_control(const char *text)
{
    return text != NULL && ascii_has_control(text, strlen(text));
}

static int check_parts(const struct http_request *request, struct err *err)
{
    if (request->nparts > HTTP_PARTS_MAX)
        return err_set(err, ERR_INVALID, "more than %d parts in a multipart body", HTTP_PARTS_MAX);
    for (size_t i = 0; i < request->nparts; i++) {
        const struct http_part *part = &request->parts[i];
        if (part->name == NULL || has_control(part->name) || has_control(part->filename) ||
            has_control(part->content_type))
            return err_set(err, ERR_INVALID,
                           "part %zu of a multipart body: expected a name, and no line break or "
                           "control character in name, file name and content type",
                           i + 1);
    }
    return 0;
}

/* ---- sending ---- */

static int source_open(struct http_source *source, const char *path, struct err *err)
{
    source->path = path;
    source->fd = path_open(path, &source->size, err);
    return source->fd >= 0 ? 0 : -1;
}

static size_t on_read(char *data, size_t size, size_t count, void *arg)
{
    struct http_source *source = arg;
    struct http_transfer *transfer = source->transfer;
    int64_t left = source->size - source->at;
    size_t wanted = size * count;
    if ((uint64_t)left < wanted)
        wanted = (size_t)left;
    if (wanted == 0)
        return 0;
    ssize_t n;
    do
        n = pread(source->fd, data, wanted, source->at);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        source->at += n;
        return (size_t)n;
    }
    transfer->fault = n < 0 ? HTTP_FAULT_FILE_READ : HTTP_FAULT_FILE_CUT;
    transfer->file_error = errno;
    transfer->file_path = source->path;
    return CURL_READFUNC_ABORT;
}

/* libcurl sends again from the start when a kept-alive connection turns out dead. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct http_source *source = arg;
    if (origin != SEEK_SET || offset < 0 || offset > source->size)
        return CURL_SEEKFUNC_FAIL;
    source->at = offset;
    return CURL_SEEKFUNC_OK;
}

#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (code == CURLE_OK)                                                                      \
            code = transfer->api->easy_setopt(transfer->easy, option, value);                      \
    } while (0)

CURLcode http_set_file(struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    struct http_source *source = &transfer->sources[0];
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)source->size);
    SET(CURLOPT_READFUNCTION, on_read);
    SET(CURLOPT_READDATA, (void *)source);
    SET(CURLOPT_SEEKFUNCTION, on_seek);
    SET(CURLOPT_SEEKDATA, (void *)source);
    return code;
}

static CURLcode add_part(struct http_transfer *transfer, const struct http_part *part,
                         struct http_source *source)
{
    const struct curl_api *api = transfer->api;
    curl_mimepart *item = api->mime_addpart(transfer->mime);
    if (item == NULL)
        abort(); /* out of memory */
    CURLcode code = api->mime_name(item, part->name);
    if (code == CURLE_OK && part->path == NULL)
        code = api->mime_data(item, part->value, part->value_len);
    else if (code == CURLE_OK)
        code = api->mime_data_cb(item, source->size, on_read, on_seek, NULL, source);
    const char *slash = part->path != NULL ? strrchr(part->path, '/') : NULL;
    const char *filename = part->filename != NULL ? part->filename
                           : slash != NULL        ? slash + 1
                                                  : part->path;
    if (code == CURLE_OK && filename != NULL)
        code = api->mime_filename(item, filename);
    const char *type = part->content_type != NULL ? part->content_type
                       : part->path != NULL       ? "application/octet-stream"
                                                  : NULL;
    if (code == CURLE_OK && type != NULL)
        code = api->mime_type(item, type);
    return code;
}

CURLcode http_set_parts(struct http_transfer *transfer)
{
    CURLcode code = CURLE_OK;
    transfer->mime = transfer->api->mime_init(transfer->easy);
    if (transfer->mime == NULL)
        abort(); /* out of memory */
    for (size_t i = 0; i < transfer->request->nparts && code == CURLE_OK; i++)
        code = add_part(transfer, &transfer->request->parts[i], &transfer->sources[i]);
    SET(CURLOPT_MIMEPOST, transfer->mime);
    return code;
}

#undef SET

/* ---- saving ---- */

static int save_open(struct http_transfer *transfer, const char *path, struct err *err)
{
    if (newfile_open(&transfer->save, path, err) == 0)
        return 0;
    err->kind = ERR_INVALID;
    return err_wrap(err, "cannot save to '%s'", path);
}

bool http_save(struct http_transfer *transfer, const char *data, size_t len)
{
    if (len > transfer->max_body - (size_t)transfer->saved) {
        transfer->fault = HTTP_FAULT_BODY_BYTES;
        return false;
    }
    if (fd_write(transfer->save.fd, data, len) != 0) {
        transfer->fault = HTTP_FAULT_FILE_WRITE;
        transfer->file_error = errno;
        return false;
    }
    transfer->saved += (int64_t)len;
    return true;
}

/* Box, for one, says so of a file that is not ready yet. */
static bool is_promised(const struct http_transfer *transfer)
{
    return transfer->result.response.status == 202 && transfer->saved == 0 &&
           http_retry_after_ms(&transfer->result.response) >= 0;
}

int http_save_done(struct http_transfer *transfer)
{
    struct err *err = &transfer->result.err;
    int status = transfer->result.response.status;
    if (!transfer->save.open || status < 200 || status >= 300 || is_promised(transfer))
        return 0;
    if (newfile_publish(&transfer->save, SAVED_MODE, 0, err) != 0) {
        err->kind = ERR_INVALID;
        err_wrap(err, "cannot write '%s'", transfer->request->save_path);
        http_name_request(transfer);
        return -1;
    }
    transfer->result.response.saved = true;
    return 0;
}

/* ---- both ---- */

int http_files_open(struct http_transfer *transfer, struct err *err)
{
    const struct http_request *request = transfer->request;
    if (check_parts(request, err) != 0)
        return -1;
    size_t n = request->body_path != NULL ? 1 : request->nparts;
    transfer->sources = mem_alloc((n + 1) * sizeof *transfer->sources);
    for (size_t i = 0; i < n; i++)
        transfer->sources[i] = (struct http_source){.transfer = transfer, .fd = -1};
    transfer->nsources = n;
    for (size_t i = 0; i < n; i++) {
        const char *path = request->body_path != NULL ? request->body_path : request->parts[i].path;
        if (path != NULL && source_open(&transfer->sources[i], path, err) != 0)
            return -1;
    }
    return request->save_path != NULL ? save_open(transfer, request->save_path, err) : 0;
}

bool http_has_files(const struct http_transfer *transfer)
{
    bool found = transfer->request->save_path != NULL;
    for (size_t i = 0; i < transfer->nsources && !found; i++)
        found = transfer->sources[i].path != NULL;
    return found;
}

void http_files_close(struct http_transfer *transfer)
{
    for (size_t i = 0; i < transfer->nsources; i++) {
        if (transfer->sources[i].fd >= 0)
            close(transfer->sources[i].fd);
        transfer->sources[i].fd = -1;
    }
    newfile_close(&transfer->save);
}

void http_files_free(struct http_transfer *transfer)
{
    http_files_close(transfer);
    mem_free(transfer->sources);
}

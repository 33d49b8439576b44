/* A request that owns all that it names: one block of memory, wiped when it is freed; and what it
 * is called in messages. */
#include "http_transfer.h"
#include "mem.h"

#include <sodium.h>
#include <string.h>

struct owned {
    _Alignas(max_align_t) struct http_request request;
    size_t size; /* of the whole block */
};

/* Where the next piece goes. With block NULL only the size is counted. */
struct packing {
    char *block;
    size_t at;
};

static void *put(struct packing *place, const void *data, size_t size)
{
    const size_t unit = _Alignof(max_align_t);
    size_t at = place->at;
    place->at += (size + unit - 1) / unit * unit;
    if (place->block == NULL)
        return NULL;
    return size > 0 ? memcpy(place->block + at, data, size) : place->block + at;
}

static const char *put_text(struct packing *place, const char *text)
{
    return text != NULL ? put(place, text, strlen(text) + 1) : NULL;
}

static const struct http_header *put_headers(struct packing *place,
                                             const struct http_request *request)
{
    struct http_header *copy =
        put(place, request->headers, request->nheaders * sizeof *request->headers);
    for (size_t i = 0; i < request->nheaders; i++) {
        const char *name = put_text(place, request->headers[i].name);
        const char *value = put_text(place, request->headers[i].value);
        if (copy != NULL)
            copy[i] = (struct http_header){name, value};
    }
    return copy;
}

static const struct http_part *put_parts(struct packing *place, const struct http_request *request)
{
    struct http_part *copy = put(place, request->parts, request->nparts * sizeof *request->parts);
    for (size_t i = 0; i < request->nparts; i++) {
        struct http_part part = request->parts[i];
        bool is_file = part.path != NULL;
        part.name = put_text(place, part.name);
        part.path = put_text(place, part.path);
        part.filename = put_text(place, part.filename);
        part.content_type = put_text(place, part.content_type);
        part.value = !is_file ? put(place, part.value, part.value_len) : NULL;
        if (copy != NULL)
            copy[i] = part;
    }
    return copy;
}

static struct http_request put_all(struct packing *place, const struct http_request *request)
{
    struct http_request copy = *request;
    copy.method = put_text(place, request->method);
    copy.url = put_text(place, request->url);
    copy.headers = put_headers(place, request);
    copy.body = put(place, request->body, request->body_len);
    copy.body_path = put_text(place, request->body_path);
    copy.parts = put_parts(place, request);
    copy.save_path = put_text(place, request->save_path);
    copy.ca_file = put_text(place, request->ca_file);
    copy.only_certificate = put_text(place, request->only_certificate);
    copy.certificate = put_text(place, request->certificate);
    copy.key = put_text(place, request->key);
    copy.meter = request->meter; /* the caller's */
    return copy;
}

struct http_request *http_request_copy(const struct http_request *request)
{
    struct packing place = {.at = sizeof(struct owned)};
    put_all(&place, request);
    struct owned *owned = mem_alloc(place.at);
    owned->size = place.at;
    place = (struct packing){.block = (char *)owned, .at = sizeof *owned};
    owned->request = put_all(&place, request);
    return &owned->request;
}

void http_request_free(struct http_request *request)
{
    if (request == NULL)
        return;
    struct owned *owned = (struct owned *)request; /* its first member */
    sodium_memzero(owned, owned->size);
    mem_free(owned);
}

char *http_label(const struct http_transfer *transfer)
{
    int shown = (int)strcspn(transfer->address, "?");
    return mem_printf("%s %.*s", transfer->request->method, shown, transfer->address);
}

void http_name_request(struct http_transfer *transfer)
{
    struct err *err = &transfer->result.err;
    char *label = http_label(transfer);
    err_text(err->request, sizeof err->request, "%s", label);
    mem_free(label);
}

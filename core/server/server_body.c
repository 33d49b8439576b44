/* The body of a request as it arrives: into memory, or into files, within the server's limits. */
#include "server_private.h"

#define REFUSED_TOO_LARGE 413
#define REFUSED_BUSY      503
#define REFUSED_STORAGE   507

/* Whether a slow body of another request made some room. */
static bool ends_another(struct server_exchange *exchange, bool in_files)
{
    return exchange->server->options.end_idle &&
           exchange->server->end_slow_body(exchange, in_files);
}

static int feed_files(struct server_exchange *exchange, const char *data, size_t size)
{
    struct server *server = exchange->server;
    struct err err; /* the client learns only that it failed */
    while (size > server->options.max_files - server->in_files) {
        if (!ends_another(exchange, true))
            return REFUSED_BUSY;
    }
    exchange->in_files += size;
    server->in_files += size;
    return server_upload_feed(exchange->upload, data, size, &err) == 0 ? 0 : REFUSED_STORAGE;
}

static int begin_files(struct server_exchange *exchange, const char *content_type)
{
    struct server *server = exchange->server;
    if (server->uploads >= server->options.max_uploads && !ends_another(exchange, true))
        return REFUSED_BUSY;
    server->uploads++;
    exchange->upload = server_upload_new(&server->folder, content_type);
    return 0;
}

static void free_memory(struct server_exchange *exchange)
{
    exchange->server->in_memory -= exchange->in_memory;
    exchange->in_memory = 0;
    buf_destroy(&exchange->body);
    buf_create(&exchange->body, exchange->server->options.max_body);
}

int server_body_begin(struct server_exchange *exchange, const char *form_type, uint64_t announced)
{
    const struct server *server = exchange->server;
    if (announced > exchange->max_body)
        return REFUSED_TOO_LARGE;
    bool to_files = form_type != NULL ||
                    (server->options.spool_over > 0 && announced > server->options.spool_over);
    while (announced > (to_files ? server->options.max_files - server->in_files
                                 : server->options.max_memory - server->in_memory)) {
        if (!ends_another(exchange, to_files))
            return REFUSED_BUSY;
    }
    return form_type != NULL ? begin_files(exchange, form_type) : 0;
}

int server_body_take(struct server_exchange *exchange, const char *data, size_t size)
{
    struct server *server = exchange->server;
    size_t spool_over = server->options.spool_over;
    if (size > exchange->max_body - exchange->bytes)
        return REFUSED_TOO_LARGE;
    exchange->bytes += size;
    if (exchange->upload != NULL)
        return feed_files(exchange, data, size);
    if (spool_over == 0 || exchange->bytes <= spool_over) {
        while (size > server->options.max_memory - server->in_memory) {
            if (!ends_another(exchange, false))
                return REFUSED_BUSY;
        }
        exchange->in_memory += size;
        server->in_memory += size;
        return buf_append(&exchange->body, data, size) == 0 ? 0 : REFUSED_TOO_LARGE;
    }
    int refused = begin_files(exchange, NULL);
    if (refused == 0)
        refused = feed_files(exchange, exchange->body.data, exchange->body.len);
    free_memory(exchange);
    return refused != 0 ? refused : feed_files(exchange, data, size);
}

int server_body_finish(struct server_exchange *exchange)
{
    struct err err;
    if (exchange->upload != NULL &&
        server_upload_finish(exchange->upload, &exchange->request, &err) != 0)
        return REFUSED_STORAGE;
    return 0;
}

void server_body_drop(struct server_exchange *exchange)
{
    struct server *server = exchange->server;
    free_memory(exchange);
    buf_destroy(&exchange->body);
    server->in_files -= exchange->in_files;
    exchange->in_files = 0;
    if (exchange->upload != NULL)
        server->uploads--;
    server_upload_free(exchange->upload);
    exchange->upload = NULL;
}

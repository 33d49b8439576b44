/* What carries the requests of a run: http, or what a test puts in its place. */
#ifndef JETON_TRANSPORT_H
#define JETON_TRANSPORT_H

#include "http.h"

struct transport {
    /* As http_start; the handle is the transport's own. */
    void *(*start)(void *self, const struct http_request *request, http_done_fn *done, void *arg,
                   struct err *err);
    void (*cancel)(void *self, void *handle); /* as http_cancel */
    /* As http_ahead; NULL: there are no connections. */
    bool (*ahead)(void *self, const struct http_request *request);
    void *self;
};

/* Over http, which must outlive it. */
struct transport transport_http(struct http *http);
/* NULL with err, as http_start. */
void *transport_start(const struct transport *transport, const struct http_request *request,
                      http_done_fn *done, void *arg, struct err *err);
bool transport_ahead(const struct transport *transport, const struct http_request *request);
void transport_cancel(const struct transport *transport, void *handle); /* NULL is fine */

#endif

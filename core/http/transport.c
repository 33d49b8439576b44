#include "transport.h"

static void *start(void *self, const struct http_request *request, http_done_fn *done, void *arg,
                   struct err *err)
{
    return http_start(self, request, done, arg, err);
}

static void cancel(void *self, void *handle)
{
    (void)self;
    http_cancel(handle);
}

static bool ahead(void *self, const struct http_request *request)
{
    return http_ahead(self, request);
}

struct transport transport_http(struct http *http)
{
    return (struct transport){start, cancel, ahead, http};
}

void *transport_start(const struct transport *transport, const struct http_request *request,
                      http_done_fn *done, void *arg, struct err *err)
{
    return transport->start(transport->self, request, done, arg, err);
}

bool transport_ahead(const struct transport *transport, const struct http_request *request)
{
    return transport->ahead != NULL && transport->ahead(transport->self, request);
}

void transport_cancel(const struct transport *transport, void *handle)
{
    if (handle != NULL)
        transport->cancel(transport->self, handle);
}

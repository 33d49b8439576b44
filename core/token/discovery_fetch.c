#include "discovery_fetch.h"

#include "ask.h"
#include "mem.h"

#include <string.h>

struct discovery {
    struct transport transport;
    const struct connector *connector;
    discovery_done_fn *done;
    void *arg;
    size_t place;
    char *url;
    void *transfer;
    struct err first; /* what says more than that the place does not exist */
};

void discovery_fetch_cancel(struct discovery *discovery)
{
    if (discovery == NULL)
        return;
    transport_cancel(&discovery->transport, discovery->transfer);
    mem_free(discovery->url);
    mem_free(discovery);
}

static void discovery_end(struct discovery *discovery, char *metadata, const struct err *err)
{
    discovery_done_fn *done = discovery->done;
    void *arg = discovery->arg;
    struct err told = err != NULL ? *err : (struct err){0};
    discovery->transfer = NULL;
    discovery_fetch_cancel(discovery);
    done(arg, metadata, metadata == NULL ? &told : NULL);
}

static void discovery_answered(void *arg, struct http_result *result);

static void discovery_tell(const struct discovery *discovery, struct err *err)
{
    err_wrap(err, "metadata of the service");
    err_text(err->request, sizeof err->request, "GET %s", discovery->url);
}

/* 0; -1 with err: nothing was sent. */
static int discovery_ask(struct discovery *discovery, struct err *err)
{
    const struct connector *connector = discovery->connector;
    const struct http_header accept = {"Accept", "application/json"};
    const struct http_request request = {
        .method = "GET",
        .url = discovery->url,
        .headers = &accept,
        .nheaders = 1,
        .ca_file = connector->ca_file,
        .timeout_ms = ask_timeout_ms(connector),
        .max_body = PROVIDER_METADATA_MAX,
        .alone = true,
    };
    discovery->transfer =
        transport_start(&discovery->transport, &request, discovery_answered, discovery, err);
    if (discovery->transfer == NULL)
        discovery_tell(discovery, err);
    return discovery->transfer != NULL ? 0 : -1;
}

/* Whether there is another place to ask. */
static bool discovery_next(struct discovery *discovery)
{
    const struct provider *provider = provider_of(discovery->connector);
    mem_free(discovery->url);
    discovery->url = provider->discovery->url(discovery->connector, discovery->place++);
    return discovery->url != NULL;
}

static void discovery_answered(void *arg, struct http_result *result)
{
    struct discovery *discovery = arg;
    struct err err = result->err;
    char *metadata = NULL;
    discovery->transfer = NULL;
    if (err.kind == ERR_NONE)
        metadata = provider_of(discovery->connector)
                       ->discovery->read(discovery->connector, &result->response, &err);
    if (metadata != NULL) {
        discovery_end(discovery, metadata, NULL);
        return;
    }
    bool unreachable = result->err.kind != ERR_NONE && result->err.retryable;
    discovery_tell(discovery, &err);
    if (discovery->first.kind == ERR_NONE && (err.status == 0 || err.retryable))
        discovery->first = err;
    if (!unreachable && discovery_next(discovery)) {
        if (discovery_ask(discovery, &err) == 0)
            return;
    }
    discovery_end(discovery, NULL, discovery->first.kind != ERR_NONE ? &discovery->first : &err);
}

struct discovery *discovery_fetch(const struct transport *transport,
                                  const struct connector *connector, discovery_done_fn *done,
                                  void *arg, struct err *err)
{
    struct discovery *discovery = mem_alloc(sizeof *discovery);
    *discovery = (struct discovery){
        .transport = *transport, .connector = connector, .done = done, .arg = arg};
    if (discovery_next(discovery) && discovery_ask(discovery, err) == 0)
        return discovery;
    discovery_fetch_cancel(discovery);
    return NULL;
}

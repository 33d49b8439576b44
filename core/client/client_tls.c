#include "client_tls.h"

#include "mem.h"

struct client_tls {
    const struct connector *connector;
    int64_t generation;
    struct provider_tls tls;
    struct client_tls *next;
};

static struct client_tls *of_connector(struct client_tls **list, const struct connector *connector)
{
    struct client_tls *tls = *list;
    while (tls != NULL && tls->connector != connector)
        tls = tls->next;
    if (tls != NULL)
        return tls;
    tls = mem_alloc(sizeof *tls);
    tls->connector = connector;
    tls->generation = -1;
    provider_tls_create(&tls->tls);
    tls->next = *list;
    *list = tls;
    return tls;
}

int client_tls_find(struct client_tls **list, const struct connector *connector, int64_t generation,
                    struct redact *redact, int64_t deadline_ms, const struct provider_tls **found,
                    struct err *err)
{
    *found = NULL;
    if (provider_of(connector_owner(connector))->identify == NULL)
        return 0;
    struct client_tls *tls = of_connector(list, connector);
    if (tls->generation != generation) {
        provider_tls_destroy(&tls->tls);
        tls->generation = -1;
        if (provider_identify(connector, redact, deadline_ms, &tls->tls, err) != 0)
            return -1;
        tls->generation = generation;
    }
    *found = tls->tls.key.len > 0 ? &tls->tls : NULL;
    return 0;
}

void client_tls_free(struct client_tls *list)
{
    while (list != NULL) {
        struct client_tls *next = list->next;
        provider_tls_destroy(&list->tls);
        mem_free(list);
        list = next;
    }
}

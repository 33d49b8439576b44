#include "client_tls.h"

#include "mem.h"

#include <string.h>

#define AGE_MS 300000 /* after which it is read again; a server may refuse it by any words */

struct client_tls {
    const struct connector *connector;
    int64_t generation; /* -1: not read */
    int64_t read_ms;
    int64_t version; /* one more with each other one that was read */
    struct provider_tls tls;
    struct client_tls *next;
};

static struct client_tls *look(struct client_tls *list, const struct connector *connector)
{
    while (list != NULL && list->connector != connector)
        list = list->next;
    return list;
}

static struct client_tls *of_connector(struct client_tls **list, const struct connector *connector)
{
    struct client_tls *tls = look(*list, connector);
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

static bool is_same(const struct buf *one, const struct buf *other)
{
    return one->len == other->len && memcmp(one->data, other->data, one->len) == 0;
}

/* -1 with err: what was there stays. */
static int read_again(struct client_tls *tls, const struct client_tls_reader *reader,
                      struct err *err)
{
    struct provider_tls now, former = tls->tls;
    provider_tls_create(&now);
    tls->read_ms = reader->now_ms;
    int result = provider_identify(tls->connector, reader->redact, reader->deadline_ms, &now, err);
    if (result == 0) {
        if (!is_same(&now.certificate, &former.certificate) || !is_same(&now.key, &former.key))
            tls->version++;
        tls->tls = now;
        now = former;
    }
    provider_tls_destroy(&now);
    return result;
}

int client_tls_find(struct client_tls **list, const struct connector *connector, int64_t generation,
                    const struct client_tls_reader *reader, const struct provider_tls **found,
                    struct err *err)
{
    struct err ignored;
    *found = NULL;
    if (provider_of(connector_owner(connector))->identify == NULL)
        return 0;
    struct client_tls *tls = of_connector(list, connector);
    if (tls->generation != generation) {
        tls->generation = -1;
        if (read_again(tls, reader, err) < 0)
            return -1;
        tls->generation = generation;
    } else if (reader->now_ms - tls->read_ms >= AGE_MS) {
        read_again(tls, reader, &ignored);
    }
    *found = tls->tls.key.len > 0 ? &tls->tls : NULL;
    return 0;
}

int64_t client_tls_version(struct client_tls *list, const struct connector *connector)
{
    const struct client_tls *tls = look(list, connector);
    return tls != NULL ? tls->version : 0;
}

bool client_tls_renew(struct client_tls *list, const struct connector *connector, int64_t version,
                      const struct client_tls_reader *reader)
{
    struct client_tls *tls = look(list, connector);
    struct err ignored;
    if (tls == NULL || tls->generation == -1)
        return false;
    if (tls->version == version)
        read_again(tls, reader, &ignored);
    return tls->version != version;
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

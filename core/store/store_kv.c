#include "store_engine.h"

#include "mem.h"

#include <string.h>

struct scopes {
    const char **items;
    size_t count;
};

/* There are few: those that a job shares with others. */
static void add(struct scopes *scopes, const char *scope)
{
    size_t at = 0;
    while (at < scopes->count && strcmp(scopes->items[at], scope) < 0)
        at++;
    if (at < scopes->count && strcmp(scopes->items[at], scope) == 0)
        return;
    scopes->items = mem_realloc(scopes->items, (scopes->count + 1) * sizeof *scopes->items);
    memmove(scopes->items + at + 1, scopes->items + at,
            (scopes->count - at) * sizeof *scopes->items);
    scopes->items[at] = scope;
    scopes->count++;
}

const char **store_kv_scopes(const char *scope, const struct store_kv *items, size_t nitems,
                             const struct store_kv_seen *seen, size_t nseen, size_t *count)
{
    struct scopes scopes = {0};
    add(&scopes, scope);
    for (size_t i = 0; i < nitems; i++) {
        if (items[i].scope != NULL)
            add(&scopes, items[i].scope);
    }
    for (size_t i = 0; i < nseen; i++) {
        if (seen[i].scope != NULL)
            add(&scopes, seen[i].scope);
    }
    *count = scopes.count;
    return scopes.items;
}

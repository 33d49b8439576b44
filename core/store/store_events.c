#include "store_events.h"
#include "store_private.h"

#include "mem.h"

#include <stdio.h>
#include <string.h>

#define HOOK "hook:"

void store_event_scope(char scope[static STORE_SCOPE_SIZE], const char *hook, const char *home)
{
    snprintf(scope, STORE_SCOPE_SIZE, HOOK "%s:%s", hook, home); /* no ":" in names */
}

const char *store_event_hook(const char *scope, size_t *len)
{
    if (strncmp(scope, HOOK, sizeof HOOK - 1) != 0)
        return NULL;
    *len = strcspn(scope + sizeof HOOK - 1, ":");
    return scope + sizeof HOOK - 1;
}

bool store_event_is_excepted(const struct store_event_filter *filter, const char *scope)
{
    bool named = false;
    size_t len, its;
    const char *name = store_event_hook(scope, &len);
    for (const char *const *at = filter->except; at != NULL && *at != NULL; at++) {
        const char *other = store_event_hook(*at, &its);
        if (strcmp(*at, scope) == 0)
            return true;
        named = named ||
                (name != NULL && other != NULL && len == its && strncmp(name, other, len) == 0);
    }
    return filter->namesakes && !named;
}

const char *store_event_state_name(enum store_event_state state)
{
    switch (state) {
    case STORE_EVENT_READY:
        return "ready";
    case STORE_EVENT_RUNNING:
        return "running";
    case STORE_EVENT_DONE:
        return "done";
    case STORE_EVENT_DEAD:
        return "dead";
    default:
        return "held";
    }
}

void store_events_destroy(struct store_events *events)
{
    mem_free(events->items);
    arena_destroy(&events->texts);
    memset(events, 0, sizeof *events);
}

static int run(struct store *store, enum store_op op, const struct store_event_call *event,
               struct err *err)
{
    struct store_call call = {.op = op, .event = event};
    return store_wait(store, &call, err);
}

int store_event_add(struct store *store, struct store_event_new *events, size_t count,
                    struct err *err)
{
    const struct store_event_call call = {.added = events, .count = count};
    return run(store, STORE_EVENT_ADD, &call, err);
}

int store_event_list(struct store *store, const struct store_event_filter *filter,
                     struct store_events *events, struct err *err)
{
    const struct store_event_call call = {.filter = filter, .events = events};
    memset(events, 0, sizeof *events);
    return run(store, STORE_EVENT_LIST, &call, err);
}

int store_event_count(struct store *store, const char *scope, struct store_event_count *count,
                      struct err *err)
{
    const struct store_event_call call = {.scope = scope, .counted = count};
    return run(store, STORE_EVENT_COUNT, &call, err);
}

int store_event_claim(struct store *store, const struct store_event_claim *claim,
                      struct store_events *events, int64_t *next_ms, struct err *err)
{
    const struct store_event_call call = {.claim = claim, .events = events, .next_ms = next_ms};
    memset(events, 0, sizeof *events);
    return run(store, STORE_EVENT_CLAIM, &call, err);
}

int store_event_release(struct store *store, const char *scope, const char *listener,
                        struct err *err)
{
    const struct store_event_call call = {.scope = scope, .listener = listener};
    return run(store, STORE_EVENT_RELEASE, &call, err);
}

int store_event_end(struct store *store, const struct store_event_end *end, struct err *err)
{
    const struct store_event_call call = {.end = end};
    return run(store, STORE_EVENT_END, &call, err);
}

int store_event_sync(struct store *store, struct err *err)
{
    return store->engine->sync != NULL ? store->engine->sync(store->self, err) : 0;
}

int store_step_get(struct store *store, int64_t seq, const char *name, struct buf *value,
                   struct err *err)
{
    const struct store_event_call call = {.seq = seq, .name = name, .result = value};
    return run(store, STORE_STEP_GET, &call, err);
}

int store_step_put(struct store *store, const struct store_event_end *claim, const char *name,
                   const char *value, size_t len, struct err *err)
{
    const struct store_event_call call = {.end = claim, .name = name, .value = value, .len = len};
    if (strlen(name) > STORE_STEP_NAME_MAX)
        return err_set(err, ERR_INVALID, "a step's name has over %d bytes", STORE_STEP_NAME_MAX);
    if (len > STORE_STEP_MAX)
        return err_set(err, ERR_INVALID, "step '%s': a result of over %zu bytes", name,
                       STORE_STEP_MAX);
    return run(store, STORE_STEP_PUT, &call, err);
}

int64_t store_event_retry(struct store *store, const char *scope, int64_t seq, int64_t now_ms,
                          struct err *err)
{
    int64_t changed = 0;
    const struct store_event_call call = {
        .scope = scope, .seq = seq, .now_ms = now_ms, .changed = &changed};
    return run(store, STORE_EVENT_RETRY, &call, err) == 0 ? changed : -1;
}

int64_t store_event_drop(struct store *store, int64_t seq, int64_t now_ms, struct err *err)
{
    int64_t changed = 0;
    const struct store_event_call call = {.seq = seq, .now_ms = now_ms, .changed = &changed};
    return run(store, STORE_EVENT_DROP, &call, err) == 0 ? changed : -1;
}

int64_t store_event_prune(struct store *store, const struct store_event_prune *prune,
                          struct err *err)
{
    int64_t changed = 0;
    const struct store_event_call call = {.prune = prune, .changed = &changed};
    return run(store, STORE_EVENT_PRUNE, &call, err) == 0 ? changed : -1;
}

#include "listen_left.h"

#include "buf.h"
#include "hook.h"
#include "mem.h"
#include "store_events.h"
#include "store_home.h"

#include <string.h>

#define LOOKED_MAX 100000 /* events, the newest: some 30 MB */
#define WHAT_TO_DO                                                                                 \
    "; `jeton events %s --waiting` lists them, and `jeton events --drop ID` gives them up"

/* The scopes of the webhooks that are configured: NULL-terminated, in one block. */
static const char **scopes_of(const struct config *config)
{
    size_t list = (config->nhooks + 1) * sizeof(char *);
    const char **scopes = mem_alloc(list + config->nhooks * STORE_SCOPE_SIZE);
    char *text = (char *)scopes + list;
    for (size_t i = 0; i < config->nhooks; i++, text += STORE_SCOPE_SIZE) {
        store_event_scope(text, config->hooks[i]->name, config->hooks[i]->home);
        scopes[i] = text;
    }
    scopes[config->nhooks] = NULL;
    return scopes;
}

struct left {
    const char *scope; /* the list's */
    size_t count;
};

/* Of the scope: one that is there, or the one behind all. */
static size_t place_of(const struct left *lefts, size_t count, const char *scope)
{
    size_t at = 0;
    while (at < count && strcmp(lefts[at].scope, scope) != 0)
        at++;
    return at;
}

/* more: not all were looked at. */
static void tell_of(const struct left *left, bool more, listen_left_fn *tell, void *arg)
{
    size_t len = 0;
    const char *name = store_event_hook(left->scope, &len);
    bool one = left->count == 1;
    char *hook = mem_strndup(name != NULL ? name : "", len);
    struct buf text;
    buf_create(&text, BUF_LIMIT_LINE);
    buf_printf(&text,
               "%zu%s event%s of webhook '%s' of %s wait%s for it, which is not configured any "
               "more" WHAT_TO_DO,
               left->count, more ? " or more" : "", one ? "" : "s", hook,
               store_home_of(left->scope), one ? "s" : "", hook);
    tell(arg, text.data);
    buf_destroy(&text);
    mem_free(hook);
}

void listen_left_look(const struct config *config, struct store *store, listen_left_fn *tell,
                      void *arg)
{
    const char **scopes = scopes_of(config);
    const struct store_event_filter filter = {.homes = config->homes,
                                              .except = scopes,
                                              .states = STORE_EVENT_READY | STORE_EVENT_RUNNING,
                                              .limit = LOOKED_MAX};
    struct store_events events;
    struct err err;
    if (store_event_list(store, &filter, &events, &err) == 0) {
        struct left *lefts = NULL;
        size_t count = 0;
        for (size_t i = 0; i < events.count; i++) {
            size_t at = place_of(lefts, count, events.items[i].scope);
            if (at == count) {
                lefts = mem_realloc(lefts, (count + 1) * sizeof *lefts);
                lefts[count++] = (struct left){.scope = events.items[i].scope};
            }
            lefts[at].count++;
        }
        for (size_t i = 0; i < count; i++)
            tell_of(&lefts[i], events.count == LOOKED_MAX, tell, arg);
        mem_free(lefts);
        store_events_destroy(&events);
    }
    mem_free(scopes);
}

void listen_left_compare(const struct config *before, const struct config *config,
                         listen_left_fn *tell, void *arg)
{
    const char **had = scopes_of(before), **scopes = scopes_of(config);
    const struct store_event_filter filter = {.except = scopes};
    for (size_t i = 0; had[i] != NULL; i++) {
        const char *hook = before->hooks[i]->name;
        struct buf text;
        if (store_event_is_excepted(&filter, had[i]))
            continue;
        buf_create(&text, BUF_LIMIT_LINE);
        buf_printf(&text,
                   "webhook '%s' of %s is not configured any more: events that wait for it are not "
                   "handled" WHAT_TO_DO,
                   hook, before->hooks[i]->home, hook);
        tell(arg, text.data);
        buf_destroy(&text);
    }
    mem_free(had);
    mem_free(scopes);
}

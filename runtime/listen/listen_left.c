#include "listen_left.h"

#include "buf.h"
#include "config_rows.h"
#include "hook.h"
#include "mem.h"
#include "store_events.h"
#include "store_home.h"

#include <string.h>
#include <unistd.h>

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

/* Whose events wait: each scope once (mem_free), and how many there are. The list keeps the texts.
 */
static struct left *group(const struct store_events *events, size_t *count)
{
    struct left *lefts = NULL;
    *count = 0;
    for (size_t i = 0; i < events->count; i++) {
        size_t at = place_of(lefts, *count, events->items[i].scope);
        if (at == *count) {
            lefts = mem_realloc(lefts, (*count + 1) * sizeof *lefts);
            lefts[(*count)++] = (struct left){.scope = events->items[i].scope};
        }
        lefts[at].count++;
    }
    return lefts;
}

static const struct hook *find_hook(const struct config *config, const char *scope)
{
    size_t len = 0;
    const char *name = store_event_hook(scope, &len);
    for (size_t i = 0; name != NULL && i < config->nhooks; i++) {
        const char *own = config->hooks[i]->name;
        if (strlen(own) == len && memcmp(own, name, len) == 0)
            return config->hooks[i];
    }
    return NULL;
}

/* Whether a webhook of this name that belongs elsewhere was the same one: its file is gone, or ours
 * has never had an event. */
static bool was_ours(struct store *store, const struct hook *hook, const char *home)
{
    char own[STORE_SCOPE_SIZE];
    struct store_event_filter newest = {.scope = own, .limit = 1};
    struct store_events events;
    struct err err;
    if (home[0] == '/' && access(home, F_OK) != 0)
        return true;
    store_event_scope(own, hook->name, hook->home);
    if (store_event_list(store, &newest, &events, &err) != 0)
        return false;
    bool none = events.count == 0;
    store_events_destroy(&events);
    return none;
}

static void tell_elsewhere(const struct config *config, const struct hook *hook,
                           const struct left *left, listen_left_fn *tell, void *arg)
{
    struct buf text;
    const char *home = store_home_of(left->scope);
    bool one = left->count == 1;
    buf_create(&text, BUF_LIMIT_LINE);
    buf_printf(&text,
               "%zu event%s of webhook '%s' of %s wait%s, and nobody handles %s here; if that is "
               "the same one ",
               left->count, one ? "" : "s", hook->name, home, one ? "s" : "", one ? "it" : "them");
    config_rows_say_how(config, home, &text);
    tell(arg, text.data);
    buf_destroy(&text);
}

/* Those of a webhook that had another path or name, with its configuration. */
static void look_elsewhere(const struct config *config, struct store *store,
                           const char *const *scopes, listen_left_fn *tell, void *arg)
{
    const struct store_event_filter filter = {.except = scopes,
                                              .namesakes = true,
                                              .states = STORE_EVENT_READY | STORE_EVENT_RUNNING,
                                              .limit = LOOKED_MAX};
    struct store_events events;
    struct err err;
    size_t count;
    if (config->nhooks == 0 || store_event_list(store, &filter, &events, &err) != 0)
        return;
    struct left *lefts = group(&events, &count);
    for (size_t i = 0; i < count; i++) {
        const struct hook *hook = find_hook(config, lefts[i].scope);
        const char *home = store_home_of(lefts[i].scope);
        if (hook != NULL && !store_home_among(home, config->homes) && was_ours(store, hook, home))
            tell_elsewhere(config, hook, &lefts[i], tell, arg);
    }
    mem_free(lefts);
    store_events_destroy(&events);
}

/* The scope of the newest event (mem_free); NULL: there is none, or nobody knows. */
static char *newest_scope(struct store *store, const struct store_event_filter *filter)
{
    struct store_event_filter newest = *filter;
    struct store_events events;
    struct err err;
    newest.limit = 1;
    if (store_event_list(store, &newest, &events, &err) != 0)
        return NULL;
    char *scope = events.count > 0 ? mem_strdup(events.items[0].scope) : NULL;
    store_events_destroy(&events);
    return scope;
}

static bool has_any(struct store *store, const struct store_event_filter *filter)
{
    struct store_event_filter unsorted = *filter;
    unsorted.any = true;
    char *scope = newest_scope(store, &unsorted);
    bool some = scope != NULL;
    mem_free(scope);
    return some;
}

/* As config_rows_begin_anew of a job. beside: the configuration has events of other webhooks. What
 * waits is told of already. */
static void tell_anew(const struct config *config, struct store *store, const struct hook *hook,
                      const char *other, bool beside, listen_left_fn *tell, void *arg)
{
    const struct store_event_filter waiting = {.scope = other,
                                               .states = STORE_EVENT_READY | STORE_EVENT_RUNNING};
    const char *home = store_home_of(other);
    bool gone = home[0] == '/' && access(home, F_OK) != 0;
    struct buf text;
    if ((beside && !gone) || store_home_among(home, config->homes) || has_any(store, &waiting))
        return;
    buf_create(&text, BUF_LIMIT_LINE);
    buf_printf(&text,
               "webhook '%s' begins anew, without the keys and the events of webhook '%s' of %s; "
               "if that is the same one ",
               hook->name, hook->name, home);
    config_rows_say_how(config, home, &text);
    tell(arg, text.data);
    buf_destroy(&text);
}

/* Webhooks that have had no event yet, but had some, it seems, with another path or name. */
static void look_back(const struct config *config, struct store *store, const char *const *scopes,
                      listen_left_fn *tell, void *arg)
{
    const char **fresh = mem_alloc((config->nhooks + 1) * sizeof *fresh);
    size_t count = 0;
    for (size_t i = 0; i < config->nhooks; i++) {
        if (!has_any(store, &(struct store_event_filter){.scope = scopes[i]}))
            fresh[count++] = scopes[i];
    }
    bool beside = count > 0 && has_any(store, &(struct store_event_filter){.homes = config->homes});
    while (count > 0) {
        const struct store_event_filter namesakes = {.except = fresh, .namesakes = true};
        char *other = newest_scope(store, &namesakes);
        const struct hook *hook = other != NULL ? find_hook(config, other) : NULL;
        size_t left = 0;
        if (hook != NULL)
            tell_anew(config, store, hook, other, beside, tell, arg);
        for (size_t i = 0; hook != NULL && i < count; i++) {
            if (find_hook(config, fresh[i]) != hook)
                fresh[left++] = fresh[i];
        }
        fresh[left] = NULL;
        count = left;
        mem_free(other);
    }
    mem_free(fresh);
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
    size_t count;
    if (store_event_list(store, &filter, &events, &err) == 0) {
        struct left *lefts = group(&events, &count);
        for (size_t i = 0; i < count; i++)
            tell_of(&lefts[i], events.count == LOOKED_MAX, tell, arg);
        mem_free(lefts);
        store_events_destroy(&events);
    }
    look_elsewhere(config, store, scopes, tell, arg);
    look_back(config, store, scopes, tell, arg);
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

#include "state_copy.h"

#include "clock.h"
#include "config_rows.h"
#include "mem.h"
#include "provider.h"
#include "store_lease.h"
#include "store_runs.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LOOK_MS 20

struct copying {
    const struct config *config;
    struct log *log;
    struct store *from, *to;
    struct store_lease *leases;
    size_t count;
    int64_t until_ms;
};

static int take(struct copying *copying, enum store_lease_kind kind, const char *key,
                const char *what, const char *name, struct err *err)
{
    struct store_lease *lease = &copying->leases[copying->count];
    int held;
    while ((held = store_lease_try(lease, copying->from, kind, key, err)) == 0) {
        if (clock_mono_ms() >= copying->until_ms)
            return err_set(err, ERR_BUSY, "%s%s%s is at work: stop it, or try again when it ends",
                           what, name, name[0] != '\0' ? "'" : "");
        nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000L}, NULL);
    }
    copying->count += held == 1 ? 1 : 0;
    return held == 1 ? 0 : -1;
}

/* Tokens of the name that this file has no connector for: another file with that name does. */
struct others {
    const struct config *config;
    char (*owners)[STORE_OWNER_SIZE];
    size_t count;
};

static bool is_own(const struct config *config, const char *owner)
{
    char own[STORE_OWNER_SIZE] = "";
    for (size_t i = 0; i < config->nconnectors && strcmp(own, owner) != 0; i++) {
        const struct connector *connector = config->connectors[i];
        if (connector->token_of == NULL)
            provider_of(connector)->owner(connector, connector->home, own);
    }
    return strcmp(own, owner) == 0;
}

static bool other_seen(void *arg, const struct store_given *seen)
{
    struct others *others = arg;
    if (seen->home == NULL || strcmp(seen->home, others->config->home) != 0 ||
        is_own(others->config, seen->owner))
        return false;
    others->owners = mem_realloc(others->owners, (others->count + 1) * sizeof others->owners[0]);
    snprintf(others->owners[others->count++], sizeof others->owners[0], "%s", seen->owner);
    return false;
}

/* A run of a job that only another file has holds a lock that is not looked for. */
static int check_runs(struct copying *copying, struct err *err)
{
    const struct config *config = copying->config;
    const char *const homes[] = {config->home, NULL};
    const struct store_run_filter open = {.homes = homes, .open = true};
    struct store_runs runs = {0};
    char scope[STORE_SCOPE_SIZE];
    int result = store_run_list(copying->from, &open, &runs, err);
    for (size_t i = 0; result == 0 && i < runs.count; i++) {
        bool own = !runs.items[i].alive;
        for (size_t n = 0; n < config->njobs && !own; n++) {
            store_scope(scope, config->jobs[n].name, config->jobs[n].home);
            own = strcmp(scope, runs.items[i].scope) == 0;
        }
        if (!own)
            result = err_set(err, ERR_BUSY,
                             "job '%s' of another file with the name '%s' is at work: stop it, or "
                             "try again when it ends",
                             runs.items[i].job, config->name);
    }
    store_runs_destroy(&runs);
    return result;
}

static int take_others(struct copying *copying, const struct others *others, struct err *err)
{
    for (size_t i = 0; i < others->count; i++) {
        if (take(copying, STORE_LEASE_TOKEN, others->owners[i],
                 "an exchange of a connector of another file with this name", "", err) != 0)
            return -1;
    }
    return check_runs(copying, err);
}

static int take_own(struct copying *copying, struct err *err)
{
    const struct config *config = copying->config;
    char scope[STORE_SCOPE_SIZE], owner[STORE_OWNER_SIZE];
    store_scope(scope, "listen", config->home);
    if (take(copying, STORE_LEASE_JOB, scope, "the listener", "", err) != 0)
        return -1;
    store_scope(scope, "listen", config->files[0]);
    if (take(copying, STORE_LEASE_JOB, scope, "a listener that was started without `name:`", "",
             err) != 0)
        return -1;
    for (size_t i = 0; i < config->njobs; i++) {
        store_scope(scope, config->jobs[i].name, config->jobs[i].home);
        if (take(copying, STORE_LEASE_JOB, scope, "job '", config->jobs[i].name, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < config->nconnectors; i++) {
        const struct connector *connector = config->connectors[i];
        if (connector->token_of != NULL) /* its owner's lock is the one */
            continue;
        provider_of(connector)->owner(connector, connector->home, owner);
        if (take(copying, STORE_LEASE_TOKEN, owner, "an exchange of connector '", connector->name,
                 err) != 0)
            return -1;
    }
    return 0;
}

static int take_all(struct copying *copying, struct err *err)
{
    struct others others = {.config = copying->config};
    struct store_call given = {.op = STORE_TOKEN_GIVEN,
                               .given = {.fn = other_seen, .arg = &others}};
    int result = store_wait(copying->from, &given, err);
    size_t most = copying->config->nconnectors + copying->config->njobs + 2 + others.count;
    copying->leases = mem_alloc(most * sizeof *copying->leases);
    copying->until_ms = clock_mono_ms() + STATE_COPY_WAIT_MS;
    if (result == 0 && (take_own(copying, err) != 0 || take_others(copying, &others, err) != 0))
        result = -1;
    mem_free(others.owners);
    return result;
}

/* What is not the name's is not copied. */
static void tell_split(const struct copying *copying)
{
    const struct config *config = copying->config;
    struct err err;
    if (config_rows_are_split(config, copying->from, &err) == 1)
        log_msg(copying->log, LOG_WARN,
                "the state has rows of name '%s' and others of %s; the latter are not copied",
                config->name, config->files[0]);
}

/* What the mark says, and whoever reads it: a schema is a place of its own. */
static char *place_of(const struct state_place *to)
{
    bool own = to->schema != NULL && strcmp(to->schema, STATE_SCHEMA_DEFAULT) != 0;
    return own ? mem_printf("%s (schema: %s)", to->url, to->schema) : mem_strdup(to->url);
}

static int mark(const struct copying *copying, const struct state_copy *copy, struct err *err)
{
    char *place = place_of(copy->to);
    int result = store_copy_mark(copying->from, copying->config->home, place, err);
    mem_free(place);
    return result;
}

static int carry_out(struct copying *copying, struct state_copy *copy, struct err *err)
{
    const char *home = copying->config->home;
    copy->rows.home = home;
    copy->rows.file = copying->config->files[0];
    if (take_all(copying, err) != 0 || store_push(copying->from, err) < 0)
        return -1;
    tell_split(copying);
    if (store_copy(copying->from, copying->to, &copy->rows, err) != 0)
        return -1;
    if (copy->rows.keys_only)
        return 0;
    return mark(copying, copy, err) != 0 ? -1 : store_copy_done(copying->to, home, err);
}

/* Where only the last step is left: 1. */
static int finish(const struct copying *copying, struct state_copy *copy, struct err *err)
{
    const char *home = copying->config->home;
    char url[STORE_URL_MAX];
    int moved = store_copy_moved(copying->from, home, url, err);
    char *place = place_of(copy->to);
    copy->again = moved == 1 && !copy->rows.keys_only && strcmp(url, place) == 0;
    mem_free(place);
    if (!copy->again)
        return moved < 0 ? -1 : 0;
    return store_copy_done(copying->to, home, err) == 0 ? 1 : -1;
}

int state_copy(const struct config *config, struct log *log, struct state_copy *copy,
               struct err *err)
{
    struct copying copying = {.config = config, .log = log};
    if (config->name == NULL)
        return err_set(err, ERR_CONFIG,
                       "%s has no name, and what is in a database belongs to one; add a line such "
                       "as `name: NAME` at its top",
                       config->path);
    if (config->state->url != NULL)
        return err_set(err, ERR_CONFIG,
                       "%s: `state` is a database already: copy while it is the folder still",
                       config->path);
    copying.from = store_new(config->state, NULL);
    copying.to = store_new(copy->to, NULL);
    int result = finish(&copying, copy, err);
    if (result == 0)
        result = config_rows_settle(config, copying.from, log, err);
    if (result == 0)
        result = carry_out(&copying, copy, err);
    for (size_t i = 0; i < copying.count; i++)
        store_lease_release(&copying.leases[i]);
    mem_free(copying.leases);
    store_free(copying.to);
    store_free(copying.from);
    return result < 0 ? -1 : 0;
}

int state_copy_unmove(const struct config *config, struct err *err)
{
    char url[STORE_URL_MAX];
    if (config->name == NULL || config->state->url != NULL)
        return err_set(err, ERR_CONFIG,
                       "%s: what was moved belongs to a `name:`, and was in a folder: set both as "
                       "they were",
                       config->path);
    struct store *store = store_new(config->state, NULL);
    int moved = store_copy_moved(store, config->home, url, err);
    if (moved == 1 && store_copy_mark(store, config->home, NULL, err) != 0)
        moved = -1;
    store_free(store);
    return moved;
}

#include "state_copy.h"

#include "clock.h"
#include "config_rows.h"
#include "mem.h"
#include "provider.h"
#include "store_lease.h"
#include "store_runs.h"

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

static int take_all(struct copying *copying, struct err *err)
{
    const struct config *config = copying->config;
    char scope[STORE_SCOPE_SIZE], owner[STORE_OWNER_SIZE];
    size_t most = config->nconnectors + config->njobs + 2;
    copying->leases = mem_alloc(most * sizeof *copying->leases);
    copying->until_ms = clock_mono_ms() + STATE_COPY_WAIT_MS;
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

static int carry_out(struct copying *copying, struct state_copy *copy, struct err *err)
{
    const char *home = copying->config->home;
    copy->rows.home = home;
    if (take_all(copying, err) != 0)
        return -1;
    tell_split(copying);
    if (store_copy(copying->from, copying->to, &copy->rows, err) != 0)
        return -1;
    if (copy->rows.keys_only)
        return 0;
    return store_copy_mark(copying->from, home, copy->to->url, err) != 0
               ? -1
               : store_copy_done(copying->to, home, err);
}

/* Where only the last step is left: 1. */
static int finish(const struct copying *copying, struct state_copy *copy, struct err *err)
{
    const char *home = copying->config->home;
    char url[STORE_URL_MAX];
    int moved = store_copy_moved(copying->from, home, url, err);
    copy->again = moved == 1 && !copy->rows.keys_only && strcmp(url, copy->to->url) == 0;
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

#include "state_space.h"

#include "config_hide.h"
#include "config_load.h"
#include "config_rows.h"
#include "hook.h"
#include "store_events.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool stop_at_first(void *arg, const struct store_kv *item)
{
    (void)item;
    *(bool *)arg = true;
    return false;
}

static void set_scope(struct state_space *space, const struct state_space_name *name,
                      const char *home)
{
    if (name->job != NULL)
        store_scope(space->scope, name->job, home);
    else if (name->shared != NULL)
        store_scope_shared(space->scope, name->shared, home);
    else
        store_event_scope(space->scope, name->hook, home);
}

/* Outside of jobs. */
static int find_script(struct state_space *space, const char *path, struct err *err)
{
    if (access(path, F_OK) != 0)
        return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
    config_rows_script(space->config, path, space->scope);
    return 0;
}

/* The home of one that is configured; else NULL with err. */
static const char *home_of(const struct state_space *space, const struct state_space_name *name,
                           struct err *err)
{
    if (name->job != NULL) {
        const struct job *job = config_job(space->config, name->job, err);
        return job != NULL ? job->home : NULL;
    }
    if (name->shared != NULL && config_shared_by(space->config, name->shared) > 0)
        return config_home(space->config);
    if (name->shared != NULL) {
        err_set(err, ERR_CONFIG, "no job and no webhook has '%s' in its 'shared'", name->shared);
        return NULL;
    }
    const struct hook *hook = config_hook(space->config, name->hook, err);
    return hook != NULL ? hook->home : NULL;
}

/* Of one that was renamed or removed, while there are keys of it. 1, 0, -1. */
static int find_former(struct state_space *space, const struct state_space_name *name,
                       struct err *err)
{
    bool found = false;
    for (const char *const *home = space->config->homes; home != NULL && *home != NULL; home++) {
        set_scope(space, name, *home);
        if (state_space_each(space, stop_at_first, &found, err) != 0)
            return -1;
        if (found)
            return 1;
    }
    return 0;
}

static int find_scope(struct state_space *space, const struct state_space_name *name,
                      struct err *err)
{
    struct err unknown = {0};
    const char *home = home_of(space, name, &unknown);
    if (home != NULL) {
        set_scope(space, name, home);
        return 0;
    }
    int found = find_former(space, name, err);
    if (found == 0)
        *err = unknown;
    return found == 1 ? 0 : -1;
}

int state_space_lock(struct state_space *space, struct err *err)
{
    if (!space->locks)
        return 0;
    if (store_open(space->store, err) != 0)
        return -1;
    int held = store_lease_try(&space->lease, space->store, STORE_LEASE_JOB, space->scope, err);
    if (held == 0)
        err_set(err, ERR_BUSY, "%s is running: its keys are not changed meanwhile", space->what);
    return held == 1 ? 0 : -1;
}

int state_space_open(struct state_space *space, struct app *app,
                     const struct state_space_name *name, bool writes, struct err *err)
{
    *space = (struct state_space){0};
    const struct {
        const char *kind, *name;
    } kinds[] = {{"job", name->job},
                 {"webhook", name->hook},
                 {"the shared space", name->shared},
                 {"script", name->script}};
    int given = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        given += kinds[i].name != NULL;
        if (kinds[i].name != NULL)
            snprintf(space->what, sizeof space->what, "%s '%s'", kinds[i].kind, kinds[i].name);
    }
    if (given != 1)
        return err_set(err, ERR_USAGE, "expected one of --job, --hook, --shared and --script");
    space->config = app_config(app, name->script == NULL, err);
    if (space->config == NULL)
        return -1;
    config_hide_files(space->config, app->redact);
    space->store = store_new(space->config->state, NULL);
    if (!writes)
        store_reads(space->store);
    space->empty = !writes && !store_exists(space->store);
    if (name->script != NULL && find_script(space, name->script, err) != 0)
        return -1;
    /* What belongs to a path alone can be read where the rest was moved from, too. */
    bool own = writes || strncmp(space->scope, "script:/", 8) != 0;
    if (!space->empty && own && config_rows_settle(space->config, space->store, app->log, err) != 0)
        return -1;
    space->locks = name->job != NULL;
    return name->script != NULL ? 0 : find_scope(space, name, err);
}

void state_space_close(struct state_space *space)
{
    store_lease_release(&space->lease);
    store_free(space->store);
    config_free(space->config);
}

int state_space_each(struct state_space *space, store_kv_fn *fn, void *arg, struct err *err)
{
    struct store_call call = {.op = STORE_KV_EACH,
                              .kv = {.scope = space->scope, .fn = fn, .arg = arg}};
    return space->empty ? 0 : store_wait(space->store, &call, err);
}

int state_space_write(struct state_space *space, const struct store_kv *items, size_t count,
                      struct err *err)
{
    struct store_call call = {.op = STORE_KV_WRITE,
                              .under = space->lease.held ? &space->lease : NULL,
                              .kv = {.scope = space->scope, .items = items, .count = count}};
    return store_wait(space->store, &call, err);
}

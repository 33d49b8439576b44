#include "app_keep.h"

#include "clock.h"
#include "config_load.h"
#include "mem.h"
#include "provider.h"
#include "token_status.h"

/* Its refresh tokens live longer by being used: their life is not one from their receipt. */
static bool renews(const struct connector *connector)
{
    return connector->lender == NULL && provider_of(connector)->single_use &&
           provider_of(connector)->refresh_life_ms == 0;
}

bool app_keep_may(const struct config *config)
{
    for (size_t i = 0; i < config->nconnectors; i++) {
        if (renews(config->connectors[i]))
            return true;
    }
    return false;
}

struct due {
    const struct connector **connectors;
    size_t count;
};

static void look(void *arg, const struct connector *connector, const struct token_status *status)
{
    struct due *due = arg;
    int64_t left_ms = status->refresh_expires_at_ms - clock_wall_ms();
    if (renews(connector) && status->state != TOKEN_STATE_PERSON &&
        status->refresh_expires_at_ms > 0 && left_ms < status->refresh_lifetime_ms / 3)
        due->connectors[due->count++] = connector;
}

struct kept {
    struct app *app;
    const char *name;
};

static void tell(void *arg, const struct token *token)
{
    const struct kept *kept = arg;
    char time[CLOCK_RFC3339_SIZE] = "a time that is not known";
    if (token->refresh_expires_at_ms > 0)
        clock_format_rfc3339(token->refresh_expires_at_ms, time, sizeof time);
    log_msg(kept->app->log, LOG_INFO,
            "connector '%s': exchanged; its refresh token now lives, unused, until %s", kept->name,
            time);
}

static int exchange_all(struct app *app, struct engine *engine, const struct due *due)
{
    const struct token_query query = {.force = true};
    int status = 0;
    for (size_t i = 0; i < due->count; i++) {
        struct kept kept = {.app = app, .name = due->connectors[i]->name};
        struct err err;
        if (app_wait_token(engine, due->connectors[i], &query, tell, &kept, &err) == 0)
            continue;
        int failed = app_report(app, &err, NULL);
        status = status == 0 ? failed : status;
    }
    return status;
}

int app_keep_alive(struct app *app, const struct config *config, const char *name, struct err *err)
{
    struct connector *one = NULL;
    struct connector *const *connectors = config->connectors;
    size_t count = config->nconnectors;
    if (name != NULL) {
        const struct connector *found = config_connector(config, name, err);
        if (found == NULL)
            return -1;
        for (size_t i = 0; i < config->nconnectors; i++) {
            if (config->connectors[i] == connector_owner(found))
                one = config->connectors[i];
        }
        connectors = &one;
        count = 1;
    }
    struct engine engine;
    struct due due = {.connectors = mem_alloc((count + 1) * sizeof(struct connector *))};
    engine_create(&engine, config, app->log, app->redact);
    struct store *store = store_new(config->state, engine.loop);
    bool there = store_exists(store); /* a state is not made to look at it */
    store_free(store);
    int status = there ? engine_need_store(&engine, err) : 0;
    if (status == 0 && there)
        status = token_status_each(engine.store, connectors, count, look, &due, err);
    if (status == 0)
        status = exchange_all(app, &engine, &due);
    engine_destroy(&engine);
    mem_free(due.connectors);
    return status;
}

#include "app_spool.h"

#include "store.h"

#include <unistd.h>

#define AGAIN_MS 1000 /* between two tries, beside what each takes */

bool app_spool_waits(const struct config *config)
{
    if (config->state->url == NULL)
        return false;
    struct store *store = store_new(config->state, NULL);
    bool waits = store_keeps(store);
    store_free(store);
    return waits;
}

int app_spool_left(const struct config *config, struct err *err)
{
    return err_set(err, ERR_CONFIG,
                   "'%s/spool' has refresh tokens that cannot be stored: no key of `state.key` "
                   "opens them, or they are damaged",
                   config->state->folder);
}

int app_spool_push(struct app *app, const struct config *config, struct err *err)
{
    struct store *store = store_new(config->state, NULL);
    int result;
    while ((result = store_push(store, err)) < 0 && err->retryable)
        usleep(AGAIN_MS * 1000);
    store_free(store);
    if (result == 0)
        return app_spool_left(config, err);
    if (result > 0)
        log_msg(app->log, LOG_INFO, "a refresh token that was kept in '%s/spool' is stored",
                config->state->folder);
    return result > 0 ? 0 : -1;
}

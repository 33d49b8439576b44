/* Records which times were installed, so that `jeton check` can tell that they are outdated without
 * running crontab(1). */
#include "cron_plan.h"

#include "crontab.h"
#include "mem.h"

#include <sodium.h>
#include <string.h>

#define KEY        "times"
#define HASH_BYTES 16
#define HEX_SIZE   (2 * HASH_BYTES + 1)

static void digest(const struct buf *times, char hex[static HEX_SIZE])
{
    unsigned char hash[HASH_BYTES];
    crypto_generichash(hash, sizeof hash, (const unsigned char *)times->data, times->len, NULL, 0);
    sodium_bin2hex(hex, HEX_SIZE, hash, sizeof hash);
}

/* No job's, which begin with "job:". */
static char *scope_of(const struct cron_plan *plan)
{
    const char *home = plan->config->home;
    return mem_printf("crontab:%s", home != NULL ? home : plan->real);
}

int crontab_note(const struct cron_plan *plan, struct store *store, const struct buf *times,
                 struct err *err)
{
    char hex[HEX_SIZE];
    digest(times, hex);
    const struct store_kv item = {
        .key = KEY, .value = times->len > 0 ? hex : NULL, .len = strlen(hex)};
    char *scope = scope_of(plan);
    int result = store_kv_write(store, scope, &item, 1, err);
    mem_free(scope);
    return result;
}

/* What the state knows. 1, 0: nothing, -1. */
static int installed(const struct cron_plan *plan, struct buf *hex, struct err *err)
{
    struct store *store = store_new(plan->config->state, NULL);
    int found = 0;
    char *scope = scope_of(plan);
    if (store_exists(store))
        found = store_kv_get(store, scope, KEY, hex, err);
    mem_free(scope);
    store_free(store);
    return found;
}

bool crontab_is_stale(struct cron_plan *plan)
{
    struct buf times, then;
    char now[HEX_SIZE];
    struct err err;
    bool stale = false;
    buf_create(&times, CRONTAB_MAX);
    buf_create(&then, HEX_SIZE);
    if (installed(plan, &then, &err) == 1 && crontab_times(plan, &times, &err) == 0) {
        digest(&times, now);
        stale = strcmp(now, then.data) != 0;
    }
    buf_destroy(&times);
    buf_destroy(&then);
    return stale;
}

bool crontab_is_installed(const struct cron_plan *plan)
{
    struct buf then;
    struct err err;
    buf_create(&then, HEX_SIZE);
    bool found = installed(plan, &then, &err) == 1;
    buf_destroy(&then);
    return found;
}

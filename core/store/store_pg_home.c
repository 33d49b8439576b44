/* Rows and their homes. Here a home is always a name: hosts share no paths. */
#include "mem.h"
#include "store_home.h"
#include "store_pg.h"

#include <stdio.h>
#include <string.h>

/* No row belongs to a file, so there is nothing that could move from one. */
static int move(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)work;
    (void)batch;
    (void)err;
    return 0;
}

int store_pg_home_check(const struct store_pg *pg, const char *home, struct err *err)
{
    char *copying = mem_printf("\n%s\n", home);
    bool whole = pg->copying == NULL || strstr(pg->copying, copying) == NULL;
    mem_free(copying);
    if (whole)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s: `jeton state copy` to it has not ended for %s: let it end, or repeat it",
                   pg->label, home);
}

static int moved(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_pg *pg = work->pg;
    struct store_home *home = work->call->home;
    (void)batch;
    mem_free(pg->home);
    pg->home = mem_strdup(home->home); /* the next hello asks for it, too */
    if (store_pg_home_check(pg, home->home, err) != 0)
        return -1;
    home->settled = home->quick;
    home->before = home->moved = false;
    home->after = true;
    home->running[0] = '\0';
    for (size_t i = 0; i < home->nowners; i++)
        home->owners[i].found = false;
    return 0;
}

static int find(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "SELECT home, owner FROM @token WHERE home IS NOT NULL AND home <> $1"
                        " ORDER BY received_wall_ms DESC");
    store_pg_scope(batch, work->call->find->but);
    return 0;
}

static int found(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_home_find *find = work->call->find;
    char owner[STORE_OWNER_SIZE];
    size_t len;
    (void)err;
    find->found[0] = '\0';
    for (int row = 0; row < store_pg_rows(batch, 0) && find->found[0] == '\0'; row++) {
        const char *home = store_pg_get_bytes(batch, 0, row, 0, &len);
        if (home == NULL)
            continue;
        find->owner(find->arg, home, owner);
        if (strcmp(owner, store_pg_get_text(batch, 0, row, 1)) == 0)
            snprintf(find->found, sizeof find->found, "%s", home);
    }
    return 0;
}

const struct store_pg_op store_pg_home_move = {.ask = move, .here = true, .take = moved};
const struct store_pg_op store_pg_home_find = {.ask = find, .take = found};

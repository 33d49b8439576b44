/* Which rows stand for refresh tokens that people gave. */
#include "store_pg.h"

static int given(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)work;
    (void)err;
    store_pg_say(
        batch,
        "SELECT owner, home, CASE WHEN refresh_token IS NOT NULL THEN"
        " configured_fingerprint END, spent, coalesce(salt,"
        " (SELECT value FROM @meta WHERE key = 'salt')) FROM @token"
        " WHERE refresh_token IS NOT NULL OR spent IS NOT NULL ORDER BY received_wall_ms DESC"
        " LIMIT $1::integer");
    store_pg_int(batch, STORE_GIVEN_MAX);
    return 0;
}

static int taken(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_call *call = work->call;
    (void)err;
    for (int row = 0; row < store_pg_rows(batch, 0); row++) {
        size_t len, ignored;
        const struct store_given given = {
            .owner = store_pg_get(batch, 0, row, 0),
            .home = store_pg_get_bytes(batch, 0, row, 1, &ignored),
            .configured_fingerprint = store_pg_get(batch, 0, row, 2),
            .spent = store_pg_get(batch, 0, row, 3),
            .salt = (const unsigned char *)store_pg_get_bytes(batch, 0, row, 4, &len),
        };
        if (given.owner != NULL && given.salt != NULL && len == STORE_SALT_SIZE &&
            call->given.fn(call->given.arg, &given))
            return 1;
    }
    return 0;
}

const struct store_pg_op store_pg_token_given = {.ask = given, .take = taken};

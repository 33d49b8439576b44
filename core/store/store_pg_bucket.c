/* Limits of calls that hosts share: what was kept is read, worked on here, and written where nobody
 * has changed it meanwhile. */
#include "mem.h"
#include "store_bucket.h"
#include "store_pg.h"

#include <string.h>

#define READS(work) ((work)->round % 2 == 0)

static void read_buckets(struct store_pg_batch *batch, const struct store_bucket_take *take)
{
    for (size_t i = 0; i < take->count; i++) {
        store_pg_say(batch, "SELECT (SELECT slots FROM @bucket WHERE key = $1),"
                            " (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        store_pg_scope(batch, take->buckets[i].key);
    }
}

/* In the order of their keys, so that no two wait for each other. */
static void write_buckets(struct store_pg_batch *batch, const struct store_bucket_take *take,
                          const char *const *texts)
{
    bool swapped = take->count == 2 && strcmp(take->buckets[0].key, take->buckets[1].key) > 0;
    for (size_t n = 0; n < take->count; n++) {
        size_t i = swapped ? 1 - n : n;
        store_pg_say(batch, "INSERT INTO @bucket AS its (key, slots) VALUES ($1, $2)"
                            " ON CONFLICT (key) DO UPDATE SET slots = CASE WHEN " STORE_PG_CHANGED(
                                "its.slots IS DISTINCT FROM $3::text") " = 0 THEN excluded.slots"
                                                                       " END");
        store_pg_scope(batch, take->buckets[i].key);
        store_pg_text(batch, texts[2 * i + 1]);
        store_pg_text(batch, texts[2 * i]);
    }
}

static int ask(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    if (READS(work))
        read_buckets(batch, work->call->bucket);
    else
        write_buckets(batch, work->call->bucket, work->kept);
    return 0;
}

static const char *keep(struct store_pg_work *work, const char *text)
{
    return text != NULL ? arena_text(&work->texts, text, strlen(text)) : NULL;
}

static int answer(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_bucket_take *take = work->call->bucket;
    char *kept[STORE_BUCKETS_MAX] = {NULL};
    (void)err;
    if (!READS(work))
        return 0;
    take->now_ms = store_pg_get_int(batch, 0, 0, 1, 0);
    for (size_t i = 0; i < take->count; i++) {
        kept[i] = mem_strdup(store_pg_get(batch, i, 0, 0));
        work->kept[2 * i] = keep(work, kept[i]);
    }
    store_bucket_plan(take, kept);
    for (size_t i = 0; i < take->count; i++) {
        work->kept[2 * i + 1] = keep(work, kept[i]);
        mem_free(kept[i]);
    }
    return STORE_PG_MORE;
}

const struct store_pg_op store_pg_bucket_take = {.ask = ask, .take = answer};

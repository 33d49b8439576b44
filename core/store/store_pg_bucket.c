/* Limits of calls that hosts share: what was kept is read, worked on here, and written where nobody
 * has changed it meanwhile. */
#include "mem.h"
#include "store_bucket.h"
#include "store_pg.h"

#include <string.h>

#define READS(work) ((work)->round % 2 == 0)

static const char *keep(struct store_pg_work *work, const char *text)
{
    return text != NULL ? arena_text(&work->texts, text, strlen(text)) : NULL;
}

/* From what the buckets hold, which is freed, to what they are to hold. */
static void plan(struct store_pg_work *work, char *kept[STORE_BUCKETS_MAX])
{
    struct store_bucket_take *take = work->call->bucket;
    for (size_t i = 0; i < take->count; i++)
        work->kept[2 * i] = keep(work, kept[i]);
    store_bucket_plan(take, kept);
    for (size_t i = 0; i < take->count; i++) {
        work->kept[2 * i + 1] = keep(work, kept[i]);
        mem_free(kept[i]);
    }
}

static void read_buckets(struct store_pg_batch *batch, const struct store_bucket_take *take)
{
    for (size_t i = 0; i < take->count; i++) {
        store_pg_say(batch, "SELECT (SELECT slots FROM @bucket WHERE key = $1),"
                            " (extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        store_pg_scope(batch, take->buckets[i].key);
    }
}

/* Where all that was given counts no more, which is so in most runs: the same round trip takes. */
#define OLD "coalesce((regexp_match(its.slots, '([0-9]{1,18}):[0-9]+$'))[1]::bigint, 0) <= $3"

static int64_t now_ms(const struct store_pg *pg)
{
    return pg->ahead_ms + clock_now_ms(loop_clock(pg->loop), CLOCK_BOOT);
}

static void write_guess(struct store_pg_work *work, struct store_pg_batch *batch)
{
    struct store_bucket_take *take = work->call->bucket;
    char *kept[STORE_BUCKETS_MAX] = {NULL};
    take->now_ms = now_ms(work->pg);
    plan(work, kept);
    store_pg_say(batch, "INSERT INTO @bucket AS its (key, slots) VALUES ($1, $2) ON CONFLICT (key)"
                        " DO UPDATE SET slots = excluded.slots WHERE " OLD " RETURNING 1");
    store_pg_scope(batch, take->buckets[0].key);
    store_pg_text(batch, work->kept[1]);
    store_pg_int(batch, take->now_ms - STORE_BUCKET_WINDOW_MS - STORE_BUCKET_SLOT_MS);
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

void store_pg_bucket_forget(struct store_pg *pg)
{
    for (size_t i = 0; i < STORE_BUCKETS_MAX; i++) {
        mem_free(pg->buckets[i].key);
        mem_free(pg->buckets[i].text);
        pg->buckets[i] = (struct store_pg_bucket){0};
    }
}

static void remember(struct store_pg_work *work)
{
    const struct store_bucket_take *take = work->call->bucket;
    store_pg_bucket_forget(work->pg);
    for (size_t i = 0; i < take->count; i++)
        work->pg->buckets[i] = (struct store_pg_bucket){.key = mem_strdup(take->buckets[i].key),
                                                        .text = mem_strdup(work->kept[2 * i + 1])};
}

/* Whoever gives back what was taken knows what stands there, unless others have taken since: that
 * need not be read. */
static bool gives_back(struct store_pg_work *work)
{
    struct store_pg *pg = work->pg;
    struct store_bucket_take *take = work->call->bucket;
    char *kept[STORE_BUCKETS_MAX] = {NULL};
    if (work->round > 0 || take->wanted > 0 || !pg->known)
        return false;
    for (size_t i = 0; i < take->count; i++) {
        if (pg->buckets[i].key == NULL || strcmp(pg->buckets[i].key, take->buckets[i].key) != 0)
            return false;
    }
    for (size_t i = 0; i < take->count; i++)
        kept[i] = mem_strdup(pg->buckets[i].text);
    take->now_ms = now_ms(pg);
    plan(work, kept);
    return true;
}

static int ask(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    const struct store_bucket_take *take = work->call->bucket;
    work->round += gives_back(work) ? 1 : 0;
    work->step = work->round == 0 && take->count == 1 && take->wanted > 0 && work->pg->known;
    if (READS(work))
        read_buckets(batch, take);
    else
        write_buckets(batch, take, work->kept);
    if (work->step == 1)
        write_guess(work, batch);
    return 0;
}

static int answer(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_bucket_take *take = work->call->bucket;
    char *kept[STORE_BUCKETS_MAX] = {NULL};
    (void)err;
    if (!READS(work) || (work->step == 1 && store_pg_rows(batch, 1) > 0)) {
        remember(work);
        return 0;
    }
    take->now_ms = store_pg_get_int(batch, 0, 0, 1, 0);
    for (size_t i = 0; i < take->count; i++)
        kept[i] = mem_strdup(store_pg_get(batch, i, 0, 0));
    plan(work, kept);
    return STORE_PG_MORE;
}

const struct store_pg_op store_pg_bucket_take = {.ask = ask, .take = answer};

/* Sealing anew, a page of a column at a time: others may go on meanwhile. */
#include "mem.h"
#include "store_pg.h"

#include <string.h>

#define PAGE_ROWS 100

/* Whose a value is, as SQL tells it: what its box is bound to. The check of meta comes last. */
static const struct {
    const char *table, *column, *name, *owner;
} columns[] = {
#define TOKEN(column)                                                                              \
    {                                                                                              \
        "token", #column, "token." #column, "convert_to(owner, 'UTF8')"                            \
    }
    TOKEN(access_token),
    TOKEN(endpoint_url),
    TOKEN(refresh_token),
    TOKEN(refresh_previous),
    TOKEN(service_override),
    TOKEN(metadata),
#undef TOKEN
    {"token_spare", "refresh_token", "token.refresh_token", "convert_to(owner, 'UTF8')"},
    {"kv", "value", "kv.value", "scope || ' '::bytea || key"},
    {"run", "output", "run.output", "convert_to(run, 'UTF8')"},
#define EVENT_OWNER                                                                                \
    "(SELECT scope FROM @hook AS its WHERE its.id = hook) || ' '::bytea || id"                     \
    " || convert_to(' ' || part, 'UTF8')"
    {"event", "headers", "event.headers", EVENT_OWNER},
    {"event", "body", "event.body", EVENT_OWNER},
    {"step", "result", "step.result", "convert_to(seq || ' ', 'UTF8') || name"},
    {"meta", "value", STORE_PG_CHECK_NAME, "'" STORE_PG_CHECK_OWNER "'::bytea"},
};

#define COUNT (sizeof columns / sizeof columns[0])

/* A value as it was, and its text. */
struct store_pg_resealed {
    const char *place, *owner, *text, *was;
    size_t len, was_len;
};

/* What is sealed with another key than the first one. */
static void look(struct store_pg_work *work, struct store_pg_batch *batch)
{
    char *sql =
        mem_printf("SELECT ctid::text, %s, %s FROM @%s WHERE substr(%s, 2, 4) <> $1%s"
                   " LIMIT $2::integer",
                   columns[work->step].column, columns[work->step].owner, columns[work->step].table,
                   columns[work->step].column, work->step + 1 == COUNT ? " AND key = 'check'" : "");
    store_pg_say(batch, sql);
    store_pg_bytes(batch, batch->pg->keys[0].id, sizeof batch->pg->keys[0].id);
    store_pg_int(batch, PAGE_ROWS);
    mem_free(sql);
}

/* One that has changed since is sealed by whoever changed it. */
static void write(const struct store_pg_work *work, struct store_pg_batch *batch)
{
    char *sql = mem_printf("UPDATE @%s SET %s = $1 WHERE ctid = $2::text::tid AND %s = $3",
                           columns[work->step].table, columns[work->step].column,
                           columns[work->step].column);
    for (size_t i = 0; i < work->nresealed; i++) {
        const struct store_pg_resealed *one = &work->resealed[i];
        store_pg_say(batch, sql);
        store_pg_sealed(batch, columns[work->step].name, one->owner, one->text, one->len);
        store_pg_text(batch, one->place);
        store_pg_bytes(batch, one->was, one->was_len);
    }
    mem_free(sql);
}

static int ask(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    if (work->nresealed > 0)
        write(work, batch);
    else
        look(work, batch);
    return 0;
}

static int take_row(struct store_pg_work *work, struct store_pg_batch *batch, int row,
                    struct err *err)
{
    struct store_pg_resealed *one = &work->resealed[row];
    const char *place = store_pg_get_text(batch, 0, row, 0);
    const char *text;
    size_t owner_len;
    const char *owner = store_pg_get_bytes(batch, 0, row, 2, &owner_len);
    const char *was = store_pg_get_bytes(batch, 0, row, 1, &one->was_len);
    if (owner == NULL || was == NULL)
        return err_set(err, ERR_CONFIG, "%s: a row of %s is not whole", work->pg->label,
                       columns[work->step].table);
    if (store_pg_get_sealed(batch, 0, row, 1, columns[work->step].name, owner, &text, &one->len,
                            err) != 0)
        return -1;
    one->place = arena_text(&work->texts, place, strlen(place));
    one->owner = arena_text(&work->texts, owner, owner_len);
    one->text = arena_text(&work->texts, text, one->len);
    one->was = arena_text(&work->texts, was, one->was_len);
    return 0;
}

static int take(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    if (work->nresealed > 0) {
        *work->call->rekeyed += (int64_t)work->nresealed;
        work->nresealed = 0;
        return STORE_PG_MORE;
    }
    int rows = store_pg_rows(batch, 0);
    if (rows == 0)
        return ++work->step == COUNT ? 0 : STORE_PG_MORE;
    arena_destroy(&work->texts);
    work->resealed = arena_alloc(&work->texts, (size_t)rows * sizeof *work->resealed);
    for (int row = 0; row < rows; row++) {
        if (take_row(work, batch, row, err) != 0)
            return -1;
    }
    work->nresealed = (size_t)rows;
    return STORE_PG_MORE;
}

const struct store_pg_op store_pg_rekey = {.ask = ask, .take = take};

/* The tokens of connectors, their intents, and what could not be stored of them. */
#include "mem.h"
#include "store_pg_token_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOK_MS      5000 /* between two looks at what this host keeps */
#define LOCK_TIMEOUT "5000"
#define LOOK_TIMEOUT "200" /* what is asked besides waits for a look */

#define HEAL                                                                                       \
    "bring its key back, or sign in again (`jeton login`), or forget it (`jeton logout --local`)"

static int ask_salt(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "SELECT coalesce((SELECT salt FROM @token WHERE owner = $1),"
                        " (SELECT value FROM @meta WHERE key = 'salt'))");
    store_pg_text(batch, work->call->salt.owner);
    return 0;
}

static int take_salt(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    size_t len = 0;
    const char *salt = store_pg_get_bytes(batch, 0, 0, 0, &len);
    if (salt == NULL || len != STORE_SALT_SIZE)
        return err_set(err, ERR_CONFIG, "%s: it has lost a salt", work->pg->label);
    memcpy(work->call->salt.bytes, salt, STORE_SALT_SIZE);
    return 0;
}

static int load(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const char *owner = work->call->token.owner;
    (void)err;
    store_pg_say(batch, store_pg_token_row_select(batch));
    store_pg_text(batch, owner);
    store_pg_say(batch,
                 "SELECT id, generation, started_ms, host FROM @token_intent WHERE owner = $1");
    store_pg_text(batch, owner);
    store_pg_say(batch, "SELECT refresh_token FROM @token_spare WHERE owner = $1 AND generation >="
                        " (SELECT generation FROM @token WHERE owner = $1)"
                        " ORDER BY generation DESC, kept_at DESC LIMIT $2::integer");
    store_pg_text(batch, owner);
    store_pg_int(batch, STORE_SPARES_MAX + 1); /* one may be the row's own */
    return 0;
}

static void take_intent(const struct store_pg_batch *batch, struct store_intent *intent)
{
    if (store_pg_rows(batch, 1) == 0)
        return;
    snprintf(intent->id, sizeof intent->id, "%s", store_pg_get_text(batch, 1, 0, 0));
    intent->generation = store_pg_get_int(batch, 1, 0, 1, 0);
    intent->started_ms = store_pg_get_int(batch, 1, 0, 2, 0);
    snprintf(intent->host, sizeof intent->host, "%s", store_pg_get_text(batch, 1, 0, 3));
}

static int take_spares(struct store_pg_batch *batch, struct store_token *row, struct err *err)
{
    size_t count = 0;
    for (int i = 0; i < store_pg_rows(batch, 2) && count < STORE_SPARES_MAX; i++) {
        const char *spare;
        if (store_pg_get_sealed(batch, 2, i, 0, STORE_PG_TOKEN_SPARE, row->owner, &spare, NULL,
                                err) != 0)
            return -1;
        if (spare != NULL && (row->refresh_token == NULL || strcmp(spare, row->refresh_token) != 0))
            row->spares[count++] = mem_strdup(spare);
    }
    return 0;
}

static int list(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    for (size_t i = 0; i < work->call->token.count; i++) {
        store_pg_say(batch, store_pg_token_row_select(batch));
        store_pg_text(batch, work->call->token.row[i].owner);
    }
    return 0;
}

/* Of a token only whether there is one. */
static void blank(char **token)
{
    bool there = *token != NULL;
    mem_free_secret(*token);
    *token = there ? mem_strdup("") : NULL;
}

static int listed(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_token *rows = work->call->token.row;
    for (size_t i = 0; i < work->call->token.count; i++) {
        if (store_pg_rows(batch, i) > 0 && store_pg_token_row_take(batch, i, &rows[i], err) != 0) {
            mem_free(rows[i].pause.reason);
            rows[i].pause.kind = STORE_PAUSE_PERSON;
            rows[i].pause.reason = mem_strdup("no key of `state.key` opens it; " HEAL);
        }
        blank(&rows[i].access_token);
        blank(&rows[i].refresh_token);
    }
    return 0;
}

static void delete_intent(struct store_pg_batch *batch, const char *owner)
{
    store_pg_say(batch, "DELETE FROM @token_intent WHERE owner = $1");
    store_pg_text(batch, owner);
}

static void save_intent(struct store_pg_batch *batch, const char *owner,
                        const struct store_intent *intent)
{
    if (intent->started_ms == 0) {
        delete_intent(batch, owner);
        return;
    }
    store_pg_say(batch, "INSERT INTO @token_intent (owner, id, generation, started_ms, host)"
                        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (owner) DO UPDATE SET"
                        " id = excluded.id, generation = excluded.generation,"
                        " started_ms = excluded.started_ms, host = excluded.host");
    store_pg_text(batch, owner);
    store_pg_text(batch, intent->id);
    store_pg_int(batch, intent->generation);
    store_pg_int(batch, intent->started_ms);
    store_pg_text(batch, intent->host);
}

/* A received refresh token may be the only copy there is: it is on this host's disk before it goes
 * to the server. "OWNER.EPOCH" */
static const char *spool_name(struct arena *arena, const struct store_call *call)
{
    char name[STORE_PG_SPOOL_NAME];
    snprintf(name, sizeof name, "%s.%lld", call->token.row->owner,
             (long long)store_pg_lease_epoch(call->under));
    return arena_text(arena, name, strlen(name));
}

/* A later exchange than theirs has worked. */
static void delete_spares(struct store_pg_batch *batch, const char *owner, int64_t before)
{
    store_pg_say(batch, "DELETE FROM @token_spare WHERE owner = $1 AND generation < $2");
    store_pg_text(batch, owner);
    store_pg_int(batch, before);
}

static int save(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_token *row = work->call->token.row;
    (void)err;
    store_pg_token_row_save(batch, row);
    if (work->call->under != NULL && row->refresh_token != NULL && !work->call->token.known) {
        work->last = spool_name(&work->texts, work->call);
        store_pg_spool_write(work->pg, work->last, &batch->statements[0]);
    }
    save_intent(batch, row->owner, &row->intent);
    delete_spares(batch, row->owner, row->generation);
    if (work->call->token.slot != NULL)
        store_pg_token_row_save(batch, work->call->token.slot);
    return 0;
}

/* Pushing what was kept */

/* A spool file whose values are on their way. */
struct pushing {
    char name[STORE_PG_SPOOL_NAME];
    char owner[STORE_OWNER_SIZE];
    int64_t generation;
    size_t len;
    unsigned char refresh[]; /* sealed */
};

static void push_ended(struct store_pg_batch *batch, const struct err *err)
{
    const struct pushing *pushing = batch->arg;
    if (err == NULL)
        store_pg_spool_remove(batch->pg, pushing->name);
    else
        batch->pg->not_pushed = *err;
    mem_free(batch->arg);
}

/* Whoever exchanges next may need it: also where the row says that its token is dead. */
static void spare(struct store_pg *pg, struct pushing *pushing)
{
    struct store_pg_batch *batch = store_pg_batch_new(pg, push_ended, pushing);
    batch->hello = true;
    store_pg_say(batch, "INSERT INTO @token_spare (owner, generation, refresh_token)"
                        " SELECT $1::text, $2::bigint, $3::bytea WHERE NOT EXISTS (SELECT FROM"
                        " @token WHERE owner = $1 AND generation > $2) ON CONFLICT DO NOTHING");
    store_pg_text(batch, pushing->owner);
    store_pg_int(batch, pushing->generation);
    store_pg_bytes(batch, pushing->refresh, pushing->len);
    store_pg_say(batch, "UPDATE @token SET stop_kind = 0, stop_since_ms = 0, stop_times = 0,"
                        " stop_reason = NULL WHERE owner = $1 AND generation <= $2"
                        " AND stop_kind = $3");
    store_pg_text(batch, pushing->owner);
    store_pg_int(batch, pushing->generation);
    store_pg_int(batch, STORE_PAUSE_PERSON);
    store_pg_send_first(pg, batch);
}

static void pushed(struct store_pg_batch *batch, const struct err *err)
{
    if (err == NULL && (store_pg_get_true(batch, 1, 0, 0) || !store_pg_get_true(batch, 3, 0, 0)))
        spare(batch->pg, batch->arg);
    else
        push_ended(batch, err);
}

static char *owner_of_file(const char *name) /* mem_free */
{
    const char *dot = strrchr(name, '.');
    return mem_strndup(name, dot != NULL ? (size_t)(dot - name) : 0);
}

static void push_row(struct store_pg_batch *batch, const char *name, const char *owner)
{
    const struct store_pg_statement *row = &batch->statements[2];
    size_t len = (size_t)row->lengths[STORE_PG_TOKEN_REFRESH];
    struct pushing *pushing = mem_alloc(sizeof *pushing + len);
    snprintf(pushing->name, sizeof pushing->name, "%s", name);
    snprintf(pushing->owner, sizeof pushing->owner, "%s", owner);
    pushing->generation = strtoll(row->values[STORE_PG_TOKEN_GENERATION], NULL, 10);
    pushing->len = len;
    memcpy(pushing->refresh, row->values[STORE_PG_TOKEN_REFRESH], len);
    batch->arg = pushing;
    store_pg_say(batch, "SELECT refresh_token = $1 FROM @token WHERE owner = $2");
    store_pg_bytes(batch, pushing->refresh, len);
    store_pg_text(batch, owner);
    store_pg_send_first(batch->pg, batch);
}

/* Into the row, unless another exchange has been stored since: then it is a spare. It is both where
 * somebody exchanges just now, who may replace the row. One that no key opens stays, as its key may
 * come again. arg: NULL where it must not take long. */
static void push(struct store_pg *pg, const char *name, void *arg)
{
    const char *dot = strrchr(name, '.');
    struct store_pg_batch *batch = store_pg_batch_new(pg, pushed, NULL);
    char *owner = owner_of_file(name);
    batch->hello = true;
    store_pg_say(batch, "SELECT set_config('lock_timeout', $1, true)");
    store_pg_text(batch, arg != NULL ? LOCK_TIMEOUT : LOOK_TIMEOUT);
    store_pg_say(batch, "SELECT until > clock_timestamp() AND epoch <> $3::bigint FROM @lease"
                        " WHERE kind = $1 AND key = sha256($2) FOR UPDATE");
    store_pg_int(batch, STORE_LEASE_TOKEN);
    store_pg_scope(batch, owner);
    store_pg_text(batch, dot != NULL ? dot + 1 : NULL);
    if (store_pg_token_row_read(batch, name, owner) == 1)
        push_row(batch, name, owner);
    else
        store_pg_batch_free(batch);
    mem_free(owner);
}

static void push_all(struct store_pg *pg, bool waits)
{
    pg->look_ms = loop_now_ms(pg->loop) + LOOK_MS;
    err_clear(&pg->not_pushed);
    store_pg_spool_each(pg, push, waits ? pg : NULL);
}

void store_pg_token_push(struct store_pg *pg)
{
    push_all(pg, true);
}

void store_pg_token_look(struct store_pg *pg)
{
    if (pg->known && loop_now_ms(pg->loop) >= pg->look_ms)
        push_all(pg, false);
}

/* A later token of this row that is kept on this host. */
struct kept {
    const struct store_token *row;
    bool replaces;
    bool opens;
    char name[STORE_PG_SPOOL_NAME]; /* set; "": there is none that stands in the way */
};

/* One that a key opens stands only in the way of who is about to exchange. Other hosts wait too:
 * the lease is not released. */
static void look_whether_later(struct store_pg *pg, const char *name, void *arg)
{
    struct kept *kept = arg;
    char *owner = owner_of_file(name);
    if (strcmp(owner, kept->row->owner) == 0) {
        struct store_pg_batch *batch = store_pg_batch_new(pg, NULL, NULL);
        int opens = store_pg_token_row_read(batch, name, owner);
        if (opens >= 0 &&
            strtoll(batch->statements[0].values[STORE_PG_TOKEN_GENERATION], NULL, 10) >
                kept->row->generation &&
            (opens == 0 || (!kept->replaces && store_pg_lease_keep_token(pg, owner)))) {
            snprintf(kept->name, sizeof kept->name, "%s", name);
            kept->opens = opens == 1;
        }
        store_pg_batch_free(batch);
    }
    mem_free(owner);
}

/* The token of the row is spent then. */
static int check_kept(struct store_pg *pg, const struct store_token *row, bool replaces,
                      struct err *err)
{
    struct kept kept = {.row = row, .replaces = replaces};
    store_pg_spool_each(pg, look_whether_later, &kept);
    if (kept.name[0] == '\0')
        return 0;
    if (!kept.opens)
        return err_set(err, ERR_CONFIG,
                       "no key of `state.key` opens '%s/spool/%s', where a refresh token is kept "
                       "that could not be stored; " HEAL,
                       pg->place.folder, kept.name);
    *err = pg->not_pushed;
    if (err->kind == ERR_NONE)
        err_set(err, ERR_NETWORK, "%s: it has not been tried yet", pg->label);
    return err_wrap(err,
                    "nothing is exchanged until the refresh token in '%s/spool/%s' is stored, as "
                    "the one before it is spent",
                    pg->place.folder, kept.name);
}

static int loaded(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_token *row = work->call->token.row;
    bool replaces = work->call->token.replaces;
    int found = store_pg_rows(batch, 0) > 0;
    memset(row, 0, sizeof *row);
    snprintf(row->owner, sizeof row->owner, "%s", work->call->token.owner);
    int opened = found == 1 ? store_pg_token_row_take(batch, 0, row, err) : 0;
    if (opened == 0 && found == 1)
        opened = take_spares(batch, row, err);
    if (opened != 0)
        err_set(err, ERR_CONFIG, "%s: no key of `state.key` opens this connector's tokens; " HEAL,
                work->pg->label);
    else
        opened = check_kept(work->pg, row, replaces, err);
    row->shut = opened != 0;
    if (row->shut && !replaces) {
        store_token_destroy(row);
        return -1;
    }
    take_intent(batch, &row->intent);
    if (row->intent.generation != row->generation)
        row->intent = (struct store_intent){0};
    return found;
}

static void saved(struct store_pg_work *work, struct err *err)
{
    if (work->last == NULL)
        return;
    if (err == NULL) {
        store_pg_spool_remove(work->pg, work->last);
        if (work->call != NULL)
            store_pg_lease_keep(work->call->under, false);
    } else if (err->kind == ERR_LOST) {
        err_wrap(err, "what came is kept for the next exchange");
        push_all(work->pg, true);
    } else if (store_pg_spool_has(work->pg, work->last)) {
        err_wrap(err,
                 "what came is kept in '%s/spool/%s', and stored when this host's next "
                 "process opens the state",
                 work->pg->place.folder, work->last);
        if (work->call != NULL)
            store_pg_lease_keep(work->call->under, true);
    }
}

static int intent(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    /* Nothing is sent while the row cannot be written: what comes could not be stored, and another
     * host may keep what came for it. */
    store_pg_say(batch, "UPDATE @token SET generation = generation WHERE owner = $1");
    store_pg_text(batch, work->call->token.owner);
    save_intent(batch, work->call->token.owner, &work->call->token.row->intent);
    return 0;
}

static int endpoint(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const char *owner = work->call->token.owner;
    const char *url = work->call->token.endpoint_url;
    (void)err;
    store_pg_say(batch, "UPDATE @token SET endpoint_url = $1 WHERE owner = $2");
    store_pg_sealed(batch, "token.endpoint_url", owner, url, url != NULL ? strlen(url) : 0);
    store_pg_text(batch, owner);
    return 0;
}

static int bar(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "UPDATE @token SET barred = $2 WHERE owner = $1 AND generation = $2");
    store_pg_text(batch, work->call->token.owner);
    store_pg_int(batch, work->call->token.generation);
    return 0;
}

static void remove_kept(struct store_pg *pg, const char *name, void *arg)
{
    char *owner = owner_of_file(name);
    if (strcmp(owner, arg) == 0)
        store_pg_spool_remove(pg, name);
    mem_free(owner);
}

/* What is kept on this host too. */
static void forgot(struct store_pg_work *work, struct err *err)
{
    char owner[STORE_OWNER_SIZE];
    if (err != NULL || work->call == NULL)
        return;
    snprintf(owner, sizeof owner, "%s", work->call->token.owner);
    store_pg_spool_each(work->pg, remove_kept, owner);
}

static int forget(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "DELETE FROM @token WHERE owner = $1");
    store_pg_text(batch, work->call->token.owner);
    delete_intent(batch, work->call->token.owner);
    delete_spares(batch, work->call->token.owner, INT64_MAX);
    return 0;
}

const struct store_pg_op store_pg_token_salt = {.ask = ask_salt, .take = take_salt};
const struct store_pg_op store_pg_token_load = {.ask = load, .take = loaded};
const struct store_pg_op store_pg_token_list = {.ask = list, .take = listed};
const struct store_pg_op store_pg_token_save = {.ask = save, .ended = saved};
const struct store_pg_op store_pg_token_intent = {.ask = intent};
const struct store_pg_op store_pg_token_endpoint = {.ask = endpoint};
const struct store_pg_op store_pg_token_bar = {.ask = bar};
const struct store_pg_op store_pg_token_delete = {.ask = forget, .ended = forgot};

/* Durable keys and values of jobs and scripts. Values are sealed. */
#include "mem.h"
#include "store_pg.h"

#include <sodium.h>
#include <string.h>

#define COLUMN    "kv.value"
#define PAGE_KEYS 100  /* a key and its value may be a megabyte */
#define LOOK_KEYS 1000 /* in one statement */

/* Whose a value is. */
static const char *owner_of(struct arena *arena, const char *scope, const char *key)
{
    char *text = mem_printf("%s %s", scope, key);
    char *owner = arena_text(arena, text, strlen(text));
    mem_free(text);
    return owner;
}

static int get(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch,
                 "SELECT value, version FROM @kv WHERE sha256(scope) = sha256($1) AND key = $2");
    store_pg_scope(batch, work->call->kv.scope);
    store_pg_scope(batch, work->call->kv.key);
    return 0;
}

static int got(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    const struct store_call *call = work->call;
    const char *owner = owner_of(&batch->texts, call->kv.scope, call->kv.key);
    const char *value;
    size_t len;
    if (call->kv.version != NULL)
        *call->kv.version = store_pg_get_int(batch, 0, 0, 1, 0);
    if (store_pg_rows(batch, 0) == 0)
        return 0;
    if (store_pg_get_sealed(batch, 0, 0, 0, COLUMN, owner, &value, &len, err) != 0)
        return -1;
    if (buf_append(call->kv.value, value, len) != 0)
        return err_set(err, ERR_INVALID, "state key '%s' holds over %zu bytes", call->kv.key,
                       call->kv.value->limit);
    return 1;
}

static void write_one(struct store_pg_batch *batch, const char *scope, const struct store_kv *item,
                      int64_t version)
{
    scope = item->scope != NULL ? item->scope : scope;
    store_pg_say(batch, item->value == NULL
                            ? "DELETE FROM @kv WHERE sha256(scope) = sha256($1)"
                              " AND key = $2" STORE_PG_KV_GUARD
                            : "INSERT INTO @kv (scope, key, value, version) SELECT $1::bytea,"
                              " $2::bytea, $3::bytea, $4::bigint WHERE true" STORE_PG_KV_GUARD
                              " ON CONFLICT (sha256(scope), key) DO UPDATE SET"
                              " value = excluded.value, version = excluded.version");
    store_pg_scope(batch, scope);
    store_pg_scope(batch, item->key);
    if (item->value == NULL)
        return;
    store_pg_sealed(batch, COLUMN, owner_of(&batch->texts, scope, item->key), item->value,
                    item->len);
    store_pg_int(batch, version);
}

/* One that writes to a scope, or has seen some of it, has it for itself. */
static void enter(struct store_pg_batch *batch, const char *scope, int64_t version)
{
    store_pg_say(batch, "INSERT INTO @kv_write AS its (scope, last, again)"
                        " SELECT sha256($1), $2::bigint, false WHERE true" STORE_PG_KV_GUARD
                        " ON CONFLICT (scope) DO UPDATE SET"
                        " again = its.last = excluded.last, last = excluded.last");
    store_pg_scope(batch, scope);
    store_pg_int(batch, version);
}

static void put_seen(const struct store_kv_seen *seen, struct buf *keys, struct buf *versions)
{
    const char *comma = keys->len > 1 ? "," : "";
    size_t len = strlen(seen->key);
    char *hex = mem_alloc(2 * len + 1);
    sodium_bin2hex(hex, 2 * len + 1, (const unsigned char *)seen->key, len);
    buf_printf(keys, "%s\"\\\\x%s\"", comma, hex);
    buf_printf(versions, "%s%lld", comma, (long long)seen->version);
    mem_free(hex);
}

/* Of a scope, from a place in the list on, as many as one statement asks for. Where it ends. */
static size_t look_at(struct store_pg_batch *batch, const struct store_call *call,
                      const char *scope, size_t from)
{
    struct buf keys, versions;
    size_t at = from, count = 0;
    buf_create(&keys, SIZE_MAX);
    buf_create(&versions, SIZE_MAX);
    buf_putc(&keys, '{');
    buf_putc(&versions, '{');
    for (; at < call->kv.nseen && count < LOOK_KEYS; at++) {
        const struct store_kv_seen *seen = &call->kv.seen[at];
        if (strcmp(seen->scope != NULL ? seen->scope : call->kv.scope, scope) != 0)
            continue;
        put_seen(seen, &keys, &versions);
        count++;
    }
    buf_putc(&keys, '}');
    buf_putc(&versions, '}');
    if (count > 0) {
        store_pg_say(batch,
                     "SELECT " STORE_PG_CHANGED(
                         "NOT its.again AND EXISTS (SELECT FROM unnest($2::bytea[], $3::bigint[])"
                         " AS seen (key, version) WHERE coalesce((SELECT kv.version FROM @kv AS kv"
                         " WHERE sha256(kv.scope) = sha256($1) AND kv.key = seen.key), 0)"
                         " <> seen.version)") " FROM @kv_write AS its WHERE its.scope ="
                                              " sha256($4)" STORE_PG_KV_GUARD);
        store_pg_scope(batch, scope);
        store_pg_text(batch, keys.data);
        store_pg_text(batch, versions.data);
        store_pg_scope(batch, call->kv.scope);
    }
    buf_destroy(&keys);
    buf_destroy(&versions);
    return at;
}

/* The row of the call's own scope says whether this very writing was done before. What was seen
 * counts only where it was not. */
static void look(struct store_pg_batch *batch, const struct store_call *call, int64_t version,
                 const char *const *scopes, size_t nscopes)
{
    for (size_t i = 0; i < nscopes; i++)
        enter(batch, scopes[i], version);
    for (size_t i = 0; i < nscopes; i++) {
        for (size_t at = 0; at < call->kv.nseen;)
            at = look_at(batch, call, scopes[i], at);
    }
}

static int check_sizes(const struct store_call *call, struct err *err)
{
    for (size_t i = 0; i < call->kv.count; i++) {
        const struct store_kv *item = &call->kv.items[i];
        if (strlen(item->key) > STORE_KEY_MAX)
            return err_set(err, ERR_INVALID, "state key of over %d bytes", STORE_KEY_MAX);
        if (item->value != NULL && item->len > STORE_VALUE_MAX)
            return err_set(err, ERR_INVALID, "state key '%s': a value of over %zu bytes", item->key,
                           STORE_VALUE_MAX);
    }
    return 0;
}

/* Fails where there are too many: all is undone then. */
static void check_count(struct store_pg_batch *batch, const char *scope)
{
    store_pg_say(batch, "SELECT " STORE_PG_TOO_MANY(
                            "count(*) > $2::bigint") " FROM (SELECT 1 FROM"
                                                     " @kv WHERE sha256(scope) = sha256($1) LIMIT "
                                                     "$2::bigint + 1) AS its");
    store_pg_scope(batch, scope);
    store_pg_int(batch, STORE_KEYS_MAX);
}

int store_pg_kv_put(struct store_pg_batch *batch, const struct store_call *call, struct err *err)
{
    uint64_t random;
    if (check_sizes(call, err) != 0)
        return -1;
    randombytes_buf(&random, sizeof random);
    int64_t version = (int64_t)(random >> 17) + 1;
    if (call->kv.version != NULL)
        *call->kv.version = version;
    size_t nscopes;
    const char **scopes = store_kv_scopes(call->kv.scope, call->kv.items, call->kv.count,
                                          call->kv.seen, call->kv.nseen, &nscopes);
    look(batch, call, version, scopes, nscopes);
    for (size_t i = 0; i < call->kv.count; i++)
        write_one(batch, call->kv.scope, &call->kv.items[i], version);
    for (size_t i = 0; i < nscopes && call->kv.count > 0; i++)
        check_count(batch, scopes[i]);
    mem_free(scopes);
    return 0;
}

static int write(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    return store_pg_kv_put(batch, work->call, err);
}

static int each(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    (void)err;
    store_pg_say(batch, "SELECT key, value FROM @kv WHERE sha256(scope) = sha256($1)"
                        " AND ($2::bytea IS NULL OR key > $2) ORDER BY key LIMIT $3::integer");
    store_pg_scope(batch, work->call->kv.scope);
    store_pg_bytes(batch, work->last, work->last_len);
    store_pg_int(batch, PAGE_KEYS);
    return 0;
}

static int eached(struct store_pg_work *work, struct store_pg_batch *batch, struct err *err)
{
    struct store_call *call = work->call;
    int rows = store_pg_rows(batch, 0);
    size_t len;
    struct store_kv item;
    for (int row = 0; row < rows; row++) {
        item.key = store_pg_get_bytes(batch, 0, row, 0, &len);
        if (item.key == NULL)
            return err_set(err, ERR_CONFIG, "%s: a row of kv has no key", work->pg->label);
        const char *owner = owner_of(&batch->texts, call->kv.scope, item.key);
        if (store_pg_get_sealed(batch, 0, row, 1, COLUMN, owner, &item.value, &item.len, err) != 0)
            return -1;
        if (!call->kv.fn(call->kv.arg, &item))
            return 0;
    }
    if (rows < PAGE_KEYS)
        return 0;
    work->last = arena_text(&work->texts, item.key, len);
    work->last_len = len;
    return STORE_PG_MORE;
}

const struct store_pg_op store_pg_kv_get = {.ask = get, .take = got};
const struct store_pg_op store_pg_kv_write = {.ask = write, .changed = 1};
const struct store_pg_op store_pg_kv_each = {.ask = each, .take = eached};

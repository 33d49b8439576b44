/* What all operations on events of webhooks need: their rows, and who is next of an order key. */
#include "store_pg_event.h"

#include "mem.h"

#include <sodium.h>
#include <string.h>

int64_t store_pg_event_lock_of(const char *scope, const char *order_key)
{
    unsigned char hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    int64_t lock;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const unsigned char *)scope, strlen(scope) + 1);
    crypto_generichash_update(&state, (const unsigned char *)order_key, strlen(order_key));
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(&lock, hash, sizeof lock);
    return lock;
}

const char *store_pg_event_owner(struct arena *arena, const char *scope, const char *id,
                                 int64_t part)
{
    char *text = mem_printf("%s %s %lld", scope, id, (long long)part);
    const char *owner = arena_text(arena, text, strlen(text));
    mem_free(text);
    return owner;
}

static const char *take_bytes(struct store_pg_batch *batch, size_t statement, int row, int column,
                              struct arena *texts)
{
    size_t len;
    const char *text = store_pg_get_bytes(batch, statement, row, column, &len);
    return text != NULL ? arena_text(texts, text, len) : NULL;
}

static int take_content(struct store_pg_batch *batch, size_t statement, int row,
                        struct arena *texts, struct store_event *event, struct err *err)
{
    const char *owner = store_pg_event_owner(texts, event->scope, event->id, event->part);
    const char *headers, *body;
    size_t len = 0;
    if (store_pg_get_sealed(batch, statement, row, 16, STORE_PG_EVENT_HEADERS, owner, &headers,
                            &len, err) != 0 ||
        store_pg_get_sealed(batch, statement, row, 17, STORE_PG_EVENT_BODY, owner, &body,
                            &event->body_len, err) != 0)
        return -1;
    event->headers = headers != NULL ? arena_text(texts, headers, len) : NULL;
    event->body = body != NULL ? arena_text(texts, body, event->body_len) : NULL;
    return 0;
}

static int take_row(struct store_pg_batch *batch, size_t statement, int row, bool content,
                    struct arena *texts, struct store_event *event, struct err *err)
{
    const char *owner = store_pg_get(batch, statement, row, 14);
    *event = (struct store_event){
        .seq = store_pg_get_int(batch, statement, row, 0, 0),
        .scope = take_bytes(batch, statement, row, 1, texts),
        .id = take_bytes(batch, statement, row, 2, texts),
        .part = store_pg_get_int(batch, statement, row, 3, 0),
        .type = take_bytes(batch, statement, row, 4, texts),
        .order_key = take_bytes(batch, statement, row, 5, texts),
        .state = (enum store_event_state)store_pg_get_int(batch, statement, row, 6, 0),
        .received_ms = store_pg_get_int(batch, statement, row, 7, 0),
        .next_ms = store_pg_get_int(batch, statement, row, 8, STORE_NONE),
        .ended_ms = store_pg_get_int(batch, statement, row, 9, STORE_NONE),
        .attempt = store_pg_get_int(batch, statement, row, 10, 0),
        .conflicts = store_pg_get_int(batch, statement, row, 11, 0),
        .duplicates = store_pg_get_int(batch, statement, row, 12, 0),
        .alone = store_pg_get_true(batch, statement, row, 13),
        .owner = owner != NULL ? arena_text(texts, owner, strlen(owner)) : NULL,
        .error = take_bytes(batch, statement, row, 15, texts),
    };
    return content ? take_content(batch, statement, row, texts, event, err) : 0;
}

int store_pg_event_rows(struct store_pg_batch *batch, size_t statement, bool content,
                        struct store_events *events, struct err *err)
{
    int rows = store_pg_rows(batch, statement);
    memset(events, 0, sizeof *events);
    if (rows > 0) /* nobody frees what has no items */
        events->items = mem_alloc((size_t)rows * sizeof *events->items);
    int result = 0;
    for (int row = 0; row < rows; row++) {
        struct store_event *event = &events->items[events->count++];
        if (take_row(batch, statement, row, content, &events->texts, event, err) != 0) {
            event->shut = true;
            result = -1;
        }
    }
    return result;
}

void store_pg_event_lock(struct store_pg_batch *batch, int64_t seq)
{
    store_pg_say(batch, "SELECT pg_advisory_xact_lock(order_lock) FROM @event"
                        " WHERE seq = $1 AND order_lock IS NOT NULL");
    store_pg_int(batch, seq);
}

/* By values, as of a join all that wait for the key would be read. It is compared twice, since of
 * an equal one the server may read all of the table in the order of seq, which ends soon where what
 * is old is open. */
void store_pg_event_next(struct store_pg_batch *batch, int64_t seq, int64_t now_ms)
{
    store_pg_say(
        batch, "WITH its AS (SELECT hook, order_key FROM @event WHERE seq = $1"
               "  AND order_key IS NOT NULL)"
               " UPDATE @event SET next_ms = $2::bigint WHERE seq = (SELECT seq FROM @event"
               "  WHERE hook = (SELECT hook FROM its) AND order_key >= (SELECT order_key FROM its)"
               "  AND order_key <= (SELECT order_key FROM its)"
               "  AND ended_ms IS NULL ORDER BY order_key, seq LIMIT 1)"
               " AND state = 1 AND next_ms IS NULL AND NOT EXISTS (SELECT FROM @event"
               "  WHERE hook = (SELECT hook FROM its) AND order_key = (SELECT order_key FROM its)"
               "  AND owner IS NOT NULL)");
    store_pg_int(batch, seq);
    store_pg_int(batch, now_ms);
}

/* A row of tokens, as it is read, written and kept. What is secret is sealed, and where it would be
 * sent. */
#include "store_pg_token_row.h"

#include "mem.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum kind { NUMBER, TEXT, SEALED };

/* In this order they are read and written: the header counts them. */
#define COLUMNS(X)                                                                                 \
    X(NUMBER, generation)                                                                          \
    X(SEALED, access_token)                                                                        \
    X(SEALED, endpoint_url)                                                                        \
    X(TEXT, scope)                                                                                 \
    X(NUMBER, lifetime_ms)                                                                         \
    X(NUMBER, received_wall_ms)                                                                    \
    X(NUMBER, received_boot_ms)                                                                    \
    X(SEALED, refresh_token)                                                                       \
    X(SEALED, refresh_previous)                                                                    \
    X(NUMBER, refresh_since_ms)                                                                    \
    X(TEXT, configured_fingerprint)                                                                \
    X(TEXT, application_fingerprint)                                                               \
    X(SEALED, service_override)                                                                    \
    X(TEXT, token_type)                                                                            \
    X(NUMBER, refresh_expires_ms)                                                                  \
    X(NUMBER, login_since_ms)                                                                      \
    X(TEXT, asked)                                                                                 \
    X(TEXT, secret_fingerprint)                                                                    \
    X(NUMBER, barred)                                                                              \
    X(SEALED, metadata)                                                                            \
    X(NUMBER, metadata_ms)                                                                         \
    X(TEXT, subject_fingerprint)

static const struct column {
    const char *name;
    const char *sealed; /* what its secrets are bound to */
    size_t offset;      /* in a row: int64_t or char * */
    enum kind kind;
} columns[] = {
#define COLUMN(type, member)                                                                       \
    {#member, "token." #member, offsetof(struct store_token, member), type},
    COLUMNS(COLUMN)
#undef COLUMN
};

#define COUNT (sizeof columns / sizeof columns[0])
/* Behind those of the list. */
#define REST                                                                                       \
    "received_boot_id, stop_kind, stop_since_ms, stop_times, convert_from(stop_reason, 'UTF8'),"   \
    " service_host, spent"

const char *store_pg_token_row_select(struct store_pg_batch *batch)
{
    struct buf sql;
    buf_create(&sql, BUF_LIMIT_LINE);
    buf_puts(&sql, "SELECT ");
    for (size_t i = 0; i < COUNT; i++)
        buf_printf(&sql, "%s, ", columns[i].name);
    buf_puts(&sql, REST " FROM @token WHERE owner = $1");
    const char *text = arena_text(&batch->texts, sql.data, sql.len);
    buf_destroy(&sql);
    return text;
}

static int take_column(struct store_pg_batch *batch, size_t statement, size_t i,
                       struct store_token *row, struct err *err)
{
    const struct column *column = &columns[i];
    char *member = (char *)row + column->offset;
    const char *text = NULL;
    if (column->kind == NUMBER) {
        int64_t number = store_pg_get_int(batch, statement, 0, (int)i, 0);
        memcpy(member, &number, sizeof number);
        return 0;
    }
    if (column->kind == TEXT)
        text = store_pg_get(batch, statement, 0, (int)i);
    else if (store_pg_get_sealed(batch, statement, 0, (int)i, column->sealed, row->owner, &text,
                                 NULL, err) != 0)
        return -1;
    char *own = mem_strdup(text);
    memcpy(member, &own, sizeof own);
    return 0;
}

int store_pg_token_row_take(struct store_pg_batch *batch, size_t statement, struct store_token *row,
                            struct err *err)
{
    int result = 0;
    for (size_t i = 0; i < COUNT; i++) {
        if (take_column(batch, statement, i, row, err) != 0)
            result = -1;
    }
    int at = COUNT;
    snprintf(row->received_boot_id, sizeof row->received_boot_id, "%s",
             store_pg_get_text(batch, statement, 0, at++));
    row->pause.kind = (enum store_pause_kind)store_pg_get_int(batch, statement, 0, at++, 0);
    row->pause.since_ms = store_pg_get_int(batch, statement, 0, at++, 0);
    row->pause.times = store_pg_get_int(batch, statement, 0, at++, 0);
    row->pause.reason = mem_strdup(store_pg_get(batch, statement, 0, at++));
    row->service_host = mem_strdup(store_pg_get(batch, statement, 0, at++));
    row->spent = mem_strdup(store_pg_get(batch, statement, 0, at));
    return result;
}

static void put_column(struct store_pg_batch *batch, const struct column *column,
                       const struct store_token *row)
{
    const char *member = (const char *)row + column->offset;
    int64_t number;
    const char *text;
    memcpy(&number, member, sizeof number);
    memcpy(&text, member, sizeof text);
    if (column->kind == NUMBER)
        store_pg_int(batch, number);
    else if (column->kind == TEXT)
        store_pg_text(batch, text);
    else
        store_pg_sealed(batch, column->sealed, row->owner, text, text != NULL ? strlen(text) : 0);
}

/* Behind those of the list. A spool file of an older program has none of the last two. */
static const char *const more[] = {
    "received_boot_id", "stop_kind", "stop_since_ms", "stop_times", "stop_reason", "home", "owner",
    "service_host",     "spent",
};
#define OWNER     (COUNT + 6)
#define TOTAL     (COUNT + sizeof more / sizeof more[0])
#define TOTAL_OLD (OWNER + 1)

/* INSERT … ON CONFLICT of the first `total` of its values; `where` may keep the row. */
static const char *insert(struct store_pg_batch *batch, size_t total, const char *where)
{
    struct buf sql;
    buf_create(&sql, BUF_LIMIT_LINE);
    buf_puts(&sql, "INSERT INTO @token AS its (");
    for (size_t i = 0; i < total; i++)
        buf_printf(&sql, "%s%s", i > 0 ? ", " : "", i < COUNT ? columns[i].name : more[i - COUNT]);
    buf_puts(&sql, ") VALUES (");
    for (size_t i = 0; i < total; i++)
        buf_printf(&sql, "%s$%zu", i > 0 ? ", " : "", i + 1);
    buf_puts(&sql, ") ON CONFLICT (owner) DO UPDATE SET ");
    for (size_t i = 0; i < total; i++) {
        const char *name = i < COUNT ? columns[i].name : more[i - COUNT];
        if (i != OWNER)
            buf_printf(&sql, "%s%s = excluded.%s", i > 0 ? ", " : "", name, name);
    }
    buf_puts(&sql, where);
    const char *text = arena_text(&batch->texts, sql.data, sql.len);
    buf_destroy(&sql);
    return text;
}

void store_pg_token_row_save(struct store_pg_batch *batch, const struct store_token *row)
{
    store_pg_say(batch, insert(batch, TOTAL, ""));
    for (size_t i = 0; i < COUNT; i++)
        put_column(batch, &columns[i], row);
    store_pg_text(batch, row->received_boot_id);
    store_pg_int(batch, (int)row->pause.kind);
    store_pg_int(batch, row->pause.since_ms);
    store_pg_int(batch, row->pause.times);
    store_pg_scope(batch, row->pause.reason);
    store_pg_scope(batch, row->home);
    store_pg_text(batch, row->owner);
    store_pg_text(batch, row->service_host);
    store_pg_text(batch, row->spent);
}

int store_pg_token_row_read(struct store_pg_batch *batch, const char *name, const char *owner)
{
    store_pg_say(batch, "");
    size_t count = (size_t)store_pg_spool_read(batch, name);
    bool whole = count == TOTAL || count == TOTAL_OLD;
    struct store_pg_statement *row = &batch->statements[batch->count - 1];
    const char *whose = whole ? row->values[OWNER] : NULL;
    if (whose == NULL || strcmp(whose, owner) != 0 || strlen(owner) >= STORE_OWNER_SIZE ||
        row->values[STORE_PG_TOKEN_GENERATION] == NULL ||
        row->values[STORE_PG_TOKEN_REFRESH] == NULL)
        return -1;
    for (size_t i = 0; i < COUNT; i++) {
        if (columns[i].kind == SEALED && row->values[i] != NULL &&
            (row->formats[i] != 1 || store_pg_seal_anew(batch, columns[i].sealed, owner,
                                                        &row->values[i], &row->lengths[i]) != 0))
            return 0;
    }
    store_pg_reword(batch, insert(batch, count, " WHERE its.generation < excluded.generation"));
    return 1;
}

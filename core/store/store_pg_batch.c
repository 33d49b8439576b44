/* Transactions: what is sent, and what came. */
#include "mem.h"
#include "store_pg.h"
#include "store_runs.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX (INT64_C(1) << 53) /* in milliseconds 285,000 years */

struct store_pg_batch *
store_pg_batch_new(struct store_pg *pg,
                   void (*done)(struct store_pg_batch *batch, const struct err *err), void *arg)
{
    struct store_pg_batch *batch = mem_alloc(sizeof *batch);
    *batch = (struct store_pg_batch){
        .pg = pg,
        .deadline_ms = loop_now_ms(pg->loop) + pg->call_ms,
        .done = done,
        .arg = arg,
    };
    return batch;
}

void store_pg_batch_clear(struct store_pg_batch *batch)
{
    for (size_t i = 0; batch->results != NULL && i < batch->count; i++) {
        if (batch->results[i] != NULL)
            batch->pg->api.PQclear(batch->results[i]);
        batch->results[i] = NULL;
    }
}

void store_pg_batch_free(struct store_pg_batch *batch)
{
    store_pg_batch_clear(batch);
    mem_free(batch->results);
    mem_free(batch->statements);
    arena_destroy(&batch->texts);
    mem_free(batch);
}

/* The statement with the schema's name in the place of each @. */
static const char *qualified(struct store_pg_batch *batch, const char *sql)
{
    size_t names = 0;
    for (const char *at = sql; (at = strchr(at, '@')) != NULL; at++)
        names++;
    size_t len = strlen(batch->pg->prefix);
    char *text = arena_alloc(&batch->texts, strlen(sql) + names * len + 1);
    char *to = text;
    for (; *sql != '\0'; sql++) {
        if (*sql != '@') {
            *to++ = *sql;
            continue;
        }
        memcpy(to, batch->pg->prefix, len);
        to += len;
    }
    return text;
}

void store_pg_say(struct store_pg_batch *batch, const char *sql)
{
    size_t count = batch->count + 1;
    batch->statements = mem_realloc(batch->statements, count * sizeof *batch->statements);
    batch->results = mem_realloc(batch->results, count * sizeof(PGresult *));
    batch->results[batch->count] = NULL;
    batch->statements[batch->count] = (struct store_pg_statement){.sql = qualified(batch, sql)};
    batch->count = count;
}

void store_pg_reword(struct store_pg_batch *batch, const char *sql)
{
    batch->statements[batch->count - 1].sql = qualified(batch, sql);
}

static void add(struct store_pg_batch *batch, const char *value, size_t len, int format)
{
    struct store_pg_statement *statement = &batch->statements[batch->count - 1];
    statement->values[statement->count] = value;
    statement->lengths[statement->count] = (int)len;
    statement->formats[statement->count] = format;
    statement->count++;
}

void store_pg_text(struct store_pg_batch *batch, const char *text)
{
    add(batch, text != NULL ? arena_text(&batch->texts, text, strlen(text)) : NULL, 0, 0);
}

void store_pg_int(struct store_pg_batch *batch, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    store_pg_text(batch, text);
}

void store_pg_time(struct store_pg_batch *batch, int64_t ms)
{
    if (ms == STORE_NONE)
        store_pg_text(batch, NULL);
    else
        store_pg_int(batch, ms);
}

void store_pg_bytes(struct store_pg_batch *batch, const void *bytes, size_t len)
{
    add(batch, bytes != NULL ? arena_text(&batch->texts, bytes, len) : NULL, len, 1);
}

void store_pg_scope(struct store_pg_batch *batch, const char *scope)
{
    store_pg_bytes(batch, scope, scope != NULL ? strlen(scope) : 0);
}

void store_pg_sealed(struct store_pg_batch *batch, const char *column, const char *owner,
                     const char *text, size_t len)
{
    size_t sealed_len = 0;
    const unsigned char *sealed =
        text != NULL ? store_pg_seal(batch, column, owner, text, len, &sealed_len) : NULL;
    add(batch, (const char *)sealed, sealed_len, 1);
}

int store_pg_rows(const struct store_pg_batch *batch, size_t statement)
{
    return batch->pg->api.PQntuples(batch->results[statement]);
}

const char *store_pg_get(const struct store_pg_batch *batch, size_t statement, int row, int column)
{
    const struct store_pg_api *api = &batch->pg->api;
    const PGresult *result = batch->results[statement];
    if (row >= api->PQntuples(result) || api->PQgetisnull(result, row, column))
        return NULL;
    return api->PQgetvalue(result, row, column);
}

const char *store_pg_get_text(const struct store_pg_batch *batch, size_t statement, int row,
                              int column)
{
    const char *text = store_pg_get(batch, statement, row, column);
    return text != NULL ? text : "";
}

bool store_pg_get_true(const struct store_pg_batch *batch, size_t statement, int row, int column)
{
    return store_pg_get_text(batch, statement, row, column)[0] == 't';
}

int64_t store_pg_get_int(const struct store_pg_batch *batch, size_t statement, int row, int column,
                         int64_t none)
{
    const char *text = store_pg_get(batch, statement, row, column);
    if (text == NULL)
        return none;
    int64_t number = strtoll(text, NULL, 10);
    return number > NUMBER_MAX ? NUMBER_MAX : number < -NUMBER_MAX ? -NUMBER_MAX : number;
}

const char *store_pg_get_bytes(struct store_pg_batch *batch, size_t statement, int row, int column,
                               size_t *len)
{
    const char *text = store_pg_get(batch, statement, row, column);
    size_t digits = text != NULL ? strlen(text) : 0;
    *len = 0;
    if (digits < 2)
        return NULL;
    unsigned char *bytes = arena_alloc(&batch->texts, digits / 2 + 1);
    sodium_hex2bin(bytes, digits / 2, text + 2, digits - 2, NULL, len, NULL); /* "\x…" */
    return (const char *)bytes;
}

int store_pg_get_sealed(struct store_pg_batch *batch, size_t statement, int row, int column,
                        const char *name, const char *owner, const char **text, size_t *len,
                        struct err *err)
{
    size_t sealed_len;
    const char *sealed = store_pg_get_bytes(batch, statement, row, column, &sealed_len);
    *text = NULL;
    if (sealed == NULL)
        return 0;
    char *opened = arena_alloc(&batch->texts, sealed_len + 1);
    int64_t opened_len =
        store_pg_unseal(batch->pg, name, owner, (const unsigned char *)sealed, sealed_len, opened);
    if (opened_len < 0)
        return err_set(err, ERR_CONFIG,
                       "%s: no key of `state.key` opens '%s' of a row, or the row was changed by "
                       "somebody else",
                       batch->pg->label, name);
    *text = opened;
    if (len != NULL)
        *len = (size_t)opened_len;
    return 0;
}

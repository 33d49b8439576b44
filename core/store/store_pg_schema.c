/* The tables, and what a connection begins with. */
#include "mem.h"
#include "store_pg.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define TABLE "CREATE TABLE IF NOT EXISTS @"

/* A statement each. Whoever comes first makes them; others wait, and find them. */
static const char *const tables[] = {
    "CREATE TABLE IF NOT EXISTS @meta (key text PRIMARY KEY, value bytea NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @lease (kind smallint, key bytea, epoch bigint NOT NULL,"
    " holder bytea NOT NULL, host text NOT NULL, boot_id text NOT NULL, until timestamptz,"
    " PRIMARY KEY (kind, key)) WITH (fillfactor = 50)",
    "CREATE TABLE IF NOT EXISTS @token (owner text PRIMARY KEY, home bytea,"
    " generation bigint NOT NULL, access_token bytea, endpoint_url bytea, scope text,"
    " lifetime_ms bigint NOT NULL, received_wall_ms bigint NOT NULL,"
    " received_boot_ms bigint NOT NULL, received_boot_id text NOT NULL, refresh_token bytea,"
    " refresh_previous bytea, refresh_since_ms bigint NOT NULL, configured_fingerprint text,"
    " application_fingerprint text, service_override bytea, token_type text,"
    " refresh_expires_ms bigint NOT NULL, login_since_ms bigint NOT NULL, asked text,"
    " secret_fingerprint text, barred bigint NOT NULL, metadata bytea,"
    " metadata_ms bigint NOT NULL, stop_kind smallint NOT NULL, stop_since_ms bigint NOT NULL,"
    " stop_times bigint NOT NULL, stop_reason bytea, subject_fingerprint text)",
    "CREATE TABLE IF NOT EXISTS @token_intent (owner text PRIMARY KEY, id text NOT NULL,"
    " generation bigint NOT NULL, started_ms bigint NOT NULL, host text NOT NULL)",
    /* Scopes may be too long for an index: their hashes are in it. */
    "CREATE TABLE IF NOT EXISTS @kv (scope bytea NOT NULL, key bytea NOT NULL,"
    " value bytea NOT NULL, version bigint NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @kv_write (scope bytea PRIMARY KEY, last bigint NOT NULL,"
    " again boolean NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS kv_by_key ON @kv (sha256(scope), key)",
    "CREATE SEQUENCE IF NOT EXISTS @run_row",
    "CREATE TABLE IF NOT EXISTS @run (row bigint PRIMARY KEY, run text NOT NULL,"
    " scope bytea NOT NULL, job text NOT NULL, slot_ms bigint, attempt bigint NOT NULL,"
    " started_ms bigint NOT NULL, ended_ms bigint, exit integer, cause text, message bytea,"
    " requests bigint NOT NULL, exchanges bigint NOT NULL, peak_kib bigint NOT NULL,"
    " pid bigint NOT NULL, pid_start bigint NOT NULL, boot_id text NOT NULL,"
    " output_bytes bigint NOT NULL, output bytea, untold boolean NOT NULL, host text,"
    " host_id text NOT NULL, made bytea NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS run_by_id ON @run (run, attempt)",
    "CREATE INDEX IF NOT EXISTS run_by_scope ON @run (sha256(scope), row)",
    "CREATE INDEX IF NOT EXISTS run_open ON @run (row) WHERE exit IS NULL AND cause IS NULL",
    "CREATE INDEX IF NOT EXISTS run_untold ON @run (sha256(scope)) WHERE untold",
    "CREATE TABLE IF NOT EXISTS @slot (scope bytea NOT NULL, slot_ms bigint NOT NULL,"
    " run text NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS slot_by_scope ON @slot (sha256(scope), slot_ms)",
    /* A boot is a host's: host and boot_id together are claimed. */
    "CREATE TABLE IF NOT EXISTS @boot (scope bytea NOT NULL, host_id text NOT NULL,"
    " boot_id text NOT NULL, run text NOT NULL)",
    "CREATE UNIQUE INDEX IF NOT EXISTS boot_by_scope ON @boot (sha256(scope), host_id)",
    "CREATE TABLE IF NOT EXISTS @job (scope bytea NOT NULL, installed_ms bigint)",
    "CREATE UNIQUE INDEX IF NOT EXISTS job_by_scope ON @job (sha256(scope))",
    "CREATE TABLE IF NOT EXISTS @job_counter (scope bytea NOT NULL, runs bigint NOT NULL,"
    " failures bigint NOT NULL, skipped bigint NOT NULL, requests bigint NOT NULL,"
    " exchanges bigint NOT NULL, success_ms bigint, last bytea NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @bucket (key bytea PRIMARY KEY, slots text NOT NULL)"
    " WITH (fillfactor = 50)",
    "CREATE UNIQUE INDEX IF NOT EXISTS job_counter_by_scope ON @job_counter (sha256(scope))",
    /* Webhooks, their events, and the steps of those. `made`, `again`, `last` and `retried` tell
     * what was sent a second time. */
    "CREATE TABLE IF NOT EXISTS @hook (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " key bytea NOT NULL UNIQUE, scope bytea NOT NULL)",
    "CREATE TABLE IF NOT EXISTS @event (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " hook bigint NOT NULL, id bytea NOT NULL, part bigint NOT NULL, digest bytea, type bytea,"
    " order_key bytea, order_lock bigint, state smallint NOT NULL, received_ms bigint NOT NULL,"
    " next_ms bigint, ended_ms bigint, attempt bigint NOT NULL, conflicts bigint NOT NULL,"
    " duplicates bigint NOT NULL, alone boolean NOT NULL, owner text, error bytea, headers bytea,"
    " body bytea, made bytea NOT NULL, again bytea, last bytea, retried bytea)",
    "CREATE UNIQUE INDEX IF NOT EXISTS event_by_id ON @event (hook, id, part)",
    "CREATE INDEX IF NOT EXISTS event_by_hook ON @event (hook, seq)",
    "CREATE INDEX IF NOT EXISTS event_by_digest ON @event (hook, digest, part)"
    " WHERE digest IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS event_due ON @event (hook, next_ms, seq)"
    " WHERE next_ms IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS event_open ON @event (hook, seq) WHERE ended_ms IS NULL",
    "CREATE INDEX IF NOT EXISTS event_order ON @event (hook, order_key, seq)"
    " WHERE ended_ms IS NULL AND order_key IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS event_running ON @event (owner) WHERE owner IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS event_dead ON @event (hook, seq) WHERE state = 8",
    "CREATE INDEX IF NOT EXISTS event_held ON @event (hook, seq) WHERE state = 16",
    "CREATE INDEX IF NOT EXISTS event_ended ON @event (hook, state, ended_ms)"
    " WHERE ended_ms IS NOT NULL",
    "CREATE INDEX IF NOT EXISTS event_full ON @event (hook, state, ended_ms)"
    " WHERE ended_ms IS NOT NULL AND body IS NOT NULL",
    "CREATE TABLE IF NOT EXISTS @step (seq bigint, name bytea, result bytea NOT NULL,"
    " PRIMARY KEY (seq, name))",
};

/* What a version adds is made beside what is there. */
static const struct addition {
    int version;
    const char *sql;
} additions[] = {
    /* No more of its events than that are open; NULL: they are to be counted. */
    {3, "ALTER TABLE @hook ADD COLUMN IF NOT EXISTS open_most bigint"},
    /* Refresh tokens that came to somebody who had lost the lease. */
    {4, "CREATE TABLE IF NOT EXISTS @token_spare (owner text NOT NULL, generation bigint NOT NULL,"
        " refresh_token bytea NOT NULL, kept_at timestamptz NOT NULL DEFAULT clock_timestamp())"},
    {4, "CREATE UNIQUE INDEX IF NOT EXISTS token_spare_by_token ON @token_spare"
        " (owner, sha256(refresh_token))"},
    /* Of a row that was copied here: the salt of its fingerprints, in place of ours. */
    {5, "ALTER TABLE @token ADD COLUMN IF NOT EXISTS salt bytea"},
    /* Where it came from, and which tokens that a person gave it has replaced. */
    {6, "ALTER TABLE @token ADD COLUMN IF NOT EXISTS service_host text"},
    {6, "ALTER TABLE @token ADD COLUMN IF NOT EXISTS spent text"},
    /* The listener whose sender waits for the handler's reply, and until when. */
    {7, "ALTER TABLE @event ADD COLUMN IF NOT EXISTS reserved_for text"},
    {7, "ALTER TABLE @event ADD COLUMN IF NOT EXISTS reserved_until_ms bigint"},
    /* And whether one of an order key runs, however many wait for it. */
    {7, "CREATE INDEX IF NOT EXISTS event_turn ON @event (hook, order_key)"
        " WHERE owner IS NOT NULL AND order_key IS NOT NULL"},
};

#define NTABLES        (sizeof tables / sizeof tables[0])
#define NADDITIONS     (sizeof additions / sizeof additions[0])
#define TABLES_VERSION 2 /* has all of the first ones */

static void put_meta(struct store_pg_batch *batch, const char *key)
{
    store_pg_say(batch, "INSERT INTO @meta (key, value) VALUES ($1, $2) ON CONFLICT DO NOTHING");
    store_pg_text(batch, key);
}

static void put_number(struct store_pg_batch *batch, const char *key, int number)
{
    char *text = mem_printf("%d", number);
    store_pg_say(batch, "INSERT INTO @meta AS its (key, value) VALUES ($1, $2)"
                        " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
                        " WHERE convert_from(its.value, 'UTF8')::integer"
                        " < convert_from(excluded.value, 'UTF8')::integer");
    store_pg_text(batch, key);
    store_pg_bytes(batch, text, strlen(text));
    mem_free(text);
}

/* A statement locks its table, also where there is nothing to do, and others who are at work hold
 * some tables and wait for others. So a state of some version gets only what it has not. */
static void say_tables(struct store_pg_batch *batch, int version)
{
    for (size_t i = 0; i < NTABLES && version < TABLES_VERSION; i++)
        store_pg_say(batch, tables[i]);
    for (size_t i = 0; i < NADDITIONS; i++) {
        if (additions[i].version > version)
            store_pg_say(batch, additions[i].sql);
    }
}

void store_pg_schema_make(struct store_pg_batch *batch, int version)
{
    unsigned char salt[STORE_SALT_SIZE];
    char *schema = mem_strndup(batch->pg->prefix, strlen(batch->pg->prefix) - 1);
    char *create = mem_printf("CREATE SCHEMA IF NOT EXISTS %s", schema);
    store_pg_say(batch, "SELECT pg_advisory_xact_lock(hashtextextended('jeton:' || $1::text, 0))");
    store_pg_text(batch, schema);
    store_pg_say(batch, create);
    say_tables(batch, version);
    put_number(batch, "version", STORE_PG_VERSION);
    put_number(batch, "oldest", STORE_PG_OLDEST);
    put_meta(batch, "salt");
    randombytes_buf(salt, sizeof salt);
    store_pg_bytes(batch, salt, sizeof salt);
    put_meta(batch, "check");
    store_pg_sealed(batch, STORE_PG_CHECK_NAME, STORE_PG_CHECK_OWNER, "", 0);
    mem_free(schema);
    mem_free(create);
}

/* A parameter as SQL has it. */
static void print_value(const struct store_pg_statement *statement, int at, struct buf *out)
{
    const char *value = statement->values[at];
    if (statement->formats[at] != 0) {
        buf_puts(out, "'\\x");
        for (int i = 0; i < statement->lengths[at]; i++)
            buf_printf(out, "%02x", (unsigned char)value[i]);
        buf_puts(out, "'::bytea");
        return;
    }
    buf_putc(out, '\'');
    for (; *value != '\0'; value++)
        buf_printf(out, *value == '\'' ? "''" : "%c", *value);
    buf_putc(out, '\'');
}

/* There are no more than nine parameters in those that make tables. */
static void print_statement(const struct store_pg_statement *statement, struct buf *out)
{
    for (const char *at = statement->sql; *at != '\0'; at++) {
        if (*at == '$')
            print_value(statement, *++at - '1', out);
        else
            buf_putc(out, *at);
    }
    buf_puts(out, ";\n");
}

void store_pg_schema_print(struct store_pg *pg, struct buf *out)
{
    struct store_pg_batch *batch = store_pg_batch_new(pg, NULL, NULL);
    const char *schema = pg->place.schema;
    store_pg_schema_make(batch, 0);
    buf_puts(out, "BEGIN;\n");
    for (size_t i = 0; i < batch->count; i++)
        print_statement(&batch->statements[i], out);
    buf_printf(out,
               "COMMIT;\n"
               "-- Afterwards, for each role that uses them:\n"
               "-- GRANT USAGE ON SCHEMA \"%s\" TO role;\n"
               "-- GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"%s\" TO role;\n"
               "-- GRANT USAGE ON ALL SEQUENCES IN SCHEMA \"%s\" TO role;\n",
               schema, schema, schema);
    store_pg_batch_free(batch);
}

/* Of meta it is enough to read. */
void store_pg_schema_rights(struct store_pg_batch *batch)
{
    struct buf names;
    buf_create(&names, BUF_LIMIT_LINE);
    for (size_t i = 0; i < NTABLES + NADDITIONS; i++) {
        const char *sql = i < NTABLES ? tables[i] : additions[i - NTABLES].sql;
        const char *name = sql + sizeof TABLE - 1;
        if (strncmp(sql, TABLE, sizeof TABLE - 1) == 0)
            buf_printf(&names, "%c%.*s", names.len > 0 ? ',' : '{', (int)strcspn(name, " "), name);
    }
    buf_putc(&names, '}');
    store_pg_say(batch,
                 "SELECT relname, string_agg(wanted, ', ' ORDER BY n), current_user FROM pg_class"
                 " CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE'])"
                 " WITH ORDINALITY AS its (wanted, n) WHERE relnamespace = (SELECT oid"
                 " FROM pg_namespace WHERE nspname = $1) AND CASE WHEN relkind = 'S' THEN relname "
                 "= 'run_row' AND"
                 " wanted = 'USAGE' AND NOT has_sequence_privilege(pg_class.oid, wanted)"
                 " WHEN wanted = 'USAGE' THEN false ELSE relname = ANY($2::text[]) AND"
                 " (relname <> 'meta' OR wanted = 'SELECT')"
                 " AND NOT has_table_privilege(pg_class.oid, wanted) END"
                 " GROUP BY relname ORDER BY relname");
    store_pg_text(batch, batch->pg->place.schema);
    store_pg_text(batch, names.data);
    buf_destroy(&names);
}

int store_pg_schema_lacks(struct store_pg_batch *batch, struct err *err)
{
    const char *schema = batch->pg->place.schema;
    struct buf lacks;
    buf_create(&lacks, BUF_LIMIT_LINE);
    for (int row = 0; row < store_pg_rows(batch, 0); row++)
        buf_printf(&lacks, "%s%s on %s", row > 0 ? "; " : "", store_pg_get_text(batch, 0, row, 1),
                   store_pg_get_text(batch, 0, row, 0));
    err_set(err, ERR_CONFIG,
            "%s: role '%s' lacks rights in schema '%s': %s; give them as `jeton state upgrade "
            "--print-sql` says at its end",
            batch->pg->label, store_pg_get_text(batch, 0, 0, 2), schema, lacks.data);
    buf_destroy(&lacks);
    return -1;
}

/* Hello */

/* The value of a key of meta, of the hello's only statement; NULL: there is none. */
static const char *meta(struct store_pg_batch *batch, const char *key, size_t *len)
{
    for (int row = 0; row < store_pg_rows(batch, 0); row++) {
        if (strcmp(store_pg_get_text(batch, 0, row, 0), key) == 0)
            return store_pg_get_bytes(batch, 0, row, 1, len);
    }
    return NULL;
}

/* "\nHOME\nHOME\n" of those that are being copied there. */
static void note_copies(struct store_pg_batch *batch)
{
    struct buf homes;
    buf_create(&homes, SIZE_MAX);
    for (int row = 0; row < store_pg_rows(batch, 0); row++) {
        const char *key = store_pg_get_text(batch, 0, row, 0);
        if (strncmp(key, STORE_PG_COPY, sizeof STORE_PG_COPY - 1) == 0)
            buf_printf(&homes, "\n%s\n", key + sizeof STORE_PG_COPY - 1);
    }
    mem_free(batch->pg->copying);
    batch->pg->copying = homes.len > 0 ? mem_strdup(homes.data) : NULL;
    buf_destroy(&homes);
}

static int check_key(struct store_pg_batch *batch, struct err *err)
{
    size_t len;
    char opened[64];
    const char *check = meta(batch, "check", &len);
    if (check != NULL && len < sizeof opened &&
        store_pg_unseal(batch->pg, STORE_PG_CHECK_NAME, STORE_PG_CHECK_OWNER,
                        (const unsigned char *)check, len, opened) == 0)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s: no key of `state.key` is the one that its secrets are sealed with; "
                   "all hosts need the same keys",
                   batch->pg->label);
}

static int check_state(struct store_pg_batch *batch, struct err *err)
{
    struct store_pg *pg = batch->pg;
    size_t len;
    const char *oldest = meta(batch, "oldest", &len);
    const char *salt = meta(batch, "salt", &len);
    if (oldest == NULL || salt == NULL || len != STORE_SALT_SIZE)
        return err_set(err, ERR_CONFIG, "%s: the table meta of schema '%s' is not jeton's",
                       pg->label, pg->place.schema);
    if (atoi(oldest) > STORE_PG_VERSION)
        return err_set(err, ERR_CONFIG,
                       "%s: its tables need a jeton that knows version %s, and this one knows %d; "
                       "use a newer jeton",
                       pg->label, oldest, STORE_PG_VERSION);
    note_copies(batch);
    if (pg->home != NULL && store_pg_home_check(pg, pg->home, err) != 0)
        return -1;
    return check_key(batch, err);
}

static void made(struct store_pg_batch *batch, const struct err *err)
{
    struct store_pg *pg = batch->pg;
    if (err == NULL)
        store_pg_hello(pg);
    else if (pg->conn != NULL)
        store_pg_hang_up(pg, err);
}

static void make(struct store_pg *pg, int version)
{
    struct store_pg_batch *batch = store_pg_batch_new(pg, made, NULL);
    batch->hello = true;
    store_pg_schema_make(batch, version);
    store_pg_send_first(pg, batch);
}

/* Of its tables; those of a newer one may be added to them. */
static int version_of(struct store_pg_batch *batch)
{
    size_t len;
    const char *version = meta(batch, "version", &len);
    return version != NULL ? atoi(version) : STORE_PG_VERSION;
}

void store_pg_clock_seen(struct store_pg *pg, int64_t server_ms)
{
    int64_t ahead_ms = server_ms - clock_now_ms(loop_clock(pg->loop), CLOCK_BOOT);
    if (ahead_ms > pg->ahead_ms)
        pg->ahead_ms = ahead_ms;
}

/* Else a text that it cannot hold is an error when it comes, perhaps beside the only token. */
static int check_encoding(const struct store_pg *pg, struct err *err)
{
    const char *encoding = pg->api.PQparameterStatus(pg->conn, "server_encoding");
    if (encoding == NULL || strcmp(encoding, "UTF8") == 0 || strcmp(encoding, "SQL_ASCII") == 0)
        return 0;
    return err_set(err, ERR_CONFIG,
                   "%s: its encoding is %s, which does not hold every text: take one that was made "
                   "WITH ENCODING 'UTF8'",
                   pg->label, encoding);
}

static void looked(struct store_pg_batch *batch, const struct err *err)
{
    struct store_pg *pg = batch->pg;
    struct err wrong;
    if (pg->conn == NULL) /* the next connection begins anew */
        return;
    if (check_encoding(pg, &wrong) != 0) {
        store_pg_hang_up(pg, &wrong);
        return;
    }
    if (err != NULL) {
        bool missing = strcmp(pg->sqlstate, "3F000") == 0 || strcmp(pg->sqlstate, "42P01") == 0;
        if (missing && pg->make)
            make(pg, 0);
        else
            store_pg_hang_up(pg, err);
        return;
    }
    if (check_state(batch, &wrong) != 0) {
        store_pg_hang_up(pg, &wrong);
        return;
    }
    int version = version_of(batch);
    if (version < STORE_PG_VERSION && pg->make) {
        make(pg, version);
        return;
    }
    pg->ahead_ms = INT64_MIN;
    store_pg_clock_seen(pg, store_pg_get_int(batch, 0, 0, 2, 0));
    pg->known = pg->seen = true;
    store_pg_token_push(pg);
}

/* What `looked` will look at, as far as SQL can: fails unless nothing will be wrong. */
static void fail_unless_fine(struct store_pg_batch *batch)
{
    struct buf ids;
    buf_create(&ids, BUF_LIMIT_LINE);
    for (size_t i = 0; i < batch->pg->nkeys; i++) {
        const unsigned char *id = batch->pg->keys[i].id;
        buf_printf(&ids, "%c%02x%02x%02x%02x", i == 0 ? '{' : ',', id[0], id[1], id[2], id[3]);
    }
    buf_putc(&ids, '}');
    store_pg_say(batch, "SELECT 1 / (count(*) FILTER (WHERE CASE key"
                        " WHEN 'version' THEN convert_from(value, 'UTF8')::integer >= $1::integer"
                        " WHEN 'oldest' THEN convert_from(value, 'UTF8')::integer <= $1::integer"
                        " WHEN 'check' THEN encode(substr(value, 2, 4), 'hex') = ANY($2::text[])"
                        " END) = 3 AND count(*) FILTER (WHERE key = '" STORE_PG_COPY
                        "' || $3::text) = 0)::integer FROM @meta");
    store_pg_int(batch, STORE_PG_VERSION);
    store_pg_text(batch, ids.data);
    store_pg_text(batch, batch->pg->home);
    buf_destroy(&ids);
}

void store_pg_hello(struct store_pg *pg)
{
    struct store_pg_batch *batch = store_pg_batch_new(pg, looked, NULL);
    batch->hello = true;
    store_pg_say(batch, "SELECT key, value, (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
                        " FROM @meta");
    /* What is in the spool goes before whatever else is asked. */
    batch->joins = !pg->careful && pg->first != NULL && !pg->first->hello && !pg->first->alone &&
                   pg->first->count > 0 && store_pg_spool_each(pg, NULL, NULL) == 0;
    if (batch->joins)
        fail_unless_fine(batch);
    store_pg_send_first(pg, batch);
}

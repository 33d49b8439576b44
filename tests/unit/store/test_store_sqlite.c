/* SQLite as an engine: its files, and its versions. */
#include "clock.h"
#include "store_events.h"
#include "store_fixture.h"
#include "store_runs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#define FILE_NAME "state/jeton.db"
#define SCOPE     "job:report:/etc/jeton.yaml"

static void refused(struct err *err)
{
    char folder[] = "state";
    const struct state_place place = {.folder = folder};
    struct store *store = store_new(&place, NULL);
    assert_int_equal(store_open(store, err), -1);
    store_free(store);
}

static void run_sql(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int ask_sql(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int value = sqlite3_column_int(stmt, 0);
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return value;
}

/* All tables, indexes and columns of the state, in words. To be freed. */
static char *shape(void)
{
    static const char columns[] =
        "SELECT group_concat(line, char(10)) FROM ("
        "SELECT m.type || ' ' || m.name || ' ' || ifnull(c.name || ' ' || c.type || ' ' ||"
        "  c.\"notnull\" || ' ' || ifnull(c.dflt_value, '') || ' ' || c.pk, '') AS line"
        "  FROM sqlite_schema m LEFT JOIN pragma_table_xinfo(m.name) c ORDER BY m.name, c.cid)";
    sqlite3 *db;
    sqlite3_stmt *stmt;
    assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, columns, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    char *text = mem_strdup((const char *)sqlite3_column_text(stmt, 0));
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return text;
}

static void folder_and_files_are_private(void **state)
{
    (void)state;
    mode_t old = umask(0);
    struct store *store = store_fixture_open();
    struct err err;
    struct store_kv item = {.key = "k", .value = "v", .len = 1};
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    struct stat st;
    assert_int_equal(stat("state", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    DIR *dir = opendir("state");
    struct dirent *entry;
    int files = 0;
    while ((entry = readdir(dir)) != NULL) {
        if (strncmp(entry->d_name, "jeton.db", 8) != 0)
            continue;
        assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        files++;
    }
    assert_true(files >= 1);
    closedir(dir);
    umask(old);
    store_free(store);
}

static void loosened_modes_are_refused(void **state)
{
    (void)state;
    struct err err;
    store_free(store_fixture_open());
    chmod(FILE_NAME, 0640);
    refused(&err);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "chmod"));
    chmod(FILE_NAME, 0600);
    chmod("state", 0755);
    refused(&err);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "chmod"));
}

static void a_newer_version_is_refused(void **state)
{
    (void)state;
    struct err err;
    store_free(store_fixture_open());
    run_sql("PRAGMA user_version = 999");
    refused(&err);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "version 999"));
}

static void a_corrupt_file_is_kept_aside(void **state)
{
    (void)state;
    struct err err;
    store_free(store_fixture_open());
    FILE *file = fopen(FILE_NAME, "w");
    fputs("this is no database, but somebody may want these bytes", file);
    fclose(file);
    refused(&err);
    assert_int_equal(err.kind, ERR_CONFIG);
    char *kept = strstr(err.msg, "jeton.db.corrupt-");
    assert_non_null(kept);
    assert_int_equal(system("grep -q 'somebody may want' state/jeton.db.corrupt-*"), 0);
    store_free(store_fixture_open()); /* the next run starts anew */
}

/* What version 1 left is all there, and its file can be used for runs. */
static void version_1_migrates(void **state)
{
    (void)state;
    static const char version_1[] =
        "PRAGMA journal_mode = WAL; PRAGMA application_id = 1784968303; PRAGMA user_version = 1;"
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
        "CREATE TABLE token ("
        "  owner TEXT PRIMARY KEY, generation INTEGER NOT NULL, access_token TEXT,"
        "  endpoint_url TEXT, scope TEXT, lifetime_ms INTEGER NOT NULL,"
        "  received_wall_ms INTEGER NOT NULL, received_boot_ms INTEGER NOT NULL,"
        "  received_boot_id TEXT NOT NULL, refresh_token TEXT, refresh_previous TEXT,"
        "  refresh_since_ms INTEGER NOT NULL, configured_fingerprint TEXT,"
        "  application_fingerprint TEXT, service_override TEXT) WITHOUT ROWID;"
        "CREATE TABLE kv (scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
        "  PRIMARY KEY (scope, key)) WITHOUT ROWID;"
        "INSERT INTO meta VALUES ('salt', zeroblob(32));"
        "INSERT INTO kv VALUES ('" SCOPE "', 'cursor', '42');"
        "INSERT INTO token (owner, generation, lifetime_ms, received_wall_ms, received_boot_ms,"
        "  received_boot_id, refresh_token, refresh_since_ms)"
        "  VALUES ('owner', 3, 1, 1, 1, 'boot', 'rotated', 1);";
    assert_int_equal(mkdir("state", 0700), 0);
    folder_put("state/jeton.db", 0600, "");
    sqlite3 *db;
    assert_int_equal(sqlite3_open("state/jeton.db", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, version_1, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);

    struct err err;
    struct store *store = store_fixture_open();
    struct store_token row;
    struct buf value;
    buf_create(&value, 100);
    assert_int_equal(store_kv_get(store, SCOPE, "cursor", &value, &err), 1);
    assert_string_equal(value.data, "42");
    assert_int_equal(store_fixture_load(store, "owner", &row), 1);
    assert_string_equal(row.refresh_token, "rotated");
    store_token_destroy(&row);
    struct store_run run = {.run = "first", .scope = SCOPE, .job = "report", .attempt = 1};
    assert_int_equal(store_run_add(store, &run, &err), 0);
    store_free(store);
    store = store_fixture_open();
    struct store_runs runs;
    assert_int_equal(store_run_list(store, &(struct store_run_filter){0}, &runs, &err), 0);
    assert_int_equal(runs.count, 1);
    assert_string_equal(runs.items[0].run, "first");
    store_runs_destroy(&runs);
    store_free(store);
    buf_destroy(&value);

    char *migrated = shape();
    assert_int_equal(rename("state", "migrated"), 0);
    store_free(store_fixture_open());
    char *made = shape();
    assert_string_equal(made, migrated);
    assert_non_null(strstr(made, "index run_untold"));
    mem_free(made);
    mem_free(migrated);
}

/* A program of 0.1.0 knows version 4 and looks at user_version. */
static void programs_of_0_1_0_can_go_on(void **state)
{
    (void)state;
    store_free(store_fixture_open());
    assert_int_equal(ask_sql("PRAGMA user_version"), STORE_OLDEST);
    assert_int_equal(STORE_OLDEST, 4);
    assert_int_equal(ask_sql("SELECT value FROM meta WHERE key = 'version'"), STORE_VERSION);
    run_sql("DELETE FROM meta WHERE key = 'version'; DROP TABLE token_intent;"
            "DROP TABLE bucket;"
            "DROP TABLE event; DROP TABLE step; DROP TRIGGER kv_version;"
            "ALTER TABLE kv DROP COLUMN version; INSERT INTO kv VALUES ('job', 'old', '1');"
            "ALTER TABLE run DROP COLUMN host"); /* as it left it */
    static const char *const added[] = {"token_type",    "refresh_expires_ms",  "login_since_ms",
                                        "asked",         "secret_fingerprint",  "barred",
                                        "metadata",      "metadata_ms",         "stop_kind",
                                        "stop_since_ms", "stop_times",          "stop_reason",
                                        "home",          "subject_fingerprint", "service_host",
                                        "spent"};
    for (size_t i = 0; i < sizeof added / sizeof added[0]; i++) {
        char *sql = mem_printf("ALTER TABLE token DROP COLUMN %s", added[i]);
        run_sql(sql);
        mem_free(sql);
    }
    struct err err;
    struct store *store = store_fixture_open();
    assert_int_equal(ask_sql("SELECT value FROM meta WHERE key = 'version'"), STORE_VERSION);
    assert_int_equal(ask_sql("PRAGMA user_version"), STORE_OLDEST);

    /* What it writes has a version nevertheless. */
    int64_t first, second;
    struct buf value;
    buf_create(&value, 100);
    assert_int_equal(store_kv_read(store, "job", "old", &value, &first, &err), 1);
    assert_true(first > 0);
    run_sql("INSERT OR REPLACE INTO kv (scope, key, value) VALUES ('job', 'old', '1')");
    assert_int_equal(store_kv_read(store, "job", "old", &value, &second, &err), 1);
    assert_true(second > 0 && second != first);
    assert_int_equal(store_kv_read(store, "job", "none", &value, &second, &err), 0);
    assert_int_equal(second, 0);
    buf_destroy(&value);
    store_free(store);
}

/* The one step of a query's plan, or "several". */
static void explain(sqlite3 *db, const char *sql, char plan[static 200])
{
    sqlite3_stmt *stmt;
    char *query = mem_printf("EXPLAIN QUERY PLAN %s", sql);
    assert_int_equal(sqlite3_prepare_v2(db, query, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    snprintf(plan, 200, "%s", (const char *)sqlite3_column_text(stmt, 3));
    if (sqlite3_step(stmt) == SQLITE_ROW)
        snprintf(plan, 200, "several");
    sqlite3_finalize(stmt);
    mem_free(query);
}

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
static int syncs, sync_error;
int __wrap_fdatasync(int fd)
{
    syncs++;
    if (sync_error == 0)
        return __real_fdatasync(fd);
    errno = sync_error;
    return -1;
}

/* A limit on files is blamed only where one has come near it. */
static void a_limit_far_away_is_not_blamed(void **state)
{
    (void)state;
    struct err err;
    struct rlimit before, limit;
    struct store *store = store_fixture_open();
    struct store_kv item = {.key = "k", .value = "v", .len = 1};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){.rlim_cur = (rlim_t)1 << 30, .rlim_max = before.rlim_max};
    for (int near = 0; near < 2; near++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
        sync_error = EREMOTEIO;
        assert_int_equal(store_kv_write(store, "job", &item, 1, &err), -1);
        sync_error = 0;
        assert_int_equal(strstr(err.msg, "(ulimit -f)") != NULL, near);
        limit.rlim_cur = (rlim_t)32 * 1024;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    store_free(store);
}

/* 100,000 events wait, most of them for the first of their order key. */
static void claiming_among_many_events_is_cheap(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    run_sql("WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
            " INSERT INTO event (scope, id, part, order_key, state, received_ms, next_ms, attempt,"
            "  conflicts, duplicates, alone, headers, body)"
            " SELECT 'hook:h:f', i, 0, CASE WHEN i % 100 > 0 THEN 'k' END, 'ready', i,"
            "  CASE WHEN i % 100 = 0 OR i = 1 THEN i END, 0, 0, 0, 0, '{}', x'00' FROM n");
    int64_t begun_ms = clock_mono_ms();
    syncs = 0;
    for (int i = 0; i < 100; i++) {
        struct store_events events;
        int64_t next_ms;
        assert_int_equal(
            store_event_claim(store,
                              &(const struct store_event_claim){
                                  .scope = "hook:h:f", .owner = "w", .now_ms = 100000, .max = 1},
                              &events, &next_ms, &err),
            0);
        assert_int_equal(events.count, 1);
        struct store_event_end end = {.scope = "hook:h:f",
                                      .seq = events.items[0].seq,
                                      .owner = "w",
                                      .attempt = 1,
                                      .state = STORE_EVENT_DONE,
                                      .now_ms = 100000};
        assert_int_equal(store_event_end(store, &end, &err), STORE_EVENT_ENDED);
        store_events_destroy(&events);
    }
    assert_in_range(clock_mono_ms() - begun_ms, 0, 5000); /* 0.2 s; by reading all, minutes */
    assert_in_range(syncs, 0, 50); /* of the hundred ends: where the log is copied */
    syncs = 0;
    assert_int_equal(store_event_sync(store, &err), 0);
    assert_int_equal(store_event_sync(store, &err), 0);
    assert_int_equal(syncs, 1);
    store_free(store);

    char plan[200];
    sqlite3 *db;
    assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
    explain(db,
            "SELECT * FROM event WHERE scope = ?1 AND next_ms <= ?2 ORDER BY next_ms, seq LIMIT ?3",
            plan);
    assert_string_equal(plan, "SEARCH event USING INDEX event_due (scope=? AND next_ms<?)");
    explain(db,
            "SELECT min(seq) FROM event WHERE scope = ?1 AND order_key = ?2 AND ended_ms IS NULL",
            plan);
    assert_string_equal(plan, "SEARCH event USING INDEX event_open (scope=? AND order_key=?)");
    sqlite3_close(db);
}

/* Of a thousand jobs, as `jeton jobs` asks for each. */
static void the_last_run_of_a_job_is_cheap(void **state)
{
    (void)state;
    struct err err;
    const char *const homes[] = {"/etc/jeton.yaml", NULL};
    const struct store_run_filter last = {.homes = homes, .job = "j7", .ran = true, .limit = 1};
    struct store *store = store_fixture_open();
    run_sql(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 100000)"
        " INSERT INTO run (run, scope, job, attempt, started_ms, ended_ms, exit, pid, pid_start,"
        "  boot_id, output_bytes, requests, exchanges, peak_kib) SELECT 'r' || i,"
        "  'job:j' || (i % 1000) || ':/etc/jeton.yaml', 'j' || (i % 1000), 1, i, i, 0, 1, 1, '', 0,"
        "  0, 0, 0 FROM n");
    int64_t begun_ms = clock_mono_ms();
    for (int i = 0; i < 300; i++) {
        struct store_runs runs;
        assert_int_equal(store_run_list(store, &last, &runs, &err), 0);
        assert_int_equal(runs.count, 1);
        assert_string_equal(runs.items[0].run, "r99007");
        store_runs_destroy(&runs);
    }
    assert_in_range(clock_mono_ms() - begun_ms, 0, 2000); /* 0.1 s; by reading all, 20 s */
    store_free(store);
}

/* Another program: a forked process would have SQLite's notes of this one's locks. */
static void in_another_program(const char *statement)
{
    char *command =
        mem_printf("python3 -c 'import sqlite3; db = sqlite3.connect(\"" FILE_NAME "\");"
                   " assert db.execute(\"%s\").fetchone(); db.close()'",
                   statement);
    assert_int_equal(system(command), 0);
    mem_free(command);
}

/* A second handle must not cost the first one its locks: somebody else would think that nobody has
 * the file open, and delete the log that is written to. */
static void a_second_handle_takes_nothing_away(void **state)
{
    (void)state;
    struct err err;
    struct store *first = store_fixture_open();
    store_free(store_fixture_open());
    in_another_program("SELECT 1 FROM meta");
    struct store_kv item = {.key = "k", .value = "v", .len = 1};
    assert_int_equal(store_kv_write(first, "job", &item, 1, &err), 0);
    in_another_program("SELECT 1 FROM kv");
    store_free(first);
}

/* A newer program adds: whoever has the state open goes on, and whoever opens it can use it. */
static void what_a_newer_version_adds_disturbs_nobody(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_kv item = {.key = "k", .value = "v", .len = 1};
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    run_sql("BEGIN; CREATE TABLE later (id TEXT); ALTER TABLE token ADD COLUMN epoch INTEGER;"
            "UPDATE meta SET value = 99 WHERE key = 'version'; COMMIT");
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    store_free(store);
    store = store_fixture_open();
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    store_free(store);
    assert_int_equal(ask_sql("SELECT value FROM meta WHERE key = 'version'"), 99);
}

/* It takes away, a release later: whoever has the state open is told so. */
static void what_a_newer_version_takes_away_is_said(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_kv item = {.key = "k", .value = "v", .len = 1};
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    run_sql("BEGIN; ALTER TABLE kv RENAME TO pair; PRAGMA user_version = 99; COMMIT");
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "version 99"));
    store_free(store);
}

static bool pass(void *arg, const struct store_kv *item)
{
    (void)arg;
    return item->value != NULL;
}

/* All that the store reads of rows. */
static int read_all(struct store *store, struct err *err)
{
    struct store_token row;
    struct store_runs runs;
    struct buf text;
    struct store_call load = {.op = STORE_TOKEN_LOAD, .token = {.owner = "owner", .row = &row}};
    struct store_call each = {.op = STORE_KV_EACH, .kv = {.scope = SCOPE, .fn = pass}};
    struct store_run_filter all = {.output = true};
    if (store_wait(store, &load, err) < 0)
        return -1;
    store_token_destroy(&row);
    if (store_run_list(store, &all, &runs, err) != 0)
        return -1;
    store_runs_destroy(&runs);
    buf_create(&text, 100);
    int result = store_kv_get(store, SCOPE, "k", &text, err) < 0 ? -1 : 0;
    buf_destroy(&text);
    return result == 0 ? store_wait(store, &each, err) : -1;
}

/* The column has this value for a moment. */
static void holds(struct store *store, const char *table, const char *column, const char *value)
{
    struct err err;
    err_clear(&err);
    char *put = mem_printf("UPDATE %s SET %s = %s", table, column, value);
    char *back =
        mem_printf("DELETE FROM %s; INSERT INTO %s SELECT * FROM good_%s", table, table, table);
    char *same = mem_printf("SELECT count(*) FROM %s WHERE %s IS %s", table, column, value);
    run_sql(put);
    if (read_all(store, &err) != -1 || err.kind != ERR_CONFIG || strstr(err.msg, column) == NULL)
        fail_msg("%s.%s = %s: '%s'", table, column, value, err.msg);
    assert_int_equal(ask_sql(same), 1); /* nothing was lost */
    run_sql(back);
    if (read_all(store, &err) != 0)
        fail_msg("%s.%s: %s", table, column, err.msg);
    mem_free(put);
    mem_free(back);
    mem_free(same);
}

/* In each column but those by which rows are found and those that nobody reads. A copy of the
 * table has no constraints: it can hold anything. */
static void check_columns(struct store *store, const char *table)
{
    static const char *const numbers[] = {"'text'", "-1", "9223372036854775807", "1.5", "x'01'"};
    sqlite3 *db;
    sqlite3_stmt *stmt;
    char *copy = mem_printf("CREATE TABLE good_%s AS SELECT * FROM %s; DROP TABLE %s;"
                            "CREATE TABLE %s AS SELECT * FROM good_%s",
                            table, table, table, table, table);
    char *list = mem_printf("SELECT name, type = 'INTEGER', \"notnull\" OR name = 'row' FROM"
                            " pragma_table_info('%s') WHERE name NOT IN ('owner', 'home',"
                            " 'untold', 'output') AND '%s' || name <> 'kvscope'",
                            table, table);
    char names[40][40];
    bool number[40], needed[40];
    size_t count = 0;
    assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, list, -1, &stmt, NULL), SQLITE_OK);
    for (; sqlite3_step(stmt) == SQLITE_ROW && count < 40; count++) {
        snprintf(names[count], sizeof names[0], "%s", (const char *)sqlite3_column_text(stmt, 0));
        number[count] = sqlite3_column_int(stmt, 1) != 0;
        needed[count] = sqlite3_column_int(stmt, 2) != 0;
    }
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    assert_true(count >= 2);
    run_sql(copy);
    for (size_t i = 0; i < count; i++) {
        for (size_t n = 0; number[i] && n < sizeof numbers / sizeof numbers[0]; n++) {
            if (strcmp(numbers[n], "-1") != 0 || strcmp(names[i], "received_boot_ms") != 0)
                holds(store, table, names[i], numbers[n]);
        }
        if (!number[i])
            holds(store, table, names[i], "x'0061'");
        if (needed[i])
            holds(store, table, names[i], "NULL");
    }
    mem_free(copy);
    mem_free(list);
}

static void impossible_values_are_refused(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_kv item = {.key = "k", .value = "v", .len = 1};
    assert_int_equal(store_kv_write(store, SCOPE, &item, 1, &err), 0);
    struct store_run run = {.run = "first", .scope = SCOPE, .job = "report", .attempt = 1};
    assert_int_equal(store_run_add(store, &run, &err), 0);
    run_sql("INSERT INTO token (owner, generation, lifetime_ms, received_wall_ms,"
            " received_boot_ms, received_boot_id, refresh_token, refresh_since_ms)"
            " VALUES ('owner', 3, 1, 1, 1, 'boot', 'rotated', 1);"
            "INSERT INTO token_intent VALUES ('owner', 'id', 3, 1, 'host')");
    assert_int_equal(read_all(store, &err), 0);
    static const char *const tables[] = {"token", "token_intent", "run", "kv"};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        check_columns(store, tables[i]);
    store_free(store);
}

static void what_others_write_is_noticed(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    assert_true(store_has_changed(store)); /* nobody has looked before */
    assert_false(store_has_changed(store));
    const struct store_kv item = {.key = "k", .value = "1", .len = 1};
    assert_int_equal(store_kv_write(store, SCOPE, &item, 1, &err), 0);
    assert_false(store_has_changed(store));
    run_sql("UPDATE kv SET value = '2'");
    assert_true(store_has_changed(store));
    assert_false(store_has_changed(store));
    store_free(store);
}

/* Each file counts its changes by itself, and both may have had as many. */
static void another_file_in_its_place_is_noticed(void **state)
{
    (void)state;
    struct err err;
    sqlite3 *db;
    store_free(store_fixture_open());
    struct store *store = store_fixture_open();
    const struct store_kv item = {.key = "k", .value = "1", .len = 1};
    run_sql("VACUUM INTO 'state/backup'");
    assert_int_equal(sqlite3_open("state/backup", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_true(store_has_changed(store));
    assert_int_equal(
        system("chmod 600 state/backup && rm -f state/jeton.db* && mv state/backup " FILE_NAME), 0);
    assert_int_equal(store_kv_write(store, SCOPE, &item, 1, &err), 0); /* it is open by now */
    assert_true(store_has_changed(store));
    assert_false(store_has_changed(store));
    assert_int_equal(system("rm -f state/jeton.db*"), 0);
    assert_true(store_has_changed(store)); /* it is not there */
    store_free(store);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(folder_and_files_are_private),
        TEST(loosened_modes_are_refused),
        TEST(a_newer_version_is_refused),
        TEST(a_corrupt_file_is_kept_aside),
        TEST(version_1_migrates),
        TEST(programs_of_0_1_0_can_go_on),
        TEST(a_second_handle_takes_nothing_away),
        TEST(what_others_write_is_noticed),
        TEST(another_file_in_its_place_is_noticed),
        TEST(a_limit_far_away_is_not_blamed),
        TEST(claiming_among_many_events_is_cheap),
        TEST(the_last_run_of_a_job_is_cheap),
        TEST(what_a_newer_version_adds_disturbs_nobody),
        TEST(what_a_newer_version_takes_away_is_said),
        TEST(impossible_values_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What only PostgreSQL has: the server's part in leases, sealed columns, what may be configured. */
#include "clock.h"
#include "store_events.h"
#include "store_fixture.h"
#include "store_lease.h"

#include <limits.h>

#define SCOPE     "job:report:name:n"
#define OTHER_KEY "//////////////////////////////////////////8="

/* As the fixture's place is, changed by the test. */
struct host {
    struct state_place place;
    const char *key;
    const char *password;
};

static int read_secret(void *arg, enum state_secret which, struct buf *out, struct err *err)
{
    const struct host *host = arg;
    const char *text = which == STATE_KEY ? host->key : host->password;
    (void)err;
    if (text != NULL)
        buf_puts(out, text);
    return text != NULL;
}

static char *schema_name(void)
{
    char cwd[PATH_MAX];
    assert_non_null(getcwd(cwd, sizeof cwd));
    return mem_printf("pgt_%s", strrchr(cwd, '-') + 1);
}

static char *lower(char *text)
{
    for (char *at = text; *at != '\0'; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
    return text;
}

static void host_create(struct host *host, const char *folder)
{
    char cwd[PATH_MAX];
    assert_non_null(getcwd(cwd, sizeof cwd));
    *host = (struct host){
        .place = {.folder = mem_printf("%s/%s", cwd, folder),
                  .url = mem_printf("postgresql://jeton@/jeton?host=%s", getenv("JETON_POSTGRES")),
                  .schema = lower(schema_name()),
                  .read = read_secret,
                  .arg = host},
        .key = STORE_FIXTURE_KEY,
    };
}

static void host_url(struct host *host, const char *url)
{
    mem_free(host->place.url);
    host->place.url = mem_strdup(url);
}

static void host_destroy(struct host *host)
{
    mem_free(host->place.folder);
    mem_free(host->place.url);
    mem_free(host->place.schema);
}

static struct store *host_store(const struct host *host)
{
    return store_new_on(&store_pg, &host->place, NULL);
}

/* Runs SQL in which @ stands for the schema, as jeton's role. Its exit status. */
static int psql(const struct host *host, const char *sql)
{
    struct buf text;
    buf_create(&text, 4096);
    for (; *sql != '\0'; sql++) {
        if (*sql == '@')
            buf_printf(&text, "%s.", host->place.schema);
        else
            buf_putc(&text, *sql);
    }
    char *command =
        mem_printf("psql -q -v ON_ERROR_STOP=1 -h '%s' -U jeton jeton -c \"%s\" >psql.out 2>&1",
                   getenv("JETON_POSTGRES"), text.data);
    int status = system(command);
    mem_free(command);
    buf_destroy(&text);
    return status;
}

static void fails(const struct host *host, enum err_kind kind, const char *words)
{
    struct err err;
    struct store *store = host_store(host);
    assert_int_equal(store_open(store, &err), -1);
    assert_int_equal(err.kind, kind);
    if (strstr(err.msg, words) == NULL)
        fail_msg("'%s' is not in: %s", words, err.msg);
    store_free(store);
}

static void no_secret_is_in_a_dump(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    host_create(&host, "a");
    struct store *store = host_store(&host);
    struct store_token row = {.owner = "whose-it-is",
                              .received_boot_id = "b",
                              .access_token = mem_strdup("hidden-1"),
                              .endpoint_url = mem_strdup("https://hidden-2.example"),
                              .refresh_token = mem_strdup("hidden-3"),
                              .refresh_previous = mem_strdup("hidden-4"),
                              .service_override = mem_strdup("https://hidden-5.example"),
                              .metadata = mem_strdup("hidden-6")};
    struct store_run run = {.run = "abcdefghij",
                            .scope = SCOPE,
                            .job = "report",
                            .attempt = 1,
                            .slot_ms = STORE_NONE,
                            .ended_ms = 2,
                            .output = "hidden-7",
                            .output_len = 8};
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    assert_int_equal(store_kv_write(store, SCOPE,
                                    &(struct store_kv){.key = "key", .value = "hidden-8", .len = 8},
                                    1, &err),
                     0);
    assert_int_equal(store_run_add(store, &run, &err), 0);
    char *command = mem_printf(
        "pg_dump -h '%s' -U jeton -n %s --inserts jeton >dump && grep -q whose-it-is dump"
        " && ! grep -q -e hidden -e $(printf hidden | od -An -tx1 | tr -d ' \\n') dump",
        getenv("JETON_POSTGRES"), host.place.schema);
    assert_int_equal(system(command), 0);
    mem_free(command);
    store_token_destroy(&row);
    store_free(store);
    host_destroy(&host);
}

static void what_is_sealed_stays_where_it_is(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    host_create(&host, "a");
    struct store *store = host_store(&host);
    struct store_token found,
        row = {.owner = "one", .received_boot_id = "b", .refresh_token = mem_strdup("refresh")};
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    strcpy(row.owner, "two");
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    assert_int_equal(psql(&host, "UPDATE @token SET refresh_token = (SELECT refresh_token FROM"
                                 " @token WHERE owner = 'one') WHERE owner = 'two'"),
                     0);
    assert_int_equal(store_fixture_load(store, "two", &found), -1);
    assert_int_equal(store_fixture_load(store, "one", &found), 1);
    assert_string_equal(found.refresh_token, "refresh");
    store_token_destroy(&found);
    store_token_destroy(&row);
    store_free(store);
    host_destroy(&host);
}

static void keys_are_the_same_everywhere(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    host_create(&host, "a");
    struct store *store = host_store(&host);
    assert_int_equal(store_kv_write(store, SCOPE,
                                    &(struct store_kv){.key = "k", .value = "v", .len = 1}, 1,
                                    &err),
                     0);
    store_free(store);
    host.key = OTHER_KEY;
    fails(&host, ERR_CONFIG, "no key of `state.key`");
    host.key = "short=\n";
    fails(&host, ERR_CONFIG, "is no key");
    host.key = "# none\n";
    fails(&host, ERR_CONFIG, "keygen");
    host.key = NULL;
    fails(&host, ERR_CONFIG, "needs `state.key`");
    host.key = OTHER_KEY "\n\n" STORE_FIXTURE_KEY; /* the first one seals, all open */
    struct buf value;
    buf_create(&value, 100);
    store = host_store(&host);
    assert_int_equal(store_kv_get(store, SCOPE, "k", &value, &err), 1);
    assert_string_equal(value.data, "v");
    buf_destroy(&value);
    store_free(store);
    host_destroy(&host);
}

static int64_t rekey(const struct host *host)
{
    struct err err;
    int64_t count = 0;
    struct store *store = host_store(host);
    struct store_call call = {.op = STORE_REKEY, .rekeyed = &count};
    int result = store_wait(store, &call, &err);
    store_free(store);
    return result == 0 ? count : -1;
}

static void all_is_sealed_with_another_key(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    host_create(&host, "a");
    struct store *store = host_store(&host);
    struct store_token found, row = {.owner = "o",
                                     .received_boot_id = "b",
                                     .access_token = mem_strdup("access"),
                                     .endpoint_url = mem_strdup("https://e.example"),
                                     .refresh_token = mem_strdup("refresh"),
                                     .refresh_previous = mem_strdup("previous"),
                                     .service_override = mem_strdup("https://s.example"),
                                     .metadata = mem_strdup("{}")};
    struct store_run run = {.run = "abcdefghij", .scope = SCOPE, .job = "report", .attempt = 1};
    run.slot_ms = STORE_NONE;
    run.output = "";
    struct store_event_new event = {.scope = "hook:h:name:n",
                                    .max_waiting = 9,
                                    .id = "a",
                                    .headers = "{}",
                                    .body = "the body",
                                    .body_len = 8};
    struct store_events events;
    struct store_event_end claim = {.owner = "w", .attempt = 1};
    int64_t next_ms;
    assert_int_equal(store_event_add(store, &event, 1, &err), 0);
    assert_int_equal(store_event_claim(store, event.scope, "w", 1, 1, &events, &next_ms, &err), 0);
    store_events_destroy(&events);
    claim.seq = event.seq;
    assert_int_equal(store_step_put(store, &claim, "s", "left", 4, &err), 0);
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    assert_int_equal(store_run_add(store, &run, &err), 0);
    for (int i = 0; i < 250; i++) {
        char key[16];
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(store_kv_write(store, SCOPE,
                                        &(struct store_kv){.key = key, .value = "v", .len = 1}, 1,
                                        &err),
                         0);
    }
    store_free(store);
    assert_int_equal(rekey(&host), 0);
    host.key = OTHER_KEY "\n" STORE_FIXTURE_KEY;
    assert_int_equal(rekey(&host), 6 + 1 + 250 + 2 + 1 + 1);
    assert_int_equal(rekey(&host), 0);
    host.key = OTHER_KEY;
    assert_int_equal(rekey(&host), 0);
    store = host_store(&host);
    assert_int_equal(store_fixture_load(store, "o", &found), 1);
    assert_string_equal(found.service_override, "https://s.example");
    assert_string_equal(found.refresh_previous, "previous");
    store_token_destroy(&found);
    struct buf value;
    buf_create(&value, 100);
    assert_int_equal(store_kv_get(store, SCOPE, "key 249", &value, &err), 1);
    assert_string_equal(value.data, "v");
    buf_clear(&value);
    assert_int_equal(store_step_get(store, event.seq, "s", &value, &err), 1);
    assert_string_equal(value.data, "left");
    buf_destroy(&value);
    const struct store_event_filter filter = {.content = true};
    assert_int_equal(store_event_list(store, &filter, &events, &err), 0);
    assert_string_equal(events.items[0].body, "the body");
    store_events_destroy(&events);
    store_free(store);
    host.key = STORE_FIXTURE_KEY;
    assert_int_equal(rekey(&host), -1);
    store_token_destroy(&row);
    host_destroy(&host);
}

static void a_lease_is_the_servers(void **state)
{
    (void)state;
    struct err err;
    struct host first, second;
    host_create(&first, "a");
    host_create(&second, "b");
    struct store *one = host_store(&first), *two = host_store(&second);
    struct store_lease held = {0}, taken = {0};
    struct store_token row = {.owner = "o", .generation = 1, .received_boot_id = "b"}, found;
    assert_int_equal(store_lease_try(&held, one, STORE_LEASE_TOKEN, "o", &err), 1);
    assert_int_equal(store_lease_try(&taken, two, STORE_LEASE_TOKEN, "o", &err), 0);
    store_close(one); /* it is no session's */
    assert_int_equal(store_lease_try(&taken, two, STORE_LEASE_TOKEN, "o", &err), 0);
    assert_int_equal(store_fixture_save(one, &row, &held, &err), 0);
    assert_int_equal(psql(&first, "UPDATE @lease SET until = clock_timestamp()"), 0);
    assert_int_equal(store_lease_renew(&held, &err), 0); /* nobody came between */
    assert_int_equal(store_lease_try(&taken, two, STORE_LEASE_TOKEN, "o", &err), 0);
    assert_int_equal(psql(&first, "UPDATE @lease SET until = clock_timestamp()"), 0);
    assert_int_equal(store_lease_try(&taken, two, STORE_LEASE_TOKEN, "o", &err), 1);
    row.generation = 2; /* the first one does not know yet that it has lost it */
    assert_int_equal(store_fixture_save(one, &row, &held, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    assert_int_equal(store_fixture_load(two, "o", &found), 1);
    assert_int_equal(found.generation, 1);
    store_token_destroy(&found);
    assert_int_equal(store_lease_renew(&held, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    store_lease_release(&held); /* and this releases nothing of the other's */
    assert_int_equal(store_lease_renew(&taken, &err), 0);
    store_lease_release(&taken);
    store_close(two); /* that is sent */
    assert_int_equal(store_lease_try(&held, one, STORE_LEASE_TOKEN, "o", &err), 1);
    store_lease_release(&held);
    store_free(one);
    store_free(two);
    host_destroy(&first);
    host_destroy(&second);
}

/* Stores as an exchange does, while the table is away. */
static void keep_in_spool(const struct host *host, const char *refresh)
{
    struct err err;
    struct store *store = host_store(host);
    struct store_lease lease = {0};
    struct store_token row = {.owner = "o",
                              .generation = 5,
                              .received_boot_id = "b",
                              .refresh_token = mem_strdup(refresh)};
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_TOKEN, "o", &err), 1);
    assert_int_equal(psql(host, "ALTER TABLE @token RENAME TO gone"), 0);
    assert_int_equal(store_fixture_save(store, &row, &lease, &err), -1);
    assert_non_null(strstr(err.msg, "/spool/o."));
    assert_int_equal(psql(host, "ALTER TABLE @gone RENAME TO token"), 0);
    store_lease_release(&lease);
    store_token_destroy(&row);
    store_free(store);
}

static void what_could_not_be_stored_is_kept(void **state)
{
    (void)state;
    struct err err;
    struct host host, other;
    struct store_token found, row = {.owner = "o", .generation = 5, .received_boot_id = "b"};
    host_create(&host, "a");
    host_create(&other, "b");
    struct store *store = host_store(&other);
    keep_in_spool(&host, "received-secret");
    assert_int_equal(system("test $(stat -c %a a/spool/o.*) = 600"), 0);
    assert_int_not_equal(system("grep -q received-secret a/spool/o.*"), 0);
    assert_int_equal(store_fixture_load(store, "o", &found), 0);
    store_token_destroy(&found);
    struct store *next = host_store(&host);
    assert_int_equal(store_fixture_load(next, "o", &found), 1); /* its first question */
    assert_string_equal(found.refresh_token, "received-secret");
    store_token_destroy(&found);
    store_free(next);
    assert_int_equal(system("ls a/spool/o.* >files 2>/dev/null"), 512);

    /* Another host has exchanged meanwhile. */
    assert_int_equal(psql(&host, "UPDATE @token SET generation = 4"), 0);
    keep_in_spool(&host, "late");
    row.refresh_token = mem_strdup("newer");
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    next = host_store(&host);
    assert_int_equal(store_fixture_load(next, "o", &found), 1);
    assert_string_equal(found.refresh_token, "newer");
    store_token_destroy(&found);
    assert_int_equal(system("ls a/spool/o.* >files"), 0);
    store_free(next);

    /* One that is stored leaves no file. */
    struct store_lease lease = {0};
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_TOKEN, "o", &err), 1);
    assert_int_equal(store_fixture_save(store, &row, &lease, &err), 0);
    store_lease_release(&lease);
    assert_int_equal(system("test -d b/spool && test -z \"$(ls b/spool)\""), 0);

    /* One that is damaged is left alone. */
    folder_put("a/spool/o.99", 0600, "jeton spool 1\n\377\377\377\177 and so on");
    next = host_store(&host);
    assert_int_equal(store_fixture_load(next, "o", &found), 1);
    store_token_destroy(&found);
    store_free(next);
    store_token_destroy(&row);
    store_free(store);
    host_destroy(&host);
    host_destroy(&other);
}

static void a_boot_is_a_hosts(void **state)
{
    (void)state;
    struct err err;
    struct host hosts[2];
    host_create(&hosts[0], "a");
    host_create(&hosts[1], "b");
    for (int i = 0; i < 4; i++) {
        struct store *store = host_store(&hosts[i % 2]);
        struct store_run run = {.scope = SCOPE, .job = "report", .attempt = 1, .exit = -1};
        run.slot_ms = run.ended_ms = STORE_NONE;
        store_run_id(run.run);
        assert_int_equal(store_run_claim(store, &run, "boot", &err), i < 2 ? 1 : 0);
        store_free(store);
    }
    host_destroy(&hosts[0]);
    host_destroy(&hosts[1]);
}

static void a_run_elsewhere_lives_by_its_lease(void **state)
{
    (void)state;
    struct err err;
    struct host first, second;
    host_create(&first, "a");
    host_create(&second, "b");
    struct store *one = host_store(&first), *two = host_store(&second);
    struct store_lease life = {0};
    struct store_runs runs;
    struct store_run run = {.run = "abcdefghij", .scope = SCOPE, .job = "report", .attempt = 1};
    run.exit = -1;
    run.slot_ms = run.ended_ms = STORE_NONE;
    process_identity_own(&run.supervisor); /* alive, but that tells the other host nothing */
    assert_int_equal(store_lease_try(&life, one, STORE_LEASE_RUN, run.run, &err), 1);
    assert_int_equal(store_run_add(one, &run, &err), 0);
    assert_int_equal(store_run_interrupted(two, SCOPE, &runs, &err), 0);
    assert_int_equal(runs.count, 0);
    store_runs_destroy(&runs);
    assert_int_equal(psql(&first, "UPDATE @lease SET until = clock_timestamp()"), 0);
    assert_int_equal(store_run_interrupted(two, SCOPE, &runs, &err), 0);
    assert_int_equal(runs.count, 1);
    store_runs_destroy(&runs);
    store_lease_release(&life);
    store_free(one);
    store_free(two);
    host_destroy(&first);
    host_destroy(&second);
}

static void a_lost_connection_is_made_again(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    host_create(&host, "a");
    struct store *store = host_store(&host);
    for (int i = 0; i < 3; i++) {
        char key[] = {(char)('a' + i), '\0'};
        assert_int_equal(store_kv_write(store, SCOPE,
                                        &(struct store_kv){.key = key, .value = "v", .len = 1}, 1,
                                        &err),
                         0);
        assert_int_equal(psql(&host, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                     " WHERE application_name = 'jeton' AND query LIKE '%COMMIT%'"
                                     " AND pid <> pg_backend_pid()"),
                         0);
    }
    struct buf out;
    buf_create(&out, 100);
    store_fixture_keys(store, SCOPE, &out);
    assert_string_equal(out.data, "a=v;b=v;c=v;");
    buf_destroy(&out);
    store_free(store);
    host_destroy(&host);
}

static void tables_of_a_newer_program_are_refused(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    host_create(&host, "a");
    struct store *store = host_store(&host);
    assert_int_equal(store_open(store, &err), 0);
    store_free(store);
    /* What a newer one has added is none of this one's business. */
    assert_int_equal(psql(&host, "UPDATE @meta SET value = '99' WHERE key = 'version'"), 0);
    store = host_store(&host);
    assert_int_equal(store_open(store, &err), 0);
    store_free(store);
    assert_int_equal(psql(&host, "UPDATE @meta SET value = '99' WHERE key = 'oldest'"), 0);
    fails(&host, ERR_CONFIG, "use a newer jeton");
    host_destroy(&host);
}

/* As the first version had them: without events. */
static void tables_of_an_older_program_are_added_to(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    host_create(&host, "a");
    struct store *store = host_store(&host);
    struct store_event_new event = {.scope = "hook:h:name:n",
                                    .max_waiting = 9,
                                    .id = "a",
                                    .headers = "{}",
                                    .body = "b",
                                    .body_len = 1};
    assert_int_equal(store_kv_write(store, SCOPE,
                                    &(struct store_kv){.key = "key", .value = "v", .len = 1}, 1,
                                    &err),
                     0);
    store_free(store);
    assert_int_equal(psql(&host, "DROP TABLE @step, @event, @hook;"
                                 "UPDATE @meta SET value = '1' WHERE key = 'version'"),
                     0);
    store = host_store(&host);
    assert_int_equal(store_event_add(store, &event, 1, &err), 0);
    struct buf value;
    buf_create(&value, 100);
    assert_int_equal(store_kv_get(store, SCOPE, "key", &value, &err), 1);
    buf_destroy(&value);
    store_free(store);
    assert_int_equal(psql(&host, "SELECT 1 / (value = '2')::int FROM @meta WHERE key = 'version'"),
                     0);
    host_destroy(&host);
}

static void only_the_configuration_counts(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    host_create(&host, "a");
    setenv("PGOPTIONS", "-c search_path=nowhere -c default_transaction_read_only=on", 1);
    setenv("PGHOST", "/nowhere", 1);
    setenv("PGUSER", "nobody", 1);
    setenv("PGTZ", "nowhere", 1);
    struct store *store = host_store(&host);
    int result = store_kv_write(store, SCOPE,
                                &(struct store_kv){.key = "k", .value = "v", .len = 1}, 1, &err);
    assert_string_equal(getenv("PGHOST"), "/nowhere"); /* a script's children have it */
    unsetenv("PGOPTIONS");
    unsetenv("PGHOST");
    unsetenv("PGUSER");
    unsetenv("PGTZ");
    if (result != 0)
        fail_msg("%s", err.msg);
    store_free(store);
    host_destroy(&host);
}

static void what_is_weak_or_wrong_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *url, *words;
    } cases[] = {
        {"postgresql://jeton:hunter2@db.example/jeton", "holds a password"},
        {"postgresql://jeton@db.example/jeton?password=hunter2", "holds a password"},
        {"postgresql://jeton@db.example/jeton?sslmode=require", "verify-full"},
        {"postgresql://jeton@localhost,db.example/jeton?sslmode=prefer", "verify-full"},
        {"postgresql://jeton@localhost/jeton?hostaddr=10.0.0.1&sslmode=disable", "verify-full"},
        {"postgresql://jeton@db.example/jeton?options=-csearch_path%3Dx", "'options'"},
        {"postgresql://jeton@db.example/jeton?nonsense=1", "no URL of a database"},
        {"postgresql://db.example/jeton", "names no user"},
        {"postgresql://jeton@db.example", "names no database"},
        {"https://example.org", "no URL of a database"},
    };
    struct host host;
    host_create(&host, "a");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        host_url(&host, cases[i].url);
        fails(&host, ERR_CONFIG, cases[i].words);
    }
    static const char *const schemas[] = {"", "Jeton", "a-b", "pg_x", "1a", "a\"b"};
    for (size_t i = 0; i < sizeof schemas / sizeof schemas[0]; i++) {
        mem_free(host.place.schema);
        host.place.schema = mem_strdup(schemas[i]);
        fails(&host, ERR_CONFIG, "state.schema");
    }
    host_destroy(&host);
    host_create(&host, "a");
    char *url = mem_printf("postgresql://nobody@/jeton?host=%s", getenv("JETON_POSTGRES"));
    host_url(&host, url);
    fails(&host, ERR_CONFIG, "\"nobody\" does not exist");
    mem_free(url);
    host_destroy(&host);
}

/* A clock that runs when it is looked at, so that a deadline comes at once. */
static int64_t hasty_ms(void *arg, enum clock_kind kind)
{
    int64_t *passed = arg;
    return clock_now_ms(&clock_system, kind) + (*passed += 400);
}

static void a_server_that_is_away_is_waited_for(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    int64_t passed = 0;
    const struct clock hasty = {hasty_ms, &passed};
    host_create(&host, "a");
    host_url(&host, "postgresql://jeton@/jeton?host=/nowhere");
    struct loop *loop = loop_new();
    loop_set_clock(loop, &hasty);
    struct store *store = store_new_on(&store_pg, &host.place, loop);
    int64_t since_ms = loop_now_ms(loop);
    assert_int_equal(store_kv_write(store, SCOPE,
                                    &(struct store_kv){.key = "k", .value = "v", .len = 1}, 1,
                                    &err),
                     -1);
    assert_int_equal(err.kind, ERR_NETWORK);
    assert_true(err.retryable);
    assert_non_null(strstr(err.msg, "cannot connect"));
    assert_true(loop_now_ms(loop) - since_ms >= STORE_BUSY_MS);
    store_free(store);
    loop_free(loop);
    host_destroy(&host);
}

static int64_t set_ms(void *arg, enum clock_kind kind)
{
    const int64_t *ahead = arg;
    return clock_now_ms(&clock_system, kind) + *ahead;
}

static void who_tends_a_lease_learns_that_it_is_lost(void **state)
{
    (void)state;
    struct err err;
    struct host host;
    int64_t ahead = 0;
    const struct clock clock = {set_ms, &ahead};
    host_create(&host, "a");
    struct loop *loop = loop_new();
    loop_set_clock(loop, &clock);
    struct store *store = store_new_on(&store_pg, &host.place, loop);
    struct store_lease taken = {0}, cut = {0};
    assert_int_equal(store_lease_try(&taken, store, STORE_LEASE_JOB, SCOPE, &err), 1);
    assert_int_equal(store_lease_try(&cut, store, STORE_LEASE_JOB, "job:cut:name:n", &err), 1);
    assert_in_range(store_tend(store), 1000, 20100);
    ahead += 100000; /* it was late, and nobody came between */
    assert_in_range(store_tend(store), 1000, 20100);
    assert_true(taken.held && cut.held);
    assert_int_equal(psql(&host, "UPDATE @lease SET epoch = epoch + 1, holder = 'other' WHERE key ="
                                 " sha256('" SCOPE "')"),
                     0);
    ahead += 21000;
    store_tend(store);
    assert_false(taken.held);
    assert_true(cut.held);
    assert_int_equal(psql(&host, "ALTER TABLE @lease RENAME TO lease_gone"), 0);
    ahead += 60000;
    store_tend(store);
    assert_true(cut.held); /* what was promised is not over */
    ahead += 36000;
    store_tend(store);
    assert_false(cut.held); /* and now it nearly is */
    store_lease_release(&taken);
    store_lease_release(&cut);
    store_free(store);
    loop_free(loop);
    host_destroy(&host);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_secret_is_in_a_dump),
        TEST(what_is_sealed_stays_where_it_is),
        TEST(keys_are_the_same_everywhere),
        TEST(all_is_sealed_with_another_key),
        TEST(a_lease_is_the_servers),
        TEST(what_could_not_be_stored_is_kept),
        TEST(a_boot_is_a_hosts),
        TEST(a_run_elsewhere_lives_by_its_lease),
        TEST(a_lost_connection_is_made_again),
        TEST(tables_of_a_newer_program_are_refused),
        TEST(tables_of_an_older_program_are_added_to),
        TEST(only_the_configuration_counts),
        TEST(what_is_weak_or_wrong_is_refused),
        TEST(a_server_that_is_away_is_waited_for),
        TEST(who_tends_a_lease_learns_that_it_is_lost),
    };
    if (getenv("JETON_POSTGRES") == NULL) {
        fprintf(stderr, "ctest starts the server\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What only PostgreSQL has: sealed columns, tables of other programs. */
#include "pg_host.h"

#include "clock.h"
#include "store_events.h"
#include "store_lease.h"

#define SCOPE     "job:report:name:n"
#define OTHER_KEY "//////////////////////////////////////////8="

static void no_secret_is_in_a_dump(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
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
    pg_host_destroy(&host);
}

static void what_is_sealed_stays_where_it_is(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    struct store_token found,
        row = {.owner = "one", .received_boot_id = "b", .refresh_token = mem_strdup("refresh")};
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    strcpy(row.owner, "two");
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    assert_int_equal(pg_host_psql(&host,
                                  "UPDATE @token SET refresh_token = (SELECT refresh_token FROM"
                                  " @token WHERE owner = 'one') WHERE owner = 'two'"),
                     0);
    assert_int_equal(store_fixture_load(store, "two", &found), -1);
    assert_int_equal(store_fixture_load(store, "one", &found), 1);
    assert_string_equal(found.refresh_token, "refresh");
    store_token_destroy(&found);
    store_token_destroy(&row);
    store_free(store);
    pg_host_destroy(&host);
}

static void keys_are_the_same_everywhere(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    assert_int_equal(store_kv_write(store, SCOPE,
                                    &(struct store_kv){.key = "k", .value = "v", .len = 1}, 1,
                                    &err),
                     0);
    store_free(store);
    host.key = OTHER_KEY;
    pg_host_fails(&host, ERR_CONFIG, "no key of `state.key`");
    host.key = "short=\n";
    pg_host_fails(&host, ERR_CONFIG, "is no key");
    host.key = "# none\n";
    pg_host_fails(&host, ERR_CONFIG, "keygen");
    host.key = NULL;
    pg_host_fails(&host, ERR_CONFIG, "needs `state.key`");
    host.key = OTHER_KEY "\n\n" STORE_FIXTURE_KEY; /* the first one seals, all open */
    struct buf value;
    buf_create(&value, 100);
    store = pg_host_store(&host);
    assert_int_equal(store_kv_get(store, SCOPE, "k", &value, &err), 1);
    assert_string_equal(value.data, "v");
    buf_destroy(&value);
    store_free(store);
    pg_host_destroy(&host);
}

static int64_t rekey(const struct pg_host *host)
{
    struct err err;
    int64_t count = 0;
    struct store *store = pg_host_store(host);
    struct store_call call = {.op = STORE_REKEY, .rekeyed = &count};
    int result = store_wait(store, &call, &err);
    store_free(store);
    return result == 0 ? count : -1;
}

static void all_is_sealed_with_another_key(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
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
    assert_int_equal(
        store_event_claim(store,
                          &(const struct store_event_claim){
                              .scope = event.scope, .owner = "w", .now_ms = 1, .max = 1},
                          &events, &next_ms, &err),
        0);
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
    store = pg_host_store(&host);
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
    pg_host_destroy(&host);
}

static void an_event_that_no_key_opens_dies_alone(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    struct store_events events;
    int64_t next_ms;
    struct store_event_new new[3] = {
        {.id = "shut", .order_key = "k"}, {.id = "behind", .order_key = "k"}, {.id = "beside"}};
    for (int i = 0; i < 3; i++) {
        new[i].scope = "hook:h:name:n";
        new[i].max_waiting = 9;
        new[i].headers = "{}";
        new[i].body = "the body";
        new[i].body_len = 8;
    }
    assert_int_equal(store_event_add(store, new, 3, &err), 0);
    const char turn[] = "UPDATE @event SET body = set_byte(body, 1, 255 - get_byte(body, 1))"
                        " WHERE seq = 1";
    assert_int_equal(pg_host_psql(&host, turn), 0);
    static const char *const ids[] = {"beside", "behind"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            store_event_claim(store,
                              &(const struct store_event_claim){
                                  .scope = new[0].scope, .owner = "w", .now_ms = 5, .max = 9},
                              &events, &next_ms, &err),
            0);
        assert_int_equal(events.count, 1);
        assert_string_equal(events.items[0].id, ids[i]);
        assert_int_equal(events.items[0].attempt, 1);
        assert_int_equal(next_ms, i == 0 ? 5 : STORE_NONE);
        store_events_destroy(&events);
    }
    const struct store_event_filter filter = {.states = STORE_EVENT_DEAD};
    assert_int_equal(store_event_list(store, &filter, &events, &err), 0);
    assert_int_equal(events.count, 1);
    assert_non_null(strstr(events.items[0].error, "no key"));
    store_events_destroy(&events);

    /* Its key is there again. */
    assert_int_equal(pg_host_psql(&host, turn), 0);
    assert_int_equal(pg_host_psql(&host, "DELETE FROM @event WHERE seq > 1"), 0);
    assert_int_equal(store_event_retry(store, new[0].scope, 1, 6, &err), 1);
    assert_int_equal(
        store_event_claim(store,
                          &(const struct store_event_claim){
                              .scope = new[0].scope, .owner = "w", .now_ms = 6, .max = 9},
                          &events, &next_ms, &err),
        0);
    assert_int_equal(events.count, 1);
    assert_string_equal(events.items[0].body, "the body");
    store_events_destroy(&events);
    store_free(store);
    pg_host_destroy(&host);
}

/* By whoever has the state open all the while. */
static void keys_are_read_again_where_their_file_has_changed(void **state)
{
    (void)state;
    struct err err;
    struct buf value;
    struct pg_host host;
    pg_host_create(&host, "a");
    host.place.key_file = mem_strdup("key");
    folder_put("key", 0600, "old");
    struct store *store = pg_host_store(&host);
    const struct store_kv item = {.key = "k", .value = "v", .len = 1};
    assert_int_equal(store_kv_write(store, SCOPE, &item, 1, &err), 0);
    host.key = OTHER_KEY "\n" STORE_FIXTURE_KEY;
    folder_put("key", 0600, "new, old");
    assert_int_equal(rekey(&host), 1 + 1);
    assert_int_equal(store_kv_write(store, SCOPE, &item, 1, &err), 0);
    assert_int_equal(rekey(&host), 0);
    host.key = OTHER_KEY;
    folder_put("key", 0600, "new");
    buf_create(&value, 100);
    assert_int_equal(store_kv_get(store, SCOPE, "k", &value, &err), 1);

    /* One that is of no use, and one that is not the state's. */
    host.key = "half";
    folder_put("key", 0600, "half");
    assert_int_equal(store_kv_write(store, SCOPE, &item, 1, &err), 0);
    host.key = STORE_FIXTURE_KEY;
    folder_put("key", 0600, "another");
    assert_int_equal(store_kv_write(store, SCOPE, &item, 1, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    host.key = OTHER_KEY;
    folder_put("key", 0600, "the right one");
    assert_int_equal(store_kv_write(store, SCOPE, &item, 1, &err), 0);
    assert_int_equal(rekey(&host), 0);
    buf_destroy(&value);
    store_free(store);
    mem_free(host.place.key_file);
    pg_host_destroy(&host);
}

#define SERVICE "https://login"
#define SPENT   "fingerprint "

/* Stores as an exchange does, while the table is away. */
static void keep_in_spool(const struct pg_host *host, const char *refresh, bool known)
{
    struct err err;
    struct store *store = pg_host_store(host);
    struct store_lease lease = {0};
    struct store_token row = {.owner = "o",
                              .generation = 5,
                              .received_boot_id = "b",
                              .refresh_token = mem_strdup(refresh),
                              .service_host = mem_strdup(SERVICE),
                              .spent = mem_strdup(SPENT)};
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_TOKEN, "o", &err), 1);
    assert_int_equal(pg_host_psql(host, "ALTER TABLE @token RENAME TO gone"), 0);
    struct store_call call = {
        .op = STORE_TOKEN_SAVE, .under = &lease, .token = {.row = &row, .known = known}};
    assert_int_equal(store_wait(store, &call, &err), -1);
    assert_int_equal(strstr(err.msg, "/spool/o.") != NULL, !known);
    assert_int_equal(pg_host_psql(host, "ALTER TABLE @gone RENAME TO token"), 0);
    store_lease_release(&lease);
    store_token_destroy(&row);
    store_free(store);
}

static void what_could_not_be_stored_is_kept(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host, other;
    struct store_token found, row = {.owner = "o", .generation = 5, .received_boot_id = "b"};
    pg_host_create(&host, "a");
    pg_host_create(&other, "b");
    struct store *store = pg_host_store(&other);
    keep_in_spool(&host, "no-news", true); /* of a refused exchange */
    assert_int_equal(system("ls a/spool/o.* >files 2>/dev/null"), 512);
    keep_in_spool(&host, "received-secret", false);
    assert_int_equal(system("test $(stat -c %a a/spool/o.*) = 600"), 0);
    assert_int_not_equal(system("grep -q received-secret a/spool/o.*"), 0);
    assert_int_equal(store_fixture_load(store, "o", &found), 0);
    store_token_destroy(&found);
    struct store *next = pg_host_store(&host);
    assert_int_equal(store_fixture_load(next, "o", &found), 1); /* its first question */
    assert_string_equal(found.refresh_token, "received-secret");
    store_token_destroy(&found);
    store_free(next);
    assert_int_equal(system("ls a/spool/o.* >files 2>/dev/null"), 512);

    /* Another host has exchanged meanwhile. */
    assert_int_equal(pg_host_psql(&host, "UPDATE @token SET generation = 4"), 0);
    keep_in_spool(&host, "late", false);
    row.refresh_token = mem_strdup("newer");
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    next = pg_host_store(&host);
    assert_int_equal(store_fixture_load(next, "o", &found), 1);
    assert_string_equal(found.refresh_token, "newer");
    store_token_destroy(&found);
    store_free(next);
    assert_int_equal(system("ls a/spool/o.* >files 2>/dev/null"), 512);
    assert_int_equal(store_fixture_load(store, "o", &found), 1);
    assert_string_equal(found.spares[0], "late"); /* for whichever host */
    assert_null(found.spares[1]);
    store_token_destroy(&found);

    /* Whose lock ends by itself: until then, other hosts do not send the old one again. */
    struct store_lease lease = {0};
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_TOKEN, "o", &err), 0);
    assert_int_equal(pg_host_psql(&host, "UPDATE @lease SET until = clock_timestamp()"), 0);

    /* One that is stored leaves no file. */
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_TOKEN, "o", &err), 1);
    assert_int_equal(store_fixture_save(store, &row, &lease, &err), 0);
    store_lease_release(&lease);
    assert_int_equal(system("test -d b/spool && test -z \"$(ls b/spool)\""), 0);

    /* Nor is one lost whose lease was. It ends what was said of the row's; a later exchange ends
     * it, as the row is of that then. */
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_TOKEN, "o", &err), 1);
    assert_int_equal(pg_host_psql(&host, "UPDATE @lease SET holder = ''; UPDATE @token SET"
                                         " stop_kind = 2, stop_since_ms = 9"),
                     0);
    mem_free(row.refresh_token);
    row.refresh_token = mem_strdup("later");
    lease.held = false; /* it knows */
    assert_int_equal(store_fixture_save(store, &row, &lease, &err), -1);
    assert_int_equal(err.kind, ERR_LOST);
    store_lease_release(&lease);
    assert_int_equal(store_fixture_load(store, "o", &found), 1);
    assert_string_equal(found.refresh_token, "newer");
    assert_string_equal(found.spares[0], "later");
    assert_string_equal(found.spares[1], "late");
    assert_int_equal(found.pause.kind, STORE_PAUSE_NONE);
    store_token_destroy(&found);
    assert_int_equal(system("test -z \"$(ls b/spool)\""), 0);
    row.generation++;
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    assert_int_equal(pg_host_psql(&host, "SELECT 1 / (count(*) = 0)::int FROM @token_spare"), 0);

    /* One that is damaged is left alone. */
    folder_put("a/spool/o.99", 0600, "jeton spool 1\n\377\377\377\177 and so on");
    next = pg_host_store(&host);
    assert_int_equal(store_fixture_load(next, "o", &found), 1);
    store_token_destroy(&found);
    store_free(next);
    store_token_destroy(&row);
    store_free(store);
    pg_host_destroy(&host);
    pg_host_destroy(&other);
}

static void check_row(const struct pg_host *host, const char *refresh, const char *service_host,
                      const char *spent)
{
    struct store_token found;
    struct store *store = pg_host_store(host);
    assert_int_equal(store_fixture_load(store, "o", &found), 1);
    assert_string_equal(found.refresh_token, refresh);
    assert_string_equal(found.service_host, service_host);
    assert_string_equal(found.spent, spent);
    store_token_destroy(&found);
    store_free(store);
}

static void what_is_kept_is_all_of_a_row(void **state)
{
    (void)state;
    char command[80];
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    struct err err;
    assert_int_equal(store_open(store, &err), 0);
    store_free(store);
    keep_in_spool(&host, "came", false);
    check_row(&host, "came", SERVICE, SPENT);

    /* An older program has kept less: that stays as it is. Eight bytes stand before each value. */
    assert_int_equal(pg_host_psql(&host, "UPDATE @token SET generation = 4, spent = 'before '"), 0);
    keep_in_spool(&host, "later", false);
    snprintf(command, sizeof command, "truncate -s -%zu a/spool/o.*",
             sizeof SERVICE - 1 + sizeof SPENT - 1 + 2 * 8);
    assert_int_equal(system(command), 0);
    check_row(&host, "later", SERVICE, "before ");
    assert_int_equal(system("test -z \"$(ls a/spool)\""), 0);
    pg_host_destroy(&host);
}

static void tables_of_a_newer_program_are_refused(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
    assert_int_equal(store_open(store, &err), 0);
    store_free(store);
    /* What a newer one has added is none of this one's business. */
    assert_int_equal(pg_host_psql(&host, "UPDATE @meta SET value = '99' WHERE key = 'version'"), 0);
    store = pg_host_store(&host);
    assert_int_equal(store_open(store, &err), 0);
    store_free(store);
    assert_int_equal(pg_host_psql(&host, "UPDATE @meta SET value = '99' WHERE key = 'oldest'"), 0);
    pg_host_fails(&host, ERR_CONFIG, "use a newer jeton");
    pg_host_destroy(&host);
}

/* As the first version had them: without events. */
static void tables_of_an_older_program_are_added_to(void **state)
{
    (void)state;
    struct err err;
    struct pg_host host;
    pg_host_create(&host, "a");
    struct store *store = pg_host_store(&host);
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
    assert_int_equal(pg_host_psql(&host, "DROP TABLE @step, @event, @hook;"
                                         "ALTER TABLE @token DROP COLUMN salt,"
                                         " DROP COLUMN service_host, DROP COLUMN spent;"
                                         "UPDATE @meta SET value = '1' WHERE key = 'version'"),
                     0);
    store = pg_host_store(&host);
    assert_int_equal(store_event_add(store, &event, 1, &err), 0);
    struct buf value;
    buf_create(&value, 100);
    assert_int_equal(store_kv_get(store, SCOPE, "key", &value, &err), 1);
    buf_destroy(&value);
    store_free(store);
    assert_int_equal(
        pg_host_psql(&host, "SELECT 1 / (value = '7')::int FROM @meta WHERE key = 'version'"), 0);
    pg_host_destroy(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_HOST_TEST(no_secret_is_in_a_dump),
        PG_HOST_TEST(what_is_sealed_stays_where_it_is),
        PG_HOST_TEST(keys_are_the_same_everywhere),
        PG_HOST_TEST(all_is_sealed_with_another_key),
        PG_HOST_TEST(an_event_that_no_key_opens_dies_alone),
        PG_HOST_TEST(keys_are_read_again_where_their_file_has_changed),
        PG_HOST_TEST(what_could_not_be_stored_is_kept),
        PG_HOST_TEST(what_is_kept_is_all_of_a_row),
        PG_HOST_TEST(tables_of_a_newer_program_are_refused),
        PG_HOST_TEST(tables_of_an_older_program_are_added_to),
    };
    return PG_HOST_RUN(tests);
}

/* A file that somebody else writes to: for how long it is waited for. */
#include "clock.h"
#include "store_fixture.h"

#include <sqlite3.h>
#include <sys/wait.h>

#define FILE_NAME "state/jeton.db"

/* Linked in the place of the real one: time can pass a hundred times as fast. */
int64_t __real_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void);
static int64_t speed = 1;
int64_t __wrap_clock_mono_ms(void)
{
    return __real_clock_mono_ms() * speed;
}

/* How long its first looks are apart, all together. */
#define LOOKS 20
int __real_usleep(useconds_t us);
int __wrap_usleep(useconds_t us);
static int looks;
static useconds_t slept_us;
int __wrap_usleep(useconds_t us)
{
    slept_us += ++looks <= LOOKS ? us : 0;
    return __real_usleep(us);
}

static void a_locked_file_may_pass(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    sqlite3 *db;
    speed = 20; /* at a hundred a busy machine gives it too few turns */
    int64_t since_ms = clock_mono_ms();
    assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    struct store_kv item = {.key = "k", .value = "v", .len = 1};
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), -1);
    assert_int_equal(err.kind, ERR_NETWORK);
    assert_true(err.retryable);
    assert_non_null(strstr(err.msg, "locked"));
    assert_true(clock_mono_ms() - since_ms >= STORE_BUSY_MS);
    assert_true(looks > LOOKS && slept_us < 20000); /* SQLite would take half a second */
    speed = 1;
    sqlite3_close(db);
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    store_free(store);
}

/* A backup was put back meanwhile: there it belongs, not in the file that nobody finds. */
static void what_was_kept_is_brought_into_the_file_that_is_there(void **state)
{
    (void)state;
    struct err err;
    struct store *store = store_fixture_open();
    struct store_lease lease = {0};
    struct store_token row = {.owner = "owner", .generation = 1, .received_boot_id = "b"}, found;
    char once[] = "once";
    row.refresh_token = once;
    sqlite3 *db;
    assert_int_equal(store_lease_try(&lease, store, STORE_LEASE_TOKEN, "owner", &err), 1);
    assert_int_equal(store_fixture_save(store, &row, &lease, &err), 0);
    assert_int_equal(sqlite3_open(FILE_NAME, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "VACUUM INTO 'state/backup'; BEGIN EXCLUSIVE", NULL, NULL, NULL),
        SQLITE_OK);
    speed = 20;
    row.generation = 2;
    assert_int_equal(store_fixture_save(store, &row, &lease, &err), 0);
    speed = 1;
    sqlite3_close(db);
    assert_int_equal(access("state/kept/owner.2", F_OK), 0);
    assert_int_equal(
        system("chmod 600 state/backup && rm -f state/jeton.db* && mv state/backup " FILE_NAME), 0);
    assert_int_equal(store_push(store, &err), 1);
    assert_int_equal(store_fixture_load(store, "owner", &found), 1);
    assert_int_equal(found.generation, 2);
    store_token_destroy(&found);
    store_lease_release(&lease);
    store_free(store);
}

/* Commits of `count` transactions, one right after the other, each of which lasts 0.3 s. */
static pid_t write_in_turns(int count)
{
    int begun[2];
    char byte = 0;
    assert_int_equal(pipe(begun), 0);
    pid_t child = fork();
    if (child == 0) {
        sqlite3 *db;
        sqlite3_open(FILE_NAME, &db);
        sqlite3_busy_timeout(db, 1000);
        for (int i = 0; i < count; i++) {
            sqlite3_exec(db,
                         "BEGIN EXCLUSIVE; INSERT OR REPLACE INTO meta VALUES ('turn', random())",
                         NULL, NULL, NULL);
            byte += write(begun[1], "", 1) == 1;
            __real_usleep(300000);
            sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
        }
        _exit(0);
    }
    assert_int_equal(read(begun[0], &byte, 1), 1);
    close(begun[0]);
    close(begun[1]);
    return child;
}

static void others_have_their_turns(void **state)
{
    (void)state;
    struct err err;
    struct store_kv item = {.key = "k", .value = "v", .len = 1};
    struct store *store = store_fixture_open();
    store_queue(store);
    speed = 20;
    pid_t child = write_in_turns(5); /* 30 s */
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    speed = 1;
    assert_int_equal(waitpid(child, NULL, 0), child);
    store_free(store);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_locked_file_may_pass),
        TEST(what_was_kept_is_brought_into_the_file_that_is_there),
        TEST(others_have_their_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

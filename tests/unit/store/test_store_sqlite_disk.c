/* SQLite's disk: one that cannot be read, and one that cannot be written. */
#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#define SCOPE "job:report:/etc/jeton.yaml"

static ssize_t (*real_pread)(int, void *, size_t, off_t);
static int reads_left; /* until one fails */

static ssize_t broken_pread(int fd, void *bytes, size_t len, off_t at)
{
    if (reads_left-- != 0)
        return real_pread(fd, bytes, len, at);
    errno = EIO;
    return -1;
}

static void a_disk_that_cannot_be_read_is_no_damage(void **state)
{
    (void)state;
    struct err err;
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    const char *name = vfs->xGetSystemCall(vfs, "pread64") != NULL ? "pread64" : "pread";
    struct store_token row = {.owner = "owner", .generation = 1, .received_boot_id = "b"}, found;
    real_pread = (ssize_t(*)(int, void *, size_t, off_t))vfs->xGetSystemCall(vfs, name);
    struct store *store = store_fixture_open();
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    int refusals = 0;
    for (int i = 0; i < 30; store_close(store), i++) {
        reads_left = i;
        vfs->xSetSystemCall(vfs, name, (sqlite3_syscall_ptr)broken_pread);
        struct store_call call = {.op = STORE_TOKEN_LOAD,
                                  .token = {.owner = "owner", .row = &found}};
        int result = store_wait(store, &call, &err);
        vfs->xSetSystemCall(vfs, name, NULL);
        if (result >= 0)
            store_token_destroy(&found);
        refusals += result < 0 && strstr(err.msg, "Input/output error") != NULL;
        assert_null(result < 0 ? strstr(err.msg, "damaged") : NULL);
        assert_true(result == 1 || i < 25);
    }
    assert_true(refusals > 0);
    store_free(store);
}

static int (*real_open)(const char *, int, int);

static int broken_open(const char *path, int flags, int mode)
{
    const char *ending = strrchr(path, '.');
    if ((flags & O_ACCMODE) != O_RDWR || ending == NULL || strcmp(ending, ".db") != 0)
        return real_open(path, flags, mode);
    errno = EIO;
    return -1;
}

static void one_that_fails_is_not_read_only(void **state)
{
    (void)state;
    struct err err;
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    struct store_token row = {.owner = "owner", .generation = 1, .received_boot_id = "b"};
    real_open = (int (*)(const char *, int, int))vfs->xGetSystemCall(vfs, "open");
    struct store *store = store_fixture_open();
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    store_close(store);
    vfs->xSetSystemCall(vfs, "open", (sqlite3_syscall_ptr)broken_open);
    int result = store_fixture_save(store, &row, NULL, &err);
    vfs->xSetSystemCall(vfs, "open", NULL);
    assert_int_equal(result, -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "could be opened only for reading"));
    store_free(store);
}

static int full; /* the error of each write */

static ssize_t full_pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    (void)fd, (void)bytes, (void)len, (void)at;
    errno = full;
    return -1;
}

/* Whether it is full for all, or its owner has used up his share. */
static void a_full_disk_is_read_all_the_same(void **state)
{
    (void)state;
    static const int errors[] = {ENOSPC, EDQUOT};
    struct err err;
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    const char *name = vfs->xGetSystemCall(vfs, "pwrite64") != NULL ? "pwrite64" : "pwrite";
    struct store_token row = {.owner = "owner", .generation = 1, .received_boot_id = "b"}, found;
    struct store *store = store_fixture_open();
    assert_int_equal(store_fixture_save(store, &row, NULL, &err), 0);
    store_reads(store);
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        store_close(store);
        full = errors[i];
        vfs->xSetSystemCall(vfs, name, (sqlite3_syscall_ptr)full_pwrite);
        struct store_call call = {.op = STORE_TOKEN_LOAD,
                                  .token = {.owner = "owner", .row = &found}};
        int result = store_wait(store, &call, &err);
        vfs->xSetSystemCall(vfs, name, NULL);
        assert_int_equal(result, 1);
        store_token_destroy(&found);
    }
    store_free(store);
}

static void a_start_that_is_not_written_is_told(void **state)
{
    (void)state;
    struct err err;
    struct stat st;
    struct rlimit before, limit;
    struct store_runs runs;
    struct store *store = store_fixture_open();
    struct store_run run = {.scope = SCOPE,
                            .job = "report",
                            .run = "first",
                            .attempt = 1,
                            .slot_ms = STORE_NONE,
                            .started_ms = 1000,
                            .ended_ms = STORE_NONE,
                            .exit = -1};
    int64_t installed_ms = STORE_NONE;
    process_identity_own(&run.supervisor);
    assert_int_equal(store_run_add(store, &run, &err), 0);
    int64_t row = run.row;
    assert_int_equal(stat("state/jeton.db-wal", &st), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){.rlim_cur = (rlim_t)st.st_size, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    run.started_ms = 2000;
    int started = store_run_start(store, &run, &err);
    int installed = store_job_installed(store, SCOPE, 1000, &installed_ms, &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(started, -1);
    assert_int_equal(installed, -1);
    assert_int_equal(run.row, row);
    run.exit = 0;
    assert_int_equal(store_run_end(store, &run, &err), 0);
    const struct store_run_filter ended = {.ended = true};
    assert_int_equal(store_run_list(store, &ended, &runs, &err), 0);
    assert_int_equal(runs.count, 1);
    assert_string_equal(runs.items[0].run, "first");
    store_runs_destroy(&runs);
    store_free(store);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_disk_that_cannot_be_read_is_no_damage),
        TEST(one_that_fails_is_not_read_only),
        TEST(a_full_disk_is_read_all_the_same),
        TEST(a_start_that_is_not_written_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

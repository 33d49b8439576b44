/* The state file: what goes in comes out, and what is wrong with it is said. */
#include "mem.h"
#include "store.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct place {
    char root[64];
    char folder[80];
    char file[96];
};

static int set_up(void **state)
{
    struct place *place = mem_alloc(sizeof *place);
    strcpy(place->root, "/tmp/jeton-store-XXXXXX");
    if (mkdtemp(place->root) == NULL)
        return -1;
    snprintf(place->folder, sizeof place->folder, "%s/state", place->root);
    snprintf(place->file, sizeof place->file, "%s/jeton.db", place->folder);
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    char *command = mem_printf("rm -rf '%s'", place->root);
    int result = system(command);
    mem_free(command);
    mem_free(place);
    return result;
}

static struct store *open_well(const struct place *place)
{
    struct err err;
    struct store *store = store_open(place->folder, &err);
    if (store == NULL)
        fail_msg("%s", err.msg);
    return store;
}

static void run_sql(const struct place *place, const char *sql)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void a_row_comes_back_as_it_was(void **state)
{
    struct err err;
    struct store *store = open_well(*state);
    struct store_token row = {
        .owner = "owner-1",
        .generation = 3,
        .access_token = mem_strdup("access"),
        .endpoint_url = mem_strdup("https://e.example"),
        .scope = mem_strdup("a,b"),
        .lifetime_ms = 86400000,
        .received_wall_ms = 636674054802000001,
        .received_boot_ms = 5,
        .received_boot_id = "boot",
        .refresh_token = mem_strdup("refresh"),
        .refresh_since_ms = 9,
        .configured_fingerprint = mem_strdup("fp"),
        .service_override = mem_strdup("https://o.example/v1"),
    };
    assert_int_equal(store_token_save(store, &row, &err), 0);
    store_close(store);

    store = open_well(*state);
    struct store_token found;
    assert_int_equal(store_token_load(store, "owner-1", &found, &err), 1);
    assert_int_equal(found.generation, 3);
    assert_string_equal(found.access_token, row.access_token);
    assert_string_equal(found.endpoint_url, row.endpoint_url);
    assert_string_equal(found.scope, row.scope);
    assert_int_equal(found.received_wall_ms, row.received_wall_ms);
    assert_string_equal(found.received_boot_id, "boot");
    assert_string_equal(found.refresh_token, "refresh");
    assert_null(found.refresh_previous);
    assert_null(found.application_fingerprint);
    assert_string_equal(found.service_override, row.service_override);
    store_token_destroy(&found);

    assert_int_equal(store_token_load(store, "owner-2", &found, &err), 0);
    store_token_destroy(&found);
    assert_int_equal(store_token_set_endpoint(store, "owner-1", "https://new.example", &err), 0);
    assert_int_equal(store_token_load(store, "owner-1", &found, &err), 1);
    assert_string_equal(found.endpoint_url, "https://new.example");
    assert_string_equal(found.access_token, "access");
    store_token_destroy(&found);
    assert_int_equal(store_token_delete(store, "owner-1", &err), 0);
    assert_int_equal(store_token_load(store, "owner-1", &found, &err), 0);
    store_token_destroy(&found);
    store_token_destroy(&row);
    store_close(store);
}

static void folder_and_files_are_private(void **state)
{
    struct place *place = *state;
    mode_t old = umask(0);
    struct store *store = open_well(place);
    struct err err;
    struct store_kv item = {"k", "v", 1};
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    struct stat st;
    assert_int_equal(stat(place->folder, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    DIR *dir = opendir(place->folder);
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
    store_close(store);
}

static void loosened_modes_are_refused(void **state)
{
    struct place *place = *state;
    struct err err;
    store_close(open_well(place));
    chmod(place->file, 0640);
    assert_null(store_open(place->folder, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "chmod"));
    chmod(place->file, 0600);
    chmod(place->folder, 0755);
    assert_null(store_open(place->folder, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "chmod"));
}

static bool collect(void *arg, const struct store_kv *item)
{
    struct buf *out = arg;
    buf_printf(out, "%s=%s;", item->key, item->value);
    return true;
}

static void keys_are_written_together_or_not_at_all(void **state)
{
    struct err err;
    struct store *store = open_well(*state);
    struct store_kv good[] = {{"b", "2", 1}, {"a", "1", 1}, {"c", "3", 1}};
    assert_int_equal(store_kv_write(store, "job", good, 3, &err), 0);
    char *long_key = mem_alloc(STORE_KEY_MAX + 2);
    memset(long_key, 'x', STORE_KEY_MAX + 1);
    struct store_kv bad[] = {{"a", "changed", 7}, {long_key, "1", 1}};
    assert_int_equal(store_kv_write(store, "job", bad, 2, &err), -1);
    assert_int_equal(err.kind, ERR_INVALID);
    struct store_kv gone = {"b", NULL, 0};
    assert_int_equal(store_kv_write(store, "job", &gone, 1, &err), 0);

    struct buf out;
    buf_create(&out, 1000);
    assert_int_equal(store_kv_each(store, "job", collect, &out, &err), 0);
    assert_string_equal(out.data, "a=1;c=3;");
    buf_clear(&out);
    assert_int_equal(store_kv_get(store, "job", "c", &out, &err), 1);
    assert_string_equal(out.data, "3");
    assert_int_equal(store_kv_get(store, "other job", "c", &out, &err), 0);
    buf_destroy(&out);
    mem_free(long_key);
    store_close(store);
}

static void a_newer_version_is_refused(void **state)
{
    struct place *place = *state;
    struct err err;
    store_close(open_well(place));
    run_sql(place, "PRAGMA user_version = 999");
    assert_null(store_open(place->folder, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "version 999"));
}

static void a_corrupt_file_is_kept_aside(void **state)
{
    struct place *place = *state;
    struct err err;
    store_close(open_well(place));
    FILE *file = fopen(place->file, "w");
    fputs("this is no database, but somebody may want these bytes", file);
    fclose(file);
    assert_null(store_open(place->folder, &err));
    assert_int_equal(err.kind, ERR_CONFIG);
    char *kept = strstr(err.msg, "jeton.db.corrupt-");
    assert_non_null(kept);
    char *command = mem_printf("grep -q 'somebody may want' %s/jeton.db.corrupt-*", place->folder);
    assert_int_equal(system(command), 0);
    mem_free(command);
    store_close(open_well(place)); /* the next run starts anew */
}

static void a_locked_file_may_pass(void **state)
{
    struct place *place = *state;
    struct err err;
    struct store *store = open_well(place);
    sqlite3 *db;
    assert_int_equal(sqlite3_open(place->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL), SQLITE_OK);
    struct store_kv item = {"k", "v", 1};
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), -1);
    assert_int_equal(err.kind, ERR_NETWORK);
    assert_true(err.retryable);
    assert_non_null(strstr(err.msg, "locked"));
    sqlite3_close(db);
    assert_int_equal(store_kv_write(store, "job", &item, 1, &err), 0);
    store_close(store);
}

static void many_processes_create_one_store(void **state)
{
    struct place *place = *state;
    pid_t children[16];
    for (size_t i = 0; i < 16; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        struct err err;
        struct store *store = store_open(place->folder, &err);
        char key[8];
        snprintf(key, sizeof key, "%zu", i);
        struct store_kv item = {key, "v", 1};
        bool good = store != NULL && store_kv_write(store, "job", &item, 1, &err) == 0;
        if (!good)
            dprintf(2, "%s\n", err.msg);
        store_close(store);
        _exit(good ? 0 : 1);
    }
    for (size_t i = 0; i < 16; i++) {
        int status;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    struct err err;
    struct buf out;
    buf_create(&out, 1000);
    struct store *store = open_well(place);
    assert_int_equal(store_kv_each(store, "job", collect, &out, &err), 0);
    assert_int_equal(out.len, 10 * 4 + 6 * 5);
    buf_destroy(&out);
    store_close(store);
}

static void the_salt_stays(void **state)
{
    struct err err;
    unsigned char first[32], second[32], zero[32] = {0};
    struct store *store = open_well(*state);
    assert_int_equal(store_salt(store, first, &err), 0);
    store_close(store);
    store = open_well(*state);
    assert_int_equal(store_salt(store, second, &err), 0);
    store_close(store);
    assert_memory_equal(first, second, 32);
    assert_memory_not_equal(first, zero, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_comes_back_as_it_was, set_up, tear_down),
        cmocka_unit_test_setup_teardown(folder_and_files_are_private, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loosened_modes_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(keys_are_written_together_or_not_at_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_newer_version_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_corrupt_file_is_kept_aside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_locked_file_may_pass, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_processes_create_one_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_salt_stays, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

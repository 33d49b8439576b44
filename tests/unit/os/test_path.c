/* Files that are opened to be sent: as many bytes as is said can be read. And what paths are. */
#include "path.h"

#include "folder.h"

#include <fcntl.h>
#include <limits.h>

static struct err err;

/* Reads as a sender does, by offset; the size. */
static int64_t read_all(const char *path, char *text, size_t room)
{
    int64_t size;
    int fd = path_open(path, &size, &err);
    if (fd < 0)
        fail_msg("%s", err.msg);
    assert_true((size_t)size < room);
    assert_int_equal(pread(fd, text, room, 0), size);
    text[size] = '\0';
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
    close(fd);
    return size;
}

static void test_files(void **state)
{
    (void)state;
    char text[64];
    folder_put("file", 0600, "text");
    assert_int_equal(read_all("file", text, sizeof text), 4);
    assert_string_equal(text, "text");
    folder_put("file", 0600, "");
    assert_int_equal(read_all("file", text, sizeof text), 0);
    assert_int_equal(truncate("file", 5), 0); /* without a block on the disk */
    assert_int_equal(read_all("file", text, sizeof text), 5);
    assert_memory_equal(text, "\0\0\0\0\0", 5);
}

static void word(const char *path, const char *expected)
{
    char *found = path_word(path);
    assert_string_equal(found, expected);
    mem_free(found);
}

static void test_words_of_a_shell(void **state)
{
    (void)state;
    word("/etc/jeton/jeton.yaml", "/etc/jeton/jeton.yaml");
    word("a;b", "'a;b'");
    word("it's", "'it'\\''s'");
    word("-x", "./-x");
    word("-x y", "'./-x y'");
    word("", "''");
}

static void real(const char *path, const char *expected)
{
    char *found = path_real(path), cwd[PATH_MAX];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_non_null(found);
    assert_memory_equal(found, cwd, strlen(cwd));
    assert_string_equal(found + strlen(cwd), expected);
    mem_free(found);
}

/* As Kubernetes mounts what a ConfigMap or a Secret has. */
static void test_the_folder_of_an_update_is_no_part_of_a_path(void **state)
{
    (void)state;
    assert_int_equal(mkdir("..2026", 0700), 0);
    assert_int_equal(mkdir("..2026/conf.d", 0700), 0);
    folder_put("..2026/a.yaml", 0600, "");
    folder_put("..2026/conf.d/b.yaml", 0600, "");
    assert_int_equal(symlink("..data/a.yaml", "a.yaml"), 0);
    assert_int_equal(symlink("..data/conf.d", "conf.d"), 0);
    assert_null(path_real("a.yaml"));
    assert_int_equal(symlink("..2025", "..data"), 0);
    real("..2026/a.yaml", "/..2026/a.yaml");
    assert_int_equal(unlink("..data"), 0);
    assert_int_equal(symlink("..2026", "..data"), 0);
    real("a.yaml", "/a.yaml");
    real("..2026/a.yaml", "/a.yaml");
    real("conf.d/b.yaml", "/conf.d/b.yaml");
    real("conf.d", "/conf.d");
    real("..data", "");
}

static void test_a_file_that_tells_no_size(void **state)
{
    (void)state;
    char text[4096];
    struct stat st;
    assert_int_equal(stat("/proc/version", &st), 0);
    assert_int_equal(st.st_size, 0);
    assert_true(read_all("/proc/version", text, sizeof text) > 0);
    assert_memory_equal(text, "Linux", 5);
}

static void test_a_large_file_is_not_copied(void **state)
{
    (void)state;
    int64_t size;
    folder_put("file", 0600, "");
    assert_int_equal(truncate("file", 2 * PATH_UNSIZED_MAX), 0);
    int fd = path_open("file", &size, &err);
    assert_true(fd >= 0);
    assert_int_equal(size, 2 * PATH_UNSIZED_MAX);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_files),
        TEST(test_words_of_a_shell),
        TEST(test_the_folder_of_an_update_is_no_part_of_a_path),
        TEST(test_a_file_that_tells_no_size),
        TEST(test_a_large_file_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

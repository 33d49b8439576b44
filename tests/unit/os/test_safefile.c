/* What may be trusted by its mode, and writes that are whole or not at all. */
#include "safefile.h"

#include "folder.h"
#include "group.h"

#define STRANGER 4321 /* a user id that is neither ours nor root's */

static struct err err;

/* Opens; true where it was refused. The message is in err. */
static bool refused(const char *path, enum safefile_rule rule)
{
    err_clear(&err);
    int fd = safefile_open(path, rule, &err);
    if (fd >= 0)
        close(fd);
    else
        assert_int_equal(err.kind, ERR_CONFIG);
    return fd < 0;
}

static void test_modes(void **state)
{
    (void)state;
    static const struct {
        mode_t mode;
        bool trusted, private;
    } cases[] = {{0600, true, true},   {0400, true, true},   {0700, true, true},
                 {0640, true, false},  {0644, true, false},  {0604, true, false},
                 {0660, false, false}, {0602, false, false}, {0620, false, false},
                 {0610, true, false},  {0777, false, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        folder_put("file", cases[i].mode, "text");
        struct stat st;
        assert_int_equal(stat("file", &st), 0);
        bool by_group = !(cases[i].mode & S_IWOTH) && group_is_own(&st, true); /* of who tests */
        assert_int_equal(refused("file", SAFEFILE_NOT_WRITABLE), !cases[i].trusted && !by_group);
        assert_int_equal(refused("file", SAFEFILE_PRIVATE), !cases[i].private);
    }
}

static void test_message_says_what_to_type(void **state)
{
    (void)state;
    folder_put("it's", 0666, "");
    assert_true(refused("it's", SAFEFILE_NOT_WRITABLE));
    assert_string_equal(err.msg, "it's: group or others can write it; run: chmod go-w "
                                 "'it'\\''s'");
    assert_int_equal(chmod("it's", 0644), 0);
    assert_true(refused("it's", SAFEFILE_PRIVATE));
    assert_non_null(strstr(err.msg, "run: chmod go-rwx"));
    char *command = strstr(err.msg, "chmod");
    assert_int_equal(system(command), 0);
    assert_false(refused("it's", SAFEFILE_PRIVATE));
}

static void test_link_is_followed_to_its_target(void **state)
{
    (void)state;
    folder_put("target", 0600, "text");
    assert_int_equal(symlink("target", "link"), 0);
    assert_false(refused("link", SAFEFILE_PRIVATE));
    assert_int_equal(chmod("target", 0606), 0);
    assert_true(refused("link", SAFEFILE_NOT_WRITABLE));
}

static void test_only_regular_files(void **state)
{
    (void)state;
    assert_int_equal(mkdir("folder", 0700), 0);
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_true(refused("folder", SAFEFILE_NOT_WRITABLE));
    assert_non_null(strstr(err.msg, "found a folder"));
    assert_true(refused("pipe", SAFEFILE_NOT_WRITABLE)); /* and does not wait for a writer */
    assert_non_null(strstr(err.msg, "regular file"));
    assert_true(refused("none", SAFEFILE_NOT_WRITABLE));
    assert_string_equal(err.msg, "none: No such file or directory");
}

static void test_owner(void **state)
{
    (void)state;
    struct stat st = {.st_mode = 0600, .st_uid = geteuid()};
    assert_int_equal(safefile_check_mode("file", &st, SAFEFILE_PRIVATE, &err), 0);
    st.st_uid = 0;
    assert_int_equal(safefile_check_mode("file", &st, SAFEFILE_PRIVATE, &err), 0);
    st.st_uid = STRANGER;
    assert_int_equal(safefile_check_mode("file", &st, SAFEFILE_PRIVATE, &err), -1);
    assert_non_null(strstr(err.msg, "neither you nor root"));
    /* It may be a service's: to take it away is not the first advice. */
    assert_non_null(
        strstr(err.msg, "; run jeton as that user, or, if nothing else uses it: sudo "));
}

static void test_read_is_bounded(void **state)
{
    (void)state;
    struct buf text;
    folder_put("file", 0600, "12345");
    buf_create(&text, 5);
    assert_int_equal(safefile_read("file", SAFEFILE_PRIVATE, &text, &err), 0);
    assert_string_equal(text.data, "12345");
    buf_destroy(&text);
    buf_create(&text, 4);
    assert_int_equal(safefile_read("file", SAFEFILE_PRIVATE, &text, &err), -1);
    assert_string_equal(err.msg, "file: larger than 4 bytes");
    buf_destroy(&text);
}

static void test_private_folder(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(safefile_private_dir("a/b/c", &err), 0);
    for (const char *const *path = (const char *const[]){"a", "a/b", "a/b/c", NULL}; *path;
         path++) {
        assert_int_equal(stat(*path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0700);
    }
    assert_int_equal(chmod("a/b/c", 0710), 0);
    assert_int_equal(safefile_private_dir("a/b/c", &err), -1);
    assert_non_null(strstr(err.msg, "run: chmod 700 a/b/c"));
    folder_put("file", 0600, "");
    assert_int_equal(safefile_private_dir("file", &err), -1);
    assert_string_equal(err.msg, "file: expected a folder");
    assert_int_equal(safefile_private_dir("file/below", &err), -1);
}

static void test_write_replaces(void **state)
{
    (void)state;
    struct buf text;
    struct stat st;
    assert_int_equal(safefile_write("file", 0600, "one", 3, &err), 0);
    assert_int_equal(symlink("file", "link"), 0);
    assert_int_equal(safefile_write("link", 0640, "two", 3, &err), 0);
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    assert_int_equal(stat("file", &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    buf_create(&text, 100);
    assert_int_equal(safefile_read("file", SAFEFILE_NOT_WRITABLE, &text, &err), 0);
    assert_string_equal(text.data, "two");
    buf_destroy(&text);

    assert_int_equal(folder_entries(), 2); /* file and link: nothing was left over */
    assert_int_equal(safefile_write("none/file", 0600, "x", 1, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
}

static void test_write_replaces_nothing_but_files(void **state)
{
    (void)state;
    struct stat st;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(symlink("pipe", "link"), 0);
    assert_int_equal(mkdir("folder", 0700), 0);
    static const char *const paths[] = {"pipe", "link", "folder"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_int_equal(safefile_write(paths[i], 0600, "x", 1, &err), -1);
        assert_non_null(strstr(err.msg, i < 2 ? "found a device, pipe" : "found a folder"));
    }
    assert_int_equal(lstat("pipe", &st), 0);
    assert_true(S_ISFIFO(st.st_mode));
    assert_int_equal(lstat("link", &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_modes),
        TEST(test_message_says_what_to_type),
        TEST(test_owner),
        TEST(test_link_is_followed_to_its_target),
        TEST(test_read_is_bounded),
        TEST(test_only_regular_files),
        TEST(test_private_folder),
        TEST(test_write_replaces),
        TEST(test_write_replaces_nothing_but_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

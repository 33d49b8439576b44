/* Where a file is written: links that are one's own are followed, others' are not. */
#include "place.h"

#include "folder.h"

#include <fcntl.h>

#define STRANGER 4321 /* a user id that is neither ours nor root's */

static struct err err;

static char *resolved(const char *path)
{
    struct place place;
    err_clear(&err);
    char *found = place_find(&place, path, &err) == 0 ? mem_strdup(place.path) : NULL;
    if (found == NULL)
        assert_int_equal(err.kind, ERR_CONFIG);
    place_destroy(&place);
    return found;
}

static void assert_found(void **state, const char *path, const char *expected)
{
    const struct folder *folder = *state;
    char *found = resolved(path);
    if (found == NULL)
        fail_msg("%s: %s", path, err.msg);
    char *full = mem_printf("%s/%s", folder->path, expected);
    assert_string_equal(found, full);
    mem_free(full);
    mem_free(found);
}

static void assert_refused(const char *path, const char *words)
{
    char *found = resolved(path);
    if (found != NULL)
        fail_msg("%s: %s", path, found);
    if (strstr(err.msg, words) == NULL)
        fail_msg("%s: %s (expected: %s)", path, err.msg, words);
}

static void test_names(void **state)
{
    const struct folder *folder = *state;
    assert_int_equal(mkdir("a", 0700), 0);
    assert_found(state, "file", "file");
    assert_found(state, ".//a/../a/./file", "a/file");
    assert_found(state, "...", "...");
    char *absolute = mem_printf("%s/a/file", folder->path);
    assert_found(state, absolute, "a/file");
    mem_free(absolute);
    assert_refused("none/file", "No such file");
    assert_refused("none/", "No such file");
    assert_refused("a", "found a folder");
    assert_refused("a/..", "found a folder");
    assert_refused("", "found a folder");
    assert_refused("/", "found a folder");
    folder_put("file", 0600, "");
    assert_refused("file/below", "Not a directory");
    char name[300];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_refused(name, "too long");
}

static void test_links_of_ones_own(void **state)
{
    assert_int_equal(mkdir("a", 0700), 0);
    folder_put("a/target", 0600, "");
    assert_int_equal(symlink("target", "a/one"), 0);
    assert_int_equal(symlink("a/one", "two"), 0);
    assert_int_equal(symlink("a", "folder"), 0);
    assert_int_equal(symlink("a/none", "dangling"), 0);
    assert_int_equal(symlink("../two", "a/up"), 0);
    assert_found(state, "two", "a/target");
    assert_found(state, "folder/one", "a/target");
    assert_found(state, "folder/up", "a/target");
    assert_found(state, "dangling", "a/none");
    assert_int_equal(symlink("circle", "circle"), 0);
    assert_refused("circle", "Too many levels");
}

static void test_links_of_others(void **state)
{
    if (geteuid() != 0)
        skip();
    folder_put("mine", 0600, "");
    assert_int_equal(symlink("mine", "link"), 0);
    assert_int_equal(lchown("link", STRANGER, STRANGER), 0);
    assert_refused("link", "/link belongs to user 4321");

    assert_int_equal(mkdir("theirs", 0700), 0);
    assert_int_equal(symlink("../mine", "theirs/link"), 0);
    assert_int_equal(mkdir("theirs/sub", 0700), 0);
    assert_int_equal(symlink("../../mine", "theirs/sub/link"), 0);
    assert_int_equal(symlink("theirs", "into"), 0);
    assert_int_equal(chown("theirs", STRANGER, STRANGER), 0);
    assert_refused("theirs/link", "/theirs/ belongs to user 4321");
    assert_refused("theirs/sub/link", "/theirs/ belongs to user 4321");
    assert_refused("into/file", "/theirs/ belongs to user 4321");
    assert_found(state, "theirs/file",
                 "theirs/file"); /* no link: only what is theirs is replaced */
}

static void test_folders_of_everybody(void **state)
{
    folder_put("mine", 0600, "");
    assert_int_equal(mkdir("open", 0700), 0);
    assert_int_equal(chmod("open", 0777), 0);
    assert_int_equal(symlink("../mine", "open/link"), 0);
    assert_refused("open/link", "everybody can write the folder");
    assert_int_equal(chmod("open", 01777), 0); /* as /tmp */
    assert_found(state, "open/link", "mine");
}

static void test_kinds(void **state)
{
    (void)state;
    assert_int_equal(mkfifo("pipe", 0600), 0);
    assert_int_equal(symlink("pipe", "link"), 0);
    assert_refused("pipe", "found a device, pipe or socket");
    assert_refused("link", "found a device, pipe or socket");
    assert_refused("/dev/null", "found a device, pipe or socket");
    assert_refused("/dev/stdout", "nothing is written below /dev");
    assert_refused("/dev/none", "nothing is written below /dev");
    assert_refused("/proc/self/fd/1", "nothing is written below /dev");
    assert_refused("/proc/version", "nothing is written below /dev");
    if (access("/sys/kernel", F_OK) == 0) /* not in every chroot */
        assert_refused("/sys/none", "nothing is written below /dev");
    assert_int_equal(symlink("/proc/self/fd/1", "stdout"), 0);
    assert_refused("stdout", "nothing is written below /dev");
    if (access("/dev/shm", F_OK) == 0) {
        char *found = resolved("/dev/shm/none-of-jeton");
        assert_string_equal(found, "/dev/shm/none-of-jeton");
        mem_free(found);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names), TEST(test_links_of_ones_own),    TEST(test_links_of_others),
        TEST(test_kinds), TEST(test_folders_of_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

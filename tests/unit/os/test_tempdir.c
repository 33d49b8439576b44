/* Folders for one process: nothing of them stays, even if it is killed. */
#include "tempdir.h"

#include "folder.h"

#include <signal.h>
#include <sys/wait.h>

#define MAKERS 6
#define TURNS  40
#define NOBODY 65534

static struct err err;

static int set_up(void **state)
{
    int result = folder_set_up(state);
    return result == 0 ? setenv("TMPDIR", ".", 1) : result;
}

static void begin(struct tempdir *dir)
{
    if (tempdir_open(dir, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(tempdir_write(dir, "below/file", "text", 4, &err), 0);
}

static void test_open_and_close(void **state)
{
    (void)state;
    struct tempdir dir;
    struct stat st;
    begin(&dir);
    assert_int_equal(dir.path[0], '/');
    assert_int_equal(stat(dir.path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(tempdir_make_dir(&dir, "more", &err), 0);
    assert_int_equal(tempdir_write(&dir, "../out", "", 0, &err), -1);
    assert_int_equal(tempdir_close(&dir, &err), 0);
    assert_int_equal(tempdir_close(&dir, &err), 0);
    assert_int_equal(folder_entries(), 0);
}

static void test_no_parent(void **state)
{
    (void)state;
    struct tempdir dir;
    setenv("TMPDIR", "./missing", 1);
    assert_int_equal(tempdir_open(&dir, &err), -1);
    assert_null(dir.path);
    assert_string_equal(err.msg, "cannot make a folder in './missing': No such file or directory");
}

static void kill_a_maker(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct tempdir dir;
        if (tempdir_open(&dir, &err) == 0 && tempdir_write(&dir, "file", "text", 4, &err) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void test_what_the_killed_have_left(void **state)
{
    (void)state;
    struct tempdir living, next;
    begin(&living);
    for (int i = 0; i < 3; i++)
        kill_a_maker(); /* the second removes what the first left */
    assert_int_equal(folder_entries(), 2);
    begin(&next);
    assert_int_equal(folder_entries(), 2);
    assert_int_equal(access(living.path, F_OK), 0);
    tempdir_close(&living, &err);
    tempdir_close(&next, &err);
    assert_int_equal(folder_entries(), 0);
}

/* No link, no file, no other name, and nothing where others may have put a folder in its place. */
static void test_what_is_not_left(void **state)
{
    (void)state;
    struct tempdir dir;
    assert_int_equal(mkdir("mine", 0700), 0);
    folder_put("mine/precious", 0600, "text");
    folder_put("jeton-tmp-abcdef", 0600, "a file");
    assert_int_equal(symlink("mine", "jeton-tmp-bcdefg"), 0);
    assert_int_equal(mkdir("jeton-tmp-more-than-six", 0700), 0);
    begin(&dir);
    tempdir_close(&dir, &err);
    assert_int_equal(folder_entries(), 4);
    assert_int_equal(mkdir("jeton-tmp-cdefgh", 0700), 0);
    assert_int_equal(chmod(".", 0777), 0);
    begin(&dir);
    tempdir_close(&dir, &err);
    assert_int_equal(folder_entries(), 5);
    assert_int_equal(chmod(".", 01777), 0); /* as /tmp */
    if (geteuid() == 0) {                   /* another user's, who may rename what is in it */
        assert_int_equal(chown(".", NOBODY, NOBODY), 0);
        begin(&dir);
        tempdir_close(&dir, &err);
        assert_int_equal(folder_entries(), 5);
        assert_int_equal(chown(".", 0, 0), 0);
    }
    begin(&dir);
    tempdir_close(&dir, &err);
    assert_int_equal(folder_entries(), 4);
    assert_int_equal(access("mine/precious", F_OK), 0);
}

static void test_many_makers(void **state)
{
    (void)state;
    pid_t pids[MAKERS];
    for (int i = 0; i < MAKERS; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        for (int turn = 0; turn < TURNS; turn++) {
            struct tempdir dir;
            if (tempdir_open(&dir, &err) != 0 ||
                tempdir_write(&dir, "file", "text", 4, &err) != 0 || tempdir_close(&dir, &err) != 0)
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < MAKERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(folder_entries(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_and_close, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_no_parent, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_what_the_killed_have_left, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_left, set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_many_makers, set_up, folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

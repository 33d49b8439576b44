/* Files that appear when they are complete, and of which a kill leaves nothing. */
#include "newfile.h"

#include "fd.h"
#include "folder.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#define WRITERS 8
#define TURNS   50

typedef int open_fn(struct newfile *file, const char *path, struct err *err);

static open_fn *const ways[] = {newfile_open, newfile_open_named};
#define WAYS (sizeof ways / sizeof *ways)

static struct err err;

static void assert_content(const char *name, const char *text, mode_t mode)
{
    char data[64] = "";
    struct stat st;
    FILE *file = fopen(name, "r");
    assert_non_null(file);
    assert_int_equal(fread(data, 1, sizeof data - 1, file), strlen(text));
    assert_string_equal(data, text);
    assert_int_equal(fstat(fileno(file), &st), 0);
    assert_int_equal(st.st_mode & 07777, mode);
    assert_int_equal(st.st_nlink, 1);
    fclose(file);
}

static void begin(struct newfile *file, open_fn *way, const char *text)
{
    if (way(file, "file", &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(fd_write(file->fd, text, strlen(text)), 0);
}

static void test_published(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct newfile file;
        begin(&file, ways[i], "one");
        assert_int_equal(access("file", F_OK), i == 0 ? -1 : 0);
        assert_int_equal(newfile_publish(&file, 0640, 0, &err), 0);
        assert_content("file", "one", 0640);
        begin(&file, ways[i], "2");
        assert_content("file", "one", 0640);
        assert_int_equal(newfile_publish(&file, 0644, NEWFILE_DURABLE, &err), 0);
        newfile_close(&file);
        assert_content("file", "2", 0644);
        assert_int_equal(folder_entries(), 1);
    }
}

static void test_given_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct newfile file;
        begin(&file, ways[i], "one");
        newfile_close(&file);
        newfile_close(&file);
        assert_int_equal(folder_entries(), 0);
    }
}

static void test_a_long_name(void **state)
{
    (void)state;
    char name[NAME_MAX + 1];
    memset(name, 'x', NAME_MAX);
    name[NAME_MAX] = '\0';
    for (size_t i = 0; i < WAYS; i++) {
        struct newfile file;
        assert_int_equal(ways[i](&file, name, &err), 0);
        assert_int_equal(newfile_publish(&file, 0600, 0, &err), 0);
        assert_int_equal(folder_entries(), 1);
    }
}

static void test_exclusive(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        struct newfile file;
        begin(&file, ways[i], "one");
        assert_int_equal(newfile_publish(&file, 0600, NEWFILE_EXCLUSIVE, &err), 0);
        begin(&file, ways[i], "two");
        assert_int_equal(newfile_publish(&file, 0600, NEWFILE_EXCLUSIVE, &err), -1);
        assert_string_equal(err.msg, "File exists");
        newfile_close(&file);
        assert_content("file", "one", 0600);
        assert_int_equal(folder_entries(), 1);
        unlink("file");
    }
}

static void kill_a_writer(open_fn *way)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct newfile file;
        if (way(&file, "file", &err) == 0 && fd_write(file.fd, "a long half of it", 17) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void test_killed(void **state)
{
    (void)state;
    struct newfile file;
    kill_a_writer(newfile_open);
    assert_int_equal(folder_entries(), 0);
    for (size_t i = 0; i < WAYS; i++) {
        kill_a_writer(newfile_open_named);
        assert_int_equal(folder_entries(), 1);
        begin(&file, ways[i], "one");
        assert_int_equal(newfile_publish(&file, 0600, 0, &err), 0);
        assert_content("file", "one", 0600);
        assert_int_equal(folder_entries(), 1);
        unlink("file");
    }
}

/* What lies under the temporary name, and is not what a writer leaves, is not written to. */
static void test_planted(void **state)
{
    (void)state;
    struct newfile file;
    folder_put("mine", 0644, "precious");
    assert_int_equal(symlink("mine", ".file.jeton"), 0);
    begin(&file, newfile_open_named, "one");
    assert_int_equal(newfile_publish(&file, 0600, 0, &err), 0);
    unlink(".file.jeton");
    assert_int_equal(link("mine", ".file.jeton"), 0);
    begin(&file, newfile_open_named, "two");
    assert_int_equal(newfile_publish(&file, 0600, 0, &err), 0);
    assert_content("file", "two", 0600);
    unlink(".file.jeton");
    assert_content("mine", "precious", 0644);
    assert_int_equal(folder_entries(), 2);
}

/* Each version that is ever seen is whole, and every writer succeeds. */
static void test_many_writers(void **state)
{
    (void)state;
    pid_t pids[WRITERS];
    for (int i = 0; i < WRITERS; i++) {
        pids[i] = fork();
        if (pids[i] != 0)
            continue;
        for (int turn = 0; turn < TURNS; turn++) {
            struct newfile file;
            char text[3] = {(char)('a' + i), (char)('a' + i), (char)('a' + i)};
            if (ways[(size_t)(i + turn) % WAYS](&file, "file", &err) != 0 ||
                fd_write(file.fd, text, 1) != 0 || fd_write(file.fd, text, 2) != 0 ||
                newfile_publish(&file, 0600, 0, &err) != 0)
                _exit(1);
            int fd = open("file", O_RDONLY);
            if (read(fd, text, sizeof text) != (ssize_t)sizeof text || text[0] != text[2])
                _exit(2);
            close(fd);
        }
        _exit(0);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(folder_entries(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_published), TEST(test_given_up), TEST(test_exclusive),    TEST(test_a_long_name),
        TEST(test_killed),    TEST(test_planted),  TEST(test_many_writers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Children: their output, their end, and what they inherit. */
#include "process.h"

#include "clock.h"
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define SOON_MS  200
#define NEVER_MS 60000

static struct err err;

static int output(const char *command, int64_t within_ms, struct buf *out)
{
    char *argv[] = {mem_strdup("sh"), mem_strdup("-c"), mem_strdup(command), NULL};
    err_clear(&err);
    int result = process_output(argv, clock_mono_ms() + within_ms, out, &err);
    for (char **arg = argv; *arg != NULL; arg++)
        mem_free(*arg);
    return result;
}

static void test_output_is_collected(void **state)
{
    (void)state;
    struct buf out;
    buf_create(&out, 1000);
    assert_int_equal(output("printf 'a b\\n'; printf noise >&2; cat", NEVER_MS, &out), 0);
    assert_string_equal(out.data, "a b\n");
    buf_destroy(&out);
}

static void test_arguments_go_without_a_shell(void **state)
{
    (void)state;
    struct buf out;
    buf_create(&out, 1000);
    char name[] = "printf", format[] = "%s|", one[] = "$HOME; *", two[] = "";
    char *argv[] = {name, format, one, two, NULL};
    assert_int_equal(process_output(argv, clock_mono_ms() + NEVER_MS, &out, &err), 0);
    assert_string_equal(out.data, "$HOME; *||");
    buf_destroy(&out);
}

static void test_failures_are_named_without_output(void **state)
{
    (void)state;
    struct buf out;
    buf_create(&out, 1000);
    assert_int_equal(output("echo hush; exit 3", NEVER_MS, &out), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_true(err.retryable); /* it may pass */
    assert_string_equal(err.msg, "'sh': it ended with status 3; run it by hand to see why");
    assert_int_equal(output("kill -9 $$", NEVER_MS, &out), -1);
    assert_non_null(strstr(err.msg, "signal 9"));
    char name[] = "no-such-program-here";
    char *argv[] = {name, NULL};
    assert_int_equal(process_output(argv, clock_mono_ms() + NEVER_MS, &out, &err), -1);
    assert_string_equal(err.msg, "cannot start 'no-such-program-here': no such program");
    buf_destroy(&out);
}

static void test_output_is_bounded(void **state)
{
    (void)state;
    struct buf out;
    buf_create(&out, 1000);
    int64_t start = clock_mono_ms();
    assert_int_equal(output("while :; do echo endless; done", NEVER_MS, &out), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_non_null(strstr(err.msg, "more than 1000 bytes"));
    assert_true(clock_mono_ms() - start < NEVER_MS / 2);
    buf_destroy(&out);
}

static void test_deadline_ends_the_whole_group(void **state)
{
    (void)state;
    struct buf out;
    buf_create(&out, 1000);
    int64_t start = clock_mono_ms();
    assert_int_equal(output("sleep 300 & echo $! >pid; wait", SOON_MS, &out), -1);
    assert_int_equal(err.kind, ERR_DEADLINE);
    assert_true(clock_mono_ms() - start < NEVER_MS / 2);
    buf_destroy(&out);

    FILE *file = fopen("pid", "r");
    int pid = 0;
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    fclose(file);
    /* Reaped by init, or a zombie until then: in either case it no longer runs. */
    for (int i = 0; i < 200 && kill(pid, 0) == 0; i++) {
        char path[64], status[512] = "";
        snprintf(path, sizeof path, "/proc/%d/stat", pid);
        int fd = open(path, O_RDONLY);
        ssize_t got = fd >= 0 ? read(fd, status, sizeof status - 1) : 0;
        if (fd >= 0)
            close(fd);
        if (got <= 0 || strstr(status, ") Z ") != NULL)
            return;
        usleep(10000);
    }
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

/* A pipe that every process of the group has open is at its end once all have ended. */
static void test_a_signal_ends_the_whole_group_too(void **state)
{
    (void)state;
    int ends[2];
    char byte = 0;
    struct buf out;
    buf_create(&out, 1000);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char *command = mem_printf("exec 9>/proc/%d/fd/%d; printf x >&9; sleep 60 & sleep 60",
                                   (int)getppid(), ends[1]);
        output(command, NEVER_MS, &out);
        _exit(0);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    kill(pid, SIGTERM);
    close(ends[1]);
    int status = process_wait(pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    struct pollfd end = {.fd = ends[0], .events = POLLIN};
    assert_int_equal(poll(&end, 1, NEVER_MS / 4), 1);
    assert_int_equal(read(ends[0], &byte, 1), 0);
    close(ends[0]);
    buf_destroy(&out);
}

static void test_a_process_left_behind_is_not_waited_for(void **state)
{
    (void)state;
    struct buf out;
    buf_create(&out, 1000);
    int64_t start = clock_mono_ms();
    assert_int_equal(output("sleep 30 & echo $! >pid; echo done", NEVER_MS, &out), 0);
    assert_string_equal(out.data, "done\n");
    assert_true(clock_mono_ms() - start < 15000);
    assert_int_equal(system("kill $(cat pid)"), 0);
    buf_destroy(&out);
}

static const int streams[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};

static pid_t spawn(const char *command, char *const env[])
{
    char *argv[] = {mem_strdup("sh"), mem_strdup("-c"), mem_strdup(command), NULL};
    pid_t pid = process_spawn_on(argv, env, streams, &err);
    for (char **arg = argv; *arg != NULL; arg++)
        mem_free(*arg);
    if (pid < 0)
        fail_msg("%s", err.msg);
    return pid;
}

static int wait_for(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return process_exit_status(status);
}

static void test_spawn_environment(void **state)
{
    (void)state;
    char one[] = "JETON_A=new", two[] = "JETON_AB=2";
    char *env[] = {one, two, NULL};
    setenv("JETON_A", "old", 1);
    setenv("JETON_KEPT", "kept", 1);
    assert_int_equal(wait_for(spawn("test $JETON_A$JETON_AB$JETON_KEPT = new2kept", env)), 0);
    assert_int_equal(wait_for(spawn("test $JETON_A = old", NULL)), 0);
}

static void test_spawn_inherits_nothing_else(void **state)
{
    (void)state;
    int fd = open("/dev/null", O_RDONLY); /* without close-on-exec */
    char *command = mem_printf("! test -e /proc/self/fd/%d", fd);
    sigset_t blocked, before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigprocmask(SIG_BLOCK, &blocked, &before);
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(wait_for(spawn(command, NULL)), 0);
    assert_int_equal(wait_for(spawn("kill -TERM $$", NULL)), 128 + SIGTERM);
    assert_int_equal(wait_for(spawn("kill -PIPE $$", NULL)), 128 + SIGPIPE);
    sigprocmask(SIG_SETMASK, &before, NULL);
    mem_free(command);
    close(fd);
}

static void test_spawn_of_nothing(void **state)
{
    (void)state;
    char name[] = "./none";
    char *argv[] = {name, NULL};
    assert_int_equal(process_spawn_on(argv, NULL, streams, &err), -1);
    assert_int_equal(err.kind, ERR_CONFIG);
}

struct ended {
    bool done;
    int status;
};

static void on_end(void *arg, int wait_status)
{
    struct ended *ended = arg;
    assert_false(ended->done);
    ended->done = true;
    ended->status = process_exit_status(wait_status);
}

static void test_watch_calls_once(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct process_watch watch;
    struct ended ended = {0};
    pid_t pid = spawn("exit 7", NULL);
    assert_int_equal(process_watch_start(loop, &watch, pid, on_end, &ended, &err), 0);
    assert_true(loop_run_until(loop, &ended.done));
    assert_int_equal(ended.status, 7);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* was waited for */
    assert_false(loop_turn(loop, 0));                  /* nothing is left in the loop */
    process_watch_stop(&watch);
    loop_free(loop);
}

static void test_watch_can_be_stopped(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    struct process_watch watch;
    struct ended ended = {0};
    pid_t pid = spawn("exit 7", NULL);
    assert_int_equal(process_watch_start(loop, &watch, pid, on_end, &ended, &err), 0);
    process_watch_stop(&watch);
    process_watch_stop(&watch);
    assert_false(loop_turn(loop, 0));
    assert_int_equal(wait_for(pid), 7);
    assert_false(ended.done);
    loop_free(loop);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_set_up, folder_tear_down)

int main(void)
{
    /* A folder in it that may not be looked into would hide "no such program". */
    setenv("PATH", "/usr/bin:/bin", 1);
    const struct CMUnitTest tests[] = {
        TEST(test_output_is_collected),
        TEST(test_arguments_go_without_a_shell),
        TEST(test_failures_are_named_without_output),
        TEST(test_output_is_bounded),
        TEST(test_deadline_ends_the_whole_group),
        TEST(test_a_signal_ends_the_whole_group_too),
        TEST(test_a_process_left_behind_is_not_waited_for),
        TEST(test_spawn_environment),
        TEST(test_spawn_inherits_nothing_else),
        TEST(test_spawn_of_nothing),
        TEST(test_watch_calls_once),
        TEST(test_watch_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "lock.h"

#include "clock.h"
#include "folder.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define NAME "one"

static void test_one_holds_it(void **state)
{
    const struct folder *folder = *state;
    struct lock first, second;
    struct err err;
    lock_create(&first, NULL);
    lock_create(&second, NULL);
    assert_int_equal(lock_block(&first, folder->path, NAME, 0, &err), 0);
    assert_int_equal(lock_block(&second, folder->path, NAME, 0, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    lock_release(&second);
    assert_int_equal(lock_block(&second, folder->path, NAME, 1, &err), -1);
    assert_int_equal(err.kind, ERR_BUSY);
    lock_release(&second);
    lock_release(&first);
    assert_int_equal(lock_block(&second, folder->path, NAME, 1, &err), 0);
    lock_release(&second);
}

struct wait {
    struct loop *loop;
    struct lock lock;
    struct lock *holder; /* let go of by a timer */
    struct err err;
    bool called;
};

static void told(void *arg, const struct err *err)
{
    struct wait *wait = arg;
    wait->called = true;
    if (err != NULL)
        wait->err = *err;
}

static void let_go(void *arg)
{
    struct wait *wait = arg;
    assert_false(wait->called);
    lock_release(wait->holder);
}

static void test_waiting(void **state)
{
    const struct folder *folder = *state;
    struct lock holder;
    struct loop_timer timer = {0};
    struct wait wait = {.loop = loop_new(), .holder = &holder};
    lock_create(&holder, NULL);
    lock_create(&wait.lock, wait.loop);
    assert_int_equal(lock_block(&holder, folder->path, NAME, 0, &wait.err), 0);

    err_clear(&wait.err);
    lock_wait(&wait.lock, folder->path, NAME, clock_mono_ms() + 1, told, &wait);
    assert_true(loop_run_until(wait.loop, &wait.called));
    assert_int_equal(wait.err.kind, ERR_BUSY);

    wait.called = false;
    err_clear(&wait.err);
    loop_timer_start(wait.loop, &timer, 10, let_go, &wait);
    lock_wait(&wait.lock, folder->path, NAME, 0, told, &wait);
    assert_true(loop_run_until(wait.loop, &wait.called));
    assert_int_equal(wait.err.kind, ERR_NONE);
    assert_int_equal(lock_block(&holder, folder->path, NAME, 0, &wait.err), -1);
    assert_int_equal(wait.err.kind, ERR_BUSY);

    lock_release(&holder);

    lock_release(&wait.lock);
    loop_free(wait.loop);
}

/* From here on, flock fails in this process as on a file system without locks. */
static int refuse_locks(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_flock, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOLCK),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof code / sizeof code[0], .filter = code};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
                   prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0
               ? 0
               : -1;
}

static bool says_so(const struct err *err, const char *folder)
{
    return err->kind == ERR_CONFIG && strstr(err->msg, folder) != NULL &&
           strstr(err->msg, strerror(ENOLCK)) != NULL;
}

/* How a process ends in which there are no locks: 0 when each way to get one says so. */
static int try_without_locks(const char *folder)
{
    struct wait wait = {.loop = loop_new()};
    struct err err;
    if (refuse_locks() != 0)
        return 77;
    lock_create(&wait.lock, wait.loop);
    if (lock_block(&wait.lock, folder, NAME, 0, &err) != -1 || !says_so(&err, folder))
        return 1;
    lock_release(&wait.lock);
    if (lock_block(&wait.lock, folder, NAME, 60000, &err) != -1 || !says_so(&err, folder))
        return 2;
    lock_release(&wait.lock);
    lock_wait(&wait.lock, folder, NAME, 0, told, &wait);
    if (!loop_run_until(wait.loop, &wait.called) || !says_so(&wait.err, folder))
        return 3;
    lock_release(&wait.lock);
    loop_free(wait.loop);
    return 0;
}

static void test_a_file_system_without_locks(void **state)
{
    const struct folder *folder = *state;
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(try_without_locks(folder->path));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

/* A process without descriptors must not take for dead who lives. */
static void test_a_sign_of_life_that_cannot_be_looked_at(void **state)
{
    const struct folder *folder = *state;
    struct rlimit limit, none = {0};
    struct err err;
    assert_false(lock_byte_is_held(folder->path, NAME, 7));
    int fd = lock_byte(folder->path, NAME, 7, &err);
    assert_true(fd >= 0);
    assert_true(lock_byte_is_held(folder->path, NAME, 7));
    assert_false(lock_byte_is_held(folder->path, NAME, 8));
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none.rlim_max = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool held = lock_byte_is_held(folder->path, NAME, 7);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(held);
    close(fd);
    assert_false(lock_byte_is_held(folder->path, NAME, 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_holds_it, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_waiting, folder_set_up, folder_tear_down),
        cmocka_unit_test_setup_teardown(test_a_sign_of_life_that_cannot_be_looked_at, folder_set_up,
                                        folder_tear_down),
        cmocka_unit_test_setup_teardown(test_a_file_system_without_locks, folder_set_up,
                                        folder_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

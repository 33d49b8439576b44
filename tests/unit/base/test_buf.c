#include "buf.h"

#include "mem.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static void test_append(void **state)
{
    (void)state;
    struct buf buf;
    buf_create(&buf, 100);
    assert_string_equal(buf.data, "");
    assert_int_equal(buf_puts(&buf, "one"), 0);
    assert_int_equal(buf_putc(&buf, ' '), 0);
    assert_int_equal(buf_append(&buf, "t\0o", 3), 0);
    assert_int_equal(buf_printf(&buf, "%s%d", " x", 5), 0);
    assert_int_equal(buf.len, 10);
    assert_memory_equal(buf.data, "one t\0o x5", 11); /* with the NUL behind it */
    buf_clear(&buf);
    assert_int_equal(buf.len, 0);
    assert_string_equal(buf.data, "");
    buf_destroy(&buf);
    buf_destroy(&buf);
    assert_string_equal(buf.data, "");
}

static void test_limit(void **state)
{
    (void)state;
    struct buf buf;
    buf_create(&buf, 5);
    assert_int_equal(buf_puts(&buf, "1234"), 0);
    assert_int_equal(buf_puts(&buf, "56"), -1);
    assert_int_equal(buf_printf(&buf, "%d", 56), -1);
    assert_int_equal(buf_append(&buf, "", SIZE_MAX), -1); /* no overflow */
    assert_string_equal(buf.data, "1234");                /* all or nothing */
    assert_int_equal(buf_putc(&buf, '5'), 0);
    assert_int_equal(buf_putc(&buf, '6'), -1);
    assert_int_equal(buf_append(&buf, NULL, 0), 0);
    assert_string_equal(buf.data, "12345");
    buf_destroy(&buf);
}

static void test_growth_keeps_the_content(void **state)
{
    (void)state;
    static const bool secret[] = {false, true};
    for (size_t kind = 0; kind < 2; kind++) {
        struct buf buf;
        if (secret[kind])
            buf_create_secret(&buf, 1 << 20);
        else
            buf_create(&buf, 1 << 20);
        for (int i = 0; i < 100000; i++)
            assert_int_equal(buf_putc(&buf, (char)('a' + i % 26)), 0);
        for (int i = 0; i < 100000; i++)
            assert_int_equal(buf.data[i], 'a' + i % 26);
        assert_int_equal(strlen(buf.data), buf.len);
        buf_destroy(&buf);
    }
}

static void test_clear_wipes_secrets(void **state)
{
    (void)state;
    struct buf buf;
    buf_create_secret(&buf, 100);
    buf_puts(&buf, "hunter22");
    char *data = buf.data;
    buf_clear(&buf);
    assert_ptr_equal(buf.data, data);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(data[i], 0);
    buf_destroy(&buf);
}

static void test_take(void **state)
{
    (void)state;
    struct buf buf;
    buf_create(&buf, 100);
    char *text = buf_take(&buf); /* of an empty one, a string all the same */
    assert_string_equal(text, "");
    mem_free(text);
    buf_puts(&buf, "mine");
    text = buf_take(&buf);
    assert_string_equal(text, "mine");
    mem_free(text);
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf_puts(&buf, "again"), 0);
    assert_string_equal(buf.data, "again");
    buf_destroy(&buf);
}

static void fill_pipe(int fds[2], size_t len)
{
    char data[20000];
    assert_true(len <= sizeof data);
    memset(data, 'x', len);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], data, len), len);
    close(fds[1]);
}

static void test_read_fd(void **state)
{
    (void)state;
    int fds[2];
    struct buf buf;
    fill_pipe(fds, 20000); /* more than one read, exactly the limit */
    buf_create(&buf, 20000);
    assert_int_equal(buf_read_fd(&buf, fds[0]), 0);
    assert_int_equal(buf.len, 20000);
    close(fds[0]);
    buf_destroy(&buf);

    fill_pipe(fds, 0);
    buf_create(&buf, 10);
    assert_int_equal(buf_read_fd(&buf, fds[0]), 0);
    assert_string_equal(buf.data, "");
    close(fds[0]);
    buf_destroy(&buf);

    int fd = memfd_create("sized", 0); /* read at once, and what has come since */
    assert_int_equal(write(fd, "abc", 3), 3);
    buf_create_secret(&buf, 7);
    for (size_t len = 3; len <= 6; len += 3) {
        assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
        assert_int_equal(buf_read_fd(&buf, fd), 0);
        assert_int_equal(buf.len, len);
    }
    assert_string_equal(buf.data, "abcabc");
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    assert_int_equal(buf_read_fd(&buf, fd), -1);
    assert_int_equal(errno, EFBIG);
    close(fd);
    buf_destroy(&buf);

    fill_pipe(fds, 11);
    buf_create_secret(&buf, 10);
    errno = 0;
    assert_int_equal(buf_read_fd(&buf, fds[0]), -1);
    assert_int_equal(errno, EFBIG);
    close(fds[0]);
    errno = 0;
    assert_int_equal(buf_read_fd(&buf, fds[0]), -1);
    assert_int_equal(errno, EBADF);
    buf_destroy(&buf);
}

static void test_zeroed_struct(void **state)
{
    (void)state;
    struct buf buf = {0};
    buf_destroy(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_growth_keeps_the_content),
        cmocka_unit_test(test_clear_wipes_secrets),
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_read_fd),
        cmocka_unit_test(test_zeroed_struct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

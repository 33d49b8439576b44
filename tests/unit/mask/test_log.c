#include "log.h"

#include "json.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define READ_MAX   ((size_t)4 * 1024 * 1024)
#define LINE_BYTES 4001
#define LONG_BYTES ((size_t)9000)
#define LONG_LINES 40

/* A log into a socket that keeps the bounds of writes. */
struct fixture {
    int fds[2];
    struct log *log;
    struct redact *redact;
};

static void setup(struct fixture *fixture, enum log_level level, enum log_format format, bool color)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fixture->fds), 0);
    fixture->redact = redact_new();
    redact_add(fixture->redact, "hunter22", 8);
    fixture->log = log_new(fixture->fds[1], level, format, color, fixture->redact);
}

static void teardown(struct fixture *fixture)
{
    log_free(fixture->log);
    redact_free(fixture->redact);
    close(fixture->fds[0]);
    close(fixture->fds[1]);
}

/* The next write as it was made, or "" where none was. */
static void check_written(struct fixture *fixture, const char *expected)
{
    char got[4096];
    ssize_t len = recv(fixture->fds[0], got, sizeof got - 1, MSG_DONTWAIT);
    got[len > 0 ? len : 0] = '\0';
    assert_string_equal(got, expected);
}

static void test_text(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, LOG_DEBUG, LOG_TEXT, false);
    log_msg(fixture.log, LOG_ERROR, "%s: %d", "number", 5);
    check_written(&fixture, "jeton: error: number: 5\n");
    log_msg(fixture.log, LOG_WARN, "w");
    check_written(&fixture, "jeton: warning: w\n");
    log_msg(fixture.log, LOG_INFO, "i");
    check_written(&fixture, "jeton: info: i\n");
    log_msg(fixture.log, LOG_DEBUG, "d");
    check_written(&fixture, "jeton: debug: d\n");
    log_msg(fixture.log, LOG_TRACE, "t");
    check_written(&fixture, "");
    teardown(&fixture);
}

static void test_levels(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, LOG_WARN, LOG_TEXT, false);
    assert_true(log_enabled(fixture.log, LOG_ERROR));
    assert_true(log_enabled(fixture.log, LOG_WARN));
    assert_false(log_enabled(fixture.log, LOG_INFO));
    log_event(fixture.log, LOG_INFO, "dropped", NULL, 0);
    check_written(&fixture, "");
    teardown(&fixture);
}

static void test_color(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, LOG_INFO, LOG_TEXT, true);
    log_msg(fixture.log, LOG_ERROR, "x");
    check_written(&fixture, "jeton: \x1b[1;31merror\x1b[0m: x\n");
    teardown(&fixture);
}

static void test_fields(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct log_field fields[] = {
        {"plain", "a/b:c", false},   {"empty", "", false},        {"spaced", "a b", false},
        {"gone", NULL, false},       {"quoted", "a\"\\b", false}, {"assigned", "a=b", false},
        {"lines", "a\nb\tc", false},
    };
    setup(&fixture, LOG_INFO, LOG_TEXT, false);
    log_event(fixture.log, LOG_INFO, "m", fields, sizeof fields / sizeof *fields);
    check_written(&fixture, "jeton: info: m plain=a/b:c empty=\"\" spaced=\"a b\" "
                            "quoted=\"a\\\"\\\\b\" assigned=\"a=b\" lines=\"a\\nb\\tc\"\n");
    teardown(&fixture);
}

static void test_terminal_is_safe(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, LOG_INFO, LOG_TEXT, false);
    log_msg(fixture.log, LOG_INFO, "one\n\ttwo \x1b]0;title\a \r \x7f\n\n");
    check_written(&fixture, "jeton: info: one\\n\\ttwo \\x1b]0;title\\x07 \\r \\x7f\n");
    log_msg(fixture.log, LOG_INFO,
            "\xc2\x9b"
            "31m \xe2\x80\xae caf\xc3\xa9 caf\xe9");
    check_written(&fixture, "jeton: info: \\x9b31m \\u202e caf\xc3\xa9 caf\\xe9\n");
    const struct log_field field = {"na\x1bme", "va\x1blue", false};
    log_event(fixture.log, LOG_INFO, "m", &field, 1);
    check_written(&fixture, "jeton: info: m na\\x1bme=\"va\\x1blue\"\n");
    teardown(&fixture);
}

/* Below the first line, nothing passes for a line of the log. */
static void test_lines(void **state)
{
    (void)state;
    struct fixture fixture;
    setup(&fixture, LOG_INFO, LOG_TEXT, false);
    log_lines(fixture.log, LOG_ERROR, "%s", "one\r\n\ttwo\rthree\nstack traceback:\n[C] \x1b[2J\n");
    check_written(&fixture, "jeton: error: one\r\n\ttwo\\rthree\nstack traceback:\n[C] \\x1b[2J\n");
    log_lines(fixture.log, LOG_ERROR, "%s",
              "one\njeton: error: forged\n\xe2\x80\x8bjeton: error: behind a space without width");
    check_written(&fixture, "jeton: error: one\n\tjeton: error: forged\n"
                            "\t\xe2\x80\x8bjeton: error: behind a space without width\n");
    teardown(&fixture);
}

static void test_secrets_are_masked(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct log_field field = {"url", "http://x/?q=hunter%32%32", false};
    setup(&fixture, LOG_INFO, LOG_TEXT, false);
    log_event(fixture.log, LOG_INFO, "it is hunter22", &field, 1);
    check_written(&fixture, "jeton: info: it is ******** url=\"http://x/?q=********\"\n");
    teardown(&fixture);
}

/* Parses the line that was written; the caller frees it. */
static struct json *read_json(struct fixture *fixture)
{
    struct err err = {0};
    char got[4096];
    ssize_t len = recv(fixture->fds[0], got, sizeof got, MSG_DONTWAIT);
    assert_true(len > 1 && got[len - 1] == '\n');
    assert_null(memchr(got, '\n', (size_t)len - 1));
    struct json *json = json_parse(got, (size_t)len, NULL, &err);
    if (json == NULL)
        fail_msg("%.*s: %s", (int)len, got, err.msg);
    return json;
}

static void test_json(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct log_field fields[] = {{"name", "hunter22", false},
                                       {"level", "mine", false},
                                       {"gone", NULL, false},
                                       {"bytes", "caf\xe9\x1b\"\\", false}};
    setup(&fixture, LOG_INFO, LOG_JSON, true);
    log_event(fixture.log, LOG_WARN, "two\nlines \xff\n", fields, 4);
    struct json *json = read_json(&fixture);
    assert_int_equal(strlen(json_string(json_get(json, "time"))), 29);
    assert_string_equal(json_string(json_get(json, "level")), "warning");
    assert_string_equal(json_string(json_get(json, "message")), "two\nlines \xef\xbf\xbd");
    assert_string_equal(json_string(json_get(json, "name")), "********");
    assert_string_equal(json_string(json_get(json, "level_")), "mine");
    assert_string_equal(json_string(json_get(json, "bytes")), "caf\xef\xbf\xbd\x1b\"\\");
    assert_null(json_get(json, "gone"));
    json_free(json);
    teardown(&fixture);
}

static void test_json_numbers(void **state)
{
    (void)state;
    struct fixture fixture;
    const struct log_field fields[] = {{"status", "404", true},
                                       {"ratio", "-1.5e+20", true},
                                       {"text", "404", false},
                                       {"inf", "inf", true},
                                       {"secret", "22222222", true}};
    setup(&fixture, LOG_INFO, LOG_JSON, false);
    redact_add(fixture.redact, "22222222", 8);
    log_event(fixture.log, LOG_INFO, "m", fields, sizeof fields / sizeof *fields);
    struct json *json = read_json(&fixture);
    assert_int_equal(json_get(json, "status")->integer, 404);
    assert_int_equal(json_get(json, "ratio")->type, JSON_DOUBLE);
    assert_string_equal(json_string(json_get(json, "text")), "404");
    assert_string_equal(json_string(json_get(json, "inf")), "inf");
    assert_string_equal(json_string(json_get(json, "secret")), "********");
    json_free(json);
    teardown(&fixture);
}

/* Whatever comes in is one valid line, and no cut leaves a part of a secret behind. */
static void test_long_input(void **state)
{
    (void)state;
    size_t len = 200 * 1024;
    char *text = mem_alloc(len + 1), path[] = "/tmp/jeton-log-XXXXXX";
    for (size_t i = 0; i + 8 <= len; i += 8)
        memcpy(text + i, i % 16 == 0 ? "hunter22" : "\x01\x01\x01\x01\x01\x01\x01\x01", 8);
    struct log_field fields[8];
    for (size_t i = 0; i < 8; i++)
        fields[i] = (struct log_field){"field", text, false};
    struct redact *redact = redact_new();
    redact_add(redact, "hunter22", 8);
    int fd = mkstemp(path);
    struct log *log = log_new(fd, LOG_INFO, LOG_JSON, false, redact);
    log_event(log, LOG_INFO, text, fields, 8);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    struct buf written;
    struct err err = {0};
    buf_create(&written, READ_MAX);
    assert_int_equal(buf_read_fd(&written, fd), 0);
    struct json *json = json_parse(written.data, written.len, NULL, &err);
    assert_non_null(json);
    assert_null(strstr(written.data, "hunt"));
    assert_non_null(json_get(json, "field")); /* some had room, the line is whole all the same */
    json_free(json);
    buf_destroy(&written);
    log_free(log);
    redact_free(redact);
    close(fd);
    unlink(path);
    mem_free(text);
}

/* Nobody waits for longer than some seconds; what was left out is told of, once it is read again.
 */
static void test_nobody_reads(void **state)
{
    (void)state;
    struct fixture fixture;
    char got[4096], filled[4096] = {0};
    setup(&fixture, LOG_INFO, LOG_TEXT, false);
    log_hurry(fixture.log, true);
    log_msg(fixture.log, LOG_INFO, "one");
    check_written(&fixture, "jeton: info: one\n");
    while (send(fixture.fds[1], filled, sizeof filled, MSG_DONTWAIT) > 0) {
    }
    log_msg(fixture.log, LOG_INFO, "two");
    log_msg(fixture.log, LOG_INFO, "three");
    while (recv(fixture.fds[0], got, sizeof got, MSG_DONTWAIT) > 0)
        assert_int_equal(got[0], 0);
    log_msg(fixture.log, LOG_INFO, "four");
    check_written(&fixture, "jeton: warning: 2 lines of the log were dropped, as nobody read it\n");
    check_written(&fixture, "jeton: info: four\n");
    check_written(&fixture, "");
    log_hurry(fixture.log, false);
    teardown(&fixture);
}

/* A long line is one write, too, where that does not wait. */
static void test_long_lines_do_not_mix(void **state)
{
    (void)state;
    const char names[] = {'a', 'b'};
    char line[LONG_BYTES + 1] = {0};
    struct fixture fixture;
    struct buf got;
    int ends[2], start[2];
    setup(&fixture, LOG_INFO, LOG_TEXT, false);
    log_hurry(fixture.log, true);
    memset(line, 'x', LONG_BYTES);
    log_msg(fixture.log, LOG_INFO, "%s", line);
    assert_int_equal(recv(fixture.fds[0], line, LONG_BYTES, MSG_TRUNC),
                     strlen("jeton: info: ") + LONG_BYTES + 1);
    teardown(&fixture);

    /* So large that it does not become full. */
    assert_true(pipe(ends) == 0 && pipe(start) == 0);
    assert_true(fcntl(ends[1], F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
    for (size_t i = 0; i < sizeof names; i++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid > 0)
            continue;
        struct log *log = log_new(ends[1], LOG_INFO, LOG_TEXT, false, NULL);
        log_hurry(log, true);
        memset(line, names[i], LONG_BYTES);
        close(start[1]);
        while (read(start[0], (char[1]){0}, 1) > 0) { /* both at once */
        }
        for (int k = 0; k < LONG_LINES; k++)
            log_msg(log, LOG_INFO, "%s", line);
        log_free(log);
        _exit(0);
    }
    close(ends[1]);
    close(start[0]);
    close(start[1]);
    while (wait(NULL) > 0) {
    }
    buf_create(&got, READ_MAX);
    assert_int_equal(buf_read_fd(&got, ends[0]), 0);
    close(ends[0]);
    const size_t prefix = strlen("jeton: info: ");
    size_t whole = 0;
    for (char *at = strtok(got.data, "\n"); at != NULL; at = strtok(NULL, "\n"))
        whole += strlen(at) == prefix + LONG_BYTES &&
                 strspn(at + prefix, (const char[]){at[prefix], '\0'}) == LONG_BYTES;
    assert_int_equal(whole, 2 * LONG_LINES);
    buf_destroy(&got);
}

/* Until nothing has come for a while: the system hands it over in steps. */
static void drain(int fd, struct buf *got)
{
    char some[4096];
    while (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 500) == 1) {
        ssize_t len = read(fd, some, sizeof some);
        assert_true(len > 0);
        buf_append(got, some, (size_t)len);
    }
}

/* poll says that a terminal is writable where it has room for a byte, and a write waits for all. */
static void test_nobody_reads_a_terminal(void **state)
{
    (void)state;
    char line[LINE_BYTES];
    struct buf got;
    int theirs = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(theirs >= 0 && grantpt(theirs) == 0 && unlockpt(theirs) == 0);
    int ours = open(ptsname(theirs), O_RDWR | O_NOCTTY);
    assert_true(ours >= 0);
    struct log *log = log_new(ours, LOG_INFO, LOG_TEXT, false, NULL);
    log_hurry(log, true);
    assert_int_equal(fcntl(ours, F_GETFL) & O_NONBLOCK, 0); /* others may have it, too */
    memset(line, 'x', sizeof line - 1);
    line[sizeof line - 1] = '\0';
    for (int i = 0; i < 100; i++)
        log_msg(log, LOG_INFO, "%s", line);
    buf_create(&got, READ_MAX);
    drain(theirs, &got);
    assert_null(strstr(got.data, "dropped"));
    log_msg(log, LOG_INFO, "read again");
    drain(theirs, &got);
    assert_non_null(strstr(got.data, " lines of the log were dropped, as nobody read it\r\n"));
    assert_non_null(strstr(got.data, "jeton: info: read again\r\n"));
    buf_destroy(&got);
    log_free(log);
    close(ours);
    close(theirs);
}

/* Whose count it is says it; another process does not say it again. */
static void test_dropped_in_two_processes(void **state)
{
    (void)state;
    struct fixture fixture;
    char got[4096], filled[4096] = {0};
    int status;
    setup(&fixture, LOG_INFO, LOG_TEXT, false);
    log_hurry(fixture.log, true);
    while (send(fixture.fds[1], filled, sizeof filled, MSG_DONTWAIT) > 0) {
    }
    log_msg(fixture.log, LOG_INFO, "one");
    while (recv(fixture.fds[0], got, sizeof got, MSG_DONTWAIT) > 0)
        assert_int_equal(got[0], 0);
    pid_t pid = fork();
    if (pid == 0) {
        log_msg(fixture.log, LOG_INFO, "of the other");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    check_written(&fixture, "jeton: info: of the other\n");
    log_msg(fixture.log, LOG_INFO, "two");
    check_written(&fixture, "jeton: warning: 1 line of the log was dropped, as nobody read it\n");
    check_written(&fixture, "jeton: info: two\n");
    teardown(&fixture);
}

static void test_errno_survives(void **state)
{
    (void)state;
    struct log *log = log_new(-1, LOG_INFO, LOG_TEXT, false, NULL);
    errno = ENOENT;
    log_msg(log, LOG_INFO, "nobody reads this");
    assert_int_equal(errno, ENOENT);
    log_free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_color),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_terminal_is_safe),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_secrets_are_masked),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_numbers),
        cmocka_unit_test(test_long_input),
        cmocka_unit_test(test_long_lines_do_not_mix),
        cmocka_unit_test(test_nobody_reads),
        cmocka_unit_test(test_nobody_reads_a_terminal),
        cmocka_unit_test(test_dropped_in_two_processes),
        cmocka_unit_test(test_errno_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

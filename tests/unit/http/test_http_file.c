/* Bodies from files and to files, against a raw server on loopback. */
#include "buf.h"
#include "http_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BIG         ((size_t)300000) /* more than one buffer of libcurl */
#define REQUEST_MAX ((size_t)1024 * 1024)

static char folder[] = "/tmp/jeton-test-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[4][128];
    static int turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static char *pattern(size_t len)
{
    char *data = mem_alloc(len + 1);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)('a' + (i * 7 + i / 251) % 26);
    return data;
}

static const char *write_file(const char *name, const char *data, size_t len)
{
    const char *path = in_folder(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
    return path;
}

static size_t files_in_folder(void)
{
    size_t n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        n += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(dir);
    return n;
}

static void assert_file(const char *path, const char *data, size_t len)
{
    struct buf got;
    buf_create(&got, 2 * BIG);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(buf_read_fd(&got, fd), 0);
    close(fd);
    assert_int_equal(got.len, len);
    assert_memory_equal(got.data, data, len);
    buf_destroy(&got);
}

static int setup(void **state)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    return mkdtemp(folder) != NULL ? fixture_setup(state) : -1;
}

static int teardown(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    int status = fixture_teardown(state);
    return system(command) == 0 ? status : -1;
}

/* Answers with what it read, header and body. */
static void echo_whole(struct peer *peer, int fd, int number, void *arg)
{
    (void)number, (void)arg;
    char *request = mem_alloc(REQUEST_MAX);
    while (peer_read(peer, fd, request, REQUEST_MAX)) {
        peer_printf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(request));
        peer_write(fd, request, strlen(request));
    }
    mem_free(request);
}

static void assert_ends(const struct outcome *outcome, const char *data, size_t len)
{
    assert_int_equal(outcome->err.kind, ERR_NONE);
    assert_true(outcome->body_len > len);
    assert_memory_equal(outcome->body + outcome->body_len - len, data, len);
}

static void test_body_from_file(void **state)
{
    struct fixture *f = *state;
    char *data = pattern(BIG);
    f->peer = peer_start(echo_whole, NULL);
    static const char *const methods[] = {"POST", "PUT"};
    for (size_t i = 0; i < 2; i++) {
        const struct http_request request = {.method = methods[i],
                                             .url = peer_url(f->peer, "/up"),
                                             .body_path = write_file("up", data, BIG)};
        struct outcome outcome = fixture_send(f, &request);
        assert_ends(&outcome, data, BIG);
        assert_non_null(strstr(outcome.body, "\r\nContent-Length: 300000\r\n"));
        assert_null(strstr(outcome.body, "Expect"));
        assert_null(strstr(outcome.body, "Content-Type"));
        assert_int_equal(strncmp(outcome.body, methods[i], strlen(methods[i])), 0);
        mem_free(outcome.body);
    }
    mem_free(data);
}

static void test_empty_file(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(echo_whole, NULL);
    const struct http_request request = {
        .method = "POST", .url = peer_url(f->peer, "/up"), .body_path = write_file("empty", "", 0)};
    struct outcome outcome = fixture_send(f, &request);
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_non_null(strstr(outcome.body, "\r\nContent-Length: 0\r\n"));
    mem_free(outcome.body);
}

/* The second request on a connection meets a server that has had enough. */
static void hang_up_on_second(struct peer *peer, int fd, int number, void *arg)
{
    (void)arg;
    char *request = mem_alloc(REQUEST_MAX);
    bool first = true;
    while (peer_read(peer, fd, request, REQUEST_MAX)) {
        if (number == 0 && !first)
            break;
        first = false;
        peer_printf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", strlen(request));
        peer_write(fd, request, strlen(request));
    }
    mem_free(request);
}

static void test_file_is_sent_again_from_its_start(void **state)
{
    struct fixture *f = *state;
    char *data = pattern(BIG);
    const struct http_part parts[] = {{.name = "file", .path = write_file("part", data, BIG)}};
    f->peer = peer_start(hang_up_on_second, NULL);
    struct http_request request = {
        .method = "PUT", .url = peer_url(f->peer, "/"), .body_path = write_file("up", data, BIG)};
    for (int i = 0; i < 2; i++) {
        struct outcome outcome = fixture_send(f, &request);
        assert_ends(&outcome, data, BIG);
        mem_free(outcome.body);
    }
    assert_int_equal(peer_connections(f->peer), 2);
    request.body_path = NULL;
    request.parts = parts;
    request.nparts = 1;
    struct outcome outcome = fixture_send(f, &request);
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_non_null(strstr(outcome.body, data));
    mem_free(outcome.body);
    mem_free(data);
}

static void test_multipart(void **state)
{
    struct fixture *f = *state;
    char *data = pattern(BIG);
    f->peer = peer_start(echo_whole, NULL);
    const struct http_part parts[] = {
        {.name = "title", .value = "a value", .value_len = 7},
        {.name = "files", .path = write_file("a \"b\".pdf", data, BIG)},
        {.name = "1",
         .path = in_folder("a \"b\".pdf"),
         .filename = "x.png",
         .content_type = "image/png"},
    };
    const struct http_request request = {
        .method = "POST", .url = peer_url(f->peer, "/m"), .parts = parts, .nparts = 3};
    struct outcome outcome = fixture_send(f, &request);
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_non_null(strstr(outcome.body, "\r\nContent-Length: "));
    assert_non_null(strstr(outcome.body, "\r\nContent-Type: multipart/form-data; boundary="));
    assert_non_null(strstr(outcome.body, "form-data; name=\"title\"\r\n\r\na value\r\n--"));
    assert_non_null(strstr(outcome.body, "name=\"files\"; filename=\"a %22b%22.pdf\"\r\n"
                                         "Content-Type: application/octet-stream\r\n\r\n"));
    const char *last = strstr(outcome.body, "name=\"1\"; filename=\"x.png\"\r\n"
                                            "Content-Type: image/png\r\n\r\n");
    assert_non_null(last);
    assert_memory_equal(strstr(last, "\r\n\r\n") + 4, data, BIG);
    mem_free(outcome.body);
    mem_free(data);
}

static void assert_refused(struct fixture *f, const struct http_request *request, const char *words)
{
    struct outcome outcome = {0};
    struct err err = {0};
    assert_null(http_start(f->http, request, fixture_done, &outcome, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    if (strstr(err.msg, words) == NULL)
        fail_msg("%s (expected: %s)", err.msg, words);
    assert_int_equal(outcome.calls, 0);
}

static void test_what_is_refused(void **state)
{
    struct fixture *f = *state;
    struct http_request request = {
        .method = "POST", .url = "http://127.0.0.1:1/", .body_path = in_folder("none")};
    assert_refused(f, &request, "none': No such file");
    request.body_path = folder;
    assert_refused(f, &request, "expected a regular file");
    request.body_path = NULL;
    request.save_path = folder;
    assert_refused(f, &request, "expected a regular file or nothing");
    request.save_path = in_folder("no/folder");
    assert_refused(f, &request, "cannot save to");
    request.save_path = NULL;
    struct http_part part = {.name = "a", .value = "", .filename = "x\r\ny"};
    request.parts = &part;
    request.nparts = 1;
    assert_refused(f, &request, "no line break");
    part.filename = NULL;
    char name[] = "content-type", value[] = "multipart/form-data";
    const struct http_header header = {name, value};
    request.headers = &header;
    request.nheaders = 1;
    assert_refused(f, &request, "cannot be set with a multipart body");
    assert_int_equal(files_in_folder(), 0);
}

/* Reads the header only, then makes the file shorter. */
static void cut_the_file(struct peer *peer, int fd, int number, void *arg)
{
    (void)peer, (void)number;
    char byte;
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_int_equal(truncate(arg, 10), 0);
    while (read(fd, &byte, 1) == 1)
        continue;
}

static void test_a_file_that_becomes_shorter(void **state)
{
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s", in_folder("shrinks"));
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 1024L * 1024 * 1024), 0); /* no blocks: more than sockets hold */
    close(fd);
    f->peer = peer_start(cut_the_file, path);
    const struct http_request request = {
        .method = "POST", .url = peer_url(f->peer, "/"), .body_path = path};
    struct outcome outcome = fixture_send(f, &request);
    assert_failed(&outcome, ERR_INVALID, "became shorter while it was sent");
}

static char *long_reply(int status, const char *data, size_t len)
{
    return mem_printf("HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s", status,
                      len, data);
}

static void test_reply_to_file(void **state)
{
    struct fixture *f = *state;
    char *data = pattern(BIG);
    char *reply = long_reply(200, data, BIG);
    f->peer = peer_start(script_say, reply);
    const struct http_request request = {
        .method = "GET", .url = peer_url(f->peer, "/"), .save_path = write_file("out", "old", 3)};
    struct outcome outcome = fixture_send(f, &request);
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_int_equal(outcome.body_len, 0);
    assert_file(in_folder("out"), data, BIG);
    struct stat st;
    assert_int_equal(stat(in_folder("out"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(files_in_folder(), 1);
    mem_free(outcome.body);
    peer_stop(f->peer); /* it may still read the reply when all of it has arrived */
    f->peer = NULL;
    mem_free(reply);
    mem_free(data);
}

/* None of these leaves anything behind, nor touches the file that is there. */
static void test_reply_that_is_not_saved(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *reply;
        enum err_kind kind;
        const char *text; /* of the error or the body */
    } cases[] = {
        {"HTTP/1.1 404 X\r\nConnection: close\r\nContent-Length: 4\r\n\r\ngone", ERR_NONE, "gone"},
        {"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\nhalf", ERR_NETWORK, "cut short after 4 bytes"},
        {"HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n123456789", ERR_NETWORK, "over 8 bytes"},
        {"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n0\r\n\r\n",
         ERR_NETWORK, "over 8 bytes"},
        {"HTTP/1.1 200 X\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
         ERR_NETWORK, "Transfer-Encoding"},
        {"HTTP/1.1 206 X\r\nContent-Length: 4\r\n\r\nhalf", ERR_NETWORK, "only a part"},
        {"HTTP/1.1 206 X\r\nContent-Length: 0\r\n\r\n", ERR_NETWORK, "only a part"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static char reply[128]; /* the peer may still read it when all has arrived */
        snprintf(reply, sizeof reply, "%s", cases[i].reply);
        f->peer = peer_start(script_say, reply);
        const struct http_request request = {.method = "GET",
                                             .url = peer_url(f->peer, "/"),
                                             .save_path = write_file("out", "old", 3),
                                             .max_body = i == 1 ? 9 : 8};
        struct outcome outcome = fixture_send(f, &request);
        if (cases[i].kind == ERR_NONE)
            assert_body(&outcome, 404, cases[i].text);
        else
            assert_failed(&outcome, cases[i].kind, cases[i].text);
        assert_file(in_folder("out"), "old", 3);
        assert_int_equal(files_in_folder(), 1);
        peer_stop(f->peer);
        f->peer = NULL;
    }
}

static void test_empty_reply_to_file(void **state)
{
    struct fixture *f = *state;
    static char reply[] = "HTTP/1.1 200 X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    f->peer = peer_start(script_say, reply);
    const struct http_request request = {
        .method = "GET", .url = peer_url(f->peer, "/"), .save_path = in_folder("out")};
    struct outcome outcome = fixture_send(f, &request);
    assert_int_equal(outcome.err.kind, ERR_NONE);
    assert_file(in_folder("out"), "", 0);
    mem_free(outcome.body);
}

static void test_cancelled_save_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct outcome outcome = {0};
    struct err err;
    f->peer = peer_start(script_swallow, NULL);
    const struct http_request request = {
        .method = "GET", .url = peer_url(f->peer, "/"), .save_path = in_folder("out")};
    struct http_transfer *transfer = http_start(f->http, &request, fixture_done, &outcome, &err);
    assert_non_null(transfer);
    loop_turn(f->loop, 10);
    assert_true(files_in_folder() <= 1); /* it need not have a name yet */
    http_cancel(transfer);
    assert_int_equal(files_in_folder(), 0);
    assert_int_equal(outcome.calls, 0);
}

static void test_nothing_moves(void **state)
{
    struct fixture *f = *state;
    f->peer = peer_start(script_swallow, NULL);
    const struct http_request request = {.method = "GET",
                                         .url = peer_url(f->peer, "/"),
                                         .save_path = in_folder("out"),
                                         .timeout_ms = 300};
    struct outcome outcome = fixture_send(f, &request);
    assert_true(outcome.err.retryable);
    assert_failed(&outcome, ERR_NETWORK, "nothing moved for 300 ms");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_body_from_file),
        TEST(test_empty_file),
        TEST(test_file_is_sent_again_from_its_start),
        TEST(test_multipart),
        TEST(test_what_is_refused),
        TEST(test_a_file_that_becomes_shorter),
        TEST(test_reply_to_file),
        TEST(test_reply_that_is_not_saved),
        TEST(test_empty_reply_to_file),
        TEST(test_cancelled_save_leaves_nothing),
        TEST(test_nothing_moves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * Heads of requests, on any bytes. What must hold: a verdict stands however much more comes, what
 * is refused has a reason that JSON can carry, and the target of a request line lies inside of it.
 */
#include "server_head.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct server_options limits = {
    .max_head = SERVER_HEAD_MAX, .max_cookies = SERVER_COOKIES_MAX, .max_cookie = SERVER_HEAD_MAX};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fail(const char *what)
{
    fprintf(stderr, "fuzz_head: %s\n", what);
    abort();
}

static void check_problem(const struct server_head_problem *problem)
{
    if (problem->status < 400 || problem->status > 599 || problem->code == NULL ||
        problem->message == NULL || *problem->message == '\0' ||
        strpbrk(problem->message, "\"\\\n") != NULL)
        fail("a refusal without a good reason");
}

static void check_line(const char *data, size_t len)
{
    const char *method = NULL, *target = NULL;
    size_t method_len = 0, target_len = 0;
    if (!server_head_line(data, len, &method, &method_len, &target, &target_len))
        return;
    if (method < data || method_len == 0 || target != method + method_len + 1 || target_len == 0 ||
        target + target_len >= data + len || target[target_len] != ' ')
        fail("a target that is not in the line");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum server_head_state before = SERVER_HEAD_PARTIAL;
    size_t step = size / 64 + 1;
    for (size_t len = 0;; len = len + step < size ? len + step : size) {
        struct server_head_problem problem = {0};
        char *text = malloc(len + 1); /* of its own, so that reading past its end shows */
        if (text == NULL)
            abort();
        char *exact = text + 1;
        if (len > 0)
            memcpy(exact, data, len);
        enum server_head_state state = server_head_check(&limits, exact, len, &problem);
        if (state == SERVER_HEAD_REFUSED)
            check_problem(&problem);
        if (before != SERVER_HEAD_PARTIAL && state != before)
            fail("a verdict that was taken back");
        before = state;
        check_line(exact, len);
        free(text);
        if (len == size)
            return 0;
    }
}

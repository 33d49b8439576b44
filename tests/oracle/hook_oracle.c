/*
 * Checks webhooks for tests that let other programs sign. The argument is a configuration; standard
 * input is a JSON array of {hook, target, headers, body, now, covered}. For each it prints
 * "HOOK STATUS TRIED WRONG": TRIED is how many bits of what is `covered` (names of headers, "body",
 * "query", "form") were changed one at a time, WRONG how many of these requests were not refused
 * with 401. A "form" is the body whose fields were signed, not its bytes: where a bit leaves all of
 * them what they are, as in %2B and %2b, the request may be taken.
 */
#include "config_load.h"
#include "hook.h"
#include "hook_check.h"
#include "json.h"
#include "mem.h"
#include "presets_source.h"
#include "provider_list.h"
#include "url.h"

#include <stdio.h>
#include <unistd.h>

#define HEADERS_MAX 16
#define INPUT_MAX   ((size_t)1024 * 1024)

struct call {
    const struct hook_rules *rules;
    struct hook_secrets *keys;
    struct hook_request request;
    struct http_header headers[HEADERS_MAX];
    size_t tried, wrong;
};

static int status_of(struct call *call)
{
    struct hook_result result;
    hook_check(call->rules, call->keys, &call->request, &result);
    int status = result.verdict == HOOK_STORE ? 200 : result.reply.status;
    if (result.verdict == HOOK_STORE && result.events[0].id == NULL)
        status = 0;
    if (status != 200 && call->tried == 0)
        fprintf(stderr, "hook_oracle: %s\n", result.why);
    hook_check_destroy(&result);
    return status;
}

/* Of a form before a bit was changed, and after. */
static bool is_same_form(const char *before, const char *after, size_t len)
{
    char *texts = mem_alloc(2 * len + 1);
    size_t n = url_decode_form(before, len, texts), m = url_decode_form(after, len, texts + len);
    bool same = n == m && memcmp(texts, texts + len, n) == 0;
    mem_free(texts);
    return same;
}

static void flip_form(struct call *call, char *bytes, size_t len)
{
    char *before = mem_alloc(len + 1);
    memcpy(before, bytes, len);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] = (char)(before[bit / 8] ^ (1 << (bit % 8)));
        call->tried++;
        call->wrong += status_of(call) != 401 && !is_same_form(before, bytes, len);
        bytes[bit / 8] = before[bit / 8];
    }
    mem_free(before);
}

/* The tree is this test's own: its texts are changed where they stand. */
static void flip(struct call *call, const char *text, size_t len)
{
    char *bytes = (char *)(uintptr_t)text;
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
        call->tried++;
        call->wrong += status_of(call) != 401;
        bytes[bit / 8] = (char)(bytes[bit / 8] ^ (1 << (bit % 8)));
    }
}

static void flip_part(struct call *call, const char *part)
{
    const char *query = strchr(call->request.target, '?');
    if (strcmp(part, "body") == 0)
        flip(call, call->request.body, call->request.body_len);
    else if (strcmp(part, "form") == 0)
        flip_form(call, (char *)(uintptr_t)call->request.body, call->request.body_len);
    else if (strcmp(part, "query") == 0 && query != NULL)
        flip(call, query + 1, strlen(query + 1));
    for (size_t i = 0; i < call->request.nheaders; i++) {
        if (strcmp(call->headers[i].name, part) == 0)
            flip(call, call->headers[i].value, strlen(call->headers[i].value));
    }
}

static int try(const struct config *config, const struct json *json, struct err *err)
{
    const struct json *body = json_get(json, "body");
    const struct hook *hook = config_hook(config, json_string(json_get(json, "hook")), err);
    struct call call = {.rules = hook != NULL ? &hook->rules : NULL};
    if (hook == NULL || hook_read_secrets(hook, NULL, &call.keys, err) != 0)
        return -1;
    call.request = (struct hook_request){
        .method = "POST",
        .target = json_string(json_get(json, "target")),
        .headers = call.headers,
        .body = body->text,
        .body_len = body->len,
        .now_ms = json_get(json, "now")->integer,
    };
    for (const struct json *header = json_get(json, "headers")->child;
         header != NULL && call.request.nheaders < HEADERS_MAX; header = header->next)
        call.headers[call.request.nheaders++] =
            (struct http_header){header->key, json_string(header)};
    int status = status_of(&call);
    for (const struct json *part = json_get(json, "covered")->child; part != NULL;
         part = part->next)
        flip_part(&call, json_string(part));
    printf("%s %d %zu %zu\n", hook->name, status, call.tried, call.wrong);
    hook_secrets_free(call.keys);
    return 0;
}

int main(int argc, char **argv)
{
    struct problems problems;
    struct buf input;
    struct err err;
    err_clear(&err);
    problems_create(&problems);
    buf_create(&input, INPUT_MAX);
    struct config *config =
        argc == 2 ? config_load(argv[1], provider_list, &presets_source, &problems) : NULL;
    struct json *calls = config != NULL && buf_read_fd(&input, STDIN_FILENO) == 0
                             ? json_parse(input.data, input.len, &(struct json_options){0}, &err)
                             : NULL;
    int result = calls != NULL ? 0 : -1;
    for (const struct json *call = calls != NULL ? calls->child : NULL; call != NULL && result == 0;
         call = call->next)
        result = try(config, call, &err);
    if (result != 0)
        fprintf(stderr, "hook_oracle: %s\n",
                problems.count > 0 ? problems.items[0].message : err.msg);
    json_free(calls);
    config_free(config);
    buf_destroy(&input);
    problems_destroy(&problems);
    return result == 0 ? 0 : 2;
}

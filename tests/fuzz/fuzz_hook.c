/*
 * Webhooks. The first line is a place, the second a template: what the parsers take is looked up in
 * a request, whose target, headers and body follow. Nobody who has no secret gets past the check,
 * and what is stored of a request without one lies within it.
 */
#include "hook_check.h"

#include "mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 8
#define SECRET      "no input has this secret"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    const char *at, *end;
};

static char *line(struct input *input)
{
    const char *stop = memchr(input->at, '\n', (size_t)(input->end - input->at));
    size_t len = (size_t)((stop != NULL ? stop : input->end) - input->at);
    char *text = mem_strndup(input->at, len);
    input->at += stop != NULL ? len + 1 : len;
    return text;
}

static void make_rules(struct hook_rules *rules, const char *where, const char *text)
{
    struct err err;
    struct hook_place place;
    hook_rules_create(rules);
    rules->path = mem_strdup("/a");
    rules->gzip = HOOK_GZIP_SIGNED_DECODED;
    rules->max_body = 64 * 1024;
    err_clear(&err);
    hook_template_parse(text, strlen(text), HOOK_TEMPLATE_SIGNED, false, &rules->verify.text, &err);
    hook_template_parse(text, strlen(text), HOOK_TEMPLATE_TYPE, false, &rules->type, &err);
    rules->challenges = mem_alloc(sizeof *rules->challenges);
    rules->nchallenges = 1;
    struct hook_challenge *challenge = &rules->challenges[0];
    *challenge = (struct hook_challenge){.unverified = true, .status = 200};
    hook_template_parse(text, strlen(text), HOOK_TEMPLATE_ANSWER, true, &challenge->body, &err);
    challenge->nconditions = 1;
    challenge->conditions = mem_alloc(sizeof *challenge->conditions);
    challenge->conditions->kind = HOOK_PRESENT;
    static const char ask[] = "query:ask";
    hook_place_parse(ask, strlen(ask), &challenge->conditions->place, &err);
    for (int i = 0; i < 4; i++) {
        if (hook_place_parse(where, strlen(where), &place, &err) != 0)
            continue;
        bool batch = place.nparts == 1 && place.parts[0].kind == HOOK_PLACE_JSON;
        if (i < 2 && place.nparts == 1)
            hook_place_add(i == 0 ? &rules->verify.in : &rules->verify.time, &place);
        else if (i == 2)
            hook_place_add(&rules->id, &place);
        else if (i == 3 && batch)
            rules->each = place;
        else
            hook_place_destroy(&place);
    }
}

static void fail(const char *what)
{
    fprintf(stderr, "fuzz_hook: %s\n", what);
    abort();
}

static void look(const struct hook_result *result, const struct hook_request *request, int kind)
{
    if (result->verdict == HOOK_STORE && kind != HOOK_NONE)
        fail("stored without a secret");
    for (size_t i = 0; result->verdict == HOOK_STORE && i < result->nevents; i++) {
        const struct hook_event *event = &result->events[i];
        if (event->id == NULL || event->id[0] == '\0' || strlen(event->id) > HOOK_ID_MAX)
            fail("an ID that is none");
        bool within = event->data >= request->body &&
                      event->data + event->data_len <= request->body + request->body_len;
        if (!within && result->arena.chunks == NULL)
            fail("an event outside of the request");
    }
    if (result->verdict == HOOK_REFUSE && result->why[0] == '\0')
        fail("refused for nothing");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = size > 0 ? (const char *)data : "";
    struct input input = {text, text + size};
    char *lines[3 + 2 * HEADERS_MAX];
    struct http_header headers[HEADERS_MAX];
    size_t nheaders = 0;
    struct err err;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        lines[i] = line(&input);
    for (size_t i = 0; i < HEADERS_MAX; i++) {
        if (lines[3 + 2 * i][0] != '\0')
            headers[nheaders++] = (struct http_header){lines[3 + 2 * i], lines[4 + 2 * i]};
    }
    char *target = mem_printf("/a%s", lines[2]);
    struct hook_request request = {.target = target,
                                   .headers = headers,
                                   .nheaders = nheaders,
                                   .body = input.at,
                                   .body_len = (size_t)(input.end - input.at),
                                   .now_ms = 1700000000000LL};
    static const int kinds[] = {HOOK_HMAC, HOOK_TOKEN, HOOK_BASIC, HOOK_NONE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct hook_rules rules;
        struct hook_result result;
        struct hook_secrets *keys = hook_secrets_new();
        make_rules(&rules, lines[0], lines[1]);
        rules.verify.kind = kinds[i];
        err_clear(&err);
        hook_secrets_add(keys, &rules, NULL, SECRET, strlen(SECRET), &err);
        request.method = i % 2 == 0 ? "POST" : "GET";
        for (int again = 0; again < 2; again++) {
            hook_check(&rules, keys, &request, &result);
            look(&result, &request, rules.verify.kind);
            hook_check_destroy(&result);
            request.method = "POST";
        }
        hook_rules_destroy(&rules);
        hook_secrets_free(keys);
    }
    mem_free(target);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        mem_free(lines[i]);
    return 0;
}

#include "hook_fixture.h"

#include "mem.h"

static struct err err;

void hook_fixture_place(struct hook_places *places, const char *text)
{
    struct hook_place one;
    assert_int_equal(hook_place_parse(text, strlen(text), &one, &err), 0);
    hook_place_add(places, &one);
}

void hook_fixture_template(struct hook_template *out, const char *text, enum hook_template_use use)
{
    assert_int_equal(hook_template_parse(text, strlen(text), use, false, out, &err), 0);
}

void hook_fixture_begin(struct hook_fixture *f, enum hook_kind kind, const char *in,
                        const char *text, const char *time)
{
    err_clear(&err);
    *f = (struct hook_fixture){.keys = hook_secrets_new()};
    hook_rules_create(&f->rules);
    f->rules.path = mem_strdup("/hook");
    f->rules.verify.kind = kind;
    if (in != NULL)
        hook_fixture_place(&f->rules.verify.in, in);
    if (text != NULL)
        hook_fixture_template(&f->rules.verify.text, text, HOOK_TEMPLATE_SIGNED);
    if (time != NULL)
        hook_fixture_place(&f->rules.verify.time, time);
}

void hook_fixture_secret(struct hook_fixture *f, const char *text)
{
    assert_int_equal(hook_secrets_add(f->keys, &f->rules, NULL, text, strlen(text), &err), 0);
}

void hook_fixture_end(struct hook_fixture *f)
{
    hook_check_destroy(&f->result);
    hook_rules_destroy(&f->rules);
    hook_secrets_free(f->keys);
}

struct hook_challenge *hook_fixture_challenge(struct hook_fixture *f, bool unverified,
                                              const char *where, const char *text)
{
    struct hook_rules *rules = &f->rules;
    rules->challenges =
        mem_realloc(rules->challenges, (rules->nchallenges + 1) * sizeof *rules->challenges);
    struct hook_challenge *made = &rules->challenges[rules->nchallenges++];
    *made = (struct hook_challenge){.unverified = unverified, .status = 200, .nconditions = 1};
    made->conditions = mem_alloc(sizeof *made->conditions);
    made->conditions->kind = HOOK_PRESENT;
    assert_int_equal(hook_place_parse(where, strlen(where), &made->conditions->place, &err), 0);
    hook_fixture_template(&made->body, text, HOOK_TEMPLATE_ANSWER);
    return made;
}

int hook_fixture_check(struct hook_fixture *f, const struct hook_fixture_call *call)
{
    size_t count = 0;
    while (count < HOOK_FIXTURE_HEADERS && call->headers[count].name != NULL)
        count++;
    const char *body = call->body != NULL ? call->body : "";
    const struct hook_request request = {
        .method = call->method != NULL ? call->method : "POST",
        .target = call->target != NULL ? call->target : "/hook",
        .headers = call->headers,
        .nheaders = count,
        .body = body,
        .body_len = call->len > 0 ? call->len : strlen(body),
        .now_ms = call->now_ms != 0 ? call->now_ms : HOOK_FIXTURE_NOW_MS,
    };
    hook_check_destroy(&f->result);
    hook_check(&f->rules, f->keys, &request, &f->result);
    return f->result.reply.status;
}

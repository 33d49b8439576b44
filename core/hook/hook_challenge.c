/* What senders ask before they send events: is this you? */
#include "hook_private.h"

#include "ascii.h"

#include <string.h>

#define OK        200
#define INVALID   400
#define FORBIDDEN 403
#define TOO_MANY  429
#define VALUE_MAX ((size_t)2048) /* of a header */

enum holds { HOLDS, HOLDS_NOT, HOLDS_BUT_SECRET };

static bool condition(struct hook_view *view, const struct hook_condition *condition)
{
    struct hook_span text = {0};
    if (condition->kind == HOOK_PRESENT || condition->kind == HOOK_ABSENT)
        return hook_view_is_there(view, &condition->place) == (condition->kind == HOOK_PRESENT);
    if (hook_view_text(view, &condition->place, &text) != HOOK_GOT)
        return false;
    if (condition->kind == HOOK_EQUALS)
        return text.len == strlen(condition->text) &&
               memcmp(text.text, condition->text, text.len) == 0;
    bool own = strcmp(condition->text, "secret") == 0;
    return hook_secrets_is(view->keys, own ? NULL : condition->text, text.text, text.len);
}

static enum holds holds(struct hook_view *view, const struct hook_challenge *challenge)
{
    enum holds result = HOLDS;
    for (size_t i = 0; i < challenge->nconditions; i++) {
        if (condition(view, &challenge->conditions[i]))
            continue;
        if (challenge->conditions[i].kind != HOOK_EQUALS_SECRET)
            return HOLDS_NOT;
        result = HOLDS_BUT_SECRET;
    }
    return result;
}

static bool write(struct hook_view *view, const struct hook_template *text, size_t max,
                  struct hook_span *out)
{
    struct buf buf;
    buf_create(&buf, max);
    bool good = hook_view_write(view, text, HOOK_TEMPLATE_ANSWER, &buf) == HOOK_GOT;
    *out = (struct hook_span){arena_text(view->arena, buf.data, buf.len), buf.len};
    buf_destroy(&buf);
    return good;
}

static void header(struct hook_reply *reply, const char *name, const char *value)
{
    reply->headers[reply->nheaders++] = (struct http_header){name, value};
}

static bool answer(struct hook_view *view, const struct hook_challenge *challenge,
                   struct hook_reply *reply)
{
    struct hook_span text;
    *reply = (struct hook_reply){.status = (int)challenge->status, .body = ""};
    if (!write(view, &challenge->body, HOOK_ANSWER_MAX, &text))
        return false;
    reply->body = text.text;
    reply->body_len = text.len;
    if (text.len > 0)
        header(reply, "Content-Type", challenge->json ? "application/json" : "text/plain");
    header(reply, "X-Content-Type-Options", "nosniff");
    header(reply, "Cache-Control", "no-store");
    for (size_t i = 0; i < challenge->nheaders; i++) {
        if (!write(view, &challenge->headers[i].value, VALUE_MAX, &text) ||
            !field_is_value(text.text, text.len) || strlen(text.text) != text.len)
            return false;
        header(reply, challenge->headers[i].name, text.text);
    }
    return true;
}

bool hook_challenge(struct hook_view *view, struct hook_secrets *keys, bool verified,
                    struct hook_result *result)
{
    const struct hook_rules *rules = view->rules;
    for (size_t i = 0; i < rules->nchallenges; i++) {
        const struct hook_challenge *challenge = &rules->challenges[i];
        if (challenge->unverified == verified)
            continue;
        enum holds state = holds(view, challenge);
        if (state == HOLDS_NOT)
            continue;
        if (state == HOLDS_BUT_SECRET) {
            hook_refuse(result, FORBIDDEN, "challenge",
                        "a challenge has not the secret that it must have");
        } else if (!hook_secrets_may_answer(keys, view->request->now_ms)) {
            hook_refuse(result, TOO_MANY, "challenge", "more than %d challenges in a second",
                        HOOK_CHALLENGES_PER_SECOND);
            header(&result->reply, "Retry-After", "1");
        } else if (!answer(view, challenge, &result->reply)) {
            hook_refuse(result, INVALID, "challenge",
                        "a challenge lacks what must be answered, or asks for what no answer "
                        "may hold");
        } else {
            result->verdict = HOOK_ANSWER;
        }
        return true;
    }
    return false;
}

#include "hook_rules.h"

#include "mem.h"

#include <string.h>
#include <strings.h>

#define WINDOW_DEFAULT_MS 300000
#define BODY_DEFAULT      (1LL * 1024 * 1024)

void hook_rules_create(struct hook_rules *rules)
{
    *rules = (struct hook_rules){
        .max_body = BODY_DEFAULT,
        .verify = {.digest = HOOK_SHA256, .window_ms = WINDOW_DEFAULT_MS},
    };
}

static void challenge_destroy(struct hook_challenge *challenge)
{
    for (size_t i = 0; i < challenge->nconditions; i++) {
        hook_place_destroy(&challenge->conditions[i].place);
        mem_free(challenge->conditions[i].text);
    }
    for (size_t i = 0; i < challenge->nheaders; i++) {
        hook_template_destroy(&challenge->headers[i].value);
        mem_free(challenge->headers[i].name);
    }
    hook_template_destroy(&challenge->body);
    mem_free(challenge->conditions);
    mem_free(challenge->headers);
}

void hook_rules_destroy(struct hook_rules *rules)
{
    struct hook_verify *verify = &rules->verify;
    hook_place_destroy_all(&verify->in);
    hook_place_destroy_all(&verify->time);
    hook_place_destroy_all(&verify->body_hash);
    hook_template_destroy(&verify->text);
    mem_free(verify->separator);
    mem_free(verify->prefix);
    mem_free(verify->user);
    hook_place_destroy_all(&rules->id);
    hook_place_destroy_all(&rules->order);
    hook_place_destroy(&rules->each);
    hook_template_destroy(&rules->type);
    for (size_t i = 0; i < rules->nchallenges; i++)
        challenge_destroy(&rules->challenges[i]);
    mem_free(rules->challenges);
    mem_freev(rules->events);
    mem_free(rules->public_url);
    mem_free(rules->path);
    *rules = (struct hook_rules){0};
}

bool hook_rules_need_url(const struct hook_rules *rules)
{
    return hook_template_has(&rules->verify.text, HOOK_PIECE_URL) ||
           hook_template_has(&rules->verify.text, HOOK_PIECE_URL_DECODED);
}

static bool is_same(const struct hook_part *a, const struct hook_part *b)
{
    bool any_case = a->kind == HOOK_PLACE_HEADER;
    if (a->kind != b->kind || a->prefix != b->prefix)
        return false;
    if (a->name != NULL)
        return any_case ? strcasecmp(a->name, b->name) == 0 : strcmp(a->name, b->name) == 0;
    size_t i = 0;
    while (a->steps[i] != NULL && b->steps[i] != NULL && strcmp(a->steps[i], b->steps[i]) == 0)
        i++;
    return a->steps[i] == NULL && b->steps[i] == NULL;
}

static bool is_named(const struct hook_template *text, const struct hook_part *part)
{
    bool found = false;
    for (size_t i = 0; i < text->count; i++) {
        const struct hook_place *place = &text->pieces[i].place;
        for (size_t n = 0; n < place->nparts; n++)
            found = found || is_same(&place->parts[n], part);
    }
    return found;
}

static bool is_in(const struct hook_places *places, const struct hook_part *part)
{
    return places->count == 1 && places->items[0].nparts == 1 &&
           is_same(&places->items[0].parts[0], part);
}

bool hook_rules_have_signature(const struct hook_rules *rules)
{
    int kind = rules->verify.kind;
    return kind != HOOK_TOKEN && kind != HOOK_BASIC && kind != HOOK_NONE;
}

/* `body`: all of that is signed. */
static bool covers(const struct hook_rules *rules, const struct hook_place *place, bool body)
{
    const struct hook_verify *verify = &rules->verify;
    const struct hook_template *text = &verify->text;
    bool all = true;
    for (size_t i = 0; i < place->nparts; i++) {
        const struct hook_part *part = &place->parts[i];
        bool named = is_named(text, part) ||
                     (hook_template_has(text, HOOK_PIECE_TIME) && is_in(&verify->time, part));
        switch (part->kind) {
        case HOOK_PLACE_JSON:
        case HOOK_PLACE_ITEM:
            named = named || body;
            break;
        case HOOK_PLACE_FORM: /* not by {form_sorted}: another form may glue to the same text */
            named = named || body;
            break;
        case HOOK_PLACE_QUERY:
            named = named || hook_rules_need_url(rules);
            break;
        case HOOK_PLACE_HEADER:
        case HOOK_PLACE_ENTRY:
            break;
        }
        all = all && named;
    }
    return all;
}

static bool cover_all(const struct hook_rules *rules, const struct hook_places *places, bool body)
{
    bool all = true;
    for (size_t i = 0; i < places->count; i++)
        all = all && covers(rules, &places->items[i], body);
    return all;
}

/* Byte by byte. A hash of it counts where that is signed. */
static bool body_is_exact(const struct hook_rules *rules)
{
    const struct hook_verify *verify = &rules->verify;
    return hook_template_has(&verify->text, HOOK_PIECE_BODY) ||
           (verify->body_hash.count > 0 && cover_all(rules, &verify->body_hash, false));
}

bool hook_rules_is_signed(const struct hook_rules *rules, const struct hook_place *place)
{
    return !hook_rules_have_signature(rules) || covers(rules, place, body_is_exact(rules));
}

bool hook_rules_body_is_signed(const struct hook_rules *rules)
{
    return !hook_rules_have_signature(rules) || body_is_exact(rules) ||
           hook_template_has(&rules->verify.text, HOOK_PIECE_FORM_SORTED);
}

bool hook_rules_digest_is_of_body(const struct hook_rules *rules)
{
    bool all = hook_rules_have_signature(rules) && rules->each.nparts == 0;
    for (size_t i = 0; i < rules->verify.text.count; i++) {
        int kind = rules->verify.text.pieces[i].kind;
        all = all && (kind == HOOK_PIECE_BODY || kind == HOOK_PIECE_TEXT);
    }
    return all;
}

bool hook_rules_time_is_signed(const struct hook_rules *rules)
{
    return !hook_rules_have_signature(rules) ||
           hook_template_has(&rules->verify.text, HOOK_PIECE_TIME) ||
           cover_all(rules, &rules->verify.time, body_is_exact(rules));
}

bool hook_rules_ids_are_signed(const struct hook_rules *rules)
{
    return !hook_rules_have_signature(rules) || cover_all(rules, &rules->id, body_is_exact(rules));
}

bool hook_rules_type_is_signed(const struct hook_rules *rules)
{
    bool all = true;
    for (size_t i = 0; i < rules->type.count; i++)
        all = all && hook_rules_is_signed(rules, &rules->type.pieces[i].place);
    return all;
}

bool hook_rules_have_oracle(const struct hook_rules *rules)
{
    bool found = false;
    for (size_t i = 0; i < rules->nchallenges; i++) {
        const struct hook_challenge *challenge = &rules->challenges[i];
        found = found || hook_template_has(&challenge->body, HOOK_PIECE_HMAC) ||
                hook_template_has(&challenge->body, HOOK_PIECE_HMAC64);
        for (size_t n = 0; n < challenge->nheaders; n++)
            found = found || hook_template_has(&challenge->headers[n].value, HOOK_PIECE_HMAC) ||
                    hook_template_has(&challenge->headers[n].value, HOOK_PIECE_HMAC64);
    }
    return found;
}

/* `*` is any text. Linear in both but for stars, which go back once each. */
static bool glob(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star != NULL) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}

bool hook_rules_want(const struct hook_rules *rules, const char *type)
{
    bool wanted = rules->events == NULL;
    for (char **pattern = rules->events; !wanted && *pattern != NULL; pattern++)
        wanted = glob(*pattern, type != NULL ? type : "");
    return wanted;
}

/* How a webhook's requests are told from others': `verify`, `id`, `type`, `each`. */
#include "ascii.h"
#include "config_field.h"
#include "config_hook.h"
#include "mem.h"

#include <string.h>
#include <strings.h>

#define RULES(member)  offsetof(struct hook, rules.member)
#define WINDOW_MIN_MS  1000
#define WINDOW_MAX_MS  86400000
#define PLACE_EXPECTED "a place such as \"header:X-Id\" or \"json:a.id\""

static bool read_place(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, struct hook_place *place)
{
    char shown[YAML_SHOWN_SIZE];
    struct err err;
    err_clear(&err);
    if (node->kind != YAML_SCALAR) {
        schema_wrong_type(walk, field, node);
        return false;
    }
    if (hook_place_parse(node->text, node->len, place, &err) == 0)
        return true;
    schema_problem(walk, node, "'%s' of %s: '%s': %s", field->name, walk->what,
                   yaml_show(node, shown), err.msg);
    return false;
}

/* The first ones of a list. */
static void read_places(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *list, size_t count, struct hook_places *places)
{
    struct hook_place place;
    for (size_t i = 0; i < count; i++) {
        if (read_place(walk, field, list->items[i], &place))
            hook_place_add(places, &place);
    }
}

void config_hook_places_parse(const struct schema_walk *walk, const struct schema_field *field,
                              const struct yaml_node *node, void *target)
{
    struct hook_place place;
    if (node->kind == YAML_SEQUENCE && (node->count == 0 || node->count > HOOK_PLACES_MAX)) {
        schema_problem(walk, node, "'%s' of %s must hold 1 to %d places", field->name, walk->what,
                       HOOK_PLACES_MAX);
        return;
    }
    if (node->kind == YAML_SEQUENCE)
        read_places(walk, field, node, node->count, target);
    if (node->kind != YAML_SEQUENCE && read_place(walk, field, node, &place))
        hook_place_add(target, &place);
}

void config_hook_id_parse(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    struct hook_rules *rules = target;
    bool many = node->kind == YAML_SEQUENCE && node->count > 1 && node->count <= HOOK_PLACES_MAX;
    const struct yaml_node *last = many ? node->items[node->count - 1] : node;
    rules->id_none = last->kind == YAML_SCALAR && strcmp(last->text, "none") == 0;
    if (!rules->id_none)
        config_hook_places_parse(walk, field, node, &rules->id);
    else if (many)
        read_places(walk, field, node, node->count - 1, &rules->id);
}

void config_hook_each_parse(const struct schema_walk *walk, const struct schema_field *field,
                            const struct yaml_node *node, void *target)
{
    struct hook_place *place = target;
    if (!read_place(walk, field, node, place))
        return;
    if (place->nparts == 1 && place->parts[0].kind == HOOK_PLACE_JSON && !hook_place_is_many(place))
        return;
    schema_problem(walk, node, "'%s' of %s must be one json: place of a list", field->name,
                   walk->what);
    hook_place_destroy(place);
}

static void read_template(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, enum hook_template_use use,
                          struct hook_template *out)
{
    struct err err;
    err_clear(&err);
    if (node->kind != YAML_SCALAR)
        schema_wrong_type(walk, field, node);
    else if (hook_template_parse(node->text, node->len, use, false, out, &err) != 0)
        schema_problem(walk, node, "'%s' of %s: %s", field->name, walk->what, err.msg);
}

void config_hook_type_parse(const struct schema_walk *walk, const struct schema_field *field,
                            const struct yaml_node *node, void *target)
{
    char shown[YAML_SHOWN_SIZE];
    struct hook_place place;
    struct err err;
    err_clear(&err);
    /* As `id` has it: as a text it would be the type of all events, and `events` wants none. */
    if (node->kind == YAML_SCALAR && hook_place_parse(node->text, node->len, &place, &err) == 0) {
        hook_place_destroy(&place);
        schema_problem(walk, node, "'%s' of %s: a place stands in braces here: \"{%s}\"",
                       field->name, walk->what, yaml_show(node, shown));
        return;
    }
    read_template(walk, field, node, HOOK_TEMPLATE_TYPE, target);
}

static void read_signed(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    read_template(walk, field, node, HOOK_TEMPLATE_SIGNED, target);
}

static const char *const kinds[] = {"hmac", "token", "basic", "ed25519", "ecdsa", "none", NULL};
static const char *const digests[] = {"sha1", "sha256", "sha512", NULL};
static const char *const encodings[] = {"hex", "base64", NULL};
static const char *const keys[] = {"text", "hex", "base64", "whsec", "whpk", NULL};
static const char *const units[] = {"s", "ms", "rfc3339", NULL};

static const struct schema_field time_fields[] = {
    {.name = "in",
     .type = SCHEMA_CUSTOM,
     .offset = RULES(verify.time),
     .required = true,
     .parse = config_hook_places_parse,
     .expected = PLACE_EXPECTED},
    {.name = "unit", .type = SCHEMA_CHOICE, .offset = RULES(verify.unit), .choices = units},
    {.name = "window",
     .type = SCHEMA_DURATION,
     .offset = RULES(verify.window_ms),
     .min = WINDOW_MIN_MS,
     .max = WINDOW_MAX_MS},
    {0},
};

const struct schema_field config_hook_verify_fields[] = {
    {.name = "kind",
     .type = SCHEMA_CHOICE,
     .offset = RULES(verify.kind),
     .required = true,
     .expected = "hmac, token, basic, ed25519, ecdsa or none",
     .choices = kinds},
    {.name = "digest", .type = SCHEMA_CHOICE, .offset = RULES(verify.digest), .choices = digests},
    {.name = "in",
     .type = SCHEMA_CUSTOM,
     .offset = RULES(verify.in),
     .parse = config_hook_places_parse,
     .expected = PLACE_EXPECTED},
    {.name = "separator", .type = SCHEMA_STRING, .offset = RULES(verify.separator)},
    {.name = "prefix", .type = SCHEMA_STRING, .offset = RULES(verify.prefix)},
    {.name = "encoding",
     .type = SCHEMA_CHOICE,
     .offset = RULES(verify.encoding),
     .choices = encodings},
    {.name = "key", .type = SCHEMA_CHOICE, .offset = RULES(verify.key), .choices = keys},
    {.name = "user", .type = SCHEMA_STRING, .offset = RULES(verify.user)},
    {.name = "signed",
     .type = SCHEMA_CUSTOM,
     .offset = RULES(verify.text),
     .parse = read_signed,
     .expected = "a text such as \"{time}.{body}\""},
    {.name = "time", .type = SCHEMA_STRUCT, .fields = time_fields},
    {.name = "body_hash",
     .type = SCHEMA_CUSTOM,
     .offset = RULES(verify.body_hash),
     .parse = config_hook_places_parse,
     .expected = PLACE_EXPECTED},
    {0},
};

/* ---- what belongs together ---- */

static bool is_signature(const struct hook_verify *verify)
{
    return verify->kind == HOOK_HMAC || verify->kind == HOOK_ED25519 || verify->kind == HOOK_ECDSA;
}

static bool have(const struct hook_places *places, enum hook_place_kind kind)
{
    bool found = false;
    for (size_t i = 0; i < places->count; i++)
        found = found || hook_place_has(&places->items[i], kind);
    return found;
}

static bool text_has(const struct hook_template *text, enum hook_place_kind kind)
{
    bool found = false;
    for (size_t i = 0; i < text->count; i++)
        found = found || hook_place_has(&text->pieces[i].place, kind);
    return found;
}

static void check_in(const struct schema_walk *walk, const struct yaml_node *node,
                     const struct hook_verify *verify)
{
    for (size_t i = 0; i < verify->in.count; i++) {
        const struct hook_place *place = &verify->in.items[i];
        if (place->nparts > 1 || place->parts[0].kind == HOOK_PLACE_ITEM ||
            place->parts[0].kind == HOOK_PLACE_ENTRY ||
            (verify->kind == HOOK_BASIC && place->parts[0].kind != HOOK_PLACE_HEADER))
            schema_problem(walk, node,
                           "'in' of verify of %s: a signature stands in one header:, query:, form: "
                           "or json: place, a password in one header:",
                           walk->what);
    }
    if (have(&verify->time, HOOK_PLACE_ENTRY) &&
        (verify->in.count == 0 || verify->in.items[0].parts[0].kind != HOOK_PLACE_HEADER))
        schema_problem(walk, node, "%s: entry: needs the header that it is an entry of, in 'in'",
                       walk->what);
}

/* "Bearer" is a word of its own in that header, with a blank behind it. */
static void check_prefix(const struct schema_walk *walk, const struct yaml_node *node,
                         const struct hook_verify *verify)
{
    const char *prefix = verify->prefix;
    if (verify->kind != HOOK_TOKEN || prefix == NULL || *prefix == '\0' || verify->in.count != 1 ||
        verify->in.items[0].parts[0].kind != HOOK_PLACE_HEADER ||
        strcasecmp(verify->in.items[0].parts[0].name, "Authorization") != 0)
        return;
    while (ascii_is_alnum(*prefix))
        prefix++;
    if (*prefix == '\0')
        schema_problem(walk, yaml_get(yaml_get(node, "verify"), "prefix"),
                       "'prefix' of verify of %s lacks the blank behind it; write \"%s \"",
                       walk->what, verify->prefix);
}

static void defaults(struct hook_verify *verify)
{
    static const char authorization[] = "header:Authorization", body[] = "{body}";
    struct hook_place place;
    struct err err;
    if (verify->kind == HOOK_BASIC && verify->in.count == 0 &&
        hook_place_parse(authorization, strlen(authorization), &place, &err) == 0)
        hook_place_add(&verify->in, &place);
    if (is_signature(verify) && verify->text.count == 0)
        hook_template_parse(body, strlen(body), HOOK_TEMPLATE_SIGNED, false, &verify->text, &err);
}

static void check_verify(const struct schema_walk *walk, const struct yaml_node *node,
                         const struct hook_verify *verify)
{
    const char *kind = kinds[verify->kind];
    const struct yaml_node *given = schema_given(node, "verify");
    bool told = given != NULL && schema_given(given, "in") != NULL &&
                problems_errors(walk->problems) > 0; /* that it is wrong */
    if (verify->kind != HOOK_NONE && verify->in.count == 0 && !told)
        schema_problem(walk, node, "verify of %s lacks 'in', which kind '%s' needs", walk->what,
                       kind);
    if (!is_signature(verify) && (verify->text.count > 0 || verify->time.count > 0 ||
                                  verify->body_hash.count > 0 || verify->separator != NULL))
        schema_problem(walk, node,
                       "verify of %s: kind '%s' signs nothing: it has no signed, time, body_hash "
                       "or separator",
                       walk->what, kind);
    if (verify->user != NULL && verify->kind != HOOK_BASIC)
        schema_problem(walk, node, "verify of %s: 'user' is of kind 'basic'", walk->what);
    if (verify->kind == HOOK_ED25519 && (verify->key == HOOK_KEY_TEXT))
        schema_problem(walk, node, "verify of %s: 'key' of kind 'ed25519' is hex, base64 or whpk",
                       walk->what);
    if (hook_template_has(&verify->text, HOOK_PIECE_TIME) && verify->time.count == 0 &&
        (given == NULL || schema_given(given, "time") == NULL ||
         problems_errors(walk->problems) == 0))
        schema_problem(walk, node, "verify of %s: {time} in 'signed' needs 'time'", walk->what);
    check_in(walk, node, verify);
    check_prefix(walk, node, verify);
}

static void check_items(const struct schema_walk *walk, const struct yaml_node *node,
                        const struct hook_rules *rules)
{
    if (have(&rules->verify.time, HOOK_PLACE_ITEM) ||
        text_has(&rules->verify.text, HOOK_PLACE_ITEM))
        schema_problem(walk, node, "verify of %s: what is signed is not in one item", walk->what);
    if (rules->each.nparts == 0 &&
        (have(&rules->id, HOOK_PLACE_ITEM) || have(&rules->order, HOOK_PLACE_ITEM) ||
         text_has(&rules->type, HOOK_PLACE_ITEM)))
        schema_problem(walk, node, "%s: item: needs 'each'", walk->what);
}

/* A type that is the same for all, or none, would have each request answered and not stored. */
static void check_events(const struct schema_walk *walk, const struct yaml_node *node,
                         const struct hook_rules *rules)
{
    struct buf type;
    bool told = rules->type.count == 0 && schema_given(node, "type") != NULL &&
                problems_errors(walk->problems) > 0; /* that it is wrong */
    if (told || hook_template_has(&rules->type, HOOK_PIECE_PLACE))
        return;
    buf_create(&type, HOOK_TEMPLATE_TEXT_MAX + 1);
    for (size_t i = 0; i < rules->type.count; i++)
        buf_append(&type, rules->type.pieces[i].text, rules->type.pieces[i].len);
    if (!hook_rules_want(rules, type.data))
        schema_problem(walk, node,
                       "%s has 'events', which none of its requests would have: 'type' must say "
                       "where theirs stands, such as \"{json:type}\"",
                       walk->what);
    buf_destroy(&type);
}

static void check_id(const struct schema_walk *walk, const struct yaml_node *node,
                     const struct hook_rules *rules)
{
    if (rules->id_none && rules->id.count > 0 && !hook_rules_ids_are_signed(rules))
        schema_problem(walk, node,
                       "%s: 'none' stands behind places of 'id' only where the signature covers "
                       "them: whoever leaves the ID out would send the same event again",
                       walk->what);
}

static void check_challenges(const struct schema_walk *walk, const struct yaml_node *node,
                             const struct hook_rules *rules)
{
    if (hook_rules_have_oracle(rules) && rules->verify.kind != HOOK_HMAC)
        schema_problem(walk, node, "%s: {hmac:…} in an answer needs kind 'hmac'", walk->what);
}

void config_hook_rules_check(const struct schema_walk *walk, const struct yaml_node *node,
                             struct hook_rules *rules)
{
    defaults(&rules->verify);
    check_verify(walk, node, &rules->verify);
    check_items(walk, node, rules);
    check_events(walk, node, rules);
    check_id(walk, node, rules);
    check_challenges(walk, node, rules);
}

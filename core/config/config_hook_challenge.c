/* What senders ask before they send events, and what is answered: `challenge` of a webhook. */
#include "config_field.h"
#include "config_hook.h"
#include "field.h"
#include "mem.h"
#include "yaml_json.h"

#include <string.h>
#include <strings.h>

#define AT(member) offsetof(struct hook_challenge, member)
#define STATUS_MIN 200
#define STATUS_MAX 499
#define JSON_MAX   ((size_t)4096) /* of a value that is no string */
#define DEPTH_MAX  8

static void report(const struct schema_walk *walk, const struct schema_field *field,
                   const struct yaml_node *node, const struct err *err)
{
    schema_problem(walk, node, "'%s' of %s: %s", field->name, walk->what, err->msg);
}

/* ---- when ---- */

/* {secret: NAME}: the name; NULL: it is something else. */
static const char *secret_name(const struct yaml_node *node)
{
    const struct yaml_node *name = node->count == 1 ? yaml_get(node, "secret") : NULL;
    return name != NULL && name->kind == YAML_SCALAR && name->len > 0 ? name->text : NULL;
}

static void read_condition(const struct schema_walk *walk, const struct schema_field *field,
                           const struct yaml_pair *pair, struct hook_condition *condition)
{
    const struct yaml_node *value = pair->value;
    struct err err;
    err_clear(&err);
    if (hook_place_parse(pair->key->text, pair->key->len, &condition->place, &err) != 0)
        report(walk, field, pair->key, &err);
    if (value->kind != YAML_SCALAR) {
        condition->kind = HOOK_EQUALS_SECRET;
        condition->text = mem_strdup(secret_name(value));
        if (condition->text == NULL)
            schema_problem(walk, value,
                           "'%s' of %s: a value is a text, \"*\", null, or {secret: NAME}",
                           field->name, walk->what);
    } else if (yaml_resolve(value).type == YAML_NULL) {
        condition->kind = HOOK_ABSENT;
    } else if (strcmp(value->text, "*") == 0) {
        condition->kind = HOOK_PRESENT;
    } else {
        condition->kind = HOOK_EQUALS;
        condition->text = mem_strdup(value->text);
    }
}

static void read_when(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    struct hook_challenge *challenge = target;
    if (node->kind != YAML_MAPPING) {
        schema_wrong_type(walk, field, node);
        return;
    }
    if (node->count == 0 || node->count > HOOK_CONDITIONS_MAX) {
        schema_problem(walk, node, "'%s' of %s must hold 1 to %d conditions", field->name,
                       walk->what, HOOK_CONDITIONS_MAX);
        return;
    }
    challenge->conditions = mem_alloc(node->count * sizeof *challenge->conditions);
    for (size_t i = 0; i < node->count; i++)
        read_condition(walk, field, &node->pairs[i],
                       &challenge->conditions[challenge->nconditions++]);
}

/* ---- answer ---- */

static void read_text(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    struct err err;
    err_clear(&err);
    if (node->kind != YAML_SCALAR)
        schema_wrong_type(walk, field, node);
    else if (hook_template_parse(node->text, node->len, HOOK_TEMPLATE_ANSWER, false, target,
                                 &err) != 0)
        report(walk, field, node, &err);
}

static int put_text(struct hook_template *out, const char *text, struct err *err)
{
    return hook_template_text(out, text, strlen(text), err);
}

static int put_string(struct hook_template *out, const struct yaml_node *node, struct err *err)
{
    int result = put_text(out, "\"", err);
    if (result == 0)
        result = hook_template_parse(node->text, node->len, HOOK_TEMPLATE_ANSWER, true, out, err);
    return result == 0 ? put_text(out, "\"", err) : result;
}

/* Its texts have places in them; a number stays one. */
static int put_json(struct hook_template *out, const struct yaml_node *node, int depth,
                    struct err *err)
{
    int result = 0;
    if (depth == DEPTH_MAX)
        return err_set(err, ERR_INVALID, "it is nested deeper than %d", DEPTH_MAX);
    if (node->kind == YAML_SCALAR && yaml_resolve(node).type == YAML_STRING)
        return put_string(out, node, err);
    if (node->kind == YAML_SCALAR) {
        struct buf text;
        buf_create(&text, JSON_MAX);
        result = yaml_json_write(node, &text) == 0
                     ? put_text(out, text.data, err)
                     : err_set(err, ERR_INVALID, "it holds a number that JSON does not have");
        buf_destroy(&text);
        return result;
    }
    bool list = node->kind == YAML_SEQUENCE;
    result = put_text(out, list ? "[" : "{", err);
    for (size_t i = 0; i < node->count && result == 0; i++) {
        if (i > 0)
            result = put_text(out, ",", err);
        if (result == 0 && !list)
            result = put_string(out, node->pairs[i].key, err);
        if (result == 0 && !list)
            result = put_text(out, ":", err);
        if (result == 0)
            result = put_json(out, list ? node->items[i] : node->pairs[i].value, depth + 1, err);
    }
    return result == 0 ? put_text(out, list ? "]" : "}", err) : result;
}

static void read_json(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    struct hook_challenge *challenge = target;
    struct err err;
    err_clear(&err);
    if (challenge->body.count > 0)
        schema_problem(walk, node, "%s has both 'text' and 'json'", walk->what);
    challenge->json = true;
    if (put_json(&challenge->body, node, 0, &err) != 0)
        report(walk, field, node, &err);
}

static void read_headers(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    struct hook_challenge *challenge = target;
    if (node->kind != YAML_MAPPING || node->count > HOOK_HEADERS_MAX) {
        schema_wrong_type(walk, field, node);
        return;
    }
    challenge->headers = mem_alloc((node->count + 1) * sizeof *challenge->headers);
    for (size_t i = 0; i < node->count; i++) {
        const struct yaml_node *name = node->pairs[i].key;
        if (!field_is_token(name->text) || strncasecmp(name->text, "content-", 8) == 0 ||
            strcasecmp(name->text, "connection") == 0 ||
            strcasecmp(name->text, "transfer-encoding") == 0)
            schema_problem(walk, name, "'%s' of %s cannot set this header", field->name,
                           walk->what);
        struct hook_answer_header *header = &challenge->headers[challenge->nheaders++];
        header->name = mem_strdup(name->text);
        read_text(walk, field, node->pairs[i].value, &header->value);
    }
}

static const struct schema_field answer_fields[] = {
    {.name = "text",
     .type = SCHEMA_CUSTOM,
     .offset = AT(body),
     .parse = read_text,
     .expected = "a text such as \"{json:challenge}\""},
    {.name = "json", .type = SCHEMA_CUSTOM, .parse = read_json, .expected = "any value"},
    {.name = "headers",
     .type = SCHEMA_CUSTOM,
     .parse = read_headers,
     .expected = "a mapping of at most 8 headers"},
    {.name = "status",
     .type = SCHEMA_INTEGER,
     .offset = AT(status),
     .min = STATUS_MIN,
     .max = STATUS_MAX},
    {0},
};

static const struct schema_field challenge_fields[] = {
    {.name = "unverified", .type = SCHEMA_BOOL, .offset = AT(unverified)},
    {.name = "when",
     .type = SCHEMA_CUSTOM,
     .required = true,
     .parse = read_when,
     .expected = "a mapping of places to texts"},
    {.name = "answer", .type = SCHEMA_STRUCT, .required = true, .fields = answer_fields},
    {0},
};

void config_hook_challenges_parse(const struct schema_walk *walk, const struct schema_field *field,
                                  const struct yaml_node *node, void *target)
{
    struct hook_rules *rules = target;
    if (node->kind != YAML_SEQUENCE) {
        schema_wrong_type(walk, field, node);
        return;
    }
    if (node->count > HOOK_CHALLENGES_MAX) {
        schema_problem(walk, node, "'%s' of %s holds more than %d", field->name, walk->what,
                       HOOK_CHALLENGES_MAX);
        return;
    }
    rules->challenges = mem_alloc((node->count + 1) * sizeof *rules->challenges);
    for (size_t i = 0; i < node->count; i++) {
        struct hook_challenge *challenge = &rules->challenges[rules->nchallenges++];
        challenge->status = 200;
        char *what = mem_printf("challenge %zu of %s", i + 1, walk->what);
        schema_read(walk, challenge_fields, what, node->items[i], challenge);
        mem_free(what);
    }
}

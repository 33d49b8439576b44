/* The mapping of a webhook. */
#include "config_hook.h"
#include "config_file.h"

#include "config_field.h"
#include "mem.h"

#include <string.h>

#define AT(member)    offsetof(struct hook, member)
#define FIELDS_MAX    48
#define MASKED_PLACE  "{secret}"
#define PATH_EXPECTED "a path such as /orders"
#define RESERVED      "/healthz or /metrics"
#define FROM          "from"

/* ---- secrets ---- */

static schema_parse_fn *secret_parser(const struct hook *hook)
{
    return hook->rules.verify.kind == HOOK_ECDSA ? config_key_parse : config_secret_parse;
}

/* A public key of ECDSA has many lines: the kind is looked for before it is read. */
static void add_secret(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, struct hook *hook)
{
    hook->secrets = mem_realloc(hook->secrets, (hook->nsecrets + 1) * sizeof *hook->secrets);
    struct secret *secret = &hook->secrets[hook->nsecrets++];
    *secret = (struct secret){0};
    secret_parser(hook)(walk, field, node, secret);
}

static void read_secret(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    struct hook *hook = target;
    if (hook->nsecrets > 0)
        schema_problem(walk, node, "%s has both 'secret' and 'secrets'", walk->what);
    else
        add_secret(walk, field, node, hook);
}

static void read_secrets(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    struct hook *hook = target;
    if (node->kind != YAML_SEQUENCE) {
        schema_wrong_type(walk, field, node);
        return;
    }
    if (node->count == 0 || node->count > HOOK_SECRETS_MAX || hook->nsecrets > 0) {
        schema_problem(walk, node, "'%s' of %s must hold 1 to %d secrets, without 'secret'",
                       field->name, walk->what, HOOK_SECRETS_MAX);
        return;
    }
    for (size_t i = 0; i < node->count; i++)
        add_secret(walk, field, node->items[i], hook);
}

/* ---- fields ---- */

static void read_path(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    struct hook_rules *rules = target;
    const char *text = config_text(walk, field, node);
    if (text == NULL)
        return;
    const char *hole = strstr(text, MASKED_PLACE);
    if (text[0] != '/' || text[strcspn(text, "?# \t\r\n\"<>")] != '\0')
        schema_problem(walk, node, "'%s' of %s must be " PATH_EXPECTED ", without a query",
                       field->name, walk->what);
    else if (hole != NULL && strstr(hole + 1, MASKED_PLACE) != NULL)
        schema_problem(walk, node, "'%s' of %s holds " MASKED_PLACE " twice", field->name,
                       walk->what);
    else if (strcmp(text, "/healthz") == 0 || strcmp(text, "/metrics") == 0)
        schema_problem(walk, node, "'%s' of %s cannot be " RESERVED, field->name, walk->what);
    else {
        mem_free(rules->path);
        rules->path = mem_strdup(text);
    }
}

/* A URL, which may be a secret: whoever knows that of many a receiver may send there. */
static void read_forward(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    struct hook *hook = target;
    struct err err;
    if (node->kind == YAML_MAPPING) {
        config_secret_parse(walk, field, node, &hook->forward_secret);
        return;
    }
    const char *text = config_text(walk, field, node);
    err_clear(&err);
    if (text == NULL)
        return;
    if (hook_check_forward(text, &err) == 0)
        hook->forward = mem_strdup(text);
    else
        schema_problem(walk, node, "'%s' of %s: %s", field->name, walk->what, err.msg);
}

static void read_public_url(const struct schema_walk *walk, const struct schema_field *field,
                            const struct yaml_node *node, void *target)
{
    const char *text = config_url_text(walk, field, node);
    if (text != NULL)
        *(char **)target = mem_strdup(text); /* as it is signed: a slash at its end stays */
}

static const struct schema_field handler_fields[] = {
    {.name = "handler",
     .type = SCHEMA_DURATION,
     .offset = AT(answer_ms),
     .required = true,
     .min = CONFIG_HOOK_ANSWER_MIN_MS,
     .max = CONFIG_HOOK_ANSWER_MAX_MS},
    {0},
};

static void read_answer(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    struct hook *hook = target;
    char *what = mem_join(field->name, " of ", walk->what, NULL);
    if (node->kind == YAML_MAPPING)
        schema_read(walk, handler_fields, what, node, hook);
    else if (node->kind == YAML_SCALAR && strcmp(node->text, "stored") == 0)
        hook->answer_ms = 0;
    else
        schema_problem(walk, node, "'%s' of %s must be %s", field->name, walk->what,
                       field->expected);
    mem_free(what);
}

static void read_object(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, struct hook *hook)
{
    const struct yaml_node *group = yaml_get(node, "group"), *action = yaml_get(node, "action");
    const struct yaml_node *id = group != NULL ? group : action;
    if (node->count != 1 || id == NULL || id->kind != YAML_SCALAR || id->len == 0) {
        schema_problem(walk, node, "'%s' of %s: each is {group: ID or name} or {action: ID}",
                       field->name, walk->what);
        return;
    }
    hook->objects[hook->nobjects++] =
        (struct hook_object){.is_action = group == NULL, .id = mem_strdup(id->text)};
}

static void read_objects(const struct schema_walk *walk, const struct schema_field *field,
                         const struct yaml_node *node, void *target)
{
    struct hook *hook = target;
    if (node->kind != YAML_SEQUENCE || node->count == 0 || node->count > CONFIG_HOOK_OBJECTS_MAX) {
        schema_wrong_type(walk, field, node);
        return;
    }
    hook->objects = mem_alloc(node->count * sizeof *hook->objects);
    for (size_t i = 0; i < node->count; i++)
        read_object(walk, field, node->items[i], hook);
}

/* preset_merge has answered both where there is a preset. */
static void read_from(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, void *target)
{
    (void)target;
    if (strcmp(field->name, FROM) == 0) /* null: a name is read before, or told of */
        schema_wrong_type(walk, field, node);
    else
        schema_problem(walk, node, "%s has '%s', which needs '" FROM "'", walk->what, field->name);
}

static const char *const gzips[] = {"refuse", "signed_wire", "signed_decoded", NULL};

#define DURATION(key, member, least, most)                                                         \
    {                                                                                              \
        .name = key, .type = SCHEMA_DURATION, .offset = AT(member), .min = (least), .max = (most)  \
    }
#define CUSTOM(key, place, parser, words)                                                          \
    {                                                                                              \
        .name = key, .type = SCHEMA_CUSTOM, .offset = (place), .parse = (parser),                  \
        .expected = (words)                                                                        \
    }

static const struct schema_field retry_fields[] = {
    {.name = "attempts",
     .type = SCHEMA_INTEGER,
     .offset = AT(retries.attempts),
     .min = 1,
     .max = CONFIG_HOOK_ATTEMPTS_MAX},
    DURATION("delay", retries.delay_ms, 0, CONFIG_HOOK_DELAY_MAX_MS),
    DURATION("max_delay", retries.max_delay_ms, 0, CONFIG_HOOK_DELAY_MAX_MS),
    {0},
};

static const struct schema_field keep_fields[] = {
    DURATION("done", keep.done_ms, 0, CONFIG_HOOK_KEEP_MAX_MS),
    DURATION("dead", keep.dead_ms, 0, CONFIG_HOOK_KEEP_MAX_MS),
    DURATION("ids", keep.ids_ms, 60000, CONFIG_HOOK_KEEP_MAX_MS),
    {0},
};

static const struct schema_field hook_fields[] = {
    CUSTOM(FROM, 0, read_from, "a sender that jeton knows (`jeton presets`)"),
    CUSTOM("vars", 0, read_from, NULL),
    /* Before the secrets: it says how they are read. */
    {.name = "verify", .type = SCHEMA_STRUCT, .fields = config_hook_verify_fields},
    CUSTOM("secret", 0, read_secret, CONFIG_SECRET_EXPECTED),
    CUSTOM("secrets", 0, read_secrets, "a list of secrets"),
    CUSTOM("path", AT(rules), read_path, PATH_EXPECTED),
    CUSTOM("public_url", AT(rules.public_url), read_public_url,
           "a URL such as https://hooks.example.org/orders"),
    {.name = "script",
     .type = SCHEMA_PATH,
     .offset = AT(script),
     .expected = "the path of a Lua script"},
    {.name = "command",
     .type = SCHEMA_STRINGS,
     .offset = AT(command),
     .expected = "a list of strings: the program and its arguments"},
    CUSTOM("forward", 0, read_forward,
           "a URL such as http://127.0.0.1:3000/hooks, or a secret that holds one"),
    {.name = "connector", .type = SCHEMA_STRING, .offset = AT(connector)},
    CUSTOM("objects", 0, read_objects, "a list of {group: ID or name} and {action: ID}"),
    {.name = "events", .type = SCHEMA_STRINGS, .offset = AT(rules.events)},
    {.name = "concurrency",
     .type = SCHEMA_INTEGER,
     .offset = AT(concurrency),
     .min = 1,
     .max = CONFIG_HOOK_CONCURRENCY_MAX},
    CUSTOM("order", AT(rules.order), config_hook_places_parse, "a place such as \"json:id\""),
    {.name = "retries", .type = SCHEMA_STRUCT, .fields = retry_fields},
    DURATION("timeout", timeout_ms, CONFIG_HOOK_TIMEOUT_MIN_MS, CONFIG_HOOK_TIMEOUT_MAX_MS),
    {.name = "keep", .type = SCHEMA_STRUCT, .fields = keep_fields},
    {.name = "max_waiting",
     .type = SCHEMA_INTEGER,
     .offset = AT(max_waiting),
     .min = 1,
     .max = CONFIG_HOOK_WAITING_MAX},
    CUSTOM("id", AT(rules), config_hook_id_parse, "a place, a list of places, or none"),
    CUSTOM("type", AT(rules.type), config_hook_type_parse, "a text such as \"{json:type}\""),
    CUSTOM("each", AT(rules.each), config_hook_each_parse, "a place such as \"json:value\""),
    CUSTOM("challenge", AT(rules), config_hook_challenges_parse, "a list of challenges"),
    CUSTOM("answer", 0, read_answer, "stored, or {handler: DURATION}"),
    {.name = "max_body",
     .type = SCHEMA_SIZE,
     .offset = AT(rules.max_body),
     .min = 1,
     .max = CONFIG_HOOK_BODY_MAX},
    {.name = "gzip", .type = SCHEMA_CHOICE, .offset = AT(rules.gzip), .choices = gzips},
    DURATION("sender_retries", sender_retries_ms, 0, CONFIG_HOOK_KEEP_MAX_MS),
    CUSTOM("environment", AT(environment), config_environment_parse, "a mapping of variables"),
    {.name = "directory", .type = SCHEMA_PATH, .offset = AT(directory)},
    CUSTOM("shared", AT(shared), config_names_parse, "a list of names"),
    {.name = "memory",
     .type = SCHEMA_SIZE,
     .offset = AT(memory_bytes),
     .min = CONFIG_JOB_MEMORY_MIN,
     .max = CONFIG_JOB_MEMORY_MAX},
    {.name = "allow_unsigned", .type = SCHEMA_BOOL, .offset = AT(allow_unsigned)},
    {.name = "allow_unsigned_ids", .type = SCHEMA_BOOL, .offset = AT(allow_unsigned_ids)},
    {0},
};

/* ---- a webhook ---- */

static void set_defaults(struct hook *hook)
{
    hook_rules_create(&hook->rules);
    hook->rules.path = mem_printf("/%s", hook->name);
    hook->rules.verify.kind = HOOK_NONE;
    hook->concurrency = CONFIG_HOOK_CONCURRENCY_DEFAULT;
    hook->retries.attempts = CONFIG_HOOK_ATTEMPTS_DEFAULT;
    hook->retries.delay_ms = CONFIG_HOOK_DELAY_DEFAULT_MS;
    hook->retries.max_delay_ms = CONFIG_HOOK_DELAY_MAX_DEFAULT_MS;
    hook->timeout_ms = CONFIG_HOOK_TIMEOUT_DEFAULT_MS;
    hook->keep.done_ms = CONFIG_HOOK_KEEP_DONE_DEFAULT_MS;
    hook->keep.dead_ms = CONFIG_HOOK_KEEP_DEAD_DEFAULT_MS;
    hook->keep.ids_ms = CONFIG_HOOK_KEEP_IDS_DEFAULT_MS;
    hook->max_waiting = CONFIG_HOOK_WAITING_DEFAULT;
    hook->memory_bytes = CONFIG_JOB_MEMORY_DEFAULT;
}

static bool is_known(const struct hook *hook, const char *name)
{
    bool found = strcmp(name, "secret") == 0; /* those of signatures */
    for (size_t i = 0; i < hook->nnamed; i++)
        found = found || strcmp(hook->names[i], name) == 0;
    return found;
}

/* The names of secrets that challenges ask for: keys of this webhook. */
static void find_names(const struct yaml_node *mapping, struct hook *hook)
{
    const struct yaml_node *challenges = yaml_get(mapping, "challenge");
    for (size_t i = 0;
         challenges != NULL && i < challenges->count && challenges->kind == YAML_SEQUENCE; i++) {
        const struct yaml_node *when = yaml_get(challenges->items[i], "when");
        for (size_t n = 0; when != NULL && when->kind == YAML_MAPPING && n < when->count; n++) {
            const struct yaml_node *name = yaml_get(when->pairs[n].value, "secret");
            if (name == NULL || name->kind != YAML_SCALAR || name->len == 0 ||
                is_known(hook, name->text) || hook->nnamed == HOOK_NAMED_MAX)
                continue;
            hook->names[hook->nnamed++] = mem_strdup(name->text);
        }
    }
}

/* Whether it has been told that `kind` is wrong, or missing: what follows from 'none' is not what
 * was meant. */
static bool is_kind_told(const struct schema_walk *walk, const struct yaml_node *node,
                         const struct hook *hook)
{
    const struct yaml_node *kind = yaml_get(yaml_get(node, "verify"), "kind");
    return problems_errors(walk->problems) > 0 && hook->rules.verify.kind == HOOK_NONE &&
           (kind == NULL || kind->kind != YAML_SCALAR || strcmp(kind->text, "none") != 0);
}

static void check_secrets(const struct schema_walk *walk, const struct yaml_node *node,
                          const struct hook *hook)
{
    if (is_kind_told(walk, node, hook))
        return;
    bool hole = strstr(hook->rules.path, MASKED_PLACE) != NULL;
    bool none = hook->rules.verify.kind == HOOK_NONE;
    if (hook->nsecrets == 0 && hook->nobjects == 0 && (!none || hole))
        schema_problem(walk, node, "%s lacks 'secret'; expected " CONFIG_SECRET_EXPECTED,
                       walk->what);
    if (none && hook->nsecrets > 0 && !hole)
        schema_problem(walk, node,
                       "%s has a secret that nothing is compared with: kind 'none', and no "
                       "{secret} in 'path'",
                       walk->what);
    if (none && !hook->allow_unsigned)
        schema_problem(walk, node,
                       "%s: kind 'none' takes events from anybody; it needs allow_unsigned: true",
                       walk->what);
}

static void check_hook(const struct schema_walk *walk, const struct yaml_node *node,
                       struct hook *hook)
{
    bool forward = hook->forward != NULL || hook->forward_secret.kind != SECRET_NONE;
    int handlers = (hook->script != NULL) + (hook->command != NULL) + forward;
    bool told = handlers == 0 && problems_errors(walk->problems) > 0 && /* what is wrong with it */
                (schema_given(node, "script") != NULL || schema_given(node, "command") != NULL ||
                 schema_given(node, "forward") != NULL);
    if (handlers != 1 && !told)
        schema_problem(walk, node, "%s must have exactly one of script, command and forward",
                       walk->what);
    if (schema_given(node, "verify") == NULL)
        schema_problem(walk, node,
                       "%s lacks 'from', a sender that jeton knows (`jeton presets`), or 'verify'",
                       walk->what);
    else
        check_secrets(walk, node, hook);
    if (hook->nobjects > 0 &&
        (hook->rules.public_url == NULL || hook->rules.verify.kind != HOOK_TOKEN))
        schema_problem(walk, node,
                       "%s has 'objects', which it subscribes to: it needs 'public_url', and "
                       "from: kaizala",
                       walk->what);
    if (hook->retries.max_delay_ms < hook->retries.delay_ms)
        hook->retries.max_delay_ms = hook->retries.delay_ms;
    config_hook_rules_check(walk, node, &hook->rules);
}

static void read_mapping(const struct schema_walk *walk, const struct yaml_node *node,
                         struct hook *hook)
{
    struct schema_field fields[FIELDS_MAX];
    size_t count = 0;
    for (const struct schema_field *field = hook_fields; field->name != NULL; field++)
        fields[count++] = *field;
    find_names(node, hook);
    for (size_t i = 0; i < hook->nnamed; i++)
        fields[count++] = (struct schema_field){.name = hook->names[i],
                                                .type = SCHEMA_CUSTOM,
                                                .offset = AT(named) + i * sizeof hook->named[0],
                                                .required = true,
                                                .parse = config_secret_parse,
                                                .expected = CONFIG_SECRET_EXPECTED};
    fields[count] = (struct schema_field){0};
    char *what = mem_printf("webhook '%s'", hook->name);
    const struct yaml_node *verify = yaml_get(node, "verify");
    const struct yaml_node *kind = verify != NULL ? yaml_get(verify, "kind") : NULL;
    if (kind != NULL && kind->kind == YAML_SCALAR && strcmp(kind->text, "ecdsa") == 0)
        hook->rules.verify.kind = HOOK_ECDSA; /* secrets may stand before it */
    schema_read(walk, fields, what, node, hook);
    if (node->kind == YAML_MAPPING) {
        struct schema_walk inner = *walk;
        inner.what = what;
        check_hook(&inner, node, hook);
    }
    mem_free(what);
}

struct hook *config_hook_make(const struct schema_walk *walk, struct config_reader *reader,
                              const char *name, const struct yaml_pair *pair)
{
    struct schema_walk inner = *walk;
    struct arena arena = {0};
    struct hook *hook = mem_alloc(sizeof *hook);
    const struct yaml_node *from = yaml_get(pair->value, FROM);
    hook->name = mem_strdup(name);
    hook->line = pair->key->line;
    hook->col = pair->key->col;
    set_defaults(hook);
    inner.at = pair->key;
    const struct yaml_node *mapping = preset_merge(&inner, PRESET_SENDER, reader->presets,
                                                   &reader->docs, pair->value, name, &arena, NULL);
    if (from != NULL && from->kind == YAML_SCALAR && from->len > 0)
        hook->preset = mem_strdup(from->text);
    if (mapping != NULL)
        read_mapping(&inner, mapping, hook);
    arena_destroy(&arena);
    return hook;
}

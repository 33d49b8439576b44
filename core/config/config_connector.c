/* The mapping of a connector: what all have, and its provider's own fields among them. */
#include "allow.h"
#include "config_field.h"
#include "config_file.h"
#include "config_load.h"
#include "connector.h"
#include "mem.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#define FIELDS_MAX 64 /* of a provider, and of all connectors */

/* "kaizala or another": the names of all providers, `quote` around each. */
static void list_providers(const struct config_provider *const *providers, const char *quote,
                           struct buf *out)
{
    const char *separator = "";
    for (size_t i = 0; providers[i] != NULL; i++) {
        if (providers[i]->lent)
            continue;
        const char *const words[] = {separator, quote, providers[i]->name, quote};
        for (size_t n = 0; n < sizeof words / sizeof words[0]; n++)
            buf_puts(out, words[n]); /* in less time than buf_printf, for each connector */
        separator = " or ";
    }
}

/* The key was used before, to choose the provider. */
static void read_provider(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    const struct connector *connector = target;
    char shown[YAML_SHOWN_SIZE];
    struct buf names;
    const char *text = config_text(walk, field, node);
    if (text == NULL || strcmp(text, connector->provider->name) == 0)
        return;
    if (connector->provider->lent) {
        schema_problem(walk, node,
                       "%s has both 'provider' and 'token_of'; its provider is that of '%s'",
                       walk->what, connector->token_of != NULL ? connector->token_of : "the other");
        return;
    }
    buf_create(&names, BUF_LIMIT_LINE);
    const struct config_reader *reader = walk->context;
    list_providers(reader->providers, "'", &names);
    schema_problem(walk, node, "'provider' of %s must be %s, not '%s'", walk->what, names.data,
                   yaml_show(node, shown));
    buf_destroy(&names);
}

static void read_allow_hosts(const struct schema_walk *walk, const struct schema_field *field,
                             const struct yaml_node *node, void *target)
{
    char **patterns = schema_strings(walk, field, node);
    if (patterns == NULL)
        return;
    for (size_t i = 0; patterns[i] != NULL; i++) {
        struct err err;
        err_clear(&err);
        if (allow_pattern_check(patterns[i], &err) != 0)
            schema_problem(walk, node->items[i], "'%s' of %s: %s", field->name, walk->what,
                           err.msg);
    }
    *(char ***)target = patterns;
}

/* preset_merge has answered both where there is a preset. */
static void read_preset(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node, void *target)
{
    (void)target;
    schema_problem(walk, node, "%s has '%s', which needs a 'preset'", walk->what, field->name);
}

static const struct schema_field rate_fields[] = {
    {.name = "per_minute",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct connector, rate_limit.per_minute),
     .max = CONFIG_RATE_MAX},
    {.name = "tenant",
     .type = SCHEMA_STRING,
     .offset = offsetof(struct connector, rate_limit.tenant)},
    {.name = "tenant_per_minute",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct connector, rate_limit.tenant_per_minute),
     .max = CONFIG_RATE_MAX},
    {0},
};

static const struct schema_field common_fields[] = {
    {.name = "allow_hosts",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct connector, allow_hosts),
     .parse = read_allow_hosts,
     .expected = "a list of hosts such as [\"*.example.org\"]"},
    {.name = "ca_file", .type = SCHEMA_PATH, .offset = offsetof(struct connector, ca_file)},
    {.name = "rate_limit", .type = SCHEMA_STRUCT, .fields = rate_fields},
    {.name = "timeout",
     .type = SCHEMA_DURATION,
     .offset = offsetof(struct connector, timeout_ms),
     .min = CONFIG_TIMEOUT_MIN_MS,
     .max = CONFIG_TIMEOUT_MAX_MS},
    {.name = "retries",
     .type = SCHEMA_INTEGER,
     .offset = offsetof(struct connector, retries),
     .max = CONFIG_RETRIES_MAX},
    {0},
};

static bool has_field(const struct config_provider *provider, const char *name)
{
    for (const struct schema_field *field = provider->fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0)
            return true;
    }
    return false;
}

/* A key of the mapping that `provider` has and `other` has not; NULL: there is none. */
static const char *telling_key(const struct yaml_node *mapping,
                               const struct config_provider *provider,
                               const struct config_provider *other)
{
    for (size_t i = 0; mapping->kind == YAML_MAPPING && i < mapping->count; i++) {
        const char *key = mapping->pairs[i].key->text;
        if (has_field(provider, key) && !has_field(other, key))
            return key;
    }
    return NULL;
}

/* Where none is named that there is: the one whose keys the mapping has, so that what is said of
 * them leads there; else the first. */
static const struct config_provider *
provider_by_keys(const struct config_provider *const *providers, const struct yaml_node *mapping)
{
    for (size_t i = 1; providers[i] != NULL; i++) {
        if (!providers[i]->lent && telling_key(mapping, providers[i], providers[0]) != NULL &&
            telling_key(mapping, providers[0], providers[i]) == NULL)
            return providers[i];
    }
    return providers[0];
}

/* The one that a connector's mapping names, or whose keys it has. */
static const struct config_provider *find_provider(const struct config_provider *const *providers,
                                                   const struct yaml_node *mapping)
{
    const struct yaml_node *name = yaml_get(mapping, "provider");
    bool lent = yaml_get(mapping, "token_of") != NULL;
    for (size_t i = 0; lent && providers[i] != NULL; i++) {
        if (providers[i]->lent)
            return providers[i];
    }
    for (size_t i = 0; name != NULL && name->kind == YAML_SCALAR && providers[i] != NULL; i++) {
        if (!providers[i]->lent && strcmp(name->text, providers[i]->name) == 0)
            return providers[i];
    }
    return provider_by_keys(providers, mapping);
}

/* A connector without a provider is of the first. */
static void check_named(const struct schema_walk *walk, const char *what,
                        const struct yaml_node *mapping, const struct connector *connector)
{
    const struct config_reader *reader = walk->context;
    const struct config_provider *provider = connector->provider;
    if (provider != reader->providers[0] && !provider->lent &&
        schema_given(mapping, "provider") == NULL)
        schema_problem(walk, walk->at, "%s has '%s', a key of %s connectors, but no 'provider: %s'",
                       what, telling_key(mapping, provider, reader->providers[0]), provider->name,
                       provider->name);
}

static void read_mapping(const struct schema_walk *walk, const struct yaml_node *node,
                         struct connector *connector)
{
    struct buf words;
    buf_create(&words, BUF_LIMIT_LINE);
    buf_puts(&words, "the word ");
    const struct config_reader *reader = walk->context;
    list_providers(reader->providers, "", &words);
    struct schema_field fields[FIELDS_MAX] = {
        {.name = "provider", .type = SCHEMA_CUSTOM, .parse = read_provider, .expected = words.data},
        {.name = "preset", .type = SCHEMA_CUSTOM, .parse = read_preset},
        {.name = "vars", .type = SCHEMA_CUSTOM, .parse = read_preset},
    };
    size_t count = 3;
    for (const struct schema_field *field = connector->provider->fields; field->name != NULL;
         field++)
        fields[count++] = *field;
    memcpy(&fields[count], common_fields, sizeof common_fields);
    char *what = mem_join("connector '", connector->name, "'", NULL);
    check_named(walk, what, node, connector);
    schema_read(walk, fields, what, node, connector);
    connector->provider->settle(connector);
    if (connector->provider->check != NULL && node->kind == YAML_MAPPING) {
        struct schema_walk inner = *walk;
        inner.what = what;
        connector->provider->check(&inner, node, connector);
    }
    mem_free(what);
    buf_destroy(&words);
}

struct connector *config_connector_make(const struct schema_walk *walk,
                                        struct config_reader *reader, const char *name,
                                        const struct yaml_pair *pair)
{
    struct schema_walk inner = *walk;
    struct arena arena = {0};
    char *service;
    inner.at = pair->key;
    inner.context = reader;
    const struct yaml_node *mapping =
        preset_merge(&inner, PRESET_SERVICE, reader->presets, &reader->docs, pair->value, name,
                     &arena, &service);
    const struct yaml_node *known = mapping != NULL ? mapping : pair->value;
    struct connector *connector = connector_new(find_provider(reader->providers, known), name);
    connector->service = service;
    if (mapping != NULL)
        read_mapping(&inner, mapping, connector);
    arena_destroy(&arena);
    return connector;
}

struct connector *config_connector_parse(const char *text, size_t len,
                                         const struct config_provider *const *providers,
                                         const struct config_presets *presets,
                                         struct problems *problems)
{
    struct config_reader reader = {
        .providers = providers, .presets = presets, .problems = problems};
    char folder[PATH_MAX];
    const struct schema_walk walk = {
        .file = "",
        .base_dir = getcwd(folder, sizeof folder) != NULL ? folder : "/",
        .problems = problems,
    };
    struct yaml_doc *doc = yaml_load("", text, len, problems);
    const struct yaml_node *all = doc != NULL ? yaml_get(yaml_root(doc), "connectors") : NULL;
    struct connector *connector = NULL;
    if (all != NULL && all->kind == YAML_MAPPING && all->count == 1)
        connector = config_connector_make(&walk, &reader, all->pairs[0].key->text, &all->pairs[0]);
    yaml_doc_free(doc);
    preset_docs_destroy(&reader.docs);
    return connector;
}

/* The mapping of a connector: what all have, and its provider's own fields among them. */
#include "allow.h"
#include "config_field.h"
#include "config_file.h"
#include "connector.h"
#include "mem.h"

#include <string.h>

#define FIELDS_MAX 64 /* of a provider, and of all connectors */

/* "kaizala or another": the names of all providers, `quote` around each. */
static void list_providers(const struct config_provider *const *providers, const char *quote,
                           struct buf *out)
{
    const char *separator = "";
    for (size_t i = 0; providers[i] != NULL; i++) {
        if (providers[i]->lent)
            continue;
        buf_printf(out, "%s%s%s%s", separator, quote, providers[i]->name, quote);
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
                       "%s has 'provider' and 'token_of'; it is of the provider of '%s'",
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
    schema_problem(walk, node, "%s has '%s', and no 'preset' that it belongs to", walk->what,
                   field->name);
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

void config_connector_read(const struct schema_walk *walk, const struct yaml_node *node,
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
    char *what = mem_printf("connector '%s'", connector->name);
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

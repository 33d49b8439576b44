#include "allow.h"
#include "config_file.h"
#include "mem.h"

#include <string.h>

const char *config_text(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node)
{
    if (node->kind != YAML_SCALAR) {
        schema_wrong_type(walk, field, node);
    } else if (node->len == 0 || strlen(node->text) != node->len) {
        schema_problem(walk, node, "'%s' of %s %s; expected %s", field->name, walk->what,
                       node->len == 0 ? "is empty" : "holds a NUL character", field->expected);
    } else {
        return node->text;
    }
    return NULL;
}

static void read_provider(const struct schema_walk *walk, const struct schema_field *field,
                          const struct yaml_node *node, void *target)
{
    (void)target; /* there is one */
    char shown[YAML_SHOWN_SIZE];
    const char *text = config_text(walk, field, node);
    if (text != NULL && strcmp(text, "kaizala") != 0)
        schema_problem(walk, node, "'provider' of %s must be 'kaizala', not '%s'", walk->what,
                       yaml_show(node, shown));
}

static void read_token_service(const struct schema_walk *walk, const struct schema_field *field,
                               const struct yaml_node *node, void *target)
{
    const char *text = config_text(walk, field, node);
    struct err err;
    err_clear(&err);
    if (text == NULL)
        return;
    if (allow_check_base(text, &err) != 0) {
        schema_problem(walk, node, "'%s' of %s: %s", field->name, walk->what, err.msg);
        return;
    }
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '/')
        len--;
    *(char **)target = mem_strndup(text, len);
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

#define SECRET_EXPECTED                                                                            \
    "a string, {env: NAME}, {file: PATH}, {command: [PROGRAM, …]} or {credential: NAME}"

static const struct schema_field connector_fields[] = {
    {.name = "provider",
     .type = SCHEMA_CUSTOM,
     .parse = read_provider,
     .expected = "the word kaizala"},
    {.name = "token_service",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct connector, token_service),
     .required = true,
     .parse = read_token_service,
     .expected = "a URL such as https://kaizala.example.org/v1"},
    {.name = "application_id",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct connector, application_id),
     .required = true,
     .parse = config_secret_parse,
     .expected = SECRET_EXPECTED},
    {.name = "application_secret",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct connector, application_secret),
     .required = true,
     .parse = config_secret_parse,
     .expected = SECRET_EXPECTED},
    {.name = "refresh_token",
     .type = SCHEMA_CUSTOM,
     .offset = offsetof(struct connector, refresh_token),
     .parse = config_secret_parse,
     .expected = SECRET_EXPECTED},
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
    connector->rate_limit.per_minute = CONFIG_PER_MINUTE_DEFAULT;
    connector->rate_limit.tenant_per_minute = CONFIG_TENANT_MINUTE_DEFAULT;
    connector->timeout_ms = CONFIG_TIMEOUT_DEFAULT_MS;
    connector->retries = CONFIG_RETRIES_DEFAULT;
    char *what = mem_printf("connector '%s'", connector->name);
    schema_read(walk, connector_fields, what, node, connector);
    mem_free(what);
}

void config_connector_destroy(struct connector *connector)
{
    schema_free(connector_fields, connector);
    secret_destroy(&connector->application_id);
    secret_destroy(&connector->application_secret);
    secret_destroy(&connector->refresh_token);
    mem_freev(connector->allow_hosts);
    mem_free(connector->token_service);
    mem_free(connector->name);
    mem_free(connector->file);
    mem_free(connector->shown);
}

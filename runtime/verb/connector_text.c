/* What stands in the files of `jeton connector add`. */
#include "connector_text.h"

#include "json.h"
#include "mem.h"
#include "safefile.h"
#include "yaml.h"

#include <string.h>

#define HEAD "# Written by `jeton connector add`"

/* A string of JSON is one of YAML. */
static int put_string(struct buf *out, const char *text, struct err *err)
{
    if (json_write_string(out, text, strlen(text)) == 0)
        return 0;
    return err_set(err, ERR_USAGE, "not valid UTF-8, or too long");
}

static int put_key(struct buf *out, const char *key, const char *value, struct err *err)
{
    buf_printf(out, "    %s: ", key);
    if (put_string(out, value, err) != 0)
        return err_wrap(err, "%s", key);
    buf_putc(out, '\n');
    return 0;
}

static int put_file(struct buf *out, const char *key, const char *path, struct err *err)
{
    buf_printf(out, "    %s: { file: ", key);
    if (put_string(out, path, err) != 0)
        return err_wrap(err, "%s", key);
    buf_puts(out, " }\n");
    return 0;
}

static int put_list(struct buf *out, const char *key, const char *const *items, struct err *err)
{
    if (items == NULL || items[0] == NULL)
        return 0;
    buf_printf(out, "    %s: [", key);
    for (size_t i = 0; items[i] != NULL; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        if (put_string(out, items[i], err) != 0)
            return err_wrap(err, "%s", key);
    }
    buf_puts(out, "]\n");
    return 0;
}

static int put_vars(struct buf *out, const char *const *vars, struct err *err)
{
    if (vars == NULL || vars[0] == NULL)
        return 0;
    buf_puts(out, "    vars: { ");
    for (size_t i = 0; vars[i] != NULL; i++) {
        const char *equals = strchr(vars[i], '=');
        if (equals == NULL || json_write_string(out, vars[i], (size_t)(equals - vars[i])) != 0)
            return err_set(err, ERR_USAGE, "--var: expected NAME=VALUE");
        buf_puts(out, ": ");
        if (put_string(out, equals + 1, err) != 0)
            return err_wrap(err, "vars");
        buf_puts(out, vars[i + 1] != NULL ? ", " : " }\n");
    }
    return 0;
}

static int put_service(const struct connector_values *values, struct buf *out, struct err *err)
{
    if (values->preset != NULL)
        return put_key(out, "preset", values->preset, err) != 0 ? -1
                                                                : put_vars(out, values->vars, err);
    if (values->issuer == NULL)
        return put_key(out, values->provider->service_key, values->service, err);
    buf_printf(out, "    provider: %s\n", values->provider->config.name);
    return put_key(out, "issuer", values->issuer, err);
}

/* files NULL: the values themselves stand in it. */
static int put_connector(const struct connector_files *files, const struct connector_values *values,
                         struct buf *out, struct err *err)
{
    buf_printf(out, "connectors:\n  %s:\n", values->name);
    if (put_service(values, out, err) != 0)
        return -1;
    if (values->public)
        buf_puts(out, "    client_auth: none\n");
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        const char *key = values->provider->given[i].key;
        const char *file =
            files != NULL ? files->secrets[i].from_yaml[files->secrets[i].slot] : NULL;
        if (values->given[i][0] != '\0' &&
            (file != NULL ? put_file(out, key, file, err)
                          : put_key(out, key, values->given[i], err)) != 0)
            return -1;
    }
    if (put_list(out, "scope", values->scope, err) != 0)
        return -1;
    return put_list(out, "allow_hosts", values->allow_hosts, err);
}

int connector_text_plain(const struct connector_values *values, struct buf *out, struct err *err)
{
    return put_connector(NULL, values, out, err);
}

int connector_text_write(const struct connector_files *files, const struct connector_values *values,
                         struct buf *out, struct err *err)
{
    buf_printf(out, HEAD ", whose --force replaces this file as long as nobody else changes it.\n");
    return put_connector(files, values, out, err);
}

static const char *text_of(const struct yaml_node *mapping, const char *key)
{
    const struct yaml_node *node = yaml_get(mapping, key);
    return node != NULL && node->kind == YAML_SCALAR ? node->text : NULL;
}

#define ITEMS_MAX 64
/* The texts of a list, and "name=value" of a mapping (mem_freev). */
static char **list_of(const struct yaml_node *node)
{
    char **items = mem_alloc((ITEMS_MAX + 1) * sizeof *items);
    for (size_t i = 0; node != NULL && i < node->count && i < ITEMS_MAX; i++) {
        const struct yaml_node *value =
            node->kind == YAML_MAPPING ? node->pairs[i].value : node->items[i];
        const char *text = value->kind == YAML_SCALAR ? value->text : "";
        items[i] = node->kind == YAML_MAPPING ? mem_printf("%s=%s", node->pairs[i].key->text, text)
                                              : mem_strdup(text);
    }
    return items;
}

/* Writes anew what a mapping says: only what stands in it that way can come out the same. Sets the
 * slots of files to those that it names. */
static int put_again(struct connector_files *files, const struct connector *connector,
                     const struct yaml_node *mapping, struct buf *out)
{
    const struct provider *provider = provider_of(connector);
    char **vars = list_of(yaml_get(mapping, "vars")), **scope = list_of(yaml_get(mapping, "scope"));
    char **hosts = list_of(yaml_get(mapping, "allow_hosts"));
    struct connector_values values = {
        .name = connector->name,
        .provider = provider,
        .preset = text_of(mapping, "preset"),
        .issuer = text_of(mapping, "issuer"),
        .service = text_of(mapping, provider->service_key),
        .vars = (const char *const *)vars,
        .scope = (const char *const *)scope,
        .allow_hosts = (const char *const *)hosts,
        .public = text_of(mapping, "client_auth") != NULL,
    };
    bool known = values.preset != NULL || values.issuer != NULL || values.service != NULL;
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        const char *key = provider->given[i].key, *text = text_of(mapping, key);
        const struct yaml_node *secret = yaml_get(mapping, key);
        const char *file = secret != NULL ? text_of(secret, "file") : NULL;
        const char *second = files->secrets[i].from_yaml[1];
        files->secrets[i].slot = file != NULL && second != NULL && strcmp(file, second) == 0;
        values.given[i] = second != NULL ? (secret != NULL ? "file" : "")
                          : text != NULL ? text
                                         : "";
    }
    struct err ignored;
    int result = known ? put_connector(files, &values, out, &ignored) : -1;
    mem_freev(vars);
    mem_freev(scope);
    mem_freev(hosts);
    return result;
}

bool connector_text_ours(struct connector_files *files, const struct connector *connector)
{
    struct buf text, again;
    struct problems ignored;
    struct err err;
    if (strcmp(connector->file, files->real) != 0)
        return false;
    problems_create(&ignored);
    buf_create_secret(&text, YAML_BYTES_MAX);
    buf_create_secret(&again, YAML_BYTES_MAX);
    struct yaml_doc *doc = NULL;
    if (safefile_read(files->yaml, SAFEFILE_NOT_WRITABLE, &text, &err) == 0 &&
        strncmp(text.data, HEAD, sizeof HEAD - 1) == 0)
        doc = yaml_load(files->yaml, text.data, text.len, &ignored);
    const struct yaml_node *all = doc != NULL ? yaml_get(yaml_root(doc), "connectors") : NULL;
    const struct yaml_node *mapping = all != NULL ? yaml_get(all, connector->name) : NULL;
    const char *rest = strchr(text.data, '\n');
    bool ours = mapping != NULL && rest != NULL &&
                put_again(files, connector, mapping, &again) == 0 &&
                strcmp(rest + 1, again.data) == 0;
    yaml_doc_free(doc);
    buf_destroy(&text);
    buf_destroy(&again);
    problems_destroy(&ignored);
    return ours;
}

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

static int put_hosts(struct buf *out, char *const *hosts, struct err *err)
{
    if (hosts == NULL || hosts[0] == NULL)
        return 0;
    buf_puts(out, "    allow_hosts: [");
    for (size_t i = 0; hosts[i] != NULL; i++) {
        buf_puts(out, i > 0 ? ", " : "");
        if (put_string(out, hosts[i], err) != 0)
            return err_wrap(err, "allow_hosts");
    }
    buf_puts(out, "]\n");
    return 0;
}

/* Without the comment: what tells whether somebody changed the file. */
static int put_connector(const struct connector_files *files, const struct connector_values *values,
                         struct buf *out, struct err *err)
{
    const struct provider *provider = values->provider;
    buf_printf(out, "connectors:\n  %s:\n", values->name);
    if (put_key(out, provider->service_key, values->service, err) != 0)
        return -1;
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        const char *key = provider->given[i].key, *file = files->from_yaml[i];
        if ((file != NULL ? put_file(out, key, file, err)
                          : put_key(out, key, values->given[i], err)) != 0)
            return -1;
    }
    return put_hosts(out, values->allow_hosts, err);
}

int connector_text_write(const struct connector_files *files, const struct connector_values *values,
                         struct buf *out, struct err *err)
{
    buf_printf(out, HEAD ", whose --force replaces this file as long as nobody else changes it.\n");
    return put_connector(files, values, out, err);
}

bool connector_text_ours(const struct connector_files *files, const struct connector *connector)
{
    struct connector_values values = {
        .name = connector->name,
        .provider = provider_of(connector),
        .service = connector->base,
        .allow_hosts = connector->allow_hosts,
    };
    if (strcmp(connector->file, files->real) != 0)
        return false;
    for (size_t i = 0; i < PROVIDER_GIVEN; i++) {
        const struct secret *secret = connector_secret(connector, values.provider->given[i].key);
        if (files->secrets[i] == NULL && (secret == NULL || secret->kind != SECRET_PLAIN))
            return false;
        values.given[i] = secret != NULL ? secret->text : "";
    }
    struct buf text, expected;
    struct err err;
    buf_create(&text, YAML_BYTES_MAX);
    buf_create(&expected, YAML_BYTES_MAX);
    bool ours = safefile_read(files->yaml, SAFEFILE_NOT_WRITABLE, &text, &err) == 0 &&
                strncmp(text.data, HEAD, sizeof HEAD - 1) == 0 &&
                put_connector(files, &values, &expected, &err) == 0;
    if (ours) {
        const char *rest = strchr(text.data, '\n');
        ours = rest != NULL && strcmp(rest + 1, expected.data) == 0;
    }
    buf_destroy(&text);
    buf_destroy(&expected);
    return ours;
}

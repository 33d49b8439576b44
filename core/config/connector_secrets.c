#include "connector_secrets.h"

#include "mem.h"

#include <string.h>

int connector_secrets_read_key(const struct connector *connector, const char *key,
                               struct redact *redact, int64_t deadline_ms,
                               struct connector_secrets *out, struct err *err)
{
    const struct secret *secret;
    for (size_t i = 0; (secret = connector_secret_at(connector, i)) != NULL; i++) {
        struct buf value;
        if (key != NULL && strcmp(secret->key, key) != 0)
            continue;
        buf_create_secret(&value, SECRET_BYTES_MAX);
        int result = secret_read(secret, redact, deadline_ms, &value, err);
        if (result == 0) {
            secret_hide(secret, value.data, value.len, connector->name, redact);
            connector_secrets_add(out, secret->key, value.data);
        }
        buf_destroy(&value);
        if (result != 0)
            return -1;
    }
    return 0;
}

int connector_secrets_read(const struct connector *connector, struct redact *redact,
                           int64_t deadline_ms, struct connector_secrets *out, struct err *err)
{
    return connector_secrets_read_key(connector, NULL, redact, deadline_ms, out, err);
}

void connector_secrets_add(struct connector_secrets *secrets, const char *key, const char *value)
{
    secrets->items[secrets->count].key = key;
    secrets->items[secrets->count++].value = mem_strdup(value);
}

const char *connector_secrets_get(const struct connector_secrets *secrets, const char *key)
{
    for (size_t i = 0; i < secrets->count; i++) {
        if (strcmp(secrets->items[i].key, key) == 0)
            return secrets->items[i].value;
    }
    return NULL;
}

void connector_secrets_destroy(struct connector_secrets *secrets)
{
    for (size_t i = 0; i < secrets->count; i++)
        mem_free_secret(secrets->items[i].value);
    *secrets = (struct connector_secrets){0};
}

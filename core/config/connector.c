#include "connector.h"

#include "allow.h"
#include "config_field.h"
#include "mem.h"
#include "url.h"

#include <string.h>

/* The secrets of the largest configuration stay registered, and have room for their tokens: access,
 * rotated and previous. */
_Static_assert(REDACT_PINNED >= 3 * CONFIG_CONNECTORS_MAX &&
                   REDACT_MAX >= 6 * CONFIG_CONNECTORS_MAX,
               "redact.h and config.h");

struct connector *connector_new(const struct config_provider *provider, const char *name)
{
    struct connector *connector = mem_alloc(provider->size);
    connector->provider = provider;
    connector->name = mem_strdup(name);
    connector->rate_limit.per_minute = provider->per_minute;
    connector->rate_limit.tenant_per_minute = provider->tenant_per_minute;
    connector->timeout_ms = CONFIG_TIMEOUT_DEFAULT_MS;
    connector->retries = CONFIG_RETRIES_DEFAULT;
    return connector;
}

const struct connector *connector_owner(const struct connector *connector)
{
    return connector->lender != NULL ? connector->lender : connector;
}

static bool is_secret(const struct schema_field *field)
{
    return field->parse == config_secret_parse || field->parse == config_id_parse ||
           field->parse == config_key_parse;
}

static void *place_of(const struct connector *connector, const struct schema_field *field)
{
    return (char *)(uintptr_t)connector + field->offset;
}

void connector_free(struct connector *connector)
{
    if (connector == NULL)
        return;
    for (const struct schema_field *field = connector->provider->fields; field->name != NULL;
         field++) {
        if (is_secret(field))
            secret_destroy(place_of(connector, field));
        else if (field->parse == config_url_parse)
            mem_free(*(char **)place_of(connector, field));
    }
    if (connector->provider->release != NULL)
        connector->provider->release(connector);
    schema_free(connector->provider->fields, connector);
    mem_freev(connector->allow_hosts);
    mem_free(connector->ca_file);
    mem_free(connector->token_of);
    mem_free(connector->service);
    mem_free(connector->rate_limit.tenant);
    mem_free(connector->name);
    mem_free(connector);
}

void connector_set(struct connector *connector, const char *key, const char *value)
{
    const struct schema_field *field = connector->provider->fields;
    while (strcmp(field->name, key) != 0)
        field++;
    if (is_secret(field))
        *(struct secret *)place_of(connector, field) = (struct secret){
            .kind = SECRET_PLAIN,
            .key = field->name,
            .text = mem_strdup(value),
            .name = mem_printf("%s of connector '%s'", key, connector->name),
        };
    else
        *(char **)place_of(connector, field) = url_base(value);
    connector->provider->settle(connector);
}

struct secret *connector_secret_at(const struct connector *connector, size_t index)
{
    for (const struct schema_field *field = connector->provider->fields; field->name != NULL;
         field++) {
        struct secret *secret = place_of(connector, field);
        if (is_secret(field) && secret->kind != SECRET_NONE && index-- == 0)
            return secret;
    }
    return connector->provider->secret_at != NULL ? connector->provider->secret_at(connector, index)
                                                  : NULL;
}

const struct secret *connector_secret(const struct connector *connector, const char *key)
{
    const struct config_provider *provider = connector->provider;
    const struct secret *secret;
    for (const struct schema_field *field = provider->fields; field->name != NULL; field++) {
        secret = place_of(connector, field);
        if (is_secret(field) && secret->kind != SECRET_NONE && strcmp(secret->key, key) == 0)
            return secret;
    }
    size_t i = 0;
    do
        secret = provider->secret_at != NULL ? provider->secret_at(connector, i++) : NULL;
    while (secret != NULL && strcmp(secret->key, key) != 0);
    return secret;
}

int connector_allows(const struct connector *connector, const char *url, struct err *err)
{
    struct url parsed;
    if (url_parse(url, &parsed, err) != 0)
        return -1;
    int result = connector_allows_url(connector, &parsed, err);
    url_destroy(&parsed);
    return result;
}

int connector_allows_url(const struct connector *connector, const struct url *url, struct err *err)
{
    return allow_check(url, (const char *const *)connector->allow_hosts, connector->base, err);
}

void connector_hide(const struct connector *connector, struct redact *redact)
{
    const struct secret *secret;
    for (size_t i = 0; (secret = connector_secret_at(connector, i)) != NULL; i++)
        secret_hide_at_hand(secret, connector->name, redact);
}

void connector_hide_files(const struct connector *connector, struct redact *redact)
{
    const struct secret *secret;
    for (size_t i = 0; (secret = connector_secret_at(connector, i)) != NULL; i++)
        secret_hide_file(secret, connector->name, redact);
}

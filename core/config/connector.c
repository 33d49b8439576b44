#include "connector.h"

#include "allow.h"

#include <string.h>

/* The secrets of the largest configuration stay registered, and have room for their tokens: access,
 * rotated and previous. */
_Static_assert(REDACT_PINNED >= 3 * CONFIG_CONNECTORS_MAX &&
                   REDACT_MAX >= 6 * CONFIG_CONNECTORS_MAX,
               "redact.h and config.h");

int connector_allows(const struct connector *connector, const char *url, struct err *err)
{
    struct url parsed;
    if (url_parse(url, &parsed, err) != 0)
        return -1;
    int result = allow_check(&parsed, (const char *const *)connector->allow_hosts,
                             connector->token_service, err);
    url_destroy(&parsed);
    return result;
}

#define SECRETS 3

static void list_secrets(const struct connector *connector, const struct secret *secrets[SECRETS])
{
    secrets[0] = &connector->application_id;
    secrets[1] = &connector->application_secret;
    secrets[2] = &connector->refresh_token;
}

void connector_hide(const struct connector *connector, struct redact *redact)
{
    const struct secret *secrets[SECRETS];
    list_secrets(connector, secrets);
    for (size_t i = 0; i < SECRETS; i++) {
        const char *value = secret_at_hand(secrets[i]);
        if (value != NULL)
            redact_add_owned(redact, value, strlen(value), connector->name);
    }
}

void connector_hide_files(const struct connector *connector, struct redact *redact)
{
    const struct secret *secrets[SECRETS];
    list_secrets(connector, secrets);
    for (size_t i = 0; i < SECRETS; i++) {
        struct buf value;
        struct err ignored;
        if (secrets[i]->kind != SECRET_FILE && secrets[i]->kind != SECRET_CREDENTIAL)
            continue;
        buf_create_secret(&value, SECRET_BYTES_MAX);
        if (secret_read(secrets[i], NULL, 0, &value, &ignored) == 0)
            redact_add_owned(redact, value.data, value.len, connector->name);
        buf_destroy(&value);
    }
}

#include "connector.h"

#include "url.h"

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
    int result = host_check(&parsed, (const char *const *)connector->allow_hosts,
                            connector->token_service, err);
    url_destroy(&parsed);
    return result;
}

void connector_hide(const struct connector *connector, struct redact *redact)
{
    const struct secret *secrets[] = {&connector->application_id, &connector->application_secret,
                                      &connector->refresh_token};
    for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++) {
        const char *value = secret_at_hand(secrets[i]);
        if (value != NULL)
            redact_add_owned(redact, value, strlen(value), connector->name);
    }
}

/* The values of a connector's secrets. */
#ifndef JETON_CONNECTOR_SECRETS_H
#define JETON_CONNECTOR_SECRETS_H

#include "connector.h"

#define CONNECTOR_SECRETS_MAX 128

struct connector_secrets { /* zeroed is empty; destroying it wipes */
    struct {
        const char *key; /* the connector's */
        char *value;
    } items[CONNECTOR_SECRETS_MAX];
    size_t count;
};

/*
 * Reads all that are configured, in the order of the provider's table, and registers them as the
 * connector's (secret_read; may block). What was read before an error stays.
 */
int connector_secrets_read(const struct connector *connector, struct redact *redact,
                           int64_t deadline_ms, struct connector_secrets *out, struct err *err);
/* The same, of the secret under this key; nothing where none is configured. NULL: all. */
int connector_secrets_read_key(const struct connector *connector, const char *key,
                               struct redact *redact, int64_t deadline_ms,
                               struct connector_secrets *out, struct err *err);
void connector_secrets_add(struct connector_secrets *secrets, const char *key, const char *value);
/* NULL where none is configured under this key. */
const char *connector_secrets_get(const struct connector_secrets *secrets, const char *key);
void connector_secrets_destroy(struct connector_secrets *secrets);

#endif

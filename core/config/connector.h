/* A connector: its memory and its secrets, where they may be sent, and how they are hidden. */
#ifndef JETON_CONNECTOR_H
#define JETON_CONNECTOR_H

#include "secret.h"

#define CONFIG_CONNECTORS_MAX 1000

/* Bounds and defaults of values; times in milliseconds. */
#define CONFIG_RATE_MAX              1000000
#define CONFIG_PER_MINUTE_DEFAULT    100
#define CONFIG_TENANT_MINUTE_DEFAULT 300
#define CONFIG_TIMEOUT_DEFAULT_MS    60000
#define CONFIG_TIMEOUT_MIN_MS        10
#define CONFIG_TIMEOUT_MAX_MS        3600000
#define CONFIG_RETRIES_DEFAULT       4
#define CONFIG_RETRIES_MAX           20

struct config_rate_limit {
    int64_t per_minute;        /* calls per connector; 0: none */
    char *tenant;              /* connectors that share a tenant's limit; NULL: none */
    int64_t tenant_per_minute; /* 0: none */
};

struct connector;
struct schema_field;
struct schema_walk;
struct url;
struct yaml_node;

/* A kind of token service, as far as the configuration knows it: which keys only its connectors
 * have.
 */
struct config_provider {
    const char *name; /* `provider: NAME` */
    size_t size;      /* of its connectors: a struct that begins with a struct connector */
    /* Offsets into that struct; SCHEMA_CUSTOM only with the parsers of config_field.h. Ends with
     * name NULL. */
    const struct schema_field *fields;
    /* Sets `base` from them. Some may be missing, where the mapping was wrong. */
    void (*settle)(struct connector *connector);
    /* What one key's parser cannot see: keys that belong together, or exclude each other. May be
     * NULL, as all that follow. */
    void (*check)(const struct schema_walk *walk, const struct yaml_node *node,
                  const struct connector *connector);
    /* Secrets beside those of `fields`, and what SCHEMA_CUSTOM fields of its own hold. */
    struct secret *(*secret_at)(const struct connector *connector, size_t index);
    void (*release)(struct connector *connector);
    int64_t per_minute, tenant_per_minute; /* of `rate_limit`, where it says nothing; 0: none */
    bool slots; /* its services give several access tokens for one refresh token, as asked */
    bool lent;  /* of connectors with `token_of`, which is chosen by that key and not by its name */
};

struct connector { /* made by connector_new */
    const struct config_provider *provider;
    char *name;
    const char *file;  /* real path of the defining file. Borrowed, as what follows */
    const char *home;  /* what its rows in the state belong to: "name:NAME" where the configuration
                          has a name, else `file` */
    const char *shown; /* the file as messages show it */
    int line, col;
    const char *base;   /* a URL whose host and port may always get its access tokens: the token
                           service's, or the API's. Points into a field of the provider's; NULL:
                           there is none */
    char **allow_hosts; /* NULL-terminated; NULL: the host of base only */
    char *ca_file;      /* NULL: the system's */
    struct config_rate_limit rate_limit;
    int64_t timeout_ms;             /* one request, reply included */
    int64_t retries;                /* after the first try */
    char *service;                  /* with a preset: what stands for the token service in the
                                       owner of its rows; NULL: what the mapping says */
    char *token_of;                 /* whose token it has; NULL: its own */
    const struct connector *lender; /* that one; NULL: its own, or the configuration is wrong */
    bool trial;       /* is to replace another one of its name, whose rows are not its own */
    bool slot;        /* it asks the lender's service for an access token of its own */
    int64_t early_ms; /* an access token with less left is exchanged; 0: the engine's own rule */
    int64_t refresh_lifetime_ms; /* of a refresh token that is not used; 0: not known */
    int64_t login_lifetime_ms;   /* of all that comes from one sign-in; 0: for ever, or not known */
};

/* Of this provider, with the defaults of what can be left out. */
struct connector *connector_new(const struct config_provider *provider, const char *name);
void connector_free(struct connector *connector); /* NULL is fine */
/* Whose token it has: another's, or its own. */
const struct connector *connector_owner(const struct connector *connector);
/* Sets a field of its provider that is a URL, or a secret to this very value. */
void connector_set(struct connector *connector, const char *key, const char *value);

/* Its configured secrets in the order of the provider's table; NULL after the last. */
struct secret *connector_secret_at(const struct connector *connector, size_t index);
/* NULL where none is configured under this key. */
const struct secret *connector_secret(const struct connector *connector, const char *key);

/* By its allow_hosts and base (allow_check). ERR_INVALID: no URL; ERR_AUTH: not allowed. */
int connector_allows(const struct connector *connector, const char *url, struct err *err);
int connector_allows_url(const struct connector *connector, const struct url *url, struct err *err);

/*
 * Registers the secrets that are known without reading any: a run with a cached token reads none,
 * and still masks them and keeps them from other hosts.
 */
void connector_hide(const struct connector *connector, struct redact *redact);
/* Reads and registers those that are in files ({file:}, {credential:}); what cannot be read is left
 * out. May block as files do; no command runs. */
void connector_hide_files(const struct connector *connector, struct redact *redact);

#endif

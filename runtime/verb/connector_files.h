/* The files of a connector that `jeton connector add` writes: where, what, and all of them or none.
 */
#ifndef JETON_CONNECTOR_FILES_H
#define JETON_CONNECTOR_FILES_H

#include "provider.h"

struct connector_values {
    const char *name;
    const struct provider *provider;
    const char *service;               /* no slash at its end */
    char *const *allow_hosts;          /* NULL-terminated; NULL: none */
    const char *given[PROVIDER_GIVEN]; /* as the provider lists them; without a line's end */
};

struct connector_files {
    char *main; /* the configuration that they are beside */
    bool main_exists;
    char *folders[3]; /* the configuration's, conf.d, secrets */
    char *yaml;
    char *secrets[PROVIDER_GIVEN];   /* NULL: the value stands in yaml */
    char *from_yaml[PROVIDER_GIVEN]; /* the same as yaml names them */
    char *real; /* of yaml, resolved: the connector's file, as the state knows it */
};

/* Names only; nothing need exist. */
void connector_files_create(struct connector_files *files, const struct provider *provider,
                            const char *main, bool main_exists, const char *name);
void connector_files_destroy(struct connector_files *files);

/* ERR_CONFIG when they cannot be written by this user: asked before anybody types a secret. */
int connector_files_writable(const struct connector_files *files, struct err *err);

/* True when `connector` is in files->yaml, which holds what connector_files_write put there and
 * nothing else. */
bool connector_files_ours(const struct connector_files *files, const struct connector *connector);

/*
 * Writes all of it, durably, or leaves what was there before. The file that makes the connector
 * known comes last, so that what a power failure leaves can be loaded. What was written is read
 * back as a configuration before it stays.
 */
int connector_files_write(const struct connector_files *files,
                          const struct connector_values *values, struct err *err);

#endif

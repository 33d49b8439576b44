/* The files of a connector that `jeton connector add` writes: where, what, and all of them or none.
 */
#ifndef JETON_CONNECTOR_FILES_H
#define JETON_CONNECTOR_FILES_H

#include "config.h"

struct connector_values {
    const char *name;
    const char *token_service;
    char *const *allow_hosts; /* NULL-terminated; NULL: none */
    const char *application_id;
    const char *application_secret; /* without a line's end, as the refresh token */
    const char *refresh_token;
};

struct connector_files {
    char *main; /* the configuration that they are beside */
    bool main_exists;
    char *folders[3]; /* the configuration's, conf.d, secrets */
    char *yaml;
    char *secret;
    char *refresh_token;
    char *real;             /* of yaml, resolved: the connector's file, as the state knows it */
    char *secret_from_yaml; /* as yaml names them */
    char *refresh_token_from_yaml;
};

/* Names only; nothing need exist. */
void connector_files_create(struct connector_files *files, const char *main, bool main_exists,
                            const char *name);
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

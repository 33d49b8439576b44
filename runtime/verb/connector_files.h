/* The files of a connector that `jeton connector add` writes: where, what, and all of them or none.
 */
#ifndef JETON_CONNECTOR_FILES_H
#define JETON_CONNECTOR_FILES_H

#include "connector_values.h"

/* Names only; nothing need exist. */
void connector_files_create(struct connector_files *files, const struct provider *provider,
                            const char *main, bool main_exists, const char *name);
void connector_files_destroy(struct connector_files *files);

/* ERR_CONFIG when they cannot be written by this user: asked before anybody types a secret. */
int connector_files_writable(const struct connector_files *files, struct err *err);

/* The file of a secret; NULL where the value stands in yaml. */
const char *connector_files_secret(const struct connector_files *files, size_t given);

/*
 * Writes all of it, durably, or leaves what was there before. The file that makes the connector
 * known comes last, so that what a power failure leaves can be loaded. What was written is read
 * back as a configuration before it stays. Secrets go into the slots that files has: where these
 * are not those that yaml names, a connector has its former values until yaml is another one.
 */
int connector_files_write(const struct connector_files *files,
                          const struct connector_values *values, struct err *err);

#endif

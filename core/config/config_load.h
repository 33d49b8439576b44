/* Reads the configuration. */
#ifndef JETON_CONFIG_LOAD_H
#define JETON_CONFIG_LOAD_H

#include "config.h"
#include "preset.h"
#include "problems.h"

/*
 * Reads and validates; connectors are of the providers in the list, which ends with NULL, the first
 * one where a connector names none. presets NULL: there are none. path NULL: an empty
 * configuration. Problems (warnings too) are collected and sorted; NULL when any is an error. Reads
 * no secret's value and runs no command. Refuses unsafe modes.
 */
struct config *config_load(const char *path, const struct config_provider *const *providers,
                           const struct config_presets *presets, struct problems *problems);
/* The same, but what could be read is returned with errors too, incomplete: for `check`, which
 * looks at what it names. Never NULL. */
struct config *config_read(const char *path, const struct config_provider *const *providers,
                           const struct config_presets *presets, struct problems *problems);
void config_free(struct config *config);
/*
 * The one connector of a text such as "connectors:\n  NAME: { … }" (connector_free), which belongs
 * to no file yet: file, home and shown are NULL, and relative paths count from the working
 * directory. With problems it is incomplete; NULL where the text has none.
 */
struct connector *config_connector_parse(const char *text, size_t len,
                                         const struct config_provider *const *providers,
                                         const struct config_presets *presets,
                                         struct problems *problems);

#endif

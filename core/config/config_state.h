/* `state:` of a configuration. */
#ifndef JETON_CONFIG_STATE_H
#define JETON_CONFIG_STATE_H

#include "config.h"
#include "schema.h"

/* Reads it into the configuration: a folder, or a mapping. The first one that is read stays. */
void config_state_read(const struct schema_walk *walk, const struct schema_field *field,
                       const struct yaml_node *node, struct config *config);
/* When all files were read: what was not said, and what must have been. */
void config_state_settle(struct config *config, struct problems *problems);
/* What config_hide and config_hide_files do, with its secrets. They are nobody's: no host may have
 * them. */
void config_state_hide(const struct config *config, struct redact *redact);
void config_state_hide_files(const struct config *config, struct redact *redact);
void config_state_destroy(struct config *config);

#endif

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
void config_state_destroy(struct config *config);

#endif

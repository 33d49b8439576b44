/* A YAML tree as JSON text. */
#ifndef JETON_YAML_JSON_H
#define JETON_YAML_JSON_H

#include "buf.h"
#include "yaml.h"

/* Appends it; plain scalars have the types of YAML 1.2. -1: out's limit, or a number that JSON has
 * not. */
int yaml_json_write(const struct yaml_node *node, struct buf *out);

#endif

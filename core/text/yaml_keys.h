/* Whether a mapping has a key twice. */
#ifndef JETON_YAML_KEYS_H
#define JETON_YAML_KEYS_H

#include "yaml_node.h"

/* False: certainly not. True: most likely. In a time that grows as the number of its keys. */
bool yaml_keys_repeat(const struct yaml_node *mapping);

#endif

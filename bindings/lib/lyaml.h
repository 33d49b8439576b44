/* YAML trees as Lua values. */
#ifndef JETON_LYAML_H
#define JETON_LYAML_H

#include "yaml.h"

#include <lua.h>

typedef struct yaml_scalar lyaml_resolve_fn(const struct yaml_node *node);
/* Pushes the value, as jeton.json would give it; resolve says what a scalar is: yaml_resolve, or
 * yaml_resolve_args. Raises when memory or the stack is over. */
void lyaml_push(lua_State *L, const struct yaml_node *node, lyaml_resolve_fn *resolve);

#endif

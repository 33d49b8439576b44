/* YAML trees as Lua values. */
#ifndef JETON_LYAML_H
#define JETON_LYAML_H

#include "yaml.h"

#include <lua.h>

typedef struct yaml_scalar lyaml_resolve_fn(const struct yaml_node *node);
/* Pushes the value, in the form that jeton.json gives. resolve: yaml_resolve or yaml_resolve_args.
 * Raises if memory or the stack runs out. */
void lyaml_push(lua_State *L, const struct yaml_node *node, lyaml_resolve_fn *resolve);

#endif

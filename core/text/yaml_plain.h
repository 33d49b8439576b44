/* YAML as most configurations are written, in a tenth of the time that libyaml takes for it. */
#ifndef JETON_YAML_PLAIN_H
#define JETON_YAML_PLAIN_H

#include "arena.h"
#include "yaml_node.h"

/*
 * The tree, in the arena. It knows block lists and mappings with keys of letters, digits and _ - .
 * /; and on one line scalars, plain or quoted without escapes, and flow lists and mappings. NULL
 * where the text has anything else, or a mistake, or passes a limit: libyaml is to read it from the
 * start then. What it knows gives the same tree as libyaml. The text is what yaml_check_text
 * accepts, without a byte order mark.
 */
struct yaml_node *yaml_plain_read(const char *text, size_t len, struct arena *arena);

#endif

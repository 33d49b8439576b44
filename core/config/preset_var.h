/* The variables of a preset: what a connector (webhook) says for each, and texts with them put in.
 */
#ifndef JETON_PRESET_VAR_H
#define JETON_PRESET_VAR_H

#include "arena.h"
#include "schema.h"

#define PRESET_VARS_MAX 16

struct preset_vars {
    const char *preset;  /* its name */
    const char *owner;   /* who names it, for messages: "connector 'contoso'" */
    struct arena *arena; /* of the values */
    const char *names[PRESET_VARS_MAX];
    const char *values[PRESET_VARS_MAX]; /* never NULL: a wrong one was reported, and replaced */
    size_t count;
};

/*
 * Reads `given` (its owner's `vars`; NULL: none) by `declared` (the preset's), into vars, whose
 * first three members are set. Problems are reported; `at` is the place of a missing one.
 */
void preset_vars_read(struct preset_vars *vars, const struct schema_walk *walk,
                      const struct yaml_node *declared, const struct yaml_node *given,
                      const struct yaml_node *at);
/* A text of the preset with its variables put in: as they are in a host, percent-encoded in a path.
 * Of the arena. */
const char *preset_vars_put(const struct preset_vars *vars, const char *text);
/* "preset:NAME", and " variable=value" for each, sorted (mem_free). */
char *preset_vars_service(const struct preset_vars *vars);

#endif

/* Between the files that read a webhook: the rules by which its requests are believed. */
#ifndef JETON_CONFIG_HOOK_H
#define JETON_CONFIG_HOOK_H

#include "hook.h"
#include "schema.h"

extern const struct schema_field config_hook_verify_fields[]; /* offsets in struct hook */
schema_parse_fn config_hook_places_parse;                     /* struct hook_places */
schema_parse_fn config_hook_id_parse;                         /* struct hook_rules */
schema_parse_fn config_hook_each_parse;                       /* struct hook_place */
schema_parse_fn config_hook_type_parse;                       /* struct hook_template */
/* struct hook_rules. Of the file config_hook_challenge.c. */
schema_parse_fn config_hook_challenges_parse;
/* What belongs together in what was read. walk->what is the webhook. */
void config_hook_rules_check(const struct schema_walk *walk, const struct yaml_node *node,
                             struct hook_rules *rules);

#endif

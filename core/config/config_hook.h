/* Between the files that read a webhook and `listen`. */
#ifndef JETON_CONFIG_HOOK_H
#define JETON_CONFIG_HOOK_H

#include "config_file.h"
#include "hook.h"

/* One webhook, with what its preset says; file and shown are the caller's to set. */
struct hook *config_hook_make(const struct schema_walk *walk, struct config_reader *reader,
                              const char *name, const struct yaml_pair *pair);
/* What one webhook does not tell: paths that collide, what listens where. */
void config_hook_settle(struct config_reader *reader);
/* struct hook_listen * : the mapping `listen`. */
schema_parse_fn config_listen_parse;

/* ---- of config_hook_rules.c ---- */

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

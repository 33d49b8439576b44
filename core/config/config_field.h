/* Fields of connectors' mappings, for the tables of configuration and providers. */
#ifndef JETON_CONFIG_FIELD_H
#define JETON_CONFIG_FIELD_H

#include "schema.h"

#define CONFIG_SECRET_EXPECTED                                                                     \
    "a string, {env: NAME}, {file: PATH}, {command: [PROGRAM, …]} or {credential: NAME}"

#define CONFIG_NAME_MAX      64
#define CONFIG_NAME_EXPECTED /* with CONFIG_NAME_MAX */                                            \
    "1 to %d letters, digits, '_' and '-', a letter or digit first"

/* The text of a URL of a service, as allow_check_base wants it. Borrowed from the node; NULL: the
 * problem was reported. */
const char *config_url_text(const struct schema_walk *walk, const struct schema_field *field,
                            const struct yaml_node *node);
/* Whether `text`, of the node, is one; else the problem was reported. */
bool config_url_check(const struct schema_walk *walk, const struct schema_field *field,
                      const struct yaml_node *node, const char *text);
/* char *: such a URL, without slashes at its end. */
schema_parse_fn config_url_parse;
/* struct secret: a string, or {env:}, {file:}, {command:}, {credential:}. */
schema_parse_fn config_secret_parse;
/* The same for what is no secret in plain text: the ID of a client. */
schema_parse_fn config_id_parse;
/* The same for a private key or a certificate: PEM, of many lines. */
schema_parse_fn config_key_parse;
/* char **: "NAME=value" of each pair of a mapping. */
schema_parse_fn config_environment_parse;
/* char **: names of spaces that are shared, at most CONFIG_SHARED_MAX. */
schema_parse_fn config_names_parse;
/* Whether it can be the name of a connector, a job and the like. */
bool config_is_name(const struct yaml_node *node);
/* A scalar's text, not empty; NULL with a problem added. */
const char *config_text(const struct schema_walk *walk, const struct schema_field *field,
                        const struct yaml_node *node);

#endif

/*
 * libyaml's <yaml.h>, which has the name of ours: the next one on the include path is meant. To be
 * included as <libyaml.h>: then "next" counts from the folder of the path that this file was found
 * in.
 */
#ifndef JETON_LIBYAML_H
#define JETON_LIBYAML_H

#include_next <yaml.h>

#include <stddef.h>

/* For UTF-8 text, which must outlive it. */
void libyaml_begin(yaml_parser_t *parser, const char *text, size_t len);
/* The text may hold secrets: what the parser has copied is wiped. */
void libyaml_end(yaml_parser_t *parser);

#endif

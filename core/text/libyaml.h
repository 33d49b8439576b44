/*
 * libyaml's <yaml.h>, which has the name of ours: the next one on the include path is meant. To be
 * included as <libyaml.h>: then "next" counts from the folder of the path that this file was found
 * in.
 */
#ifndef JETON_LIBYAML_H
#define JETON_LIBYAML_H

#include_next <yaml.h>

#endif

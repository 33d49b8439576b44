/* YAML as most configurations are written, in a tenth of the time that libyaml takes for it. */
#ifndef JETON_YAML_PLAIN_H
#define JETON_YAML_PLAIN_H

#include <stdbool.h>
#include <stddef.h>

enum yaml_part_kind { YAML_PART_SCALAR, YAML_PART_SEQUENCE, YAML_PART_MAPPING, YAML_PART_END };

/* A scalar (a mapping's keys and values in turn), or where a list or a mapping begins or ends. */
struct yaml_part {
    enum yaml_part_kind kind;
    int line, col;    /* from 1; of an end: not set */
    const char *text; /* of a scalar: in the text that is read, no NUL behind it */
    size_t len;
    bool plain, cut; /* as struct yaml_node has them */
};

/* False: no more is wanted. */
typedef bool yaml_plain_fn(void *arg, const struct yaml_part *part);

/*
 * Tells the parts of the text in turn. It knows block lists and mappings with keys of letters,
 * digits and _ - . /; and on one line scalars, plain or quoted without escapes, and flow lists and
 * mappings. False where the text has anything else, or a mistake, or fn did not want more: libyaml
 * is to read it from the start then. For all that it knows the parts are what libyaml makes of it.
 * The text is what yaml_check_text accepts, without a byte order mark.
 */
bool yaml_plain_read(const char *text, size_t len, yaml_plain_fn *fn, void *arg);

#endif
